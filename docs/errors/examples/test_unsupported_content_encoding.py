import gzip
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


def test_a_compressed_body() -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = Client(app).post("/notes", body=gzip.compress(b'{"text": "hi"}'), headers=headers)
    assert (answer.status, answer.json()["code"]) == (415, "unsupported-content-encoding")
