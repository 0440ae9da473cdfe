"""What is open in this process, sockets and streams, and how all of it is told to end when the server is.

A server waits for open streams before it stops, for ever by default. So the signal that stops it is chained: first all
that is open is told to end, then the server's own handler has its turn. A server may set its handler after the app has
started (Hypercorn does), hence the look at each opening.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Protocol

_log = logging.getLogger("wholestack")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOK = 1.0
PATIENCE = 1.0
"""Seconds in which everything that is open ends."""


class Open(Protocol):
    """Something that is open: a stream or a socket."""

    def end(self) -> None:
        """The server stops: end, soon."""
        ...

    def look(self, now: float) -> None:
        """Called about once a second."""
        ...


class Ending:
    """All that is open on one event loop.

    Attributes:
        over: the server has been told to stop; what is opened now ends at once.
    """

    def __init__(self) -> None:
        self.over: bool = False
        self.open: set[Open] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._before: dict[int, Any] = {}
        self._rests: set[asyncio.Task[None]] = set()

    def add(self, each: Open) -> None:
        """Something has been opened."""
        self._chain()
        self.open.add(each)
        if self.over:
            each.end()

    def discard(self, each: Open) -> None:
        """It has ended."""
        self.open.discard(each)

    def let_finish(self, rest: Coroutine[Any, Any, None]) -> None:
        """Run what is left of a stream whose client has left, beside everything else."""
        task = asyncio.get_running_loop().create_task(rest)
        self._rests.add(task)
        task.add_done_callback(self._rest_ended)

    def _rest_ended(self, task: asyncio.Task[None]) -> None:
        self._rests.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a stream failed after its client had left", exc_info=error)

    def end(self) -> None:
        """Tell all to end."""
        self.over = True
        for each in list(self.open):
            each.end()

    # -- with the app --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The app starts, on this loop."""
        self.over = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_LOOK, self._look)
        self._chain()

    async def finish(self) -> None:
        """The app stops: all ends, and what has not after a while is left to itself."""
        self.end()
        if self._timer is not None:
            self._timer.cancel()
        until = asyncio.get_running_loop().time() + PATIENCE
        while (self.open or self._rests) and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self._unchain()

    def _look(self) -> None:
        if self._loop is not None:
            now = self._loop.time()
            for each in list(self.open):
                each.look(now)
            self._timer = self._loop.call_later(_LOOK, self._look)

    # -- signals -------------------------------------------------------------------------------------------------

    def _chain(self) -> None:
        """Stand before the server's own handlers; only the main thread may, and there a loop that serves runs."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            now = signal.getsignal(number)
            if now is not None and now is not signal.SIG_IGN and now != self._caught:
                self._before[number] = now
                signal.signal(number, self._caught)

    def _unchain(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, before in self._before.items():
                if signal.getsignal(number) == self._caught:
                    signal.signal(number, before)
        self._before = {}

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.end)
        before: Callable[[int, FrameType | None], Any] | signal.Handlers | None = self._before.get(number)
        if callable(before):
            before(number, frame)
        elif before is signal.SIG_DFL:
            # Nobody else would end this process.
            signal.signal(number, signal.SIG_DFL)
            threading.Timer(PATIENCE, os.kill, (os.getpid(), number)).start()
