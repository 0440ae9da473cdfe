"""How a blocking call waits: in a thread as it is, in a driven coroutine in a thread beside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from greenlet import getcurrent
from sqlalchemy.util import await_only

from wholestack.errors import CannotWait
from wholestack.handlers import is_driven, wait

P = ParamSpec("P")
T = TypeVar("T")


def on_loop() -> bool:
    """Whether this thread runs an event loop, so that nothing may block here."""
    return asyncio._get_running_loop() is not None


def away(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a blocking call: here, where this is a thread that may block, else in a thread that is waited for.

    Who is cancelled waits until the thread has come out of the call: nobody may go on while it still writes.

    Raises:
        CannotWait: on the event loop, outside a driven call.
    """
    return stoppable(lambda: None, function, *args, **kwargs)


def stoppable(stop: Callable[[], object], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `away`, with what makes the call end soon when it is cancelled."""
    if not on_loop():
        return function(*args, **kwargs)
    if not can_wait():
        raise CannotWait(
            "A file was asked for on the event loop, outside a driven call. Ask for `files: FileStore` in the handler, "
            "and call it there and not in another task."
        )
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return for_it(asyncio.shield(running))
    except asyncio.CancelledError:
        stop()
        for_it(_out_of(running))
        raise


def can_wait() -> bool:
    """Whether plain code may wait here: in a driven call, or in one that SQLAlchemy's `AsyncSession` makes."""
    return is_driven() or _in_sqlalchemys()


def _in_sqlalchemys() -> bool:
    return hasattr(getcurrent(), "__sqlalchemy_greenlet_provider__")


def for_it(awaitable: Awaitable[T]) -> T:
    """Wait, as the greenlet here is resumed."""
    return await_only(awaitable) if not is_driven() and _in_sqlalchemys() else wait(awaitable)


async def _out_of(running: asyncio.Future[T]) -> None:
    while not running.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({running})
    if not running.cancelled():
        running.exception()  # Somebody has looked at it.
