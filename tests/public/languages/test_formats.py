"""Dates and numbers as a language writes them, and what is written where Babel is not installed."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest

from wholestack.languages import (
    format_currency,
    format_date,
    format_datetime,
    format_number,
    format_percent,
    format_time,
    gettext,
    language,
)

DAY = datetime.date(2026, 3, 1)
MOMENT = datetime.datetime(2026, 7, 1, 22, 30)  # noqa: DTZ001  (names no time zone: UTC)


@pytest.mark.parametrize(
    ("tag", "write", "text"),
    [
        ("en", lambda: format_date(DAY), "Mar 1, 2026"),
        ("de", lambda: format_date(DAY, "full"), "Sonntag, 1. März 2026"),
        ("de-AT", lambda: format_date(datetime.date(2026, 1, 1), "long"), "1. Jänner 2026"),
        ("ar-EG", lambda: format_date(DAY, "long"), "1 مارس 2026"),
        ("en", lambda: format_date(DAY, "EEEE"), "Sunday"),
        ("de", lambda: format_date(MOMENT), "02.07.2026"),  # in Berlin it is another day
        ("de", lambda: format_datetime(MOMENT, "short"), "02.07.26, 00:30"),
        ("de", lambda: format_datetime(MOMENT.replace(tzinfo=datetime.UTC), "d. MMM HH:mm zzz"), "2. Juli 00:30 MESZ"),
        ("de", lambda: format_time(MOMENT), "00:30"),
        ("de", lambda: format_time(datetime.time(8, 5)), "08:05"),
        ("de", lambda: format_number(1234567.891), "1.234.567,891"),
        ("en", lambda: format_number(Decimal("0.5"), "0.00"), "0.50"),
        ("de", lambda: format_currency(Decimal("1099.5"), "EUR"), "1.099,50 €"),
        ("ja", lambda: format_currency(1099, "JPY"), "￥1,099"),
        ("de", lambda: format_percent(0.256, "0.0 %"), "25,6 %"),
        ("xx", lambda: format_number(1234.5), "1,234.5"),  # nobody knows it
    ],
)
def test_as_a_language_writes_it(tag: str, write: Callable[[], str], text: str) -> None:
    with language(tag, timezone="Europe/Berlin"):
        assert write().replace("\N{NO-BREAK SPACE}", " ") == text


def test_without_babel_machines_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "babel", None)  # As where it is not installed.
    moment = MOMENT.replace(tzinfo=datetime.UTC)
    with language("de", timezone="Europe/Berlin"):
        assert [format_date(DAY), format_date(moment), format_time(moment)] == ["2026-03-01", "2026-07-02", "00:30"]
        assert [format_time(datetime.time(8, 5)), format_datetime(moment)] == ["08:05", "2026-07-02 00:30+02:00"]
        assert [format_number(1234.5), format_currency(3, "EUR"), format_percent(0.256)] == ["1234.5", "EUR 3", "26%"]
        assert gettext("Save") == "Speichern"


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("Europe/Berlin", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC), "31.12.9999, 23:59:59"),
        ("America/New_York", datetime.datetime(1, 1, 1, tzinfo=datetime.UTC), "01.01.1, 00:00:00"),
    ],
)
def test_a_moment_at_an_end_of_the_calendar_stays_in_utc(zone: str, moment: datetime.datetime, text: str) -> None:
    with language("de", timezone=zone):
        assert format_datetime(moment) == text
        day, time = text.split(", ")
        assert (format_date(moment), format_time(moment)) == (day, time[:5])
