"""Where letters go: the protocol of a backend, those without a server, and which one an address names."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from typing import Protocol, TextIO, runtime_checkable

from wholestack import Secret

from ._errors import wrong_mail
from ._fields import text_field
from ._letter import Letter
from ._smtp import SCHEMES, SMTP

MAIL_URL = "MAIL_URL"
"""Names the backend in the environment, where the app names none."""


@runtime_checkable
class Backend(Protocol):
    """Whatever sends letters; your own may be a service's API.

    It is called in a thread where it may block, from several at a time.
    """

    def send(self, letter: Letter) -> None:
        """Send a letter to `letter.recipients`.

        Raises:
            RecipientsRefused: some of them were refused; it is tried again with those that are left.
            MailNotSent: nothing was sent; it is tried again later.
        """


class Console:
    """Prints letters, for development: the fields, the text, and what else there is.

    Arguments:
        stream: where to; standard output where none is given.

    Example:
        >>> from wholestack.mail import Address, Message
        >>> Console().send(Letter.of(Message("zoe@example.org", "Hi", "Hello"), Address("shop@example.com")))
        -- mail ...
        From: shop@example.com
        To: zoe@example.org
        Subject: Hi
        <BLANKLINE>
        Hello
        --
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, letter: Letter) -> None:
        """Print it."""
        message = letter.message
        lines = [f"-- mail {letter.id}", f"From: {letter.sender}", f"To: {', '.join(letter.recipients)}"]
        lines += [f"Subject: {message.subject}", "", message.text.rstrip() or "(no text)"]
        if message.html:
            lines.append(f"(and {len(message.html)} characters of HTML)")
        lines += [f"({each!r})" for each in message.attachments]
        # What users have typed could steer a terminal.
        plain = ("".join(each if each.isprintable() or each in "\n\t" else "�" for each in line) for line in lines)
        with self._lock:
            stream = self._stream or sys.stdout
            stream.write("\n".join([*plain, "--", ""]))
            stream.flush()

    def __repr__(self) -> str:
        return "Console()"


class Folder:
    """Writes each letter into a file of its own, ``….eml``, which mail programs open.

    Arguments:
        path: the folder; it is made where it is not there, for this user alone.

    Example:
        >>> Folder("/var/tmp/mail")
        Folder('/var/tmp/mail')
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def send(self, letter: Letter) -> None:
        """Write it; whoever looks sees it whole, or not at all. Those in `bcc` stand in a first field, `X-Recipients`.

        Raises:
            OSError: it cannot be written.
        """
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        path = os.path.join(self.path, f"{letter.date:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}.eml")
        opened = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(opened, "wb") as file:
            file.write(text_field("X-Recipients", ", ".join(letter.recipients)).encode() + b"\r\n")
            file.write(letter.to_bytes())
        os.rename(f"{path}.part", path)

    def __repr__(self) -> str:
        return f"Folder({self.path!r})"


class Memory:
    """Keeps letters in a list, for tests.

    Attributes:
        letters: what was sent, the oldest first.

    Example:
        >>> Memory().letters
        []
    """

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> None:
        """Keep it."""
        self.letters.append(letter)

    def __repr__(self) -> str:
        return "Memory()"


def backend_of(url: str | Secret) -> Backend:
    """The backend that an address names: ``smtp://…`` (see `SMTP`), ``console:``, ``folder:mails``, ``memory:``.

    Raises:
        SetupError: none of these (``bad-mail``).

    Example:
        >>> backend_of("folder:mails")
        Folder('mails')
    """
    text = url.get_secret_value() if isinstance(url, Secret) else url
    scheme, colon, rest = text.partition(":")
    if scheme.lower() in SCHEMES:
        return SMTP(text)
    if scheme == "folder" and rest:
        return Folder(rest)
    if colon and not rest and scheme in {"console", "memory"}:
        return Console() if scheme == "console" else Memory()
    # The text itself may hold a password.
    cure = "Write smtp://user:password@host, smtps://…, console:, folder:PATH or memory:."
    raise wrong_mail("This is no address for sending mail.", cure)
