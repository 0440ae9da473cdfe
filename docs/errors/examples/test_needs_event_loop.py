from wholestack import App
from wholestack.realtime import Events
from wholestack.testing import Client

app = App()


@app.get("/ticks")
async def ticks() -> Events[int]:
    return Events(range(3))


def test_under_wsgi() -> None:
    answer = Client(app, interface="wsgi").get("/ticks")
    assert (answer.status, answer.json()["code"]) == (501, "needs-event-loop")
