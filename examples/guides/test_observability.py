"""What docs/guides/observability.md shows, and the tests that hold it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from wholestack import App
from wholestack.observe import Health, Metrics, Telemetry, configure_logging, outgoing_headers
from wholestack.testing import Client

pytest.importorskip("prometheus_client", reason="the extra `prometheus` is not installed")
pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")


class Warehouse:
    answers = True


# [health]
async def warehouse_answers(warehouse: Warehouse) -> bool:
    return warehouse.answers


app = App(docs=False)
app.use(Health(warehouse_answers, patience=2.0))
# [/health]
app.provide(Warehouse, scope="app")

# [metrics]
app.use(Metrics())
# [/metrics]

# [telemetry]
app.use(Telemetry())
# [/telemetry]


# [log]
log = logging.getLogger("shop")


@app.get("/orders/{number}")
def order(number: int) -> dict[str, int]:
    log.info("order shown", extra={"number": number, "api_key": "a-secret"})
    return {"number": number}


# [/log]


# [outgoing]
@app.get("/stock")
async def stock() -> dict[str, str]:
    return outgoing_headers()  # header fields for the call to the other service


# [/outgoing]


def test_health() -> None:
    # [health-answers]
    client = Client(app)
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    Warehouse.answers = False
    answer = client.get("/health/ready").expect(503)
    assert answer.json() == {"status": "not ready", "failing": ["warehouse_answers"]}
    # [/health-answers]
    Warehouse.answers = True


def test_metrics() -> None:
    # [metrics-answers]
    client = Client(app)
    client.get("/orders/7")
    client.get("/orders/8")
    lines = client.get("/metrics").text.splitlines()
    assert 'wholestack_requests_total{method="GET",route="/orders/{number}",status="2xx"} 2.0' in lines
    # [/metrics-answers]


def test_outgoing() -> None:
    answer = Client(app).get("/stock")
    assert answer.json()["x-request-id"] == answer.headers["x-request-id"]


def test_log(monkeypatch: Any) -> None:
    root = logging.getLogger()
    before, stream = (root.handlers, root.level), io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    try:
        # [configure]
        configure_logging(json_lines=True)
        # [/configure]
        answer = Client(app).get("/orders/7")
    finally:
        root.handlers, root.level = before
    # [log-line]
    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"], line["number"]) == ("info", "order shown", 7)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["api_key"] == "***"
    # [/log-line]
