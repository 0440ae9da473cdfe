"""Sanic on its own server: its sockets and streamed responses (https://sanic.dev/en/guide/advanced/)."""

import asyncio
from typing import Any

import orjson
from sanic import HTTPResponse, Request, Sanic, Websocket, empty, text

from apps.live.data import lines as every

app = Sanic("bench", dumps=orjson.dumps, loads=orjson.loads)
sockets: set[Websocket] = set()
queues: set[asyncio.Queue[Any]] = set()


@app.get("/plaintext")
async def plaintext(request: Request) -> HTTPResponse:
    return text("Hello, World!")


@app.websocket("/echo")
async def echo(request: Request, ws: Websocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/room")
async def room(request: Request, ws: Websocket) -> None:
    sockets.add(ws)
    try:
        async for message in ws:
            for each in list(sockets):
                await each.send(message)
    finally:
        sockets.discard(ws)


@app.get("/events")
async def events(request: Request) -> None:
    response = await request.respond(content_type="text/event-stream")
    await response.send(b":\n\n")  # Else the head waits for the first event.
    queue: asyncio.Queue[Any] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            await response.send(b"data: " + orjson.dumps(await queue.get()) + b"\n\n")
    finally:
        queues.discard(queue)


@app.post("/publish")
async def publish(request: Request) -> HTTPResponse:
    for queue in queues:
        queue.put_nowait(request.json)
    return empty()


@app.get("/lines")
async def lines(request: Request) -> None:
    response = await request.respond(content_type="application/jsonl")
    for line in every():
        await response.send(orjson.dumps(line) + b"\n")
    await response.eof()
