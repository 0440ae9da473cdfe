from wholestack import App
from wholestack.testing import Client

app = App()


@app.post("/")
def answer() -> str:
    return "answered"


def test_a_coding_that_nobody_knows() -> None:
    answer = Client(app).post("/", headers={"transfer-encoding": "xchunked"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-transfer-encoding")
