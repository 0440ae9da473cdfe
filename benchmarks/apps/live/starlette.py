"""Starlette: a loop over a socket (https://www.starlette.io/websockets/), `StreamingResponse` for the rest."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pydantic
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from apps.live.data import lines as every


class News(pydantic.BaseModel):
    n: int
    text: str


sockets: set[WebSocket] = set()
queues: set[asyncio.Queue[News]] = set()


async def plaintext(request: Request) -> Response:
    return PlainTextResponse("Hello, World!")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def room(websocket: WebSocket) -> None:
    await websocket.accept()
    sockets.add(websocket)
    try:
        async for text in websocket.iter_text():
            for each in list(sockets):
                await each.send_text(text)
    except WebSocketDisconnect:
        pass
    finally:
        sockets.discard(websocket)


async def followed() -> AsyncIterator[bytes]:
    queue: asyncio.Queue[News] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            item = await queue.get()
            yield f"data: {item.model_dump_json()}\n\n".encode()
    finally:
        queues.discard(queue)


async def events(request: Request) -> Response:
    return StreamingResponse(followed(), media_type="text/event-stream")


async def publish(request: Request) -> Response:
    try:
        item = News.model_validate_json(await request.body())
    except pydantic.ValidationError as error:
        return Response(error.json(include_input=False), 422, media_type="application/json")
    for queue in queues:
        queue.put_nowait(item)
    return Response()


async def each_line() -> AsyncIterator[bytes]:
    for line in every():
        yield orjson.dumps(line) + b"\n"


async def lines(request: Request) -> Response:
    return StreamingResponse(each_line(), media_type="application/jsonl")


app = Starlette(
    routes=[
        Route("/plaintext", plaintext),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/room", room),
        Route("/events", events),
        Route("/publish", publish, methods=["POST"]),
        Route("/lines", lines),
    ]
)
