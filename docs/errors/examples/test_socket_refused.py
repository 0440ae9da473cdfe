import pytest

from wholestack import App
from wholestack.realtime import Socket
from wholestack.testing import Client, SocketRefused

app = App()


@app.socket("/echo")
async def echo(socket: Socket[str, str]) -> None:
    async for text in socket:
        await socket.send(text)


def test_nothing_is_there() -> None:
    with pytest.raises(SocketRefused) as refused, Client(app).socket("/nowhere"):
        pass
    assert refused.value.answer.status == 404
