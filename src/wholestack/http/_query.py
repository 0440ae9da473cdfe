"""The query string, read once and strictly."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ._refused import Refused

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def percent_decode(text: str) -> str:
    """Text with its percent escapes decoded as UTF-8; broken escapes, broken UTF-8 and NUL are refused.

    Example:
        >>> percent_decode("caf%C3%A9")
        'café'
    """
    if _BROKEN_ESCAPE.search(text):
        raise Refused(400, "malformed-query", "The query holds a '%' that two hexadecimal digits do not follow.")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeError:
        raise Refused(400, "malformed-query", "The query holds escapes that are not UTF-8.") from None
    if "\0" in decoded:
        raise Refused(400, "malformed-query", "The query holds a NUL character.")
    return decoded


def parse_query(text: str, limit: int = 1000) -> dict[str, list[str]]:
    """Every value of every name, in order (the `application/x-www-form-urlencoded` form of the URL standard).

    Raises:
        Refused: 400 for more than `limit` pairs, a broken escape, bytes that are not UTF-8, a NUL.

    Example:
        >>> parse_query("tag=a&tag=b&q=two+words")
        {'tag': ['a', 'b'], 'q': ['two words']}
    """
    if text.count("&") >= limit:
        raise Refused(400, "too-many-query-pairs", f"The query holds more than {limit} pairs.")
    if not text.isascii() or "\0" in text:
        raise Refused(400, "malformed-query", "The query holds characters that must be percent-encoded.")
    encoded = "%" in text or "+" in text
    values: dict[str, list[str]] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if encoded:
            name, value = percent_decode(name.replace("+", " ")), percent_decode(value.replace("+", " "))
        if name in values:
            values[name].append(value)
        elif name or value:
            values[name] = [value]
    return values
