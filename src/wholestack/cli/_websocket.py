"""Uvicorn's WebSocket protocol as `wholestack serve` runs it: less memory a socket, less work a message.

A handshake, fragments, control frames and faults are the library's business. What is nearly everything, a whole
message in one frame, is read and written here in a few steps, by the same rules.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CLOSE, Frame
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # It was installed without a compiler.
    from websockets.utils import apply_mask

FRAMES = "wholestack.frames"
_TEXT, _BINARY = 0x81, 0x82
"""The first byte of a message in one frame (RFC 6455 §5.2)."""


class Rules(ServerProtocol):
    """The protocol of `websockets`, where a close may come between the fragments of a message (RFC 6455 §5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        """One frame."""
        if frame.opcode is CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class Inbox:
    """What came for the app: `asyncio.Queue` in a tenth of its memory, as there is one for each socket."""

    __slots__ = ("_items", "_waiters")

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._waiters: list[asyncio.Future[None]] = []

    def put_nowait(self, item: Any) -> None:
        """One more."""
        self._items.append(item)
        wake(self._waiters)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._items

    async def get(self) -> Any:
        """The next one."""
        while not self._items:
            await waited(self._waiters)
        return self._items.pop(0)


class Flag:
    """`asyncio.Event` in a tenth of its memory."""

    __slots__ = ("_set", "_waiters")

    def __init__(self) -> None:
        self._set = False
        self._waiters: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Whether it is."""
        return self._set

    def set(self) -> None:
        """Let all go on who wait."""
        self._set = True
        wake(self._waiters)

    def clear(self) -> None:
        """Let them wait."""
        self._set = False

    async def wait(self) -> bool:
        """Wait until it is set."""
        while not self._set:
            await waited(self._waiters)
        return True


async def waited(waiters: list[asyncio.Future[None]]) -> None:
    """Wait for `wake`."""
    waiter = asyncio.get_running_loop().create_future()
    waiters.append(waiter)
    try:
        await waiter
    finally:
        waiters.remove(waiter)


def wake(waiters: list[asyncio.Future[None]]) -> None:
    """Let all go on who wait; each looks again at what it waits for."""
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One socket's connection.

    Messages are not compressed: what that takes is more than all else that a socket takes (35 KiB each).
    """

    conn: ServerProtocol

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = Rules(max_size=config.ws_max_size, logger=self.logger)
        self.queue: Any = Inbox()
        self.writable: Any = Flag()
        self.writable.set()

    # -- the handshake -------------------------------------------------------------------------------------------

    def handle_connect(self, event: Request) -> None:
        """The app may hand over frames that are made already, for many at once."""
        super().handle_connect(event)
        if (scope := getattr(self, "scope", None)) is not None:
            scope["extensions"][FRAMES] = {"write": self.write}

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if (scope := getattr(self, "scope", None)) is not None:
            scope["extensions"].pop(FRAMES, None)  # A circle.
        super().connection_lost(exc)

    # -- reading -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: whole messages at the beginning are read here, the rest by the library."""
        at = 0
        conn = self.conn
        if self.handshake_complete and conn.current_size is None and not conn.reader.buffer:
            most = conn.max_message_size or 0
            while conn.state is State.OPEN and (end := self._message(data, at, most)):
                at = end
        if at < len(data):
            super().data_received(data[at:] if at else data)

    def _message(self, data: bytes, at: int, most: int) -> int:
        """Take the message at this place; where it ends, or 0 where it is for the library."""
        if len(data) < at + 6 or data[at] not in {_TEXT, _BINARY} or data[at + 1] < 0x80:
            return 0
        size, start = data[at + 1] & 0x7F, at + 6
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 8
        end = start + size
        if size > most or end > len(data) or (size < 126) != (start == at + 6) or data[at + 1] == 0xFF:
            return 0
        self.frames = [bytes(apply_mask(data[start:end], data[start - 4 : start]))]
        self.curr_msg_data_type = "text" if data[at] == _TEXT else "bytes"
        self.send_receive_event_to_app()
        return end

    # -- writing -------------------------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        """See ASGI."""
        if message["type"] != "websocket.send" or not self.handshake_complete or self.close_sent:
            if message["type"] == "websocket.accept":
                await self._accept(message)
            else:
                await super().send(message)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        data = message.get("bytes")
        first, payload = (_BINARY, data) if data is not None else (_TEXT, message["text"].encode())
        if self._over():
            raise ClientDisconnected
        size = len(payload)
        if size < 126:
            head = bytes((first, size))
        elif size < 1 << 16:
            head = bytes((first, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((first, 127)) + size.to_bytes(8, "big")
        self.transport.write(head + payload)

    def _over(self) -> bool:
        return self.conn.state is not State.OPEN or self.close_sent or self.transport.is_closing()

    async def _accept(self, message: Any) -> None:
        await super().send(message)
        if self.handshake_complete:
            del self.request, self.response  # Nobody asks for them any more; they are a tenth of a socket's memory.

    def write(self, frame: bytes) -> bool:
        """Send a frame that is made already; False where the client is slow, or gone."""
        if not self.writable.is_set() or self._over():
            return False
        self.transport.write(frame)
        return True
