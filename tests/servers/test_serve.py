"""`wholestack serve` over real sockets: start, stop, crash, slow clients, overload; rows E1, E3–E5, E8, E10–E13,
E16."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from house import figures
from servers import serving, wire
from servers.serving import APP, Load, Serving, all_of, until

Crowd = Callable[[int, int, float], list[wire.Connection]]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.fixture
def two(events: Path) -> Iterator[Serving]:
    with serving.serve("--workers", "2", environment={"EVENTS": str(events)}) as server:
        yield server.ready()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """`crowd(port, count, timeout)` opens connections that are closed at the end."""
    with contextlib.ExitStack() as stack:

        def opened(port: int, count: int, timeout: float) -> list[wire.Connection]:
            return [stack.enter_context(wire.Connection(port, timeout)) for _ in range(count)]

        yield opened


def noted(events: Path) -> list[str]:
    return events.read_text().splitlines() if events.exists() else []


def underway(events: Path, count: int) -> None:
    """Wait until so many slow requests have begun."""
    file = events.with_name(f"{events.name}-begun")
    until(lambda: file.exists() and len(file.read_text().splitlines()) >= count, what=f"{count} requests under way")


# -- starting ----------------------------------------------------------------------------------------------------


def test_it_serves_and_says_where(two: Serving) -> None:
    answer = two.ask("/")
    assert (answer.status, answer.body) == (200, b"home")
    assert answer.get("server") is None
    assert answer.get("date")
    record = two.records("serving")[0]
    assert (record["address"], record["workers"]) == (f"http://127.0.0.1:{two.port}", 2)
    assert len(two.pids()) == 2


def test_the_collector_looks_at_what_requests_make_alone(two: Serving) -> None:
    assert int(two.ask("/frozen").body) > 10_000
    with Serving("dev", APP, "--port", "0", environment={"WHOLESTACK_STAGE": "development"}) as developing:
        assert developing.ready().ask("/frozen").body == b"0"


FAILURES = {
    "no file": (["nothing.py"], "There is no file 'nothing.py'"),
    "no app": (["empty.py"], "empty.py has no app"),
    "broken module": (["broken.py"], "ZeroDivisionError"),
    "a fault": (["fault.py"], r"no-type.*'name'"),
    "lifespan": (["lifespan.py"], "the database is away"),
    "exit while importing": (["exits.py"], "SystemExit"),
    "dies while importing": (["dies.py"], "by SIGKILL before it served"),
}
FILES = {
    "empty.py": "x = 1\n",
    "broken.py": "1 / 0\n",
    "fault.py": "from wholestack import App\napp = App()\n@app.get('/')\ndef home(name): ...\n",
    "lifespan.py": (
        "from wholestack import App\napp = App()\n"
        "@app.lifespan\ndef life():\n    raise RuntimeError('the database is away')\n"
    ),
    "exits.py": "raise SystemExit(4)\n",
    "dies.py": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
}


@pytest.mark.parametrize(("name", "workers"), [(name, "1") for name in FAILURES] + [("lifespan", "3")])
def test_a_failed_start_ends_soon_and_is_said_once(name: str, workers: str, tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    words, message = FAILURES[name]
    with Serving("serve", *words, "--port", "0", "--workers", workers, cwd=tmp_path) as server:
        code, taken = server.ended()
        assert code == (2 if name == "no file" else 1), "a call that is wrong ends with 2, as click has it"
        assert taken <= 5 * serving.pace()
        server.said(message)
        assert server.output.count("Error") <= 2, server.output
        assert "wholestack/cli" not in server.output, "frames of ours in the report"
        assert serving.children(server.process.pid) == []


def test_a_port_that_is_taken(two: Serving) -> None:
    with Serving("serve", APP, "--port", str(two.port)) as second:
        code, taken = second.ended()
    assert code == 1
    assert taken <= 5 * serving.pace()
    assert second.lines == [
        f"Error: 127.0.0.1:{two.port} is in use. Stop what listens there, or take another port: --port {two.port + 1}."
    ]


# -- where it listens --------------------------------------------------------------------------------------------


def ask_path(path: str) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(wire.PATIENCE)
        client.connect(path)
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        parts = []
        while piece := client.recv(4096):
            parts.append(piece)
    return b"".join(parts)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    for _ in range(2):  # the second time over what a killed server has left behind
        with serving.serve("--uds", str(path), "--uds-mode", "600") as server:
            server.ready()
            assert ask_path(str(path)).endswith(b"home")
            assert path.stat().st_mode & 0o777 == 0o600
            with serving.serve("--uds", str(path)) as second:
                assert second.ended()[0] == 1
                assert "in use by a running server" in second.output
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()
    with serving.serve("--uds", str(path)) as server:
        server.ready()
        assert server.stop()[0] == 0
    assert not path.exists()


@pytest.mark.parametrize("way", ["--fd", "LISTEN_FDS"])
def test_an_inherited_socket(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        number = listening.fileno()
        if way == "--fd":
            server = serving.serve("--fd", str(number), pass_fds=[number])
        else:  # what systemd does: descriptor 3, and the process's own number
            script = (
                "import os, sys; os.dup2(int(sys.argv[1]), 3);"
                "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
                "os.execv(sys.executable, [sys.executable, '-m', 'wholestack', 'serve', sys.argv[2]])"
            )
            command = (sys.executable, "-c", script, str(number), APP)
            server = Serving(command=command, pass_fds=[number])
        with server:
            server.ready()
            assert server.port == port
            assert server.ask("/").body == b"home"
            assert server.stop()[0] == 0


# -- the log -----------------------------------------------------------------------------------------------------


def test_the_access_log_is_structured_and_off_by_default(two: Serving) -> None:
    two.ask("/?secret=1")
    with serving.serve("--access-log") as server:
        answer = server.ready().ask("/?token=hidden")
        server.ask("/nowhere")
        _, first, second = until(lambda: len(server.records("GET")) == 3 and server.records("GET"))
        assert (first["method"], first["path"], first["status"]) == ("GET", "/", 200)
        assert first["request_id"] == answer["x-request-id"]
        assert first["client"] == "127.0.0.1"
        assert first["ms"] >= 0
        assert second["status"] == 404
        assert "hidden" not in server.output
    assert two.records("GET") == []


def test_a_log_for_people() -> None:
    with serving.serve("--access-log", "--log", "console") as server:
        server.ready().ask("/")
        server.said(r"^\d\d:\d\d:\d\d INFO    GET / 200  request_id=")


# -- E1, E3: stopping and restarting -----------------------------------------------------------------------------

SERVERS = {
    "uvicorn": [],
    "uvicorn, 2 workers": ["--workers", "2"],
    "granian": ["--server", "granian"],
    "granian wsgi": ["--server", "granian", "--interface", "wsgi"],
    "gunicorn": ["--server", "gunicorn"],
    "gunicorn wsgi": ["--server", "gunicorn", "--interface", "wsgi"],
    "hypercorn": ["--server", "hypercorn"],
}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("kind", ["slow", pytest.param("thread", marks=pytest.mark.long)])
def test_e1_requests_in_flight_are_answered(name: str, kind: str, events: Path) -> None:
    with serving.serve(*SERVERS[name], environment={"EVENTS": str(events)}) as server:
        server.ready()
        serving.pace()  # As it is before; that of the end is measured below.

        def ask(index: int) -> Callable[[], wire.Answer]:
            return lambda: server.ask(f"/{kind}?seconds=1")

        def stop() -> tuple[int, float]:
            underway(events, 20)
            return server.stop()

        *answers, (code, taken) = all_of([*(ask(index) for index in range(20)), stop])
    assert [answer.status for answer in answers] == [200] * 20
    assert code == 0
    assert taken <= (2 if name.startswith("uvicorn") else 3) * serving.pace()
    assert noted(events).count("open") == noted(events).count("close") > 0
    if name.startswith("uvicorn"):
        assert {answer.get("connection") for answer in answers} == {"close"}


def test_idle_connections_do_not_hold_the_stop(two: Serving) -> None:
    with wire.Connection(two.port) as idle, wire.Connection(two.port):
        idle.ask("/")
        code, taken = two.stop(signal.SIGINT)
    assert code == 0
    assert taken <= 1.5 * serving.pace()


def test_what_hangs_is_cut_at_the_limit_and_the_clean_ups_run(events: Path) -> None:
    with serving.serve("--timeout", "1", environment={"EVENTS": str(events)}) as server:
        server.ready()
        with wire.Connection(server.port) as hung, wire.Connection(server.port) as stubborn:
            hung.send(wire.request("/thread?seconds=60"))
            stubborn.send(wire.request("/stubborn"))
            underway(events, 2)
            code, taken = server.stop()
            assert hung.ended()
    assert code == 0
    assert 1 <= taken <= 4 * serving.pace()
    assert noted(events) == ["open", "close"]
    assert server.records("requests were cut at the stop")[0]["requests"] == 2
    assert "Traceback" not in server.output


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_e3_a_second_signal_stops_at_once(second: int, two: Serving, events: Path) -> None:
    with wire.Connection(two.port) as hung:
        hung.send(wire.request("/slow?seconds=60"))
        underway(events, 1)
        two.send(signal.SIGTERM)
        time.sleep(0.5)
        assert two.process.poll() is None
        code, taken = two.stop(second)
    assert code == 0
    assert taken <= 1.0 * serving.pace()


def test_e3_a_restart_loses_no_request(two: Serving, events: Path, long: bool) -> None:
    before = two.pids()
    with Load(two.port, 4, pause=0.02) as keeping, Load(two.port, 4, keep=False, pause=0.02) as fresh:
        for _ in range(3 if long else 1):
            old = two.pids()
            two.send(signal.SIGHUP)
            until(lambda old=old: len(two.pids()) == 2 and not set(old) & set(two.pids()), what="new workers")
        until(lambda: len(keeping.done) + len(fresh.done) >= 1000, 2 * wire.PATIENCE)
    assert keeping.failed == fresh.failed == []
    assert keeping.idle_closes == 0, "a connection at rest was closed under a request on its way"
    assert {status for _, status, _ in [*keeping.done, *fresh.done]} == {200}
    assert not set(before) & set(two.pids())
    assert two.stop()[0] == 0
    assert noted(events).count("open") == noted(events).count("close") >= 4


def test_e3_a_restart_with_a_broken_app_keeps_the_old_workers(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("from wholestack import App\napp = App()\n@app.get('/')\ndef home() -> str:\n    return 'old'\n")
    with serving.serve("--workers", "2", app=str(file)) as server:
        before = server.ready().pids()
        file.write_text("1 / 0\n")
        server.send(signal.SIGHUP)
        server.said("the restart is given up")
        assert "ZeroDivisionError" in server.output
        time.sleep(0.5)
        assert server.pids() == before
        assert server.ask("/").body == b"old"


# -- E4, E5: workers that die, hang, grow --------------------------------------------------------------------------


def test_e4_a_killed_worker_is_replaced(two: Serving) -> None:
    with Load(two.port, 8) as load:
        until(lambda: len(load.done) > 200)
        killed = two.pids()[0]
        os.kill(killed, signal.SIGKILL)
        begun = time.monotonic()
        until(lambda: len(two.pids()) == 2 and killed not in two.pids())
        taken = time.monotonic() - begun
        time.sleep(1.5)
    lost = len(load.failed) + load.idle_closes
    assert lost <= 8
    assert taken <= 5 * serving.pace()
    assert "SIGKILL" in two.records("worker lost")[0]["message"]


def test_a_worker_that_cannot_come_back_is_no_storm(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("from wholestack import App\napp = App()\n@app.get('/')\ndef home() -> str:\n    return 'x'\n")
    with serving.serve(app=str(file)) as server:
        server.ready()
        file.write_text("1 / 0\n")
        os.kill(server.pids()[0], signal.SIGKILL)
        time.sleep(5)
        assert len(server.records("worker lost")) <= 5
        until(lambda: len(server.records("worker lost")) >= 2)
        file.write_text(
            "from wholestack import App\napp = App()\n@app.get('/')\ndef home() -> str:\n    return 'new'\n"
        )
        assert until(lambda: server.pids() and server.ask("/").body == b"new")


def test_e5_a_worker_whose_loop_hangs_is_replaced(events: Path, long: bool) -> None:
    patience = 30 if long else 2
    with serving.serve("--workers", "2", "--watchdog", str(patience), environment={"EVENTS": str(events)}) as server:
        server.ready()
        before = server.pids()
        with wire.Connection(server.port) as hung:
            hung.send(wire.request("/forever"))
            underway(events, 1)
            begun = time.monotonic()
            with Load(server.port, 4, keep=False, pause=0.005) as load:
                until(lambda: len(set(server.pids()) - set(before)) == 1, patience + wire.PATIENCE, "a new worker")
                taken = time.monotonic() - begun
                time.sleep(1)
            assert hung.ended()
        assert load.failed == []
        assert patience - 1.5 <= taken <= patience + 5 * serving.pace()
        assert "heartbeat" in server.records("worker lost")[0]["message"]


def test_e5_a_worker_that_leaks_is_replaced() -> None:
    with serving.serve("--max-memory", "150") as server:
        before = server.ready().pids()
        with Load(server.port, 2, keep=False, pause=0.01) as load:
            for _ in range(4):
                server.ask("/leak")
            until(lambda: server.pids() and not set(before) & set(server.pids()), what="a new worker")
        assert load.failed == []
        assert server.records("uses too much memory")


def test_a_worker_without_its_parent_ends(two: Serving, events: Path) -> None:
    workers = two.pids()
    os.kill(two.process.pid, signal.SIGKILL)
    two.process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert noted(events).count("close") == 2


# -- E8: slow clients --------------------------------------------------------------------------------------------

HALVES = {
    "no bytes": b"",
    "half a head": b"GET / HTTP/1.1\r\nhost: a\r\nx-a: ",
    "half a head, after a request": wire.request("/") + b"GET / HTTP/1.1\r\nho",
    "empty lines, after a request": wire.request("/") + b"\r\n\r\n",
    "half a body": wire.request("/echo", "POST", [("content-length", "1000")]) + b"x" * 500,
    "half a chunk": wire.request("/echo", "POST", [("transfer-encoding", "chunked")]) + b"100\r\nxx",
}


@pytest.mark.parametrize("name", HALVES)
def test_e8_slow_clients_are_let_go(name: str, crowd: Crowd, long: bool) -> None:
    count, limit = (500, 30.0) if long else (60, 6.0)
    words = [] if long else ["--head-timeout", "1", "--body-timeout", "2", "--keep-alive", "1"]
    with serving.serve(*words) as server:
        (worker,) = server.ready().pids()
        server.ask("/")
        before = serving.memory(worker)
        limit *= serving.pace()
        connections = crowd(server.port, count, wire.PATIENCE)
        begun = time.monotonic()
        for connection in connections:
            connection.send(HALVES[name])
        time.sleep(0.5)
        grown = serving.memory(worker) - before
        assert server.ask("/").status == 200
        for connection in connections:
            answer = connection.rest(limit)
            assert time.monotonic() - begun <= limit, "not closed in time"
            if "after" not in name:  # There the end of the wait for a next request may come first.
                assert (b" 408 " in answer) == (name != "no bytes"), answer
        assert grown <= 30 * 1024**2
        assert server.ask("/").status == 200
        assert server.pids() == [worker]


def test_e8_a_client_that_drips_is_let_go() -> None:
    """A byte now and then moves no deadline of a head; of a body it does, up to the time limit of the request."""
    with serving.serve("--head-timeout", "1") as server:
        server.ready()
        with wire.Connection(server.port) as connection:
            begun = time.monotonic()
            connection.send(b"GET / HTTP/1.1\r\nx-a: ")
            while not connection.ended(0.2) and time.monotonic() - begun < wire.PATIENCE:
                connection.send(b"a")
            assert time.monotonic() - begun < 4 * serving.pace()


def test_e8_a_head_without_an_end_does_not_fill_the_memory() -> None:
    with serving.serve() as server:
        (worker,) = server.ready().pids()
        server.ask("/")
        before = serving.memory(worker)
        with wire.Connection(server.port) as connection:
            connection.send(b"GET / HTTP/1.1\r\nx-a: ")
            for _ in range(200):
                connection.send(b"a" * 65536)
            assert b" 431 " in connection.rest()
        assert serving.memory(worker) - before < 4 * 1024**2


def test_an_early_answer_is_seen_though_the_body_goes_on() -> None:
    """The connection is read from a little longer, so that the answer is not lost in a reset (RFC 9112 §9.6)."""
    with serving.serve() as server:
        server.ready()
        for _ in range(5):
            with wire.Connection(server.port) as connection:
                connection.send(wire.request("/echo", "POST", [("content-length", str(50 * 1024**2))]))
                for _ in range(100):
                    connection.send(b"x" * 65536)
                answer = connection.answer()
                assert (answer.status, answer.code) == (413, "body-too-large")
                assert answer["connection"] == "close"


def test_a_client_that_reads_nothing_is_let_go(long: bool) -> None:
    words = [] if long else ["--body-timeout", "0.5"]
    with serving.serve(*words) as server:
        (worker,) = server.ready().pids()
        server.ask("/")
        before = serving.memory(worker)
        with wire.Connection(server.port) as connection:
            connection.send(wire.request("/endless"))
            connection.head()  # So the worker has it: from here on nothing more is read.
            held = serving.descriptors(worker)
            time.sleep(0.4)
            assert serving.memory(worker) - before < 20 * 1024**2
            until(lambda: serving.descriptors(worker) < held, 90, "closed")


def test_a_stream_that_never_waits_ends_with_its_client(two: Serving) -> None:
    """Uvicorn takes what is sent to a client that has gone without waiting: such a stream held the event loop for ever."""
    for _ in range(4):  # Both workers are likely to get one.
        with wire.Connection(two.port) as connection:
            connection.send(wire.request("/endless"))
            connection.head()
    time.sleep(0.5)
    used = [serving.processor(pid) for pid in two.pids()]
    time.sleep(1)
    assert all(serving.processor(pid) - before < 0.5 for pid, before in zip(two.pids(), used, strict=True))
    assert all(two.ask("/").status == 200 for _ in range(10))


# -- E10, E11, E12: more than there is room for ------------------------------------------------------------------


@pytest.mark.parametrize(("path", "most"), [("/slow?seconds=0.05", 0.05), ("/busy?ms=5", 0.5)])
def test_e10_overload_is_refused_at_once(path: str, most: float, service: Callable[[str], str], long: bool) -> None:
    """Four times more clients than the app takes at once: the rest is told to come back, and what is taken is done.

    Where forty threads compute, the event loop shares one interpreter with them, and says it a little later.
    """
    seconds = 30 if long else 4
    with serving.serve(environment={"CONCURRENCY": "40"}) as server:
        server.ready()

        def load(clients: int) -> subprocess.Popen[str]:
            command = [service("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", f"http://127.0.0.1:{server.port}{path}"]
            return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        peak, _ = counted(load(40))
        flood = load(160)
        time.sleep(0.3)
        refusals = []
        while flood.poll() is None:
            begun = time.monotonic()
            answer = server.ask(path)
            if answer.status == 503:
                assert (answer.code, answer["retry-after"]) == ("server-full", "1")
                assert answer.json()["request_id"] == answer["x-request-id"]
                refusals.append(time.monotonic() - begun)
            time.sleep(0.01)
        good, refused = counted(flood)
        assert refused > 0
        # Where neighbours take the processor, the refusals take it from the good answers.
        assert good >= 0.8 * peak / serving.pace()
        assert sorted([0.0, *refusals])[len(refusals) // 2] <= most * serving.pace()
        begun = time.monotonic()
        assert server.ask(path).status == 200
        assert time.monotonic() - begun <= 2 * serving.pace()
        assert server.records("the app is full")


def counted(process: subprocess.Popen[str]) -> tuple[int, int]:
    """How many answers of wrk's were good, and how many were not."""
    output, _ = process.communicate()
    whole, bad = re.search(r"(\d+) requests in", output), re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    refused = int(bad[1]) if bad else 0
    return int(whole[1]) - refused if whole else 0, refused


