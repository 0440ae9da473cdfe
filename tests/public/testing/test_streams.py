"""A stream is read as it comes; leaving it early is a client that went away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from wholestack import App, Body, Response, Stream, Text
from wholestack.testing import AsyncClient, BrokenAnswer, Client, UnexpectedAnswer

ClientOf = Callable[..., Client]


class Streams:
    """An app with streams of both colours, which notes what they do."""

    def __init__(self) -> None:
        self.app = app = App(docs=False)
        self.made: list[int] = []
        self.ended: list[str] = []

        @app.get("/plain")
        def plain(count: int = 1000) -> Stream:
            return Stream(self.plain(count))

        @app.get("/async")
        async def asynchronous(count: int = 1000) -> Stream:
            return Stream(self.asynchronous(count))

        @app.get("/sleeps")
        async def sleeps() -> Stream:
            return Stream(self.sleeping())

        @app.get("/breaks")
        def breaks() -> Stream:
            return Stream(self.breaking())

        @app.get("/fails")
        def fails() -> Stream:
            raise ZeroDivisionError("before")

        @app.get("/text")
        def text() -> Text:
            return Text("whole").after(self.ended.append, "after")  # type: ignore[return-value]

        @app.get("/unclean")
        async def unclean() -> Stream:
            return Stream(self.unclean())

        @app.post("/echo")
        def echo(body: Body[Iterator[bytes]]) -> Stream:
            return Stream([b"<", *body, b">"])

        @app.get("/empty")
        def empty() -> Response:
            return Response(status=204)

    def plain(self, count: int) -> Iterator[bytes]:
        try:
            for number in range(count):
                self.made.append(number)
                yield b"%d " % number
        finally:
            self.ended.append("plain")

    async def asynchronous(self, count: int) -> AsyncIterator[bytes]:
        try:
            for number in range(count):
                self.made.append(number)
                yield b"%d " % number
                await asyncio.sleep(0)
        finally:
            self.ended.append("async")

    async def sleeping(self) -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.sleep(3600)
        finally:
            self.ended.append("sleeping")

    async def unclean(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"one"
        finally:
            raise ZeroDivisionError("clean-up")

    def breaking(self) -> Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError("middle")


@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_whole(client_of: ClientOf, path: str) -> None:
    streams = Streams()
    client = client_of(streams.app)
    with client.stream("GET", path, query={"count": 3}) as answer:
        assert answer.expect(200) is answer
        assert len(answer.request_id) == 16
        assert b"".join(answer.chunks()) == b"0 1 2 "
        assert answer.read() == b""
    assert streams.ended == [path[1:]]
    assert client.get(path, query={"count": 3}).text == "0 1 2 "


@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_left_early(client_of: ClientOf, path: str) -> None:
    streams = Streams()
    client = client_of(streams.app)
    with client.stream("GET", path) as answer:
        chunks = answer.chunks()
        assert (next(chunks), next(chunks)) == (b"0 ", b"1 ")
    assert streams.ended == [path[1:]]
    # It went no further than a chunk or two ahead of the client.
    assert len(streams.made) <= 4
    assert client.get("/text").text == "whole"


@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_left_unread(client_of: ClientOf, path: str) -> None:
    streams = Streams()
    with client_of(streams.app).stream("GET", path) as answer:
        assert answer.status == 200
    assert len(streams.made) <= 2


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_one_that_sleeps_is_ended(client_of: ClientOf) -> None:
    streams = Streams()
    began = time.monotonic()
    with client_of(streams.app).stream("GET", "/sleeps") as answer:
        assert next(answer.chunks()) == b"one"
    assert streams.ended == ["sleeping"]
    assert time.monotonic() - began < 5


def test_an_error_before_it(client_of: ClientOf) -> None:
    client = client_of(Streams().app)
    with pytest.raises(ZeroDivisionError, match="before"), client.stream("GET", "/fails"):
        pass
    quiet = Client(client.app, interface=client.interface, raise_errors=False)
    with quiet.stream("GET", "/fails") as answer:
        assert (answer.status, b"internal-error" in answer.read()) == (500, True)


def test_an_error_in_the_middle(client_of: ClientOf) -> None:
    client = client_of(Streams().app)
    with pytest.raises(ZeroDivisionError, match="middle"):
        client.get("/breaks")
    with pytest.raises(ZeroDivisionError, match="middle"), client.stream("GET", "/breaks") as answer:
        chunks = answer.chunks()
        assert next(chunks) == b"one"
        next(chunks)
    quiet = Client(client.app, interface=client.interface, raise_errors=False)
    with pytest.raises(BrokenAnswer):
        quiet.get("/breaks")
    with quiet.stream("GET", "/breaks") as answer, pytest.raises(BrokenAnswer):
        answer.read()


def test_an_error_in_its_clean_up(client_of: ClientOf) -> None:
    client = client_of(Streams().app)
    with pytest.raises(ZeroDivisionError, match="clean-up"), client.stream("GET", "/unclean") as answer:
        next(answer.chunks())


def test_what_is_no_stream(client_of: ClientOf) -> None:
    streams = Streams()
    client = client_of(streams.app)
    with client.stream("GET", "/text") as answer:
        assert answer.read() == b"whole"
    assert streams.ended == ["after"]
    with client.stream("GET", "/empty") as answer:
        assert (answer.status, answer.read()) == (204, b"")
    with client.stream("HEAD", "/plain") as answer:
        assert answer.read() == b""
    with client.stream("GET", "/text") as answer, pytest.raises(UnexpectedAnswer):
        answer.expect(404)


def test_a_body_that_streams_too(client_of: ClientOf) -> None:
    with client_of(Streams().app).stream("POST", "/echo", body=[b"a", b"b"]) as answer:
        assert answer.read() == b"<ab>"


def test_a_client_that_breaks_off_before_it(client_of: ClientOf) -> None:
    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ConnectionResetError("gone")

    client = client_of(Streams().app)
    with pytest.raises(ConnectionResetError, match="gone"), client.stream("POST", "/echo", body=broken()):
        pass


def test_awaited(interface: str) -> None:
    streams = Streams()

    async def main() -> None:
        async with AsyncClient(streams.app, interface=interface) as client:  # type: ignore[arg-type]
            async with client.stream("GET", "/async", query={"count": 3}) as answer:
                assert [chunk async for chunk in answer.expect(200).chunks()] == [b"0 ", b"1 ", b"2 "]
            async with client.stream("GET", "/plain", query={"count": 3}) as answer:
                assert await answer.read() == b"0 1 2 "
            async with client.stream("GET", "/plain") as answer:
                async for _ in answer.chunks():
                    break

    asyncio.run(main())
    assert streams.ended == ["async", "plain", "plain"]
