import pytest

from wholestack import App, SetupError

app = App()


@app.get("/notes")
def notes() -> str:
    return "notes"


@app.get("/notes")
def all_notes() -> str:
    return "all notes"


def test_same_route() -> None:
    with pytest.raises(SetupError, match="same-route"):
        app.seal()
