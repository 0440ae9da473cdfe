"""Metrics for Prometheus: what is counted, under how many labels, and what several processes tell."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from servers.serving import serve, until
from wholestack import App, Limits, NotFound, Request, Response, SetupError, Text, Unauthorized, rule
from wholestack.observe import Metrics
from wholestack.realtime import Socket
from wholestack.testing import AsyncClient, Client, SocketEnded

pytest.importorskip("prometheus_client", reason="the extra `prometheus` is not installed")


def app_with(**options: Any) -> App:
    app = App(docs=False)
    app.use(Metrics(**options))

    @app.get("/notes/{id}")
    def show(id: int) -> str:
        if id == 0:
            raise NotFound
        if id == 9:
            raise ValueError("broken")
        return "milk"

    @app.post("/notes/{id}")
    async def change(id: int) -> str:
        return "milk"

    @app.get("/a")
    @app.get("/b/{name}")
    async def twice(name: str = "") -> str:
        return name

    return app


def samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith("wholestack_")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def counted(client: Any) -> dict[str, float]:
    found = samples(client.get("/metrics").expect(200).text)
    wanted = re.compile(r'wholestack_requests_total{method="(\w+)",route="([^"]*)",status="(\w+)"}')
    return {" ".join(match.groups()): value for name, value in found.items() if (match := wanted.fullmatch(name))}


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_requests_by_route_method_and_status(interface: Any) -> None:
    client = Client(app_with(), interface=interface, raise_errors=False)
    for path in ("/notes/1", "/notes/2", "/notes/0", "/notes/9", "/notes/x", "/a", "/b/c", "/b/d"):
        client.get(path)
    client.post("/notes/3")
    client.delete("/notes/3")
    client.head("/a")
    assert counted(client) == {
        "GET /notes/{id} 2xx": 2,
        "GET /notes/{id} 4xx": 2,
        "GET /notes/{id} 5xx": 1,
        "POST /notes/{id} 2xx": 1,
        "DELETE /notes/{id} 4xx": 1,
        "GET /a 2xx": 1,
        "HEAD /a 2xx": 1,
        "GET /b/{name} 2xx": 2,
    }


def test_clients_choose_no_labels() -> None:
    client = Client(app_with())
    for number in range(50):
        client.get(f"/nowhere/{number}")
        client.request(f"METHOD{number}", f"/nowhere/{number}")
        client.get("/notes/1", headers={"host": f"h{number}.example"})
    assert counted(client) == {"GET (none) 4xx": 50, "other (none) 4xx": 50, "GET /notes/{id} 2xx": 50}


def test_a_mount_is_one_route() -> None:
    app = app_with()
    app.mount("/old", lambda environ, start: (start("200 OK", []), [b"x"])[1])
    client = Client(app)
    for path in ("/old/a", "/old/b/c", "/old"):
        assert client.get(path).status == 200
    assert counted(client) == {"GET /old/… 2xx": 3}


def test_how_long_it_took() -> None:
    app = app_with(buckets=(0.05, 5))

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.1)
        return "x"

    client = Client(app)
    client.get("/slow")
    found = samples(client.get("/metrics").text)
    name = 'wholestack_request_seconds_%s{%smethod="GET",route="/slow"}'
    assert found[name % ("bucket", 'le="0.05",')] == 0
    assert found[name % ("bucket", 'le="5.0",')] == found[name % ("count", "")] == 1
    assert 0.1 <= found[name % ("sum", "")] < 1


def test_what_is_in_work_and_what_waits() -> None:
    free, done = threading.Event(), threading.Event()
    app = App(docs=False, threads=2)
    app.use(Metrics())

    @app.get("/busy")
    def busy() -> Response:
        free.wait(10)
        return Text("x").after(done.wait, 10)

    async def asked() -> list[dict[str, float]]:
        found = []
        async with AsyncClient(app) as client:
            tasks = [asyncio.create_task(client.get("/busy")) for _ in range(5)]
            await asyncio.sleep(0.3)
            found.append(samples((await client.get("/metrics")).text))
            free.set()
            await asyncio.wait(tasks, timeout=1)
            found.append(samples((await client.get("/metrics")).text))
            done.set()
            await asyncio.gather(*tasks)
            await asyncio.sleep(0.1)
            found.append(samples((await client.get("/metrics")).text))
        return found

    names = [
        "requests_in_work",
        "worker_threads",
        "worker_threads_busy",
        "worker_threads_waiting",
        "after_send_waiting",
    ]
    found = [[int(each[f"wholestack_{name}"]) for name in names] for each in asyncio.run(asked())]
    # The request for the metrics is itself in work; those that wait for a thread have not reached the middleware.
    assert found == [[3, 2, 2, 3, 0], [1, 2, 0, 0, 5], [1, 2, 0, 0, 0]]


def test_a_request_over_its_time_limit_is_counted_once_and_is_in_work_no_more() -> None:
    app = App(docs=False, limits=Limits(timeout=0.1))
    app.use(Metrics())

    @app.get("/")
    async def stuck() -> str:
        await asyncio.sleep(10)
        return "x"

    with Client(app) as client:
        client.get("/").expect(503)
        assert counted(client) == {"GET / 5xx": 1}
        found = samples(client.get("/metrics").text)
    assert found["wholestack_requests_in_work"] == 1  # the one that asks
    assert found['wholestack_request_seconds_sum{method="GET",route="/"}'] > 0.1


def test_the_answer() -> None:
    client = Client(app_with(path="/m"))
    answer = client.get("/m")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    open_metrics = client.get("/m", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")
    assert "python_info" in answer.text  # what the library counts by itself
    app = App()
    app.use(Metrics())
    assert Client(app).get("/openapi.json").json()["paths"] == {}


def test_who_may_read_them() -> None:
    @rule
    def scraper(request: Request) -> bool:
        if request.headers.get("authorization") != "Bearer s":
            raise Unauthorized
        return True

    client = Client(app_with(needs=scraper))
    assert client.get("/metrics").status == 401
    assert client.get("/metrics", headers={"authorization": "Bearer s"}).status == 200


def test_two_apps_count_apart() -> None:
    one, other = Client(app_with()), Client(app_with())
    one.get("/a")
    assert counted(other) == {}
    assert counted(one) == {"GET /a 2xx": 1}


def test_several_processes_without_a_folder_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_with()
    app.seal()

    def codes() -> list[str]:
        return [fault.code for check in app.checks for fault in check()]

    assert codes() == []
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert codes() == ["metrics-apart"]
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/tmp/metrics")
    assert codes() == []


APP = """
from wholestack import App
from wholestack.observe import Metrics
app = App(docs=False)
app.use(Metrics())

