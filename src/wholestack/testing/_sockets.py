"""A WebSocket as a test talks over it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar, overload

import pydantic
from pydantic_core import to_json

from wholestack.handlers import unhandled

from ._core import Core
from ._errors import BrokenAnswer, ClientFault, SocketEnded, SocketRefused
from ._heard import hearers
from ._life import Life
from ._peers import Data, Parting, Peer
from ._sent import RequestOptions

T = TypeVar("T")

_PATIENCE = 0.2
"""Seconds that an application has to end by itself after its client has left."""


class Line:
    """An open socket, in the colour of the loop: what both clients' sockets stand on.

    Attributes:
        ended: how it was closed, by the application.
    """

    def __init__(self, core: Core, life: Life, peer: Peer) -> None:
        self._core = core
        self._life = life
        self.peer = peer
        self.ended: Parting | None = None
        self._noted: list[Exception] = []
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, core: Core, life: Life, url: str, protocols: tuple[str, ...], options: RequestOptions) -> Line:
        """Do the handshake.

        Raises:
            SocketRefused: the application answered it as HTTP.
        """
        if core.interface == "wsgi":
            raise ClientFault('WSGI has no WebSockets: ask by interface="asgi" or "rsgi".')
        if not life.started:
            await life.start()
        sent = core.builder.build("GET", url, options)
        core.add_cookies(sent, options.get("cookies"))
        own = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
        sent.headers += own + [("sec-websocket-protocol", ", ".join(protocols))] * bool(protocols)
        line = cls(core, life, life.peer(sent, core.address, list(protocols)))
        token = unhandled.set(line._noted)
        try:
            line._task = asyncio.ensure_future(line.peer.call())
            refused = await line.peer.opened()
        finally:
            unhandled.reset(token)
        if refused is not None:
            await line._end()
            raise SocketRefused(refused)
        for told in hearers:
            told(core.app, sent, None)
        return line

    async def receive(self) -> Data:
        """The next message.

        Raises:
            SocketEnded: the application has closed it.
        """
        if self.ended is None:
            data = await self.peer.next()
            if not isinstance(data, tuple):
                return data
            self.ended = data
            await self._end()
        raise SocketEnded(*self.ended)

    async def send(self, data: Data) -> None:
        """Send a message."""
        if self.ended is not None:
            raise SocketEnded(*self.ended)
        self.peer.give(data)
        await asyncio.sleep(0)

    async def close(self, code: int, reason: str) -> None:
        """Leave, and wait for the application's end."""
        if self._task is not None and not self._task.done():
            self.peer.give((code, reason))
        await self._end()

    async def _end(self) -> None:
        """Wait for the application; what it raised, or only the log would show, is raised in the test."""
        task, self._task = self._task, None
        if task is None:
            return
        _, late = await asyncio.wait({task}, timeout=_PATIENCE)
        if late:
            task.cancel()
            await asyncio.wait(late)
        await self._life.settle()
        error = None if task.cancelled() else task.exception()
        if self._core.raise_errors and (error or self._noted):
            raise error or self._noted[0]


def written(value: Any) -> Data:
    """A message as it is sent: text and bytes as they are, anything else as JSON.

    Example:
        >>> written({"a": 1}), written("a")
        ('{"a":1}', 'a')
    """
    return value if isinstance(value, (str, bytes)) else to_json(value).decode()


def read(data: Data, kind: Any) -> Any:
    """A message as the test asks for it.

    Example:
        >>> read('{"a": 1}', Any), read("a", str)
        ({'a': 1}, 'a')
    """
    if kind in {str, bytes}:
        if not isinstance(data, kind):
            raise BrokenAnswer(f"The message is {type(data).__name__}, not {kind.__name__}.")
        return data
    return json.loads(data) if kind is Any else pydantic.TypeAdapter(kind).validate_json(data)


class ClientSocket:
    """A WebSocket, inside `with client.socket(…)`."""

    def __init__(self, line: Line, life: Life) -> None:
        self._line = line
        self._life = life

    @property
    def protocol(self) -> str | None:
        """The sub-protocol that was agreed on."""
        return self._line.peer.protocol

    def send(self, value: Any) -> None:
        """Send a message: text and bytes as they are, anything else as JSON."""
        self._life.run(self._line.send(written(value)))

    @overload
    def receive(self) -> Any: ...
    @overload
    def receive(self, kind: type[T]) -> T: ...
    def receive(self, kind: Any = Any) -> Any:
        """The next message: JSON, read as a type where one is named; `str` and `bytes` as they are.

        Raises:
            SocketEnded: the application has closed the socket.
        """
        return read(self._life.run(self._line.receive()), kind)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Leave."""
        self._life.run(self._line.close(code, reason))


class AsyncClientSocket:
    """A WebSocket, inside `async with client.socket(…)`: the same, awaited."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def protocol(self) -> str | None:
        """The sub-protocol that was agreed on."""
        return self._line.peer.protocol

    async def send(self, value: Any) -> None:
        """See `ClientSocket.send`."""
        await self._line.send(written(value))

    @overload
    async def receive(self) -> Any: ...
    @overload
    async def receive(self, kind: type[T]) -> T: ...
    async def receive(self, kind: Any = Any) -> Any:
        """See `ClientSocket.receive`."""
        return read(await self._line.receive(), kind)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Leave."""
        await self._line.close(code, reason)
