"""`wholestack new`: what it writes is checked, tested and served; nothing that is there is touched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import serving
from servers.serving import Serving, until

Write = Callable[[str, str], Path]


def run(folder: Path, *words: str, **more: str) -> str:
    """A program in a folder, which must end well; what it said."""
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, env=serving.environment(**more), timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def commands(out: str) -> list[str]:
    """The commands that it says to type."""
    return re.findall(r"^  (\S.*)$", out, re.MULTILINE)


def followed(folder: Path, lines: list[str]) -> tuple[Path, list[str]]:
    """Where the `cd` among the commands leads to, and the words of the one that serves."""
    for line in lines:
        words = line.split()
        if words[0] == "cd":
            folder = folder / words[1]
        elif words[:2] == ["wholestack", "dev"]:
            return folder, words[1:]
    raise AssertionError(lines)


def test_a_single_file(wholestack, tmp_path: Path) -> None:
    done = wholestack("new", "hello.py")
    assert (done.code, done.err) == (0, "")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["hello.py", "test_hello.py"]
    assert commands(done.out) == ["wholestack dev hello.py", "wholestack test"]
    run(tmp_path, sys.executable, "-m", "mypy", "--strict", ".")
    run(tmp_path, sys.executable, "-m", "ruff", "check", ".")
    run(tmp_path, sys.executable, "-m", "ruff", "format", "--check", ".")
    assert "2 passed" in run(tmp_path, *serving.COMMAND, "test", "-q")
    with Serving("dev", "hello.py", "--port", "0", cwd=tmp_path) as server:
        server.ready()
        until(lambda: server.ask("/hello/ada").text == "Hello, ada!")


@pytest.mark.parametrize("name", ["shop", "my-shop2"])
def test_a_project(wholestack, tmp_path: Path, name: str) -> None:
    done = wholestack("new", name)
    assert (done.code, done.err) == (0, "")
    package = name.replace("-", "_")
    assert commands(done.out) == [f"cd {name}", f"wholestack dev {package}"]
    folder, words = followed(tmp_path, commands(done.out))
    # Its own check, by its own scripts, with this interpreter in place of an environment that they would make.
    said = run(folder, ".ci/run", PYTHON=sys.executable)
    assert "Success: no issues found" in said
    assert re.search(r"\b7 passed", said)
    assert "6 of 6 statuses and errors were reached: 100 %." in said
    run(folder, sys.executable, "-m", "mypy", "--strict", package, "tests")
    with Serving(*words, "--port", "0", cwd=folder) as server:
        server.ready()
        until(lambda: server.ask("/health").json() == {"status": "ok"})
        assert server.ask("/notes").json() == []


def test_its_checks_can_fail(wholestack, tmp_path: Path) -> None:
    """A route that no test asks, and a type that is wrong, are found by the generated scripts."""
    wholestack("new", "shop")
    app = tmp_path / "shop" / "shop" / "app.py"
    app.write_text(
        app.read_text() + '\n\n@app.get("/untested")\ndef untested() -> int:\n    """One."""\n    return 1\n'
    )
    done = subprocess.run(
        ["scripts/check"],
        cwd=tmp_path / "shop",
        capture_output=True,
        text=True,
        env=serving.environment(PYTHON=sys.executable),
        timeout=300,
    )
    assert done.returncode == 1
    assert "GET /untested  never asked  (shop/app.py:19)" in done.stdout
    app.write_text(app.read_text().replace("return 1", 'return "1"'))
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=tmp_path / "shop", capture_output=True, text=True)
    assert 'expected "int"' in done.stdout


def test_no_host_is_named_and_every_script_can_be_run(wholestack, tmp_path: Path) -> None:
    wholestack("new", "shop")
    files = [each for each in (tmp_path / "shop").rglob("*") if each.is_file()]
    for file in files:
        text = file.read_text()
        assert "://" not in text, file
        assert "{{" not in text, file
        assert os.access(file, os.X_OK) == text.startswith("#!"), file
    names = {each.relative_to(tmp_path / "shop").as_posix() for each in files}
    assert {"README.md", ".gitignore", ".ci/run", "scripts/setup", "scripts/check", "pyproject.toml"} < names
    readme = (tmp_path / "shop" / "README.md").read_text()
    assert [name for name in re.findall(r"`((?:shop|scripts|\.ci)/\w+(?:\.py)?)`", readme) if name not in names] == []


def test_settings_are_read(wholestack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wholestack("new", "shop")
    monkeypatch.chdir(tmp_path / "shop")
    assert wholestack("check", "shop").code == 0
    monkeypatch.setenv("SHOP_MOST_NOTES", "many")
    for name in [each for each in sys.modules if each.split(".")[0] == "shop"]:
        del sys.modules[name]
    assert "SHOP_MOST_NOTES is wrong" in wholestack("check", "shop").err


def test_in_this_folder(wholestack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    done = wholestack("new", ".")
    assert done.code == 0
    assert commands(done.out) == ["wholestack dev shop"]
    assert (tmp_path / "shop" / "shop" / "app.py").is_file()


def test_a_file_elsewhere(wholestack, tmp_path: Path) -> None:
    done = wholestack("new", "a/b/hello.py")
    assert commands(done.out) == ["wholestack dev a/b/hello.py", "wholestack test a/b"]
    assert "2 passed" in run(tmp_path, *serving.COMMAND, "test", "a/b", "-q")


@pytest.mark.parametrize(
    ("name", "there", "says"),
    [
        ("shop", "shop/notes.txt", "The folder 'shop' is not empty, and nothing is overwritten."),
        ("hello.py", "hello.py", "hello.py is there already, and nothing is overwritten."),
        ("hello.py", "test_hello.py", "test_hello.py is there already, and nothing is overwritten."),
        ("shop", "shop", "'shop' is a file, and nothing is overwritten."),
        ("json.py", "", "'json' would hide Python's own module 'json'. Take another name, such as my_json."),
        ("email", "", "'email' would hide Python's own module 'email'."),
        ("pydantic", "", "'pydantic' would hide the module 'pydantic' that is there."),
        ("tests", "", "'tests' would hide the module 'tests' that is there."),
        ("3d", "", "'3d' is no name for an app. Take letters, digits,"),
        ("class", "", "'class' is no name for an app."),
        ("my shop", "", "'my shop' is no name for an app."),
        ("shop.app", "", "'shop.app' is no name for an app."),
    ],
)
def test_nothing_is_touched(wholestack, write: Write, tmp_path: Path, name: str, there: str, says: str) -> None:
    if there:
        write(there, "mine")
    done = wholestack("new", name)
    assert done.err.startswith(f"Error: {says}"), done.err
    assert done.code == 2
    assert done.out == ""
    assert [each.read_text() for each in tmp_path.rglob("*") if each.is_file()] == (["mine"] if there else [])