def test_e10_a_refused_body_is_dropped_and_the_connection_goes_on(events: Path) -> None:
    with serving.serve(environment={"CONCURRENCY": "1", "EVENTS": str(events)}) as server:
        server.ready()
        with wire.Connection(server.port) as busy, wire.Connection(server.port) as second:
            busy.send(wire.request(f"/slow?seconds={serving.pace()}"))
            underway(events, 1)
            second.send(wire.request("/echo", "POST", [("content-length", "100000")]))
            assert second.answer().status == 503
            second.send(b"x" * 100_000)
            assert busy.answer().status == 200
            assert second.ask("/echo", "POST", body=b"again").body == b"again"
            busy.send(wire.request(f"/slow?seconds={serving.pace()}"))
            underway(events, 2)
            assert second.ask("/", "HEAD").status == 503
            answer = second.ask("/", headers=[("connection", "close")])
            assert (answer.status, answer["connection"]) == (503, "close")
            assert second.ended()


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_e10_a_refusal_waits_for_no_thread(server: str, events: Path) -> None:
    few = {"CONCURRENCY": "1", "THREADS": "1", "EVENTS": str(events)}
    with serving.serve("--server", server, environment=few) as running:
        running.ready()
        running.ask("/thread?seconds=0")
        slowness = min(serving.pace(), 8)  # The busy one must not come to its time limit.
        with wire.Connection(running.port) as busy:
            busy.send(wire.request(f"/thread?seconds={3 * slowness}"))
            underway(events, 2)
            begun = time.monotonic()
            answer = running.ask("/thread")
            assert time.monotonic() - begun < 1 * slowness
            assert (answer.status, answer.code, answer["retry-after"]) == (503, "server-full", "1")
            assert answer.json()["request_id"] == answer["x-request-id"]
            assert busy.answer().status == 200


