"""A WebSocket to an application in this process: the server's side of ASGI and RSGI, played."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, Protocol
from urllib.parse import unquote

from ._answer import Answer
from ._errors import BrokenAnswer
from ._exchange import address_of, checked
from ._rsgi import ProtocolClosed, RsgiScope
from ._sent import SentRequest

Data = str | bytes
Parting = tuple[int, str]

_WAITING = 16
_LOST = 1005


class Peer(Protocol):
    """The server's side of one socket.

    Attributes:
        protocol: the sub-protocol that the application chose.
    """

    protocol: str | None

    async def call(self) -> None:
        """Call the application, and wait for its end."""
        ...

    async def opened(self) -> Answer | None:
        """Wait for the handshake; the answer, where it is refused."""
        ...

    async def next(self) -> Data | Parting:
        """What the application sends next, or how it closes."""
        ...

    def give(self, data: Data | Parting) -> None:
        """Hand the application a message, or tell it that the client leaves."""
        ...


class AsgiPeer:
    """See `Peer`."""

    def __init__(self, app: Any, sent: SentRequest, address: str, state: dict[str, Any], offered: list[str]) -> None:
        self.protocol: str | None = None
        self._app = app
        self._sent = sent
        self._to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue(_WAITING)
        self._left = False
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if sent.scheme == "https" else "ws",
            "path": unquote(sent.path),
            "raw_path": sent.path.encode(),
            "query_string": sent.query.encode(),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers],
            "client": (address, 50000),
            "server": address_of(sent),
            "subprotocols": offered,
            "state": {**state},
            "extensions": {"websocket.http.response": {}},
        }

    async def call(self) -> None:
        """See `Peer.call`."""
        self._to_app.put_nowait({"type": "websocket.connect"})
        try:
            await self._app(self._scope, self._to_app.get, self._send)
        finally:
            await self._from_app.put({"type": "ended"})

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if self._left:
            raise OSError("The client has left.")
        if message["type"] == "websocket.close":
            self._to_app.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})
        await self._from_app.put(message)

    async def opened(self) -> Answer | None:
        """See `Peer.opened`."""
        first = await self._from_app.get()
        if first["type"] == "websocket.accept":
            self.protocol = first.get("subprotocol")
            return None
        if first["type"] == "websocket.close":
            return Answer(checked(403, []), b"", self._sent)
        if first["type"] != "websocket.http.response.start":
            raise BrokenAnswer("The application ended without an answer to the handshake.")
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in first["headers"]]
        body = (await self._from_app.get()).get("body", b"")
        return Answer(checked(first["status"], pairs), body, self._sent)

    async def next(self) -> Data | Parting:
        """See `Peer.next`."""
        message = await self._from_app.get()
        if message["type"] == "websocket.send":
            text: str | None = message.get("text")
            return text if text is not None else bytes(message["bytes"])
        self._left = True
        return (message.get("code", 1000), message.get("reason") or "") if message["type"] != "ended" else (_LOST, "")

    def give(self, data: Data | Parting) -> None:
        """See `Peer.give`."""
        if isinstance(data, tuple):
            self._left = True
            while not self._from_app.empty():
                self._from_app.get_nowait()  # Nobody takes it any more, and the application may wait for room.
            self._to_app.put_nowait({"type": "websocket.disconnect", "code": data[0], "reason": data[1]})
        else:
            self._to_app.put_nowait({"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})


class _Message:
    """Granian's `WebsocketMessage`."""

    def __init__(self, kind: int, data: Data | None) -> None:
        self.kind = kind
        self.data = data


class RsgiPeer:
    """See `Peer`; it is also Granian's `RSGIWebsocketProtocol` and its transport: no sub-protocols, no codes."""

    def __init__(self, app: Any, sent: SentRequest, address: str) -> None:
        self.protocol: str | None = None
        self._app = app
        self._sent = sent
        self._scope = RsgiScope(sent, address)
        self._scope.proto = "ws"
        self._scope.method = "GET"
        self._opened: asyncio.Queue[int | None] = asyncio.Queue()
        self._to_app: asyncio.Queue[_Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Data | Parting] = asyncio.Queue(_WAITING)
        self._accepted = self._left = False

    async def call(self) -> None:
        """See `Peer.call`."""
        try:
            await getattr(self._app, "__rsgi__", self._app)(self._scope, self)
        finally:
            self.close(403 if not self._accepted else None)

    async def accept(self) -> RsgiPeer:
        self._accepted = True
        self._opened.put_nowait(None)
        return self

    def close(self, status: int | None) -> None:
        if not self._accepted:
            self._opened.put_nowait(status or 403)
        elif not self._left:
            self._left = True
            self._to_app.put_nowait(_Message(0, None))
            self._closing = asyncio.get_running_loop().create_task(self._from_app.put((_LOST, "")))

    async def receive(self) -> _Message:
        return await self._to_app.get()

    async def send_str(self, data: str) -> None:
        await self._hand_over(data)

    async def send_bytes(self, data: bytes) -> None:
        await self._hand_over(data)

    async def _hand_over(self, data: Data) -> None:
        if self._left:
            raise ProtocolClosed("RSGI transport is closed")
        await self._from_app.put(data)

    async def opened(self) -> Answer | None:
        """See `Peer.opened`."""
        status = await self._opened.get()
        return None if status is None else Answer(checked(status, []), b"", self._sent)

    async def next(self) -> Data | Parting:
        """See `Peer.next`."""
        return await self._from_app.get()

    def give(self, data: Data | Parting) -> None:
        """See `Peer.give`."""
        if isinstance(data, tuple):
            self._left = True
            while not self._from_app.empty():
                self._from_app.get_nowait()
            self._to_app.put_nowait(_Message(0, None))
        else:
            self._to_app.put_nowait(_Message(2 if isinstance(data, str) else 1, data))
