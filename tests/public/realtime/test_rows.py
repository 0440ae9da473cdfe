"""JSON Lines and CSV, on every interface and of sources in either colour."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import decimal
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pydantic
import pytest

from wholestack import App, SetupError
from wholestack.realtime import CSV, JSONLines
from wholestack.testing import Client


class Row(pydantic.BaseModel):
    name: str
    cents: int | None = None
    tags: list[str] = []
    exact: decimal.Decimal = pydantic.Field(default=decimal.Decimal("1.50"), alias="exactly")


async def later(rows: Iterable[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


@pytest.fixture(params=["plain", "async"])
def source(request: pytest.FixtureRequest) -> Callable[[Iterable[Any]], Any]:
    return iter if request.param == "plain" else later


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def ask(request: pytest.FixtureRequest) -> Callable[[App], Client]:
    return lambda app: Client(app, interface=request.param)


def test_lines(ask: Callable[[App], Client], source: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    async def lines() -> JSONLines[Row]:
        return JSONLines(source(Row(name=f"{number}\n") for number in range(3000)))

    answer = ask(app).get("/")
    assert answer.headers["content-type"] == "application/jsonl"
    found = [json.loads(line) for line in answer.body.splitlines()]
    assert len(found) == 3000
    assert found[2999] == {"name": "2999\n", "cents": None, "tags": [], "exactly": "1.50"}


def test_a_table(ask: Callable[[App], Client], source: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    async def table() -> CSV[Row]:
        rows = [Row(name='a "b", c\nd', cents=-5, tags=["x"]), Row(name="")]
        return CSV(source(rows), filename="prices ü.csv")

    answer = ask(app).get("/")
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert "prices" in answer.headers["content-disposition"]
    assert list(csv.reader(io.StringIO(answer.text, newline=""))) == [
        ["name", "cents", "tags", "exactly"],
        ['a "b", c\nd', "-5", '["x"]', "1.50"],
        ["", "", "[]", "1.50"],
    ]
    assert answer.body.endswith(b"\r\n")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-12.5", "-12.5"),
        ("-1+1", "'-1+1"),
        ("plain = text", "plain = text"),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    @dataclasses.dataclass
    class One:
        text: str

    app = App(docs=False)

    async def table() -> Any:
        return CSV([One(text)])

    table.__annotations__["return"] = CSV[One]
    app.get("/")(table)
    found = list(csv.reader(io.StringIO(Client(app).get("/").text, newline="")))
    assert found == [["text"], [cell]]


def test_a_header_row_that_is_a_formula_is_none() -> None:
    class Odd(pydantic.BaseModel):
        value: int = pydantic.Field(alias="=value")

    app = App(docs=False)

    async def table() -> Any:
        return CSV([Odd(**{"=value": 1})])

    table.__annotations__["return"] = CSV[Odd]
    app.get("/")(table)
    assert Client(app).get("/").text == "'=value\r\n1\r\n"


def test_rows_without_fields_are_a_fault() -> None:
    app = App(docs=False)

    @app.get("/")
    async def table() -> CSV[int]:
        return CSV([1])

    with pytest.raises(SetupError, match="no-schema"):
        app.seal()


def test_live_rows_go_at_once_and_slow_ones_do_not_wait_for_the_next() -> None:
    app = App(docs=False)

    async def slow() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0.01)
            yield number

    @app.get("/slow")
    async def slowly() -> JSONLines[int]:
        return JSONLines(slow())

    @app.get("/live")
    async def live() -> JSONLines[int]:
        return JSONLines(later(range(3)), live=True)

    for path in ("/slow", "/live"):
        with Client(app).stream("GET", path) as answer:
            assert list(answer.chunks()) == [b"0\n", b"1\n", b"2\n"]


def test_quick_rows_go_together() -> None:
    app = App(docs=False)

    @app.get("/")
    async def quick() -> JSONLines[int]:
        return JSONLines(later(range(10_000)))

    with Client(app).stream("GET", "/") as answer:
        assert len(list(answer.chunks())) < 100


def test_the_document() -> None:
    app = App()

    @app.get("/lines")
    async def lines() -> JSONLines[Row]:
        return JSONLines([])

    @app.get("/table")
    async def table() -> CSV[Row]:
        return CSV([])

    paths = Client(app).get("/openapi.json").json()["paths"]
    shown = {path: paths[path]["get"]["responses"]["200"]["content"] for path in ("/lines", "/table")}
    assert shown == {
        "/lines": {"application/jsonl": {"schema": {"$ref": "#/components/schemas/Row"}}},
        "/table": {"text/csv": {"schema": {"type": "string"}}},
    }


@pytest.mark.parametrize("live", [False, True])
def test_a_row_waits_for_no_other(live: bool) -> None:
    """What has come is sent, however soon it came after the one before, and however late the next one is."""
    sent: list[Any] = []

    async def rows() -> AsyncIterator[int]:
        yield 1
        yield 2
        while b"".join(sent) != b"1\n2\n":
            await asyncio.sleep(0.01)
        yield 3

    app = App(docs=False)

    @app.get("/")
    async def lines() -> JSONLines[int]:
        return JSONLines(rows(), live=live)

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def ask() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "http_version": "1.1", "query_string": b"",
                 "headers": [(b"host", b"localhost")]}  # fmt: skip
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if not messages:
                await asyncio.Event().wait()
            return messages.pop()

        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(ask())
    assert b"".join(sent) == b"1\n2\n3\n"


def test_an_async_source_is_one_task_from_its_beginning_to_its_end() -> None:
    """So a time limit, or a context variable, may span its yields."""
    app, tasks = App(docs=False), []

    async def rows() -> AsyncIterator[int]:
        async with asyncio.timeout(10):
            for number in range(300):
                tasks.append(asyncio.current_task())
                yield number
                await asyncio.sleep(0)

    @app.get("/")
    async def lines() -> JSONLines[int]:
        return JSONLines(rows())

    assert len(Client(app).get("/").text.splitlines()) == 300
    assert len(set(tasks)) == 1
