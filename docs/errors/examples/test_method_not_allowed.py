from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/notes")
def notes() -> str:
    return "notes"


def test_nothing_to_delete() -> None:
    answer = Client(app).delete("/notes")
    assert (answer.status, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
