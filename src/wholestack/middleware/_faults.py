"""Faults of a guard's own arguments, told where the guard was made."""

from __future__ import annotations

import sys
import types
from typing import Any

from wholestack import SetupError
from wholestack.errors import Fault


def outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def bad_guard(message: str, cure: str) -> SetupError:
    """The error for an argument that a guard cannot work with."""
    return SetupError([Fault("bad-guard", message, outside(), cure)])


def texts(value: object, name: str) -> tuple[str, ...]:
    """One text or several as a tuple of texts.

    Example:
        >>> texts("GET", "methods"), texts(["GET", "POST"], "methods")
        (('GET',), ('GET', 'POST'))
    """
    if isinstance(value, str):
        return (value,)
    found: list[Any] = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
    if not all(isinstance(each, str) for each in found):
        raise bad_guard(f"{name}= holds something that is no text.", f'Write {name}=["…"].')
    return tuple(found)
