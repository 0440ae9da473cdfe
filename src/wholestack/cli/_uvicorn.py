"""Uvicorn as `wholestack` runs it: sockets that were opened elsewhere, a beating heart, and a stop that ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import resource
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import Any

import uvicorn

from wholestack import App, Limits

from ._order import Order
from ._overload import Overload
from ._protocol import Config, HTTPProtocol, sweep
from ._websocket import WebSocketProtocol

_log = logging.getLogger("wholestack.serve")

HOOKS = 10.0
"""Seconds for the clean-ups after the last request."""
_CANCELLED = 0.5
_SPARE = 4096
"""Bytes of a head beyond what is limited: the app itself should refuse what is a little too long."""
_MESSAGE = 16 * 1024 * 1024
"""Bytes of a message of a WebSocket that Uvicorn takes by itself."""
_RESERVE = 64
"""Descriptors that connections leave to the app: its files, its database, its logs."""


class Life:
    """The app's lifespan; a failed start raises what the app raised."""

    should_exit = False

    def __init__(self, app: Any) -> None:
        self._app = app
        self._inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._told: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Open the app; raises what its start raised."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = asyncio.get_running_loop().create_task(self._app(scope, self._inbox.get, self._send))
        await self._step("lifespan.startup")

    async def shutdown(self) -> None:
        """Close the app; raises what its stop raised."""
        await self._step("lifespan.shutdown")

    async def _step(self, kind: str) -> None:
        if self._task is None:
            return
        self._inbox.put_nowait({"type": kind})
        told = asyncio.ensure_future(self._told.get())
        await asyncio.wait({told, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if told.done() and told.result().endswith("complete"):
            return
        told.cancel()
        await self._task

    async def _send(self, message: dict[str, Any]) -> None:
        self._told.put_nowait(message["type"])


class Server(uvicorn.Server):
    """One worker's server.

    Arguments:
        app: any ASGI app.
        order: how it is to serve.
        limits: the app's; a head that goes far beyond them is not read to its end.
    """

    def __init__(self, app: Any, order: Order, limits: Limits) -> None:
        config = Config(
            app,
            interface="asgi3",
            http=HTTPProtocol,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(order.idle),
            backlog=order.backlog,
            ws=WebSocketProtocol,
            ws_max_size=most_message(app),
            ws_per_message_deflate=False,
        )
        config.edge = self
        config.load()
        life = Life(app)
        config.lifespan_class = lambda _: life
        super().__init__(config)
        self.order = order
        self.most_head = limits.bytes_of("headers_total") + limits.bytes_of("target") + _SPARE
        self.head, self.silence, self.idle = order.head, order.silence, order.idle
        self.draining = self.last = False
        self.app = app if isinstance(app, App) else None
        self.overload = Overload(app) if isinstance(app, App) else None
        self.life = life
        self.on_ready: Callable[[], None] = _nothing
        self.on_beat: Callable[[], None] = _nothing
        self.most = _descriptors() - _RESERVE
        self._sockets: Sequence[socket.socket] = ()
        self._listening: asyncio.Task[None] | None = None
        logging.getLogger("uvicorn.error").addFilter(_not_cut)

    # -- starting ------------------------------------------------------------------------------------------------

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the app, then accept connections."""
        self.servers: list[asyncio.Server] = []
        await self.life.startup()
        self._sockets = sockets or ()
        await self._listen()
        self.started = True
        self.on_ready()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        make = functools.partial(
            HTTPProtocol, config=self.config, server_state=self.server_state, app_state=self.life.state
        )
        self.servers += [
            await loop.create_server(make, sock=each.dup(), backlog=self.config.backlog) for each in self._sockets
        ]

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """SIGTERM stops, and a second one stops at once; Ctrl-C reaches the parent, which decides."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first call asks for a stop, the second for one at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    def not_ready(self) -> None:
        """Let the app say that it is not ready: it stops, and no other worker takes its place."""
        self.last = True
        if self.app is not None and self.app.sealed is not None:
            self.app.sealed.lifetime.draining = True

    # -- running -------------------------------------------------------------------------------------------------

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            self.on_beat()
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
            if self.overload is not None and (refused := self.overload.count()):
                _log.warning("the app is full; requests were refused", extra={"refused": refused})
        return await super().on_tick(counter)

    def opened(self) -> None:
        """Where descriptors run short, accept no more: connections wait in the kernel's queue instead of failing."""
        if len(self.server_state.connections) >= self.most and self.servers:
            _log.warning("connections fill the limit of open files; new ones wait", extra={"connections": self.most})
            self._close_listeners()

    def closed(self) -> None:
        """Accept again when some have gone."""
        few = len(self.server_state.connections) < self.most * 0.9
        if few and not self.servers and self.started and not self.draining:
            if self._listening is None or self._listening.done():
                self._listening = asyncio.get_running_loop().create_task(self._listen())

    def _close_listeners(self) -> None:
        for each in self.servers:
            each.close()
        self.servers = []

    # -- stopping ------------------------------------------------------------------------------------------------

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let requests end, cut the rest at the limit, then run the app's clean-ups."""
        await self._be_seen()
        self.draining = True
        self._close_listeners()
        for each in list(self.server_state.connections):
            each.shutdown()
        await self._drain()
        await self._cut()
        closing = asyncio.ensure_future(self.life.shutdown())
        await asyncio.wait({closing}, timeout=HOOKS)
        if not closing.done():
            closing.cancel()
            _log.error("the app's clean-ups took too long and were cut", extra={"seconds": HOOKS})
        elif error := closing.exception():
            _log.error("the app's clean-ups failed", exc_info=error)

    async def _be_seen(self) -> None:
        """Go on for a while, for whoever asks whether the app is ready, where nobody comes after this worker."""
        end = asyncio.get_running_loop().time() + self.order.grace
        while (now := asyncio.get_running_loop().time()) < end:
            sweep(self.server_state.connections, now)
            await asyncio.sleep(0.02)  # In which the parent's word is heard, too.
            if self.force_exit or not self.last:
                return

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            spent = loop.time() - begun
            if spent >= self.order.timeout:
                return
            if spent >= self.order.linger:
                self._close_resting()
            sweep(self.server_state.connections, loop.time())
            await asyncio.sleep(0.02)

    def _close_resting(self) -> None:
        for each in list(self.server_state.connections):
            if isinstance(each, HTTPProtocol) and each.resting:
                each.transport.close()

    async def _cut(self) -> None:
        """End what is still running: its connection first, so that a cut answer cannot pass for a whole one."""
        tasks = set(self.server_state.tasks)
        for each in list(self.server_state.connections):
            each.transport.abort()
        for task in tasks:
            task.cancel()
        if tasks:
            _log.warning("requests were cut at the stop", extra={"requests": len(tasks)})
            await asyncio.wait(tasks, timeout=_CANCELLED)


def most_message(app: Any) -> int:
    """The bytes of the largest message that a socket here takes; what is mounted may take as much as Uvicorn does."""
    own, others = 0, True
    if isinstance(app, App):
        sealing = app.sealing()
        others = any(foreign.sockets is not None for _, foreign in sealing.mounts)
        if any("WEBSOCKET" in placed.route.methods for placed in sealing.placed):
            from wholestack.realtime import largest_message

            own = largest_message(app)
    return max(own, _MESSAGE) if others or not own else own


def _nothing() -> None:
    """Nobody listens."""


def _not_cut(record: logging.LogRecord) -> bool:
    """Requests that were cut at the stop are counted in one line instead of a traceback each."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)


def _descriptors() -> int:
    """How many files this process may open, after asking for as many as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft if soft != resource.RLIM_INFINITY else 1_000_000
