"""The step of an input: where what it shows is off the step, a browser would refuse what is right."""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping

#: What a browser takes for a number (HTML standard, "valid floating-point number").
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(r"(?:.*T)?(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?", re.ASCII)
_PRECISE = decimal.Context(prec=400)


def step_for(kind: str, said: Mapping[str, str | bool], shown: str) -> str | None:
    """The step that an input is to have because of what it shows; None for the one that it has by itself.

    A browser counts steps from `min`; without it, from the value that the page came with (HTML standard, "step base").

    Arguments:
        kind: the type of the input.
        said: its attributes.
        shown: its value.

    Example:
        >>> step_for("number", {}, "1.5"), step_for("number", {}, "2"), step_for("time", {"min": "08:00"}, "08:00:05")
        ('any', None, '1')
    """
    step, least = said.get("step"), said.get("min")
    if step == "any":
        return None
    if kind == "number":
        counts = least is None and not (step is None and shown.isdecimal()) and _NUMBER.fullmatch(shown)
        return "any" if counts and not is_on(shown, step or "1") else None
    if kind not in {"time", "datetime-local"}:
        return None
    if step is not None:
        return None if least is not None or is_on(_seconds(shown), step) else "any"
    found = {_seconds(text) % 60 for text in (shown, str(least or ""))} - {0}
    return None if not found else "any" if any(each % 1 for each in found) else "1"


def is_on(value: str | decimal.Decimal, step: str | bool) -> bool:
    """Whether a number is a multiple of a step.

    Example:
        >>> is_on("1.5", "0.5"), is_on("1.5", "1")
        (True, False)
    """
    try:
        return not _PRECISE.remainder(decimal.Decimal(value), decimal.Decimal(str(step)))
    except decimal.DecimalException:
        return True  # It is no step, or the number is none that a browser can count.


def _seconds(text: str) -> decimal.Decimal:
    """The seconds of a time since midnight, 0 of what is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return decimal.Decimal(0)
    hours, minutes, seconds = found.groups("0")
    return int(hours) * 3600 + int(minutes) * 60 + decimal.Decimal(seconds)
