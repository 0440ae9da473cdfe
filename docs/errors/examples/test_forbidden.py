from wholestack import App
from wholestack.testing import Client

app = App()


def nobody() -> bool:
    return False


@app.get("/safe", needs=nobody)
def safe() -> str:
    return "gold"


def test_a_rule_says_no() -> None:
    answer = Client(app).get("/safe")
    assert (answer.status, answer.json()["code"]) == (403, "forbidden")
