from wholestack import App
from wholestack.realtime import Socket, SocketClosed
from wholestack.testing import Client

app = App()
ended: list[int] = []


@app.socket("/once")
async def once(socket: Socket[str, str]) -> None:
    await socket.close(1000)
    try:
        await socket.send("too late")
    except SocketClosed as error:
        ended.append(error.closed)
        raise


def test_it_is_closed() -> None:
    with Client(app).socket("/once"):
        pass
    assert ended == [1000]
