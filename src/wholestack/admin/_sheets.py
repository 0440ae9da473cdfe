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
_LONGEST = 32_767
"""Characters of one cell of a spreadsheet."""


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


def written(value: Any) -> str:
    """A value as the text of a cell, which an import reads again.

    Example:
        >>> written(None), written(True), written(decimal.Decimal("-1.50")), written([1, 2]), written("=A1")
        ('', 'true', '-1.50', '1, 2', "'=A1")
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
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, (list, tuple, set, frozenset)):
        return guarded(", ".join(str(each) for each in value))
    return guarded(str(value))


def spreadsheet_cell(value: Any) -> Any:
    """A value as openpyxl takes it: numbers and dates as such, moments in UTC, texts without what XML cannot hold.

    Example:
        >>> spreadsheet_cell(7), spreadsheet_cell("=1"), spreadsheet_cell(datetime.date(2026, 11, 27))
        (7, "'=1", datetime.date(2026, 11, 27))
    """
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
    if isinstance(value, (bool, datetime.date)):
        return value
    if isinstance(value, (int, float, decimal.Decimal)):
        # A spreadsheet keeps 15 digits: what has more stays whole as a text.
        return value if len(str(value).lstrip("-0.").replace(".", "")) <= 15 and math.isfinite(value) else str(value)
    return _UNFIT.sub("", written(value))[:_LONGEST]


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
