import pytest

from wholestack import App
from wholestack.testing import BrokenAnswer, Client

app = App()


@app.get("/")
def home() -> str:
    return "plain text"


def test_text_that_is_read_as_json() -> None:
    with pytest.raises(BrokenAnswer, match="is not JSON"):
        Client(app).get("/").json()
