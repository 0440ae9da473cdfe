"""`wholestack serve` and `wholestack dev` as processes: started on a free port, watched, and always ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import wholestack
from servers import wire

HERE = Path(__file__).parent
APP = str(HERE / "serving_app.py")
COMMAND = (sys.executable, "-m", "wholestack")


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with the package that the tests have imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    paths = [str(Path(wholestack.__file__).parents[1]), *os.environ.get("BREAKS_CHILDREN", "").split(os.pathsep)]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1", **more}


_paces: list[tuple[float, float]] = []


def pace() -> float:
    """How many times slower than it should be this machine starts an interpreter at the moment.

    At least 1, or WHOLESTACK_PACE: a whole run has three parts beside each other, which share what is there.

    Limits of time are multiplied by it, so that a test on a busy machine speaks of the code and not of its neighbours.
    The slowest of the last ten seconds counts; what was measured a second ago is not measured again.
    """
    now = time.monotonic()
    if not _paces or now - _paces[-1][0] > 1:
        subprocess.run([sys.executable, "-c", "import wholestack.cli"], env=environment(), check=True)
        _paces.append((time.monotonic(), max(1.0, (time.monotonic() - now) / 0.5)))
    _paces[:] = [each for each in _paces if now - each[0] < 10]
    return max(float(os.environ.get("WHOLESTACK_PACE", "1")), *(slowness for _, slowness in _paces))


def until(true: Callable[[], Any], seconds: float = wire.PATIENCE, what: str = "") -> Any:
    """Wait until something is true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise TimeoutError(f"not within {seconds} s: {what or true}")


class Serving:
    """A process of ours with its output; as a context manager it ends the process and all it has started."""

    def __init__(self, *words: str, cwd: Path | None = None, **options: Any) -> None:
        more = options.pop("environment", {})
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [*options.pop("command", COMMAND), *words],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(**more),
            cwd=cwd,
            start_new_session=True,
            **options,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()

    # -- what it says --------------------------------------------------------------------------------------------

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def said(self, pattern: str, seconds: float = wire.PATIENCE) -> str:
        """Wait for a line that has this pattern in it."""

        def line() -> str | None:
            return next((line for line in list(self.lines) if re.search(pattern, line)), None)

        try:
            return str(until(line, seconds, pattern))
        except TimeoutError:
            raise TimeoutError(f"{pattern!r} was not said within {seconds} s:\n{self.output}") from None

    def records(self, message: str = "") -> list[dict[str, Any]]:
        """Log records as JSON, those with this in their message."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [each for each in found if message in each["message"]]

    def ready(self) -> Self:
        """Wait until it serves, and know its port."""
        self.address = re.findall(r"(?:http|unix):\S+?(?=[\"', ]|$)", self.said(r"[Ss]erving (http|unix):"))[0]
        if self.address.startswith("http"):
            self.port = int(self.address.rpartition(":")[2].rstrip("."))
            until(self._open, what="a connection")
        return self

    def _open(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("/").status > 0
        return False

    # -- what it is ----------------------------------------------------------------------------------------------

    def pids(self) -> list[int]:
        """The workers: children of the process."""
        return children(self.process.pid)

    def ask(self, path: str, **words: Any) -> wire.Answer:
        """One request on a connection of its own."""
        with wire.Connection(self.port) as connection:
            return connection.ask(path, **words)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = wire.PATIENCE) -> tuple[int, float]:
        """Send a signal; the exit code, and how long it took."""
        begun = time.monotonic()
        self.send(number)
        code = self.process.wait(seconds)
        taken = time.monotonic() - begun
        self._reader.join(2)
        return code, taken

    def ended(self, seconds: float = wire.PATIENCE) -> tuple[int, float]:
        """Wait for its own end: the exit code, and how long it lived."""
        code = self.process.wait(seconds)
        self._reader.join(2)
        return code, time.monotonic() - self.begun


def serve(*words: str, app: str = APP, **options: Any) -> Serving:
    """`wholestack serve` on a free port."""
    return Serving("serve", app, *(() if {"--uds", "--fd"} & set(words) else ("--port", "0")), *words, **options)


def children(pid: int) -> list[int]:
    """The processes that this one has started and that live."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[1] == str(pid) and fields[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def memory(pid: int) -> int:
    """Resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    """How many files it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """Clients that ask again and again, each on a connection of its own, until they are told to stop.

    A connection that the server has closed between two requests is opened again, as every client does (RFC 9112
    §9.3.1);
    a request that was sent on a fresh connection and not answered has failed.
    """

    def __init__(self, port: int, clients: int, path: str = "/", keep: bool = True, pause: float = 0.003) -> None:
        self.port, self.path, self.keep, self.pause = port, path, keep, pause
        self.done: list[tuple[float, int, float]] = []
        self.failed: list[str] = []
        self.idle_closes = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(wire.PATIENCE)

    def _run(self) -> None:
        connection: wire.Connection | None = None
        while not self._stop.is_set():
            fresh = connection is None
            begun = time.monotonic()
            try:
                connection = connection or wire.Connection(self.port)
                answer = connection.ask(self.path)
                if not answer.whole:
                    self.failed.append("cut in the middle")
                self.done.append((begun, answer.status, time.monotonic() - begun))
                if not self.keep or answer.get("connection") == "close":
                    connection.close()
                    connection = None
            except OSError as error:
                if connection is not None:
                    connection.close()
                connection = None
                if fresh:
                    self.failed.append(f"{type(error).__name__}: {error}")
                else:
                    self.idle_closes += 1
            if self.pause:
                time.sleep(self.pause)
        if connection is not None:
            connection.close()


def all_of(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all at the same time, each in a thread; what they gave, or raised."""
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * wire.PATIENCE)
    return results
