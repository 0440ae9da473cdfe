"""What the rolling restart is tried on: events from a channel, whose messages are in a file, or in memory."""

from __future__ import annotations

import os
from pathlib import Path

from servers.stored import StoredBackend
from wholestack import App
from wholestack.realtime import Channel, Events, LastEventId, Live, MemoryBackend

app = App(docs=False)
file = os.environ.get("ROLLING_FILE")
app.use(Live(StoredBackend(Path(file)) if file else MemoryBackend(history=1000)))


@app.get("/follow")
async def follow(numbers: Channel[int], last: LastEventId) -> Events[int]:
    return Events(numbers.subscribe(after=last), retry=0.2)


@app.post("/say/{number}")
async def say(number: int, numbers: Channel[int]) -> str:
    return await numbers.publish(number)