def test_e11_slow_threads_do_not_slow_the_loop(events: Path, long: bool) -> None:
    with serving.serve(environment={"EVENTS": str(events)}) as server:
        (worker,) = server.ready().pids()
        server.ask("/")
        with Load(server.port, 60, "/thread?seconds=1") as slow:
            underway(events, 40)
            taken = []
            for _ in range(600 if long else 60):
                begun = time.monotonic()
                assert server.ask("/").status == 200
                taken.append(time.monotonic() - begun)
                time.sleep(0.02)
            assert len(list(Path(f"/proc/{worker}/task").iterdir())) <= 40 + 10
        assert slow.failed == []
        assert sorted(taken)[int(len(taken) * 0.99)] <= 0.05 * serving.pace()


def test_e12_running_out_of_descriptors(crowd: Crowd, long: bool) -> None:
    with serving.serve(preexec_fn=few_descriptors) as server:
        (worker,) = server.ready().pids()
        server.ask("/")
        connections = crowd(server.port, 200, wire.PATIENCE)
        for connection in connections[:10]:
            assert connection.ask("/").status == 200  # those that are in go on
        used = serving.processor(worker)
        seconds = 10 if long else 2
        time.sleep(seconds)
        assert (serving.processor(worker) - used) / seconds < 0.2
        assert serving.descriptors(worker) < 128
        assert server.records("new ones wait")
        for connection in connections:
            connection.close()
        assert until(lambda: server.ask("/").status == 200)
        assert server.pids() == [worker]


