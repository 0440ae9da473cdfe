import pytest

from wholestack import App
from wholestack.realtime import Socket
from wholestack.testing import Client, SocketEnded

app = App()


@app.socket("/one")
async def one(socket: Socket[None, int]) -> None:
    await socket.send(1)


def test_one_and_no_more() -> None:
    with Client(app).socket("/one") as socket:
        assert socket.receive(int) == 1
        with pytest.raises(SocketEnded) as ended:
            socket.receive()
    assert ended.value.closed == 1000
