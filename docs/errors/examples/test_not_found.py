from wholestack import App, NotFound
from wholestack.testing import Client

app = App()


@app.get("/notes/{id}")
def note(id: int) -> str:
    raise NotFound("There is no note of this number.")


def test_no_such_note() -> None:
    answer = Client(app).get("/notes/7")
    assert (answer.status, answer.json()["code"]) == (404, "not-found")
