"""The load generator for what stays open: raw frames over uvloop, every byte or every number of an answer looked at."""

import asyncio
import json
import re
import struct
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import uvloop

from harness.load import LoadFailed
from harness.wire import HOST

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x00\x00\x00\x00"
"""A mask that changes nothing is a legal one (RFC 6455 §5.3), and saves this side the work."""
PADDING = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore."
NUMBER = re.compile(rb'"n": ?(\d+),')
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
PATIENCE = 20.0


@dataclass(frozen=True)
class Count:
    """What one run counted once all was open: messages that came, in how many seconds, and the server's processor time.

    Latencies are in microseconds, where they are known.
    """

    messages: int
    seconds: float
    cpu: float
    p50: float = 0.0
    p99: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cost(self) -> float:
        """The server's processor time in microseconds a message."""
        return self.cpu * 1e6 / self.messages


@dataclass(frozen=True)
class Run:
    """One run on a server: its port, how long, and what asks for the server's processor time in seconds."""

    port: int
    seconds: float
    cpu: Callable[[], float]


def text_frame(text: str, *, masked: bool) -> bytes:
    """One text message of fewer than 65,536 bytes, as it goes over the wire."""
    payload = text.encode()
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
    return bytes([head[0], head[1] | 0x80]) + head[2:] + MASK + payload if masked else head + payload


class Line(asyncio.Protocol):
    """One connection: a handshake or a request, then bytes for `came`."""

    def __init__(self, head: bytes, status: bytes, came: Callable[["Line", bytes], None]) -> None:
        self.transport: Any = None
        self.place = 0
        self.rest = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = head
        self._status = status
        self._came = came
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            self._came(self, data)
            return
        self._begun += data
        head, end, rest = self._begun.partition(b"\r\n\r\n")
        if not end:
            return
        if self._status not in head.split(b"\r\n", 1)[0]:
            self.opened.set_exception(LoadFailed(f"answered {head[:60]!r}"))
            return
        self.opened.set_result(None)
        if rest:
            self._came(self, rest)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(LoadFailed(f"the connection ended: {error}"))


def upgrade(port: int, path: str) -> bytes:
    """A handshake, which offers no extension."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", "", ""]).encode()


async def open_all(
    port: int, count: int, head: bytes, status: bytes, came: Callable[[Line, bytes], None]
) -> list[Line]:
    """So many connections, some at a time."""
    loop, lines = asyncio.get_running_loop(), []
    for _ in range(0, count, 50):
        some = [
            await loop.create_connection(lambda: Line(head, status, came), HOST, port) for _ in range(min(50, count))
        ]
        lines += [line for _, line in some]
        await asyncio.wait_for(asyncio.gather(*(line.opened for _, line in some)), PATIENCE)
    return lines[:count]


def close_all(lines: Sequence[Line]) -> None:
    """End them, without a word."""
    for line in lines:
        line.transport.abort()


def on_loop(work: Coroutine[Any, Any, Count]) -> Count:
    """Run it on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


# -- echo ----------------------------------------------------------------------------------------------------------


