"""The errors of a request that no handler took: seen by middleware, which itself meets responses only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from wholestack.handlers import unhandled


class _Noted(list[Exception]):
    """What is put here goes to one who asked before, as well."""

    def __init__(self, outer: list[Exception] | None) -> None:
        super().__init__()
        self._outer = outer

    def append(self, error: Exception, /) -> None:
        super().append(error)
        if self._outer is not None:
            self._outer.append(error)


@contextlib.contextmanager
def unhandled_errors() -> Iterator[list[Exception]]:
    """The errors that only the log would show, in the order in which they came: for middleware, around its `yield`.

    Example:
        >>> from wholestack.handlers import note_unhandled
        >>> with unhandled_errors() as errors:
        ...     note_unhandled(ValueError("broken"))
        >>> errors
        [ValueError('broken')]
    """
    outer = unhandled.get()
    noted = _Noted(outer)
    unhandled.set(noted)
    try:
        yield noted
    finally:
        unhandled.set(outer)
