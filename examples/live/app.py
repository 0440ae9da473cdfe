"""Notes that everybody sees at once. Run it with `wholestack dev examples/live/app.py`."""

from collections.abc import Generator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from wholestack import App, File, Request, Response, wait
from wholestack.realtime import Channel, Events, LastEventId, Socket

HERE = Path(__file__).parent


# [models]
class NewNote(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=200)]


class Note(NewNote):
    id: int


# [/models]


# [store]
class Notes:
    """All notes, in memory."""

    def __init__(self) -> None:
        self.all: list[Note] = []

    def add(self, new: NewNote) -> Note:
        self.all.append(Note(id=len(self.all) + 1, text=new.text))
        return self.all[-1]


# [/store]
app = App(title="Live notes")
app.provide(Notes, scope="app")


# [publish]
@app.post("/notes", status=201)
def add_note(new: NewNote, notes: Notes, added: Channel[Note]) -> Note:
    """Add a note, and tell everybody who is watching."""
    note = notes.add(new)
    wait(added.publish(note))
    return note


# [/publish]


# [events]
@app.get("/notes/added")
async def watch(added: Channel[Note], last: LastEventId) -> Events[Note]:
    """Every note as it is added."""
    return Events(added.subscribe(after=last))


# [/events]


# [socket]
class Typing(BaseModel):
    """Who types, or has stopped."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    typing: bool


@app.socket("/typing")
async def typing(socket: Socket[Typing, Typing], seen: Channel[Typing]) -> None:
    """Tell all others who types."""
    async with seen.join("", socket):
        async for each in socket:
            await seen.publish(each)


# [/socket]


# [page]
@app.middleware
def policy(request: Request) -> Generator[None, Response, Response]:
    response = yield
    response.headers.set("content-security-policy", "default-src 'self'")
    return response


@app.get("/", hidden=True)
def page() -> File:
    return File(HERE / "page.html", inline=True)


@app.get("/page.js", hidden=True)
def script() -> File:
    return File(HERE / "page.js", inline=True)


# [/page]
