"""Sending over SMTP (RFC 5321), encrypted or not at all, unless it is said otherwise by name."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import smtplib
import ssl
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from wholestack import Secret

from ._errors import MailNotSent, RecipientsRefused, masked, wrong_mail
from ._letter import Letter

SCHEMES = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""How an address begins, and the port where it names none (RFC 8314 §3, RFC 6409 §3.1)."""
_CURE = "Write smtp://user:password@host:587, with %40 for an `@` in the password."
_HOST = re.compile(r"[A-Za-z0-9.:-]+")


@dataclasses.dataclass(frozen=True)
class _Server:
    scheme: str
    host: str
    port: int
    user: str
    password: Secret


class SMTP:
    """A mail server.

    Arguments:
        url: ``smtp://user:password@host`` (port 587): the connection is encrypted by STARTTLS, and a server that does
            not offer it, or whose certificate does not hold, gets nothing; ``smtps://…`` (port 465): encrypted from the
            first byte; ``smtp+plain://host`` (port 25): not encrypted, for a server on the same machine.
        timeout: seconds that the server may take for each of its answers.
        context: which certificates hold; those that the system trusts where it is left out.

    Raises:
        SetupError: no such address, or a password for a connection that is not encrypted (``bad-mail``).

    Example:
        >>> SMTP("smtp://shop:secret@mail.example.com")
        <SMTP smtp://mail.example.com:587 as 'shop'>
    """

    def __init__(self, url: str | Secret, *, timeout: float = 20.0, context: ssl.SSLContext | None = None) -> None:
        self._server = _read(url.get_secret_value() if isinstance(url, Secret) else url)
        self._timeout = timeout
        self._context = context

    def send(self, letter: Letter) -> None:
        """Send a letter to `letter.recipients`, in a connection of its own; this blocks.

        Raises:
            RecipientsRefused: the server refuses some of them, now or for ever; the others have it.
            MailNotSent: the server cannot be reached, does not encrypt, or refuses the sender or the letter.
        """
        try:
            with self._connected(letter.sender.domain) as server:
                replies = server.sendmail(letter.sender.address, letter.recipients, letter.to_bytes())
        except smtplib.SMTPRecipientsRefused as error:
            raise RecipientsRefused(_words(error.recipients), left=letter.recipients) from None
        except smtplib.SMTPResponseException as error:
            words = masked(f"{error.smtp_code} {_text(error.smtp_error)}")
            raise MailNotSent(f"{self._name} has refused the letter: {words}") from None
        except smtplib.SMTPNotSupportedError:
            raise MailNotSent(f"{self._name} takes no password, and the address has one.") from None
        except (smtplib.SMTPException, OSError) as error:
            words = masked(f"{type(error).__name__}: {error}")
            raise MailNotSent(f"{self._name} was not reached, or has gone: {words}") from None
        if replies:
            raise RecipientsRefused(_words(replies), sent=len(letter.recipients) - len(replies))

    @contextlib.contextmanager
    def _connected(self, name: str) -> Iterator[smtplib.SMTP]:
        given, context = self._server, self._context or ssl.create_default_context()
        server: smtplib.SMTP
        # The name that we give for ourselves is the sender's domain: this machine's own is nobody's business.
        if given.scheme == "smtps":
            server = smtplib.SMTP_SSL(given.host, given.port, name, timeout=self._timeout, context=context)
        else:
            server = smtplib.SMTP(given.host, given.port, name, timeout=self._timeout)
        try:
            if given.scheme == "smtp":
                server.ehlo()
                if not server.has_extn("starttls"):
                    cure = "Take port 465 with smtps://, or another server."
                    raise MailNotSent(f"{self._name} does not offer STARTTLS, so nothing was sent. {cure}")
                server.starttls(context=context)
            if given.user:
                server.login(given.user, given.password.get_secret_value())
            yield server
            # The letter is the server's now, whatever becomes of the good-bye.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    @property
    def _name(self) -> str:
        return f"{self._server.host}:{self._server.port}"

    def __repr__(self) -> str:
        user = f" as {self._server.user!r}" if self._server.user else ""
        return f"<SMTP {self._server.scheme}://{self._name}{user}>"


def _read(url: str) -> _Server:
    try:
        parts = urlsplit(url)
        port = parts.port or SCHEMES[parts.scheme]
        host, user, password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
    except (KeyError, ValueError):
        # What is wrong may be the password: it is not shown.
        raise wrong_mail("This is no address of a mail server.", _CURE) from None
    if not _HOST.fullmatch(host) or parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong_mail("An address of a mail server has a host, and nothing behind it.", _CURE)
    if bool(user) != bool(password) or not (user + password).isascii():
        raise wrong_mail("A mail server is given a user and a password in ASCII, or neither.", _CURE)
    if user and parts.scheme == "smtp+plain":
        message = "smtp+plain:// does not encrypt, and would show the password to everybody on the way."
        raise wrong_mail(message, "Write smtp://…, which encrypts, or leave the password out.")
    return _Server(parts.scheme, host, port, user, Secret(password))


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _words(replies: dict[str, tuple[int, bytes]]) -> dict[str, tuple[int, str]]:
    return {address: (status, _text(words)) for address, (status, words) in replies.items()}
