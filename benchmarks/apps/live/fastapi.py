"""FastAPI: its tutorial's manager of sockets, its own events and JSON Lines (https://fastapi.tiangolo.com/tutorial/)."""

import asyncio
from collections.abc import AsyncIterable

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel

from apps.live.data import Line
from apps.live.data import lines as every

app = FastAPI()


class News(BaseModel):
    n: int
    text: str


class ConnectionManager:
    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.active_connections.append(websocket)

    def disconnect(self, websocket: WebSocket) -> None:
        self.active_connections.remove(websocket)

    async def broadcast(self, message: str) -> None:
        for connection in list(self.active_connections):
            await connection.send_text(message)


manager = ConnectionManager()
queues: set[asyncio.Queue[News]] = set()


@app.get("/plaintext", response_class=PlainTextResponse)
async def plaintext() -> str:
    return "Hello, World!"


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@app.websocket("/room")
async def room(websocket: WebSocket) -> None:
    await manager.connect(websocket)
    try:
        while True:
            await manager.broadcast(await websocket.receive_text())
    except WebSocketDisconnect:
        manager.disconnect(websocket)


@app.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterable[News]:
    queue: asyncio.Queue[News] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


@app.post("/publish")
async def publish(item: News) -> None:
    for queue in queues:
        queue.put_nowait(item)


@app.get("/lines")
async def lines() -> AsyncIterable[Line]:
    for line in every():
        yield line
