"""Sending to a real mail server, over sockets: encrypted or not at all (row D5), and what it refuses."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailing import MailServer, certificate, mail_server
from wholestack import Secret, SetupError
from wholestack.mail import (
    SMTP,
    Address,
    Attachment,
    Backend,
    Console,
    Folder,
    Letter,
    MailNotSent,
    Memory,
    Message,
    RecipientsRefused,
    backend_of,
)

SHOP = Address("shop@example.com", "Shop")


@pytest.fixture(scope="module")
def shared() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def server(shared: MailServer) -> MailServer:
    """A server that offers STARTTLS."""
    shared.letters.clear()
    shared.replies.clear()
    shared.data, shared.users = "250 Taken", {}
    return shared


def letter(to: str | list[str] = "zoe@example.org", **more: object) -> Letter:
    return Letter.of(Message(to, "Hi", "Hello").replace(**more), SHOP)  # type: ignore[arg-type]


def starttls(server: MailServer, user: str = "") -> SMTP:
    return SMTP(f"smtp://{user}127.0.0.1:{server.port}", context=certificate()[1], timeout=30)


def test_over_starttls(server: MailServer) -> None:
    file = Attachment("Märchen.bin", bytes(range(256)) * 50)
    sent = letter(text=".\n..\n.x\nlast", attachments=[file], cc="Jörg <joerg@bücher.example>", bcc="b@example.org")
    starttls(server).send(sent)
    (found,) = server.letters
    assert (found.sender, found.encrypted, found.helo) == ("shop@example.com", True, "example.com")
    assert found.recipients == ["zoe@example.org", "joerg@xn--bcher-kva.example", "b@example.org"]
    body, attached = found.message.iter_parts()
    assert body.get_content().replace("\r\n", "\n") == ".\n..\n.x\nlast\n"
    assert (attached.get_filename(), attached.get_payload(decode=True)) == (file.name, file.content)
    assert found.message["cc"] == "Jörg <joerg@xn--bcher-kva.example>"
    assert found.message["message-id"] == f"<{sent.id}>"
    assert b"b@example.org" not in found.content


def test_d5_a_server_without_starttls_gets_nothing() -> None:
    with mail_server(starttls=False) as server:
        with pytest.raises(MailNotSent, match="does not offer STARTTLS, so nothing was sent"):
            starttls(server).send(letter())
        assert server.letters == []
        SMTP(f"smtp+plain://127.0.0.1:{server.port}").send(letter())
        assert [each.encrypted for each in server.letters] == [False]


def test_d5_a_certificate_that_does_not_hold(server: MailServer) -> None:
    with pytest.raises(MailNotSent, match="CERTIFICATE_VERIFY_FAILED"):
        SMTP(f"smtp://127.0.0.1:{server.port}").send(letter())
    with pytest.raises(MailNotSent):
        SMTP(f"smtp://localhost:{server.port}", context=certificate()[1]).send(letter())  # Of another name.
    assert server.letters == []


def test_d5_a_handshake_that_breaks_off() -> None:
    said: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 mail.test\r\n")
            for line in lines:
                said.append(line[:20])
                if line.upper().startswith(b"EHLO"):
                    connection.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
                else:
                    connection.sendall(b"220 go\r\nno handshake\r\n")
                    connection.recv(1)
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(MailNotSent):
            SMTP(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout=30).send(letter())
        thread.join(30)
    assert [each.split()[0] for each in said] == [b"ehlo", b"STARTTLS"]


def test_over_tls_and_with_a_password() -> None:
    with mail_server(starttls=False, tls=True) as server:
        server.users = {"shop": "pa@ss"}
        url = f"smtps://shop:pa%40ss@127.0.0.1:{server.port}"
        SMTP(Secret(url), context=certificate()[1]).send(letter())
        assert [(each.user, len(each.recipients)) for each in server.letters] == [("shop", 1)]
        with pytest.raises(MailNotSent, match="535") as refused:
            SMTP(url.replace("pa%40ss", "wrong-secret"), context=certificate()[1]).send(letter())
        assert "wrong-secret" not in str(refused.value)


def test_a_password_over_starttls(server: MailServer) -> None:
    server.users = {"shop": "secret"}
    starttls(server, "shop:secret@").send(letter())
    assert [(each.user, each.encrypted) for each in server.letters] == [("shop", True)]


def test_a_server_that_takes_no_password() -> None:
    def serve(listener: socket.socket) -> None:
        context, _ = certificate()
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as encrypted, encrypted.makefile("rb") as lines:
            encrypted.sendall(b"220 mail.test\r\n")
            for line in lines:
                encrypted.sendall(b"250 mail.test\r\n" if line.upper().startswith(b"EHLO") else b"500 no\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"smtps://a:b@127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(MailNotSent, match="takes no password"):
            SMTP(url, context=certificate()[1]).send(letter())
        thread.join(30)


def test_refused_recipients(server: MailServer) -> None:
    server.replies = {"no@example.org": "550 5.1.1 <no@example.org> unknown", "full@example.org": "452 later"}
    with pytest.raises(RecipientsRefused) as refused:
        starttls(server).send(letter(["yes@example.org", "no@example.org", "full@example.org"]))
    assert [each.recipients for each in server.letters] == [["yes@example.org"]]
    assert (refused.value.sent, refused.value.left) == (1, ("no@example.org", "full@example.org"))
    assert refused.value.replies["full@example.org"] == (452, "later")
    assert (
        str(refused.value) == "The mail server refused 2 of 3 recipients: 550 5.1.1 <…@example.org> unknown; 452 later."
    )
    with pytest.raises(RecipientsRefused) as all_refused:
        starttls(server).send(letter(["no@example.org", "full@example.org"]))
    assert (all_refused.value.sent, len(all_refused.value.left)) == (0, 2)
    assert len(server.letters) == 1


def test_a_server_that_closes_amid_the_recipients(server: MailServer) -> None:
    server.replies = {"a@example.org": "421 closing"}
    with pytest.raises(RecipientsRefused) as refused:
        starttls(server).send(letter(["a@example.org", "b@example.org"]))
    assert (refused.value.sent, refused.value.left) == (0, ("a@example.org", "b@example.org"))


def test_a_letter_that_is_refused(server: MailServer) -> None:
    server.data = "554 no <zoe@example.org>\r\n"
    with pytest.raises(MailNotSent, match=r"554 no <…@example\.org>"):
        starttls(server).send(letter())


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(MailNotSent, match="was not reached"):
            SMTP(f"smtp://127.0.0.1:{port}", timeout=0.2).send(letter())
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        SMTP(f"smtps://127.0.0.1:{port}").send(letter())


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "smtp://a b",
        "smtp://host:port",
        "smtp://host/path",
        "smtp://host?tls=no",
        "smtp://host#x",
        "smtp://user@host",
        "smtp://:hidden-secret@host",
        "smtp://user:hidden-sécret@host",
        "smtp://user:hidden/secret@host",
        "smtp+plain://user:hidden-secret@host",
        "smtp://[::1",
        "ftp://user:hidden-secret@host",
        "console",
        "console:x",
        "folder:",
        "memory:x",
        "",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SetupError) as report:
        backend_of(Secret(url))
    (fault,) = report.value.faults
    assert (fault.code, fault.where.rpartition(":")[0]) == ("bad-mail", __file__)
    assert "hidden" not in str(report.value)


def test_addresses() -> None:
    backends = [
        backend_of(each) for each in ("smtp://u:hidden@h", "smtps://h", "SMTP+plain://h:26", "console:", "memory:")
    ]
    assert [repr(each) for each in backends] == [
        "<SMTP smtp://h:587 as 'u'>",
        "<SMTP smtps://h:465>",
        "<SMTP smtp+plain://h:26>",
        "Console()",
        "Memory()",
    ]
    assert all(isinstance(each, Backend) for each in (*backends, Folder(".")))
    with pytest.raises(SetupError):
        SMTP("ftp://host")


def test_console() -> None:
    stream = io.StringIO()
    file = Attachment("a.csv", b"1")
    sent = letter(text="\x1b[2JHello\n\tthere", html="<p>Hi</p>", attachments=[file])
    Console(stream).send(sent)
    Console(stream).send(letter(text="", html="<p>Hi</p>"))
    lines = stream.getvalue().splitlines()
    assert lines[:9] == [
        f"-- mail {sent.id}",
        "From: Shop <shop@example.com>",
        "To: zoe@example.org",
        "Subject: Hi",
        "",
        "�[2JHello",
        "\tthere",
        "(and 9 characters of HTML)",
        "(<Attachment 'a.csv' text/csv 1 bytes>)",
    ]
    assert lines.count("--") == 2
    assert "(no text)" in lines


def test_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mails" / "sent"
    backend = backend_of(f"folder:{folder}")
    sent = letter(bcc="hidden@example.org")
    backend.send(sent)
    backend.send(letter())
    names = sorted(os.listdir(folder))
    assert len(names) == 2
    assert all(name.endswith(".eml") for name in names)
    contents = [(folder / name).read_bytes() for name in names]
    whole = b"X-Recipients: zoe@example.org, hidden@example.org\r\n" + sent.to_bytes()
    # Boundaries and the like are made anew, so the heads are compared.
    assert [each.partition(b"\r\n\r\n")[0] for each in contents].count(whole.partition(b"\r\n\r\n")[0]) == 1
    assert {(folder / name).stat().st_mode & 0o777 for name in names} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_memory() -> None:
    backend = Memory()
    with contextlib.suppress(MailNotSent):
        backend.send(letter())
    assert [each.message.subject for each in backend.letters] == ["Hi"]