async def echo(run: Run, clients: int) -> Count:
    """Each client sends a message of 100 bytes when its last one has come back."""
    sent, wanted = (text_frame(PADDING[:100], masked=masked) for masked in (True, False))
    taken: list[float] = []
    begun: dict[Line, float] = {}
    faults: list[str] = []

    def came(line: Line, data: bytes) -> None:
        line.rest += data
        if len(line.rest) < len(wanted):
            return
        if line.rest != wanted:
            faults.append(f"came back as {line.rest[:40]!r}")
            return
        line.rest = b""
        now = perf_counter()
        taken.append(now - begun[line])
        begun[line] = now
        line.transport.write(sent)

    lines = await open_all(run.port, clients, upgrade(run.port, "/echo"), b" 101 ", came)
    start, before = perf_counter(), run.cpu()
    for line in lines:
        begun[line] = start
        line.transport.write(sent)
    await asyncio.sleep(run.seconds)
    spent, count, cpu = perf_counter() - start, len(taken), run.cpu() - before
    close_all(lines)
    if faults or not count:
        raise LoadFailed(faults[0] if faults else "not one message came back")
    taken.sort()
    return Count(count, spent, cpu, taken[count // 2] * 1e6, taken[int(count * 0.99)] * 1e6)


# -- one to many ---------------------------------------------------------------------------------------------------


class Room:
    """What many are to get: all of them the same bytes, in the same order."""

    def __init__(self, clients: int, window: int) -> None:
        self.clients = clients
        self.window = window
        self.sent = 0
        self.taken = 0
        self.stream = bytearray()
        self.faults: list[str] = []
        self._more = asyncio.Event()

    def took(self, count: int) -> None:
        """So many messages came, somewhere."""
        self.taken += count
        if self.sent * self.clients - self.taken <= self.window * self.clients:
            self._more.set()

    async def run(self, run: Run, send: Callable[[int], None]) -> Count:
        """One message to warm up, which all must get; then as many as go, with a few on their way at any time."""
        send(0)
        self.sent = 1
        await self._until(self.clients)
        start, before, cpu = perf_counter(), self.taken, run.cpu()
        while perf_counter() < start + run.seconds and not self.faults:
            while self.sent * self.clients - self.taken < self.window * self.clients:
                send(self.sent)
                self.sent += 1
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), PATIENCE)
            except TimeoutError:
                raise LoadFailed(f"{self.taken} of {self.sent * self.clients} messages came") from None
        await self._until(self.sent * self.clients)
        if self.faults:
            raise LoadFailed(self.faults[0])
        return Count(self.taken - before, perf_counter() - start, run.cpu() - cpu)

    async def _until(self, wanted: int) -> None:
        end = perf_counter() + PATIENCE
        while self.taken < wanted and not self.faults:
            if perf_counter() > end:
                raise LoadFailed(f"{self.taken} of {wanted} messages came")
            await asyncio.sleep(0.001)


async def fan_out(run: Run, clients: int, window: int) -> Count:
    """One of them says something, all of them get it: the bytes are compared with what they must be."""
    room = Room(clients, window)
    stream = room.stream
    size = len(text_frame(f"{0:08d} {PADDING}", masked=False))

    def came(line: Line, data: bytes) -> None:
        end = line.place + len(data)
        if stream[line.place : end] != data:
            room.faults.append(f"{data[:60]!r} came, not {bytes(stream[line.place : line.place + 60])!r}")
            return
        room.took(end // size - line.place // size)
        line.place = end

    lines = await open_all(run.port, clients, upgrade(run.port, "/room"), b" 101 ", came)
    await asyncio.sleep(0.5)  # A handler may still be on its way into the room.

    def send(number: int) -> None:
        text = f"{number:08d} {PADDING}"
        stream.extend(text_frame(text, masked=False))
        lines[0].transport.write(text_frame(text, masked=True))

    try:
        return await room.run(run, send)
    finally:
        close_all(lines)


async def events(run: Run, clients: int, window: int) -> Count:
    """What is posted goes to all who follow: every number must come, in order, on every stream."""
    room, port = Room(clients, window), run.port

    def came(line: Line, data: bytes) -> None:
        data = line.rest + data
        last = None
        for last in NUMBER.finditer(data):
            if int(last[1]) != line.place:
                room.faults.append(f"number {int(last[1])} came, not {line.place}: {data[:80]!r}")
                return
            line.place += 1
            room.took(1)
        line.rest = data[last.end() :] if last is not None else data

    head = f"GET /events HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
    lines = await open_all(port, clients, head, b" 200 ", came)
    close_all(await open_all(port, 1, post(port, -1), b" 4", nothing))  # What is no JSON is refused.
    poster = Poster(port)
    await asyncio.get_running_loop().create_connection(lambda: poster, HOST, port)
    await asyncio.sleep(0.5)
    try:
        return await room.run(run, poster.post)
    finally:
        close_all([*lines, poster])


def nothing(line: Line, data: bytes) -> None:
    """What is refused need not be read."""


class Poster(Line):
    """Posts one number after the other, each when the one before is answered."""

    def __init__(self, port: int) -> None:
        super().__init__(b"", b"", nothing)
        self._port = port
        self._waiting: deque[int] = deque()
        self._busy = False
        self.opened.set_result(None)

    def post(self, number: int) -> None:
        """As soon as it may be."""
        self._waiting.append(number)
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            self.transport.write(post(self._port, self._waiting.popleft()))

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, end, body = self.rest.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self.rest, self._busy = b"", False
            self._next()


def post(port: int, number: int) -> bytes:
    """What is published; a number below 0 is no JSON at all, and must be refused."""
    body = json.dumps({"n": number, "text": PADDING}).encode() if number >= 0 else b'{"n": '
    head = f"POST /publish HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
