"""The threads that hash: few at once, since each takes memory and a core, and only so many calls that wait for one."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from wholestack import wait
from wholestack.errors import CannotWait, ServiceUnavailable
from wholestack.handlers import is_driven
from wholestack.languages import gettext

T = TypeVar("T")

_MOST_AT_ONCE = 4
_BLOCKED = 16
"""Threads of a server that may wait for a hash: they are the threads that `def` handlers run in, of which the pages of
others need some."""
_AGAIN = 2
"""Seconds."""
_LESS = 10
"""Steps of priority that a thread which hashes is below the others, of 19 that there are."""
_pools: weakref.WeakSet[HashingThreads] = weakref.WeakSet()


def default_at_once() -> int:
    """How many hashes at once: one core is left to everything else, and four are enough.

    Example:
        >>> 1 <= default_at_once() <= 4
        True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_AT_ONCE, cores - 1))


class HashingThreads:
    """Runs plain functions in threads, for a plain call that waits for them in either colour.

    A thread starts when there is work, and ends when there is none: there is none to stop, to fork or to forget.

    Arguments:
        at_once: the most threads.
        waiting: the most calls that wait for one; of those that block a thread of the server so many that others
            have theirs.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once = at_once
        self.waiting = waiting
        self.begin()
        _pools.add(self)

    def begin(self) -> None:
        """Begin with nothing, as also in a process that was forked: what its parent had to do is the parent's."""
        self._lock = threading.Lock()
        self._jobs: collections.deque[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = collections.deque()
        self._busy = 0
        self._unfinished = 0
        self._blocked = 0
        self._inside = 0

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Be one of those who wait, also with what comes before the hash: of a storm of logins so many are worked on.

        Raises:
            ServiceUnavailable: there are too many already (``logins-busy``).
        """
        with self._lock:
            if self._inside >= self.at_once + self.waiting:
                raise _busy()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in a thread, and wait for what it gives.

        Raises:
            ServiceUnavailable: too many calls wait already (``logins-busy``).
            CannotWait: on the event loop, outside a driven call.
        """
        future: Future[T] = Future()
        if is_driven():
            self._put(future, function, args, blocks=0)
            return wait(asyncio.wrap_future(future))  # Who is cancelled cancels what has not begun.
        if asyncio._get_running_loop() is not None:
            raise CannotWait(
                "A password was to be hashed on the event loop, outside a driven call. Do it in the handler, which "
                "asks for `Accounts`, or in a thread: `await asyncio.to_thread(passwords.hash, password)`."
            )
        self._put(future, function, args, blocks=1)
        try:
            return future.result()
        finally:
            with self._lock:
                self._blocked -= 1

    def _put(self, future: Future[T], function: Callable[..., T], args: tuple[Any, ...], *, blocks: int) -> None:
        with self._lock:
            # What a thread that begins has not taken yet waits for no other: it is one of those that are worked on.
            full = self._unfinished >= self.at_once + self.waiting
            if full or (blocks and self._blocked >= self.at_once + _BLOCKED and self._busy >= self.at_once):
                raise _busy()
            if self._busy < self.at_once:
                threading.Thread(target=self._work, name="wholestack-hashing", daemon=True).start()
                self._busy += 1
            self._jobs.append((future, function, args))
            self._unfinished += 1
            self._blocked += blocks

    def _work(self) -> None:
        _stand_back()
        lock, jobs = self._lock, self._jobs
        while True:
            with lock:
                if not jobs:
                    self._busy -= 1
                    return
                future, function, args = jobs.popleft()
            goes_on = future.set_running_or_notify_cancel()
            value, error = _done(function, args) if goes_on else (None, None)
            with lock:
                self._unfinished -= 1  # Before anybody is told: who comes again at once finds room.
            if error is not None:
                future.set_exception(error)
            elif goes_on:
                future.set_result(value)
            del future, function, args, value, error


def _done(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    """Do a job: what it gives, or how it fails."""
    try:
        return function(*args), None
    except BaseException as error:
        return None, error


def _stand_back() -> None:
    """Leave the core to the loop and to who answers others, where they want it: a hash is long anyway.

    On Linux a priority is a thread's own; elsewhere it would be the process's.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # A sandbox may forbid it.
            os.nice(_LESS)


def _busy() -> ServiceUnavailable:
    message = gettext("Too many logins at the same time. Please try again in a moment.")
    return ServiceUnavailable(message, code="logins-busy", retry_after=_AGAIN, crowd=True)


def _begin_all() -> None:
    for pool in _pools:
        pool.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
