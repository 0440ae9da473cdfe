"""The ceiling on an ASGI server: one callable, no framework, every message written once for all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from apps.live.data import lines

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class News(msgspec.Struct):
    n: int
    text: str


encode, decode = msgspec.json.encode, msgspec.json.Decoder(News).decode
room: set[Send] = set()
queues: set[asyncio.Queue[bytes]] = set()


async def echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def chat(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    room.add(send)
    while (message := await receive())["type"] == "websocket.receive":
        sent = {"type": "websocket.send", "text": message["text"]}
        for each in list(room):
            await each(sent)
    room.discard(send)


async def body(receive: Receive) -> bytes:
    message = await receive()
    found: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        found += message["body"]
    return found


async def events(send: Send) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    queues.add(queue)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    try:
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        queues.discard(queue)


async def publish(receive: Receive, send: Send) -> None:
    try:
        item = decode(await body(receive))
    except msgspec.DecodeError:
        await answer(send, b"", b"text/plain", 400)
        return
    event = b"data: " + encode(item) + b"\n\n"
    for queue in queues:
        queue.put_nowait(event)
    await answer(send, b"", b"text/plain")


async def all_lines(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/jsonl")]})
    parts: list[bytes] = []
    for each in lines():
        parts.append(encode(each) + b"\n")
        if len(parts) == 256:
            await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
            parts = []
    await send({"type": "http.response.body", "body": b"".join(parts)})


async def answer(send: Send, body: bytes, kind: bytes, status: int = 200) -> None:
    head = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """One connection (a scope without a path is the lifespan's: the KeyError tells the server there is none)."""
    path: str = scope["path"]
    if path == "/echo":
        await echo(receive, send)
    elif path == "/room":
        await chat(receive, send)
    elif path == "/events":
        await events(send)
    elif path == "/publish":
        await publish(receive, send)
    elif path == "/lines":
        await all_lines(send)
    else:
        await answer(send, b"Hello, World!", b"text/plain")
