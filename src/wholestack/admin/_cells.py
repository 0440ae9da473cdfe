"""Values as people read them: in the cells of a list, and where a row is shown and not changed."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import re
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import inspect as look_at

from wholestack.files import StoredFile
from wholestack.languages import gettext

_LONG = 120
"""Characters of a text in a cell."""
_NAMES = ("label", "name", "title")
NOTHING = Markup('<span class="muted">-</span>')


def words_of(name: str) -> str:
    """The name of a class or an attribute as words.

    Example:
        >>> words_of("BlogPost"), words_of("created_at"), words_of("HTTPRequest")
        ('Blog post', 'Created at', 'HTTP request')
    """
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+", name) or [name]
    words = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def several(name: str) -> str:
    """What several of a class are called in English.

    Example:
        >>> several("Category"), several("Box"), several("BlogPost"), several("Day")
        ('Categories', 'Boxes', 'Blog posts', 'Days')
    """
    words = words_of(name)
    if words.endswith("y") and words[-2:-1] not in set("aeiou"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith(("s", "x", "z", "ch", "sh")) else f"{words}s"


def label_of(row: Any) -> str:
    """What a row is called: by its own `__str__`, else by what is most like a name, else by its key."""
    own: Any = type(row).__str__
    if own is not object.__str__:
        return str(row)
    for name in _NAMES:
        if isinstance(found := getattr(row, name, None), str) and found:
            return found
    if isinstance(email := getattr(row, "email", None), str):
        return email
    key = look_at(row).identity
    return f"{words_of(type(row).__name__)} {', '.join(map(str, key))}" if key else words_of(type(row).__name__)


def text_of(value: Any) -> str:
    """A value as plain text: for histories, exports and where a cell has no room for more.

    Example:
        >>> text_of(True), text_of(None), text_of(decimal.Decimal("1.50")), text_of([1, 2])
        ('Yes', '', '1.50', '1, 2')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, enum.Enum):
        name = value.name.lower() if value.name.isupper() else value.name
        return str(getattr(value, "label", None) or words_of(name))
    if isinstance(value, datetime.datetime):
        return moment_text(value)
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, StoredFile):
        return value.filename or value.name
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(text_of(each) for each in value)
    return label_of(value) if is_row(value) else str(value)


def moment_text(value: datetime.datetime) -> str:
    """A moment, in UTC, to the minute.

    Example:
        >>> moment_text(datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC))
        '2026-11-27 08:05'
    """
    value = value.astimezone(datetime.UTC) if value.tzinfo is not None else value
    return f"{value:%Y-%m-%d %H:%M}"


def cell(value: Any) -> Markup:
    """A value in a cell.

    Example:
        >>> cell("<b>"), cell(None)
        (Markup('<bdi>&lt;b&gt;</bdi>'), Markup('<span class="muted">-</span>'))
        >>> cell(datetime.time(7, 5, 0, 123456))[:30]
        Markup('<time datetime="07:05:00.123">')
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        kind = "success" if value else "muted"
        return Markup('<span class="{}">{}</span>').format(kind, text_of(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        at = value.isoformat()
        if isinstance(value, (datetime.datetime, datetime.time)):
            at = value.isoformat(timespec="milliseconds")  # HTML takes three digits.
        return Markup(f'<time datetime="{at}">{escape(text_of(value))}</time>')  # noqa: S704  (each piece escaped)
    if isinstance(value, enum.Enum):
        return Markup('<span class="badge">{}</span>').format(text_of(value))
    text = text_of(value)
    if len(text) > _LONG:
        return Markup('<span title="{}">{}…</span>').format(text[:1_000], text[:_LONG].rstrip())
    return Markup(f"<bdi>{escape(text)}</bdi>") if isinstance(value, (str, StoredFile)) else escape(text)  # noqa: S704  (escaped)


def is_number(value: Any) -> bool:
    """Whether a value stands at the end of its cell."""
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


def is_row(value: Any) -> bool:
    """Whether a value is the row of a model."""
    return hasattr(type(value), "__mapper__")
