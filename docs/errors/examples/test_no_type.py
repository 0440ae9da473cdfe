import pytest

from wholestack import App, SetupError

app = App()


@app.get("/hello")
def hello(name) -> str:
    return f"Hello, {name}!"


def test_no_type() -> None:
    with pytest.raises(SetupError, match="no-type"):
        app.seal()
