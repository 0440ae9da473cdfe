import pytest

from wholestack import App, SetupError

app = App()


class OutOfStock(Exception):
    """Nothing is left."""


@app.on_error(OutOfStock)
def sold_out(error: OutOfStock, language: str) -> str:
    return "sold out"


@app.get("/buy")
def buy() -> str:
    raise OutOfStock


def test_bad_error_handler() -> None:
    with pytest.raises(SetupError, match="bad-error-handler"):
        app.seal()
