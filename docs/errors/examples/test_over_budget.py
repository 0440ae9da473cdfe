import pytest

from wholestack import App
from wholestack.testing import Client, OverBudget, budget

app = App()


@app.get("/list")
async def everything() -> list[int]:
    return list(range(1000))


def test_an_answer_that_is_too_large() -> None:
    with Client(app) as client, pytest.raises(OverBudget, match="GET /list"), budget(bytes=1000):
        client.get("/list").expect(200)
