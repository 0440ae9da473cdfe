"""What the tests of the WebSocket protocol talk to: sockets that send back what they get."""

from __future__ import annotations

from wholestack import App
from wholestack.realtime import Socket

app = App(docs=False)


@app.socket("/text", message="16 MiB")
async def text(socket: Socket[str, str]) -> None:
    async for each in socket:
        await socket.send(each)


@app.socket("/bytes", message="16 MiB")
async def data(socket: Socket[bytes, bytes]) -> None:
    async for each in socket:
        await socket.send(each)


@app.socket("/small", message="1 KiB")
async def small(socket: Socket[str, str]) -> None:
    async for each in socket:
        await socket.send(each)
