"""WebSocket frames by bytes (RFC 6455 §5): what is sent is exactly what a test says, and what comes is looked at closely."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import select
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from servers import wire

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
_TAIL = b"\x00\x00\xff\xff"

Data = str | bytes


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length: bytes | None = None,
) -> bytes:
    """A client's frame, right or wrong.

    Arguments:
        rsv: the three reserved bits, the first of them being 4.
        mask: None for a frame without a mask.
        length: its length as it goes over the wire, the first byte without the mask's bit; by default the shortest form.
    """
    if length is None:
        size = len(payload)
        if size < 126:
            length = bytes([size])
        elif size < 1 << 16:
            length = struct.pack("!BH", 126, size)
        else:
            length = struct.pack("!BQ", 127, size)
    head = bytes([fin << 7 | rsv << 4 | opcode, length[0] | (mask is not None) << 7]) + length[1:]
    return head + payload if mask is None else head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload under its mask (RFC 6455 §5.3)."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def message(data: Data, size: int = 0, *, opcode: int | None = None) -> bytes:
    """A message, whole, or in fragments of so many bytes."""
    payload = data.encode() if isinstance(data, str) else data
    kind = opcode if opcode is not None else TEXT if isinstance(data, str) else BINARY
    if not size:
        return frame(kind, payload)
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    last = len(pieces) - 1
    return b"".join(frame(CONT if at else kind, piece, fin=at == last) for at, piece in enumerate(pieces))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame; None for one without a code."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def chopped(data: bytes, size: int) -> tuple[bytes, ...]:
    """The bytes in pieces, each of them a write of its own."""
    return tuple(data[start : start + size] for start in range(0, len(data), size))


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame that the server has sent."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int


class Peer:
    """The client's end of a connection that was upgraded, or refused.

    Attributes:
        head: the answer to the handshake.
        messages: those that came, inflated where they were deflated.
        pongs: their payloads.
        code: of the close frame; None before it, 1005 where it holds none.
        ended: the server has closed the connection.
        answers: whether a close frame is answered with one, as it must be by a client that has sent none.
    """

    def __init__(self, port: int, path: str, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.connection = wire.Connection(port)
        self.connection.send(handshake(port, path, fields))
        try:
            self.head = self.connection.head()
        except BaseException:
            self.connection.close()
            raise
        self.messages: list[Data] = []
        self.pongs: list[bytes] = []
        self.code: int | None = None
        self.ended = False
        self.answers = True
        self.deflated = 0
        self._extension = self.head.get("sec-websocket-extensions") or ""
        self._inflate = self._new_inflate()
        self._parts: list[bytes] = []
        self._kind = CONT
        self._packed = False
        self._buffer = bytearray(self.connection.taken())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # -- both ways -----------------------------------------------------------------------------------------------

    def exchange(self, pieces: Sequence[bytes], enough: Callable[[Self], bool], seconds: float = wire.PATIENCE) -> None:
        """Send the pieces and read what comes meanwhile, until it is enough, or the server has ended it."""
        line, until = self.connection.socket, time.monotonic() + seconds
        line.setblocking(False)
        waiting = [memoryview(piece) for piece in reversed(pieces)]
        while not self.ended and not (enough(self) and not waiting) and time.monotonic() < until:
            readable, writable, _ = select.select([line], [line] if waiting else [], [], 1)
            if writable:
                self._write(line, waiting)
            if readable:
                self._read(line)

    def _write(self, line: socket.socket, waiting: list[memoryview]) -> None:
        piece = waiting.pop()
        try:
            rest = piece[line.send(piece) :]
        except BlockingIOError:
            rest = piece
        except OSError:  # The server has closed it; what it said before is still to be read.
            waiting.clear()
            return
        if rest:
            waiting.append(rest)

    def _read(self, line: socket.socket) -> None:
        try:
            data = line.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        self._buffer += data
        while (found := self._next()) is not None:
            self._take(found)

    # -- what came -----------------------------------------------------------------------------------------------

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        assert not buffer[1] & 0x80, "a server's frame has no mask (RFC 6455 §5.1)"
        size, start = buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
            assert size >= (126 if start == 4 else 1 << 16), "a length in its shortest form (RFC 6455 §5.2)"
        if len(buffer) < start + size:
            return None
        found = Frame(buffer[0] & 15, bytes(buffer[start : start + size]), bool(buffer[0] & 0x80), buffer[0] >> 4 & 7)
        del buffer[: start + size]
        return found

    def _take(self, found: Frame) -> None:
        """One frame: those of the server must be right, whatever the client's were."""
        assert self.code is None, f"nothing follows a close frame (RFC 6455 §5.5.1): {found}"
        if found.opcode >= CLOSE:
            assert found.fin and not found.rsv and len(found.payload) <= 125, found
            self._control(found)
            return
        assert (found.opcode == CONT) == bool(self._kind), found
        assert found.rsv in ({0, 4} if self._extension and found.opcode else {0}), found
        if found.opcode:
            self._kind, self._packed, self._parts = found.opcode, found.rsv == 4, []
        self._parts.append(found.payload)
        if found.fin:
            payload = b"".join(self._parts)
            if self._packed:
                self.deflated += 1
                payload = self._inflate.decompress(payload + _TAIL)
                if "server_no_context_takeover" in self._extension:
                    self._inflate = self._new_inflate()
            self.messages.append(payload.decode() if self._kind == TEXT else payload)
            self._kind = CONT

    def _control(self, found: Frame) -> None:
        if found.opcode == PONG:
            self.pongs.append(found.payload)
        elif found.opcode == CLOSE:
            assert len(found.payload) != 1, found
            self.code = int.from_bytes(found.payload[:2], "big") if found.payload else 1005
            found.payload[2:].decode()
            if self.answers:
                self.connection.send(close(None if self.code == 1005 else self.code))
        else:
            assert found.opcode == PING, found
            self.connection.send(frame(PONG, found.payload))

    def _new_inflate(self) -> zlib._Decompress:
        return zlib.decompressobj(-parameter(self._extension, "server_max_window_bits"))


def parameter(extension: str, name: str) -> int:
    """A parameter of the extension that was agreed on; 15 where it is not named (RFC 7692 §7.1.2)."""
    _, _, rest = extension.partition(f"{name}=")
    return int(rest.partition(";")[0].strip(' "')) if rest else 15


class Deflate:
    """What a client does to its messages once permessage-deflate is agreed on (RFC 7692 §7.2.1)."""

    def __init__(self, extension: str) -> None:
        self._fresh = "client_no_context_takeover" in extension
        self._bits = parameter(extension, "client_max_window_bits")
        self._make()

    def _make(self) -> None:
        self._zip = zlib.compressobj(9, zlib.DEFLATED, -self._bits)

    def __call__(self, payload: bytes) -> bytes:
        packed = self._zip.compress(payload) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        if self._fresh:
            self._make()
        return packed.removesuffix(_TAIL)


def handshake(port: int, path: str, fields: Iterable[tuple[str, str]] = ()) -> bytes:
    """A handshake's bytes (RFC 6455 §4.1); a field of the same name takes the place of ours, an empty one leaves it out."""
    ours = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    lines = [f"{name}: {value}" for name, value in (ours | dict(fields)).items() if value]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()
