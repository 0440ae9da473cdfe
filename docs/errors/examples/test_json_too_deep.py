from typing import Any

from wholestack import App, Body
from wholestack.testing import Client

app = App()


@app.post("/notes")
def add(note: Body[Any]) -> str:
    return "added"


def test_a_hundred_and_one_levels() -> None:
    answer = Client(app).post("/notes", body=b"[" * 101 + b"]" * 101, headers={"content-type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (400, "json-too-deep")
