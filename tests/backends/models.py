"""The models of the tests of databases: authors, their notes, and a counter."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import MetaData

import databases
from wholestack import App
from wholestack.db import Database, ForeignKey, Mapped, Model, Table, Timestamps, mapped_column, relationship


class Base(Model):
    """Of these tests only: other modules' tables are none of theirs."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Author(Base):
    name: Mapped[str] = mapped_column(unique=True)
    notes: Mapped[list[Note]] = relationship(back_populates="author", order_by=lambda: Note.id)


class Note(Base):
    text: Mapped[str]
    likes: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="notes")


class Counter(Base):
    value: Mapped[int] = mapped_column(default=0)


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Thing(Timestamps, Base):
    """One column of each type."""

    moment: Mapped[datetime.datetime | None] = mapped_column(default=None)
    day: Mapped[datetime.date | None] = mapped_column(default=None)
    money: Mapped[decimal.Decimal | None] = mapped_column(default=None)
    key: Mapped[uuid.UUID | None] = mapped_column(default=None)
    size: Mapped[Size | None] = mapped_column(default=None)
    data: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    words: Mapped[list[str] | None] = mapped_column(default=None)
    raw: Mapped[bytes | None] = mapped_column(default=None)
    big: Mapped[int | None] = mapped_column(default=None)
    text: Mapped[str | None] = mapped_column(default=None)
    yes: Mapped[bool | None] = mapped_column(default=None)
    number: Mapped[float | None] = mapped_column(default=None)


class NoteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    text: str


class AuthorOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str
    notes: list[NoteOut]


def app_on(url: str, **options: Any) -> App:
    """An app with nothing but this database, whose tables are there and empty."""
    app = App()
    database = Database(url, models=Base, **options)
    app.use(database)
    empty(url)
    return app


_made: set[str] = set()


def empty(url: str) -> None:
    """Make the tables, and take away all that is in them."""
    if url not in _made:
        database = Database(url, models=Base)
        database.create_tables()
        database.dispose()
        _made.add(url)
    with contextlib.closing(databases.connect(url)) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.cursor().execute(f"DELETE FROM {table.name}")
