"""A lazy load on one row loads for all its peers, whatever the relation is made of, in either colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, MetaData
from sqlalchemy import Table as AlchemyTable
from sqlalchemy.orm import lazyload, selectinload

from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, Table, assert_queries, mapped_column, relationship, select
from wholestack.testing import Client


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


book_tag = AlchemyTable(
    "book_tag",
    Base.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Writer(Base):
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship(back_populates="writer", order_by=lambda: Book.id)


class Book(Base):
    title: Mapped[str]
    writer_id: Mapped[int | None] = mapped_column(ForeignKey("writer.id"))
    writer: Mapped[Writer | None] = relationship(back_populates="books")
    tags: Mapped[list[Tag]] = relationship(secondary=book_tag, order_by=lambda: Tag.id)
    cover: Mapped[Cover | None] = relationship(back_populates="book")


class Cover(Base):
    colour: Mapped[str]
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    book: Mapped[Book] = relationship(back_populates="cover")


class Tag(Base):
    name: Mapped[str]


class Shelf(Base):
    room: Mapped[int]
    row: Mapped[int]
    copies: Mapped[list[Copy]] = relationship(
        primaryjoin="and_(Shelf.room == foreign(Copy.room), Shelf.row == foreign(Copy.row))", viewonly=True
    )


class Copy(Base):
    room: Mapped[int]
    row: Mapped[int]


@pytest.fixture
def app(url: str) -> Any:
    app = App()
    database = Database(url, models=Base)
    app.use(database)
    Base.metadata.drop_all(database.engine)
    database.create_tables()
    with app.session() as db:
        tags = [Tag(name=name) for name in "abc"]
        for number in range(6):
            writer = Writer(name=f"w{number}")
            for part in range(number % 3):
                writer.books.append(
                    Book(title=f"{number}.{part}", tags=tags[: part + 1], cover=Cover(colour="red") if part else None)
                )
            db.add(writer)
        db.add(Book(title="of nobody", tags=[]))
        db.add_all([Shelf(room=1, row=number) for number in range(3)])
        db.add_all([Copy(room=1, row=number % 2) for number in range(5)])
    yield app
    Base.metadata.drop_all(database.engine)
    database.dispose()


def counted(app: App, colour: Callable[[Any], Any], most: int, work: Callable[[Session], Any]) -> Any:
    """What the work gives, in so many statements."""

    @app.get("/", returns=object)
    @colour
    def handle(db: Session) -> Any:
        return work(db)

    with Client(app) as client:
        with assert_queries(most) as watch:
            answer = client.get("/")
        assert answer.status == 200
        assert len([each for each, _ in watch.statements if "SELECT" in each]) == most
        return answer.json()


def test_one_to_many(app: App, colour: Callable[[Any], Any]) -> None:
    found = counted(app, colour, 2, lambda db: [len(w.books) for w in db.scalars(select(Writer).order_by(Writer.id))])
    assert found == [0, 1, 2, 0, 1, 2]


def test_many_to_one_and_nobody(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[str]:
        return [book.writer.name if book.writer else "-" for book in db.scalars(select(Book).order_by(Book.id))]

    assert counted(app, colour, 2, work) == ["w1", "w2", "w2", "w4", "w5", "w5", "-"]


def test_one_to_one(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[bool]:
        return [book.cover is not None for book in db.scalars(select(Book).order_by(Book.id))]

    assert counted(app, colour, 2, work) == [False, False, True, False, False, True, False]


def test_many_to_many(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[str]:
        return ["".join(tag.name for tag in book.tags) for book in db.scalars(select(Book).order_by(Book.id))]

    found = counted(app, colour, 3, work)
    assert found == ["a", "a", "ab", "a", "a", "ab", ""]


def test_by_two_columns(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[int]:
        return [len(shelf.copies) for shelf in db.scalars(select(Shelf).order_by(Shelf.row))]

    found = counted(app, colour, 3, work)
    assert found == [3, 2, 0]


def test_two_steps(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[int]:
        return [sum(len(book.tags) for book in w.books) for w in db.scalars(select(Writer).order_by(Writer.id))]

    assert counted(app, colour, 4, work) == [0, 1, 3, 0, 1, 3]


def test_who_says_how_to_load_is_heeded(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> list[int]:
        eager = db.scalars(select(Writer).options(selectinload(Writer.books)).order_by(Writer.id)).all()
        counts = [len(writer.books) for writer in eager]
        db.expunge_all()
        lazy = db.scalars(select(Writer).options(lazyload(Writer.books)).order_by(Writer.id).limit(2)).all()
        return [*counts, *[len(writer.books) for writer in lazy]]

    assert counted(app, colour, 5, work) == [0, 1, 2, 0, 1, 2, 0, 1]


def test_one_row_alone(app: App, colour: Callable[[Any], Any]) -> None:
    def work(db: Session) -> int:
        writer = db.get_one(Writer, 3)
        assert db.get(Writer, 3) is writer
        return len(writer.books)

    assert counted(app, colour, 2, work) == 2
