"""What users write of sockets, events and channels: the types of messages are checked, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import pydantic

from wholestack import App, Router
from wholestack.realtime import (
    CSV,
    Backend,
    Channel,
    Event,
    Events,
    JSONLines,
    LastEventId,
    Live,
    MemoryBackend,
    Socket,
)
from wholestack.testing import AsyncClient, Client, ReceivedEvent

app = App()
router = Router()
app.use(Live(MemoryBackend(history=10)))


class Said(pydantic.BaseModel):
    text: str


class Heard(pydantic.BaseModel):
    by: str


@app.socket("/chat/{room}", protocols=("v1",), origins=["https://a.example"], message="16 KiB", needs=())
async def chat(room: str, socket: Socket[Said, Heard], heard: Channel[Heard]) -> None:
    async with heard.join(room, socket, name="ann"):
        async for said in socket:
            assert_type(said, Said)
            await heard.publish(Heard(by=said.text), room=room)
            await socket.send(Heard(by="me"))
            await socket.send(said)  # wrong
            await heard.publish(said)  # wrong
    assert_type(await socket.receive(), Said)
    assert_type(await heard.here(room), list[str])
    assert_type(await heard.history(room), list[Heard])
    async for each in heard.subscribe(room):
        assert_type(each, Heard)


@app.socket("/other", protocol="v1")  # wrong
async def other(socket: Socket[Said, Heard], said: Channel[Said]) -> None:
    async with said.join("", socket):  # wrong
        pass


async def news() -> AsyncIterator[Said]:
    yield Said(text="a")


async def named() -> AsyncIterator[Event[Said]]:
    yield Event(Said(text="a"), id="1", event="said", retry=2)


@router.get("/a")
async def first() -> Events[Said]:
    return Events(news(), heartbeat=15, retry=3)


@router.get("/b")
async def second(said: Channel[Said], last: LastEventId) -> Events[Said]:
    assert_type(last, str | None)
    return Events(said.subscribe(after=last))


@router.get("/c")
async def third() -> Events[Said]:
    return Events(named())


@router.get("/d")
async def fourth() -> Events[Heard]:
    return Events(news())  # wrong


@router.get("/e")
def lines() -> JSONLines[Said]:
    return JSONLines([Said(text="a")])


def rows() -> Iterator[Said]:
    yield Said(text="a")


@router.get("/f")
def table() -> CSV[Said]:
    return CSV(rows(), filename="said.csv")


@router.get("/g")
def wrong_table() -> CSV[Heard]:
    return CSV(rows())  # wrong


def asked(client: Client) -> None:
    with client.socket("/chat/a", protocols=["v1"], headers={"x": "y"}) as socket:
        socket.send(Said(text="a"))
        assert_type(socket.receive(Heard), Heard)
        assert_type(socket.receive(), Any)
    for event in client.events("/a", Said, after="1"):
        assert_type(event, ReceivedEvent[Said])
        assert_type(event.data, Said)


async def asked_async(client: AsyncClient) -> None:
    async with client.socket("/chat/a") as socket:
        await socket.send({"text": "a"})
        assert_type(await socket.receive(Heard), Heard)
    async for event in client.events("/a", Said):
        assert_type(event.data, Said)


def backend() -> Backend:
    return MemoryBackend()
