"""One request to an RSGI application: stand-ins for the objects that Granian 2.8 hands to one (RSGI 1.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ._answer import Head
from ._errors import BrokenAnswer
from ._exchange import Gone, Running, Upload, address_of, checked, joined
from ._sent import SentRequest

Pairs = list[tuple[str, str]]


class RsgiHeaders:
    """Granian's `RSGIHeaders`: names in lower case, looked up without regard to case."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def __contains__(self, key: str) -> bool:
        return bool(self.get_all(key))

    def __getitem__(self, key: str) -> str:
        for value in self.get_all(key):
            return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        return [*dict(self._pairs)]

    def values(self) -> list[str]:
        return [value for _, value in self._pairs]

    def items(self) -> Pairs:
        return [*self._pairs]

    def get(self, key: str, default: Any = None) -> Any:
        values = self.get_all(key)
        return values[0] if values else default

    def get_all(self, key: str) -> list[str]:
        wanted = key.lower()
        return [value for name, value in self._pairs if name == wanted]


class RsgiScope:
    """Granian's `RSGIHTTPScope`; the path is decoded, and there is no raw one."""

    proto: str = "http"
    http_version = "1.1"
    rsgi_version = "1.6"
    authority: str | None = None  # Granian has it for HTTP/2 only.

    def __init__(self, sent: SentRequest, address: str) -> None:
        host, port = address_of(sent)
        self.server = f"{host}:{port}"
        self.client = f"{address}:50000"
        self.scheme = sent.scheme
        self.method = sent.method
        self.path = unquote(sent.path) if "%" in sent.path else sent.path
        self.query_string = sent.query
        self.headers = RsgiHeaders(sent.headers)


class ProtocolError(RuntimeError):
    """Granian's `RSGIProtocolError`: the body was read already."""


class ProtocolClosed(Gone, RuntimeError):
    """Granian's `RSGIProtocolClosed`."""


class RsgiExchange:
    """See `Exchange`; it is also the protocol object, Granian's `RSGIHTTPProtocol`."""

    def __init__(self, app: Any, sent: SentRequest, address: str) -> None:
        self.head: Head | None = None
        self.upload = Upload(sent)
        self._app = app
        self._sent = sent
        self._address = address
        self._read = False
        self._chunks: list[bytes] = []
        self._whole = False
        self._gone = asyncio.Event()
        self._running: Running | None = None

    def _call(self) -> Any:
        return getattr(self._app, "__rsgi__", self._app)(RsgiScope(self._sent, self._address), self)

    async def whole(self) -> bytes:
        """See `Exchange`."""
        await self._call()
        self._gone.set()
        if self.head is None:
            raise BrokenAnswer("The application ended without an answer.")
        return joined(self._chunks)

    def sent(self) -> bytes | None:
        """See `Exchange`."""
        return joined(self._chunks) if self._whole else None

    # -- what the application calls ------------------------------------------------------------------------------

    async def __call__(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def __aiter__(self) -> Any:
        if self._read:
            raise ProtocolError("RSGI protocol error")
        self._read = True
        return self._incoming()

    async def _incoming(self) -> Any:
        # As Granian has it: an empty piece says that the body ends, and one more that it was cut off.
        more = True
        try:
            while more:
                chunk, more = await self.upload.next()
                if chunk:
                    yield chunk
        except ConnectionError:
            yield b""
        yield b""

    async def client_disconnect(self) -> None:
        await self._gone.wait()

    def response_empty(self, status: int, headers: Pairs) -> None:
        self.response_bytes(status, headers, b"")

    def response_str(self, status: int, headers: Pairs, body: str) -> None:
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: Pairs, body: bytes) -> None:
        if self.head is None:
            self.head = checked(status, [(name.lower(), value) for name, value in headers])
            self._whole = True
            if body:
                self._chunks.append(body)

    def response_file(self, status: int, headers: Pairs, file: str) -> None:
        self.response_bytes(status, headers, Path(file).read_bytes())

    def response_file_range(self, status: int, headers: Pairs, file: str, start: int, end: int) -> None:
        self.response_bytes(status, headers, Path(file).read_bytes()[start:end])

    def response_stream(self, status: int, headers: Pairs) -> RsgiExchange:
        self.head = checked(status, [(name.lower(), value) for name, value in headers])
        return self

    async def send_bytes(self, data: bytes) -> None:
        if self._running is not None and self._running.left:
            raise ProtocolClosed("RSGI transport is closed")
        if data:
            self._chunks.append(data)
        if self._running is not None:
            await self._running.handed_over(bool(data))

    async def send_str(self, data: str) -> None:
        await self.send_bytes(data.encode())

    # -- as a stream ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See `Exchange`."""
        self._running = Running(self._call())
        while self.head is None:
            await self._running.advance()

    async def chunk(self) -> bytes | None:
        """See `Exchange`."""
        while not self._chunks:
            if self._running is None or self._running.ended():
                return None
            await self._running.advance()
        return self._chunks.pop(0)

    async def close(self) -> None:
        """See `Exchange`."""
        self._gone.set()
        if self._running is not None:
            await self._running.close(left=not (self._whole or self._running.ended()))
