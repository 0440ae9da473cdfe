"""What `serve` and `dev` do in processes of their own, run here: parents supervise real workers, a worker serves real sockets.

The contract is in tests/servers/test_serve.py and tests/public/cli/test_dev.py; this is to see each line run, where coverage
is measured: processes of their own are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wholestack
from servers import serving, wire
from servers.serving import until
from wholestack.cli import _alarm, _dev, _others, _served, _watcher, _worker
from wholestack.cli._development import ErrorPage
from wholestack.cli._fail import Stop, report
from wholestack.cli._order import BEAT, FAILED, FILES, READY, WAITING, Channel, Order, Process
from wholestack.cli._serve import serve as serve_command
from wholestack.cli._signals import caught
from wholestack.cli._sockets import open_path, open_port, take_over
from wholestack.cli._supervisor import Supervisor, used

SOURCE = str(Path(wholestack.__file__).parents[1])


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals, logs and the interpreter's switch interval are the process's: given back as they were."""
    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    }
    root = logging.getLogger()
    logs, level, interval, hook = root.handlers, root.level, sys.getswitchinterval(), sys.breakpointhook
    uvicorn_level = logging.getLogger("uvicorn.error").level
    path, modules = list(sys.path), set(sys.modules)
    for number in handlers:
        signal.signal(number, lambda *_: None)  # One that comes late must not end the tests.
    monkeypatch.setattr(_worker, "_leave", lambda: None)
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    root.handlers, root.level = logs, level
    logging.getLogger("uvicorn.error").setLevel(uvicorn_level)
    sys.setswitchinterval(interval)
    sys.breakpointhook = hook
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) in {serving.APP, None}:
            del sys.modules[name]


