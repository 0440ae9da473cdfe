"""Cells of tables for people: no text of one is a formula, and what was written so can be read again.

Source: OWASP, "CSV Injection"; ASVS 5.0, 1.2.10.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import re
from typing import Any

from wholestack.encoding import word_of
from wholestack.files import PackageMissing, StoredFile

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for the beginning of a formula, or throw away before it looks; the last four are wide."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What XML has no place for."""
LONGEST_CELL = 32_767
"""Characters of one cell of a spreadsheet; a text that is longer is cut there."""
_FIRST_YEAR = 1901
"""From here on every spreadsheet counts days alike."""
_ISO = re.compile(
    r"([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,6}))?S)?)?", re.ASCII
)
_PLAIN = re.compile(r"(?:(-?\d+) days?, )?(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?", re.ASCII)


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: what would be one gets a ``'`` in front.

    Example:
        >>> guarded("=1+1"), guarded("-cmd"), guarded("'=1"), guarded("milk")
        ("'=1+1", "'-cmd", "''=1", 'milk')
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """The text that was given to `guarded`.

    Example:
        >>> unguarded("'=1+1"), unguarded("''=1"), unguarded("'tis")
        ('=1+1', "'=1", "'tis")
    """
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def interval_text(value: datetime.timedelta) -> str:
    """An interval as ISO 8601 has it, with its sign before all of it.

    Example:
        >>> interval_text(datetime.timedelta(hours=1, minutes=30)), interval_text(datetime.timedelta(seconds=-5))
        ('PT1H30M', '-PT5S')
        >>> interval_text(datetime.timedelta(days=3, microseconds=7)), interval_text(datetime.timedelta())
        ('P3DT0.000007S', 'PT0S')
    """
    sign, span = ("-", -value) if value < datetime.timedelta() else ("", value)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f"{seconds}.{span.microseconds:06}".rstrip("0").rstrip(".") if span.microseconds else str(seconds)
    days = f"{span.days}D" if span.days else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else "", f"{rest}S" if rest != "0" else ""]
    time = "".join(parts) or ("" if days else "0S")
    return f"{sign}P{days}{'T' if time else ''}{time}"


def interval_in(text: str) -> datetime.timedelta | None:
    """The interval that a text is, as ISO 8601 has it or as Python writes it; None for any other text.

    Example:
        >>> interval_in("-PT5S") == datetime.timedelta(seconds=-5)
        True
        >>> interval_in("-1 day, 0:00:05") == datetime.timedelta(days=-1, seconds=5)
        True
        >>> interval_in("soon") is None
        True
    """
    iso, plain = _ISO.fullmatch(text), _PLAIN.fullmatch(text)
    if iso is not None and not text.endswith("P"):
        sign, weeks, days, *time = iso.groups()
    elif plain is not None:
        sign, weeks, (days, *time) = "", "0", plain.groups()
    else:
        return None
    hours, minutes, seconds = (int(each or 0) for each in time[:3])
    parts = int((time[3] or "").ljust(6, "0"))
    try:
        found = datetime.timedelta(int(days or 0), seconds, parts, 0, minutes, hours, int(weeks or 0))
    except OverflowError:
        return None
    return -found if sign == "-" else found


def written(value: Any) -> str:
    """A value as the text of a cell, which an import reads again: a list as JSON, the keys of related rows, which come
    as a tuple, with commas between.

    Example:
        >>> written(None), written(True), written(decimal.Decimal("-1.50")), written([1, 2]), written("=A1")
        ('', 'true', '-1.50', '[1, 2]', "'=A1")
        >>> written((1, 2)), written(datetime.timedelta(minutes=90))
        ('1, 2', 'PT1H30M')
    """
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return guarded(value)
    if isinstance(value, (bool, int, float, decimal.Decimal)):
        return word_of(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return guarded(word_of(value))
    if isinstance(value, StoredFile):
        return guarded(value.filename or value.name)
    if isinstance(value, datetime.timedelta):
        return guarded(interval_text(value))
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=word_of)
    if isinstance(value, (tuple, set, frozenset)):
        return guarded(", ".join(str(each) for each in value))
    return guarded(str(value))


def spreadsheet_cell(value: Any) -> Any:
    """A value as openpyxl takes it: numbers and dates as such, moments in UTC, texts without what XML cannot hold.
    What a spreadsheet would change is a text: a date before 1901, and parts of thousandths of a second.

    Example:
        >>> spreadsheet_cell(7), spreadsheet_cell("=1"), spreadsheet_cell(datetime.date(2026, 11, 27))
        (7, "'=1", datetime.date(2026, 11, 27))
        >>> spreadsheet_cell(datetime.date(1900, 2, 1))
        '1900-02-01'
    """
    if isinstance(value, datetime.date) and value.year < _FIRST_YEAR:
        return value.isoformat()
    if isinstance(value, datetime.datetime):
        if value.microsecond % 1_000:
            return value.isoformat()
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
    if isinstance(value, (bool, datetime.date)):
        return value
    if isinstance(value, (int, float, decimal.Decimal)):
        # A spreadsheet keeps 15 digits: what has more stays whole as a text.
        return value if len(str(value).lstrip("-0.").replace(".", "")) <= 15 and math.isfinite(value) else str(value)
    return _UNFIT.sub("", written(value))[:LONGEST_CELL]


def openpyxl() -> Any:
    """The package for spreadsheets.

    Raises:
        PackageMissing: it is not installed; the message has the command.
    """
    try:
        import openpyxl as found
    except ImportError:
        raise PackageMissing("A spreadsheet (XLSX)", "openpyxl", "xlsx") from None
    return found
