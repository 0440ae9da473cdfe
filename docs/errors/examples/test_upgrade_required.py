from wholestack import App
from wholestack.realtime import Socket
from wholestack.testing import Client

app = App()


@app.socket("/echo")
async def echo(socket: Socket[str, str]) -> None:
    async for text in socket:
        await socket.send(text)


def test_a_plain_get() -> None:
    answer = Client(app).get("/echo")
    assert (answer.status, answer.json()["code"]) == (426, "upgrade-required")
