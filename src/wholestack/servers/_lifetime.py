"""The app's life in one process: what is opened before the first request and closed after the last."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from wholestack.handlers import Drive, Provider, background_loop, current_request, unhandled

_log = logging.getLogger("wholestack")

Manager = Callable[[], Any]


class Lifetime:
    """Opens app-lifetime providers and lifespans in order, once a process, and closes them in reverse.

    It starts after a fork, on the loop that answers requests (or, under WSGI, on the one in the background), since
    pools, threads and connections do not survive a fork. One task opens, waits for the stop and closes, since a task
    group or a cancel scope must be left by the task that entered it.

    Arguments:
        providers: app-lifetime providers, those that others need first.
        managers: functions that give a context manager, plain or async.

    Attributes:
        started: everything is open.
        draining: the server has been told to stop, and finishes what it has in hand; who knows of the stop sets it.
    """

    def __init__(self, providers: Sequence[Provider], managers: Sequence[Manager]) -> None:
        self._providers = tuple(providers)
        self._managers = tuple(managers)
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None
        self._stopping = asyncio.Event()
        self._stack = contextlib.AsyncExitStack()
        self.started: bool = False
        self.draining: bool = False

    async def start(self) -> None:
        """Open everything, in order; what was opened is closed again where something fails."""
        loop = asyncio.get_running_loop()
        if self.started:
            return
        begun = self._begun
        if begun is None or begun.done() or begun.get_loop() is not loop:
            begun = self._begun = loop.create_future()
            self._stopping, self._stack, self.draining = asyncio.Event(), contextlib.AsyncExitStack(), False
            self._task = loop.create_task(self._live(begun, self._stopping, self._stack))
        # One who asks and is cancelled takes the start from nobody else.
        await asyncio.shield(begun)

    async def _live(
        self, begun: asyncio.Future[None], stopping: asyncio.Event, stack: contextlib.AsyncExitStack
    ) -> None:
        # The life is none of the request's that began it.
        current_request.set(None)
        unhandled.set(None)
        try:
            async with stack:
                for provider in self._providers:
                    await self._open(provider, stack)
                for manager in self._managers:
                    await _enter(manager(), stack)
                self.started = True
                begun.set_result(None)
                await _until(stopping)
                self.started = False
        except BaseException as error:
            self.started = False
            if not begun.done():
                begun.set_exception(error)
            elif stopping.is_set() or not isinstance(error, Exception):
                raise
            else:
                _log.exception("what lives as long as the app has failed; the next request starts it anew")

    async def _open(self, provider: Provider, stack: contextlib.AsyncExitStack) -> None:
        arguments = {name: needed.cell.value for name, needed in provider.needs}
        value = await _able_to_wait(provider.function, **arguments)
        if provider.kind == "await":
            value = await value
        elif provider.kind == "yield":
            value = await stack.enter_async_context(_Waiting(contextlib.contextmanager(lambda: value)()))
        elif provider.kind == "await yield":
            value = await stack.enter_async_context(contextlib.asynccontextmanager(lambda: value)())
        provider.cell.value = value

    async def stop(self) -> None:
        """Close everything, in reverse; a fault in one does not keep the others open."""
        task, self._task = self._task, None
        self.started = False
        if task is None:
            return
        loop = task.get_loop()
        if loop is asyncio.get_running_loop():
            self._stopping.set()
            await task
        elif loop.is_running():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._stopped(task), loop))
        else:
            await self._close_here(task)

    async def _stopped(self, task: asyncio.Task[None]) -> None:
        self._stopping.set()
        await task

    async def _close_here(self, task: asyncio.Task[None]) -> None:
        """Close what a task opened whose loop turns no more, or not before this has returned."""
        await self._stack.aclose()
        if task.get_loop().is_closed():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # It has nothing left to do.
        else:
            self._stopping.set()

    def start_in_background(self) -> None:
        """Open everything for a WSGI server, whose threads have no loop; the first request waits for it."""
        with self._lock:
            if not self.started:
                asyncio.run_coroutine_threadsafe(self.start(), background_loop()).result()

    def stop_at_exit(self) -> None:
        """Let `stop_in_background` be called at the end of the process, where no server has said when to stop.

        It keeps nothing: an app that nobody has any more is forgotten, as those of tests are.
        """
        stop = weakref.WeakMethod(self.stop_in_background)
        atexit.register(_call, stop)
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            # A worker that multiprocessing started, as Granian's are, runs no atexit functions, but these.
            sys.modules["multiprocessing.util"].Finalize(None, _call, (stop,), exitpriority=100)

    def stop_in_background(self) -> None:
        """Close what was opened, from plain code: where it was opened, if that is still possible."""
        with self._lock:
            task = self._task
            if task is None:
                return
            loop, here = task.get_loop(), asyncio._get_running_loop()
            if loop.is_running() and loop is not here:
                asyncio.run_coroutine_threadsafe(self.stop(), loop).result()
            elif here is None and not loop.is_closed():
                loop.run_until_complete(self.stop())
            else:
                self._task, self.started = None, False
                asyncio.run_coroutine_threadsafe(self._close_here(task), background_loop()).result()


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    if (found := method()) is not None:
        found()


class _Waiting:
    """A plain context manager, entered and left so that its code can `wait`, as one that uses a database does.

    It is driven for these two steps only, since a greenlet belongs to its thread, and the loop may end in another one.
    """

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        return await _able_to_wait(self._manager.__enter__)

    async def __aexit__(self, *raised: object) -> Any:
        return await _able_to_wait(self._manager.__exit__, *raised)


async def _able_to_wait(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call plain code; where nothing has loaded greenlet, nothing in it can want to wait."""
    call = _called(function, *arguments, **named)
    return await (Drive(call) if "greenlet" in sys.modules else call)


async def _called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return function(*arguments, **named)


async def _until(stopping: asyncio.Event) -> None:
    """Wait for the stop; also for one that comes as a cancellation, of a loop that ends or a task group that failed."""
    try:
        await stopping.wait()
    except asyncio.CancelledError:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        if task is not None:
            task.uncancel()  # What is closed now may wait.


async def _enter(manager: Any, stack: contextlib.AsyncExitStack) -> None:
    if inspect.isawaitable(manager):
        manager = await manager
    if hasattr(manager, "__aenter__"):
        await stack.enter_async_context(manager)
    else:
        await stack.enter_async_context(_Waiting(manager))
