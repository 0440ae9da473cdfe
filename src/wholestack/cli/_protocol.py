"""Uvicorn's HTTP protocol with the limits it lacks: slow heads, silent bodies, endless headers, idle readers.

Nothing is added to a request's own path but a few assignments: one look a second over all connections (`sweep`) closes
those that are over their deadline.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ._overload import PENALTY, Overload
from ._whole import OneWriteCycle

NEVER = math.inf
_LINGER = 2.0
"""How long a connection is read from after an early answer, so that the client sees the answer and not a reset."""


class Edge(Protocol):
    """What a protocol asks of its server."""

    head: float
    silence: float
    idle: float
    most_head: int
    draining: bool
    overload: Overload | None

    def opened(self) -> None:
        """A connection has been made."""
        ...

    def closed(self) -> None:
        """A connection has ended."""
        ...


class Config(uvicorn.Config):
    """Uvicorn's configuration, and the edge its protocols ask."""

    edge: Edge


class HTTPProtocol(HttpToolsProtocol):
    """One connection; `deadline` is when it is closed if nothing happens that moves it."""

    config: Config

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.edge = self.config.edge
        self.deadline = self.loop.time() + self.edge.head
        self.stalled = NEVER
        self.head_size = 0
        self.begun = False
        self.leaving = False
        self.door = _Door(transport, self._leave)
        self.edge.opened()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.deadline = self.stalled = NEVER
        super().connection_lost(exc)
        self.edge.closed()

    # -- reading -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`; a head that never ends is refused before it fills the memory."""
        if self.leaving:
            return
        self.head_size += len(data)
        super().data_received(data)
        if self.begun and self.head_size > self.edge.most_head:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self.begun = True
        self.deadline = self.loop.time() + self.edge.head

    def on_headers_complete(self) -> None:
        """The whole head."""
        self.begun = False
        self.head_size = 0
        overload = self.edge.overload
        if overload is not None and len(overload.busy) >= overload.most and self._refused(overload):
            return
        super().on_headers_complete()
        cycle: Any = self.cycle
        if cycle is None:
            return  # It was an upgrade: the connection is another protocol's now.
        cycle.transport = self.door
        cycle.__class__ = OneWriteCycle  # Its own function would make a circle of references a request.
        if self.edge.draining:
            cycle.keep_alive = False
        self.deadline = self.loop.time() + self.edge.silence

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        super().on_body(body)
        self.head_size = 0
        if not self.resting:
            self.deadline = self.loop.time() + self.edge.silence

    def on_message_complete(self) -> None:
        """The end of a body; from here on the app has its own time limit."""
        super().on_message_complete()
        self.head_size = 0
        self.deadline = NEVER
        if self.resting:  # It was answered before it was whole; the connection may bring a next one.
            self._wait_for_next()

    # -- answering -----------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """The end of an answer."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self.deadline = self.loop.time() + self.edge.idle + 1.0

    def pause_writing(self) -> None:
        """The client takes nothing at the moment."""
        self.stalled = self.loop.time() + 3 * self.edge.silence
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client takes more."""
        self.stalled = NEVER
        super().resume_writing()

    # -- refusing ------------------------------------------------------------------------------------------------

    def _refused(self, overload: Overload) -> bool:
        """Say 503 in place of the app, which is full, if it is this connection's turn to speak."""
        parser: Any = self.parser
        method = parser.get_method().decode("ascii")
        if not self.resting or self.pipeline or overload.spares(method, self.url.partition(b"?")[0]):
            return False
        last = self.edge.draining or not parser.should_keep_alive()
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)
        self.cycle = _Answered(has_body)  # type: ignore[assignment]
        self.transport.write(overload.answer(method, self.server_state.default_headers, close=last))
        if last:
            self._leave()
        else:
            self._wait_for_next()
            self.flow.pause_reading()
            self.loop.call_later(PENALTY, self._read_on)
        return True

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    # -- leaving -------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Any:
        """The request that came last; None before the first, which its own type does not say."""
        return self.cycle

    @property
    def resting(self) -> bool:
        """Whether no request is being answered here."""
        return self.current is None or self.current.response_complete

    def shutdown(self) -> None:
        """The server stops: the answer in the making is the last; a connection at rest may still bring a request."""
        if not self.resting:
            self.current.keep_alive = False

    def _leave(self) -> None:
        """Close after an answer; where the request was not read to its end, read on a little (RFC 9112 §9.6)."""
        if not self.cycle.more_body or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.leaving = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self.deadline = self.loop.time() + _LINGER

    def overdue(self, now: float) -> None:
        """Close this connection if it is over its time."""
        if self.stalled < now:
            self.transport.abort()
        elif self.deadline < now and not self.flow.read_paused:
            self._too_late()

    def _too_late(self) -> None:
        cycle = self.current
        if self.leaving or (not self.begun and (cycle is None or cycle.response_started)):
            self.transport.close()
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        """Answer for the app, and close."""
        if not self.transport.is_closing():
            self.deadline = NEVER
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()


class _Answered:
    """A request that was answered before it became one; what is left of its body is dropped."""

    response_started = response_complete = True
    disconnected = False

    def __init__(self, more_body: bool) -> None:
        self.more_body = more_body
        self.message_event = asyncio.Event()


class _Door:
    """A transport as a request sees it: closing it is the protocol's business."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = leave


def sweep(connections: Iterable[Any], now: float) -> None:
    """Close every connection that is over its time; other protocols (sockets) keep their own."""
    for each in list(connections):
        if isinstance(each, HTTPProtocol):
            each.overdue(now)
