"""A counted set of slots, first come first served, that plain threads and driven calls wait for alike."""

from __future__ import annotations

import asyncio
import collections
import threading
import time
from collections.abc import Callable
from typing import Any

from ._colour import how_to_wait

_GROW = 5.0
"""Seconds after which a slot that was given back for good is tried again."""


class _Turn:
    """One who waits: a thread on an event, or a call on the event loop on a future."""

    def __init__(self, future: asyncio.Future[None] | None) -> None:
        self.future = future
        self.event = threading.Event() if future is None else None
        self.error: Exception | None = None
        self.given: bool = False

    def tell(self) -> bool:
        """Wake the one who waits; False where nobody does any more, since the event loop is closed."""
        if self.future is None:
            self.event.set()  # type: ignore[union-attr]
            return True
        loop = self.future.get_loop()
        if asyncio._get_running_loop() is loop:
            self.over()
            return True
        try:
            loop.call_soon_threadsafe(self.over)
        except RuntimeError:
            return False
        return True

    def over(self) -> None:
        """End the wait of a call on the event loop."""
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class Slots:
    """So many at a time; the rest waits in order, for so many seconds at most.

    Arguments:
        size: how many may hold a slot at the same time.

    Example:
        >>> slots = Slots(1)
        >>> slots.acquire(1.0), slots.acquire(0.01)
        (True, False)
        >>> slots.release(); slots.acquire(1.0)
        True
    """

    def __init__(self, size: int) -> None:
        self.size: int = size
        self.taken: int = 0
        self._full = size
        self._grows = 0.0
        self._lock = threading.Lock()
        self._queue: collections.deque[_Turn] = collections.deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def acquire(self, seconds: float) -> bool:
        """Take a slot; False when none came free in time.

        Raises:
            Exception: what `fail` was called with while this one waited.
        """
        waits = how_to_wait()
        with self._lock:
            if (self.taken < self.size and not self._queue) or self._may_grow():
                self.taken += 1
                return True
            turn = _Turn(None if waits is None else asyncio.get_running_loop().create_future())
            self._queue.append(turn)
        try:
            if waits is None:
                turn.event.wait(seconds)  # type: ignore[union-attr]
            else:
                _wait(turn, waits, seconds)
        except BaseException:
            self._leave(turn)
            raise
        with self._lock:
            if turn.error is not None:
                raise turn.error
            if not turn.given:
                self._queue.remove(turn)
            return turn.given

    def release(self) -> None:
        """Give a slot back: to the one who has waited longest."""
        with self._lock:
            while self._queue:
                turn = self._queue.popleft()
                turn.given = True
                if turn.tell():
                    return
            self.taken -= 1

    def fail(self, error: Callable[[], Exception]) -> None:
        """Let everybody who waits now fail, each with an error of its own, at once and not each after its own time."""
        with self._lock:
            turns, self._queue = list(self._queue), collections.deque()
            for turn in turns:
                turn.error = error()
                turn.tell()

    def shrink(self) -> bool:
        """Give a slot back for good; False for the last one that is taken.

        After a while one more is tried again, up to the size that there was at first.
        """
        with self._lock:
            if self.taken < 2:
                return False
            self.size -= 1
            self.taken -= 1
            self._grows = time.monotonic() + _GROW
            return True

    def _may_grow(self) -> bool:
        if self.size == self._full or time.monotonic() < self._grows:
            return False
        self.size += 1
        self._grows = time.monotonic() + _GROW
        return True

    def _leave(self, turn: _Turn) -> None:
        """One who was cancelled takes nobody's slot with it."""
        with self._lock:
            if not turn.given:
                if turn in self._queue:
                    self._queue.remove(turn)
                return
        self.release()


def _wait(turn: Any, waits: Any, seconds: float) -> None:
    end = turn.future.get_loop().call_later(seconds, turn.over)
    try:
        waits(turn.future)
    finally:
        end.cancel()
