"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

APP = """
from wholestack import App

app = App(docs=False)

@app.lifespan
def life():
    import contextlib

    @contextlib.contextmanager
    def noted():
        print("started")
        yield
        print("stopped")

    return noted()

@app.get("/")
def index() -> str:
    return "NAME"
"""

CONFTEST = """
import pytest
from shop import app as the_app

@pytest.fixture
def app():
    return the_app
"""

TEST = """
import asyncio

def test_client(client):
    assert client.get("/").expect(200).text == "NAME"

def test_async_client(async_client):
    async def ask():
        return (await async_client.get("/")).text

    assert asyncio.run(ask()) == "NAME"
"""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder of a project, with its own ini file."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    return tmp_path


def run(top: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=top, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_the_fixture_app(top: Path) -> None:
    (top / "shop.py").write_text(APP.replace("NAME", "shop"))
    (top / "conftest.py").write_text(CONFTEST)
    (top / "test_shop.py").write_text(TEST.replace("NAME", "shop"))
    code, out = run(top)
    assert (code, out.count("started"), out.count("stopped")) == (0, 2, 2), out


def test_the_option(top: Path) -> None:
    (top / "web").mkdir()
    (top / "web" / "shop.py").write_text(APP.replace("NAME", "shop"))
    (top / "test_shop.py").write_text(TEST.replace("NAME", "shop"))
    code, out = run(top, "--wholestack-app", "web/shop.py")
    assert code == 0, out
    code, out = run(top, "--wholestack-app", "web/shop.py:app")
    assert code == 0, out


def test_the_ini_file_and_an_app_in_a_package(top: Path) -> None:
    (top / "shop" / "web").mkdir(parents=True)
    for package in [top / "shop", top / "shop" / "web"]:
        (package / "__init__.py").touch()
    (top / "shop" / "web" / "main.py").write_text(APP.replace("NAME", "shop").replace("app", "application"))
    (top / "pytest.ini").write_text("[pytest]\nwholestack_app = shop/web/main.py\n")
    (top / "test_shop.py").write_text(TEST.replace("NAME", "shop") + "\nfrom shop.web.main import application\n")
    code, out = run(top)
    assert code == 0, out


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("", "has no app"),
        ("missing.py", "There is no file"),
        ("empty.py", "empty.py has no app"),
        ("two.py", "two.py has several apps. Name one: two:one, two:two."),
        ("two.py:three", "two.py has no 'three'. It has the app one, two."),
        ("broken.py", "ZeroDivisionError"),
    ],
)
def test_what_it_says_without_an_app(top: Path, argument: str, says: str) -> None:
    (top / "empty.py").touch()
    (top / "broken.py").write_text("1 / 0")
    (top / "two.py").write_text("from wholestack import App\none, two = App(), App()\n")
    (top / "test_shop.py").write_text(TEST)
    code, out = run(top, *(["--wholestack-app", argument] if argument else []))
    assert code != 0
    assert says in out
    assert "def app():" in out


def test_a_function_makes_one_app_for_all(top: Path) -> None:
    """As for every command of the command line; the file's module is the one that tests import."""
    (top / "shop.py").write_text(
        "from wholestack import App\nmade = []\ndef create():\n    app = App(docs=False)\n    made.append(app)\n"
        "    app.get('/')(lambda: len(made))\n    return app\n"
    )
    (top / "test_shop.py").write_text(
        "import shop\ndef test_one(client):\n    assert client.get('/').text == '1'\n"
        "def test_two(client):\n    assert client.app is shop.made[0]\n    assert len(shop.made) == 1\n"
    )
    code, out = run(top, "--wholestack-app", "shop.py")
    assert (code, "2 passed" in out) == (0, True), out


def test_a_fault_in_the_fixture_is_shown(top: Path) -> None:
    (top / "conftest.py").write_text("import pytest\n\n@pytest.fixture\ndef app(nothing):\n    return 1\n")
    (top / "test_shop.py").write_text(TEST)
    code, out = run(top)
    assert code != 0
    assert "fixture 'nothing' not found" in out


def test_it_is_cheap_to_load() -> None:
    code = (
        "import sys, _wholestack_pytest; print([name for name in sys.modules if name[:8] in ('pydantic', 'wholesta')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


LIVES = """
import asyncio
import contextlib
import gc

import pytest

from wholestack import App
from wholestack.testing import AsyncClient, Client

noted = []


def app_called(name):
    app = App(docs=False)

    @app.lifespan
    @contextlib.contextmanager
    def life():
        noted.append(f"{name} started")
        yield
        noted.append(f"{name} stopped")

    app.get("/")(lambda: name)
    return app


shared = Client(app_called("shared"))


@pytest.fixture(scope="module")
def wide():
    return Client(app_called("wide"))


def loops():
    gc.collect()
    return sum(isinstance(each, asyncio.BaseEventLoop) and not each.is_closed() for each in gc.get_objects())


@pytest.mark.parametrize("interface", ["asgi", "rsgi", "wsgi"])
def test_one(interface, wide):
    shared.get("/"), wide.get("/")
    Client(app_called(interface), interface=interface).get("/").expect(200)
    Client(app_called("idle"))
    with Client(app_called("held")) as held:
        held.get("/")


def test_then(wide):
    shared.get("/"), wide.get("/")
    # What was made before a test goes on after it; what was made in a test has ended with it.
    assert noted[:2] == ["shared started", "wide started"]
    assert noted[2:] == [
        f"{each} {how}" for name in ("asgi", "rsgi", "wsgi")
        for each, how in ((name, "started"), ("held", "started"), ("held", "stopped"), (name, "stopped"))
    ]
    assert loops() <= 3  # The shared one's, the wide one's, and the background's.


def test_async():
    async def ask():
        await AsyncClient(app_called("async")).get("/")

    asyncio.run(ask())
    assert noted[-1] == "async stopped"


def test_a_stop_that_fails():
    app = App(docs=False)

    @app.lifespan
    @contextlib.contextmanager
    def life():
        yield
        raise OSError("it cannot stop")

    Client(app).get("/")
"""


def test_lives_of_a_test_end_with_it(top: Path) -> None:
    (top / "test_lives.py").write_text(LIVES)
    code, out = run(top, "-rf")
    assert code == 1
    assert "OSError: it cannot stop" in out
    assert "FAILED test_lives.py::test_a_stop_that_fails" in out
    assert "1 failed, 5 passed" in out, out
