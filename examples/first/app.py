"""Notes: an API in one file. Run it with `wholestack dev examples/first/app.py`."""

# [models]
from typing import Annotated

from pydantic import BaseModel, Field

from wholestack import App, NotFound, Partial


class NewNote(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=200)]
    tags: list[str] = []


class Note(NewNote):
    id: int


# [/models]
# [store]
class Notes:
    """All notes, in memory, by their number."""

    def __init__(self) -> None:
        self._by_id: dict[int, Note] = {}

    def add(self, new: NewNote) -> Note:
        note = Note(id=len(self._by_id) + 1, **new.model_dump())
        self._by_id[note.id] = note
        return note

    def tagged(self, tag: str | None) -> list[Note]:
        return [note for note in self._by_id.values() if tag is None or tag in note.tags]

    def get(self, id: int) -> Note:
        if id not in self._by_id:
            raise NotFound("There is no note of this number.")
        return self._by_id[id]


# [/store]
# [app]
app = App(title="Notes")
app.provide(Notes, scope="app")
# [/app]


# [add]
@app.post("/notes", status=201)
def add_note(new: NewNote, notes: Notes) -> Note:
    """Add a note."""
    return notes.add(new)


# [/add]
# [list]
@app.get("/notes")
def list_notes(notes: Notes, tag: str | None = None) -> list[Note]:
    """All notes, or those with a tag."""
    return notes.tagged(tag)


# [/list]
# [read]
@app.get("/notes/{id}", errors=(NotFound,))
def read_note(id: int, notes: Notes) -> Note:
    """One note."""
    return notes.get(id)


# [/read]
# [change]
@app.patch("/notes/{id}", errors=(NotFound,))
def change_note(id: int, changes: Partial[NewNote], notes: Notes) -> Note:
    """Change what is sent, and nothing else."""
    return changes.apply(notes.get(id))


# [/change]
