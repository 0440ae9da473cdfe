"""`wholestack routes`, `explain`, `openapi`, `check`, `run`, `--version`: what they print, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import wholestack as package
from servers import serving

Write = Callable[[str, str], Path]

SHOP = '''
import asyncio
import contextlib
from collections.abc import Generator, Iterator
from typing import Annotated, Any

from pydantic import BaseModel, Field

from wholestack import App, Header, Query, Request, Response, Router, rule, wait

app = App(title="Shop", version="2.0", docs={docs})
events: list[str] = []


class Order(BaseModel):
    """An order."""

    name: str
    price: float = 1.0


class Clock:
    now = "noon"


class Session:
    """Of one request."""


def clock() -> Iterator[Clock]:
    print("clock opened")
    yield Clock()
    print("clock closed")


def session(clock: Clock) -> Iterator[Session]:
    yield Session()


app.provide(clock, scope="app")
app.provide(session)


@rule
def staff(key: Header[str]) -> bool:
    return key == "k"


@app.middleware
def timing(request: Request) -> Generator[None, Response, Response]:
    response = yield
    return response


orders = Router(needs=staff)


@orders.get("/{{id}}")
async def one(id: int, session: Session, page: Annotated[int, Field(ge=1)] = 1) -> Order:
    ...


@orders.post("/")
def add(order: Order) -> Order:
    ...


app.include(orders, at="/orders")


@app.get("/hosts", host="api.example.com") if False else app.get("/plain")
def plain() -> str:
    ...


def wsgi(environ: Any, start: Any) -> Any: ...


app.mount("/old", wsgi, interface="wsgi")
'''
COMMANDS = '''

@app.command
def greet(name: str, clock: Clock, times: int = 1, loud: bool = False) -> str:
    """Say hello.

    At length."""
    return f"Hello {name * times}{'!' if loud else ''} at {clock.now}"


@app.command
async def add_up(values: list[int], *, tags: list[str] = []) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"sum": sum(values), "tags": tags}


@app.command
def take(order: Order, exact: bool) -> None:
    print(order.price, exact)


@app.command
def waits() -> int:
    async def later() -> int:
        return 5
    return wait(later())


@app.command
def breaks() -> None:
    raise ValueError("broken command")


@app.command
def from_request(session: Session) -> None: ...
'''


@pytest.fixture
def shop(write: Write) -> None:
    write("app.py", SHOP.format(docs=False) + COMMANDS)


# -- routes ------------------------------------------------------------------------------------------------------


def test_routes_is_a_table(wholestack, shop: None) -> None:
    done = wholestack("routes")
    lines = done.out.splitlines()
    assert [line.split() for line in lines] == [
        ["METHODS", "PATH", "NAME", "COLOUR", "RULES", "WHERE"],
        ["GET", "/plain", "plain", "def", "-", lines[1].split()[-1]],
        ["GET", "/orders/{id}", "one", "async", "staff", lines[2].split()[-1]],
        ["POST", "/orders/", "add", "def", "staff", lines[3].split()[-1]],
        ["*", "/old/…", "mount", "-"],
    ]
    assert all(line.split()[-1].startswith("app.py:") for line in lines[1:4])
    assert {line.index("COLOUR") for line in lines[:1]} == {line.index("def") for line in lines[1:2]}


def test_routes_as_json(wholestack, shop: None) -> None:
    rows = json.loads(wholestack("routes", "--json").out)
    assert rows[1]["methods"] == ["GET"]
    assert rows[1]["rules"] == ["staff"]
    assert set(rows[1]) == {"methods", "path", "host", "name", "colour", "rules", "where", "hidden"}


# -- explain -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["GET /orders/3?page=2"],
        ["GET", "/orders/3"],
        ["/orders/3"],
        ["get", "/orders/{id}"],
        ["HEAD /orders/3"],
        ["app.py", "GET", "/orders/3"],
        ["app:app", "GET /orders/3"],
        [".", "/orders/3"],
    ],
    ids=" ".join,
)
def test_explain_shows_every_step(wholestack, shop: None, words: list[str]) -> None:
    done = wholestack("explain", *words)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[1].startswith("  → one  /orders/{id}  (app.py:")
    kinds = [line.split()[1] for line in lines if line[:3].strip().isdigit() and line.split()[1] != "with"]
    assert kinds == ["runs", "middleware", "check", "check", "check", "rule", "provide", "call", "answer", "resume"]
    table = [line.split() for line in lines[lines.index("from the request:") + 1 :]]
    assert ["id", "path", "'id'", "required", "for", "one"] in table
    assert ["page", "query", "'page'", "default", "1", "for", "one"] in table
    assert ["key", "header", "'key'", "required", "for", "staff"] in table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["DELETE /plain"], "Nothing answers DELETE /plain; GET, HEAD would be answered there."),
        (
            ["OPTIONS /plain"],
            "OPTIONS /plain is answered by the framework itself, with the methods that are there: GET, HEAD.",
        ),
        (["/nowhere"], "Nothing answers GET /nowhere. `wholestack routes` lists the 3 routes of this app."),
        (["/old/x"], "/old/x belongs to a mounted app, which answers by itself."),
        (["nix"], "Say what to explain: wholestack explain [APP] [METHOD] PATH"),
        (["a", "b", "GET", "/"], "'a b' is more than one app."),
    ],
)
def test_explain_of_what_is_not_there(wholestack, shop: None, words: list[str], message: str) -> None:
    done = wholestack("explain", *words)
    assert done.code == 2
    assert done.err.startswith(f"Error: {message}"), done.err


def test_explain_finds_routes_of_a_host(wholestack, write: Write) -> None:
    text = "from wholestack import App, Router\napp = App(docs=False)\nr = Router(host='{tenant}.example.com')\n"
    write(
        "app.py",
        text + "@r.get('/x/{n}')\ndef x(n: int) -> str: ...\napp.include(r)\n@app.get('/y')\ndef y() -> str: ...\n",
    )
    assert "→ x  /x/{n}" in wholestack("explain", "/x/3").out
    assert wholestack("explain", "/z").code == 2


# -- openapi -----------------------------------------------------------------------------------------------------


def test_openapi_is_the_same_every_time(wholestack, shop: None, tmp_path: Path) -> None:
    first = wholestack("openapi")
    assert first.code == 0
    document = json.loads(first.out)
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {"title": "Shop", "version": "2.0"}
    again = subprocess.run(
        [*serving.COMMAND, "openapi"], capture_output=True, env=serving.environment(PYTHONHASHSEED="7")
    )
    assert again.stdout.decode() == first.out
    done = wholestack("openapi", "-o", "api.json")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "api.json").read_text() == first.out
    assert (
        wholestack("openapi", "-o", "gone/api.json").err
        == "Error: gone/api.json cannot be written: No such file or directory.\n"
    )


# -- check -------------------------------------------------------------------------------------------------------


def test_check_says_that_all_is_well(wholestack, write: Write) -> None:
    guards = (
        'from wholestack.middleware import *\napp.use(AllowedHosts("example.org"), HTTPSOnly(), SecurityHeaders())\n'
    )
    write("app.py", SHOP.format(docs=False) + guards)
    done = wholestack("check", "--strict")
    assert done.code == 0, done.out
    assert done.out.startswith("3 routes are sealed, without a fault.\n")
    assert "With --server uvicorn:" in done.out


@pytest.mark.parametrize("server", ["uvicorn", "granian", "gunicorn", "hypercorn"])
def test_check_says_what_the_server_does_by_itself(wholestack, write: Write, server: str) -> None:
    write("app.py", SHOP.format(docs=False))
    _, _, facts = wholestack("check", "--server", server).out.partition(f"With --server {server}:\n")
    assert facts.startswith("  - ")


def test_check_lists_what_production_lacks(wholestack, write: Write) -> None:
    text = SHOP.format(docs=True).replace("App(", "App(checked=True, headers={'X-Frame-Options': None}, ", 1)
    write("app.py", text)
    done = wholestack("check")
    assert done.code == 0
    assert "checked=True" in done.out
    assert "/docs and /openapi.json can be read by everybody" in done.out
    assert "X-Frame-Options" in done.out
    assert wholestack("check", "--strict").code == 1


def test_check_fails_on_faults_of_plugins_and_commands(wholestack, write: Write) -> None:
    own = """
