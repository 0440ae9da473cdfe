"""Time limits and clients that leave: a look now and then over what is running, instead of a timer a request."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from wholestack.errors import ClientDisconnected, ServiceUnavailable

_EVERY = 0.5
clock = time.monotonic


class Watch:
    """The tasks of one event loop that have a deadline or a client, and those that were cancelled for want of it.

    A request enters by ``deadlines[task] = clock() + seconds`` and ``here[task] = …`` and leaves by deleting both: four
    dict operations. Only for those that two looks have found is there a task that waits for their client to leave.

    Attributes:
        here: what waits until the client of a task has left, and what that is called with.
        late: what a cancelled task is answered with.
    """

    def __init__(self) -> None:
        self.deadlines: dict[asyncio.Task[object], float] = {}
        self.here: dict[asyncio.Task[object], tuple[Callable[[Any, Any], Coroutine[Any, Any, None]], Any, Any]] = {}
        self.late: dict[asyncio.Task[object], Callable[[], Exception]] = {}
        self.watchers: dict[asyncio.Task[object], asyncio.Task[None]] = {}
        self._seen: set[asyncio.Task[object]] = set()
        self._handle: asyncio.TimerHandle | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.current_task: Callable[[], Any] = asyncio.current_task

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look after this loop's tasks from now on."""
        if self.loop is not loop:
            self.end()
            self.loop = loop
            self._handle = loop.call_later(_EVERY, self._look, loop)
            if sys.version_info < (3, 12):
                # There `current_task` is Python code that asks this dict; since 3.12 it is one C call.
                self.current_task = functools.partial(asyncio.tasks._current_tasks.get, loop)  # type: ignore[attr-defined]

    def end(self) -> None:
        """Look no more."""
        if self._handle is not None:
            self._handle.cancel()
        self.loop = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = clock()
        for task, deadline in list(self.deadlines.items()):
            if deadline < now and task not in self.late and task.get_loop() is loop:
                self.late[task] = too_slow
                task.cancel()
        for task in self._seen.intersection(self.here):
            if task not in self.watchers and task.get_loop() is loop:
                self.watchers[task] = loop.create_task(self._until_gone(task, *self.here[task]))
        self._seen = set(self.here)
        if self.loop is loop:
            self._handle = loop.call_later(_EVERY, self._look, loop)

    async def _until_gone(
        self, task: asyncio.Task[object], gone: Callable[[Any, Any], Coroutine[Any, Any, None]], *channel: Any
    ) -> None:
        with contextlib.suppress(Exception):  # A server that cannot say so has not said so.
            await gone(*channel)
            if task in self.here and task not in self.late:
                self.late[task] = left
                task.cancel()

    def settle(self, task: asyncio.Task[object]) -> None:
        """Forget a task that has its answer."""
        if watcher := self.watchers.pop(task, None):
            watcher.cancel()
        self.was_late(task)  # A handler may have taken the cancellation for its own.

    def was_late(self, task: asyncio.Task[object]) -> bool:
        """Whether a cancellation was this watch's; it then counts as answered."""
        if self.late.pop(task, None) is None:
            return False
        task.uncancel()
        return True

    def answer_to(self, task: asyncio.Task[object], error: BaseException) -> Exception | None:
        """The error to answer a cancellation with; None where it came from outside, and so goes on."""
        if why := self.late.get(task):
            self.was_late(task)
            return why()
        return None if task.cancelling() else let_out(error)


def let_out(error: BaseException) -> RuntimeError:
    """The error for a handler that waited for something cancelled, while nobody cancelled the request."""
    fault = RuntimeError("The handler let out the cancellation of something it waited for.")
    fault.__cause__ = error
    return fault


def left() -> ClientDisconnected:
    """The end of a handler whose client has left."""
    return ClientDisconnected("The client went away before it was answered.")


def too_slow() -> ServiceUnavailable:
    """The answer for a handler that missed its deadline."""
    return ServiceUnavailable("The request took longer than its time limit.", code="time-limit")


def too_many() -> ServiceUnavailable:
    """The answer for one request more than may be in work at once."""
    detail = "The server has as many requests in work as it takes at once."
    return ServiceUnavailable(detail, code="server-full", crowd=True)
