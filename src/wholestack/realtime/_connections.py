"""A WebSocket as a server gives it: one class for ASGI, one for RSGI, with the same four verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from wholestack.http import Request, Response

Message = MutableMapping[str, Any]
Data = str | bytes

NORMAL, GOING, UNSUPPORTED, LOST, WRONG_DATA, POLICY = 1000, 1001, 1003, 1006, 1007, 1008
TOO_BIG, ERROR, RESTART, LATER = 1009, 1011, 1012, 1013
FRAMES = "wholestack.frames"
"""An extension of ASGI's scope that `wholestack serve` has: `write` sends a frame, and is False where it must wait."""
_MOST_REASON = 123
_TURNS = 3
_PRIVATE = 3000
_HEADS = {126: 4, 127: 10}
"""The bytes of a frame before its payload, by its second byte (RFC 6455 §5.2); for any other two."""
_DROPPED = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade"})


class Connection(Protocol):
    """What a socket talks over.

    Attributes:
        accepted: the handshake is done.
        offered: the sub-protocols that the client speaks.
        code: why it ended, once it has (RFC 6455 §7.4.1).
        reason: the same in words.
        write: sends a frame that is made already, where the server takes it at once; None where it has no such way.
    """

    accepted: bool
    offered: tuple[str, ...]
    code: int | None
    reason: str
    write: Callable[[bytes], bool] | None

    async def accept(self, protocol: str | None) -> None:
        """Do the handshake."""
        ...

    async def receive(self) -> Data | None:
        """The next message; None when the client has left."""
        ...

    async def send(self, data: Data) -> None:
        """Send a message, at the client's pace as far as the server has one."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close an accepted connection."""
        ...

    async def refuse(self, response: Response, pairs: list[tuple[str, str]]) -> None:
        """Answer the handshake as HTTP."""
        ...


def offered_in(request: Request) -> tuple[str, ...]:
    """The sub-protocols in a handshake's header field (RFC 6455 §4.1).

    Example:
        >>> offered_in(Request("GET", "/", headers=[("sec-websocket-protocol", "chat.v2, chat.v1")]))
        ('chat.v2', 'chat.v1')
    """
    lines = request.headers.get_all("sec-websocket-protocol")
    return tuple(each.strip() for line in lines for each in line.split(",") if each.strip())


class AsgiConnection:
    """See `Connection`; over ASGI's `websocket` messages."""

    __slots__ = ("_answers", "_receive", "_send", "accepted", "code", "offered", "reason", "write")

    def __init__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        offered: tuple[str, ...],
    ) -> None:
        self.accepted = False
        self.offered = offered
        self.code: int | None = None
        self.reason = ""
        extensions = scope.get("extensions") or {}
        self.write: Callable[[bytes], bool] | None = extensions.get(FRAMES, {}).get("write")
        self._answers = "websocket.http.response" in extensions
        self._receive = receive
        self._send = send

    async def accept(self, protocol: str | None) -> None:
        """See `Connection.accept`."""
        self.accepted = True
        await self._send({"type": "websocket.accept", "subprotocol": protocol, "headers": []})

    async def receive(self) -> Data | None:
        """See `Connection.receive`."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self.code, self.reason = message.get("code") or LOST, message.get("reason") or ""
            return None
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def send(self, data: Data) -> None:
        """See `Connection.send`."""
        await self._send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})

    async def close(self, code: int, reason: str) -> None:
        """See `Connection.close`."""
        self.code, self.reason = code, shortened(reason)
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": self.reason})
        except (OSError, RuntimeError):
            raise
        except Exception:
            # Autobahn, under Daphne, sends no code below 3000 but 1000: there 1012 is 4012.
            await self._send({"type": "websocket.close", "code": code + _PRIVATE})

    async def refuse(self, response: Response, pairs: list[tuple[str, str]]) -> None:
        """As HTTP where the server can, else as a close, which each server makes a 403 of."""
        self.code = response.status
        if not self._answers:
            await self._send({"type": "websocket.close", "code": POLICY})
            return
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs if name not in _DROPPED]
        fields.append((b"content-length", b"%d" % len(response.body)))
        await self._send({"type": "websocket.http.response.start", "status": response.status, "headers": fields})
        await self._send({"type": "websocket.http.response.body", "body": response.body})
        for _ in range(_TURNS):  # Else Uvicorn 0.54 takes a refusal for a handshake that was forgotten, and logs it.
            await asyncio.sleep(0)


class RsgiConnection:
    """See `Connection`; over Granian's, which has no sub-protocols, no codes and no bodies of refusals."""

    def __init__(self, protocol: Any, offered: tuple[str, ...]) -> None:
        self.accepted = False
        self.offered = offered
        self.code: int | None = None
        self.reason = ""
        self.write: Callable[[bytes], bool] | None = None
        self._protocol = protocol
        self._transport: Any = None

    async def accept(self, protocol: str | None) -> None:
        """See `Connection.accept`."""
        self._transport = await self._protocol.accept()
        self.accepted = True

    async def receive(self) -> Data | None:
        """See `Connection.receive`."""
        if self._transport is None:
            return None
        try:
            message = await self._transport.receive()
        except RuntimeError:  # Granian's `RSGIProtocolClosed`: the connection was lost.
            self.code, self._transport = LOST, None
            return None
        if message.kind == 0:
            self.code, self._transport = GOING, None  # The connection ends when this is let go.
            return None
        data: Data = message.data
        return data

    async def send(self, data: Data) -> None:
        """See `Connection.send`."""
        if self._transport is None:
            raise BrokenPipeError
        if isinstance(data, str):
            await self._transport.send_str(data)
        else:
            await self._transport.send_bytes(data)

    async def close(self, code: int, reason: str) -> None:
        """See `Connection.close`; the client learns no code."""
        self.code, self.reason = code, shortened(reason)
        # The close is sent in the server's own time; what was sent before it must be away.
        await asyncio.sleep(0)
        self._protocol.close(code)
        self._transport = None

    async def refuse(self, response: Response, pairs: list[tuple[str, str]]) -> None:
        """The status alone."""
        self.code = response.status
        self._protocol.close(response.status)


class Counted:
    """A connection each of whose messages is told with its bytes; all else is the connection's own.

    Arguments:
        came: called with the bytes of each message that was received.
        went: called with those of each that the server took.
    """

    def __init__(self, connection: Connection, came: Callable[[int], None], went: Callable[[int], None]) -> None:
        self._connection, self._came, self._went = connection, came, went
        self._write = connection.write
        self.write = None if self._write is None else self._written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def receive(self) -> Data | None:
        """See `Connection.receive`."""
        data = await self._connection.receive()
        if data is not None:
            self._came(bytes_of(data))
        return data

    async def send(self, data: Data) -> None:
        """See `Connection.send`."""
        await self._connection.send(data)
        self._went(bytes_of(data))

    def _written(self, frame: bytes) -> bool:
        taken = self._write is not None and self._write(frame)
        if taken:
            self._went(len(frame) - _HEADS.get(frame[1], 2))
        return taken


def bytes_of(data: Data) -> int:
    """How many bytes a message has.

    Example:
        >>> bytes_of("tea"), bytes_of("thé"), bytes_of(b"tea")
        (3, 4, 3)
    """
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode("utf-8", "replace"))


def shortened(reason: str) -> str:
    """A reason that fits into a close frame (RFC 6455 §5.5).

    Example:
        >>> len(shortened("é" * 100).encode())
        122
    """
    return reason.encode("utf-8", "replace")[:_MOST_REASON].decode("utf-8", "ignore")
