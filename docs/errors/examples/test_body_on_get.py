from dataclasses import dataclass

import pytest

from wholestack import App, SetupError

app = App()


@dataclass
class Search:
    words: str
    page: int = 1


@app.get("/search")
def search(what: Search) -> str:
    return "found"


def test_body_on_get() -> None:
    with pytest.raises(SetupError, match="body-on-get"):
        app.seal()
