from wholestack import App
from wholestack.realtime import Channel, MessagesMissed
from wholestack.testing import Client

app = App()


@app.get("/after/{id}")
async def after(id: str, news: Channel[str]) -> str:
    async for text in news.subscribe(after=id):
        return text
    return ""


def test_nobody_knows_that_id() -> None:
    answer = Client(app).get("/after/of-another-life")
    assert (answer.status, answer.json()["code"]) == (503, MessagesMissed.code)
