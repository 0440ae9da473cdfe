"""Dates and numbers as a language writes them, by Babel; without it, as machines do (ISO 8601)."""

from __future__ import annotations

import datetime
import decimal
import functools
import importlib.util
from typing import TYPE_CHECKING, Literal

from ._current import is_said, spoken

if TYPE_CHECKING:
    from babel import Locale

Length = Literal["short", "medium", "long", "full"]
Number = int | float | decimal.Decimal


def has_babel() -> bool:
    """Whether Babel is installed (the extra `i18n`).

    Example:
        >>> has_babel()
        True
    """
    return importlib.util.find_spec("babel") is not None


def writes_by_language() -> bool:
    """Whether dates and numbers are written as a language does: Babel is installed, and an app with `Languages` or a
    block of `language` has said in which.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     writes_by_language()
        True
    """
    return is_said() and has_babel()


def format_date(value: datetime.date, format: Length | str = "medium") -> str:
    """A date in the current language; of a moment, the day that it has in the current time zone (in UTC, where it would
    be before the year 1 or after 9999 there).

    Arguments:
        value: a date, or a moment; one that names no time zone is in UTC.
        format: a length, or a pattern of CLDR (``"EEEE"``).

    Source: Unicode CLDR, by Babel. Without Babel: ISO 8601.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     format_date(datetime.date(2026, 3, 1), "long")
        '1. März 2026'
    """
    day = _local(value).date() if isinstance(value, datetime.datetime) else value
    if not has_babel():
        return day.isoformat()
    from babel import dates

    return dates.format_date(day, format, locale=_locale())


def format_time(value: datetime.time | datetime.datetime, format: Length | str = "short") -> str:
    """A time of day in the current language; of a moment, that in the current time zone (in UTC, where it would be
    before the year 1 or after 9999 there).

    Arguments:
        value: a moment, or a time of day, which stays as it is.
        format: a length, or a pattern of CLDR.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de", timezone="Europe/Berlin"):
        ...     format_time(datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC))
        '14:00'
    """
    if not has_babel():
        time = _local(value).time() if isinstance(value, datetime.datetime) else value
        return time.isoformat("minutes")
    from babel import dates

    if isinstance(value, datetime.datetime):
        moment = _local(value)
        return dates.format_time(moment, format, tzinfo=moment.tzinfo, locale=_locale())
    return dates.format_time(value, format, locale=_locale())


def format_datetime(value: datetime.datetime, format: Length | str = "medium") -> str:
    """A moment in the current language and time zone; in UTC where it would be before the year 1 or after 9999.

    Arguments:
        value: one that names no time zone is in UTC.
        format: a length, or a pattern of CLDR.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de", timezone="Europe/Berlin"):
        ...     format_datetime(datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC))
        '01.07.2026, 14:00:00'
    """
    moment = _local(value)
    if not has_babel():
        return moment.isoformat(" ", "minutes")
    from babel import dates

    return dates.format_datetime(moment, format, tzinfo=moment.tzinfo, locale=_locale())


def format_number(value: Number, format: str | None = None) -> str:
    """A number in the current language.

    Arguments:
        value: rounded to three digits after the point, where `format` says nothing else.
        format: a pattern of CLDR (``"#,##0.00"``).

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     format_number(1234567.5)
        '1.234.567,5'
    """
    if not has_babel():
        return str(value)
    from babel import numbers

    return numbers.format_decimal(value, format, locale=_locale())


def format_currency(value: Number, currency: str) -> str:
    """An amount of money in the current language.

    Arguments:
        value: the amount, in the currency's own unit (no cents).
        currency: its code of three letters (ISO 4217).

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     format_currency(decimal.Decimal("1099.5"), "EUR").split()
        ['1.099,50', '€']
    """
    if not has_babel():
        return f"{currency} {value}"
    from babel import numbers

    return numbers.format_currency(value, currency, locale=_locale())


def format_percent(value: Number, format: str | None = None) -> str:
    """A share as per cent, in the current language.

    Arguments:
        value: the share: 1 is the whole.
        format: a pattern of CLDR (``"0.0 %"``).

    Example:
        >>> from wholestack.languages import language
        >>> with language("en"):
        ...     format_percent(0.256)
        '26%'
    """
    if not has_babel():
        return f"{value:.0%}"
    from babel import numbers

    return numbers.format_percent(value, format, locale=_locale())


def _local(value: datetime.datetime) -> datetime.datetime:
    """A moment in the current time zone; in UTC where that would be before or after the calendar."""
    moment = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    try:
        return moment.astimezone(spoken().timezone)
    except OverflowError:
        return moment.astimezone(datetime.UTC)


def _locale() -> Locale:
    return _locale_of(spoken().language.tag)


@functools.lru_cache(maxsize=256)
def _locale_of(tag: str) -> Locale:
    """What Babel knows of a language, or of a wider one; of one that it does not know, what holds for all."""
    from babel import Locale, UnknownLocaleError

    parts = tag.split("-")
    while parts:
        try:
            return Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return Locale.parse("en_001")
