"""`wait(…)`: plain code that waits, the same in a `def` and in a driven `async def` handler."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any, NewType

import pytest

from callers import Asgi
from wholestack import App, Forbidden, Request, wait
from wholestack.errors import CannotWait
from wholestack.handlers import Drive, background_loop, current_request, run_inline

Name = contextvars.ContextVar("Name", default="nobody")
Number = NewType("Number", int)


@dataclasses.dataclass
class Row:
    text: str


async def fetch(text: str) -> Row:
    await asyncio.sleep(0.001)
    return Row(text)


def rows() -> Iterator[Row]:
    row = wait(fetch("opened"))
    response = yield row
    wait(asyncio.sleep(0.001))
    response.headers.set("x-row", row.text)


def test_a_waiting_provider_in_either_colour(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    app.provide(rows, waits=True)

    @app.get("/")
    @colour
    def show(row: Row) -> str:
        return row.text

    client = serve(app)
    for _ in range(3):
        answer = client.get("/")
        assert (answer.text, answer.headers["x-row"]) == ("opened", "opened")


def test_what_it_is_needed_by_is_driven_as_well(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def number(row: Row) -> Number:
        wait(asyncio.sleep(0))  # allowed: what it needs waits
        return Number(len(row.text))

    def allowed(row: Row) -> None:
        if wait(fetch("no")).text != "no":
            raise Forbidden

    app.provide(rows, waits=True)
    app.provide(number)

    @app.get("/", needs=allowed)
    @colour
    def show(number: Number) -> int:
        return number

    assert serve(app).get("/").text == "6"


def test_a_driven_async_handler_may_wait_and_await(serve: Any) -> None:
    app = App(docs=False)
    app.provide(rows, waits=True)

    @app.get("/")
    async def show(row: Row) -> list[str]:
        awaited = await fetch("awaited")
        return [row.text, awaited.text, wait(fetch("waited")).text]

    assert serve(app).get("/").json() == ["opened", "awaited", "waited"]


def test_errors_come_through_where_the_code_waits(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    async def broken() -> Row:
        await asyncio.sleep(0)
        raise LookupError("no row")

    def row() -> Row:
        try:
            return wait(broken())
        except LookupError as error:
            return Row(f"saw {error.args[0]}")

    app.provide(row, waits=True)

    @app.get("/")
    @colour
    def show(row: Row) -> str:
        return row.text

    assert serve(app).get("/").text == "saw no row"


def test_the_context_is_the_requests_own(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def row(request: Request) -> Row:
        assert current_request.get() is request  # set by the driver, outside the greenlet
        Name.set(request.path)
        wait(asyncio.sleep(0.001))
        return Row(Name.get())

    app.provide(row, waits=True)

    @app.get("/{name}")
    @colour
    def show(name: str, row: Row) -> list[str]:
        return [row.text, Name.get()]

    client = serve(app)
    assert client.get("/a").json() == ["/a", "/a"]
    assert client.get("/b").json() == ["/b", "/b"]


def test_the_loop_is_never_blocked() -> None:
    app = App(docs=False)
    ticks: list[float] = []

    def row() -> Row:
        return wait(asyncio.sleep(0.1, Row("slept")))

    app.provide(row, waits=True)

    @app.get("/def")
    def plain(row: Row) -> str:
        return row.text

    @app.get("/async")
    async def driven(row: Row) -> str:
        return row.text

    client = Asgi(app)

    async def main() -> None:
        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.005)

        ticking = asyncio.create_task(tick())
        started = time.monotonic()
        answers = await asyncio.gather(*(client.exchange("GET", path) for path in ("/def", "/async") * 10))
        assert time.monotonic() - started < 1.5  # 2 s one after the other
        ticking.cancel()
        assert {answer.text for answer in answers} == {"slept"}
        assert max(later - earlier for earlier, later in zip(ticks, ticks[1:], strict=False)) < 0.09

    client.runner.run(main())
    client.close()


def test_cancelling_and_time_limits_arrive_where_the_code_waits() -> None:
    seen: list[str] = []

    def slow() -> str:
        try:
            wait(asyncio.sleep(10))
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        return "never"

    async def handler() -> str:
        return slow()

    async def limited() -> str:
        async with asyncio.timeout(0.01):
            return await Drive(handler())

    async def inner() -> str:
        try:
            async with asyncio.timeout(0.01):
                return slow()
        except TimeoutError:
            return "timed out inside"

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await limited()
        assert await Drive(inner()) == "timed out inside"
        task = asyncio.create_task(limited())
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["CancelledError"] * 3


def test_waiting_on_the_loop_is_refused_with_a_cure(serve_one: Any, caplog: Any) -> None:
    app = App(docs=False)

    def row() -> Row:
        return wait(fetch("never"))

    app.provide(row)  # without waits=True

    @app.get("/")
    async def show(row: Row) -> str:
        raise AssertionError("called")

    assert serve_one(app).get("/").status == 500
    assert "waits=True" in caplog.text


def test_waiting_on_the_loop_takes_any_awaitable(caplog: Any) -> None:
    class Later:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "later"

    async def on_the_loop() -> None:
        with pytest.raises(CannotWait):
            wait(fetch("x"))
        with pytest.raises(CannotWait):
            wait(Later())

    asyncio.run(on_the_loop())
    assert wait(Later()) == "later"


def test_without_a_server_it_waits_on_the_loop_in_the_background() -> None:
    async def where() -> tuple[asyncio.AbstractEventLoop, str]:
        return asyncio.get_running_loop(), threading.current_thread().name

    loop, name = wait(where())
    assert loop is background_loop()
    assert name == "wholestack-loop"
    with pytest.raises(ZeroDivisionError):
        wait(asyncio.wait_for(fail(), 5))


async def fail() -> None:
    raise ZeroDivisionError


def test_a_worker_threads_home_is_the_servers_loop() -> None:
    app = App(docs=False)

    def here() -> Row:
        async def name() -> str:
            return threading.current_thread().name

        return Row(wait(name()))

    app.provide(here, waits=True)

    @app.get("/")
    def show(row: Row) -> str:
        return row.text

    client = Asgi(app)
    assert client.get("/").text == threading.current_thread().name
    client.close()


def test_a_plain_plan_that_suspends_all_the_same_is_an_error() -> None:
    async def suspends() -> None:
        await asyncio.sleep(0)

    with pytest.raises(CannotWait):
        run_inline(suspends())
