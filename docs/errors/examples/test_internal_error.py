from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/share")
def share(people: int) -> float:
    return 100 / people


def test_what_nobody_thought_of() -> None:
    answer = Client(app, raise_errors=False).get("/share?people=0")
    assert (answer.status, answer.json()["code"]) == (500, "internal-error")
    assert "division" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
