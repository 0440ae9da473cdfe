"""Where Python cannot tell which rows belong together, the database says it for all peers at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ForeignKeyConstraint, MetaData, String
from sqlalchemy.orm import Session as AlchemySession
from sqlalchemy.orm import foreign, with_loader_criteria

from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Table,
    assert_queries,
    mapped_column,
    relationship,
    select,
)

_FOLDED = String(20).with_variant(String(20, collation="NOCASE"), "sqlite")
"""Texts that MariaDB and, with this collation, SQLite take for equal in either case."""


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Node(Base):
    code: Mapped[str] = mapped_column(_FOLDED, unique=True)
    above: Mapped[str | None] = mapped_column(_FOLDED)
    hidden: Mapped[bool] = mapped_column(default=False)
    parent: Mapped[Node | None] = relationship(
        primaryjoin=lambda: foreign(Node.above) == Node.code, remote_side=lambda: Node.code, back_populates="children"
    )
    children: Mapped[list[Node]] = relationship(
        primaryjoin=lambda: foreign(Node.above) == Node.code,
        remote_side=lambda: Node.above,
        back_populates="parent",
        order_by=lambda: Node.id.desc(),
    )


class Place(Base):
    __table_args__ = (ForeignKeyConstraint(["country", "region"], ["region.country", "region.code"]),)
    country: Mapped[str] = mapped_column(_FOLDED)
    region: Mapped[str] = mapped_column(_FOLDED)
    of: Mapped[Region] = relationship(back_populates="places")


class Region(Table):
    metadata = Base.metadata
    country: Mapped[str] = mapped_column(_FOLDED, primary_key=True)
    code: Mapped[str] = mapped_column(_FOLDED, primary_key=True)
    places: Mapped[list[Place]] = relationship(back_populates="of", order_by=lambda: Place.id)


class Writer(Base):
    name: Mapped[str]
    books: Mapped[list[Book]] = relationship(order_by=lambda: Book.id, back_populates="writer")


class Book(Base):
    writer_id: Mapped[int | None] = mapped_column(ForeignKey("writer.id"))
    writer: Mapped[Writer | None] = relationship(back_populates="books")
    pages: Mapped[list[Page]] = relationship(lazy="joined", order_by=lambda: Page.id)


class Page(Base):
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))


@pytest.fixture(scope="module")
def database(url: str, kind: str) -> Iterator[Database]:
    """The same in other letters, where the database takes them for equal."""
    other = str.upper if kind != "postgresql" else str
    database = Database(url, models=Base, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add_all([Node(id=1, code="a"), Node(id=2, code="b"), Node(id=3, code="c")])
        db.flush()
        for number, code in enumerate(["a", other("a"), other("b"), "b", "none"], 4):
            db.add(Node(id=number, code=f"n{number}", above=code, hidden=number == 5))
        db.add_all([Region(country="de", code="x"), Region(country="de", code="y"), Region(country="fr", code="x")])
        db.flush()
        for number, (country, code) in enumerate([("de", "x"), (other("de"), "y"), ("fr", other("x"))], 1):
            db.add(Place(id=number, country=country, region=code))
        db.add_all([Writer(id=1, name="One"), Writer(id=2, name="Two")])
        db.add_all([Book(id=each, writer_id=each % 2 + 1, pages=[Page(), Page()]) for each in range(1, 5)])
    yield database
    database.dispose()


def shown(value: Any) -> Any:
    return [shown(each) for each in value] if isinstance(value, list) else value and str(value)


RELATIONS = [(Node, "parent"), (Node, "children"), (Place, "of"), (Region, "places"), (Writer, "books")]


@pytest.mark.parametrize(("model", "name"), RELATIONS, ids=[f"{model.__name__}.{name}" for model, name in RELATIONS])
def test_the_database_says_which_rows_belong_together(database: Database, model: Any, name: str) -> None:
    ordered = select(model).order_by(*model.__table__.primary_key)
    with AlchemySession(database.engine) as plain:
        alone = [shown(getattr(each, name)) for each in plain.scalars(ordered)]
    with assert_queries(3), database.session() as db:
        assert [shown(getattr(each, name)) for each in db.scalars(ordered).all()] == alone
    assert any(alone)


def test_what_rows_were_loaded_with_holds_for_what_is_loaded(database: Database) -> None:
    shown_only = with_loader_criteria(Node, Node.hidden.is_(False), include_aliases=True)
    with AlchemySession(database.engine) as plain:
        alone = [shown(each.children) for each in plain.scalars(select(Node).options(shown_only).order_by(Node.id))]
    with database.session() as db:
        found = db.scalars(select(Node).options(shown_only).order_by(Node.id)).all()
        assert [shown(each.children) for each in found] == alone
    assert alone[:3] == [["<Node 4>"], ["<Node 7>", "<Node 6>"], []]


@pytest.mark.parametrize("changed", [4, 6])
def test_a_change_that_is_not_written_yet_counts(database: Database, changed: int) -> None:
    def parents(db: Any) -> list[Any]:
        nodes = db.scalars(select(Node).where(Node.id > 3).order_by(Node.id)).all()
        with db.no_autoflush:
            nodes[changed - 4].above = "c"
            return [shown(each.parent) for each in nodes]

    with AlchemySession(database.engine) as plain:
        alone = parents(plain)
    with database.session() as db:
        assert parents(db) == alone
        db.rollback()
    assert "<Node 3>" in alone


def test_what_is_changed_is_written_before(database: Database) -> None:
    def parents(db: Session) -> list[Any]:
        nodes = db.scalars(select(Node).where(Node.id > 3).order_by(Node.id)).all()
        nodes[2].above = nodes[3].above = "c"
        return [shown(each.parent) for each in nodes]

    with database.session() as db:
        assert parents(db) == ["<Node 1>", "<Node 1>", "<Node 3>", "<Node 3>", None]
        db.rollback()