@app.get("/")
async def home() -> str:
    return "x"
"""


def test_several_processes_tell_the_sums_of_all(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "counts").mkdir()
    more = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}
    words = ("--workers", "2")
    with serve(*words, app=str(tmp_path / "app.py"), cwd=tmp_path, environment=more) as server:
        server.ready()
        before = samples(server.ask("/metrics").text)
        for _ in range(40):
            server.ask("/")
        name = 'wholestack_requests_total{method="GET",route="/",status="2xx"}'
        told = [samples(server.ask("/metrics").text) for _ in range(6)]
        assert {each[name] - before.get(name, 0) for each in told} == {40}
        assert {each["wholestack_requests_in_work"] for each in told} == {1}
        server.stop()
    assert list((tmp_path / "counts").glob("gauge_live*")) == []


@pytest.mark.parametrize("options", [{"path": "metrics"}, {"path": "/{x}"}, {"buckets": ()}, {"buckets": (2, 1)}])
def test_bad_arguments(options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        Metrics(**options)
    assert raised.value.faults[0].code == "bad-observer"


def test_without_the_library(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from wholestack import SetupError\nfrom wholestack.observe import Metrics\n"
        "try:\n    Metrics()\nexcept SetupError as error:\n    print(error.faults[0].cure)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "pip install wholestack[prometheus]\n", done.stderr


def test_without_the_plugin_nothing_is_loaded() -> None:
    code = (
        "import sys, wholestack.observe\n"
        "print([name for name in sys.modules if name.startswith(('prometheus_client', 'opentelemetry'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_sockets_are_counted_while_open_and_by_how_they_end(interface: Any) -> None:
    app = app_with()

    @app.socket("/talk/{room}")
    async def talk(room: str, socket: Socket[str, str]) -> None:
        async for text in socket:
            if text == "fail":
                raise ValueError(room)
            if text == "deny":
                raise NotFound
            await socket.send(text)

    def sockets(client: Client) -> dict[str, float]:
        found = samples(client.get("/metrics").expect(200).text)
        return {
            name.removeprefix("wholestack_sockets_"): value
            for name, value in found.items()
            if name.startswith("wholestack_sockets_") and not name.endswith("_created") and "_created{" not in name
        }

    route = 'route="/talk/{room}"'

    def messages(client: Client) -> dict[str, float]:
        found = samples(client.get("/metrics").text)
        wanted = re.compile(r'wholestack_socket_(\w+)_total{direction="(\w+)",route="/talk/{room}"}')
        return {f"{match[1]} {match[2]}": value for name, value in found.items() if (match := wanted.fullmatch(name))}

    with Client(app, interface=interface, raise_errors=False) as client:
        with client.socket("/talk/a") as one, client.socket("/talk/b") as two:
            for line in (one, two):
                line.send("hello")
                assert line.receive(str) == "hello"
            assert sockets(client) == {f"open{{{route}}}": 2}
        for word in ("fail", "deny"):
            with client.socket("/talk/c") as line:
                line.send(word)
                with pytest.raises(SocketEnded):
                    line.receive(str)
        assert sockets(client) == {
            f"open{{{route}}}": 0,
            f'total{{end="done",{route}}}': 2,
            f'total{{end="5xx",{route}}}': 1,
            f'total{{end="4xx",{route}}}': 1,
        }
        sizes = [len(text) for text in ("hello", "hello", "fail", "deny")]
        in_and_out = {"messages in": 4, "bytes in": sum(sizes), "messages out": 2, "bytes out": sum(sizes[:2])}
        assert messages(client) == in_and_out
        assert not any("WEBSOCKET" in name for name in samples(client.get("/metrics").text))


TALKING = """
from wholestack import App
from wholestack.observe import Metrics
from wholestack.realtime import Channel, Socket

