"""What the figures were taken on: the machine, the interpreter, the versions of everything that took part."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.cores import CORES
from harness.peers import HERE, PYTHON

TOOLS = ("uvicorn", "httptools", "uvloop", "granian", "gunicorn", "pydantic", "msgspec", "orjson")
ASK = """
import importlib.metadata, json, platform, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found[name] = "not installed"
print(json.dumps([platform.python_implementation() + " " + platform.python_version(), found]))
"""


@dataclass(frozen=True)
class Machine:
    """One machine at one time."""

    date: str
    processor: str
    system: str
    python: str
    versions: dict[str, str]
    load_generator: str
    load_average: float


def processor() -> str:
    """Its name, as Linux tells it."""
    cores = f"{os.cpu_count()} cores"
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {cores}, {len(CORES)} usable"
    except OSError:
        pass
    return f"{platform.processor() or platform.machine()}, {cores}"


def wrk_version() -> str:
    """The first line of `wrk --version`."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return "wrk is not installed"
    asked = subprocess.run([wrk, "--version"], capture_output=True, text=True, timeout=10)
    return (asked.stdout or asked.stderr).partition("\n")[0].partition(" Copyright")[0]


def look(distributions: Iterable[str]) -> Machine:
    """Look at the machine, and at the interpreter the peers run on."""
    names = sorted({*distributions, *TOOLS} - {"", "wholestack"})
    asked = subprocess.run([PYTHON, "-c", ASK, *names], capture_output=True, text=True, timeout=60, check=True)
    python, versions = json.loads(asked.stdout)
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        processor=processor(),
        system=f"{platform.system()} {platform.release()}",
        python=python,
        versions={"wholestack": commit(), **versions},
        load_generator=wrk_version(),
        load_average=os.getloadavg()[0],
    )


def commit() -> str:
    """Which state of this project was measured."""
    git = shutil.which("git")
    if git is None:
        return "this checkout"
    asked = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, timeout=10
    )
    return asked.stdout.strip() or "this checkout"