def few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))


# -- E13: exceptions ---------------------------------------------------------------------------------------------


def test_e13_exceptions_everywhere() -> None:
    with serving.serve() as server:
        server.ready()
        for path in ["/middleware", "/broken"]:
            answer = server.ask(path)
            assert (answer.status, answer.whole) == (500, True)
            assert answer.json()["request_id"] == answer["x-request-id"]
            assert "broke" not in answer.text
            until(lambda answer=answer: answer["x-request-id"] in server.output)
        with wire.Connection(server.port) as connection:
            answer = connection.ask("/broken-stream")
            assert (answer.status, answer.body, answer.whole) == (200, b"first", False), "cut, and not a clean end"
        assert server.ask("/after").status == 200
        server.said("an after-send action failed")
        assert server.ask("/").status == 200


# -- E16 ---------------------------------------------------------------------------------------------------------


def test_e16_soak(long: bool) -> None:
    seconds, warm = (600, 120) if long else (9, 3)
    with serving.serve("--access-log") as server:
        (worker,) = server.ready().pids()
        loads = [Load(server.port, 3, path, keep=keep, pause=0.02) for path, keep in MIXED]
        for load in loads:
            load.__enter__()
        time.sleep(warm)
        before, files = serving.memory(worker), serving.descriptors(worker)
        time.sleep(seconds - warm)
        after = serving.memory(worker)
        for load in loads:
            load.__exit__()
        assert [load.failed for load in loads] == [[]] * len(loads)
        assert {status for load in loads for _, status, _ in load.done} == {200}
        rate = sum(len(load.done) for load in loads) / seconds
        figures.note(f"E16: {rate:.0f} requests a second for {seconds} s, memory {100 * after / before - 100:+.1f} %")
        assert rate >= 300 / serving.pace()
        assert after <= before * 1.05
        until(lambda: serving.descriptors(worker) <= files)