from wholestack.errors import Fault
from wholestack import Settings

class Mine(Settings):
    size: int = 1

app.settings = Mine()

@app.check
def mine(app: App, settings: Mine) -> Iterator[Fault]:
    if settings.size == 1:
        yield Fault("short-lived", "The size is small.", "app.py:1", "Make it larger.")

@app.check
def fine() -> None: ...
"""
    write("app.py", SHOP.format(docs=False) + COMMANDS + own)
    done = wholestack("check")
    assert done.code == 1
    assert "2 faults in this app:" in done.err
    assert "app.py:1: [short-lived] The size is small.\n    → Make it larger." in done.err
    assert "The command from-request asks for 'session', which belongs to a request." in done.err


def test_check_with_a_check_that_fails_itself(wholestack, write: Write) -> None:
    write("app.py", SHOP.format(docs=False) + "\n@app.check\ndef bad() -> None:\n    raise OSError('no disk')\n")
    done = wholestack("check")
    assert done.code == 1
    assert done.err.endswith("OSError: no disk\n")
    assert "cli/_check.py" not in done.err


# -- run ---------------------------------------------------------------------------------------------------------


def test_run_lists_the_commands(wholestack, shop: None) -> None:
    lines = wholestack("run", "app.py").out.splitlines()
    assert [line.split()[0] for line in lines] == ["add-up", "breaks", "from-request", "greet", "take", "waits"]
    assert lines[3].endswith("Say hello.")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["greet", "Ann"], "Hello Ann at noon\n"),
        (["greet", "Ann", "--times", "2", "--loud"], "Hello AnnAnn! at noon\n"),
        (["greet", "--no-loud", "Ann"], "Hello Ann at noon\n"),
        (
            ["add-up", "1", "2", "--tags", "a", "--tags", "b"],
            '{\n  "sum": 3,\n  "tags": [\n    "a",\n    "b"\n  ]\n}\n',
        ),
        (["take", '{"name": "x", "price": 2}', "--exact"], "2.0 True\n"),
        (["waits"], "5\n"),
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_run_calls_a_command(wholestack, shop: None, words: list[str], out: str) -> None:
    done = wholestack("run", "app.py", *words)
    assert (done.code, done.err) == (0, "")
    assert (
        done.out == f"clock opened\n{out.rstrip()}\nclock closed\n"
        if words[0] == "take"
        else "clock opened\nclock closed\n" + out
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["greet"], 2, "Missing argument 'NAME'."),
        (["greet", "Ann", "--times", "x"], 2, "times: Input should be a valid integer"),
        (["add-up", "a", "2", "b"], 2, "values: Input should be a valid integer"),
        (["take", "{}", "--exact"], 2, "order: Field required"),
        (["take", "{}"], 2, "order: Field required; say --exact or --no-exact"),
        (["gone"], 2, "The app has no command 'gone'. There are: add-up, breaks"),
        (["breaks"], 1, "ValueError: broken command"),
        (["from-request"], 1, "The command from-request asks for 'session', which belongs to a request."),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_run_says_what_is_wrong(wholestack, shop: None, words: list[str], code: int, message: str) -> None:
    done = wholestack("run", "app.py", *words)
    assert done.code == code
    assert message in done.err
    assert "cli/_run.py" not in done.err


def test_run_without_commands(wholestack, write: Write) -> None:
    write("app.py", SHOP.format(docs=False))
    assert "has no commands" in wholestack("run", "app.py").out
    assert "Mark a function with @app.command" in wholestack("run", "app.py", "x").err


def test_the_help_of_a_command_is_its_docstring(wholestack, shop: None) -> None:
    out = wholestack("run", "app.py", "greet", "--help").out
    assert "Usage: wholestack run app.py greet [OPTIONS] NAME" in out
    assert "At length." in out
    assert "default: 1" in out


# -- the whole ---------------------------------------------------------------------------------------------------


def test_version_and_help(wholestack) -> None:
    assert wholestack("--version").out == f"wholestack, version {package.__version__}\n"
    out = wholestack("--help").out
    for name in ["dev", "serve", "routes", "explain", "openapi", "check", "run"]:
        assert f"\n  {name} " in out


def test_python_m(tmp_path: Path) -> None:
    done = subprocess.run(
        [*serving.COMMAND, "--version"], capture_output=True, text=True, env=serving.environment(), cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, f"wholestack, version {package.__version__}\n")


def test_nothing_heavy_is_loaded_for_help() -> None:
    script = (
        "import sys; from wholestack.cli import main; sys.argv = ['wholestack', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
    )
    script += (
        "print(sorted({'uvicorn', 'granian', 'asyncio.runners', 'wholestack.openapi', 'httptools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=serving.environment())
    assert "uvicorn" not in done.stdout.splitlines()[-1]
    assert "wholestack.openapi" not in done.stdout.splitlines()[-1]
