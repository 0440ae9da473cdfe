"""How a letter is written for the Internet: read back by the standard library's parser, it says the same."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wholestack.mail import Address, Attachment, Letter, Message

SHOP = Address("shop@example.com", "Café & Söhne")


def read(message: Message) -> EmailMessage:
    return parsed(Letter.of(message, SHOP).to_bytes())


def parsed(content: bytes) -> EmailMessage:
    lines = content.split(b"\r\n")
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in lines)
    assert content.isascii()
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def text_of(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def test_text_alone() -> None:
    found = read(Message("Zoë <zoe@example.org>", "Grüße aus Köln", "Zeile mit ü\n.\n..\nFrom here\n" + "x" * 2000))
    assert (found["from"], found["to"]) == ("Café & Söhne <shop@example.com>", "Zoë <zoe@example.org>")
    assert found["subject"] == "Grüße aus Köln"
    assert found.get_content_type() == "text/plain"
    assert text_of(found) == "Zeile mit ü\n.\n..\nFrom here\n" + "x" * 2000 + "\n"
    assert found["date"].datetime.tzinfo is not None
    assert found["mime-version"] == "1.0"


def test_alternatives_and_files() -> None:
    pdf, csv = Attachment("Rechnung März.pdf", bytes(range(256)) * 10), Attachment("a.csv", b"a,b\n1,2\n")
    found = read(Message("zoe@example.org", "Hi", "Text", "<p>HTML ü</p>", attachments=[pdf, csv]))
    assert found.get_content_type() == "multipart/mixed"
    body, *files = found.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    assert [each.get_content_type() for each in body.iter_parts()] == ["text/plain", "text/html"]
    plain, html = found.get_body(["plain"]), found.get_body(["html"])
    assert (text_of(plain), text_of(html)) == ("Text\n", "<p>HTML ü</p>\n")
    assert [(each.get_filename(), each.get_content_type()) for each in files] == [
        ("Rechnung März.pdf", "application/pdf"),
        ("a.csv", "text/csv"),
    ]
    assert all(each.get_content_disposition() == "attachment" for each in files)
    assert [each.get_payload(decode=True) for each in files] == [pdf.content, csv.content]


def test_html_alone() -> None:
    found = read(Message("zoe@example.org", "Hi", html="<p>Hello</p>"))
    assert (found.get_content_type(), text_of(found)) == ("text/html", "<p>Hello</p>\n")


def test_nobody_sees_the_hidden_recipients() -> None:
    letter = Letter.of(Message((), "Hi", "Hello", bcc="secret@example.org"), SHOP)
    assert letter.recipients == ("secret@example.org",)
    assert b"secret" not in letter.to_bytes()
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in letter.to_bytes()


def test_who_it_is_from() -> None:
    letter = Letter.of(Message("zoe@example.org", "Hi", "Hello", sender="Kim <kim@bücher.example>"), SHOP)
    found = parsed(letter.to_bytes())
    assert (found["from"], found["message-id"]) == ("Kim <kim@xn--bcher-kva.example>", f"<{letter.id}>")
    assert letter.id.endswith("@xn--bcher-kva.example")


def test_identities_differ() -> None:
    message = Message("zoe@example.org", "Hi", "Hello")
    assert len({Letter.of(message, SHOP).id for _ in range(100)}) == 100


def test_long_words_stay_whole() -> None:
    link = f"<https://example.com/leave?{'x' * 300}>, <mailto:leave@example.com?subject={'y' * 200}>"
    found = Letter.of(Message("zoe@example.org", "Hi", "Hello", headers={"List-Unsubscribe": link}), SHOP).to_bytes()
    assert parsed(found)["list-unsubscribe"] == link
    assert b"=?" not in found.partition(b"List-Unsubscribe")[2]


def test_what_looks_encoded_is_not_decoded() -> None:
    for text in ("=?utf-8?q?Bcc=3A?=", "a =?b", "=?us-ascii?q?x?= y"):
        found = read(Message(Address("zoe@example.org", text), text, "Hello", headers={"X-Note": text}))
        assert (found["subject"], found["x-note"]) == (text, text)
        assert found["to"].addresses[0].display_name == text


def test_many_recipients() -> None:
    listed = [Address(f"{'x' * 60}{number}@{'y' * 60}.example.org", f"Zoë {number}, Dr.") for number in range(50)]
    found = read(Message(listed, "Hi", "Hello", reply_to=listed[0]))
    told = [(each.addr_spec, each.display_name) for each in found["to"].addresses]
    assert told == [(each.address, each.name) for each in listed]
    assert found["reply-to"].addresses[0].addr_spec == listed[0].address


PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=120).map(str.strip)


@given(subject=PRINTABLE, name=PRINTABLE, text=st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_any_words_come_through(subject: str, name: str, text: str) -> None:
    letter = Letter.of(Message(Address("zoe@example.org", name), subject, text), SHOP)
    assert Letter.from_json(letter.to_json()) == letter
    found = email.message_from_bytes(letter.to_bytes(), policy=email.policy.compat32)
    decode = email.header.decode_header
    told = email.header.make_header(decode(found["subject"].replace("\r\n", "")))
    assert str(told) == subject
    assert found.get_payload(decode=True).decode().rstrip("\r\n").split() == text.split()
    assert [key.lower() for key in found] == [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "content-type",
        "content-transfer-encoding",
        "mime-version",
    ]


def test_as_a_row() -> None:
    message = Message(
        ["Zoë <zoe@example.org>", "kim@example.org"],
        "Grüße",
        "Text",
        "<p>HTML</p>",
        cc="c@example.org",
        bcc="d@example.org",
        reply_to="e@example.org",
        sender="f@example.org",
        attachments=[Attachment("a.bin", bytes(range(256)))],
        headers={"X-Note": "1"},
    )
    letter = Letter.of(message, SHOP).only(["kim@example.org"])
    assert Letter.from_json(letter.to_json()) == letter
    assert letter.recipients == ("kim@example.org",)
    assert repr(letter) == f"<Letter {letter.id} to 1>"
