"""One running server: started on a core of its own, waited for, looked at, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from harness.cores import SERVER_CORE, on_core
from harness.peers import HERE, Peer
from harness.wire import HOST, Request, fetch

ANSWER_WITHIN = 120.0
STOP_WITHIN = 5.0
FIRST = Request("/plaintext")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class ServerFailed(Exception):
    """A server that did not start or did not answer; the text is the end of what it printed."""


@dataclass
class Server:
    """A process of ours and what it wrote."""

    peer: Peer
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    first_answer: float = 0.0

    def tree(self) -> list[int]:
        """The process and its descendants, by id."""
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found.extend(int(child) for child in (task / "children").read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """The processor time of all its threads so far, of those that have ended too (0.0 where the system is silent)."""
        ticks = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])  # utime and stime (proc(5))
        return ticks / TICKS

    def memory_mib(self) -> tuple[float, float]:
        """RSS of its largest process (the worker) and PSS of all its processes, in MiB."""
        each = [memory_of(pid) for pid in self.tree()]
        return max(rss for rss, _ in each) / 1024, sum(pss for _, pss in each) / 1024

    def complaint(self) -> str:
        """The last lines it printed."""
        lines = [line.strip() for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return " | ".join(lines[-3:])[-400:] or f"exit code {self.process.poll()}, nothing printed"

    def stop(self) -> None:
        """End the process, politely first, and whatever it left in its own group."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_WITHIN)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_WITHIN)
        self.log.unlink(missing_ok=True)


def memory_of(pid: int) -> tuple[int, int]:
    """RSS and PSS of one process, in KiB."""
    sizes = {"Rss": 0, "Pss": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sizes:
                sizes[name] = int(rest.split()[0])
    return sizes["Rss"], sizes["Pss"]


def free_port() -> int:
    """A port nobody listens on, as the system gives it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def start(peer: Peer, routes: int = 0) -> Server:
    """Start a peer and wait for its first answer; `ServerFailed` says what it printed instead."""
    port = free_port()
    handle, name = tempfile.mkstemp(suffix=".log", prefix=f"bench-{peer.name}-")
    began = time.perf_counter()
    with os.fdopen(handle, "wb") as log, on_core(SERVER_CORE):
        process = subprocess.Popen(
            peer.command(port),
            cwd=HERE,
            env=peer.environment(port, routes),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(peer, port, process, Path(name))
    try:
        await_answer(server, began + ANSWER_WITHIN)
    except BaseException:
        server.stop()
        raise
    server.first_answer = time.perf_counter() - began
    return server


def await_answer(server: Server, deadline: float) -> None:
    """Ask until there is an answer."""
    while time.perf_counter() < deadline:
        if server.process.poll() is not None:
            raise ServerFailed(server.complaint())
        try:
            answer = fetch(server.port, FIRST, timeout=max(0.1, deadline - time.perf_counter()))
            if answer.status < 500:
                return
            said = answer.body[:200].decode("utf-8", "replace")
            raise ServerFailed(f"first answer {answer.status} {said}: {server.complaint()}")
        except (OSError, HTTPException):
            time.sleep(0.002)
    raise ServerFailed(f"no answer within {ANSWER_WITHIN:.0f} s: {server.complaint()}")


@contextlib.contextmanager
def running(peer: Peer, routes: int = 0) -> Iterator[Server]:
    """A server for the time of a `with` block."""
    server = start(peer, routes)
    try:
        yield server
    finally:
        server.stop()
