"""`wholestack dev`: restart on save, errors as a page, breakpoints, this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import serving, wire
from servers.serving import Serving, until
from terminals import Terminal

GOOD = """
import os
from wholestack import App

app = App()


@app.get("/")
async def home() -> str:
    return "first"


@app.get("/wrong")
async def wrong() -> int:
    return "text"


@app.get("/die")
async def die() -> None:
    os._exit(3)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(GOOD)
    return path


@pytest.fixture
def dev(file: Path) -> Iterator[Serving]:
    with Serving("dev", "--port", "0", cwd=file.parent) as server:
        server.ready()
        server.said("Ready")
        yield server


def shows(server: Serving, text: str, path: str = "/", status: int = 200, seconds: float = 15) -> wire.Answer:
    """Wait until the path answers so; every connection on the way must be taken."""

    def there() -> wire.Answer | None:
        answer = server.ask(path)
        return answer if answer.status == status and text in answer.text else None

    return until(there, seconds, text)  # type: ignore[no-any-return]


def test_a_save_restarts_it(dev: Serving, file: Path) -> None:
    assert dev.ask("/").body == b"first"
    dev.said("GET / 200  request_id=")
    file.write_text(GOOD.replace("first", "second"))
    shows(dev, "second")
    dev.said("Changed: app.py")
    temporary = file.with_suffix(".new")
    temporary.write_text(GOOD.replace("first", "third"))
    temporary.rename(file)  # as many editors save
    shows(dev, "third")


def test_without_watchfiles_it_looks_by_itself(file: Path, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "watchfiles.py").write_text("raise ImportError\n")
    more = f"{tmp_path / 'hidden'}{os.pathsep}{serving.environment()['PYTHONPATH']}"
    with Serving("dev", "--port", "0", cwd=file.parent, environment={"PYTHONPATH": more}) as server:
        shows(server.ready(), "first")
        file.write_text(GOOD.replace("first", "second"))
        shows(server, "second")


def test_the_port_is_open_all_the_time(dev: Serving, file: Path) -> None:
    with serving.Load(dev.port, 2, keep=False, pause=0.01) as load:
        for number in range(2):
            file.write_text(GOOD.replace("first", f"number {number}"))
            shows(dev, f"number {number}")
    assert load.failed == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def\n", "SyntaxError"),
        ("import nowhere_at_all\n", "No module named 'nowhere_at_all'"),
        ("from wholestack import App\napp = App()\n@app.get('/')\ndef f(x): ...\n", "no-type"),
        ("from wholestack import App\napp = App()\n@app.lifespan\ndef f():\n    raise OSError('<away>')\n", "<away>"),
        ("x = 1\n", "has no app"),
        ("raise SystemExit('<no>')\n", "<no>"),
    ],
    ids=["raises", "syntax", "import", "sealing", "lifespan", "no app", "exit"],
)
def test_an_error_is_a_page_until_it_is_mended(dev: Serving, file: Path, broken: str, message: str) -> None:
    file.write_text(broken)
    answer = shows(dev, message, "/any/path", 500)
    assert answer["content-type"] == "text/plain; charset=utf-8"
    assert answer["cache-control"] == "no-store"
    assert answer["content-security-policy"].startswith("default-src 'none'; ")
    assert (answer["x-content-type-options"], answer["x-frame-options"]) == ("nosniff", "DENY")
    assert "wholestack/cli" not in answer.text
    page = dev.ask("/", headers=[("accept", "text/html")])
    assert (page.status, page["content-type"]) == (500, "text/html; charset=utf-8")
    assert message.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;") in page.text
    dev.said(message)
    dev.said("until a file is saved")
    file.write_text(GOOD)
    shows(dev, "first")


def test_it_starts_with_an_error_as_well(file: Path) -> None:
    file.write_text("1 / 0\n")
    with Serving("dev", "--port", "0", cwd=file.parent) as server:
        server.ready()
        shows(server, "ZeroDivisionError", status=500)
        file.write_text(GOOD)
        shows(server, "first")


def test_a_process_that_ends_by_itself_is_told(dev: Serving, file: Path) -> None:
    with pytest.raises(wire.Gone):
        dev.ask("/die")
    shows(dev, "ended by itself, with exit code 3", status=500)
    file.write_text(GOOD)
    shows(dev, "first")


