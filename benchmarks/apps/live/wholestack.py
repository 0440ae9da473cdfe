"""Wholestack as its documentation shows it (docs/guides/live.md)."""

import pydantic

from apps.live.data import Line
from apps.live.data import lines as every
from wholestack import App
from wholestack.realtime import Channel, Events, JSONLines, LastEventId, Socket

app = App(title="bench")


class News(pydantic.BaseModel):
    n: int
    text: str


@app.get("/plaintext")
async def plaintext() -> str:
    return "Hello, World!"


@app.socket("/echo")
async def echo(socket: Socket[str, str]) -> None:
    async for text in socket:
        await socket.send(text)


@app.socket("/room")
async def room(socket: Socket[str, str], texts: Channel[str]) -> None:
    async with texts.join("", socket):
        async for text in socket:
            await texts.publish(text)


@app.get("/events")
async def events(news: Channel[News], last: LastEventId) -> Events[News]:
    return Events(news.subscribe(after=last))


@app.post("/publish")
async def publish(item: News, news: Channel[News]) -> str:
    return await news.publish(item)


@app.get("/lines")
def lines() -> JSONLines[Line]:
    return JSONLines(every())
