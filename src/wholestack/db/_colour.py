"""How a database call waits: which of the three ways fits where it was made.

One `Session` serves both colours because the connection below it asks, at each call, how it may wait here. In a `def`
handler there is a thread to block. In the greenlet of a driven `async def` handler (or of SQLAlchemy's `AsyncSession`)
it hands its future up to the event loop. On the loop outside of both nothing may wait, which is an error with a name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from greenlet import getcurrent
from sqlalchemy.util import await_only

from wholestack.handlers import is_driven, wait
from wholestack.servers import Workers

from ._errors import SessionInOtherTask

T = TypeVar("T")

Wait = Callable[[Awaitable[Any]], Any]


def how_to_wait() -> Wait | None:
    """What to wait with here: `wait` of a driven call, SQLAlchemy's `await_only`, or None for a thread that may block.

    Raises:
        SessionInOtherTask: on the event loop, outside a driven call.
    """
    if is_driven():
        return wait
    if hasattr(getcurrent(), "__sqlalchemy_greenlet_provider__"):
        return _await
    if asyncio._get_running_loop() is None:
        return None
    raise SessionInOtherTask


_AGAIN = 0.05
"""Seconds."""

WAITING: set[asyncio.Task[Any] | None] = set()
"""Tasks that wait for the database in the calls of an `AsyncSession`, whose waits are seen outside as the handler's."""


def _await(awaitable: Awaitable[Any]) -> Any:
    task = asyncio.current_task()
    WAITING.add(task)
    try:
        return await_only(awaitable)
    finally:
        WAITING.discard(task)


def in_thread(
    waits: Wait, workers: Workers, give_up: Callable[[], object], function: Callable[..., T], *args: Any
) -> T:
    """Make a blocking call in a worker thread and wait for it.

    A cancelled wait calls `give_up`, which makes the call end soon, and ends when the thread has come out of it: nobody
    may use a connection that a thread is still in. It is called again and again, since it has no effect on a call that
    the thread is only about to make.
    """
    running = workers.run(function, *args)
    try:
        return waits(asyncio.shield(running))  # type: ignore[no-any-return]
    except asyncio.CancelledError:
        waits(_out_of(running, give_up))
        raise


async def _out_of(running: asyncio.Future[Any], give_up: Callable[[], object]) -> None:
    while not running.done():
        with contextlib.suppress(Exception):
            give_up()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({running}, timeout=_AGAIN)
    if not running.cancelled():
        running.exception()  # Somebody has looked at it.
