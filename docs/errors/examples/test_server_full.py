import asyncio

from wholestack import App
from wholestack.testing import AsyncClient

app = App(concurrency=2)


@app.get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.05)
    return "done"


async def ask(times: int) -> list[int]:
    async with AsyncClient(app) as client:
        answers = await asyncio.gather(*(client.get("/slow") for _ in range(times)))
    return [answer.status for answer in answers]


def test_a_third_where_two_may_be() -> None:
    assert sorted(asyncio.run(ask(3))) == [200, 200, 503]
