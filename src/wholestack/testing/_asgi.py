"""One request to an ASGI application, with the server's side of ASGI 3.0 (spec version 2.4) played in the process."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from ._answer import Head
from ._errors import BrokenAnswer
from ._exchange import Gone, Running, Upload, address_of, checked, joined
from ._sent import SentRequest

Message = MutableMapping[str, Any]


class GoneError(Gone, OSError):
    """As ASGI has it (spec version 2.4): an error of the operating system."""


class AsgiExchange:
    """See `Exchange`."""

    def __init__(self, app: Any, sent: SentRequest, address: str, state: dict[str, Any]) -> None:
        self.head: Head | None = None
        self.upload = Upload(sent)
        self._app = app
        self._sent = sent
        self._address = address
        self._state = state
        self._more = True
        self._chunks: list[bytes] = []
        self._done = False
        self._gone: asyncio.Event | None = None
        self._running: Running | None = None

    async def whole(self) -> bytes:
        """See `Exchange`."""
        await self._app(self._scope(), self._receive, self._send)
        if not self._done:
            raise BrokenAnswer("The application ended before its answer did.")
        return joined(self._chunks)

    def sent(self) -> bytes | None:
        """See `Exchange`."""
        return joined(self._chunks) if self._done else None

    def _scope(self) -> dict[str, Any]:
        sent = self._sent
        path = sent.path
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": sent.method,
            "scheme": sent.scheme,
            "path": unquote(path) if "%" in path else path,
            "raw_path": path.encode(),
            "query_string": sent.query.encode(),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers],
            "client": (self._address, 50000),
            "server": address_of(sent),
            "state": {**self._state},
        }

    async def _receive(self) -> Message:
        if self._more and not self._done:
            try:
                chunk, self._more = await self.upload.next()
            except ConnectionError:
                self._more = False
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": self._more}
        if not self._done:
            self._gone = self._gone or asyncio.Event()
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Take a message of the application, in the order that ASGI asks for."""
        kind = message["type"]
        if self._running is not None and self._running.left:
            raise GoneError("The client went away.")
        if self.head is None:
            if kind != "http.response.start":
                raise RuntimeError(f"An ASGI answer begins with http.response.start, not with {kind!r}.")
            pairs = [
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in message.get("headers", ())
            ]
            self.head = checked(message["status"], pairs)
        elif kind != "http.response.body" or self._done:
            raise RuntimeError(f"{kind!r} does not belong here: the answer is {'complete' if self._done else 'begun'}.")
        else:
            if chunk := message.get("body", b""):
                self._chunks.append(chunk)
            if not message.get("more_body", False):
                self._done = True
                if self._gone is not None:
                    self._gone.set()
        if self._running is not None:
            await self._running.handed_over(bool(self._chunks))

    # -- as a stream ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See `Exchange`."""
        self._running = Running(self._app(self._scope(), self._receive, self._send))
        while self.head is None:
            await self._running.advance()

    async def chunk(self) -> bytes | None:
        """See `Exchange`."""
        while not self._chunks:
            if self._running is None or self._done:
                return None
            await self._running.advance()
        return self._chunks.pop(0)

    async def close(self) -> None:
        """See `Exchange`."""
        left, self._done = not self._done, True
        if self._gone is not None:
            self._gone.set()
        if self._running is not None:
            await self._running.close(left=left)
