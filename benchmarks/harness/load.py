"""The load generator: one `wrk`, on its own core, sending one request again and again."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.cores import LOAD_CORE, on_core
from harness.wire import HOST, Request

SCRIPT = Path(__file__).with_name("exact.lua")


class LoadFailed(Exception):
    """The load could not be made, or came back with errors."""


@dataclass(frozen=True)
class Load:
    """What one run of `wrk` counted; the latencies are in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def run(port: int, request: Request, connections: int, seconds: int, *, refused: bool = False) -> Load:
    """Send `request` over `connections` for `seconds`; a broken connection is a fault.

    So is an error's status, unless the request is one to be `refused`: then any other status is.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LoadFailed("wrk is not installed (Debian, Ubuntu: apt-get install wrk; macOS: brew install wrk)")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT)]
    with tempfile.NamedTemporaryFile(suffix=".http") as file, on_core(LOAD_CORE):
        file.write(request.encode(port))
        file.flush()
        done = subprocess.run(
            [*command, f"http://{HOST}:{port}{request.path}"],
            env=os.environ | {"BENCH_REQUEST": file.name},
            capture_output=True,
            text=True,
            timeout=seconds + 30,
        )
    return read(done.stdout, done.stderr, refused=refused)


def read(output: str, complaint: str, *, refused: bool = False) -> Load:
    """The last line of `exact.lua`."""
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise LoadFailed(f"wrk printed no count: {complaint.strip() or output.strip()}"[:300])
    counted = json.loads(lines[-1])
    if not counted["requests"]:
        raise LoadFailed("not one answer within the time")
    if counted["refused"] != (counted["requests"] if refused else 0) or counted["broken"]:
        raise LoadFailed(
            f"of {counted['requests']} answers {counted['refused']} were errors, {counted['broken']} connections broke"
        )
    return Load(counted["requests"], counted["seconds"], counted["p50"], counted["p99"])
