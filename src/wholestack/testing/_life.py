"""An application's life under test: started at a `with` block or at the first request, stopped at its end or at exit.

Every client of one app shares one life, so that two clients are two users of one app. Clients without `await` share an
event loop of their own, which runs only while one of them asks; `AsyncClient` lives on the loop that awaits it. Where a
client of another kind comes, the life that nobody holds in a `with` block makes way for a new one.
"""

from __future__ import annotations

import abc
import asyncio
import atexit
import concurrent.futures
import contextlib
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal, TypeVar

from wholestack import App
from wholestack.handlers import run_inline
from wholestack.servers import Sealed

from ._asgi import AsgiExchange
from ._errors import ClientFault
from ._exchange import Exchange
from ._peers import AsgiPeer, Peer, RsgiPeer
from ._rsgi import RsgiExchange
from ._sent import SentRequest
from ._wsgi import WsgiExchange, call_plain

T = TypeVar("T")
Interface = Literal["asgi", "wsgi", "rsgi"]

_DRAIN = 10.0
_lives: dict[int, Life] = {}
_clients: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.RLock()


def life_of(app: Any, interface: Interface, loop: asyncio.AbstractEventLoop | None) -> Life:
    """The app's present life where it fits, else a new one in its place.

    Arguments:
        loop: the running loop of an `AsyncClient`; None for a `Client`.

    Raises:
        ClientFault: the app lives in the `with` block of a client of another kind.
    """
    with _lock:
        life = _lives.get(id(app))
        if life is not None and not life.over:
            if life.fits(interface, loop):
                return life
            life.make_way()
        life = _lives[id(app)] = WsgiLife(app) if interface == "wsgi" else LoopLife(app, interface, loop)
        return life


def remember(client: Any) -> None:
    """A client that was made, for as long as somebody has it."""
    _clients.add(client)


def apps_with_clients() -> list[Any]:
    """The applications that clients are there for, made by whomever."""
    return [client.app for client in _clients]


def end_lives(keep: Iterable[Any] = ()) -> None:
    """End what clients without a `with` block have brought to life, as far as no running event loop is needed for it.

    The plugin for pytest does so after each test, and keeps the applications whose clients were made before the test:
    those of a module or of a fixture go on. A client that asks after the end starts the application anew.

    Arguments:
        keep: applications that go on.

    Raises:
        Exception: what the stop of an application raised; the others are ended all the same.

    Example:
        >>> from wholestack import App
        >>> from wholestack.testing import Client
        >>> client = Client(App())
        >>> client.get("/nowhere").status
        404
        >>> end_lives()
    """
    kept = {id(app) for app in keep}
    with contextlib.ExitStack() as stack:
        for life in list(_lives.values()):
            if id(life.app) not in kept and not life.holders and life.runs_on(None):
                stack.callback(life.end)


