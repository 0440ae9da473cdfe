import pytest

from wholestack import App, SetupError

app = App()


@app.socket("/chat")
async def chat() -> None:
    pass


def test_no_socket() -> None:
    with pytest.raises(SetupError, match="no-socket"):
        app.seal()
