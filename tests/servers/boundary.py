"""Malformed and smuggled requests by bytes: what was seen of one, as the words that `known` uses."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import socket
import time
import uuid
from typing import Self

from servers.matrix import Server
from servers.serving import pace
from servers.wire import PATIENCE, Answer, Connection, Gone

MIB = 1024 * 1024


@dataclasses.dataclass
class Seen:
    """What came of a raw request.

    Attributes:
        statuses: of every answer, in order.
        closed: the server has ended the connection.
        called: the handler of the first request was called with what it took for a whole request.
        second: so was that of a second request, sent behind the first.
        code: the code of the first answer's problem, or the beginning of what it is instead.
        allow: the methods that the first answer names.
    """

    statuses: list[int]
    closed: bool
    called: bool
    second: bool
    code: str = ""
    allow: str | None = None

    @property
    def refused(self) -> bool:
        """Nothing below 400 was answered, and no handler was called."""
        return not self.called and all(status >= 400 for status in self.statuses)

    @property
    def words(self) -> str:
        verdict = "refused" if self.refused or (self.second and not self.called) else "answered"
        ending = "the second answered" if self.second else "closed" if self.closed else "open"
        return f"{verdict}, {ending}"


def head(
    path: str, *lines: str, method: str = "POST", version: str = "1.1", host: str | None = "Host: example.org"
) -> bytes:
    """A request's head, with nothing added."""
    first = [f"{method} {path} HTTP/{version}", *([host] if host is not None else [])]
    return "\r\n".join([*first, *lines, "", ""]).encode("latin-1")


def send(
    server: Server, raw: bytes, *, ends: bool = True, half_close: bool = False, patience: float = PATIENCE
) -> Seen:
    """Send bytes in which `KEY` stands for a key of their own, read every answer, and ask what was called.

    Arguments:
        ends: wait for the end of the connection; else for the first answer only.
        half_close: say that nothing more comes.
        patience: how long the first answer is waited for.
    """
    key = uuid.uuid4().hex
    seen = Seen([], closed=False, called=False, second=False)
    with server.open(patience) as connection:
        connection.send(raw.replace(b"KEY", key.encode()))
        if half_close:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
        read(connection, seen, method_of(raw), ends=ends)
    seen.called = "called" in server.events(key)
    seen.second = "called" in server.events(f"{key}-second")
    return seen


def method_of(raw: bytes) -> str:
    """The method of a request: an answer to `HEAD` has no body to wait for."""
    return raw.partition(b" ")[0].decode("latin-1")


def read(connection: Connection, seen: Seen, method: str, *, ends: bool) -> None:
    try:
        while True:
            answer = connection.answer(method)
            seen.statuses.append(answer.status)
            seen.code, seen.allow = seen.code or answer.code, seen.allow or answer.get("allow")
            if not ends:
                return
            connection.socket.settimeout(1.5 * pace())
    except Gone:
        seen.closed = True
    except TimeoutError:
        pass


class Kept:
    """Raw requests one after another: on one connection, or on a new one where the server has ended the last."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, raw: bytes) -> Answer:
        for _ in range(2):
            self._connection = self._connection or self._server.open()
            self._connection.send(raw)
            try:
                answer = self._connection.answer(method_of(raw))
            except Gone:
                self.__exit__()
                continue
            if (answer.get("connection") or "").lower() == "close":
                self.__exit__()
            return answer
        raise Gone("no answer on a new connection either")


SECOND = head("/d/echo", "X-Key: KEY-second", "Content-Length: 1") + b"x"
"""A second request, to be sent behind another."""


@contextlib.contextmanager
def cost(server: Server) -> object:
    """The CPU time and the growth of memory of a server while something is asked of it."""
    server.ask("/d/text")
    spent = Cost(server.cpu(), server.memory())
    yield spent
    server.ask("/d/text")
    spent.seconds = server.cpu() - spent.seconds
    spent.grown = server.memory() - spent.grown


@dataclasses.dataclass
class Cost:
    """Attributes: `seconds` of CPU time, `grown` bytes of memory."""

    seconds: float
    grown: int


def spooled(server: Server) -> list[str]:
    """Temporary files that the server's processes hold open, but for the one that Gunicorn's workers show their life by."""
    found = []
    for pid in server.pids():
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith(str(server.temporary)) and "/wgunicorn-" not in target:
                        found.append(target)
    return found


def ready(connection: Connection, seconds: float) -> bool:
    """Whether something is to be read within that time."""
    return bool(select.select([connection.socket], [], [], seconds)[0])


def settled(condition: object, seconds: float = PATIENCE) -> bool:
    """Whether something becomes true within that time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
