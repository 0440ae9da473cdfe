"""What docs/guides/debugging.md shows, and the tests that hold it."""

from __future__ import annotations

import logging
import time
from typing import Any

from wholestack import App
from wholestack.debug import LoopGuard, show_errors
from wholestack.testing import Client

# [production]
app = App(docs=False)
app.use(LoopGuard(limit=0.1, share=0.1))
# [/production]


# [blocks]
@app.get("/report")
async def report() -> str:
    time.sleep(0.3)  # Everybody waits.
    return "done"


# [/blocks]


# [does-not]
@app.get("/report-in-a-thread")
def report_in_a_thread() -> str:
    time.sleep(0.3)  # Nobody else waits: a `def` handler has a thread of its own.
    return "done"


# [/does-not]


def test_the_guard(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING), Client(app) as client:
        client.get("/report").expect(200)
        client.get("/report-in-a-thread").expect(200)
        time.sleep(0.05)
    (record,) = [each for each in caplog.records if each.name == "wholestack.loop"]
    assert record.code.startswith("time.sleep(0.3)")
    assert record.function == "report"


def test_the_page() -> None:
    shop = App(docs=False)
    show_errors(shop)

    # [broken]
    @shop.get("/mean")
    def mean(token: str) -> float:
        prices: list[float] = []
        return sum(prices) / len(prices)

    # [/broken]
    client = Client(shop, raise_errors=False)
    # [problem]
    answer = client.get("/mean?token=a-secret", headers={"host": "localhost:8000"})
    debug = answer.expect(500).json()["debug"]
    assert debug["error"] == "ZeroDivisionError: division by zero"
    assert debug["traceback"][-1].endswith("return sum(prices) / len(prices)")
    # [/problem]
    page = client.get("/mean?token=a-secret", headers={"host": "localhost", "accept": "text/html"}).text
    assert "<h1>division by zero</h1>" in page
    assert "a-secret" not in page