MIXED = [("/", True), ("/", False), ("/pid", True), ("/thread?seconds=0.005", True)]


# -- the other servers under our options -------------------------------------------------------------------------

THREE = ["granian", "gunicorn", "hypercorn"]


@pytest.mark.parametrize("name", THREE)
def test_another_server_serves_the_same_app(name: str, two: Serving) -> None:
    with serving.serve("--server", name, "--workers", "2", "--access-log") as server:
        answer = server.ready().ask("/")
        assert (answer.status, answer.body) == (200, b"home")
        until(lambda: server.records("GET / 200"))
        assert server.records("GET / 200")[0]["client"] == "127.0.0.1"
        with Serving("serve", APP, "--server", name, "--port", str(two.port)) as taken:
            assert taken.ended()[0] == 1
            assert "is in use" in taken.output


@pytest.mark.parametrize("name", THREE)
def test_a_fault_is_said_before_another_server_starts(name: str, tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    for file, message in [("fault.py", "no-type"), ("broken.py", "ZeroDivisionError")]:
        with Serving("serve", file, "--server", name, "--port", "0", cwd=tmp_path) as server:
            assert server.ended()[0] == 1
            assert message in server.output


@pytest.mark.parametrize("name", THREE)
def test_another_server_at_a_unix_socket(name: str, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with serving.serve("--server", name, "--uds", str(path), "--uds-mode", "600") as server:

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return ask_path(str(path)).endswith(b"home")
            return False

        until(answers)
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.stop()[0] == 0


@pytest.mark.parametrize("name", ["gunicorn", "hypercorn"])
def test_another_server_at_an_inherited_socket(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        with serving.serve("--server", name, "--fd", str(number), pass_fds=[number]) as server:
            assert server.ready().port == listening.getsockname()[1]
            assert server.ask("/").body == b"home"


@pytest.mark.parametrize("name", ["granian", "gunicorn"])
def test_e4_another_server_replaces_a_killed_worker(name: str) -> None:
    with serving.serve("--server", name, "--workers", "2") as server:
        pid = int(server.ready().ask("/pid").body)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")
        begun = time.monotonic()
        until(
            lambda: len([each for each in server.pids() if each != pid and is_worker(each)]) == 2, what="a new worker"
        )
        assert time.monotonic() - begun <= 5 * serving.pace()
        assert server.ask("/").status == 200


def is_worker(pid: int) -> bool:
    """Not the helper that watches over shared resources."""
    return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
