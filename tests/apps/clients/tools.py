"""Programs that tests run and that are no part of the project, installed once from their locks."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[2]
TOOLS = TOP / ".venv-clients"
"""Outside of the project's own environment: what generators pin is theirs."""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def installed(name: str, sources: list[Path], install: Callable[[], object]) -> None:
    """Install once for what these files say; one process at a time."""
    TOOLS.mkdir(exist_ok=True)
    stamp = TOOLS / f"{name}.stamp"
    wanted = hashlib.sha256(b"".join(each.read_bytes() for each in sources) + str(TOP).encode()).hexdigest()
    with (TOOLS / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            install()
            stamp.write_text(wanted)


def with_node_modules() -> Path:
    """The folder with `node_modules`, made from the committed lock."""
    place = TOOLS / "node"
    sources = [HERE / name for name in (".npmrc", "package.json", "package-lock.json")]

    def install() -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for each in sources:
            shutil.copy(each, place)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=place)

    installed("node", sources, install)
    return place
