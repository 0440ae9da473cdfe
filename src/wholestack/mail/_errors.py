"""What can be wrong with a message, with sending it, and with how an app sends."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from types import FrameType

from wholestack import SetupError
from wholestack.errors import Fault, WholestackError

_HERE = os.path.dirname(__file__)
_LOCAL_PART = re.compile(r"[^\s<>@]+@")
_LONGEST = 300


class MessageRefused(WholestackError, ValueError):
    """A message that cannot be sent as it is: a line break in a header field, no recipient, an address that is none,
    too long or too large.
    """

    code: str = "message-refused"


class NoBaseURL(WholestackError):
    """A template of a mail makes a link, and nobody has said where the app is reached."""

    code: str = "no-base-url"


class MailNotSent(WholestackError):
    """The mail server cannot be reached, or has refused the message; nothing was sent to those that are left.

    What the server says is part of the message; names of mailboxes in it are masked, since the message goes to logs.
    """

    code: str = "mail-not-sent"


class RecipientsRefused(MailNotSent):
    """The mail server has refused some recipients; to all others the message was sent.

    Arguments:
        replies: address → the status (RFC 5321 §4.2) and the words with which the server refused it.
        sent: to how many others the message was sent.
        left: those it was not sent to; the ones in `replies` where nothing else is said.

    Attributes:
        replies, sent, left: as given.

    Example:
        >>> print(RecipientsRefused({"zoe@example.org": (550, "<zoe@example.org> is unknown")}, sent=1))
        The mail server refused 1 of 2 recipients: 550 <…@example.org> is unknown.
    """

    code: str = "recipients-refused"

    def __init__(
        self, replies: Mapping[str, tuple[int, str]], sent: int = 0, left: Iterable[str] | None = None
    ) -> None:
        self.replies: dict[str, tuple[int, str]] = dict(replies)
        self.sent: int = sent
        self.left: tuple[str, ...] = tuple(self.replies if left is None else left)
        words = "; ".join(dict.fromkeys(masked(f"{status} {text}") for status, text in self.replies.values()))
        count = f"{len(self.left)} of {len(self.left) + sent} recipients"
        super().__init__(f"The mail server refused {count}: {words.rstrip('.')}.")


def masked(words: str) -> str:
    r"""A server's words for a log: one line, not too long, and without the names of mailboxes.

    Example:
        >>> masked("no such user:\r\n zoe@example.org")
        'no such user: …@example.org'
    """
    plain = "".join(each if each.isprintable() else " " for each in words)
    return _LOCAL_PART.sub("…@", " ".join(plain.split()))[:_LONGEST]


def wrong_mail(message: str, cure: str) -> SetupError:
    """The error for an app that cannot send as it was told to."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and os.path.dirname(frame.f_code.co_filename) == _HERE:
        frame = frame.f_back
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "wholestack.mail"
    return SetupError([Fault("bad-mail", message, where, cure)])
