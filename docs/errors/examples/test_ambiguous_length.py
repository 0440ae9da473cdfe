from wholestack import App
from wholestack.testing import Client

app = App()


@app.post("/")
def answer() -> str:
    return "answered"


def test_two_lengths() -> None:
    answer = Client(app).post("/", headers={"content-length": "5", "transfer-encoding": "chunked"})
    assert (answer.status, answer.json()["code"]) == (400, "ambiguous-length")
