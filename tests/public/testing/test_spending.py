"""`budget(calls=…, bytes=…)`: what it counts, and what it says where it is overdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from wholestack import App, Stream
from wholestack.testing import AsyncClient, Client, OverBudget, budget


def helper() -> int:
    return 1


def three() -> Iterator[int]:
    yield helper()
    yield helper()
    yield helper()


async def asynchronous() -> int:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return helper()


def test_calls_are_counted_exactly(untraced: None) -> None:
    with budget() as spent:
        helper()
        sum(three())
        asyncio.run(asynchronous())
    assert spent.by_function == {"helper": 5, "three": 1, "asynchronous": 1}
    assert spent.calls == 7
    assert (spent.bytes, spent.answers) == (0, 0)


def shop() -> App:
    app = App(docs=False)

    @app.get("/many")
    async def many(count: int) -> str:
        for _ in range(count):
            helper()
        return "x" * count

    @app.get("/stream")
    async def stream() -> Stream:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"1234567890"

        return Stream(chunks())

    @app.get("/thread")
    def thread() -> str:
        helper()
        return "x"

    return app


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_request_takes_the_same_each_time(untraced: None, interface: Any) -> None:
    with Client(shop(), interface=interface) as client:
        client.get("/many?count=1")
        figures = []
        for _ in range(3):
            with budget() as spent:
                client.get("/many?count=10").expect(200)
            figures.append((spent.calls, spent.bytes, spent.answers, spent.by_function["helper"]))
        with budget() as spent:
            client.get("/many?count=11").expect(200)
    assert len(set(figures)) == 1
    assert figures[0][1:] == (10, 1, 10)
    assert spent.calls == figures[0][0] + 1


def test_a_def_handler_in_a_thread(untraced: None) -> None:
    with budget() as spent, Client(shop(), interface="wsgi") as client:
        client.get("/thread").expect(200)
    assert spent.by_function["helper"] == 1
    with budget() as spent, Client(shop()) as client:
        client.get("/thread").expect(200)
    assert spent.by_function["helper"] == 1


def test_over_the_calls(untraced: None) -> None:
    with Client(shop()) as client, pytest.raises(OverBudget) as raised:
        client.get("/many?count=1")
        with budget(calls=50):
            client.get("/many?count=90").expect(200)
    first, second, *_ = str(raised.value).splitlines()
    assert first.endswith(" calls of Python functions, of 50 in the budget. Most often called:")
    assert second.split() == ["90", "helper"]
    assert isinstance(raised.value, AssertionError)


def test_over_the_bytes(untraced: None) -> None:
    with Client(shop()) as client, pytest.raises(OverBudget) as raised, budget(bytes=100):
        client.get("/many?count=70")
        client.get("/many?count=31")
    assert str(raised.value).splitlines() == [
        "101 bytes of answers, of 100 in the budget. The largest:",
        "        70  GET /many",
        "        31  GET /many",
    ]


def test_what_is_within_is_within(untraced: None) -> None:
    with Client(shop()) as client:
        client.get("/many?count=1")
        with budget() as spent:
            client.get("/many?count=100")
        with budget(calls=spent.calls, bytes=100) as again:
            client.get("/many?count=100")
        with pytest.raises(OverBudget), budget(calls=spent.calls - 1):
            client.get("/many?count=100")
    assert repr(again) == f"<spent: {spent.calls} calls, 100 bytes, 1 answers>"


def test_streams_count_as_they_are_read() -> None:
    with budget() as spent, Client(shop()) as client:
        with client.stream("GET", "/stream") as answer:
            next(answer.chunks())
            assert spent.bytes == 10
        with client.stream("GET", "/stream") as answer:
            answer.read()
    assert (spent.bytes, spent.answers) == (40, 2)


def test_awaited() -> None:
    async def main() -> int:
        async with AsyncClient(shop()) as client:
            with budget() as spent:
                await asyncio.gather(*(client.get("/many?count=5") for _ in range(4)))
            return spent.bytes

    assert asyncio.run(main()) == 20


def test_an_error_in_the_block_is_the_one_that_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), budget(calls=0):
        helper()
        raise ZeroDivisionError


def test_nothing_is_left_behind(untraced: None) -> None:
    import sys
    import threading

    before = sys.getprofile(), threading.getprofile()
    with budget() as outer, budget() as inner:
        helper()
    assert inner.calls == 1
    assert (sys.getprofile(), threading.getprofile()) == before
    helper()
    assert outer.calls >= 0
