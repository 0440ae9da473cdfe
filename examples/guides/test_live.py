"""What docs/guides/live.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

import pydantic
import pytest
from examples.live import chat

from wholestack import App, NotFound, wait
from wholestack.realtime import CSV, Channel, Event, Events, JSONLines, LastEventId, Socket
from wholestack.testing import Client, SocketEnded, SocketRefused

app = App()


def test_chat() -> None:
    # [test]
    with Client(chat.app) as client, client.socket("/chat/a") as ann, client.socket("/chat/a") as bob:
        ann.send("Hello!")
        assert ann.receive(str) == "Hello!"
        assert bob.receive(str) == "Hello!"
    # [/test]


# [events]
async def count() -> AsyncIterator[int]:
    for number in range(3):
        yield number
        await asyncio.sleep(0.01)


@app.get("/count")
async def show_count() -> Events[int]:
    return Events(count(), heartbeat=15, retry=3)


# [/events]
# [named]
@app.get("/progress")
async def progress() -> Events[str]:
    return Events([Event("10 %", id="1", event="step"), Event("done", id="2", event="end")])


# [/named]
def test_events() -> None:
    client = Client(app)
    assert [event.data for event in client.events("/count", int)] == [0, 1, 2]
    found = [(event.event, event.id, event.data) for event in client.events("/progress", str)]
    assert found == [("step", "1", "10 %"), ("end", "2", "done")]


# [news]
class News(pydantic.BaseModel):
    title: str


@app.get("/news")
async def follow(news: Channel[News], last: LastEventId) -> Events[News]:
    return Events(news.subscribe(after=last))


@app.post("/news")
def announce(item: News, news: Channel[News]) -> str:
    return wait(news.publish(item))


# [/news]
def test_resume() -> None:
    with Client(app) as client:
        seen = client.post("/news", json={"title": "one"}).text
        client.post("/news", json={"title": "two"}).expect(200)
        # [resume]
        events = client.events("/news", News, after=seen)
        assert next(events).data == News(title="two")
        events.close()
        assert next(client.events("/news", News, after="from another life")).event == "reset"
        # [/resume]


# [rows]
@app.get("/squares")
def squares() -> JSONLines[int]:
    return JSONLines(number * number for number in range(1000))


class Price(pydantic.BaseModel):
    name: str
    cents: int


def prices() -> Iterator[Price]:
    yield Price(name="milk", cents=120)
    yield Price(name="=SUM(A1)", cents=-5)


@app.get("/prices.csv")
def export() -> CSV[Price]:
    return CSV(prices(), filename="prices.csv")


# [/rows]
def test_rows() -> None:
    client = Client(app)
    assert client.get("/squares").text.splitlines()[999] == "998001"
    # [csv]
    assert client.get("/prices.csv").text.splitlines() == ["name,cents", "milk,120", "'=SUM(A1),-5"]
    # [/csv]


# [typed]
class Move(pydantic.BaseModel):
    kind: Literal["move"]
    x: int


class Say(pydantic.BaseModel):
    kind: Literal["say"]
    text: str


Action = Annotated[Move | Say, pydantic.Field(discriminator="kind")]


class State(pydantic.BaseModel):
    x: int = 0
    said: list[str] = []


@app.socket("/game/{name}", protocols=("game.v1",), message="16 KiB")
async def play(name: str, socket: Socket[Action, State]) -> None:
    if name == "nobody":
        raise NotFound("There is no such game.")  # before the first await: an HTTP answer, 404
    state = State()
    async for action in socket:
        if isinstance(action, Move):
            state.x += action.x
        else:
            state.said.append(action.text)
        await socket.send(state)
    # the client has left


# [/typed]
def test_typed() -> None:
    client = Client(app)
    with client.socket("/game/chess", protocols=["game.v1"]) as socket:
        assert socket.protocol == "game.v1"
        socket.send({"kind": "move", "x": 2})
        assert socket.receive(State) == State(x=2)
        # [fault]
        socket.send({"kind": "move", "x": "far"})
        problem = socket.receive()
        assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/x")
        # [/fault]
        socket.send({"kind": "say", "text": "hi"})
        assert socket.receive(State).said == ["hi"]
    with pytest.raises(SocketRefused) as refused, client.socket("/game/nobody"):
        pass
    assert refused.value.answer.status == 404


# [presence]
@app.socket("/room/{room}")
async def enter(room: str, name: str, socket: Socket[str, News], news: Channel[News]) -> None:
    async with news.join(room, socket, name=name):
        async for title in socket:
            if title == "bye":
                await socket.close(1000, "See you.")
                return
            await news.publish(News(title=f"{name}: {title}"), room=room)


@app.get("/room/{room}/here")
async def who_is_here(room: str, news: Channel[News]) -> list[str]:
    return await news.here(room)


# [/presence]
def test_presence() -> None:
    with Client(app) as client:
        with client.socket("/room/a?name=ann") as ann, client.socket("/room/a?name=bob"):
            ann.send("hi")
            assert ann.receive(News).title == "ann: hi"
            assert client.get("/room/a/here").json() == ["ann", "bob"]
            ann.send("bye")
            with pytest.raises(SocketEnded, match="See you"):
                ann.receive()
            assert client.get("/room/a/here").json() == ["bob"]
        assert client.get("/room/a/here").json() == []
