"""What the tests of sockets and events ask of a real server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pydantic

from wholestack import App, NotFound, Request
from wholestack.realtime import Channel, Events, JSONLines, LastEventId, Live, MemoryBackend, Socket

app = App(docs=False)
app.use(Live(MemoryBackend(history=50, queue=50)))
noted: list[str] = []
PIECE = os.urandom(8192).hex()  # what compression makes nothing of


class Say(pydantic.BaseModel):
    text: str


@app.get("/noted")
async def show_noted() -> list[str]:
    found, noted[:] = list(noted), []
    return found


@app.socket("/echo", protocols=("v2", "v1"))
async def echo(socket: Socket[Say, Say], page: int = 1) -> None:
    if page == 404:
        raise NotFound("There is no such page.")
    async for say in socket:
        if say.text == "refuse":
            raise NotFound("Gone.", code="say-gone")
        if say.text == "break":
            raise ValueError("broken")
        if say.text == "end":
            return
        await socket.send(say)


@app.socket("/bytes")
async def back(socket: Socket[bytes, bytes]) -> None:
    async for data in socket:
        await socket.send(data)


@app.socket("/quiet")
async def quiet(socket: Socket[None, str]) -> None:
    """Waits for something that never comes; the client's leave must end it."""
    try:
        await asyncio.Event().wait()
    finally:
        noted.append("quiet ended")


@app.socket("/flood", patience=1.0)
async def flood(socket: Socket[None, str]) -> None:
    try:
        while True:
            await socket.send(PIECE)
    finally:
        noted.append("flood ended")


@app.socket("/room/{room}", origins=["https://friend.example"], patience=2.0)
async def room(room: str, socket: Socket[Say, Say], says: Channel[Say]) -> None:
    async with says.join(room, socket, name=socket.request.id):
        async for say in socket:
            await says.publish(say, room=room)


@app.get("/room/{room}/here")
async def here(room: str, says: Channel[Say]) -> int:
    return len(await says.here(room))


@app.post("/room/{room}")
async def publish(room: str, say: Say, says: Channel[Say]) -> str:
    return await says.publish(say, room=room)


@app.get("/room/{room}")
async def follow(room: str, says: Channel[Say], last: LastEventId) -> Events[Say]:
    return Events(says.subscribe(room, after=last), heartbeat=0.5)


async def ticks() -> AsyncIterator[int]:
    try:
        for number in range(1_000_000):
            yield number
            await asyncio.sleep(0.05)
    finally:
        noted.append("ticks ended")


@app.get("/ticks")
async def tick(finish: bool = False) -> Events[int]:
    return Events(few() if finish else ticks(), retry=2, finish=finish)


async def few() -> AsyncIterator[int]:
    for number in range(20):
        yield number
        await asyncio.sleep(0.05)
    noted.append("few finished")


@app.get("/plain-ticks")
def plain_ticks() -> Events[int]:
    return Events(range(3))


def lines() -> Iterator[Say]:
    for number in range(100_000):
        yield Say(text=str(number))


@app.get("/lines")
def show_lines() -> JSONLines[Say]:
    return JSONLines(lines())


@app.get("/slow")
async def slow(request: Request) -> str:
    await asyncio.sleep(0.6)
    return "done"
