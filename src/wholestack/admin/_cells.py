"""Values as people read them: in the cells of a list, and where a row is shown and not changed."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import re
from collections.abc import Collection
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import KeyFuncDict

from wholestack.files import StoredFile
from wholestack.languages import (
    current_timezone,
    format_date,
    format_datetime,
    format_number,
    format_time,
    gettext,
    writes_by_language,
)

_LONG = 120
"""Characters of a text in a cell."""
_PARTED = 10_000
"""From here on the digits of a number are parted."""
_LARGEST = 10**15
"""From here on nobody reads digits, and a float has none that could be told."""
_PLACES = 15
"""The most digits after the point of a float."""
NAMES = ("label", "name", "title")
"""Attributes by which a row may be called, the likeliest first."""
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


def label_of(row: Any, without: Collection[str] = ()) -> str:
    """What a row is called: by its own `__str__`, else by what is most like a name, else by its key.

    Arguments:
        row: the row.
        without: attributes that not everybody may see who sees the row.
    """
    own: Any = type(row).__str__
    if own is not object.__str__:
        return str(row)
    for name in NAMES:
        if name not in without and isinstance(found := getattr(row, name, None), str) and found:
            return found
    if "email" not in without and isinstance(email := getattr(row, "email", None), str):
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
    several = list(value) if isinstance(value, (tuple, frozenset)) else members(value)
    if several is not None:
        return ", ".join(text_of(each) for each in several)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return label_of(value) if is_row(value) else str(value)


def moment_text(value: datetime.datetime) -> str:
    """A moment, in UTC, to the minute; one that is in no zone says none.

    Example:
        >>> moment_text(datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC))
        '2026-11-27 08:05 UTC'
        >>> moment_text(datetime.datetime(2026, 11, 27, 8, 5))
        '2026-11-27 08:05'
    """
    if value.tzinfo is None:
        return value.isoformat(" ", "minutes")
    return f"{value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(' ', 'minutes')} UTC"


def moment_shown(value: datetime.datetime) -> str:
    """A moment for people: as their language writes it, in the time zone of the page, which is named where it is UTC;
    else, and at an end of the calendar that is over in that zone, as `moment_text`.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     moment_shown(datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC))
        '27.11.2026, 08:05:00 UTC'
        >>> with language("de", timezone="Europe/Berlin"):
        ...     moment_shown(datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC))
        '27.11.2026, 09:05:00'
    """
    if not writes_by_language():
        return moment_text(value)
    zone = current_timezone()
    if value.tzinfo is None:  # It is in no zone, and so is not moved into one.
        return format_datetime(value.replace(tzinfo=zone))
    try:
        value.astimezone(zone)
    except OverflowError:
        return moment_text(value)
    return format_datetime(value) + (" UTC" if str(zone) == "UTC" else "")


def number_shown(value: float | decimal.Decimal) -> str:
    """A number for people: as their language writes it, with all of its digits; else as it is.

    Four digits are not parted: they may be a year.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     number_shown(12345), number_shown(1902), number_shown(33.94254), number_shown(decimal.Decimal("1.50"))
        ('12.345', '1902', '33,94254', '1,50')
    """
    if not writes_by_language() or not math.isfinite(value) or abs(float(value)) >= _LARGEST:
        return str(value)
    places = 0
    if isinstance(value, decimal.Decimal):
        places = max(0, -int(value.as_tuple().exponent))
    elif isinstance(value, float):
        value = decimal.Decimal(repr(value))
        places = min(_PLACES, max(0, -int(value.normalize().as_tuple().exponent)))
    whole = "#,##0" if abs(float(value)) >= _PARTED else "0"
    return format_number(value, f"{whole}.{'0' * places}" if places else whole)


def count_shown(value: int) -> str:
    """How many there are, for people: as their language writes it, else with commas.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     count_shown(7400)
        '7.400'
    """
    return format_number(value) if writes_by_language() else f"{value:,}"


def _time_shown(value: datetime.date | datetime.time) -> str:
    if isinstance(value, datetime.datetime):
        return moment_shown(value)
    if not writes_by_language():
        return text_of(value)
    if isinstance(value, datetime.date):
        return format_date(value)
    return format_time(value, "medium" if value.second or value.microsecond else "short")


def cell(value: Any, *, is_key: bool = False) -> Markup:
    """A value in a cell.

    Arguments:
        value: the value.
        is_key: whether it is the key of a row: a number by which it is called, which stays as it is.

    Example:
        >>> cell("<b>"), cell(None)
        (Markup('<bdi>&lt;b&gt;</bdi>'), Markup('<span class="muted">-</span>'))
        >>> cell(datetime.time(7, 5, 0, 123456))[:30]
        Markup('<time datetime="07:05:00.123">')
    """
    kind = type(value)
    if kind is str and 0 < len(value) <= _LONG:  # What most cells hold comes first.
        return Markup(f"<bdi>{escape(value)}</bdi>")  # noqa: S704  (escaped)
    if kind is int and (is_key or -_PARTED < value < _PARTED or not writes_by_language()):
        return Markup(value)  # noqa: S704  (digits)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        colour = "success" if value else "muted"
        return Markup('<span class="{}">{}</span>').format(colour, text_of(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        at = value.isoformat()
        if isinstance(value, (datetime.datetime, datetime.time)):
            at = value.isoformat(timespec="milliseconds")  # HTML takes three digits.
        return Markup(f'<time datetime="{at}">{escape(_time_shown(value))}</time>')  # noqa: S704  (each piece escaped)
    if isinstance(value, enum.Enum):
        return Markup('<span class="badge">{}</span>').format(text_of(value))
    text = number_shown(value) if is_number(value) and not is_key else text_of(value)
    if len(text) > _LONG:
        return Markup('<span title="{}">{}…</span>').format(text[:1_000], text[:_LONG].rstrip())
    return Markup(f"<bdi>{escape(text)}</bdi>") if isinstance(value, (str, StoredFile)) else escape(text)  # noqa: S704  (escaped)


def is_number(value: Any) -> bool:
    """Whether a value stands at the end of its cell."""
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


def members(value: Any) -> list[Any] | None:
    """What a list, a set, or a relation that has its rows by name has in it; None for any other value.

    Example:
        >>> members([1, 2]), members({"a": 1}), members("ab")
        ([1, 2], None, None)
    """
    if isinstance(value, dict):
        return list(value.values()) if isinstance(value, KeyFuncDict) or any(map(is_row, value.values())) else None
    return list(value) if isinstance(value, (list, set)) else None


def is_row(value: Any) -> bool:
    """Whether a value is the row of a model."""
    return hasattr(type(value), "__mapper__")
