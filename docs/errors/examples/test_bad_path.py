import pytest

from wholestack import App, SetupError

app = App()


@app.get("/items/{id:number}")
def item(id: int) -> str:
    return f"item {id}"


def test_bad_path() -> None:
    with pytest.raises(SetupError, match="bad-path"):
        app.seal()
