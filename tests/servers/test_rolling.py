"""A rolling restart under open streams of events: every client comes back, without a gap, or told of it (H12)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wholestack
from realtime.contract import BackendContract
from servers import wire
from servers.serving import Serving, serve, until
from servers.stored import StoredBackend
from wholestack.realtime import Backend

APP = str(Path(__file__).parent / "rolling_app.py")


class TestStored(BackendContract):
    """The file is a backend like any other."""

    @pytest.fixture(autouse=True)
    def _in_a_file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "channels.db"

    def make(self) -> Backend:
        return StoredBackend(self.path, keep=5)

    async def another(self, backend: Backend) -> Backend:
        other = StoredBackend(self.path, keep=5)
        await other.open()
        return other


class Client:
    """A browser's `EventSource`: it reads, and comes back with the last id whenever the stream ends.

    Attributes:
        last: the id that it has seen last; a stream begins with one.
        seen: what came, in order: numbers, and "reset" for each word of a gap.
        firsts: what came first on each connection after the first.
        lives: how many connections it has had.
        cut: how many of them ended without an end.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.last = ""
        self._retry = 1.0
        self.seen: list[int | str] = []
        self.firsts: list[int | str] = []
        self.lives = self.cut = 0

    async def run(self) -> None:
        while True:
            try:
                await self._live()
            except (OSError, asyncio.IncompleteReadError):
                self.cut += 1
            await asyncio.sleep(self._retry)

    async def _live(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            last = f"last-event-id: {self.last}\r\n" if self.last else ""
            writer.write(f"GET /follow HTTP/1.1\r\nhost: localhost\r\n{last}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            self.lives += 1
            first, event, data = True, "message", ""
            async for line in self._lines(reader):
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last = value
                elif name == "retry":
                    self._retry = int(value) / 1000
                elif name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif not line and data:
                    self.seen.append("reset" if event == "reset" else int(data))
                    if first and self.lives > 1:
                        self.firsts.append(self.seen[-1])
                    first, event, data = False, "message", ""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _lines(self, reader: asyncio.StreamReader) -> AsyncIterator[str]:
        rest = b""
        while size := int(await reader.readline(), 16):
            *lines, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n")
            for line in lines:
                yield line.decode()
        await reader.readline()


async def roll(server: Serving, clients: list[Client], wanted: int, stored: bool) -> int:
    """Open all streams, say numbers all the time, restart the workers meanwhile; how many were said in the end."""
    said = 0
    over = asyncio.Event()

    async def say() -> None:
        nonlocal said
        while not over.is_set():
            answer = await asyncio.to_thread(server.ask, f"/say/{said}", method="POST")
            assert answer.status == 200, answer
            said += 1
            await asyncio.sleep(0.01)

    async def true(what: object, seconds: float = wire.PATIENCE) -> None:
        await asyncio.to_thread(until, what, seconds)

    tasks = [asyncio.create_task(each.run()) for each in clients]
    await true(lambda: all(each.last for each in clients))
    saying = asyncio.create_task(say())
    await true(lambda: said > wanted)
    before = set(server.pids())
    server.send(signal.SIGHUP)
    await true(lambda: len(server.pids()) == 2 and not before & set(server.pids()))
    await true(lambda: all(each.lives > 1 for each in clients))
    enough = said + wanted
    await true(lambda: said > enough)
    over.set()
    await saying
    with contextlib.suppress(TimeoutError):  # What each has seen is looked at by the tests.
        await true(lambda: all(each.firsts and each.seen[-1] == said - 1 for each in clients), 10 if stored else 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(isinstance(each.exception(), AssertionError) for each in tasks if not each.cancelled())
    return said


def rolling(count: int, **environment: str) -> tuple[list[Client], int]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    path = os.pathsep.join([str(Path(wholestack.__file__).parents[1]), str(Path(__file__).parents[1])])
    with serve("--workers", "2", app=APP, environment={"PYTHONPATH": path, **environment}) as server:
        server.ready()
        clients = [Client(server.port) for _ in range(count)]
        said = asyncio.run(roll(server, clients, 30, "ROLLING_FILE" in environment))
        assert server.stop()[0] == 0
    return clients, said


def test_H12_a_rolling_restart_from_a_store_leaves_no_gap(tmp_path: Path, long: bool) -> None:
    clients, said = rolling(200 if long else 40, ROLLING_FILE=str(tmp_path / "channels.db"))
    for each in clients:
        assert each.seen == list(range(said)), "every number once, in order, and no word of a gap"
        assert each.lives >= 2
        assert each.cut == 0


def test_H12_a_rolling_restart_from_memory_tells_of_the_gap(long: bool) -> None:
    """A worker's memory goes with it: what was said meanwhile is lost, and each client is told first of all."""
    clients, _ = rolling(200 if long else 40)
    for each in clients:
        assert each.firsts, "it came back"
        assert set(each.firsts) == {"reset"}
        assert each.cut == 0
