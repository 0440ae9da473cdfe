from dataclasses import dataclass

from wholestack import App
from wholestack.testing import Client

app = App()


@dataclass
class Note:
    text: str


@app.post("/notes")
def add(note: Note) -> str:
    return note.text


def test_json_that_says_it_is_text() -> None:
    answer = Client(app).post("/notes", body=b'{"text": "hi"}', headers={"content-type": "text/plain"})
    assert (answer.status, answer.json()["code"]) == (415, "unsupported-media-type")
