from wholestack import App, Body, Limits
from wholestack.testing import Client

app = App(limits=Limits(body="1 KiB"))


@app.post("/notes")
def add(text: Body[str]) -> int:
    return len(text)


def test_a_body_of_two_kib() -> None:
    answer = Client(app).post("/notes", body=b"a" * 2_048)
    assert (answer.status, answer.json()["code"]) == (413, "body-too-large")
