"""A mail server in this process, over real sockets: it takes letters, refuses some, encrypts or does not."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import email
import email.policy
import functools
import ipaddress
import ssl
import tempfile
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


@dataclasses.dataclass
class Received:
    """A letter as the server has taken it."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    user: str
    helo: str

    @property
    def message(self) -> EmailMessage:
        """It, read by the standard library's parser."""
        return email.message_from_bytes(self.content, policy=email.policy.default)  # type: ignore[return-value]


class MailServer:
    """A server of one's own; `replies` says what it answers to a recipient, `data` what to a letter."""

    def __init__(self) -> None:
        self.port = 0
        self.letters: list[Received] = []
        self.replies: dict[str, str] = {}
        self.data = "250 Taken"
        self.users: dict[str, str] = {}
        self.gate: asyncio.Event | None = None
        self.waiting = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.gate is not None:
            self.waiting.set()
            await self.gate.wait()
        if self.data.startswith("250"):
            user = session.auth_data.decode() if session.auth_data else ""
            content = bytes(envelope.content)
            encrypted = session.ssl is not None
            found = Received(envelope.mail_from, envelope.rcpt_tos, content, encrypted, user, session.host_name)
            self.letters.append(found)
        return self.data

    def hold(self) -> None:
        """Let letters wait until `let_go`."""
        self.gate = asyncio.Event()

    def let_go(self) -> None:
        """Let what waits go on."""
        assert self.loop is not None
        assert self.gate is not None
        self.loop.call_soon_threadsafe(self.gate.set)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, found: Any) -> AuthResult:
        ok = isinstance(found, LoginPassword) and self.users.get(found.login.decode()) == found.password.decode()
        return AuthResult(success=ok, handled=False, auth_data=found.login if ok else None)


@contextlib.contextmanager
def mail_server(*, starttls: bool = True, tls: bool = False) -> Iterator[MailServer]:
    """A server that runs for the time of a block."""
    made, loop, ready = MailServer(), asyncio.new_event_loop(), threading.Event()
    made.loop = loop

    def protocol() -> SMTP:
        return SMTP(
            made,
            loop=loop,
            hostname="mail.test",
            tls_context=certificate()[0] if starttls else None,
            authenticator=made.authenticate,
            auth_require_tls=not tls,
        )

    async def serve() -> asyncio.Server:
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=certificate()[0] if tls else None)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(serve())
        loop.run_forever()
        server.close()
        waiting = asyncio.all_tasks(loop)
        for task in waiting:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


@functools.cache
def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for 127.0.0.1, and a client's that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    day = datetime.timedelta(days=1)
    made = builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    text = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(private + text)
        server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=text.decode())