@contextlib.contextmanager
def beside(action: Callable[[], Any], stop: int = signal.SIGTERM) -> Iterator[None]:
    """Run this in a thread, then send this process the signal; what it raises is raised here."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            raised.append(error)
        finally:
            os.kill(os.getpid(), stop)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(30)
    if raised:
        raise raised[0]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with open_port("127.0.0.1", 0, 128) as made:
        made.setblocking(False)
        yield made


def ask(port: int, path: str = "/", **words: Any) -> wire.Answer:
    with wire.Connection(port) as connection:
        return connection.ask(path, **words)


def answers(port: int, path: str = "/") -> bool:
    with contextlib.suppress(OSError):
        return ask(port, path).status == 200
    return False


# -- the supervisor ----------------------------------------------------------------------------------------------


def supervisor(listening: socket.socket, target: str = serving.APP, count: int = 1, **more: Any) -> Supervisor:
    return Supervisor(Order(target, timeout=2.0), [listening], count, address="here", **more)


def test_it_replaces_restarts_and_stops(listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    made = supervisor(listening, count=2)

    def action() -> None:
        until(lambda: made.booted)
        first = [worker.process.pid for worker in made.workers]
        os.kill(first[0], signal.SIGKILL)
        until(lambda: serving_pids(made) and len(serving_pids(made)) == 2 and first[0] not in serving_pids(made))
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: len(made.workers) == 2 and not set(first) & set(serving_pids(made)) and not made.outdated)
        assert answers(port)

    with beside(action):
        assert made.run() == 0
    assert made.workers == []


def serving_pids(made: Supervisor) -> list[int]:
    return [worker.process.pid for worker in list(made.workers) if worker.state == "serving"]


def test_it_ends_where_the_first_worker_cannot_start(
    listening: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("1 / 0\n")
    assert supervisor(listening, str(tmp_path / "app.py"), 3).run() == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_it_kills_what_hangs_and_what_does_not_start(listening: socket.socket, tmp_path: Path) -> None:
    port = listening.getsockname()[1]
    made = supervisor(listening, watchdog=1.5)

    def action() -> None:
        until(lambda: made.booted)
        before = serving_pids(made)
        with wire.Connection(port) as hung:
            hung.send(wire.request("/forever"))
            until(lambda: serving_pids(made) and serving_pids(made) != before)
        until(lambda: answers(port))
        made.last_look -= 60  # As after a sleep of the machine: nobody is killed for a silence that was our own.

    with beside(action):
        assert made.run() == 0
    (tmp_path / "app.py").write_text("import time\ntime.sleep(60)\n")
    assert supervisor(listening, str(tmp_path / "app.py"), patience=0.5).run() == 1


def test_it_replaces_what_grows_and_cuts_what_does_not_stop(listening: socket.socket) -> None:
    made = supervisor(listening, memory=1)

    def action() -> None:
        until(lambda: made.booted)
        before = serving_pids(made)
        until(lambda: serving_pids(made) and before[0] not in [worker.process.pid for worker in made.workers])
        made.memory = None
        until(lambda: len(made.workers) == 1)
        os.kill(serving_pids(made)[0], signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGTERM)  # The second signal comes at the end of this.
        time.sleep(0.3)

    with beside(action):
        assert made.run() == 0
    assert used(0) == 0


def test_it_gives_up_only_when_nobody_serves(
    listening: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "app.py"
    file.write_text(Path(serving.APP).read_text())
    made = supervisor(listening, str(file))
    made.failures = 4  # As after four starts that failed; the next two come at once.

    def action() -> None:
        until(lambda: made.booted)
        file.write_text("1 / 0\n")
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(2)
        assert len(serving_pids(made)) == 1, "a restart that fails leaves the old worker"
        made.failures = 4
        os.kill(serving_pids(made)[0], signal.SIGKILL)
        until(lambda: made.code == 1)

    with beside(action):
        assert made.run() == 1
    assert "no worker can be started any more" in capsys.readouterr().err


# -- a worker ----------------------------------------------------------------------------------------------------


class Line:
    """Both ends of a channel."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.channel, self.socket = Channel(theirs), ours
        self.theirs = theirs
        self._parent = Process.__new__(Process)
        self._parent.channel, self._parent._rest = ours, b""
        self._told: list[tuple[str, str]] = []

    def close(self) -> None:
        self.socket.close()
        self.theirs.close()

    def lines(self) -> list[tuple[str, str]]:
        """What was told so far."""
        self.socket.setblocking(False)
        self._told += self._parent.lines()
        return self._told


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_a_worker_serves_drains_and_cuts(
    listening: socket.socket, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listening.getsockname()[1]
    monkeypatch.setenv("EVENTS", str(tmp_path / "events"))
    monkeypatch.setenv("CONCURRENCY", "3")
    order = Order(serving.APP, access_log=True, head=1.0, silence=1.0, idle=2.0, timeout=1.0)
    crowd: list[wire.Connection] = []

    def action() -> None:
        until(lambda: answers(port))
        assert ask(port, "/echo", method="POST", body=b"x" * 200_000).body == b"x" * 200_000
        silent, head, body, reader = (wire.Connection(port) for _ in range(4))
        head.send(b"GET / HTTP/1.1\r\n")
        body.send(wire.request("/echo", "POST", [("content-length", "10")]) + b"1")
        reader.send(wire.request("/endless"))
        crowd.extend((silent, head, body, reader))
        assert b" 408 " in head.rest(wire.PATIENCE)
        assert b" 408 " in body.rest(wire.PATIENCE)
        assert silent.rest(wire.PATIENCE) == b""
        endless = wire.Connection(port)
        crowd.append(endless)
        endless.send(b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000)
        assert b" 431 " in endless.rest(wire.PATIENCE)
        early = wire.Connection(port)
        crowd.append(early)
        early.send(wire.request("/echo", "POST", [("content-length", str(50 * 1024**2))]) + b"x" * 100_000)
        assert early.answer().status == 413
        early.send(b"x" * 10_000)
        late = wire.Connection(port)  # answered before its body is whole, and asked again
        crowd.append(late)
        late.send(wire.request("/nowhere", "POST", [("content-length", "4")]) + b"xx")
        assert late.answer().status == 404
        late.send(b"xx")
        assert late.ask("/").status == 200
        time.sleep(4.2)  # The reader is cut meanwhile.
        held = [wire.Connection(port) for _ in range(3)]
        crowd.extend(held)
        for connection in held:
            connection.send(wire.request("/slow?seconds=60"))
        until(
            lambda: (tmp_path / "events-begun").exists() and len((tmp_path / "events-begun").read_text().split()) == 3
        )
        full = wire.Connection(port)
        crowd.append(full)
        assert full.ask("/echo", "POST", body=b"more").status == 503
        assert full.ask("/", "HEAD").status == 503
        assert full.ask("/", headers=[("connection", "close")])["connection"] == "close"
        idle = wire.Connection(port)
        crowd.append(idle)
        time.sleep(1.1)

    try:
        with beside(action):
            assert _worker.run(order, line.channel, [listening]) == 0
    finally:
        for each in crowd:
            each.close()
    told = line.lines()
    assert told[0] == (READY, "")
    assert (BEAT, "") in told
    assert (tmp_path / "events").read_text().split() == ["open", "close"]


def test_a_worker_accepts_no_more_than_it_has_descriptors_for(listening: socket.socket, line: Line) -> None:
    from wholestack.cli import _uvicorn

    port = listening.getsockname()[1]
    app = _worker.prepare(Order(serving.APP))
    made: list[_uvicorn.Server] = []
    real = _uvicorn.Server.startup

    async def few(self: _uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        self.most = 3
        made.append(self)
        await real(self, sockets)

    def action() -> None:
        until(lambda: made and made[0].started)
        connections = [wire.Connection(port) for _ in range(6)]
        assert connections[0].ask("/").status == 200
        time.sleep(0.3)
        assert made[0].servers == []
        for connection in connections:
            connection.close()
        until(lambda: answers(port))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_uvicorn.Server, "startup", few)
        with beside(action):
            _worker.serve(app, app.limits, Order(serving.APP), line.channel, [listening])


def test_a_worker_that_none_follows_says_that_it_is_not_ready(
    listening: socket.socket, line: Line, tmp_path: Path
) -> None:
    port = listening.getsockname()[1]
    (tmp_path / "app.py").write_text(
        "from wholestack import App\nfrom wholestack.observe import Health\n"
        "app = App(docs=False)\napp.use(Health())\napp.get('/')(lambda: 'home')\n"
    )

    def action() -> None:
        until(lambda: answers(port))
        assert ask(port, "/health/ready").status == 200
        line.socket.send(b"last\n")
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: ask(port, "/health/ready").status == 503)
        assert answers(port)  # The second signal, at the end of this, ends the grace.

    with beside(action):
        assert _worker.run(Order(str(tmp_path / "app.py"), grace=60.0), line.channel, [listening]) == 0


