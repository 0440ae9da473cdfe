"""What a table of SQLite's keeps when it is made anew, and what is asked before something is said that may be clear."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import Shop
from wholestack.db import Exact, Mapped
from wholestack.migrations import Answers, ChangeUnclear, check, make


def note(*parts: Any, **columns: Any) -> Any:
    """A release whose only table has these columns and parts, each made anew."""

    def declare(base: Any) -> None:
        made = {name: each() for name, each in columns.items()}
        hints = {"id": Mapped[int], **dict.fromkeys(made, Mapped[Any])}
        body = {"__tablename__": "note", "__annotations__": hints, "id": mapped_column(primary_key=True), **made}
        type("Note", (base,), {**body, "__table_args__": tuple(part() for part in parts)})

    return declare


def number(**more: Any) -> Any:
    return lambda: mapped_column(sa.Integer, **more)


def computed(words: str, kind: Any = sa.Integer) -> Any:
    return lambda: mapped_column(kind, sa.Computed(words, persisted=True), nullable=True)


def test_columns_whose_names_and_types_hide_what_they_are_computed_of(shop: Shop) -> None:
    sums = {"subtotal": computed("a * 2", sa.Numeric(10, 2)), "total": computed("(a + 1) * 3")}
    shop.make(note(a=number(), **sums, b=number(nullable=True)))
    with shop.release(note()).session() as db:
        db.execute(sa.text("INSERT INTO note (id, a, b) VALUES (1, 4, 7)"))
    later = note(a=number(), **sums, b=number())
    shop.make(later)
    assert databases.rows(shop.url, "SELECT subtotal, total, b FROM note") == [(8, 15, 7)]
    assert check(shop.release(later)) == []
    other = note(a=number(), subtotal=sums["subtotal"], total=computed("(a + 1) * 4"), b=number())
    assert any("note.total is computed" in each for each in check(shop.release(other)))


def test_a_condition_of_several_lines_is_kept_whole(shop: Shop) -> None:
    def some() -> Any:
        return sa.Index("some", "a", sqlite_where=sa.text("a > 3\n AND a < 9"))

    shop.make(note(some, a=number(), b=number(nullable=True)))
    assert check(shop.release(note(some, a=number(), b=number(nullable=True)))) == []
    shop.make(note(some, a=number(), b=number()))
    ((sql,),) = databases.rows(shop.url, "SELECT sql FROM sqlite_master WHERE name = 'some'")
    assert " ".join(sql.split()).endswith("WHERE a > 3 AND a < 9")


def test_an_exact_column_that_goes_comes_back_as_one(shop: Shop) -> None:
    shop.make(note(a=number(), m=lambda: mapped_column(Exact(12, 2))))
    (file,) = shop.make(note(a=number()), Answers(drops={"note.m"})).files
    assert "db.Exact(12, 2)" in file.read_text().partition("def downgrade")[2]


def test_a_table_with_exact_columns_comes_back_with_them(shop: Shop) -> None:
    def other(base: Any) -> None:
        class Other(base):
            __tablename__ = "other"
            id: Mapped[int] = mapped_column(primary_key=True)

    def both(base: Any) -> None:
        other(base)
        note(m=lambda: mapped_column(Exact(12, 2)))(base)

    shop.make(both)
    (file,) = shop.make(other, Answers(drops={"note"})).files
    assert "db.Exact(12, 2)" in file.read_text().partition("def downgrade")[2]


def test_another_key_is_not_said_while_a_name_is_asked_for(shop: Shop) -> None:
    def declare(base: Any) -> None:
        class Note(base):
            __tablename__ = "note"
            number: Mapped[int] = mapped_column(primary_key=True)
            a: Mapped[int] = mapped_column(sa.Integer)

    shop.make(note(a=number()))
    with pytest.raises(ChangeUnclear) as caught:
        make(shop.release(declare), "another name")
    assert any("--rename note.id:number" in each for each in caught.value.questions)
    assert not any("The key of note" in each for each in caught.value.questions)
    with pytest.raises(ChangeUnclear, match="The key of note is id, and not number"):
        make(shop.release(declare), "another key", Answers(drops={"note.id"}, fills={"note.number": "1"}))
