"""The servers of the matrix: how each is started, and one that runs, with its port, its processes and its log."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import wholestack
from servers import wire

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
_TICKS = os.sysconf("SC_CLK_TCK")

Interface = Literal["asgi", "wsgi", "rsgi"]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One server in one set-up.

    Attributes:
        command: what a user types; `{port}` is filled in.
        workers: how many requests it answers at the same time; None where there is no such bound.
        lifespan: whether the server says when to start, before the first request.
        http2: whether the cases are asked over HTTP/2 with prior knowledge.
    """

    name: str
    interface: Interface
    command: str
    workers: int | None = None
    lifespan: bool = True
    http2: bool = False

    def argv(self, port: int, target: str) -> list[str]:
        program, *rest = self.command.format(port=port, app=target).split()
        return [str(BIN / program), *rest]

    def __str__(self) -> str:
        return self.name


_GRANIAN = "granian --interface {kind} --host 127.0.0.1 --port {{port}} {{app}}"
_GUNICORN = "gunicorn --bind 127.0.0.1:{{port}} {more} {{app}}"

KINDS = (
    Kind("uvicorn", "asgi", "uvicorn --http httptools --loop uvloop --port {port} {app}"),
    Kind("uvicorn-h11", "asgi", "uvicorn --http h11 --loop asyncio --port {port} {app}"),
    Kind("granian-rsgi", "rsgi", _GRANIAN.format(kind="rsgi")),
    Kind("granian-asgi", "asgi", _GRANIAN.format(kind="asgi")),
    Kind("granian-wsgi", "wsgi", _GRANIAN.format(kind="wsgi --blocking-threads 24"), workers=24, lifespan=False),
    Kind("hypercorn", "asgi", "hypercorn --bind 127.0.0.1:{port} asgi:{app}"),
    Kind("hypercorn-h2", "asgi", "hypercorn --bind 127.0.0.1:{port} asgi:{app}", http2=True),
    Kind("daphne", "asgi", "daphne --bind 127.0.0.1 --port {port} {app}", lifespan=False),
    Kind(
        "gunicorn-gthread",
        "wsgi",
        _GUNICORN.format(more="--worker-class gthread --threads 24"),
        workers=24,
        lifespan=False,
    ),
    Kind("gunicorn-sync", "wsgi", _GUNICORN.format(more="--worker-class sync"), workers=1, lifespan=False),
    Kind("gunicorn-asgi", "asgi", _GUNICORN.format(more="--worker-class asgi")),
    Kind("waitress", "wsgi", "waitress-serve --listen 127.0.0.1:{port} --threads 24 {app}", workers=24, lifespan=False),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def free_port() -> int:
    """A port that is free now; who takes it in between makes the start fail, and the start is tried again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server that runs, in a session of its own, so that every process of it can be ended."""

    def __init__(
        self, kind: Kind, folder: Path, target: str = "servers.app:app", environment: dict[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.record = folder / "record.txt"
        self.log_path = folder / "log.txt"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        # The servers run the package that the tests have imported.
        folders = (Path(wholestack.__file__).parents[1], ROOT / "tests", ROOT / "tests" / "public")
        path = os.pathsep.join(map(str, folders))
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "MATRIX_FOLDER": str(folder),
            "TMPDIR": str(self.temporary),
            **(environment or {}),
        }
        for attempt in range(3):
            self.port = free_port()
            try:
                self._start(target)
                return
            except ConnectionError:
                self.end()
                if attempt == 2 or "ddress already in use" not in self.log():
                    raise

    def _start(self, target: str) -> None:
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self.kind.argv(self.port, target),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
            )
        until = time.monotonic() + wire.PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise ConnectionError(f"{self.kind.name} does not listen:\n{self.log()}")

    # -- asking --------------------------------------------------------------------------------------------------

    def open(self, timeout: float = wire.PATIENCE) -> wire.Connection:
        """A connection for raw bytes."""
        return wire.Connection(self.port, timeout)

    def ask(self, path: str, method: str = "GET", headers: wire.Pairs = (), body: bytes | None = None) -> wire.Answer:
        """One request on a connection of its own, over HTTP/1.1 or over HTTP/2, as the kind has it."""
        if self.kind.http2:
            from servers import wire2

            with wire2.Connection2(self.port) as connection:
                return connection.ask(path, method, headers, body)
        with self.open() as connection:
            return connection.ask(path, method, headers, body)

    def events(self, key: str) -> list[str]:
        """What the app has noted under a key."""
        return self.ask(f"/events/{key}").json()["events"]

    def wait_for(self, key: str, *wanted: str, seconds: float = wire.PATIENCE) -> list[str]:
        """The notes under a key, as soon as all of these are among them, or else at the end of the time."""
        until = time.monotonic() + seconds
        while True:
            events = self.events(key)
            if set(wanted) <= set(events) or time.monotonic() > until:
                return events
            time.sleep(0.05)

    # -- the process ---------------------------------------------------------------------------------------------

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def records(self) -> list[str]:
        """What the app has written into its file: it stays after the process."""
        return self.record.read_text().split() if self.record.exists() else []

    def pids(self) -> list[int]:
        """The process that was started and all below it."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    children.setdefault(parent, []).append(int(entry.name))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def memory(self) -> int:
        """Bytes of memory in use, of all its processes."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1]) * 1024
        return total

    def cpu(self) -> float:
        """Seconds of CPU time used, of all its processes."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def alive(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None where it still runs after that time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """End every process of it, whatever state it is in."""
        if self.alive():
            self.terminate()
            self.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
