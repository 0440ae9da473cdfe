from typing import Any

from wholestack import App, Body, Limits
from wholestack.testing import Client

app = App(limits=Limits(json_digits=100))


@app.post("/notes")
def add(note: Body[Any]) -> str:
    return "added"


def test_a_number_of_a_hundred_and_one_digits() -> None:
    answer = Client(app).post("/notes", body=b"[" + b"9" * 101 + b"]", headers={"content-type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (400, "json-number-too-long")
