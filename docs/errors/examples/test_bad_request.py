from wholestack import App, BadRequest
from wholestack.testing import Client

app = App()


@app.get("/compare")
def compare(a: int | None = None, b: int | None = None) -> int:
    if a is None or b is None:
        raise BadRequest("Give both numbers, `a` and `b`.")
    return a - b


def test_half_a_question() -> None:
    answer = Client(app).get("/compare?a=1")
    assert (answer.status, answer.json()["code"]) == (400, "bad-request")
