"""Sockets and streams of events that are open in this process: each ends when its session does."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator

from wholestack import App, Request

_log = logging.getLogger("wholestack.sessions")
CODE, WORD = 4401, "session-ended"
"""How a socket is closed whose session has ended (of the codes that are the app's own, as 401 is for a request), and
what the last event of a stream is called."""
_AT_ONCE = 500
"""Sessions that are looked for at a time."""

Entry = tuple["weakref.ref[Request]", str | None, asyncio.AbstractEventLoop]
Alive = Callable[[Collection[str]], Collection[str]]


class Opened:
    """What is open, by the keys of what each was let in by: of sessions, or of anything else that may end.

    What this process ends itself is told at once; what others do is seen by a look every `every` seconds, at all that
    are open together, and never for each message.

    Arguments:
        alive: tells which of some keys are those of something alive; called in a thread.
        every: seconds between two looks.
    """

    def __init__(self, alive: Alive = tuple, every: float = 30.0) -> None:
        self._alive = alive
        self._every = every
        self._held: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[asyncio.AbstractEventLoop, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def setup(self, app: App) -> None:
        """Know the app's event loop, which handlers in threads do not run on."""

        @app.lifespan
        @contextlib.asynccontextmanager
        async def look_until_the_stop() -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            try:
                yield
            finally:
                timer = self._timers.pop(asyncio.get_running_loop(), None)
                if timer is not None:
                    timer.cancel()
                for task in self._tasks:
                    task.cancel()

    def hold(self, key: str, user: str | None, request: Request) -> None:
        """Let what a request has open, a socket or a stream of events, end with what has this key.

        Arguments:
            key: whose end ends it.
            user: whose it is; see `of`.
            request: the handshake, or the request that is answered with events; of any other nothing is held.
        """
        loop = asyncio._get_running_loop() or self._loop
        if loop is not None and _has_open(request):
            with self._lock:
                self._held.setdefault(key, []).append((weakref.ref(request), user, loop))
            self._on(loop, lambda: self._begin(loop))

    def of(self, user: str) -> list[str]:
        """The keys of a user that have something open."""
        with self._lock:
            return [key for key, entries in self._held.items() if any(whose == user for _, whose, _ in entries)]

    def doubt(self, keys: Iterable[str]) -> None:
        """Look now whether these are still alive, and end what is open of those that are not."""
        with self._lock:
            found = {key: self._held[key][0][2] for key in keys if key in self._held}
        if found:
            self._on(next(iter(found.values())), lambda: self._look([*found]))

    def _on(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        """Call something on a loop, and in no request; where the loop has ended, so has all that was open on it."""
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(call, context=contextvars.Context())

    # -- on the loop ---------------------------------------------------------------------------------------------

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop not in self._timers:
            self._timers[loop] = loop.call_later(self._every, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        del self._timers[loop]
        keys = self._still_open(loop)
        if keys:
            self._begin(loop)
            self._look(keys)

    def _still_open(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """The keys of what is open on a loop; what is not any more is forgotten."""
        with self._lock:
            for key, entries in list(self._held.items()):
                kept = [each for each in entries if (request := each[0]()) is not None and _has_open(request)]
                if kept:
                    self._held[key] = kept
                else:
                    del self._held[key]
            return [key for key, entries in self._held.items() if any(each[2] is loop for each in entries)]

    def _look(self, keys: list[str]) -> None:
        task = asyncio.get_running_loop().create_task(self._end_dead(keys))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_dead(self, keys: list[str]) -> None:
        for some in _parts(keys):
            try:
                alive = {*await asyncio.to_thread(self._alive, some)}
            except Exception:
                _log.warning("it could not be seen whether sessions of open sockets have ended", exc_info=True)
                return  # The next look will.
            for key in set(some) - alive:
                self._end(key)

    def _end(self, key: str) -> None:
        from wholestack.realtime import end_open

        with self._lock:
            entries = self._held.pop(key, [])
        for reference, _, loop in entries:
            request = reference()
            if request is not None:
                self._on(loop, functools.partial(end_open, request, CODE, WORD))


def _has_open(request: Request) -> bool:
    if "wholestack.realtime" not in sys.modules:
        return False
    from wholestack.realtime import has_open

    return has_open(request)


def _parts(keys: list[str]) -> Iterator[list[str]]:
    return (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))
