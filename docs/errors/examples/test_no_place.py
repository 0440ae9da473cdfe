import pytest

from wholestack import App, SetupError

app = App()


@app.get("/search")
def search(filters: dict[str, int]) -> str:
    return "found"


def test_no_place() -> None:
    with pytest.raises(SetupError, match="no-place"):
        app.seal()
