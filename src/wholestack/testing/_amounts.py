"""Numbers, dates and times within bounds."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

_SPAN = 100
"""How many steps wide the choice is where a bound is missing."""
_MIDNIGHT = datetime.datetime.min  # noqa: DTZ901 - both ends of a difference have none
_DAY = 86400
_START = Fraction((datetime.date(2026, 1, 1).toordinal() - 1) * _DAY)
_FINE = Fraction(1, 1_000_000)


def between(random: Random, bounds: Mapping[str, Fraction], step: Fraction, start: Fraction) -> Fraction | None:
    """A multiple of `step` within the bounds (`ge`, `gt`, `le`, `lt`), near the lower one; None where there is none.

    Example:
        >>> between(Random(1), {"gt": Fraction(2), "le": Fraction(3)}, Fraction(1), Fraction(0))
        Fraction(3, 1)
    """
    lows = [math.ceil(bounds["ge"] / step)] if "ge" in bounds else []
    lows += [math.floor(bounds["gt"] / step) + 1] if "gt" in bounds else []
    highs = [math.floor(bounds["le"] / step)] if "le" in bounds else []
    highs += [math.ceil(bounds["lt"] / step) - 1] if "lt" in bounds else []
    high = min(highs, default=None)
    usual = math.ceil(start / step)
    low = max(lows, default=usual if high is None or high >= usual else high - _SPAN)
    if high is not None and high < low:
        return None
    return random.randint(low, low + _SPAN if high is None else min(high, low + _SPAN)) * step


def finer(random: Random, bounds: Mapping[str, Fraction], steps: tuple[Fraction, ...], start: Fraction) -> Any:
    """As `between`, with the first step that has room within the bounds."""
    for step in steps:
        if (found := between(random, bounds, step, start)) is not None:
            return found
    return None


def bounds_of(schema: Mapping[str, Any]) -> dict[str, Fraction]:
    """The bounds of a number's schema."""
    found = {name: schema[name] for name in ("ge", "gt", "le", "lt") if schema.get(name) is not None}
    return {name: Fraction(value) for name, value in found.items() if math.isfinite(value)}


def an_int(random: Random, schema: Mapping[str, Any]) -> int | None:
    """A whole number."""
    found = between(random, bounds_of(schema), Fraction(schema.get("multiple_of") or 1), Fraction(1))
    return None if found is None or found.denominator != 1 else int(found)


def a_float(random: Random, schema: Mapping[str, Any]) -> float | None:
    """A number; with two digits behind the point, if such a one lies within the bounds."""
    multiple = schema.get("multiple_of")
    bounds = bounds_of(schema)
    steps = [Fraction(multiple)] if multiple else [Fraction(1, 4), Fraction(1, 100), _FINE]
    if {"ge", "gt"} & set(bounds) and {"le", "lt"} & set(bounds) and not multiple:
        low, high = (
            max(bounds[key] for key in bounds if key[0] == "g"),
            min(bounds[key] for key in bounds if key[0] == "l"),
        )
        steps += [(high - low) / 7] if high > low else []
        if low == high:
            return float(low)
    found = finer(random, bounds, tuple(steps), Fraction(0))
    return None if found is None else float(found)


def a_decimal(random: Random, schema: Mapping[str, Any]) -> Decimal | None:
    """A decimal number with no more digits than are allowed."""
    digits, asked = schema.get("max_digits"), schema.get("decimal_places")
    for places in (2, 1, 0) if asked is None else (asked,):
        bounds = bounds_of(schema)
        if digits is not None:
            if places > digits:
                continue
            most = Fraction(10) ** (digits - places) - Fraction(1, 10**places)
            bounds = {"ge": -most, **bounds} if {"le", "lt"} & set(bounds) else bounds
            bounds["le"] = min(bounds.get("le", most), most)
        step = Fraction(schema["multiple_of"]) if schema.get("multiple_of") else Fraction(1, 10**places)
        found = between(random, bounds, step, min(Fraction(1), bounds.get("le", Fraction(1))))
        if found is not None:
            return Decimal(found.numerator) / Decimal(found.denominator)
    return None


def a_timedelta(random: Random, schema: Mapping[str, Any]) -> datetime.timedelta | None:
    """A length of time, in whole minutes if there is room."""
    bounds = {name: _seconds(schema[name]) for name in ("ge", "gt", "le", "lt") if schema.get(name) is not None}
    found = finer(random, bounds, (Fraction(60), Fraction(1), _FINE), Fraction(60))
    return None if found is None else datetime.timedelta(microseconds=int(found / _FINE))


def a_time(random: Random, schema: Mapping[str, Any]) -> datetime.time | None:
    """A time of day, in whole minutes if there is room."""
    bounds = {"ge": Fraction(0), "lt": Fraction(_DAY)}
    for name in ("ge", "gt", "le", "lt"):
        if (bound := schema.get(name)) is not None:
            bounds[name] = _seconds(datetime.datetime.combine(_MIDNIGHT, bound.replace(tzinfo=None)) - _MIDNIGHT)
    found = finer(random, bounds, (Fraction(60), Fraction(1), _FINE), Fraction(8 * 3600))
    zone = _zone(schema, naive=True)
    return (
        None
        if found is None
        else (_MIDNIGHT + datetime.timedelta(microseconds=int(found / _FINE))).time().replace(tzinfo=zone)
    )


def a_date(random: Random, schema: Mapping[str, Any]) -> datetime.date | None:
    """A day, of the year 2026 if that is allowed."""
    days = {
        name: Fraction(schema[name].toordinal()) for name in ("ge", "gt", "le", "lt") if schema.get(name) is not None
    }
    found = between(random, days, Fraction(1), _START / _DAY + 1 + _shift(schema) * 365)
    return None if found is None else datetime.date.fromordinal(int(found))


def a_datetime(random: Random, schema: Mapping[str, Any]) -> datetime.datetime | None:
    """A moment; in UTC, unless it is to have no time zone or another one."""
    given = {name: schema[name] for name in ("ge", "gt", "le", "lt") if schema.get(name) is not None}
    zone = _zone(schema, naive=any(each.tzinfo is None for each in given.values()))
    bounds = {}
    for name, moment in given.items():
        plain = moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo is not None else moment
        bounds[name] = _seconds(plain - _MIDNIGHT)
    found = finer(random, bounds, (Fraction(3600), Fraction(1), _FINE), _START + _shift(schema) * 365 * _DAY)
    if found is None:
        return None
    return (_MIDNIGHT + datetime.timedelta(microseconds=int(found / _FINE))).replace(tzinfo=zone)


def _seconds(delta: datetime.timedelta) -> Fraction:
    return Fraction(delta // datetime.timedelta(microseconds=1), 1_000_000)


def _shift(schema: Mapping[str, Any]) -> int:
    """Years away from 2026 that are safely past, or to come."""
    return {"past": -10, "future": 500}.get(schema.get("now_op", ""), 0)


def _zone(schema: Mapping[str, Any], *, naive: bool) -> datetime.tzinfo | None:
    asked = schema.get("tz_constraint")
    if isinstance(asked, int):
        return datetime.timezone(datetime.timedelta(seconds=asked))
    if asked == "naive" or (asked is None and naive):
        return None
    return datetime.UTC
