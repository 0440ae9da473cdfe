"""The servers that have an event loop, with the app of live answers; sockets and streams of events as clients see them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from servers import wire
from servers.matrix import BY_NAME, Kind, Server
from servers.serving import Serving, serve

_SERVE = Kind("wholestack-serve", "asgi", "")
KINDS = (
    _SERVE,
    *(BY_NAME[name] for name in ("uvicorn", "uvicorn-h11", "granian-asgi", "granian-rsgi", "hypercorn", "daphne")),
)


class Running:
    """A server of one kind, however it was started."""

    def __init__(self, kind: Kind, folder: Path, app: str = "live_app") -> None:
        self.kind = kind
        self._serving: Serving | None = None
        self._server: Server | None = None
        if kind is _SERVE:
            self._serving = serve(app=str(Path(__file__).parent / f"{app}.py")).ready()
            self.port = self._serving.port
        else:
            self._server = Server(kind, folder, f"servers.{app}:app")
            self.port = self._server.port

    @property
    def process(self) -> Any:
        server: Any = self._server or self._serving
        return server.process

    def memory(self) -> int:
        """Bytes of memory in use, of all its processes."""
        total = 0
        for pid in Server.pids(self):  # type: ignore[arg-type]
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        return total

    def end(self) -> None:
        if self._server is not None:
            self._server.end()
        if self._serving is not None:
            self._serving.__exit__()

    def stop(self) -> None:
        self.process.terminate()

    def ask(self, path: str, **words: Any) -> wire.Answer:
        with wire.Connection(self.port, 20) as connection:
            return connection.ask(path, **words)

    def post(self, path: str, text: str) -> str:
        body = json.dumps({"text": text}).encode()
        return self.ask(path, method="POST", headers=[("content-type", "application/json")], body=body).text

    def noted(self, wanted: str, count: int = 1, seconds: float = 10) -> int:
        """How many times the app has noted this, as soon as it is enough, or else at the end of the time."""
        found, end = 0, time.monotonic() + seconds
        while found < count and time.monotonic() < end:
            found += self.ask("/noted").json().count(wanted)
            time.sleep(0.05)
        return found

    def socket(self, path: str, **words: Any) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, legacy=True, **words)

    def events(self, path: str, last: str | None = None) -> Stream:
        return Stream(self.port, path, last)


class Stream:
    """An open stream of events, read line by line."""

    def __init__(self, port: int, path: str, last: str | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        more = f"last-event-id: {last}\r\n" if last else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n".encode())
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self._lines = self._each()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def lines(self) -> Iterator[str]:
        """The lines of the body that have not been taken, to its end."""
        return self._lines

    def _each(self) -> Iterator[str]:
        rest = b""
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in lines)

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") != "chunked":
            while piece := self._file.readline():
                yield piece
            return
        while size := int(self._file.readline().strip() or b"0", 16):
            yield self._file.read(size)
            self._file.readline()

    def until(self, beginning: str) -> list[str]:
        """The lines up to the first that begins so."""
        found = []
        for line in self.lines():
            found.append(line)
            if line.startswith(beginning):
                return found
        raise AssertionError(f"the stream ended without {beginning!r}: {found}")


def parting(client: ClientConnection, seconds: float = 5) -> tuple[int | None, str | None]:
    """Read to the end, and give the code and the reason of the close."""
    with pytest.raises(ConnectionClosed):
        while True:
            client.recv(seconds)
    return client.close_code, client.close_reason


def refused(open_it: Callable[[], Any]) -> int:
    """The status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as found:
        open_it()
    return found.value.response.status_code


def code(kind: Kind, wanted: int) -> int:
    """The close code as this server's clients see it: Granian's RSGI has none, Daphne's library but 1000 and its own."""
    if kind.name == "granian-rsgi":
        return 1005
    return wanted + 3000 if kind.name == "daphne" and wanted != 1000 else wanted
