"""Worker threads: one crossing a request, bounded in threads and in what may wait for one."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from wholestack.errors import ServiceUnavailable
from wholestack.handlers import set_home

T = TypeVar("T")

_Job = tuple[asyncio.Future[Any], contextvars.Context, Callable[..., Any], tuple[Any, ...]]


class Workers:
    """Threads that run plain functions for one event loop.

    Threads start when they are needed, up to `size`; up to `waiting` calls queue for one, and a further one is refused
    with 503 at once, so that a full server says so instead of letting everyone wait.

    Arguments:
        size: the most threads.
        waiting: the most calls that wait for a thread.
    """

    def __init__(self, size: int, waiting: int) -> None:
        self.size = size
        self.waiting = waiting
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._lock = threading.Lock()

    @property
    def busy(self) -> int:
        """How many threads run something."""
        return len(self._threads) - self._idle

    @property
    def queued(self) -> int:
        """How many calls wait for a thread."""
        return self._queue.qsize()

    def run(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Call a function in a thread, in a copy of this task's context; the future has its result.

        Raises:
            ServiceUnavailable: too many calls wait already.
        """
        loop = asyncio.get_running_loop()
        if self._queue.qsize() >= self.waiting + self._idle and len(self._threads) >= self.size:
            detail = "Every worker thread is busy, and enough requests wait for one."
            raise ServiceUnavailable(detail, code="all-threads-busy", crowd=True)
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._queue.put((future, contextvars.copy_context(), function, args))
            # LOAD-BEARING: the call takes its thread here, not when the thread wakes; else a second call, made in
            # between,
            # would count on the same thread and wait behind the first (tests/internal/test_threads.py).
            if self._idle:
                self._idle -= 1
            elif len(self._threads) < self.size:
                self._start()
        return future

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, args=(self._queue,), name="wholestack-worker", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, jobs: queue.SimpleQueue[_Job | None]) -> None:
        while True:
            try:
                job = jobs.get_nowait()
            except queue.Empty:
                with self._lock:
                    if jobs is self._queue:
                        self._idle += 1
                job = jobs.get()
            if job is None:
                return
            future, context, function, args = job
            loop = future.get_loop()
            set_home(loop)
            try:
                result, error = context.run(function, *args), None
            except BaseException as raised:
                result, error = None, raised
            try:
                loop.call_soon_threadsafe(_deliver, future, result, error)
            except RuntimeError:
                pass  # The loop is closed: nobody waits any more.
            del job, future, context, function, args, result, error

    def stop(self) -> None:
        """Let every thread end after its present call."""
        with self._lock:
            for _ in self._threads:
                self._queue.put(None)
            # What is called after this gets threads of its own, and none that is on its way out.
            self._queue, self._threads, self._idle = queue.SimpleQueue(), [], 0


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        # A future cannot carry it; where one gets here, a generator has leaked out of a handler.
        future.set_exception(RuntimeError("A handler raised StopIteration."))
    else:
        future.set_exception(error)
