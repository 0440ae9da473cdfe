"""Hundreds of sockets, event streams and slow readers under `wholestack serve`, over five connections."""

from __future__ import annotations

import contextlib

import pytest
from websockets.sync.client import connect

from backends.served import ask, pool, served
from databases import until
from servers import wire

POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
FREE = {"taken": 0, "waiting": 0}


@POSTGRESQL
def test_sockets_and_streams_starve_nobody(url: str, kind: str, long: bool) -> None:
    many = 200 if long else 40
    with served(url, pool=5, streams=5) as running, contextlib.ExitStack() as opened:
        running.ready()
        sockets = [opened.enter_context(connect(f"ws://127.0.0.1:{running.port}/talk")) for _ in range(many)]
        streams = [opened.enter_context(wire.Connection(running.port)) for _ in range(many)]
        for stream in streams:
            stream.send(wire.request("/events"))
        for _ in range(2):
            for socket in sockets:
                socket.send("hello")
            assert {socket.recv() for socket in sockets} == {"0"}
        for stream in streams:
            stream.head()
            seen = stream.taken()
            while b"data: 0" not in seen:
                seen += stream.more() or pytest.fail("the stream has ended")
        until(lambda: (pool(running)["requests"], pool(running)["streams"]) == (FREE, FREE))
        assert ask(running, "/def/name/ann", "POST").status == 200
        assert [ask(running, "/async/one").text for _ in range(10)] == ["1"] * 10
        for socket in sockets:
            socket.send("again")
        assert {socket.recv() for socket in sockets} == {"1"}


@POSTGRESQL
def test_slow_readers_of_cursors_starve_nobody(url: str, kind: str) -> None:
    """Five that do not read hold the five connections of streams; requests have others."""
    with served(url, pool=5, streams=5, wait=0.5) as running, contextlib.ExitStack() as opened:
        running.ready()
        readers = [opened.enter_context(wire.Connection(running.port)) for _ in range(5)]
        for reader in readers:
            reader.send(wire.request("/rows"))
            assert reader.head().status == 200
        until(lambda: pool(running)["streams"]["taken"] == 5)
        assert [ask(running, "/async/one").status for _ in range(20)] == [200] * 20
        sixth = ask(running, "/rows")
        assert (sixth.status, sixth.code) == (503, "database-busy"), "one reader more waits, and is then told so"
        assert sixth["retry-after"]
        for reader in readers:
            reader.close()
        until(lambda: pool(running)["streams"] == FREE)
        answer = ask(running, "/rows")
        assert (answer.whole, len(answer.body)) == (True, 200_000 * 100)
