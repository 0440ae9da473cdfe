from dataclasses import dataclass

import pytest

from wholestack import App, SetupError

app = App()


@dataclass
class Note:
    text: str


@dataclass
class Author:
    name: str


@app.post("/notes")
def add(note: Note, author: Author) -> str:
    return "added"


def test_two_bodies() -> None:
    with pytest.raises(SetupError, match="two-bodies"):
        app.seal()
