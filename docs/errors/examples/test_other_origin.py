import pytest

from wholestack import App
from wholestack.realtime import Socket
from wholestack.testing import Client, SocketRefused

app = App()


@app.socket("/echo")
async def echo(socket: Socket[str, str]) -> None:
    async for text in socket:
        await socket.send(text)


def test_another_site() -> None:
    page = {"origin": "https://evil.example"}
    with pytest.raises(SocketRefused, match="other-origin"), Client(app).socket("/echo", headers=page):
        pass
