"""What a test needs of the machine: skipped with its reason where it is missing, failed where services are required."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import TOP

SAMPLE = """
import pytest

@pytest.mark.services("wrk")
def test_marked(): pass

def test_asked(service): service("wrk")

@pytest.mark.long
def test_long(long): assert long
"""


@pytest.mark.parametrize(
    ("required", "arguments", "expected"),
    [("", [], "3 skipped"), ("1", [], "1 failed, 1 skipped, .*1 error"), ("", ["--long"], "1 passed, 2 skipped")],
)
def test_a_missing_service(tmp_path: Path, required: str, arguments: list[str], expected: str) -> None:
    shutil.copy(TOP / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(TOP / "tests"), "WHOLESTACK_REQUIRE_SERVICES": required}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("HOME", "LANG", "LC_"))}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *arguments, "test_sample.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert re.search(expected, done.stdout), done.stdout + done.stderr
    assert required or "wrk is not on this machine" in done.stdout
