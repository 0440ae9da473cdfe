"""One large file in a form, to the disk: how fast, what is on the disk then, and how much memory the worker took for it."""

import contextlib
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from statistics import median

from harness.cores import LOAD_CORE, on_core
from harness.pages.browser import read_reply
from harness.pages.ground import PagePeer
from harness.rounds import Say
from harness.servers import Server, ServerFailed, running
from harness.wire import HOST, Request

MIB = 1024 * 1024
PIECE = 256 * 1024
BOUNDARY = "----formboundary" + secrets.token_hex(12)
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="film.bin"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Sent:
    """One upload: seconds until the answer, the server's processor time, and the memory over the idle worker in MiB."""

    seconds: float
    cpu: float
    memory: float


@dataclass
class Uploads:
    """What is known, by peer."""

    size: int
    found: dict[str, list[Sent]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def of_base(self, peer: str, base: str) -> float | None:
        """The median, over the rounds, of its bytes a second against those of another."""
        pairs = [
            two.seconds / one.seconds
            for one, two in zip(self.found.get(peer, []), self.found.get(base, []), strict=False)
        ]
        return median(pairs) if pairs else None


class UploadWrong(Exception):
    """The file did not arrive as it was sent."""


def blocks(size: int) -> Iterator[bytes]:
    """The file: one block of chance again and again, each with its number."""
    block = memoryview(CHANCE)
    for number in range(size // MIB):
        yield number.to_bytes(8, "big")
        yield from (block[at : at + PIECE] for at in range(8, MIB, PIECE))


CHANCE = os.urandom(MIB)


def digest(size: int) -> str:
    """Of the whole file."""
    known = hashlib.sha256()
    for block in blocks(size):
        known.update(block)
    return known.hexdigest()


def peak_kib(server: Server, name: str) -> int:
    """The largest `VmHWM` (or `VmRSS`) of the server's processes, in KiB (proc(5))."""
    most = 0
    for pid in server.tree():
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(name):
                    most = max(most, int(line.split()[1]))
    return most


def forget_peak(server: Server) -> None:
    """Let `VmHWM` begin anew (proc(5), `clear_refs`)."""
    for pid in server.tree():
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def send(port: int, size: int, timeout: float) -> tuple[int, float]:
    """Send the form; the status of the answer, and how long it took."""
    fields = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(HEAD) + size + len(TAIL)),
    }
    request = Request("/upload", "POST", more=tuple(fields.items()))
    with socket.create_connection((HOST, port), timeout) as connection:
        began = time.perf_counter()
        connection.sendall(request.encode(port) + HEAD)
        for block in blocks(size):
            connection.sendall(block)
        connection.sendall(TAIL)
        reply = read_reply(connection, "POST")
        return reply.status, time.perf_counter() - began


def arrived(size: int, wanted: str) -> None:
    """Complain unless the one large file of the folder is what was sent; then take away all that is there."""
    folder = Path(os.environ["BENCH_FOLDER"], "uploads")
    files = [path for path in folder.rglob("*") if path.is_file()]
    try:
        largest = max(files, key=lambda path: path.stat().st_size, default=None)
        if largest is None:
            raise UploadWrong("no file lies in the folder")
        with largest.open("rb") as file:
            begin = file.read(len(HEAD))
            if begin != HEAD:  # the bare callable keeps the form around the file
                file.seek(0)
            known, left = hashlib.sha256(), size
            while left and (block := file.read(min(left, MIB))):
                known.update(block)
                left -= len(block)
            rest = file.read()
        if known.hexdigest() != wanted or rest not in (b"", TAIL):
            raise UploadWrong(f"{largest.name} has {largest.stat().st_size} bytes, and not those that were sent")
    finally:
        for path in files:
            path.unlink()


def upload_once(server: Server, size: int, wanted: str, timeout: float) -> Sent:
    """One upload, checked."""
    idle = peak_kib(server, "VmRSS")
    forget_peak(server)
    before = server.cpu_seconds()
    status, seconds = send(server.port, size, timeout)
    cpu = server.cpu_seconds() - before
    memory = peak_kib(server, "VmHWM") - idle
    if not 200 <= status < 400:
        raise UploadWrong(f"status is {status}")
    arrived(size, wanted)
    return Sent(seconds, cpu, memory / 1024)


def run(peers: Sequence[PagePeer], size: int, rounds: int, say: Say) -> Uploads:
    """All rounds, each peer on a server of its own, which has taken a small file before (so that it is idle, not new)."""
    uploads = Uploads(size)
    taking = [peer for peer in peers if "upload" in peer.does]
    small, large = digest(MIB), digest(size)
    timeout = 60 + size / (4 * MIB)
    with on_core(LOAD_CORE):
        for number in range(rounds):
            for peer in taking if number % 2 == 0 else reversed(taking):
                if peer.name in uploads.failures:
                    continue
                try:
                    with running(peer) as server:
                        upload_once(server, MIB, small, timeout)
                        uploads.found.setdefault(peer.name, []).append(upload_once(server, size, large, timeout))
                except (UploadWrong, ServerFailed, OSError, HTTPException) as error:
                    say(f"{peer.name}: upload: {error!r}")
                    uploads.failures[peer.name] = repr(error)
                    uploads.found.pop(peer.name, None)
            say(f"upload: round {number + 1} of {rounds}")
    return uploads
