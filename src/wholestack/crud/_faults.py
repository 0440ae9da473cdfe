"""Faults of what a model was asked for, told where it was asked: names that it lacks, columns that cannot do it."""

from __future__ import annotations

import difflib
import sys
import types
from collections.abc import Iterable

from wholestack import SetupError
from wholestack.errors import Fault


def outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    # A class with keywords is made by way of its metaclass, a model by way of its mapping.
    between = {__name__.partition(".")[0], "abc", "pydantic", "sqlalchemy", "types"}
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in between:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def no_column(model: type, name: str, known: Iterable[str]) -> SetupError:
    """The error for a name that a model does not have, with the nearest that it has."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    cure = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(map(repr, names))}."
    return SetupError([Fault("no-column", f"{model.__name__} has no {name!r} to name here.", outside(), cure)])


def cannot_filter(message: str, cure: str) -> SetupError:
    """The error for a column that no query can filter or order by, or not in this way."""
    return SetupError([Fault("cannot-filter", message, outside(), cure)])


def bad_crud(message: str, cure: str) -> SetupError:
    """The error for a `crud(…)` or a `schema(…)` that cannot be as it was asked for."""
    return SetupError([Fault("bad-crud", message, outside(), cure)])
