"""Answers that are sent as they are made: clients that go away, errors half-way, clients that do not read."""

from __future__ import annotations

import time
import uuid

import pytest

from servers import known, wire, wire2
from servers.boundary import MIB, settled
from servers.matrix import Server
from servers.serving import pace
from servers.wire import PATIENCE

colours = pytest.mark.parametrize("colour", ["d", "a"])
streams = pytest.mark.parametrize("stream", ["stream", "crossed"])


def begin(server: Server, path: str) -> wire.Connection | wire2.Connection2:
    """Ask, read until the first pieces of the body are here, and give the open connection."""
    if server.kind.http2:
        connection2 = wire2.Connection2(server.port)
        stream = connection2.begin(path)
        while stream not in connection2.answers or not connection2.answers[stream].body:
            assert connection2.take()
        return connection2
    connection = server.open()
    connection.send(wire.request(path))
    came = b""
    while b"00000000." not in came:
        piece = connection.more()
        assert piece, came
        came += piece
    return connection


@colours
@streams
def test_a_client_that_goes_away_ends_the_stream(server: Server, colour: str, stream: str) -> None:
    """The endless iterable's own clean-up runs, and the worker is free again."""
    key = uuid.uuid4().hex
    begin(server, f"/{colour}/{stream}/{key}?count=-1&size=2000&pause=0.02").__exit__()
    assert server.wait_for(key, "closed")[-2:] == ["began", "closed"]


@colours
def test_providers_end_before_the_stream_begins(server: Server, colour: str) -> None:
    key = uuid.uuid4().hex
    begin(server, f"/{colour}/stream/{key}?count=-1&pause=0.02").__exit__()
    assert server.wait_for(key, "closed") == ["provided", "provider closed", "began", "closed"]


@colours
def test_E13_an_error_half_way_is_no_clean_end(server: Server, colour: str) -> None:
    """The connection, or the HTTP/2 stream, is cut: nobody takes the part for the whole."""
    key = uuid.uuid4().hex
    path = f"/{colour}/broken/{key}"
    try:
        if server.kind.http2:
            answer = server.ask(path)
        else:
            usual = known.outcome(server.kind, "E13", "error in mid-stream", "cut") != "no end"
            with server.open(*(() if usual else (3,))) as connection:
                answer = connection.ask(path)
        assert (answer.status, len(answer.body)) == (200, 3000)
        seen = "a clean end" if answer.whole else "cut"
    except TimeoutError:
        seen = "no end"
    assert seen == known.outcome(server.kind, "E13", "error in mid-stream", "cut")
    assert settled(lambda: "asked for in mid-stream" in server.log())
    assert server.wait_for(key, "closed")[-1] == "closed"
    assert server.ask(f"/{colour}/text").status == 200


def test_E7_a_slow_reader_of_a_file(server: Server) -> None:
    """A file goes out at the client's pace on every server but those that keep everything.

    It is asked before the slow reader of a stream: memory that was used once stays with the process.
    """
    server.ask("/a/text")
    expected = known.outcome(server.kind, "E7", "slow reader of a file", "held up")
    file = server.folder / "content.bin"
    whole, size = file.read_bytes(), 60 * MIB
    before = server.memory()
    try:
        with file.open("ab") as more:
            more.truncate(size)
        with server.open() if not server.kind.http2 else wire2.Connection2(server.port) as connection:
            if isinstance(connection, wire2.Connection2):
                connection.begin("/a/file")
            else:
                connection.send(wire.request("/a/file"))
            patience = PATIENCE if expected != "held up" else pace()
            seen = "all in memory" if settled(lambda: server.memory() - before > 20 * MIB, patience) else "held up"
    finally:
        file.write_bytes(whole)
    assert seen == expected


@colours
def test_E7_a_slow_reader_holds_the_stream_up_not_memory(server: Server, colour: str, long: bool) -> None:
    """A client that reads nothing of a large answer costs no memory, and no one else's time."""
    key = uuid.uuid4().hex
    size = (190 if long else 60) * MIB
    server.ask(f"/{colour}/text")
    before = server.memory()
    with begin(server, f"/{colour}/stream/{key}?count={size // 65536}&size=65536"):
        if server.kind.workers == 1:
            time.sleep(pace())  # It answers nobody else meanwhile.
        else:
            assert settled(lambda: held_up(server, key))
            assert server.ask(f"/{colour}/text").status == 200
            seen = "held up" if server.ask(f"/sent/{key}").json() < 32 * MIB else "all in memory"
            assert seen == known.outcome(server.kind, "E7", "slow reader", "held up")
        usual = known.outcome(server.kind, "E7", "slow reader", "held up") == "held up"
        assert server.memory() - before < (20 * MIB if usual else 3 * size)
    assert "closed" in server.wait_for(key, "closed", seconds=PATIENCE)


def held_up(server: Server, key: str) -> bool:
    """Whether the stream does not go on, as far as a machine of this pace can tell."""
    before = server.ask(f"/sent/{key}").json()
    time.sleep(0.4 * pace())
    return bool(server.ask(f"/sent/{key}").json() == before > 0)


def test_E13_an_error_in_middleware_is_a_500(server: Server) -> None:
    for colour in ("d", "a"):
        for when in ("before", "after"):
            answer = server.ask(f"/bad/{colour}?{when}")
            assert (answer.status, answer.code) == (500, "internal-error")
            assert answer.json()["request_id"] == answer["x-request-id"]
            assert settled(lambda when=when: f"asked for {when} the handler" in server.log())
            assert answer["x-request-id"] in server.log()


@colours
def test_E13_an_error_after_the_answer_is_in_the_log(server: Server, colour: str) -> None:
    answer = server.ask(f"/{colour}/after-fails")
    assert (answer.status, answer.text) == (200, "answered")
    assert settled(lambda: "asked for after the answer" in server.log())
