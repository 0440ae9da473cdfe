from wholestack import App, TooManyRequests
from wholestack.testing import Client

app = App()


@app.get("/quote")
def quote() -> str:
    raise TooManyRequests("One quote a minute.", headers={"retry-after": "60"})


def test_too_often() -> None:
    answer = Client(app).get("/quote")
    assert (answer.status, answer.json()["code"]) == (429, "too-many-requests")
