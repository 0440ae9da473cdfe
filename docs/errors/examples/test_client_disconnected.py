import asyncio
from typing import Any

from wholestack import App, Body

app = App()
scope = {
    "type": "http",
    "method": "POST",
    "path": "/notes",
    "query_string": b"",
    "http_version": "1.1",
    "headers": [(b"host", b"example.org"), (b"content-length", b"10")],
}
called = []


@app.post("/notes")
async def add(text: Body[str]) -> None:
    called.append(text)


def test_half_a_body_reaches_no_handler() -> None:
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        """Nobody listens."""

    asyncio.run(app(scope, receive, send))
    assert called == []
