"""What signs and encrypts: the app's secret, or one of this process where it has none."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence

from ._settings import Secret

NAME = "SECRET_KEY"
"""The name of the secret in the environment; several, for rotation, with commas between them."""
SHORTEST = 32
"""Characters of a secret that nobody finds by trying (128 bits as hexadecimal digits)."""

Given = Secret | str | Sequence[Secret | str] | None


class SigningKeys:
    """What signs and what checks a signature: the first secret signs, all of them check.

    Arguments:
        secret: one, or several for rotation; left out, those of the environment (``SECRET_KEY``, or the file that
            ``SECRET_KEY_FILE`` names); without any, a random one that ends with the process.
        area: whose signatures they are; those of another area are others.

    Attributes:
        given: whether there is a secret that other processes share.
        weak: whether one of them is shorter than 32 characters.

    Example:
        >>> old, new = SigningKeys("a" * 32), SigningKeys(["b" * 32, "a" * 32])
        >>> old.signed("cookie", "7") in new.signatures("cookie", "7")
        True
        >>> new.signed("cookie", "7") in old.signatures("cookie", "7")
        False
    """

    def __init__(self, secret: Given = None, area: str = "wholestack") -> None:
        texts = _texts(secret) or _of_environment()
        self.given: bool = bool(texts)
        self.weak: bool = any(len(each) < SHORTEST for each in texts)
        self._area = area
        self._keys: list[bytes] = [each.encode() for each in texts] or [_of_process()]
        self._own: dict[str, list[bytes]] = {}

    def signed(self, purpose: str, *parts: str) -> bytes:
        """The signature of some texts for a purpose; one for another purpose, or of other texts, is another."""
        return _signature(self._keys_for(purpose)[0], parts)

    def signatures(self, purpose: str, *parts: str) -> list[bytes]:
        """The signatures that are taken: one by each secret."""
        return [_signature(each, parts) for each in self._keys_for(purpose)]

    def _keys_for(self, purpose: str) -> list[bytes]:
        """The keys of a purpose, one by each secret; made once."""
        found = self._own.get(purpose)
        if found is None:
            words = f"{self._area} {purpose}".encode()
            found = self._own[purpose] = [hmac.digest(each, words, hashlib.sha256) for each in self._keys]
        return found

    def derived(self, purpose: str) -> list[str]:
        """Keys for encrypting what is kept, one by each secret: the first encrypts, all decrypt (Fernet's form).

        Without a secret it is one that everybody knows, since what was kept must be read after a restart: for
        development, and nothing else.
        """
        keys = self._keys if self.given else [b"development"]
        found = [hmac.digest(each, f"{self._area} encrypts {purpose}".encode(), hashlib.sha256) for each in keys]
        return [base64.urlsafe_b64encode(each).decode() for each in found]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._keys)}>"


@functools.cache
def _of_process() -> bytes:
    """One key for all that a process signs without a secret: also a twin of its app, in a test, takes it."""
    return secrets.token_bytes(32)


def _signature(key: bytes, parts: tuple[str, ...]) -> bytes:
    # Each text with its length before it: "ab", "c" and "a", "bc" are not the same.
    message = b"".join(len(each).to_bytes(8, "big") + each for each in (part.encode() for part in parts))
    return hmac.digest(key, message, hashlib.sha256)


def _texts(secret: Given) -> list[str]:
    if secret is None:
        return []
    several = [secret] if isinstance(secret, (str, Secret)) else list(secret)
    return [each if isinstance(each, str) else each.get_secret_value() for each in several]


def _of_environment() -> list[str]:
    text, path = os.environ.get(NAME, ""), os.environ.get(f"{NAME}_FILE")
    if not text and path:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    return [each.strip() for each in text.split(",") if each.strip()]
