"""All rows of a table as one answer, in bounded memory: from a cursor of the server, chunk by chunk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from house.source import TOP

SCRIPT = Path(__file__).parent / "crud_export.py"
MOST = 40_000_000
"""Bytes that the process may grow; 100,000 rows as objects are some 150 MB, a million ten times that."""

SOME = {"sqlite": ["/def/lines"], "postgresql": ["/async/csv", "/def/copy"], "mariadb": ["/async/lines"]}
"""What is asked in the short form; the long one asks all, of ten times as many rows."""


def exported(url: str, count: int, *paths: str) -> list[dict[str, Any]]:
    """What the answers at these paths came to, in a process of their own."""
    environment = os.environ | {"PYTHONPATH": f"{TOP / 'src'}:{TOP / 'tests'}"}
    command = [sys.executable, str(SCRIPT), url, str(count), *paths]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TOP)
    assert done.returncode == 0, done.stderr[-3000:]
    return list(json.loads(done.stdout))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process holds itself")
def test_all_rows_in_bounded_memory(url: str, kind: str, long: bool) -> None:
    count = 1_000_000 if long else 100_000
    paths = [f"/{colour}/{form}" for form in ("lines", "csv") for colour in ("def", "async")]
    paths += ["/def/copy", "/async/copy"] if kind == "postgresql" else []
    paths = paths if long else SOME[kind]
    for path, told in zip(paths, exported(url, count, *paths), strict=True):
        head = 0 if path.endswith("lines") else 1
        assert (told["status"], told["lines"]) == (200, count + head), path
        assert str(count - 1) in told["last"]
        assert told["bytes"] > 100 * count
        assert told["largest"] < 1_000_000, path
        assert told["messages"] > 100, path
        assert told["grown"] < MOST, (path, told["grown"])
