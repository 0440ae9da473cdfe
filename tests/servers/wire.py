"""HTTP/1.1 by bytes: what is sent is exactly what a test says, and an answer tells whether it came whole."""

from __future__ import annotations

import dataclasses
import json
import select
import socket
from collections.abc import Sequence
from typing import Any, Self

Pairs = Sequence[tuple[str, str]]
PATIENCE = 60.0
"""How long what must come is waited for: a busy machine is no fault of what is tested."""


@dataclasses.dataclass
class Answer:
    """One answer.

    Attributes:
        whole: it came to its own end; False where the connection ended before.
        interim: statuses of interim answers (1xx) before it.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    whole: bool = True
    interim: tuple[int, ...] = ()

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.headers if key == name)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> str:
        """The code of a problem, or the beginning of what else it is."""
        try:
            return str(self.json()["code"])
        except (ValueError, KeyError, TypeError):
            return self.body[:60].decode("latin-1")


class Gone(ConnectionError):
    """The server has closed the connection and sent no answer."""


class Connection:
    """A connection to 127.0.0.1, with what came and is not read yet."""

    def __init__(self, port: int, timeout: float = PATIENCE) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it; a server that has closed already is found out when its answer is read."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def push(self, data: bytes) -> int:
        """Send until an answer comes, as a client does that listens while it sends; how much went out."""
        sent = 0
        while sent < len(data) and not select.select([self.socket], [], [], 0)[0]:
            piece = data[sent : sent + 65536]
            self.send(piece)
            sent += len(piece)
        return sent

    def more(self) -> bytes:
        """What comes next, or nothing at the end of the connection."""
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Whether the server closes the connection within that time, with nothing more said."""
        self.socket.settimeout(seconds)
        try:
            return not self._buffer and not self.more()
        except TimeoutError:
            return False

    def rest(self, seconds: float = 3) -> bytes:
        """Everything that still comes, until the end of the connection or of the time."""
        self.socket.settimeout(seconds)
        try:
            while piece := self.more():
                self._buffer += piece
        except TimeoutError:
            pass
        found, self._buffer = self._buffer, b""
        return found

    def taken(self) -> bytes:
        """What has come and is not read yet, for who reads the socket from here on."""
        found, self._buffer = self._buffer, b""
        return found

    # -- requests ------------------------------------------------------------------------------------------------

    def ask(self, path: str, method: str = "GET", headers: Pairs = (), body: bytes | None = None) -> Answer:
        """One request and its answer; the connection stays."""
        self.send(request(path, method, headers, body))
        return self.answer(method)

    # -- answers -------------------------------------------------------------------------------------------------

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._buffer:
            piece = self.more()
            if not piece:
                return None
            self._buffer += piece
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        parts = [self._buffer]
        have = len(self._buffer)
        while have < size and (piece := self.more()):
            parts.append(piece)
            have += len(piece)
        data = b"".join(parts)
        self._buffer = data[size:]
        return data[:size]

    def head(self) -> Answer:
        """The status and the fields of an answer."""
        block = self._until(b"\r\n\r\n")
        if block is None:
            raise Gone(f"no answer; only {self._buffer[:80]!r}")
        first, *lines = block.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise AssertionError(f"not an answer: {first!r}")
        pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Answer(int(status), pairs, b"")

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, whole or as far as it came."""
        interim: list[int] = []
        answer = self.head()
        while answer.status < 200:
            interim.append(answer.status)
            answer = self.head()
        answer.interim = tuple(interim)
        if method == "HEAD" or answer.status in {204, 304}:
            return answer
        if "chunked" in (answer.get("transfer-encoding") or ""):
            self._chunks(answer)
        elif (length := answer.get("content-length")) is not None:
            answer.body = self._exactly(int(length))
            answer.whole = len(answer.body) == int(length)
        else:
            while piece := self.more():
                self._buffer += piece
            answer.body, self._buffer = self._buffer, b""
        return answer

    def _chunks(self, answer: Answer) -> None:
        parts: list[bytes] = []
        while True:
            line = self._until(b"\r\n")
            if line is None:
                break
            size = int(line.split(b";")[0], 16)
            if size == 0:
                answer.whole = self._until(b"\r\n") is not None
                answer.body = b"".join(parts)
                return
            chunk = self._exactly(size + 2)
            parts.append(chunk[:size])
            if len(chunk) < size + 2:
                break
        answer.body, answer.whole = b"".join(parts), False


def request(path: str, method: str = "GET", headers: Pairs = (), body: bytes | None = None) -> bytes:
    """A request's bytes, with a Host and a length unless `headers` say otherwise."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1"]
    if "host" not in names:
        lines.append("Host: example.org")
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(body: bytes, size: int = 1000) -> bytes:
    """A body in chunks, as `Transfer-Encoding: chunked` has it."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
