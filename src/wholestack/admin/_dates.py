"""Dates in a list: from one to another, today, this month; and down from years to days."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, exists, func

from wholestack.db import Moment
from wholestack.languages import gettext

from ._inputs import Input, ListFilter, Look, Unread, Values, first
from ._paths import Path, path_of
from ._resource import Resource

_PART = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_MOST_YEARS = 40
_DAY = datetime.timedelta(days=1)
Span = tuple[datetime.date, datetime.date]
"""The first day, and the last."""


def today() -> datetime.date:
    """The day that it is, in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def quick(day: datetime.date) -> Mapping[str, Span]:
    """The spans that links offer, seen from a day.

    Example:
        >>> quick(datetime.date(2026, 2, 3))["month"]
        (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    last = calendar.monthrange(day.year, day.month)[1]
    return {
        "today": (day, day),
        "week": (day - 6 * _DAY, day),
        "month": (day.replace(day=1), day.replace(day=last)),
        "year": (datetime.date(day.year, 1, 1), datetime.date(day.year, 12, 31)),
    }


def part_of(text: str) -> Span | None:
    """A year, a month or a day as the days that it has; None for all else.

    Example:
        >>> part_of("2026-02")
        (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
        >>> part_of("2026-13") is None
        True
    """
    found = _PART.fullmatch(text) if text.isascii() else None
    if found is None:
        return None
    year, month, day = (int(each) if each else None for each in found.groups())
    try:
        start = datetime.date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        return start, start
    last = month or 12
    return start, datetime.date(start.year, last, calendar.monthrange(start.year, last)[1])


def has_zone(kind: Any) -> bool:
    """Whether the moments of a type of columns have a time zone.

    Example:
        >>> has_zone(Moment())
        True
    """
    return isinstance(kind, Moment) or bool(getattr(kind, "timezone", False))


def between(path: Path, start: datetime.date | None, end: datetime.date | None) -> Any:
    """The condition of a span, its last day in it; a moment's days are those of UTC."""
    column, attribute = path.column, path.attribute
    if attribute is None or attribute.family == "date":
        bounds = [column >= start] if start else []
        return and_(*bounds, *([column <= end] if end else []))
    zone = datetime.UTC if has_zone(attribute.column.type) else None
    bounds = [column >= datetime.datetime.combine(start, datetime.time(), zone)] if start else []
    if end is None or end == datetime.date.max:
        return and_(*bounds)
    return and_(*bounds, column < datetime.datetime.combine(end + _DAY, datetime.time(), zone))


class Dates(ListFilter):
    """From a day to another, or one of the spans that are asked for often."""

    def __init__(self, name: str, path: Path) -> None:
        self._quick, self._from, self._to = self.names = (f"{name}__in", f"{name}__ge", f"{name}__le")
        self._path = path
        self._title = path.title

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        start, end = (self._day(first(values, name)) for name in (self._from, self._to))
        chosen = first(values, self._quick)
        spans = [(start, end)] if start or end else []
        if chosen:
            if chosen not in (known := quick(today())):
                raise Unread(self._title)
            spans.append(known[chosen])
        condition = and_(*(between(self._path, *span) for span in spans))
        return statement.where(self._path.holds(condition, look.access))

    def _day(self, text: str) -> datetime.date | None:
        try:
            return datetime.date.fromisoformat(text) if text else None
        except ValueError:
            raise Unread(self._title) from None

    def inputs(self, look: Look, values: Values) -> list[Input]:
        words = {
            "today": gettext("Today"),
            "week": gettext("Past 7 days"),
            "month": gettext("This month"),
            "year": gettext("This year"),
        }
        return [
            Input(self._quick, self._title, "links", first(values, self._quick), list(words.items())),
            Input(self._from, gettext("%(name)s from") % {"name": self._title}, "date", first(values, self._from)),
            Input(self._to, gettext("%(name)s to") % {"name": self._title}, "date", first(values, self._to)),
        ]


class Drill:
    """Down from years to the days of one attribute: nothing is grouped, and at most 31 steps are taken in an index.

    Arguments:
        name: the attribute, a date or a moment, which should have an index.
        path: the same.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = f"{name}__part"
        self.title = path.title
        self._path = path

    @classmethod
    def of(cls, resource: Resource, name: str) -> Drill:
        """The drill-down of a view.

        Raises:
            SetupError: it names no date.
        """
        known = [each.name for each in resource.attributes.values() if each.family in {"date", "moment"}]
        if name not in known:
            raise resource.fault(f"{resource.model.__name__} has no date {name!r} to drill down by.", known)
        return cls(name, path_of(resource, name))

    def where(self, statement: Select[Any], text: str) -> Select[Any]:
        """The rows of a year, a month or a day.

        Raises:
            Unread: none of these.
        """
        span = part_of(text)
        if span is None:
            raise Unread(self.title)
        return statement.where(between(self._path, *span))

    def above(self, text: str) -> list[str]:
        """The parts that a part is in, the largest first.

        Example:
            ``drill.above("2026-11-27")`` is ``["2026", "2026-11", "2026-11-27"]``.
        """
        return [text[:end] for end in (4, 7, 10) if end <= len(text)]

    def asks(self, statement: Select[Any], text: str) -> list[Any]:
        """The columns of a select that tells what is below a part: of none the first and the last day that there are,
        else for each month or day whether it has a row. Each is a select of its own, one step in an index.

        Arguments:
            statement: a select of the rows, without this filter.
            text: a year, a month, or nothing.
        """
        inside = statement.order_by(None).where(self._path.column.is_not(None)).with_only_columns(self._path.column)
        if not text:
            column = self._path.column
            return [inside.with_only_columns(each(column)).scalar_subquery() for each in (func.min, func.max)]
        return [exists(inside.where(between(self._path, *span))) for span in _below(text).values()]

    def parts(self, text: str, found: Sequence[Any]) -> list[str]:
        """The parts below a part, of what was found; of the years those between the first and the last.

        Example:
            ``drill.parts("", [datetime.date(2024, 5, 1), datetime.date(2026, 1, 1)])`` is ``["2024", "2025", "2026"]``.
        """
        if text:
            return [part for part, is_there in zip(_below(text), found, strict=True) if is_there]
        low, high = found
        if low is None:
            return []
        return [f"{year:04}" for year in range(max(low.year, high.year - _MOST_YEARS + 1), high.year + 1)]


def _below(text: str) -> dict[str, Span]:
    """The months of a year, or the days of a month."""
    if len(text) == 10:
        return {}
    last = 12 if len(text) == 4 else calendar.monthrange(int(text[:4]), int(text[5:]))[1]
    every = [f"{text}-{number:02}" for number in range(1, last + 1)]
    return {each: span for each in every if (span := part_of(each)) is not None}
