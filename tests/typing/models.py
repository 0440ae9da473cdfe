"""Models of a database: what their constructors take, what their attributes and queries are, to a type checker."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any, NewType, assert_type

from sqlalchemy import MetaData, ScalarResult
from sqlalchemy.orm import declared_attr

from wholestack import App
from wholestack.db import (
    AsyncSession,
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Table,
    Timestamps,
    UUIDModel,
    func,
    mapped_column,
    relationship,
    select,
)


class Shop(Table):
    """A base of one's own."""

    __abstract__ = True
    metadata = MetaData()


class Author(Model):
    name: Mapped[str]
    born: Mapped[datetime.date | None] = mapped_column(default=None)
    notes: Mapped[list[Note]] = relationship(back_populates="author")


class Note(Timestamps, Model):
    text: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship(back_populates="notes")


class Ticket(UUIDModel):
    __tablename__ = "admission"
    seat: Mapped[int]


class Named:
    """A mixin of one's own."""

    label: Mapped[str] = mapped_column(default="")


class Country(Named, Shop):
    __tablename__ = "country_of_origin"
    code: Mapped[str] = mapped_column(primary_key=True)


class Seat(Table):
    @declared_attr.directive
    def __tablename__(cls) -> str:
        return f"seat_{cls.__name__.lower()}"

    number: Mapped[int] = mapped_column(primary_key=True)


# -- making one --------------------------------------------------------------------------------------------------------

author = Author(name="Ann")
Author(name="Ann", born=datetime.date(1950, 1, 1), notes=[])
note = Note(text="milk")
Note(text="milk", done=True, author=author)
Note(text="milk", author_id=1)
Note(id=7, text="milk")
Ticket(seat=3)
Ticket(id=uuid.uuid4(), seat=3)
Country(code="ch")
Note(txet="milk")  # wrong
Note(text="milk", txet="milk")  # wrong
Note(text=1)  # wrong
Note("milk")  # wrong
Note()  # wrong
Note(text="milk", done="yes")  # wrong
Note(text="milk", author="Ann")  # wrong
Author(name="Ann", notes=[1])  # wrong
Ticket(id=3, seat=3)  # wrong
Ticket()  # wrong

# -- its attributes ----------------------------------------------------------------------------------------------------

assert_type(note.text, str)
assert_type(note.id, int)
assert_type(note.done, bool)
assert_type(note.author, Author | None)
assert_type(note.created_at, datetime.datetime)
assert_type(author.notes, list[Note])
assert_type(author.born, datetime.date | None)
assert_type(Ticket(seat=1).id, uuid.UUID)
assert_type(Country(code="ch").label, str)
note.txet = "milk"  # wrong
note.text = 3  # wrong
note.author = note  # wrong
author.notes.append(author)  # wrong
len(note.author.notes)  # wrong

# -- a session ---------------------------------------------------------------------------------------------------------

app = App()
Replica = NewType("Replica", Session)
app.use(Database("sqlite://"), Database("sqlite://", session=Replica, read_only=True, pool=5))
Database("sqlite://", poool=5)  # wrong
Database("sqlite://", pool="many")  # wrong


@app.get("/notes", queries=3)
def read(db: Session, replica: Replica) -> Sequence[str]:
    assert_type(db.get(Note, 1), Note | None)
    assert_type(db.get_one(Note, 1), Note)
    assert_type(db.scalars(select(Note)), ScalarResult[Note])
    assert_type(db.scalars(select(Note.text)).all(), Sequence[str])
    assert_type(db.scalar(select(func.count()).select_from(Note)), int | None)
    assert_type(replica.get(Note, 1), Note | None)
    for text, number in db.execute(select(Note.text, Note.id)):
        assert_type(text, str)
        assert_type(number, int)
    db.after(commit=lambda: None)
    db.after(comit=lambda: None)  # wrong
    db.add(3)
    db.nothing()  # wrong
    select(Note).where(Note.txet == 1)  # wrong
    return db.scalars(select(Note.text)).all()


@app.post("/notes", transaction="manual", retries=3)
async def write(db: AsyncSession) -> None:
    assert_type(await db.get(Note, 1), Note | None)
    db.add(Note(text="milk"))


@app.post("/more", transaction="none")  # wrong
def more(db: Session) -> None: ...


def script() -> Any:
    with app.session() as db:
        assert_type(db, Session)
        return db.get(Note, 1)


async def later() -> Any:
    async with app.session() as db:
        assert_type(db, AsyncSession)
        return await db.get(Note, 1)
