"""A message refuses what cannot be sent where it is made (row D5)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from wholestack.mail import Address, Attachment, Message, MessageRefused

BREAKS = ["\r\nBcc: x@example.org", "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u2029", "\x1b[2J", "\ud800", "\t"]


@pytest.mark.parametrize("text", BREAKS)
def test_d5_no_line_break_in_any_field(text: str) -> None:
    good: dict[str, Any] = {"to": "zoe@example.org", "subject": "Hi", "text": "Hello"}
    assert Message(**good).subject == "Hi"
    for name, value in {
        "subject": f"Hi{text}there",
        "to": f"zoe{text}@example.org",
        "cc": f"Zoe{text}x <zoe@example.org>",
        "bcc": f"zoe@example.org{text}",
        "reply_to": f"zoe@exa{text}mple.org",
        "sender": f'"Zoe{text}" <zoe@example.org>',
        "headers": {"List-Unsubscribe": f"a{text}b"},
    }.items():
        with pytest.raises(MessageRefused):
            Message(**{**good, name: value})
    with pytest.raises(MessageRefused):
        Attachment(f"a{text}.pdf", b"")
    with pytest.raises(MessageRefused):
        Attachment("a.pdf", b"", f"application/pdf{text}")
    with pytest.raises(MessageRefused):
        Message(**good, headers={f"X{text}Y": "a"})


def test_d5_too_long() -> None:
    with pytest.raises(MessageRefused, match="1048576 characters, of 900 at most"):
        Message("zoe@example.org", "x" * 1_048_576, "Hello")
    for message in (
        lambda: Message("zoe@example.org", "Hi", "Hello", headers={"X-Long": "x" * 901}),
        lambda: Message(f"{'x' * 65}@example.org", "Hi", "Hello"),
        lambda: Message(f"zoe@{'x' * 64}.org", "Hi", "Hello"),
        lambda: Message(f"zoe@{'x.' * 200}org", "Hi", "Hello"),
        lambda: Message(f"zoe@{'é' * 1_000_000}.org", "Hi", "Hello"),
        lambda: Message(Address("zoe@example.org", "Z" * 256), "Hi", "Hello"),
        lambda: Attachment("x" * 201, b""),
    ):
        with pytest.raises(MessageRefused):
            message()


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        ("zoe@bücher.example", "xn--bcher-kva.example"),
        ("zoe@BÜCHER.example", "xn--bcher-kva.example"),
        ("zoe@faß.example", "xn--fa-hia.example"),
        ("zoe@XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("zoe@例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("zoe@localhost", "localhost"),
    ],
)
def test_d5_domains_in_other_letters(given: str, domain: str) -> None:
    assert Address.parse(given).domain == domain
    assert Address.parse(f"Zoë <{given}>").address == f"zoe@{domain}"


def test_d5_domains_without_the_package_idna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    assert Address("zoe@bücher.example").domain == "xn--bcher-kva.example"
    for domain in ("faß.example", "a\u200db.example"):
        with pytest.raises(MessageRefused, match="pip install idna"):
            Address(f"zoe@{domain}")
    with pytest.raises(MessageRefused, match="in any language"):
        Address("zoe@é..example")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "zoe",
        "@example.org",
        "zoe@",
        "zoe @example.org",
        "zoe@example.org, kim@example.org",
        "kim@example.org, Zoe <zoe@example.org>",
        "Zoe <zoe@example.org> x",
        "Zoe <>",
        "a@b@example.org",
        ".zoe@example.org",
        "zoe..x@example.org",
        '"zoe x"@example.org',
        "zoe@-example.org",
        "zoe@example.org.",
        "zoe@[127.0.0.1]",
        "zoe@exa mple.org",
        "zoe@é\u2024.org\u3002\u3002",
        "zoe@example.org?x",
    ],
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        Message(given, "Hi", "Hello")
    assert "kim" not in str(refused.value)


def test_letters_beyond_ascii_before_the_at_sign() -> None:
    with pytest.raises(MessageRefused, match="beyond ASCII"):
        Address("zoë@example.org")


def test_names() -> None:
    assert Address.parse('"Doe, \\"J\\" Jane" <jane@example.org>') == Address("jane@example.org", 'Doe, "J" Jane')
    assert Address.parse("Doe, Jane <jane@example.org>").name == "Doe, Jane"
    assert Address.parse(" <jane@example.org> ").name == ""
    assert str(Address("jane@example.org", "Jane")) == "Jane <jane@example.org>"
    assert str(Address("jane@example.org")) == "jane@example.org"


def test_recipients() -> None:
    message = Message(
        ["a@example.org", Address("b@example.org"), "A <a@example.org>"], "Hi", "Hello", cc="c@example.org"
    )
    assert [each.address for each in message.to] == ["a@example.org", "b@example.org"]
    assert message.replace(bcc=["c@example.org", "d@example.org"]).recipients == tuple(
        f"{each}@example.org" for each in "abcd"
    )
    assert Message((), "Hi", "Hello", bcc="d@example.org").recipients == ("d@example.org",)
    for count in (0, 101):
        with pytest.raises(MessageRefused, match="from 1 to 100"):
            Message([f"x{each}@example.org" for each in range(count)], "Hi", "Hello")


def test_what_it_says() -> None:
    for text in ("", "a\0b", "\ud800"):
        with pytest.raises(MessageRefused):
            Message("a@example.org", "Hi", text)
    with pytest.raises(MessageRefused, match="html"):
        Message("a@example.org", "Hi", "Hello", "<p>\0</p>")
    message = Message("a@example.org", "  Hi ", html="<p>A link that lets you in</p>")
    assert message.subject == "Hi"
    assert "lets you in" not in repr(message)
    assert message == message.replace() != message.replace(text="Hello")
    assert message.replace(sender="b@example.org").sender == Address("b@example.org")


@pytest.mark.parametrize(
    "name",
    ["To", "bcc", "Subject", "Content-Type", "content-disposition", "Message-ID", "DATE", "Resent-To", "", "a b", "X:"],
)
def test_fields_that_are_not_given_as_such(name: str) -> None:
    with pytest.raises(MessageRefused):
        Message("a@example.org", "Hi", "Hello", headers={name: "x"})


def test_attachments(tmp_path: Path) -> None:
    path = tmp_path / "Preise für März.pdf"
    path.write_bytes(b"%PDF")
    read = Attachment.read(str(path))
    assert (read.name, read.type, read.content) == ("Preise für März.pdf", "application/pdf", b"%PDF")
    assert Attachment("unknown", b"").type == "application/octet-stream"
    for name, kind in (
        ("", ""),
        ("../a", ""),
        ("a\\b", ""),
        ("a.eml", "message/rfc822"),
        ("a", "multipart/mixed"),
        ("a", "x"),
    ):
        with pytest.raises(MessageRefused):
            Attachment(name, b"", kind)
