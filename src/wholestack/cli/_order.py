"""What a worker is told when it starts, and what it tells its parent while it lives."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "WHOLESTACK_SERVE"
"""Where the order stands for a server that is not ours."""
WORKERS = "WEB_CONCURRENCY"
"""Where an app and its checks find out how many processes serve it."""
STAGE = "WHOLESTACK_STAGE"
ADDRESS = "WHOLESTACK_ADDRESS"
"""Where an app and its plugins find out what the process is for: ``development`` or ``production`` (and ``test``)."""
READY, WAITING, BEAT, FAILED, FILES = "ready", "waiting", "beat", "failed", "files"
HOLD, SETTLED = "hold", "settled"


@dataclasses.dataclass(frozen=True)
class Order:
    """How one worker is to serve; times are seconds.

    Attributes:
        target: the app, as on the command line.
        development: answers are validated, logs are for people, an error is served as a page.
        timeout: how long requests in flight may go on after the stop.
        head: how long a client may take for the head of a request.
        silence: how long a client may send nothing in the middle of a body, or take nothing of an answer.
        idle: how long a connection may wait for its next request.
        failure: a report to show on every path instead of the app (development).
        workers: how many processes serve the app.
        address: where browsers find it, for mails that lead back (development).
        settled: what of the databases was in order, or refused, when it was last asked (development).
        grace: how long connections are accepted after the stop, while the app says that it is not ready.
        linger: how long idle connections are kept at a stop, so that a request on its way is answered.
    """

    target: str
    failure: str = ""
    development: bool = False
    json_logs: bool = True
    access_log: bool = False
    timeout: float = 10.0
    head: float = 10.0
    silence: float = 20.0
    idle: float = 5.0
    grace: float = 0.0
    linger: float = 0.5
    backlog: int = 2048
    workers: int = 1
    address: str = ""
    settled: str = ""

    def text(self) -> str:
        """As one word of a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> Order:
        """What `text` wrote."""
        return cls(**json.loads(text))


class Channel:
    """A worker's line to its parent: short lines of text out; its end tells the worker that the parent is gone.

    Attributes:
        last: the parent has said that no other worker will follow this one.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.last: bool = False

    def fileno(self) -> int:
        """The descriptor, to be watched."""
        return self._end.fileno()

    def tell(self, kind: str, text: str = "") -> None:
        """Send one line; a parent that does not read, or is gone, stops nobody."""
        self._end.settimeout(0.0 if kind == BEAT else 1.0)
        with contextlib.suppress(OSError):
            self._end.sendall(json.dumps([kind, text]).encode() + b"\n")

    def gone(self) -> bool:
        """Whether the other end is closed; asked when the descriptor can be read, for the parent's word too."""
        self._end.setblocking(False)
        try:
            heard = self._end.recv(1024)
        except BlockingIOError:
            return False
        except OSError:
            heard = b""
        self.last = True  # The one thing that a parent says, and that its end says as well.
        return heard == b""


class Process:
    """A worker seen from its parent: a fresh interpreter with the listening sockets and a channel."""

    def __init__(self, order: Order, sockets: Sequence[socket.socket]) -> None:
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        numbers = [theirs.fileno(), *(each.fileno() for each in sockets)]
        command = [sys.executable, "-P", "-m", "wholestack.cli._worker", order.text(), *map(str, numbers)]
        self.popen = subprocess.Popen(command, pass_fds=numbers, env=inherited(order))
        theirs.close()
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.popen.pid

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self.popen.poll()

    def lines(self) -> list[tuple[str, str]]:
        """What it told since the last look."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while chunk := self.channel.recv(65536):
                self._rest += chunk
        *whole, self._rest = self._rest.split(b"\n")
        return [(kind, text) for kind, text in map(json.loads, whole)]

    def tell_last(self) -> None:
        """Tell it that no other worker will follow."""
        with contextlib.suppress(OSError):
            self.channel.send(b"last\n")

    def close(self) -> None:
        """Let go of the channel."""
        self.channel.close()


def inherited(order: Order) -> dict[str, str]:
    """The environment for a child: with the number of workers and what it is for, without what was meant for us alone.

    A package that was found in the current folder stays findable, though the worker does not import from there.
    """
    mine = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
    environment = {name: value for name, value in os.environ.items() if name not in mine}
    environment |= {WORKERS: str(order.workers), STAGE: "development" if order.development else "production"}
    environment |= {ADDRESS: order.address} if order.address else {}
    home = str(Path(__file__).parents[2])
    if home == os.getcwd():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return environment
