"""What a live handler or stream holds while it runs, such as a connection to a database: let go of between messages."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

from wholestack.handlers import Drive, is_driven

T = TypeVar("T")


class Held(Protocol):
    """Something that is held, and by whom it is told."""

    def rest(self) -> None:
        """The handler waits for something else: let go of what need not be held meanwhile."""
        ...

    def over(self, *, read: bool) -> None:
        """A message is over: what was done for it is done for good.

        Arguments:
            read: the next one is about to be read, so what is known may be old by then.
        """
        ...


held: contextvars.ContextVar[tuple[Held, ...]] = contextvars.ContextVar("held", default=())
"""All that the handler or stream at hand holds; a provider of such a thing adds it: ``held.set((*held.get(), mine))``.
"""


def rest() -> None:
    """Say that the handler waits for something else."""
    for each in held.get():
        each.rest()


def over(*, read: bool) -> None:
    """Say that a message is over, where that can be waited for: in the handler's own task."""
    found = held.get()
    if found and is_driven():
        for each in found:
            each.over(read=read)


class Resting(Awaitable[T]):
    """A coroutine, inside a driven call, that lets go of what it holds whenever it waits for something by itself."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._coroutine.__await__()
        try:
            future = next(steps)
            while True:
                try:
                    rest()
                    result = yield future
                except BaseException as error:
                    future = steps.throw(error)
                else:
                    future = steps.send(result)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


async def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that may wait in plain calls, and rests whenever it waits for something by itself."""
    return await Drive(_awaited(Resting(coroutine)))


async def _awaited(resting: Resting[T]) -> T:
    return await resting


def driven(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """A source that runs in a task of its own: driven where something is held, and else as it is."""
    return drive(coroutine) if held.get() else coroutine
