from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/search")
def search(q: str) -> str:
    return q


def test_a_broken_escape() -> None:
    answer = Client(app).get("/search?q=100%")
    assert (answer.status, answer.json()["code"]) == (400, "malformed-query")
