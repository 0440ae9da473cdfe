import pytest

from wholestack import App
from wholestack.errors import AnswerMismatch
from wholestack.testing import Client

app = App()


@app.get("/scores")
def scores() -> list[int]:
    return ["seven", "nine"]


def test_text_where_numbers_were_promised() -> None:
    assert Client(app, raise_errors=False).get("/scores").status == 500
    with pytest.raises(AnswerMismatch, match="at /0"):
        Client(app).get("/scores")