class Life(abc.ABC):
    """What lives on event loops and what lives under WSGI have in common.

    Attributes:
        holders: how many `with` blocks it is held in.
        started: the app has started.
        over: it has ended; a client that comes now starts another.
    """

    interface: Interface

    def __init__(self, app: Any) -> None:
        self.app = app
        self.holders = 0
        self.started = False
        self.over: bool = False
        self.sealed: Sealed | None = app.seal() if isinstance(app, App) else None

    def fits(self, interface: Interface, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether a client of this kind can use it; one that was unsealed in between is another app."""
        unchanged = self.sealed is None or self.sealed is self.app.sealed
        return interface == self.interface and unchanged and self.runs_on(loop)

    def make_way(self) -> None:
        """End, for a client of another kind."""
        if self.holders:
            raise ClientFault(
                f"This app lives in the `with` block of a client of another kind ({self.interface}): end that block "
                "first, or use one kind of client in one test."
            )
        self.end()

    def forget(self) -> None:
        """It is over."""
        self.over = True
        atexit.unregister(self.end)
        if _lives.get(id(self.app)) is self:
            del _lives[id(self.app)]

    @abc.abstractmethod
    def runs_on(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether it runs on the loop of this `AsyncClient`, or, for None, on one that a `Client` can run."""

    @abc.abstractmethod
    def exchange(self, sent: SentRequest, address: str) -> Exchange:
        """One request to the app."""

    def peer(self, sent: SentRequest, address: str, protocols: list[str]) -> Peer:
        """One WebSocket to the app."""
        raise ClientFault("WSGI has no WebSockets.")

    @abc.abstractmethod
    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, for a client without `await`."""

    @abc.abstractmethod
    async def start(self) -> None:
        """Start the app, unless it has started."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Stop the app."""

    @abc.abstractmethod
    async def settle(self) -> None:
        """Wait for what answers asked to be done after them."""

    @abc.abstractmethod
    def end(self) -> None:
        """Stop the app and let go of what this life runs on."""


class WsgiLife(Life):
    """Under WSGI: what is async lives on the background loop of the process."""

    interface: Interface = "wsgi"

    def runs_on(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        return True

    def exchange(self, sent: SentRequest, address: str) -> Exchange:
        return WsgiExchange(self.app, sent, address)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_inline(coroutine)

    async def start(self) -> None:
        await call_plain(self._start)

    def _start(self) -> None:
        if self.sealed is not None:
            self.sealed.lifetime.start_in_background()
        self.started = True

    async def stop(self) -> None:
        await call_plain(self.end)

    async def settle(self) -> None:
        if self.sealed is not None:
            await call_plain(self.sealed.after.settle_thread)

    def end(self) -> None:
        self.forget()
        if self.sealed is not None:
            self.sealed.lifetime.stop_in_background()


class LoopLife(Life):
    """On an event loop: one task, from the app's start to its stop, as servers have it."""

    def __init__(self, app: Any, interface: Interface, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__(app)
        self.interface = interface
        self.state: dict[str, Any] = {}
        self._runner: asyncio.Runner | None = None
        if loop is None:
            # The factory keeps the runner from setting this loop as the thread's own, which is the test's.
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            loop = self._runner.get_loop()
        self._loop = loop
        self._turn = threading.RLock()
        self._stopping = asyncio.Event()
        self._begun: asyncio.Future[None] = loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._refusal: str | None = None
        atexit.register(self.end)

    def runs_on(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        return self._runner is not None if loop is None else self._loop is loop

    def exchange(self, sent: SentRequest, address: str) -> Exchange:
        if self.interface == "rsgi":
            return RsgiExchange(self.app, sent, address)
        return AsgiExchange(self.app, sent, address, self.state)

    def peer(self, sent: SentRequest, address: str, protocols: list[str]) -> Peer:
        if self.interface == "rsgi":
            return RsgiPeer(self.app, sent, address)
        return AsgiPeer(self.app, sent, address, self.state, protocols)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        with self._turn:
            try:
                return self._loop.run_until_complete(coroutine)
            finally:
                if self.over and self._runner is not None:
                    self._runner.close()

    async def settle(self) -> None:
        if self.sealed is not None:
            await self.sealed.after.drain(_DRAIN)

    # -- start and stop ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._live())
        await asyncio.wait({self._task, self._begun}, return_when=asyncio.FIRST_COMPLETED)
        if not self._begun.done():
            self._task.result()

    async def _live(self) -> None:
        try:
            await (self._live_asgi() if self.interface == "asgi" else self._live_rsgi())
        finally:
            self.forget()

    def _has_begun(self) -> None:
        self.started = True
        self._begun.set_result(None)

    async def _until_stop(self) -> None:
        try:
            await self._stopping.wait()
        except asyncio.CancelledError:
            # The loop is being closed under a client without a `with` block: the app is still to stop in good order.
            pass

    async def _live_asgi(self) -> None:
        """The lifespan protocol (ASGI 3.0)."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self.app(scope, self._receive, self._send)
        except Exception:
            if self.sealed is not None or self.started or self._refusal is not None:
                raise
            # Of another application this says that it knows no lifespan.
        if self._refusal is not None:
            raise ClientFault(f"The application did not start or stop: {self._refusal}")
        if not self.started:
            self._has_begun()
            await self._until_stop()

    async def _receive(self) -> dict[str, Any]:
        if not self.started:
            return {"type": "lifespan.startup"}
        await self._until_stop()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._has_begun()
        elif message["type"].endswith(".failed"):
            self._refusal = message.get("message", "")

    async def _live_rsgi(self) -> None:
        """RSGI's hooks, called before and after the loop runs: what they run on it is awaited when they return."""
        await _Deferring(self._loop).call(self.app, "__rsgi_init__")
        self._has_begun()
        await self._until_stop()
        await _Deferring(self._loop).call(self.app, "__rsgi_del__")
        if self.sealed is not None:
            # An app that was unsealed in between has forgotten what it had started.
            await self.sealed.lifetime.stop()

    async def stop(self) -> None:
        self._stopping.set()
        if self._task is None:
            self.forget()
        else:
            await asyncio.wait({self._task})
            self._task.result()

    def end(self) -> None:
        if asyncio._get_running_loop() is not None:
            # A loop cannot run inside another; in a thread of its own it can.
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                pool.submit(self.end).result()
        elif self._runner is None and self._loop.is_running():
            raise ClientFault("This app lives on an event loop that runs in another thread: stop it there first.")
        elif self._loop.is_closed():
            self.forget()
        else:
            self.run(self.stop())


class _Deferring:
    """An event loop for RSGI's hooks: what it is to run to its end is awaited afterwards."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._awaited: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def run_until_complete(self, awaitable: Any) -> None:
        self._awaited.append(awaitable)

    async def call(self, app: Any, hook: str) -> None:
        function: Callable[[Any], None] | None = getattr(app, hook, None)
        if function is not None:
            function(self)
        for awaitable in self._awaited:
            await awaitable
