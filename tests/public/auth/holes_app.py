"""An app with holes, each beside its sound twin, for tests of who may reach what."""

from __future__ import annotations

import os
import uuid
from typing import ClassVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, MetaData

from wholestack import App, Form, Partial
from wholestack.auth import AccessRequired, Auth, UserMixin, logged_in, permission, policy, public
from wholestack.crud import found
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, Table, UUIDModel, func, mapped_column, select
from wholestack.mail import Mailing


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class User(UserMixin, UUIDModel, Base): ...


class Note(Model, Base):
    __tablename__ = "note"
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id))
    text: Mapped[str]


class Comment(Model, Base):
    __tablename__ = "comment"
    note_id: Mapped[int] = mapped_column(ForeignKey(Note.id))
    text: Mapped[str]


class NewNote(BaseModel):
    text: str


class NewComment(BaseModel):
    note_id: int
    text: str


@policy
def mine(user: User, note: Note) -> bool:
    return note.owner_id == user.id


@mine.where
def _(user: User) -> ColumnElement[bool]:
    return Note.owner_id == user.id


app = App(title="Holes", docs=False)
app.use(
    Database("sqlite:///never.db", models=Base, migrations=None),
    Mailing("a@example.org", "memory:", base_url="http://testserver"),
    Auth(User, secret="0123456789abcdef0123456789abcdef"),
    AccessRequired(),
)

if os.environ.get("HOLES") != "none":

    @app.get("/notes")
    def notes(user: User, db: Session) -> list[str]:
        return list(db.scalars(select(Note.text)))

    @app.get("/notes/{id}")
    def note(id: int, user: User, db: Session) -> str:
        return found(db.get(Note, id)).text

    @app.patch("/notes/{id}")
    def change(id: int, changes: Partial[NewNote], db: Session) -> None:
        changes.apply(found(db.get(Note, id)))

    @app.delete("/notes/{id}")
    def drop(id: int, user: User, db: Session) -> None:
        db.delete(found(db.get(Note, id)))

    @app.post("/comments")
    def comment(new: NewComment, user: User, db: Session) -> None:
        db.add(Comment(**new.model_dump()))

    @app.post("/comments/form")
    def comment_by_form(new: Form[NewComment], user: User, db: Session) -> None:
        db.add(Comment(**new.model_dump()))

    @app.get("/count")
    def count(user_id: uuid.UUID, user: User, db: Session) -> int | None:
        return db.scalar(select(func.count(Note.id)).where(Note.owner_id == user_id))


@app.get("/good", needs=logged_in)
def good_notes(user: User, db: Session) -> list[str]:
    return list(db.scalars(select(Note.text).where(mine.sql(user))))


@app.get("/good/{id}", needs=mine)
def good_note(note: Note) -> str:
    return note.text


@app.patch("/good/{id}", needs=mine)
def good_change(note: Note, changes: Partial[NewNote]) -> None:
    changes.apply(note)


@app.post("/good/{note_id}/comments", needs=mine.on("note_id"))
def good_comment(note: Note, text: Form[str], db: Session) -> None:
    db.add(Comment(note_id=note.id, text=text))


@app.get("/search", needs=public)
def search(words: str) -> str:
    return words


@app.get("/editors", needs=permission("notes.edit"))
def editors() -> str:
    return "in"


@app.get("/things/{thing}", needs=logged_in)
def thing(thing: str) -> str:
    return thing


@app.get("/fails/{id}", needs=public)
def fails(id: int) -> None:
    raise RuntimeError
