import pytest

from wholestack import App, NotFound
from wholestack.testing import Client, UnexpectedAnswer

app = App()


@app.get("/notes/{id}")
def note(id: int) -> str:
    raise NotFound("There is no note of this number.")


def test_a_note_that_is_not_there() -> None:
    with pytest.raises(UnexpectedAnswer, match="There is no note of this number"):
        Client(app).get("/notes/7").expect(200)
