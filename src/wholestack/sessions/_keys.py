"""The keys that sign what belongs to sessions, and the random texts that name them."""

from __future__ import annotations

import base64
import secrets

from wholestack.settings import SECRET_NAME as NAME
from wholestack.settings import SHORTEST_SECRET as SHORTEST
from wholestack.settings import GivenSecret as Given
from wholestack.settings import SigningKeys

__all__ = ["NAME", "SHORTEST", "Given", "Keys", "encoded", "new_id"]


class Keys(SigningKeys):
    """The app's keys, for sessions: a signature of theirs is none of anybody else's.

    Arguments:
        secret: see `SigningKeys`.
    """

    def __init__(self, secret: Given = None) -> None:
        super().__init__(secret, area="wholestack.sessions")


def encoded(found: bytes) -> str:
    """Bytes as text for a cookie or a form.

    Example:
        >>> encoded(bytes(3))
        'AAAA'
    """
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def new_id() -> str:
    """An id that nobody guesses: 256 random bits, as 43 characters."""
    return secrets.token_urlsafe(32)
