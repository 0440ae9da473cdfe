"""An ASGI application that is asked in its own process, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Asgi:
    """Asks an application.

    Arguments:
        app: the application.
        queries: how many queries were sent so far.
        cookie: the `cookie` field of each request.
    """

    def __init__(self, app: Any, queries: Callable[[], int], cookie: str = "") -> None:
        self._app = app
        self.queries = queries
        self._headers = [(b"host", b"testserver"), *([(b"cookie", cookie.encode())] if cookie else [])]
        self._loop = asyncio.new_event_loop()

    def run(self, work: Any) -> Any:
        """Run something in its loop."""
        return self._loop.run_until_complete(work)

    def ask(self, address: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        answer: tuple[int, bytes] = self.run(self._ask(address))
        return answer

    async def _ask(self, address: str) -> tuple[int, bytes]:
        path, _, query = address.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": self._headers, "client": ("127.0.0.1", 5000), "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        status, parts, asked = 0, [], False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await asyncio.sleep(3600)
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, b"".join(parts)