app = App(docs=False)
app.use(Metrics())

@app.socket("/echo/{name}", message="1 MB")
async def echo(name: str, socket: Socket[str, str]) -> None:
    async for text in socket:
        await socket.send(text)

@app.socket("/numbers")
async def numbers(socket: Socket[int, bytes]) -> None:
    async for number in socket:
        await socket.send(bytes(number))

@app.socket("/news")
async def listen(socket: Socket[None, str], news: Channel[str]) -> None:
    async with news.join("", socket):
        await socket.send("joined")
        async for _ in socket:
            pass

@app.post("/news")
async def publish(size: int, news: Channel[str]) -> str:
    return await news.publish("n" * size)  # It goes to all as one frame that is made once.
"""
SIZES = (3, 125, 126, 65_535, 65_536)
"""On both sides of each bound where a frame has a longer head (RFC 6455 §5.2)."""


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_and_their_bytes_over_a_real_socket(tmp_path: Path, compression: Any) -> None:
    (tmp_path / "app.py").write_text(TALKING)
    with serve(app=str(tmp_path / "app.py"), cwd=tmp_path) as server:
        server.ready()

        def line(path: str) -> Any:
            return connect(f"ws://127.0.0.1:{server.port}{path}", compression=compression)

        def passed() -> dict[str, float]:
            wanted = re.compile(r'wholestack_socket_(messages|bytes)_total{direction="(\w+)",route="([^"]*)"}')
            found = samples(server.ask("/metrics").text)
            named = ((wanted.fullmatch(name), value) for name, value in found.items())
            return {" ".join((match[3], match[2], match[1])): value for match, value in named if match}

        def ended() -> float:
            found = samples(server.ask("/metrics").text)
            return sum(value for name, value in found.items() if name.startswith("wholestack_sockets_total"))

        with line("/echo/a") as one, line("/echo/b") as other:
            for client, text in ((one, "tea"), (other, "thé"), (one, ""), (one, "é" * 50_000)):
                client.send(text)
                assert client.recv(20) == text
            one.ping().wait(20)
        with line("/numbers") as client:
            client.send("5")
            assert client.recv(20) == bytes(5)
            client.send("no number")
            problem = client.recv(20)
        with line("/news") as client:
            assert client.recv(20) == "joined"
            for size in SIZES:
                server.ask(f"/news?size={size}", method="POST")
                assert client.recv(20) == "n" * size
        until(lambda: ended() == 4)  # What is over counts no more.
        echoed = 3 + 4 + 0 + 100_000
        assert passed() == {
            **{"/echo/{name} in messages": 4, "/echo/{name} out messages": 4},
            **{"/echo/{name} in bytes": echoed, "/echo/{name} out bytes": echoed},
            **{"/numbers in messages": 2, "/numbers out messages": 2},
            **{"/numbers in bytes": len("5no number"), "/numbers out bytes": 5 + len(problem.encode())},
            **{"/news in messages": 0, "/news out messages": 1 + len(SIZES)},
            **{"/news in bytes": 0, "/news out bytes": len("joined") + sum(SIZES)},
        }
