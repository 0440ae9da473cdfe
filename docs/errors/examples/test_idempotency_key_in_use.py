import asyncio

from wholestack import App
from wholestack.middleware import Idempotency, idempotent
from wholestack.testing import AsyncClient

app = App()
app.use(Idempotency())


@app.post("/payments", needs=idempotent())
async def pay() -> str:
    await asyncio.sleep(0.2)
    return "paid"


async def pay_twice() -> list[int]:
    async with AsyncClient(app, headers={"idempotency-key": "8e03978e"}) as client:
        answers = await asyncio.gather(client.post("/payments"), client.post("/payments"))
    return sorted(answer.status for answer in answers)


def test_while_the_first_is_running() -> None:
    assert asyncio.run(pay_twice()) == [200, 409]
