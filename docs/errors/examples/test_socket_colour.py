import pytest

from wholestack import App, SetupError
from wholestack.realtime import Socket

app = App()


@app.socket("/echo")
def echo(socket: Socket[str, str]) -> None:
    pass


def test_socket_colour() -> None:
    with pytest.raises(SetupError, match="socket-colour"):
        app.seal()
