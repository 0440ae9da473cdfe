"""docs/features.md is true: each row names a test, and the function it rests on; without the function the test fails.

A row of a table there ends in two cells, as code: the test's `path::name`, and `module:qualified.name`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from house import breaker
from house.source import TOP, Module

PAGE = TOP / "docs" / "features.md"
CELLS = re.compile(r"^\|\s*(?P<feature>.+?)\s*\|\s*`(?P<test>[^`]+)`\s*\|\s*`(?P<function>[^`]+)`\s*\|\s*$")


@dataclass(frozen=True)
class Row:
    feature: str
    test: str
    function: str


def rows(text: str) -> tuple[list[Row], list[str]]:
    """The rows of the tables, and those lines of a table that are not one."""
    found, odd = [], []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        ahead = lines[index + 1] if index + 1 < len(lines) else ""
        if not line.startswith("|") or re.fullmatch(r"[|\s:-]+", line) or re.fullmatch(r"\|[|\s:-]+", ahead):
            continue  # not of a table, or its head
        if cells := CELLS.match(line):
            found.append(Row(cells["feature"], cells["test"], cells["function"]))
        else:
            odd.append(line)
    return found, odd


ROWS, ODD = rows(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else ([], [])


def test_the_page_is_there_and_every_row_is_whole() -> None:
    assert ROWS, "docs/features.md has no row"
    assert ODD == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature[:60])
def test_a_feature_names_its_test_and_its_function(row: Row) -> None:
    path, _, name = row.test.partition("::")
    assert (TOP / path).is_file(), path
    tests = [qualified.replace(".", "::") for qualified, _ in Module(TOP / path).functions]
    assert name.partition("[")[0] in tests
    breaker.function(row.function)  # raises where there is no such function


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature[:60])
def test_a_feature_falls_with_its_function(row: Row) -> None:
    output, code = run_broken(row.test, row.function)
    assert code == 1 or (code in {2, 4} and breaker.MESSAGE in output), f"still passes (exit {code}):\n{output[-3000:]}"


def run_broken(test: str, function: str) -> tuple[str, int]:
    """Run one test with one function broken: what pytest said, and its exit code (1: failed; 2, 4: not collected)."""
    environment = os.environ | {"PYTHONPATH": str(TOP / "tests"), "BREAK": function}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        *(["--long"] if test.startswith("tests/") else []),  # an option of tests/conftest.py
        "-p",
        "house.breaker",
        "-p",
        "no:cacheprovider",
        "--timeout=100",  # What waits for ever without the function has fallen, too.
        test,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TOP, timeout=300)
    return done.stdout + done.stderr, done.returncode


def test_the_table_itself() -> None:
    head = "| feature | test | rests on |\n|---|---|---|\n"
    text = head + "| Headers | `tests/a.py::b` | `wholestack.http:Headers.get` |\n| odd | x |"
    assert rows(text) == ([Row("Headers", "tests/a.py::b", "wholestack.http:Headers.get")], ["| odd | x |"])


def test_breaking_breaks(tmp_path: Path) -> None:
    """A function is broken however it is reached, and a test that does not need it passes."""
    (tmp_path / "sample_broken.py").write_text(
        "def outer():\n    held = 1\n    def inner(a, b=2):\n        return held\n    return inner\n"
        "kept = outer()\n\n\nclass A:\n    @classmethod\n    def f(cls):\n        return 1\n"
        "    @property\n    def p(self):\n        return 1\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import sample_broken  # type: ignore[import-not-found]

        bound = [lambda held=sample_broken.kept: held(1), sample_broken.A.f, lambda: sample_broken.A().p]
        for call, name in zip(bound, ["kept", "A.f", "A.p"], strict=True):
            assert call() == 1
            breaker.break_it(f"sample_broken:{name}")
            with pytest.raises(RuntimeError, match=breaker.MESSAGE):
                call()
    finally:
        sys.path.remove(str(tmp_path))
