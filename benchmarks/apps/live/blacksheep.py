"""BlackSheep: its sockets and its own events (https://www.neoteroi.dev/blacksheep/websocket/, …/server-sent-events/)."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from blacksheep import Application, Response, StreamedContent, WebSocket, WebSocketDisconnectError, text
from blacksheep.server.sse import ServerSentEvent
from blacksheep.settings.json import json_settings

from apps.live.data import lines as every


def dumps(value: Any) -> str:
    return orjson.dumps(value).decode("utf8")


json_settings.use(loads=orjson.loads, dumps=dumps)
app = Application()
sockets: list[WebSocket] = []
queues: set[asyncio.Queue[Any]] = set()


@dataclass
class News:
    n: int
    text: str


@app.router.get("/plaintext")
async def plaintext() -> Response:
    return text("Hello, World!")


@app.router.ws("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnectError:
        pass


@app.router.ws("/room")
async def room(websocket: WebSocket) -> None:
    await websocket.accept()
    sockets.append(websocket)
    try:
        while True:
            message = await websocket.receive_text()
            for each in list(sockets):
                await each.send_text(message)
    except WebSocketDisconnectError:
        sockets.remove(websocket)


@app.router.get("/events")
async def events() -> AsyncIterable[ServerSentEvent]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield ServerSentEvent(await queue.get())
    finally:
        queues.discard(queue)


@app.router.post("/publish")
async def publish(item: News) -> Response:
    for queue in queues:
        queue.put_nowait(item)
    return Response(204)


async def each_line() -> AsyncIterator[bytes]:
    for line in every():
        yield orjson.dumps(line) + b"\n"


@app.router.get("/lines")
async def lines() -> Response:
    return Response(200, content=StreamedContent(b"application/jsonl", each_line))
