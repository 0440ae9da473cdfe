import asyncio
import time

from wholestack import App
from wholestack.testing import AsyncClient

app = App(threads=1)


@app.get("/slow")
def slow() -> str:
    time.sleep(0.05)
    return "done"


async def ask(times: int) -> list[int]:
    async with AsyncClient(app) as client:
        answers = await asyncio.gather(*(client.get("/slow") for _ in range(times)))
    return [answer.status for answer in answers]


def test_one_thread_and_a_queue_of_25() -> None:
    statuses = asyncio.run(ask(30))
    assert set(statuses) == {200, 503}
