from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def answer() -> str:
    return "answered"


def test_a_question_of_eight_kib() -> None:
    answer = Client(app).get("/search?q=" + "a" * 8192)
    assert (answer.status, answer.json()["code"]) == (414, "target-too-long")
