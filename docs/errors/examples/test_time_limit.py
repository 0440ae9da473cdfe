import asyncio

from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/slow", timeout=0.1)
async def slow() -> str:
    await asyncio.sleep(60)
    return "done"


def test_a_minute_is_too_long() -> None:
    answer = Client(app).get("/slow")
    assert (answer.status, answer.json()["code"]) == (503, "time-limit")
