import pytest

from wholestack import App, SetupError

app = App()


@app.get("/notes/{id}")
def read(id: int) -> str:
    return f"note {id}"


@app.delete("/notes/{note_id}")
def remove(note_id: int) -> None:
    """Remove a note."""


def test_one_path_has_one_set_of_names() -> None:
    with pytest.raises(SetupError, match="field-names"):
        app.seal()
