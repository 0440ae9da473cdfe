"""`wholestack shell`: at a terminal, and with a script on standard input."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import serving

Write = Callable[[str, str], Path]

APP = """
import contextlib
from wholestack import App, Settings

class Shop(Settings):
    size: int = 3

_hidden = 1
prices = {"tea": 2}
app = App(Shop(), title="Shop", docs=False)

@app.lifespan
@contextlib.contextmanager
def life():
    print("started")
    yield
    print("stopped")

@app.get("/price/{name}")
def price(name: str) -> int:
    return prices[name]
"""


def run(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*serving.COMMAND, "shell", *words],
        cwd=folder,
        input=script,
        capture_output=True,
        text=True,
        env=serving.environment(),
        timeout=60,
    )


def test_the_app_its_client_its_settings_and_its_names(write: Write, tmp_path: Path) -> None:
    write("app.py", APP)
    script = (
        "def both():\n    return app.title, settings.size\n\n"
        'print(both(), prices)\nprint(client.get("/price/tea").json())\nprint("_hidden" in globals(), __name__)\n'
    )
    done = run(tmp_path, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["('Shop', 3) {'tea': 2}", "started", "2", "False __main__", "stopped"]


def test_an_error_ends_it(write: Write, tmp_path: Path) -> None:
    write("app.py", APP)
    done = run(tmp_path, 'x = 1\nclient.get("/price/coffee")\nprint("not reached")\n', "app.py")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "KeyError: 'coffee'"
    assert 'File "<stdin>", line 2' in done.stderr
    assert "app.py" in done.stderr
    assert "wholestack/cli" not in done.stderr
    assert "not reached" not in done.stdout
    assert run(tmp_path, "import sys; sys.exit(7)").returncode == 7
    assert "SyntaxError" in run(tmp_path, "x = = 1").stderr


def test_an_app_that_cannot_be_sealed(write: Write, tmp_path: Path) -> None:
    write("app.py", "from wholestack import App\napp = App()\n@app.get('/')\ndef home(x): ...\n")
    done = run(tmp_path, "print(1)")
    assert (done.returncode, done.stdout) == (1, "")
    assert "[no-type]" in done.stderr


def test_at_a_terminal(write: Write, tmp_path: Path) -> None:
    write("app.py", APP)
    said = talk(tmp_path, ["shell", "--plain"], ['client.get("/price/tea").json() + 40', "undefined", "exit()"])
    assert "Shop: 1 routes" in said
    assert "and: App, Settings, Shop, contextlib, life, price, prices" in said
    assert "\n42\r\n" in said
    assert "NameError" in said
    assert said.rstrip().endswith("stopped")


def test_ipython_where_it_is(write: Write, tmp_path: Path) -> None:
    """What is given to IPython: names and a greeting. A module of its name takes its place here."""
    write("app.py", APP)
    write(
        "IPython.py",
        "def start_ipython(argv, user_ns, config):\n"
        "    print(config.TerminalInteractiveShell.banner1, argv, 'prices' in user_ns)\n",
    )
    config = "import types\ndef Config():\n    return types.SimpleNamespace(TerminalInteractiveShell=types.SimpleNamespace())\n"
    write("traitlets/__init__.py", "")
    write("traitlets/config.py", config)
    said = talk(tmp_path, ["shell"], [])
    assert "Shop: 1 routes" in said
    assert "[] True" in said


def talk(folder: Path, words: list[str], lines: list[str]) -> str:
    """A conversation at a terminal: the next line when a prompt stands there; all that was said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*serving.COMMAND, *words],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=serving.environment(TERM="dumb"),
    )
    os.close(theirs)
    said, waiting, end = "", list(lines), time.monotonic() + 60
    try:
        with contextlib.suppress(OSError):  # The terminal's other end is closed when the process ends.
            while time.monotonic() < end and (more := os.read(ours, 4096)):
                said += more.decode()
                if said.endswith(">>> ") and waiting:
                    os.write(ours, (waiting.pop(0) + "\n").encode())
        process.wait(10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert waiting == [], said
    return said


@pytest.mark.parametrize("target", ["nothing.py", "app.py:gone"])
def test_a_wrong_target(write: Write, tmp_path: Path, target: str) -> None:
    write("app.py", APP)
    assert run(tmp_path, "", target).returncode == 2


def test_a_script_in_this_process(wholestack, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("app.py", APP)
    monkeypatch.setattr("sys.stdin", io.StringIO('print(client.get("/price/tea").json(), settings.size)'))
    done = wholestack("shell")
    assert (done.code, done.out.splitlines()[-1]) == (0, "2 3")
    monkeypatch.setattr("sys.stdin", io.StringIO("1 / 0"))
    assert wholestack("shell").err.splitlines()[-1] == "ZeroDivisionError: division by zero"
