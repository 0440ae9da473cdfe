"""Litestar: its channels for many, its own events (https://docs.litestar.dev/latest/usage/channels.html)."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Litestar, MediaType, WebSocket, get, post, websocket
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.exceptions import WebSocketDisconnect
from litestar.response import ServerSentEvent, Stream

from apps.live.data import lines as every


class News(msgspec.Struct):
    n: int
    text: str


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return "Hello, World!"


@websocket("/echo")
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


@websocket("/room")
async def room(socket: WebSocket[Any, Any, Any], channels: ChannelsPlugin) -> None:
    await socket.accept()
    try:
        async with channels.start_subscription(["room"]) as subscriber, subscriber.run_in_background(socket.send_text):
            while True:
                await channels.wait_published(await socket.receive_text(), "room")
    except WebSocketDisconnect:
        pass


async def followed(channels: ChannelsPlugin) -> AsyncIterator[bytes]:
    async with channels.start_subscription(["news"]) as subscriber:
        async for event in subscriber.iter_events():
            yield event


@get("/events")
async def events(channels: ChannelsPlugin) -> ServerSentEvent:
    return ServerSentEvent(followed(channels))


@post("/publish")
async def publish(data: News, channels: ChannelsPlugin) -> None:
    await channels.wait_published(data, "news")


async def each_line() -> AsyncIterator[bytes]:
    for line in every():
        yield msgspec.json.encode(line) + b"\n"


@get("/lines", media_type="application/jsonl")
async def lines() -> Stream:
    return Stream(each_line())


app = Litestar(
    [plaintext, echo, room, events, publish, lines],
    plugins=[ChannelsPlugin(backend=MemoryChannelsBackend(), channels=["room", "news"])],
)
