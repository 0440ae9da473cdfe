from wholestack import App
from wholestack.realtime import Channel, Socket

app = App()


@app.socket("/chat/{room}")
async def chat(room: str, socket: Socket[str, str], lines: Channel[str]) -> None:
    async with lines.join(room, socket):
        async for line in socket:
            await lines.publish(line, room=room)
