"""A letter: a message on its way, with sender, recipients, and the identity that it keeps through all retries."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import secrets
from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from ._address import Address
from ._fields import address_field, text_field
from ._message import Attachment, Message

_POLICY = SMTP.clone(cte_type="7bit")  # No server has to know 8BITMIME.


@dataclasses.dataclass(frozen=True)
class Letter:
    """What a backend sends.

    Arguments:
        message: what it says.
        sender: whom it is from; also where what cannot be delivered comes back to.
        recipients: addresses that are still to get it.
        id: its Message-ID, without the brackets: the same at each try, so that a reader can tell a letter that came
            twice. Its domain is the sender's, never that of a request.
        date: when it was handed over.

    Example:
        >>> letter = Letter.of(Message("zoe@example.org", "Hi", "Hello"), Address("shop@example.com", "Shop"))
        >>> letter.id.partition("@")[2], letter.recipients
        ('example.com', ('zoe@example.org',))
    """

    message: Message
    sender: Address
    recipients: tuple[str, ...]
    id: str
    date: datetime.datetime

    @classmethod
    def of(cls, message: Message, sender: Address) -> Letter:
        """A message as a letter of its own; the message's sender goes before the one that is given.

        Example:
            >>> message = Message("zoe@example.org", "Hi", "Hello", sender="me@example.net")
            >>> Letter.of(message, Address("shop@example.com")).sender.address
            'me@example.net'
        """
        sender = message.sender or sender
        name = f"{secrets.token_hex(16)}@{sender.domain}"
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        return cls(message, sender, message.recipients, name, now)

    def only(self, recipients: Iterable[str]) -> Letter:
        """The same letter, to fewer recipients.

        Example:
            >>> letter = Letter.of(Message(["a@example.org", "b@example.org"], "Hi", "Hello"), Address("c@example.org"))
            >>> letter.only(["b@example.org"]).recipients
            ('b@example.org',)
        """
        return dataclasses.replace(self, recipients=tuple(recipients))

    def to_bytes(self) -> bytes:
        r"""The letter in the Internet's format (RFC 5322), with lines that end in CRLF; those in `bcc` are not in it.

        Example:
            >>> letter = Letter.of(Message("zoe@example.org", "Hi", "Hello"), Address("shop@example.com"))
            >>> letter.to_bytes().splitlines()[:3]
            [b'From: shop@example.com', b'To: zoe@example.org', b'Subject: Hi']
        """
        message = self.message
        fields = [address_field("From", [self.sender])]
        listed = (("To", message.to), ("Cc", message.cc), ("Reply-To", message.reply_to))
        fields += [address_field(name, found) for name, found in listed if found]
        if not message.to and not message.cc:
            fields.append("To: undisclosed-recipients:;")  # Some servers refuse a letter to nobody.
        fields.append(text_field("Subject", message.subject))
        fields += [f"Date: {format_datetime(self.date)}", f"Message-ID: <{self.id}>"]
        fields += [text_field(name, value) for name, value in message.headers]
        return "\r\n".join([*fields, ""]).encode("ascii") + _body(message).as_bytes()

    def to_json(self) -> bytes:
        """The letter for a table.

        Example:
            >>> letter = Letter.of(Message("zoe@example.org", "Hi", "Hello"), Address("shop@example.com"))
            >>> Letter.from_json(letter.to_json()) == letter
            True
        """
        message = self.message
        parts: dict[str, Any] = {name: _pairs(getattr(message, name)) for name in _LISTS}
        parts |= {"subject": message.subject, "text": message.text, "html": message.html}
        parts["sender"] = _pairs([message.sender])[0] if message.sender is not None else None
        parts["headers"] = dict(message.headers)
        parts["attachments"] = [
            [each.name, base64.b64encode(each.content).decode(), each.type] for each in message.attachments
        ]
        sender, date = _pairs([self.sender])[0], self.date.isoformat()
        whole = {"id": self.id, "date": date, "sender": sender, "recipients": self.recipients, "message": parts}
        return json.dumps(whole, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Letter:
        """The letter that `to_json` has written.

        Raises:
            ValueError: this is none.
        """
        whole = json.loads(text)
        parts = whole["message"]
        parts |= {name: [Address(*pair) for pair in parts[name]] for name in _LISTS}
        parts["sender"] = Address(*parts["sender"]) if parts["sender"] else None
        parts["attachments"] = [
            Attachment(name, base64.b64decode(content), kind) for name, content, kind in parts["attachments"]
        ]
        date = datetime.datetime.fromisoformat(whole["date"])
        return cls(Message(**parts), Address(*whole["sender"]), tuple(whole["recipients"]), whole["id"], date)

    def __repr__(self) -> str:
        return f"<Letter {self.id} to {len(self.recipients)}>"


_LISTS = ("to", "cc", "bcc", "reply_to")


def _pairs(listed: Any) -> list[list[str]]:
    return [[each.address, each.name] for each in listed]


def _body(message: Message) -> EmailMessage:
    """Text and HTML as alternatives, the best last (RFC 2046 §5.1.4), and files beside them."""
    made = EmailMessage(policy=_POLICY)
    if message.text or not message.html:
        made.set_content(message.text)
    if message.html and message.text:
        made.add_alternative(message.html, subtype="html")
    elif message.html:
        made.set_content(message.html, subtype="html")
    for each in message.attachments:
        main, _, kind = each.type.partition("/")
        made.add_attachment(each.content, maintype=main, subtype=kind, filename=each.name)
    return made
