"""A function made ready to be called: each parameter with the place its value will lie in."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Literal

#: The first slots of every call: the request, and the error that an error handler answers.
REQUEST, ERROR, FIRST_FREE = 0, 1, 2

Kind = Literal["value", "await", "yield", "await yield"]


@dataclasses.dataclass(slots=True)
class Cell:
    """Where a value that lives as long as the app lies; filled when the app starts."""

    value: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A function and where its arguments lie.

    Attributes:
        function: what is called.
        checked: parameter and key among the values that the plan's validator gave.
        slots: parameter and number of the slot that a provider filled.
        cells: parameter and cell of an app-lifetime value.
        own: parameter and reader of a kind that a plugin added.
        kind: whether the result is a value, to be awaited, or a generator to be advanced.
    """

    function: Callable[..., Any]
    checked: tuple[tuple[str, str], ...] = ()
    slots: tuple[tuple[str, int], ...] = ()
    cells: tuple[tuple[str, Cell], ...] = ()
    own: tuple[tuple[str, Callable[[Any], Any]], ...] = ()
    kind: Kind = "value"

    def arguments(self, checked: dict[str, Any], slots: list[Any]) -> dict[str, Any]:
        """The keyword arguments for one request; what was not sent is left to the function's default."""
        arguments = {name: checked[key] for name, key in self.checked if key in checked}
        for name, slot in self.slots:
            arguments[name] = slots[slot]
        for name, cell in self.cells:
            arguments[name] = cell.value
        for name, read in self.own:
            arguments[name] = read(slots[REQUEST])
        return arguments


def kind_of(function: Callable[..., Any]) -> Kind:
    """How a function's result is come by.

    Example:
        >>> async def later() -> int: ...
        >>> kind_of(later), kind_of(len)
        ('await', 'value')
    """
    # A decorator's own colour counts before that of what it wraps: `async def` around a `def` is to be awaited.
    while True:
        target: Any = function
        if not (inspect.isroutine(function) or inspect.isclass(function)):
            target = getattr(function, "__call__", function)
        if inspect.isasyncgenfunction(target):
            return "await yield"
        if inspect.isgeneratorfunction(target):
            return "yield"
        if inspect.iscoroutinefunction(target):
            return "await"
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is None:
            return "value"
        function = wrapped
