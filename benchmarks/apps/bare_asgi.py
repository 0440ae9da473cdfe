"""The ceiling on an ASGI server: one callable, no framework, the fastest libraries."""

from collections.abc import Awaitable, Callable
from typing import Any

from apps.bare import encode, item, receipt
from apps.data import CHUNKS, ROWS, THINGS

TEXT = (b"content-type", b"text/plain; charset=utf-8")
JSON = (b"content-type", b"application/json")


async def read_body(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
    """The whole body of the request."""
    message = await receive()
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body


async def stream(send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """The hundred chunks, one message each."""
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    for chunk in CHUNKS:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer one request (a scope without a path is the lifespan's: the KeyError tells the server there is none)."""
    path: str = scope["path"]
    if path == "/stream":
        await stream(send)
        return
    status, kind = 200, JSON
    if path == "/plaintext":
        kind, body = TEXT, b"Hello, World!"
    elif path == "/json":
        body = encode({"message": "Hello, World!"})
    elif path.startswith("/items/"):
        status, body = item(path[7:], scope["query_string"].decode("latin-1"))
    elif path == "/orders":
        status, body = receipt(await read_body(receive))
    elif path == "/objects":
        body = encode(THINGS)
    elif path == "/rows":
        body = encode(ROWS)
    else:
        status, body = 404, b"{}"
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [kind, length]})
    await send({"type": "http.response.body", "body": body})
