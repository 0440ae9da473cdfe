"""A message: who gets it, and what it says. What is refused is refused where it is made, and not when it is sent."""

from __future__ import annotations

import dataclasses
import mimetypes
import os
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict

from typing_extensions import Unpack

from ._address import Address, Recipients, addresses, words_of
from ._errors import MessageRefused

LONGEST_FIELD = 900
"""Characters of a header field's value; a line of a mail has 998 bytes at most (RFC 5322 §2.1.1)."""
MOST_RECIPIENTS = 100
"""What each server takes (RFC 5321 §4.5.3.1.8)."""
_LONGEST_FILE_NAME = 200
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_OURS = frozenset(
    {
        "bcc",
        "cc",
        "date",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)
"""Fields that a message has by arguments of their own, or that servers write."""


@dataclasses.dataclass(frozen=True, repr=False)
class Attachment:
    """A file that goes with a message.

    Arguments:
        name: under which name it is saved, without folders; in any letters.
        content: its bytes.
        type: its media type; told from the name where it is left out.

    Raises:
        MessageRefused: a name with a line break or a slash, or no media type of a file.

    Example:
        >>> Attachment("prices.csv", b"tea,3")
        <Attachment 'prices.csv' text/csv 5 bytes>
    """

    name: str
    content: bytes
    type: str = ""

    def __post_init__(self) -> None:
        name = words_of("The name of an attachment", self.name, _LONGEST_FILE_NAME)
        if not name or "/" in name or "\\" in name:
            raise MessageRefused("The name of an attachment is that of a file, without folders.")
        kind = (self.type or mimetypes.guess_type(name)[0] or "application/octet-stream").lower()
        if not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
            message = "The type of an attachment is a media type such as application/pdf; multipart and message"
            raise MessageRefused(f"{message} are none of a file.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "type", kind)

    @classmethod
    def read(cls, path: str, name: str = "", type: str = "") -> Attachment:
        """A file as an attachment; this blocks, so call it in `def` code.

        Arguments:
            path: where it lies.
            name: under which name it is saved; the file's own where it is left out.
            type: its media type; told from the name where it is left out.

        Raises:
            OSError: it cannot be read.
            MessageRefused: see the class.

        Example:
            >>> Attachment.read(__file__, "module.py").name
            'module.py'
        """
        with open(path, "rb") as file:
            return cls(name or os.path.basename(path), file.read(), type)

    def __repr__(self) -> str:
        return f"<Attachment {self.name!r} {self.type} {len(self.content)} bytes>"


class MessageOptions(TypedDict, total=False):
    """What else a message may have.

    `cc`: more recipients, which all see; `bcc`: more recipients, which nobody sees; `reply_to`: where answers go;
    `sender`: another one than the app's; `attachments`: files; `headers`: more fields, such as ``List-Unsubscribe``.
    """

    cc: Recipients
    bcc: Recipients
    reply_to: Recipients
    sender: str | Address | None
    attachments: Sequence[Attachment]
    headers: Mapping[str, str]


class MessageParts(MessageOptions, total=False):
    """All that a message has; see `Message`."""

    to: Recipients
    subject: str
    text: str
    html: str


@dataclasses.dataclass(frozen=True, init=False, repr=False)
class Message:
    """A mail as a value: nothing is sent by making one.

    Arguments:
        to: who gets it: an address, or a list of them, as text or as `Address`.
        subject: one line.
        text: what it says, as plain text.
        html: what it says, as HTML; readers see the one of the two that they prefer.
        options: see `MessageOptions`.

    Attributes:
        to, cc, bcc, reply_to: tuples of `Address`.
        sender: an `Address`, or None for the app's.
        headers: pairs of name and value.

    Raises:
        MessageRefused: a line break or another control character in a subject, a name, an address or a header field;
            one of them too long; no recipient, or more than 100; neither text nor HTML; an address that is none.

    Example:
        >>> message = Message("Zoë <zoe@example.org>", "Your order", "It is on its way.", bcc=["log@example.org"])
        >>> message.to[0].address, message.bcc[0].domain
        ('zoe@example.org', 'example.org')
    """

    to: tuple[Address, ...]
    subject: str
    text: str
    html: str
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    sender: Address | None
    attachments: tuple[Attachment, ...]
    headers: tuple[tuple[str, str], ...]

    def __init__(
        self, to: Recipients, subject: str, text: str = "", html: str = "", **options: Unpack[MessageOptions]
    ) -> None:
        sender = options.get("sender")
        values = {
            "to": addresses(to),
            "subject": words_of("The subject", subject, LONGEST_FIELD),
            "text": _body("text", text),
            "html": _body("html", html),
            "cc": addresses(options.get("cc", ())),
            "bcc": addresses(options.get("bcc", ())),
            "reply_to": addresses(options.get("reply_to", ())),
            "sender": Address.parse(sender) if sender is not None else None,
            "attachments": tuple(options.get("attachments", ())),
            "headers": tuple(_field(name, value) for name, value in options.get("headers", {}).items()),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if not 1 <= len(self.recipients) <= MOST_RECIPIENTS:
            message = f"A message has from 1 to {MOST_RECIPIENTS} recipients, and this one {len(self.recipients)}."
            raise MessageRefused(f"{message} Send one to each.")
        if not text and not html:
            raise MessageRefused("The message says nothing: give it a text, or HTML, or both.")

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address that it is sent to, each once.

        Example:
            >>> Message("a@example.org", "Hi", "Hi", cc="b@example.org", bcc="a@example.org").recipients
            ('a@example.org', 'b@example.org')
        """
        return tuple(dict.fromkeys(each.address for each in (*self.to, *self.cc, *self.bcc)))

    def replace(self, **changes: Unpack[MessageParts]) -> Message:
        """The same message but for some parts, which are checked as a new one's are.

        Example:
            >>> Message("a@example.org", "Hi", "Hi").replace(reply_to="b@example.org").reply_to
            (Address(address='b@example.org', name=''),)
        """
        parts: MessageParts = {
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "cc": self.cc,
            "bcc": self.bcc,
            "reply_to": self.reply_to,
            "sender": self.sender,
            "attachments": self.attachments,
            "headers": dict(self.headers),
        }
        parts.update(changes)
        return Message(**parts)

    def __repr__(self) -> str:
        # What it says may be private, or hold a link that lets its reader in.
        return f"<Message {self.subject!r} to {', '.join(self.recipients)}>"


def _body(name: str, text: str) -> str:
    if "\0" in text:
        raise MessageRefused(f"The {name} of a message holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MessageRefused(f"The {name} of a message holds half of a character (a lone surrogate).") from None
    return text


def _field(name: str, value: str) -> tuple[str, str]:
    if not _FIELD_NAME.fullmatch(name):
        raise MessageRefused("The name of a header field is made of letters, digits and hyphens.")
    if name.lower() in _OURS or name.lower().startswith(("content-", "resent-")):
        message = f"The header field {name} is not given as one: it has an argument of its own, or is written by us."
        raise MessageRefused(message)
    return name, words_of(f"The header field {name}", value, LONGEST_FIELD)
