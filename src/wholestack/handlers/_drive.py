"""Waiting in plain code: `wait(awaitable)` works the same in a `def` and in a driven `async def` call.

An `async def` plan that holds a waiting `def` function is *driven*: its coroutine runs inside a greenlet, each future
it
yields is handed to the parent greenlet, which yields it to the event loop. So `wait`, called anywhere below, can do the
same: hand its futures up and be resumed with their results. The loop is never blocked, cancellation arrives where the
code waits, and no other plan pays. In a `def` plan there is a thread to block: the awaitable runs on the loop that is
that thread's home (the server's, or one loop in the background), and the thread waits for it.

greenlet is loaded when the first driven plan is.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from wholestack.errors import CannotWait

T = TypeVar("T")


class _Home(threading.local):
    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self) -> None:
        self.idle: list[Any] = []  # Greenlets that have driven something to its end, and wait for more.


_home = _Home()
_background_lock = threading.Lock()
_background: asyncio.AbstractEventLoop | None = None


def set_home(loop: asyncio.AbstractEventLoop | None) -> None:
    """Say which event loop this worker thread's `wait` hands its awaitables to."""
    _home.loop = loop


def background_loop() -> asyncio.AbstractEventLoop:
    """The one event loop of this process that runs in a thread of its own; started when first asked for."""
    global _background
    with _background_lock:
        if _background is None or _background.is_closed():
            _background = asyncio.new_event_loop()
            threading.Thread(target=_background.run_forever, name="wholestack-loop", daemon=True).start()
        return _background


def forget_background_loop() -> None:
    """Forget a loop whose thread a fork has left behind in the parent."""
    global _background, _background_lock
    _background, _background_lock = None, threading.Lock()


def wait(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable in plain `def` code: a provider, a rule, a helper, in either colour.

    Raises:
        CannotWait: on the event loop outside a driven call, where waiting would block every other request.

    Example:
        >>> async def answer() -> int:
        ...     return 42
        >>> wait(answer())
        42
    """
    parent = _parent_of_driven()
    if parent is not None:
        found: T = _relay(awaitable.__await__(), parent.switch)
        return found
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        home = _home.loop
        loop = home if home is not None and home.is_running() else background_loop()
        return asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), loop).result()
    if isinstance(awaitable, Coroutine):
        awaitable.close()
    raise CannotWait(
        "wait(…) was called on the event loop, outside a driven call. Declare the provider with "
        "app.provide(function, waits=True), or make it `async def` and use `await`."
    )


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def is_driven() -> bool:
    """Whether this is inside a driven call, where `wait` hands its futures up to the event loop.

    Example:
        >>> is_driven()
        False
    """
    return _parent_of_driven() is not None


def _parent_of_driven() -> Any:
    """The greenlet to hand futures to, or None; without greenlet loaded nothing can be driven."""
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return None
    current = greenlet.getcurrent()
    return current.parent if getattr(current, "is_drive", False) else None


def _relay(steps: Any, hand_up: Callable[..., Any], drive: Drive[Any] | None = None) -> Any:
    """Run an awaitable's steps here, handing each future up and resuming with what comes back.

    A `drive` gets the result, and the greenlet that this runs in is handed the next: for a new one the kernel maps a
    stack, and unmaps it, which costs more than a small handler.
    """
    while True:
        try:
            future = next(steps)
            while True:
                try:
                    result = hand_up(future)
                except BaseException as error:
                    future = steps.throw(error)
                else:
                    future = steps.send(result)
        except StopIteration as done:
            if drive is None:
                return done.value
            drive.found, drive.is_over = done.value, True
        steps = drive = future = result = None  # An idle greenlet holds nothing of a request.
        steps, hand_up, drive = hand_up()


class Drive(Awaitable[T]):
    """A coroutine to be awaited, inside which plain code can `wait`.

    Example:
        >>> async def later() -> int:
        ...     return 21
        >>> async def driven(coroutine): return await Drive(coroutine)
        >>> async def handler() -> int:
        ...     return wait(later()) * 2      # plain code in between would do the same
        >>> asyncio.run(driven(handler()))
        42
    """

    __slots__ = ("_coroutine", "found", "is_over")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.found: Any = None
        self.is_over: bool = False

    def __await__(self) -> Generator[Any, Any, T]:
        import greenlet

        parent, idle = greenlet.getcurrent(), _home.idle
        child: Any = idle.pop() if idle else _driven_class()(_relay)
        # A greenlet starts with an empty context; the handler's must be the task's own.
        child.parent, child.gr_context = parent, parent.gr_context
        step = child.switch(self._coroutine.__await__(), parent.switch, self)
        while not self.is_over:
            try:
                result = yield step
            except BaseException as error:
                step = child.throw(error)
            else:
                step = child.switch(result)
        child.gr_context, found, self.found = None, self.found, None
        if len(idle) < _MOST_IDLE:
            idle.append(child)
        return found  # type: ignore[no-any-return]


_MOST_IDLE = 100
_driven: list[type] = []


def _driven_class() -> type:
    """The greenlet class that `wait` knows by its mark; made once greenlet is loaded."""
    if not _driven:
        import greenlet

        _driven.append(type("Driven", (greenlet.greenlet,), {"is_drive": True}))
    return _driven[0]


def run_inline(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, as those of a `def` plan are, to its end.

    Example:
        >>> async def plain() -> int:
        ...     return 7
        >>> run_inline(plain())
        7
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise suspended(coroutine)


def suspended(coroutine: Coroutine[Any, Any, Any]) -> CannotWait:
    """The error for a coroutine of a `def` plan that suspended all the same; the coroutine is closed."""
    coroutine.close()
    return CannotWait("A `def` plan suspended: something in it is `async def`. Use wait(…) there, or make it `def`.")
