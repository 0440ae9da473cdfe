"""What our tokens look like: a prefix that tools know, 256 bits of chance, and a checksum that shows a slip."""

from __future__ import annotations

import re
import secrets
import string
import zlib

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHANCE, _SUM = 43, 6
"""Digits to the base of 62 that hold 256 bits, and 32."""
PREFIX = re.compile(r"[a-z][a-z0-9]{1,15}")
HINT = 4
"""Characters behind the prefix that are kept: 24 of its 256 bits."""


def new_token(prefix: str) -> str:
    """A token that nobody can guess.

    Programs that look for secrets in source code find it by ``wst_[0-9A-Za-z]{49}``, and know by its last six
    characters, a CRC-32 of the rest, that it is none by chance.

    Arguments:
        prefix: what it begins with, before the ``_``.

    Example:
        >>> token = new_token("wst")
        >>> len(token), is_token(token, "wst"), is_token(token[:-1] + "~", "wst")
        (53, True, False)
    """
    body = f"{prefix}_{_base62(int.from_bytes(secrets.token_bytes(32), 'big'), _CHANCE)}"
    return body + _checksum(body)


def is_token(text: str, prefix: str) -> bool:
    """Whether a text is written as our tokens are; whether it is one, the database knows."""
    body, shown = text[:-_SUM], text[-_SUM:]
    right = len(text) == len(prefix) + 1 + _CHANCE + _SUM and text.startswith(f"{prefix}_") and text.isascii()
    return right and _checksum(body) == shown


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _SUM)


def _base62(number: int, width: int) -> str:
    found = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        found = _DIGITS[digit] + found
    return found
