"""One request to a WSGI application, with the server's side of PEP 3333 played in the process."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar
from urllib.parse import unquote_to_bytes

from typing_extensions import Buffer

from ._answer import Head
from ._errors import BrokenAnswer, ClientFault
from ._exchange import Upload, address_of, checked, joined
from ._sent import SentRequest

T = TypeVar("T")
Pairs = list[tuple[str, str]]


async def call_plain(function: Callable[[], T]) -> T:
    """Call a plain function: right here where no event loop runs, else in a thread, so that the loop is not blocked."""
    if asyncio._get_running_loop() is None:
        return function()
    return await asyncio.to_thread(function)


class WsgiExchange:
    """See `Exchange`."""

    def __init__(self, app: Any, sent: SentRequest, address: str) -> None:
        if hasattr(sent.body, "__aiter__"):
            raise ClientFault("An async iterable as body= needs an event loop; under WSGI give a plain iterable.")
        self.head: Head | None = None
        self.upload = Upload(sent)
        self._app = app
        self._sent = sent
        self._address = address
        self._result: Any = None
        self._chunks: Iterator[bytes] = iter(())
        self._written: list[bytes] = []

    async def whole(self) -> bytes:
        """See `Exchange`."""
        return await call_plain(self._whole)

    def _whole(self) -> bytes:
        result = self._app(self._environ(), self._start_response)
        try:
            chunks = [*result]
        finally:
            if hasattr(result, "close"):
                result.close()
        self._begun()
        return joined(self._written + chunks)

    def sent(self) -> bytes | None:
        """See `Exchange`; under WSGI the server sends what the application has returned."""
        return None

    def _environ(self) -> dict[str, Any]:
        sent = self._sent
        host, port = address_of(sent)
        path = unquote_to_bytes(sent.path).decode("latin-1") if "%" in sent.path else sent.path
        environ: dict[str, Any] = {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": sent.query,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self._address,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": sent.scheme,
            "wsgi.input": _input(self.upload, sent.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in sent.headers:
            key = name.upper().replace("-", "_")
            if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                key = f"HTTP_{key}"
            if key in environ:
                value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
            environ[key] = value
        return environ

    def _start_response(self, status: str, headers: Pairs, exc_info: Any = None) -> Callable[[bytes], None]:
        if self.head is not None and exc_info is None:
            raise RuntimeError("start_response was called twice (PEP 3333).")
        self.head = checked(int(status.partition(" ")[0]), [(name.lower(), value) for name, value in headers])
        return self._written.append

    def _begun(self) -> None:
        if self.head is None:
            raise BrokenAnswer("The application ended without an answer.")

    # -- as a stream ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See `Exchange`."""
        await call_plain(self._open)

    def _open(self) -> None:
        self._result = self._app(self._environ(), self._start_response)
        self._chunks = iter(self._result)
        if self.head is None:
            # PEP 3333: an application may wait with its head until its first chunk is asked for.
            self._written += [chunk for chunk in [next(self._chunks, b"")] if chunk]
        self._begun()

    async def chunk(self) -> bytes | None:
        """See `Exchange`."""
        return await call_plain(self._chunk)

    def _chunk(self) -> bytes | None:
        return self._written.pop(0) if self._written else next(self._chunks, None)

    async def close(self) -> None:
        """See `Exchange`."""
        if hasattr(self._result, "close"):
            await call_plain(self._result.close)


def _input(upload: Upload, body: object) -> IO[bytes]:
    """The request's body as a file."""
    return io.BytesIO(body) if isinstance(body, bytes) else io.BufferedReader(_Chunks(upload))


class _Chunks(io.RawIOBase):
    """A body that comes in chunks, as a file."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._rest = b""
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        while not self._rest and self._more:
            self._rest, self._more = self._upload.next_plain()
        view = memoryview(buffer)
        piece, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(piece)] = piece
        return len(piece)
