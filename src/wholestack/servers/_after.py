"""After-send actions: work after the answer, bounded, drained at a stop, lost in a crash."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from wholestack.handlers import note_unhandled, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from wholestack.http import Request, Response

_LOOK = 0.01
_log = logging.getLogger("wholestack")


class AfterSend:
    """Runs what `response.after(…)` asked for; where `most` wait already, the next waits its turn before it is taken.

    Actions of an ASGI or RSGI app run as tasks of the loop (plain functions in a thread), those of a WSGI app in one
    thread of their own.
    """

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: queue.Queue[Any] = queue.Queue(most)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """How many answers have actions that are not done."""
        return len(self._tasks) + self._queue.unfinished_tasks

    async def finish(self, request: Request, response: Response) -> None:
        """Let go of the request's uploads and take the answer's actions over, on the event loop."""
        if request.form is not None:
            request.form.close()
        actions = response._after
        if actions is None:
            return
        while len(self._tasks) >= self.most:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.get_running_loop().create_task(self._run(actions))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, actions: list[Any]) -> None:
        for function, args, kwargs in actions:
            try:
                if inspect.iscoroutinefunction(function):
                    result = function(*args, **kwargs)
                else:
                    result = await asyncio.to_thread(function, *args, **kwargs)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:
                _log.exception("an after-send action failed")
                note_unhandled(error)

    def start_in_thread(self, response: Response) -> None:
        """Take an answer's actions over, in a WSGI server's thread."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="wholestack-after", daemon=True)
                self._thread.start()
        for action in response._after or []:
            self._queue.put((contextvars.copy_context(), *action))

    def _work(self) -> None:
        while (action := self._queue.get()) is not None:
            context, function, args, kwargs = action
            context.run(self._act, function, args, kwargs)
            self._queue.task_done()
        self._queue.task_done()

    def _act(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                wait(result)
        except Exception as error:
            _log.exception("an after-send action failed")
            note_unhandled(error)

    def settle_thread(self) -> None:
        """Wait until the thread has done every action that was taken over so far, however long that is."""
        self._queue.join()

    async def drain(self, seconds: float) -> None:
        """Wait for what was begun; what is not done by then is cancelled and named in the log."""
        until = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        # Those of a loop that has ended will never be done.
        late = {task for task in self._tasks if task.get_loop() is loop}
        if late:
            _, late = await asyncio.wait(late, timeout=seconds)
            for task in late:
                task.cancel()
        # No thread waits for the thread here: at Python's end none can be started any more.
        while self._queue.unfinished_tasks and time.monotonic() < until:  # noqa: ASYNC110  (a thread's work, not a task's)
            await asyncio.sleep(_LOOK)
        if cut_off := len(late) + self._queue.unfinished_tasks:
            _log.warning("after-send actions cut off at the stop: %d", cut_off)
        self.drain_thread(0)

    def drain_thread(self, seconds: float) -> None:
        """Wait for the thread's actions, no longer than `seconds`."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(seconds)
            self._thread = None
