from wholestack import App
from wholestack.testing import Client

app = App()


@app.post("/")
def answer() -> str:
    return "answered"


def test_a_body_of_less_than_nothing() -> None:
    answer = Client(app).post("/", headers={"content-length": "-5"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-content-length")