def test_a_worker_without_its_parent_stops(listening: socket.socket, line: Line) -> None:
    port = listening.getsockname()[1]

    def action() -> None:
        until(lambda: answers(port))
        line.socket.close()

    signal.signal(signal.SIGUSR1, lambda *_: None)
    with beside(action, stop=signal.SIGUSR1):
        assert _worker.run(Order(serving.APP), line.channel, [listening]) == 0
    assert line.channel.gone()


def test_clean_ups_that_fail_or_hang_do_not_hold_the_stop(
    listening: socket.socket,
    line: Line,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from wholestack.cli import _uvicorn

    monkeypatch.setattr(_uvicorn, "HOOKS", 0.3)
    port = listening.getsockname()[1]
    text = "import asyncio, contextlib\nfrom wholestack import App\napp = App()\n@app.lifespan\n@contextlib.asynccontextmanager\n"
    text += "async def life():\n    yield\n    {}\n@app.get('/')\nasync def home() -> str: return ''\n"
    for number, end in enumerate(["raise OSError('no end')", "await asyncio.sleep(60)"]):
        file = tmp_path / f"closing{number}.py"
        file.write_text(text.format(end))
        with beside(lambda: until(lambda: answers(port))):
            assert _worker.run(Order(str(file)), line.channel, [listening]) == 0
    logged = capsys.readouterr().err
    assert "clean-ups failed" in logged
    assert "clean-ups took too long" in logged


def test_a_worker_that_cannot_start_says_why(listening: socket.socket, line: Line, tmp_path: Path) -> None:
    (tmp_path / "never.py").write_text("1 / 0\n")
    assert _worker.run(Order(str(tmp_path / "never.py")), line.channel, [listening]) == _worker.START_FAILED
    ((kind, text),) = line.lines()
    assert kind == FAILED
    assert text.endswith("ZeroDivisionError: division by zero")


def test_the_entry_of_a_worker(listening: socket.socket, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    port = listening.getsockname()[1]

    def numbers() -> list[str]:
        return [str(os.dup(line.theirs.fileno())), str(os.dup(listening.fileno()))]

    monkeypatch.setattr(sys, "argv", ["_worker", Order(serving.APP).text(), *numbers()])
    with beside(lambda: until(lambda: answers(port))), pytest.raises(SystemExit) as ended:
        _worker.main()
    assert ended.value.code == 0
    failed = Order(serving.APP, development=True, json_logs=False, failure="It broke.")
    monkeypatch.setattr(sys, "argv", ["_worker", failed.text(), *numbers()])
    with beside(lambda: until(lambda: ask(port).body == b"It broke.\n")):
        _worker.main()


# -- development -------------------------------------------------------------------------------------------------


def test_a_worker_in_development(listening: socket.socket, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order(serving.APP, development=True, json_logs=False, timeout=1.0, linger=0.1)
    port = listening.getsockname()[1]
    paused: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sys, "breakpointhook", lambda *args, **kwargs: paused.append(args))
    monkeypatch.setenv("PYTHONBREAKPOINT", "another.debugger")

    def action() -> None:
        # Read as a parent reads: the names of the files of all that these tests imported fill the channel.
        until(lambda: READY in dict(line.lines()) and answers(port))
        closed = ask(port, headers=[("connection", "close")])
        assert (closed.status, closed.get("connection")) == (200, "close")
        sys.breakpointhook("here")  # noqa: T100  (the hook is what is tested)

    with beside(action):
        assert _worker.run(order, line.channel, [listening]) == 0
    assert serving.APP in dict(line.lines())[FILES]
    assert paused == [("here",)]


def test_an_error_in_development_is_shown(
    listening: socket.socket, line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "never.py").write_text("1 / 0\n")
    order = Order(str(tmp_path / "never.py"), development=True, json_logs=False)
    port = listening.getsockname()[1]

    def action() -> None:
        until(lambda: WAITING in dict(line.lines()) and ask_any(port))
        page = ask(port, headers=[("accept", "text/html")])
        assert b"<pre>" in page.body

    with beside(action):
        assert _worker.run(order, line.channel, [listening]) == 0
    assert "ZeroDivisionError" in capsys.readouterr().err


def ask_any(port: int) -> bool:
    with contextlib.suppress(OSError):
        return ask(port).status == 500
    return False


def test_the_error_page_ignores_sockets() -> None:
    async def main() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {}

        await ErrorPage("x")({"type": "websocket"}, receive, send)
        assert sent == []

    asyncio.run(main())


def test_dev_restarts_and_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app.py"
    file.write_text(Path(serving.APP).read_text())
    port = free_port()

    def action() -> None:
        until(lambda: answers(port))
        file.write_text(Path(serving.APP).read_text().replace('"home"', '"second"'))
        until(lambda: ask(port).body == b"second")
        file.write_text("import os\nos._exit(7)\n")
        until(lambda: b"exit code 7" in ask(port).body)
        file.write_text("1 / 0\n")
        until(lambda: b"ZeroDivisionError" in ask(port).body)

    with beside(action):
        assert _dev.dev({"target": "app.py", "port": port, "watch": ()}) == 0
    said = capsys.readouterr().err
    assert "Changed: app.py. Restarting." in said
    assert "until a file is saved" in said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_worker_that_hangs_at_a_restart_is_killed(listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dev, "_STOP", 0.3)
    process = Process(Order(serving.APP, development=True), [listening])
    os.kill(process.pid, signal.SIGSTOP)
    _dev._end(process)
    assert process.ended() in {-signal.SIGKILL, -signal.SIGTERM}


def test_the_watcher_sees_files_come_change_and_go(tmp_path: Path) -> None:
    extra = tmp_path / "extra.txt"
    extra.write_text("")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "venv").mkdir()
    (tmp_path / "code" / "venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "code" / ".hidden").mkdir()
    watcher = _watcher.Watcher([tmp_path / "code", tmp_path / "nowhere"])
    watcher.add([str(extra), str(tmp_path / "gone.py")])
    assert watcher.changed() == []
    (tmp_path / "code" / "a.py").write_text("1")
    (tmp_path / "code" / "venv" / "b.py").write_text("1")
    (tmp_path / "code" / ".hidden" / "c.py").write_text("1")
    assert watcher.changed() == [str(tmp_path / "code" / "a.py")]
    extra.write_text("longer")
    (tmp_path / "code" / "a.py").unlink()
    (tmp_path / "code" / "dangling.py").symlink_to(tmp_path / "nothing.py")
    assert watcher.changed() == sorted([str(tmp_path / "code" / "a.py"), str(extra)])


def test_the_alarm_rings_for_a_change_only(tmp_path: Path) -> None:
    alarm = _alarm.Alarm([tmp_path])
    watcher = _watcher.Watcher([tmp_path], alarm)
    until(alarm.rang)  # Once it listens.
    time.sleep(0.5)
    assert not alarm.rang()
    assert watcher.changed() == []
    (tmp_path / "a.py").write_text("1")
    assert until(watcher.changed) == [str(tmp_path / "a.py")]
    alarm.close()
    assert alarm.rang(), "without notice of the system every look counts"


def test_an_alarm_that_cannot_listen_rings_all_the_time(tmp_path: Path) -> None:
    alarm = _alarm.Alarm([tmp_path / "nowhere"])
    alarm._thread.join(5)
    assert alarm.rang()
    assert alarm.rang()


# -- other servers, and what is left -----------------------------------------------------------------------------

OPTIONS: dict[str, Any] = {
    "target": serving.APP,
    "host": "127.0.0.1",
    "port": 0,
    "uds": None,
    "uds_mode": 0o660,
    "fd": None,
    "workers": 2,
    "server": "uvicorn",
    "interface": None,
    "access_log": False,
    "log": "json",
    "timeout": 7.0,
    "grace": 0.0,
    "watchdog": 30.0,
    "start_timeout": 60.0,
    "head_timeout": 10.0,
    "body_timeout": 20.0,
    "keep_alive": 5.0,
    "max_memory": None,
    "backlog": 2048,
}


@pytest.mark.parametrize(
    ("server", "more", "wanted"),
    [
        (
            "granian",
            {},
            ["--interface rsgi", "--host 127.0.0.1 --port", "--respawn-failed-workers", "--workers-kill-timeout 7"],
        ),
        ("granian", {"interface": "wsgi"}, ["--interface wsgi", "--blocking-threads 40"]),
        ("granian", {"uds": "{tmp}/g.sock"}, ["--uds {tmp}/g.sock --uds-permissions 0o660"]),
        (
            "gunicorn",
            {},
            ["--worker-class asgi", "--bind fd://", "--graceful-timeout 7", "--timeout 30", "--workers 2"],
        ),
        ("gunicorn", {"interface": "wsgi"}, ["--worker-class gthread --threads 40"]),
        ("hypercorn", {}, ["--bind fd://", "--graceful-timeout 7", "asgi:wholestack.cli._served:app"]),
    ],
)
def test_our_options_in_the_words_of_other_servers(
    server: str, more: dict[str, Any], wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, words, environment: calls.append((words, environment)))
    filled = {name: str(value).format(tmp=tmp_path) for name, value in more.items()}
    options = {**OPTIONS, "server": server, **filled}
    order = Order(serving.APP)
    _others.hand_over(options, order)
    ((words, environment),) = calls
    assert words[1:4] == ["-P", "-m", server]
    for each in wanted:
        assert each.format(tmp=tmp_path) in " ".join(words)
    assert Order.read(environment["WHOLESTACK_SERVE"]) == order
    for word in words:
        if word.startswith("fd://"):
            os.close(int(word[5:]))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"server": "granian", "fd": "{fd}"}, "granian opens its sockets itself"),
        ({"server": "hypercorn", "interface": "wsgi"}, "hypercorn has no wsgi. Take --interface asgi."),
        ({"server": "uvicorn", "interface": "wsgi"}, "uvicorn serves ASGI."),
        ({"server": "missing_server"}, "missing_server is not installed: pip install 'wholestack[missing_server]'"),
        ({"fd": "{fd}", "uds": "x"}, "--uds and --fd exclude each other."),
        ({"host": "no such host"}, "--host no such host is no address."),
        ({"host": "192.0.2.1"}, "192.0.2.1:0 cannot be opened"),
        ({"uds": "/nowhere/at/all"}, "--uds /nowhere/at/all cannot be opened"),
        ({"uds": "{tmp}"}, "exists and is no socket"),
        ({"fd": 999}, "--fd 999 is no socket."),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(
    more: dict[str, Any], message: str, tmp_path: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"tmp": str(tmp_path), "fd": os.dup(listening.fileno())}
    filled = {name: values.get(value[1:-1], value) if isinstance(value, str) else value for name, value in more.items()}
    try:
        with pytest.raises(Stop) as raised:
            serve_command({**OPTIONS, **filled})
        assert message in report(raised.value)
    finally:
        with contextlib.suppress(OSError):
            os.close(values["fd"])


def test_serve_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "web.sock"

    def reachable() -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(wire.request("/"))
            return b"home" in client.recv(4096)
        return False

    with beside(lambda: until(reachable)):
        assert serve_command({**OPTIONS, "uds": str(path), "workers": 1, "max_memory": 10_000}) == 0
    assert not path.exists()


def test_sockets_that_do_not_listen_or_are_left_behind(tmp_path: Path) -> None:
    with socket.socket() as deaf, pytest.raises(Exception, match="does not listen"):
        take_over(deaf.fileno())
    path = str(tmp_path / "a.sock")
    open_path(path, 0o600, 1).close()
    with open_path(path, 0o600, 1), pytest.raises(Exception, match="in use by a running server"):
        open_path(path, 0o600, 1)


def test_the_app_for_other_servers() -> None:
    app = _served.load(Order(serving.APP).text())
    assert app.sealed is not None
    assert app.checked is False


def test_a_signal_ends_a_wait() -> None:
    import selectors

    with selectors.DefaultSelector() as selector, caught(selector) as came:
        os.kill(os.getpid(), signal.SIGHUP)
        for key, _ in selector.select(5):
            key.data()
        assert came == [signal.SIGHUP]
