import pytest

from wholestack import App, SetupError

app = App()


@app.get("/search")
def search(**filters: str) -> str:
    return "found"


def test_bad_parameter() -> None:
    with pytest.raises(SetupError, match="bad-parameter"):
        app.seal()
