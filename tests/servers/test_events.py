"""Streams of events on real servers: beats, resuming, clients that leave, the stop; and many of all kinds at once."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from servers.frames import PONG, frame
from servers.live import KINDS, Running
from servers.matrix import Kind
from servers.serving import pace, until


@pytest.fixture(scope="module", params=KINDS, ids=str)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(request.param, tmp_path_factory.mktemp("live"))
    yield running
    running.end()


def test_events_come_as_they_are_made(running: Running) -> None:
    with running.events("/ticks") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert (stream.headers["cache-control"], stream.headers["x-accel-buffering"]) == ("no-store", "no")
        assert stream.until("data: 3") == [
            "retry: 2000", "", "data: 0", "", "data: 1", "", "data: 2", "", "data: 3",
        ]  # fmt: skip


def test_a_plain_source(running: Running) -> None:
    with running.events("/plain-ticks") as stream:
        found = [line for line in stream.lines() if line.startswith("data")]
    assert found == ["data: 0", "data: 1", "data: 2"]


def test_a_beat_in_a_silence(running: Running) -> None:
    with running.events("/room/silent") as stream:
        found = stream.until("id: ")
        assert stream.until(":") == ["", ":"], found


def test_H12_a_client_comes_back_without_a_gap(running: Running) -> None:
    with running.events("/room/back") as stream:
        begun = stream.until("id: ")[-1].removeprefix("id: ")
        running.post("/room/back", "one")
        seen = stream.until("id: ")[-1].removeprefix("id: ")
    running.post("/room/back", "two")
    running.post("/room/back", "three")
    for last, texts in ((seen, ["two", "three"]), (begun, ["one", "two", "three"])):
        with running.events("/room/back", last) as stream:
            lines = stream.until(f"data: {json.dumps({'text': 'three'}, separators=(',', ':'))}")
        assert [json.loads(line[6:])["text"] for line in lines if line.startswith("data")] == texts


def test_H12_a_gap_is_told(running: Running) -> None:
    running.post("/room/gap", "one")
    with running.events("/room/gap", "0badbeef-1") as stream:
        assert stream.until("data")[-3:-1][-1] == "event: reset"
        running.post("/room/gap", "two")
        assert json.loads(stream.until("data")[-1][6:]) == {"text": "two"}
    first = running.post("/room/gap", "three")
    for number in range(60):
        running.post("/room/gap", str(number))
    with running.events("/room/gap", first) as stream:
        assert "event: reset" in stream.until("data")


def test_E9_a_client_that_leaves_ends_the_stream(running: Running) -> None:
    time.sleep(0.3)
    running.ask("/noted")  # what other tests have left
    for _ in range(4):
        streams = [running.events("/ticks") for _ in range(25)]
        for stream in streams:
            stream.until("data")
            stream.__exit__()
    assert running.noted("ticks ended", 100, 20 * pace()) == 100


def test_E9_a_stream_that_is_to_finish_does(running: Running) -> None:
    with running.events("/ticks?finish=true") as stream:
        stream.until("data")
    assert running.noted("few finished", 1, 10) == 1


def test_many_lines(running: Running) -> None:
    answer = running.ask("/lines")
    assert answer.get("content-type") == "application/jsonl"
    found = answer.body.splitlines()
    assert (len(found), json.loads(found[-1])) == (100_000, {"text": "99999"})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_E2_a_stop_ends_streams_and_lets_requests_finish(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> None:
    running = Running(kind, tmp_path_factory.mktemp("stop"))
    with contextlib.ExitStack() as closing:
        closing.callback(running.end)
        streams = [closing.enter_context(running.events(path)) for path in ("/ticks", "/room/silent")]
        streams[0].until("data: 1")
        streams[1].until("id")
        answers: list[int] = []

        def ask() -> None:
            with contextlib.suppress(OSError):
                answers.append(running.ask("/slow").status)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.2)
        begun = time.monotonic()
        running.stop()
        ends = [list(stream.lines())[-3:] for stream in streams]
        taken = time.monotonic() - begun
        if kind.name == "hypercorn":
            return  # See `test_E2_a_stop_closes_sockets_with_1012`.
        for end in ends:
            assert end[0] == ": the server restarts"
            assert end[1].startswith("retry: ")
        assert taken < 1.0 * pace()
        asking.join(5)
        assert answers == [200] or kind.name == "daphne"  # It cuts requests in flight.
        assert running.process.wait(5 * pace()) is not None


# -- many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[4]], ids=str)
def test_H11_many_sockets_and_streams_with_slow_readers(
    kind: Kind, tmp_path_factory: pytest.TempPathFactory, long: bool
) -> None:
    """Slow ones are dropped or told; memory is bounded; all others get everything; the stop ends them all."""
    count, slow, messages = (1000, 100, 300) if long else (200, 20, 100)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    running = Running(kind, tmp_path_factory.mktemp("many"))
    with contextlib.ExitStack() as stack:
        stack.callback(running.end)
        running.post("/room/many", "first")
        idle = running.memory()
        # The slow ones are in a room of their own, through which more goes than a kernel holds for them.
        # Granian takes all of an answer's stream into its memory, so there none of them is slow (docs/guides/live.md).
        room = "flooded" if kind is KINDS[0] else "many"
        lazy = [stack.enter_context(running.events(f"/room/{room}")) for _ in range(slow // 2)]
        lame = [Raw(running.port, "/room/flooded", slow=True) for _ in range(slow // 2)]
        sockets = [Raw(running.port, "/room/many", slow=False) for _ in range(count - len(lame))]
        for each in (*sockets, *lame):
            stack.callback(each.socket.close)
        streams = [stack.enter_context(running.events("/room/many")) for _ in range(count - len(lazy))]
        counts = Counting([each.socket for each in (*sockets, *streams)], b"wanted-")
        begun = time.monotonic()
        for number in range(messages):
            running.post("/room/many", "wanted-" + "x" * 500)
            running.post("/room/flooded", "x" * (16_000_000 // messages))
            time.sleep(max(0.0, begun + number * 0.02 - time.monotonic()))
        taken = counts.wait(messages, 30 * pace())
        assert min(counts.found) == messages, sorted(counts.found)[:10]
        until(lambda: running.ask("/room/flooded/here").json() == 0, 20 * pace(), "slow ones dropped")
        assert running.ask("/room/many/here").json() == len(sockets)
        grown = (running.memory() - idle) / 1024**2
        print(f"{kind}: {count} sockets and {count} streams: {grown:.0f} MB over idle, all within {taken:.2f} s")
        # A connection costs some 20 KB under `wholestack serve`, and 100 KB under Granian, most of it the server's own.
        assert grown < (64 if kind is KINDS[0] or not long else 320)
        assert room == "many" or "event: reset" in lazy[0].until("event: reset")
        running.stop()
        # Those that do not read are not told either; they are cut at the server's own limit, 10 s.
        assert running.process.wait(12 * pace()) is not None


class Raw:
    """A socket without a library: a handshake, and bytes as they come."""

    def __init__(self, port: int, path: str, *, slow: bool) -> None:
        self.socket = socket.socket()
        if slow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        assert b" 101 " in head, head


class Counting:
    """Reads many connections in one thread, and counts how often a word comes in each."""

    def __init__(self, sockets: list[socket.socket], word: bytes) -> None:
        import selectors

        self.found = [0] * len(sockets)
        self._word = word
        self._selector = selectors.DefaultSelector()
        self._rests = [b""] * len(sockets)
        for number, each in enumerate(sockets):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, number)
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(0.1):
                number = key.data
                try:
                    came = key.fileobj.recv(262144)  # type: ignore[union-attr]
                except BlockingIOError:
                    continue
                if not came:
                    self._selector.unregister(key.fileobj)
                    continue
                if (ping := came.find(b"\x89\x04")) >= 0:  # As Uvicorn asks who is still there, after 20 s.
                    key.fileobj.send(frame(PONG, came[ping + 2 : ping + 6]))  # type: ignore[union-attr]
                data = self._rests[number] + came
                self.found[number] += data.count(self._word)
                cut = max(data.rfind(self._word) + len(self._word), len(data) - len(self._word) + 1)
                self._rests[number] = data[cut:]

    def wait(self, wanted: int, seconds: float) -> float:
        begun = time.monotonic()
        while min(self.found) < wanted and time.monotonic() < begun + seconds:
            time.sleep(0.02)
        self._over = True
        self._thread.join(5)
        self._selector.close()
        return time.monotonic() - begun
