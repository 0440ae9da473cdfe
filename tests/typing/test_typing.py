"""What type checkers must say of users' code: nothing of what is right, and something of each thing that is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOP = HERE.parent.parent
CASES = sorted(path.name for path in HERE.glob("*.py") if not path.name.startswith("test_"))


def mypy(path: Path) -> set[int]:
    """The lines with errors."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        str(TOP / ".mypy_cache"),
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP, env=_environment())
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    own = [line for line in done.stdout.splitlines() if ": error:" in line]
    elsewhere = [line for line in own if path.name not in line]
    assert not elsewhere, elsewhere
    return {int(match[1]) for line in own if (match := re.match(r"[^:]+:(\d+):", line))}


def pyright(path: Path) -> set[int]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP, env=_environment())
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "MYPYPATH": str(TOP / "src"), "PYTHONPATH": str(TOP / "src")}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_what_checkers_say(checker: object, name: str) -> None:
    path = HERE / name
    pytest.importorskip("mypy")
    expected = {number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}
    found = checker(path)  # type: ignore[operator]
    assert sorted(found - expected) == [], "errors where there should be none"
    assert sorted(expected - found) == [], "no error where there should be one"


def test_the_right_code_runs() -> None:
    """Code that checkers take is no use if it does not work."""
    done = subprocess.run([sys.executable, str(HERE / "good.py")], capture_output=True, text=True, env=_environment())
    assert done.returncode == 0, done.stderr
