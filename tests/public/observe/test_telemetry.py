"""OpenTelemetry: spans by its conventions, traces in and out, metrics, and no secret in any of them."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Generator
from typing import Any

import pytest

from wholestack import App, Limits, Request, Response, ServiceUnavailable
from wholestack.observe import JSONFormatter, Telemetry, outgoing_headers
from wholestack.realtime import Socket
from wholestack.testing import AsyncClient, Client

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Observed:
    """An app with what it tells."""

    def __init__(self, **options: Any) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = tracers.get_tracer("shop")
        self.app = App(docs=False, limits=options.pop("limits", Limits()))
        meters = MeterProvider(metric_readers=[self.reader])
        self.app.use(Telemetry(tracer_provider=tracers, meter_provider=meters, **options))

    def spans(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        data = json.loads(self.reader.get_metrics_data().to_json())
        metrics = [each for r in data["resource_metrics"] for s in r["scope_metrics"] for each in s["metrics"]]
        points = [point for each in metrics if each["name"] == name for point in each["data"]["data_points"]]
        return [(point["attributes"], point) for point in points]


@pytest.fixture
def observed() -> Observed:
    made = Observed()

    @made.app.get("/notes/{id}")
    def show(id: int) -> str:
        with made.tracer.start_as_current_span("query"):
            return "milk"

    @made.app.get("/later/{id}")
    async def later(id: int) -> dict[str, str]:
        with made.tracer.start_as_current_span("query"):
            await asyncio.sleep(0)
            return outgoing_headers()

    @made.app.get("/broken")
    def broken() -> str:
        raise ValueError("no login with password=hunter2")

    @made.app.get("/away")
    def away() -> str:
        raise ServiceUnavailable

    return made


@INTERFACES
@pytest.mark.parametrize("path", ["/notes/7", "/later/7"])
def test_a_span_by_the_conventions(observed: Observed, interface: Any, path: str) -> None:
    headers = {"host": "example.org:8443", "user-agent": "test/1", "cookie": "sid=hunter2", "traceparent": PARENT}
    answer = Client(observed.app, interface=interface).get(f"{path}?token=hunter2", headers=headers)
    inner, span = observed.spans()
    template = path.replace("7", "{id}")
    assert (span.name, span.kind) == (f"GET {template}", trace.SpanKind.SERVER)
    assert {name: value for name, value in span.attributes.items() if name != "client.address"} == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": template,
        "network.protocol.version": "1.1",
        "server.address": "example.org",
        "server.port": 8443,
        "url.path": path,
        "url.scheme": "http",
        "user_agent.original": "test/1",
        "wholestack.request_id": answer.headers["x-request-id"],
    }
    assert span.attributes["client.address"] == "127.0.0.1"
    assert span.status.status_code == trace.StatusCode.UNSET
    assert (inner.name, inner.parent.span_id) == ("query", span.context.span_id)
    assert span.parent is None  # A client that is not trusted names no trace of ours.
    assert "hunter2" not in span.to_json()


@INTERFACES
def test_a_trace_goes_on_in_and_out(interface: Any) -> None:
    trusting = Observed(trust=True)

    @trusting.app.get("/")
    async def call() -> dict[str, str]:
        return outgoing_headers()

    answer = Client(trusting.app, interface=interface).get("/", headers={"traceparent": PARENT})
    (span,) = trusting.spans()
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert answer.json() == {
        "x-request-id": answer.headers["x-request-id"],
        "traceparent": f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01",
    }
    assert outgoing_headers() == {}


@INTERFACES
def test_errors_without_their_secrets(observed: Observed, interface: Any) -> None:
    client = Client(observed.app, interface=interface, raise_errors=False)
    assert [client.get(path).status for path in ("/broken", "/away", "/notes/x")] == [500, 503, 422]
    broken, away, wrong = observed.spans()
    assert (broken.status.status_code, broken.attributes["error.type"]) == (trace.StatusCode.ERROR, "ValueError")
    (event,) = broken.events
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.message"] == "no login with password=***"
    assert "in broken" in event.attributes["exception.stacktrace"]
    assert "hunter2" not in event.attributes["exception.stacktrace"].replace('raise ValueError("no', "")
    assert (away.status.status_code, away.attributes["error.type"]) == (trace.StatusCode.ERROR, "503")
    assert (wrong.status.status_code, "error.type" in wrong.attributes) == (trace.StatusCode.UNSET, False)
    with pytest.raises(ValueError):
        Client(observed.app, interface=interface).get("/broken")


def test_metrics(observed: Observed) -> None:
    client = Client(observed.app, raise_errors=False)
    for path in ("/notes/1", "/notes/2", "/broken", "/nowhere/1", "/nowhere/2"):
        client.get(path)
    client.request("BREW", "/nowhere")
    counts = {
        (point["http.request.method"], point.get("http.route"), point["http.response.status_code"]): data["count"]
        for point, data in observed.points("http.server.request.duration")
    }
    assert counts == {
        ("GET", "/notes/{id}", 200): 2,
        ("GET", "/broken", 500): 1,
        ("GET", None, 404): 2,
        ("_OTHER", None, 404): 1,
    }
    assert {data["value"] for _, data in observed.points("http.server.active_requests")} == {0}
    assert [span.name for span in observed.spans()][-3:] == ["GET", "GET", "HTTP"]


def test_a_request_over_its_time_limit_is_one_span() -> None:
    slow = Observed(limits=Limits(timeout=0.1))

    @slow.app.get("/")
    async def stuck() -> str:
        await asyncio.sleep(10)
        return "x"

    with Client(slow.app) as client:
        assert client.get("/").status == 503
    (span,) = slow.spans()
    assert span.attributes["error.type"] == "503"
    assert span.end_time - span.start_time > 100_000_000  # nanoseconds
    assert {data["value"] for _, data in slow.points("http.server.active_requests")} == {0}


def test_a_request_whose_client_has_left_ends_its_span() -> None:
    left = Observed()

    @left.app.get("/")
    async def stuck() -> str:
        await asyncio.sleep(10)
        return "x"

    async def leaves() -> None:
        async with AsyncClient(left.app) as client:
            task = asyncio.create_task(client.get("/"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            del task
            gc.collect()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tests before this one left to the collector is not asked here
        gc.collect()
    asyncio.run(leaves())
    assert [span.attributes["error.type"] for span in left.spans()] == ["cancelled"]
    assert {data["value"] for _, data in left.points("http.server.active_requests")} == {0}


def test_the_log_has_the_trace(observed: Observed) -> None:
    line = ""

    @observed.app.middleware
    def note(request: Request) -> Generator[None, Response, Response]:
        nonlocal line
        line = JSONFormatter().format(logging.makeLogRecord({"msg": "in the request"}))
        return (yield)

    answer = Client(observed.app).get("/notes/1")
    fields = json.loads(line)
    assert fields["request_id"] == answer.headers["x-request-id"]
    assert fields["trace_id"] == f"{observed.spans()[-1].context.trace_id:032x}"
    assert "trace_id" not in json.loads(JSONFormatter().format(logging.makeLogRecord({"msg": "outside"})))


def test_without_the_library() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from wholestack import SetupError\nfrom wholestack.observe import Telemetry, outgoing_headers\n"
        "print(outgoing_headers())\n"
        "try:\n    Telemetry()\nexcept SetupError as error:\n    print(error.faults[0].cure)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "{}\npip install wholestack[otel]\n", done.stderr


def test_sockets_that_are_open(observed: Observed) -> None:
    @observed.app.socket("/talk/{room}")
    async def talk(room: str, socket: Socket[str, str]) -> None:
        async for text in socket:
            await socket.send(text)

    def opened() -> list[tuple[Any, int]]:
        return [(where, point["value"]) for where, point in observed.points("wholestack.sockets.open")]

    with Client(observed.app) as client:
        with client.socket("/talk/a") as one, client.socket("/talk/b") as two:
            for line in (one, two):
                line.send("hello")
                assert line.receive(str) == "hello"
            assert opened() == [({"http.route": "/talk/{room}"}, 2)]
        assert opened() == [({"http.route": "/talk/{room}"}, 0)]
    assert observed.spans() == []


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_messages_of_sockets_and_their_bytes(observed: Observed, interface: Any) -> None:
    @observed.app.socket("/talk/{room}")
    async def talk(room: str, socket: Socket[str, bytes]) -> None:
        async for text in socket:
            await socket.send(text.encode() * 2)

    with (
        Client(observed.app, interface=interface) as client,
        client.socket("/talk/a") as one,
        client.socket("/talk/b") as two,
    ):
        for line, text in ((one, "tea"), (two, "thé"), (one, "")):
            line.send(text)
            assert line.receive(bytes) == text.encode() * 2

    def told(name: str) -> dict[str, int]:
        points = observed.points(name)
        assert {where["http.route"] for where, _ in points} == {"/talk/{room}"}
        return {where["network.io.direction"]: point["value"] for where, point in points}

    assert told("wholestack.sockets.messages") == {"receive": 3, "transmit": 3}
    assert told("wholestack.sockets.io") == {"receive": 7, "transmit": 14}
