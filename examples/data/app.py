"""Notes in a database: the example of the learn path's chapter on data."""

# [imports]
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wholestack import App, NotFound
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, mapped_column, relationship, select

# [/imports]


# [models]
class Note(Model):
    text: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped["Author"] = relationship(back_populates="notes")


class Author(Model):
    name: Mapped[str] = mapped_column(unique=True)
    notes: Mapped[list[Note]] = relationship(back_populates="author", order_by=Note.id)


# [/models]


# [wire]
class AuthorOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class NoteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    text: str
    done: bool
    author: AuthorOut


class NewNote(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=200)]
    author: Annotated[str, Field(min_length=1, max_length=50)]


# [/wire]

# [app]
app = App(title="Notes")
app.use(Database())
# [/app]


# [list]
@app.get("/notes", returns=list[NoteOut])
def list_notes(db: Session, done: bool = False) -> object:
    """The notes that are still to be done, or those that are done."""
    return db.scalars(select(Note).where(Note.done == done).order_by(Note.id)).all()


# [/list]


# [add]
@app.post("/notes", status=201, returns=NoteOut)
async def add_note(new: NewNote, db: Session) -> object:
    """Write a note; an author who is new is written down as well."""
    author = db.scalar(select(Author).where(Author.name == new.author)) or Author(name=new.author)
    note = Note(text=new.text, author=author)
    db.add(note)
    return note


# [/add]


# [finish]
@app.post("/notes/{id}/done", returns=NoteOut)
def finish_note(id: int, db: Session) -> object:
    """Say that a note is done."""
    note = db.get(Note, id)
    if note is None:
        raise NotFound(f"There is no note {id}.")
    note.done = True
    return note


# [/finish]
