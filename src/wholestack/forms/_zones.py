"""Moments in a form: shown, and told of, in the time zone of the visitor, in which `wholestack.encoding` reads them."""

from __future__ import annotations

import datetime
from typing import Any

from wholestack.languages import current_timezone

from ._spec import time_text


def zone_name(zone: datetime.tzinfo) -> str:
    """What a time zone is called where people read it.

    Example:
        >>> import zoneinfo
        >>> zone_name(datetime.UTC), zone_name(zoneinfo.ZoneInfo("America/New_York"))
        ('UTC', 'America/New York')
    """
    return str(zone).replace("_", " ")


def moment_of(held: Any) -> datetime.datetime | None:
    """A moment, or the text of one that has its zone, in the visitor's time zone; None for anything else.

    One that names no zone is in UTC, as where it is only shown; the text of one is what somebody has typed. One that is
    before or after the calendar in that time zone (`is_at_an_end`) is in UTC, too.
    """
    if isinstance(held, str):
        try:
            held = datetime.datetime.fromisoformat(held)
        except ValueError:
            return None
        if held.tzinfo is None:
            return None
    if not isinstance(held, datetime.datetime):
        return None
    moment = held if held.tzinfo is not None else held.replace(tzinfo=datetime.UTC)
    try:
        return moment.astimezone(current_timezone())
    except OverflowError:
        return moment.astimezone(datetime.UTC)


def is_at_an_end(moment: datetime.datetime) -> bool:
    """Whether a moment of `moment_of` is at an end of the calendar, where the visitor's time zone has none: it is
    shown, and read, in UTC.

    Example:
        >>> from wholestack.languages import language
        >>> with language("en", timezone="Europe/Berlin"):
        ...     is_at_an_end(moment_of("9999-12-31T23:59Z")), is_at_an_end(moment_of("2026-12-31T23:59Z"))
        (True, False)
    """
    return moment.tzinfo is datetime.UTC and current_timezone() is not datetime.UTC


def local_text(moment: datetime.datetime) -> str:
    """A moment of `moment_of` as an input takes it."""
    return time_text(moment.replace(tzinfo=None))


def comes_later(moment: datetime.datetime) -> bool:
    """Whether a moment is the second of two that are called alike, as clocks are put back.

    Example:
        >>> import zoneinfo
        >>> comes_later(datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")))
        True
    """
    return bool(moment.fold) and moment.utcoffset() != moment.replace(fold=0).utcoffset()


def is_left_out(text: str) -> bool:
    """Whether a date and time that was typed is one that the visitor's clocks leave out.

    Example:
        >>> from wholestack.languages import language
        >>> with language("en", timezone="Europe/Berlin"):
        ...     is_left_out("2026-03-29T02:30"), is_left_out("2026-03-29T03:30")
        (True, False)
    """
    try:
        local = datetime.datetime.fromisoformat(text)
        there = local.replace(tzinfo=current_timezone()).astimezone(datetime.UTC).astimezone(current_timezone())
    except (ValueError, OverflowError):
        return False
    return local.tzinfo is None and there.replace(tzinfo=None, fold=0) != local
