"""The ceiling on an RSGI server: one callable, no framework, the fastest libraries."""

from typing import Any

from apps.bare import encode, item, receipt
from apps.data import CHUNKS, ROWS, THINGS

TEXT = [("content-type", "text/plain; charset=utf-8")]
JSON = [("content-type", "application/json")]


async def stream(protocol: Any) -> None:
    """The hundred chunks, one call each."""
    transport = protocol.response_stream(200, TEXT)
    for chunk in CHUNKS:
        await transport.send_bytes(chunk)


async def app(scope: Any, protocol: Any) -> None:
    """Answer one request."""
    path: str = scope.path
    status = 200
    if path == "/plaintext":
        protocol.response_str(200, TEXT, "Hello, World!")
        return
    if path == "/stream":
        await stream(protocol)
        return
    if path == "/json":
        body = encode({"message": "Hello, World!"})
    elif path.startswith("/items/"):
        status, body = item(path[7:], scope.query_string)
    elif path == "/orders":
        status, body = receipt(await protocol())
    elif path == "/objects":
        body = encode(THINGS)
    elif path == "/rows":
        body = encode(ROWS)
    else:
        status, body = 404, b"{}"
    protocol.response_bytes(status, JSON, body)
