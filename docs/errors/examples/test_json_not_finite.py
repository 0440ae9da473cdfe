from typing import Any

from wholestack import App, Body
from wholestack.testing import Client

app = App()


@app.post("/notes")
def add(note: Body[Any]) -> str:
    return "added"


def test_not_a_number() -> None:
    answer = Client(app).post("/notes", body=b'{"score": NaN}', headers={"content-type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (400, "json-not-finite")
