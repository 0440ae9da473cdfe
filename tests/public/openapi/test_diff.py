"""`wholestack openapi --diff`: the words, the JSON and the exit codes that CI goes by."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

APP = """
from wholestack import App

app = App(title="Notes")


@app.get("/notes")
def list_notes({parameters}) -> {answer}:
    return []
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wholestack", "openapi", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document of the app before any change."""
    folder = tmp_path_factory.mktemp("old")
    (folder / "app.py").write_text(APP.format(parameters="done: bool = False", answer="list[str]"))
    done = called(folder)
    assert done.returncode == 0
    return done.stdout


@pytest.fixture
def run(tmp_path: Path, old: str) -> Run:
    (tmp_path / "app.py").write_text(APP.format(parameters="done: bool = False", answer="list[str]"))
    (tmp_path / "old.json").write_text(old)
    return functools.partial(called, tmp_path)


def test_nothing_breaks(run: Run, tmp_path: Path) -> None:
    same = run("--diff", "old.json")
    assert (same.returncode, same.stdout) == (0, "No change breaks clients.\n")
    (tmp_path / "app.py").write_text(APP.format(parameters="done: bool = False, page: int = 1", answer="list[str]"))
    done = run("app.py", "--diff", "old.json")
    assert (done.returncode, done.stdout) == (0, "No change breaks clients. 1 change does not. --all shows them.\n")
    assert run("--diff", "old.json", "--all").stdout == (
        "fine    parameter-added  /paths/~1notes/get/parameters/1\n"
        "        The query parameter `page` is new, and optional. (GET /notes)\n"
        "No change breaks clients. 1 change does not.\n"
    )


def test_something_breaks(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.format(parameters="", answer="list[int]"))
    done = run("--diff", "old.json")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "breaks  parameter-removed  /paths/~1notes/get/parameters/0\n"
        "        The query parameter `done` is not read any more. (GET /notes)\n"
    )
    assert done.stdout.endswith("\n2 changes break clients. 3 changes do not. --all shows them.\n")
    assert run("-o", "new.json").returncode == 0
    from_file = run("new.json", "--diff", "old.json", "--json")
    assert from_file.returncode == 1
    assert [(each["kind"], each["breaks"], each["operations"]) for each in json.loads(from_file.stdout)] == [
        ("parameter-removed", True, ["GET /notes"]),
        ("type-changed", True, ["GET /notes"]),
    ]
    assert len(json.loads(run("new.json", "--diff", "old.json", "--json", "--all").stdout)) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--diff", "gone.json"), "gone.json cannot be read: No such file"),
        (("--diff", "app.py"), "app.py is not JSON."),
        (("--diff", "list.json"), "The old document is not OpenAPI 3.1."),
        (("list.json", "--diff", "old.json"), "The new document is not OpenAPI 3.1."),
        (("gone.py", "--diff", "old.json"), "There is no file 'gone.py'."),
        (("broken.py", "--diff", "old.json"), "ZeroDivisionError"),
        (("--json",), "--json and --all say how to show what --diff finds."),
    ],
)
def test_what_cannot_be_read_is_no_verdict(run: Run, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.py").write_text("1 / 0")
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
