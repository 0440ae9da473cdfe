"""One client of each interface, as users make them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from wholestack.testing import Client

ClientOf = Callable[..., Client]


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> str:
    """Each interface in turn."""
    return str(request.param)


@pytest.fixture
def client_of(interface: str) -> Iterator[ClientOf]:
    """`client = client_of(app)`: a client that has started the app, and stops it after the test."""
    with ExitStack() as stack:

        def client_of(app: Any, **options: Any) -> Client:
            return stack.enter_context(Client(app, interface=interface, **options))  # type: ignore[arg-type]

        yield client_of


def over_asgi(
    app: Any, *headers: tuple[str, str], scheme: str, method: str = "GET", path: str = "/"
) -> tuple[int, dict[str, str], bytes]:
    """One request with a scheme that no client of ours would send, such as a WebSocket's: status, fields and body."""
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": scheme},
        **{"path": path, "query_string": b"", "client": ("10.0.0.7", 1), "root_path": ""},
        "headers": [(name.encode(), value.encode()) for name, value in (("host", "example.org"), *headers)],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields, b"".join(message.get("body", b"") for message in sent[1:])
