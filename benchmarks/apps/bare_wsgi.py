"""The ceiling on a WSGI server: one callable, no framework, the fastest libraries."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from apps.bare import encode, item, receipt
from apps.data import CHUNKS, ROWS, THINGS

LINES = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}
TEXT = ("content-type", "text/plain; charset=utf-8")
JSON = ("content-type", "application/json")


def app(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answer one request."""
    path: str = environ["PATH_INFO"]
    status, kind = 200, JSON
    if path == "/plaintext":
        kind, body = TEXT, b"Hello, World!"
    elif path == "/json":
        body = encode({"message": "Hello, World!"})
    elif path.startswith("/items/"):
        status, body = item(path[7:], environ["QUERY_STRING"])
    elif path == "/orders":
        status, body = receipt(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    elif path == "/objects":
        body = encode(THINGS)
    elif path == "/rows":
        body = encode(ROWS)
    elif path == "/stream":
        start_response("200 OK", [TEXT])
        return iter(CHUNKS)
    else:
        status, body = 404, b"{}"
    start_response(LINES[status], [kind, ("content-length", str(len(body)))])
    return [body]
