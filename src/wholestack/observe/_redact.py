"""What must not be read: secrets, known by the name that a value has or by the shape of the value itself."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

MASK = "***"
LONGEST = 8 * 1024
"""The most characters of anything that is logged."""
_LONGEST_NAME = 128
_MOST = 50
_DEEPEST = 4

_ANYWHERE = re.compile(r"(?i)passw|passphrase|secret|token|authori[sz]ation|cookie|api[_-]?key|session|credential")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS = frozenset(
    "auth card csrf cvc cvv iban jwt key keys otp pass passwd pin pwd sid signature xsrf".split()  # noqa: SIM905
)
_SHAPES = re.compile(
    r"""
    (?P<scheme> \b bearer \s{1,4} ) [\w.~+/=-]{6,}
    | (?P<login> :// [^\s/:@]{0,256} : ) [^\s/@]{1,256} (?=@)
    | (?P<field> \b (?: authorization | cookie | set-cookie | x-api-key ) \s{0,4} : \s{0,4} ) [^\r\n]+
    | (?P<named>
        (?: (?: passw | passphrase | secret | token | authorization | cookie | api[_-]?key | session | credential )
            [\w-]{0,32}
            (?: ["']? \s{0,2} = (?!=) \s{0,2} | ["'] \s{0,2} [:,] \s{0,2} )
        | (?: password | passwd | passphrase | secret | api[_-]?key ) \s{0,2} : \s{0,2}
        | (?: \b | _ ) (?: key | card | pin | pwd | otp | jwt | sid | auth | cvc | cvv ) ["']? \s{0,2} = (?!=) \s{0,2}
        )
      )
      (?: b? " (?: \\. | [^"\\] )* "? | b? ' (?: \\. | [^'\\] )* '? | [^\s,;&)}\]'"]+ )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CARD = re.compile(r"(?<![\w.])[2-6]\d{3}(?:[ -]?\d){9,15}(?!\w|\.\d)")
_CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|35\d{14}|6(?:011|4\d\d|5\d\d)\d{12}"
)


def is_secret(name: str) -> bool:
    """Whether what has this name is a secret: a password, a token, a key, a cookie, a session, a card.

    Example:
        >>> is_secret("userPassword"), is_secret("x-api-key"), is_secret("card_number"), is_secret("keyboard")
        (True, True, True, False)
    """
    return _is_secret(name[:_LONGEST_NAME])


@functools.lru_cache(1024)
def _is_secret(name: str) -> bool:
    if _ANYWHERE.search(name) is not None:
        return True
    return not _WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def redacted_text(text: str, most: int = LONGEST) -> str:
    """A text without what looks like a secret: `name=value`, header fields, logins in URLs, card numbers; cut.

    Example:
        >>> redacted_text("POST /login?user=ann&password=hunter2 from postgres://shop:s3cret@db/shop")
        'POST /login?user=ann&password=*** from postgres://shop:***@db/shop'
    """
    if len(text) > most:
        text = cut(text, most)
    if "=" in text or ":" in text or "'," in text or '",' in text or "earer" in text.lower():
        text = _SHAPES.sub(_masked, text)
    return _CARD.sub(_card, text)


def _masked(found: re.Match[str]) -> str:
    kept: str = found["scheme"] or found["login"] or found["field"] or found["named"]
    return kept + MASK


def _card(found: re.Match[str]) -> str:
    """A payment card's number is known by its beginning, its length and its check digit (ISO/IEC 7812-1)."""
    digits = found[0].replace(" ", "").replace("-", "")
    if _CARDS.fullmatch(digits) is None:
        return found[0]
    doubled = [sum(divmod(2 * int(each), 10)) for each in digits[-2::-2]]
    return MASK if (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0 else found[0]


def redacted(value: Any) -> Any:
    """A value as plain data for a log: bounded, and without what its names or its texts show to be secret.

    Example:
        >>> redacted({"user": "ann", "login": {"password": "hunter2"}, "headers": [("cookie", "sid=1")]})
        {'user': 'ann', 'login': {'password': '***'}, 'headers': [['cookie', '***']]}
    """
    if isinstance(value, str):
        return redacted_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        plain = math.isfinite(value) and abs(value) < 10**12
        return value if plain else _numbered(value)
    try:
        return _Redaction().of(value, _DEEPEST)
    except Exception as error:  # As in `shown`: a mapping, too, is another's code.
        return f"<{type(value).__name__}: it raises {type(error).__name__}>"


class _Redaction:
    """One value that holds others, with what may still be looked at: a log must not be what keeps a server busy."""

    def __init__(self) -> None:
        self.left = LONGEST

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, (bytes, bytearray)):
            value = value[: LONGEST + 1].decode("utf-8", "replace")
        if self.left <= 0:
            return "…"
        self.left -= 8
        if depth and isinstance(value, Mapping):
            items = [(self._text(str(name)), each) for name, each in islice(value.items(), _MOST)]
            return {name: MASK if is_secret(name) else self.of(each, depth - 1) for name, each in items}
        if depth and isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, str):
            if isinstance(value, tuple) and len(value) == 2 and is_secret(_name(value[0])):
                return [_name(value[0]), MASK]
            return [self.of(each, depth - 1) for each in islice(value, _MOST)]
        return self._text(shown(value)) if not isinstance(value, (int, float)) else redacted(value)

    def _text(self, text: str) -> str:
        most = max(self.left, 0)
        self.left -= len(text)
        return redacted_text(text, most)


def _numbered(value: float) -> Any:
    """A number that JSON has no word for, or that may be a card's."""
    text = str(value)
    return value if redacted_text(text) == text and math.isfinite(value) else redacted_text(text)


def _name(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""


def shown(value: Any) -> str:
    """`str(value)`, or what it is where that fails.

    Example:
        >>> class Broken:
        ...     def __str__(self) -> str:
        ...         raise ValueError
        >>> shown(Broken())
        '<Broken: its text raises ValueError>'
    """
    try:
        return str(value)
    except Exception as error:  # Another's code; a line in the log must not fail for it.
        return f"<{type(value).__name__}: its text raises {type(error).__name__}>"


def cut(text: str, most: int) -> str:
    """A text of at most about `most` characters: its beginning and its end, which says what happened.

    Example:
        >>> cut("a" * 50 + "b" * 50, 20)
        'aaaaa… 80 characters left out …bbbbbbbbbbbbbbb'
    """
    if len(text) <= most:
        return text
    first, last = most // 4, most - most // 4
    return f"{text[:first]}… {len(text) - most} characters left out …{text[len(text) - last :]}"
