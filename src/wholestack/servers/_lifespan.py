"""The ASGI lifespan: the server says when to start and when to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from ._after import AfterSend
from ._sealed import Sealed
from ._threads import Workers
from ._watch import Watch

_DRAIN = 10.0


async def begin(sealed: Sealed) -> None:
    """Open the app's life in this process, once, and look after this loop's time limits."""
    if not sealed.lifetime.started:
        await sealed.lifetime.start()
    sealed.watch.begin(asyncio.get_running_loop())


async def lifespan(
    sealed: Sealed,
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Start and stop when the server says so; a failed start is told, with its cause in the log."""
    await receive()
    try:
        await begin(sealed)
    except BaseException as error:
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        await sealed.lifetime.stop()
    except BaseException as error:
        await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
        raise
    await send({"type": "lifespan.shutdown.complete"})


@contextlib.asynccontextmanager
async def answering(after: AfterSend, workers: Workers, watch: Watch) -> AsyncIterator[None]:
    """The time in which requests are answered; at its end, what answers asked to be done is waited for."""
    try:
        yield
        await after.drain(_DRAIN)
    finally:
        watch.end()
        workers.stop()