def test_answers_are_checked(dev: Serving) -> None:
    answer = dev.ask("/wrong")
    assert (answer.status, answer.code) == (500, "internal-error")
    dev.said("AnswerMismatch")


def test_what_is_imported_from_elsewhere_is_watched(tmp_path: Path) -> None:
    near, far, named = tmp_path / "near", tmp_path / "far", tmp_path / "named"
    for each in (near, far, named):
        each.mkdir()
    (far / "words.py").write_text("WORD = 'old'\n")
    (near / "app.py").write_text(GOOD.replace('"first"', "words.WORD").replace("import os", "import os, words"))
    (named / "any.html").write_text("")
    words = ["dev", "app.py", "--port", "0", "--watch", str(named)]
    more = f"{far}{os.pathsep}{serving.environment()['PYTHONPATH']}"
    with Serving(*words, cwd=near, environment={"PYTHONPATH": more}) as server:
        shows(server.ready(), "old")
        (far / "words.py").write_text("WORD = 'fresh'\n")
        shows(server, "fresh")
        (named / "config.toml").write_text("")
        server.said("config.toml")


def test_only_this_machine_can_reach_it(dev: Serving) -> None:
    assert dev.address.startswith("http://127.0.0.1:")
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    lines = [line for line in listening.splitlines() if f":{dev.port:04X} " in line and " 0A " in line]
    assert len(lines) == 1
    assert "0100007F:" in lines[0]
    with Serving("dev", "--host", "0.0.0.0") as server:
        assert server.ended()[0] == 2
    assert "No such option" in server.output
    assert "--host" in server.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once(dev: Serving, number: int) -> None:
    with wire.Connection(dev.port) as connection:
        connection.ask("/")
        children = dev.pids()
        code, taken = dev.stop(number)
    assert code == 0
    assert taken <= 1.5 * serving.pace()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


# -- breakpoints -------------------------------------------------------------------------------------------------

PAUSED = """
from wholestack import App, Limits
app = App(limits=Limits(timeout=1))

@app.get("/async")
async def one(n: int = 1) -> int:
    breakpoint()
    return n

@app.get("/def")
def two(n: int = 1) -> int:
    breakpoint()
    return n
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "app.py").write_text(PAUSED)
    made = Terminal("dev", "--port", "0", cwd=tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("colour", ["async", "def"])
def test_breakpoint_works(terminal: Terminal, colour: str) -> None:
    terminal.shows("Ready.")
    port = int(terminal.screen.partition("127.0.0.1:")[2].split()[0])
    answers: list[wire.Answer] = []

    def ask() -> None:
        with wire.Connection(port, 30) as connection:
            answers.append(connection.ask(f"/{colour}?n=41"))

    asking = threading.Thread(target=ask)
    asking.start()
    terminal.shows("(Pdb)")
    time.sleep(2.5)  # Longer than the time limit of the request, which rests meanwhile.
    terminal.type("p n + 1\n")
    terminal.shows("42")
    terminal.type("c\n")
    asking.join(15)
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"41")]


def test_ctrl_c_in_a_breakpoint_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.shows("Ready.")
    port = int(terminal.screen.partition("127.0.0.1:")[2].split()[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(wire.request("/async"))
        terminal.shows("(Pdb)")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(10) == 0


def test_a_taken_port_is_said(dev: Serving, file: Path) -> None:
    done = subprocess.run(
        [*serving.COMMAND, "dev", str(file), "--port", str(dev.port)],
        capture_output=True,
        text=True,
        env=serving.environment(),
        timeout=20,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: 127.0.0.1:{dev.port} is in use.")


LOGIN = """
from wholestack import App
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, UUIDModel

class Caller(UserMixin, UUIDModel): ...

app = App()
app.use(Database("sqlite:///app.db"), Auth(Caller, sign_up="open"))
"""


def test_mails_lead_back_to_the_port_that_is_served(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASE_URL", raising=False)
    file.write_text(LOGIN)
    with Serving("dev", "--port", "0", cwd=file.parent) as server:
        server.ready()
        server.said("Ready")
        address = f"http://127.0.0.1:{server.port}"
        form = urllib.parse.urlencode({"email": "zoe@example.org", "password": "a bird in the hand"}).encode()
        headers = {"sec-fetch-site": "same-origin", "accept": "text/html"}
        with urllib.request.urlopen(urllib.request.Request(f"{address}/account/sign-up", form, headers), timeout=20):
            server.said(f"{address}/account/confirm/")
