"""Server-sent events in process: what goes over the wire, who ends it, what the document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pydantic
import pytest

from wholestack import App, NotFound, Redirect, Text
from wholestack.realtime import Event, Events, LastEventId
from wholestack.testing import AsyncClient, Client


class News(pydantic.BaseModel):
    title: str


class Draft(News):
    secret: str


async def items(*values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


def serving(source: Any, kind: Any = str, **options: Any) -> App:
    app = App(docs=False)

    async def handler() -> Events[Any]:
        return Events(source(), **options)

    handler.__annotations__["return"] = Events[kind]
    app.get("/")(handler)
    return app


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
@pytest.mark.parametrize("colour", ["async", "plain"])
def test_the_wire(interface: Any, colour: str) -> None:
    values = (
        "one",
        Event("two\nlines\r\nand\rmore", id="7", event="note", retry=1.5),
        Event("", id="ü"),
        "lone \ud800 surrogate",
    )
    app = serving(lambda: items(*values) if colour == "async" else values, retry=3)
    answer = Client(app, interface=interface).get("/")
    assert answer.text == (
        "retry: 3000\n\ndata: one\n\nid: 7\nevent: note\nretry: 1500\ndata: two\ndata: lines\ndata: and\ndata: more\n\n"
        "id: ü\ndata: \n\ndata: lone ? surrogate\n\n"
    )
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers


def test_only_declared_fields_go_out() -> None:
    app = serving(lambda: items(Draft(title="a", secret="b"), Event(Draft(title="c", secret="d"))), News)
    assert [event.data for event in Client(app).events("/")] == [{"title": "a"}, {"title": "c"}]


@pytest.mark.parametrize("bad", ["a\nid: 1", "a\r", "a\0"])
def test_no_field_can_be_smuggled_in(bad: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        Event("x", id=bad)
    with pytest.raises(ValueError, match="line end"):
        Event("x", event=bad)


def test_a_beat_in_a_silence_and_none_otherwise() -> None:
    async def slow() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0.25)
        yield "b"

    text = Client(serving(slow, heartbeat=0.1)).get("/").text
    assert text == ":\n\ndata: a\n\n:\n\n:\n\ndata: b\n\n"
    assert Client(serving(slow, heartbeat=None)).get("/").text == ":\n\ndata: a\n\ndata: b\n\n"


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_client_that_leaves_ends_the_source(interface: Any) -> None:
    ended: list[str] = []

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
                await asyncio.sleep(0.001)
        finally:
            await asyncio.sleep(0)
            ended.append("clean")

    client = Client(serving(endless), interface=interface)
    events = client.events("/", str)
    assert next(events).data == "x"
    events.close()
    assert ended == ["clean"]


@pytest.mark.parametrize("colour", ["async", "plain"])
def test_a_source_that_is_to_finish(colour: str) -> None:
    made: list[int] = []

    async def later() -> AsyncIterator[str]:
        for number in range(5):
            made.append(number)
            yield str(number)
            await asyncio.sleep(0.001)

    def plain() -> Iterator[str]:
        for number in range(5):
            made.append(number)
            yield str(number)

    app = serving(later if colour == "async" else plain, finish=True)

    async def test() -> None:
        async with AsyncClient(app) as client:
            events = client.events("/", str)
            assert (await anext(events)).data == "0"
            await events.aclose()
            await asyncio.sleep(0.1)

    asyncio.run(test())
    assert made == [0, 1, 2, 3, 4]


def test_an_error_in_the_source_is_no_clean_end() -> None:
    async def breaks() -> AsyncIterator[str]:
        yield "a"
        raise ValueError("broken")

    client = Client(serving(breaks))
    with pytest.raises(ValueError, match="broken"):
        list(client.events("/", str))


def test_other_answers_beside() -> None:
    app = App(docs=False)

    @app.get("/{name}")
    async def handler(name: str) -> Events[str] | Redirect | Text:
        if name == "moved":
            return Redirect("/here")
        if name == "text":
            return Text("plain")
        if name == "none":
            raise NotFound("Nothing.")
        return Events(["a"])

    client = Client(app)
    assert [client.get(f"/{name}").status for name in ("here", "moved", "text", "none")] == [200, 303, 200, 404]


def test_what_is_no_events_is_a_mismatch() -> None:
    app = App(docs=False)

    @app.get("/")
    async def handler() -> Events[str]:
        return "text"  # type: ignore[return-value]

    assert Client(app, raise_errors=False).get("/").status == 500


def test_the_id_to_come_back_with() -> None:
    app = App()

    @app.get("/")
    async def handler(last: LastEventId) -> Events[str]:
        return Events([f"after {last}"])

    client = Client(app)
    assert next(client.events("/", str)).data == "after None"
    assert next(client.events("/", str, after="7-é")).data == "after 7-é"
    assert client.get("/", headers={"last-event-id": "x" * 201}).status == 422
    (parameter,) = client.get("/openapi.json").json()["paths"]["/"]["get"]["parameters"]
    assert (parameter["in"], parameter["name"].lower(), parameter.get("required", False)) == (
        "header",
        "last-event-id",
        False,
    )


def test_the_document_shows_the_data_of_an_event() -> None:
    app = App()

    @app.get("/news", status=200)
    async def news() -> Events[News]:
        return Events([News(title="a")])

    document = Client(app).get("/openapi.json").json()
    content = document["paths"]["/news"]["get"]["responses"]["200"]["content"]
    event = content["text/event-stream"]["schema"]
    shown = {"anyOf": [{"$ref": "#/components/schemas/News"}, {"type": "null"}]}
    data = {"contentMediaType": "application/json", "contentSchema": shown}
    assert event["properties"]["data"] == {"type": "string", **data}
    assert event["required"] == ["data"]


def test_head_begins_nothing() -> None:
    begun: list[int] = []

    async def source() -> AsyncIterator[str]:
        begun.append(1)
        yield "a"

    answer = Client(serving(source)).head("/")
    assert (answer.status, answer.body, begun) == (200, b"", [])
    assert answer.headers["content-type"] == "text/event-stream"


def test_wsgi_is_told() -> None:
    answer = Client(serving(lambda: items("a")), interface="wsgi").get("/")
    assert (answer.status, answer.json()["code"]) == (501, "needs-event-loop")


def test_the_app_stops_and_the_stream_with_it() -> None:
    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x"
            await asyncio.sleep(0.01)

    app = serving(endless, retry=2)

    async def test() -> list[str]:
        lines: list[str] = []

        async def read(client: AsyncClient) -> None:
            async with client.stream("GET", "/") as answer:
                async for chunk in answer.chunks():
                    lines.extend(chunk.decode().splitlines())

        async with AsyncClient(app) as client:
            reading = asyncio.create_task(read(client))
            await asyncio.sleep(0.1)
        await asyncio.wait_for(reading, 5)
        return lines

    lines = asyncio.run(test())
    assert lines[-3:-1][0] == ": the server restarts"
    assert 1000 <= int(lines[-2].removeprefix("retry: ")) <= 3000
