"""A new row of a model from the values of its attributes, whatever a constructor of the model's own takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

M = TypeVar("M")


def made(model: type[M], values: Mapping[str, Any]) -> M:
    """A row with these values; those that its constructor does not take are set on it.

    Example:
        >>> class Point:
        ...     def __init__(self, x: int) -> None:
        ...         self.x = x
        >>> vars(made(Point, {"x": 1, "y": 2}))
        {'x': 1, 'y': 2}
    """
    constructor: Any = model
    taken = _taken(constructor)
    row = model(**(values if taken is None else {name: value for name, value in values.items() if name in taken}))
    for name in () if taken is None else values.keys() - taken:
        setattr(row, name, values[name])
    return row


@functools.lru_cache(1024)
def _taken(model: Any) -> frozenset[str] | None:
    """The names that a constructor takes; None for one that takes any, as SQLAlchemy's own does."""
    parameters = inspect.signature(model).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return frozenset(each.name for each in parameters if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY})
