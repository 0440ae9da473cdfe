"""A computed column that gets another type: written where a database can do it, and said where it cannot."""

from __future__ import annotations

import decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import Shop
from wholestack.db import Exact, Mapped
from wholestack.migrations import Answers, ChangeUnclear, check, make


def twice(kind: Any) -> Any:
    """A release whose table has a column of this type that is computed."""

    def declare(base: Any) -> None:
        class Note(base):
            __tablename__ = "note"
            id: Mapped[int] = mapped_column(primary_key=True)
            a: Mapped[int] = mapped_column(sa.Integer)
            twice: Mapped[Any] = mapped_column(kind, sa.Computed("a * 2", persisted=True), nullable=True)

    return declare


def test_a_computed_column_gets_another_type(kind: str, tmp_path: Path) -> None:
    with databases.fresh(kind, tmp_path) as url:
        shop = Shop(url, tmp_path / "migrations")
        shop.make(twice(sa.BigInteger()))
        with shop.release(twice(sa.BigInteger())).session() as db:
            db.execute(sa.text("INSERT INTO note (id, a) VALUES (1, 4)"))
        answers = Answers(converts={"note.twice"})
        if kind == "mariadb":
            with pytest.raises(ChangeUnclear, match=r"note\.twice is computed, and has another form.*--empty"):
                make(shop.release(twice(sa.Integer())), "another type", answers)
        else:
            shop.make(twice(sa.Integer()), answers)
            assert check(shop.release(twice(sa.Integer()))) == []
        assert databases.rows(url, "SELECT a, twice FROM note") == [(4, 8)]
        shop.close()


def invoice(base: Any) -> None:
    """A release whose table reckons with decimals."""

    def computed(kind: Any, expression: Any) -> Any:
        return mapped_column(kind, sa.Computed(expression, persisted=True), nullable=True)

    class Line(base):
        __tablename__ = "line"
        id: Mapped[int] = mapped_column(primary_key=True)
        price: Mapped[decimal.Decimal] = mapped_column(Exact(12, 2))
        rate: Mapped[decimal.Decimal] = mapped_column(Exact(6, 4))
        count: Mapped[int] = mapped_column(sa.Integer)
        total: Mapped[Any] = computed(Exact(14, 2), price * count)
        tax: Mapped[Any] = computed(Exact(14, 4), price * rate)
        both: Mapped[Any] = computed(Exact(14, 6), price + rate)
        whole: Mapped[Any] = computed(Exact(14, 4), count)
        cents: Mapped[Any] = computed(sa.Integer, price * 100)
        dear: Mapped[Any] = computed(sa.Boolean, price > decimal.Decimal("10.5"))


@pytest.mark.parametrize("made", ["tables", "migrations"])
def test_what_is_computed_of_decimals_is_right(kind: str, tmp_path: Path, made: str) -> None:
    with databases.fresh(kind, tmp_path) as url:
        shop = Shop(url, tmp_path / "migrations")
        database = shop.release(invoice)
        if made == "tables":
            database.create_tables()
        else:
            shop.make(invoice)
            assert check(database) == []
            assert make(database, "nothing").files == ()
        table = database.models.metadata.tables["line"]
        with database.session() as db:
            values = {"price": decimal.Decimal("12.34"), "rate": decimal.Decimal("0.1900"), "count": 3}
            db.execute(sa.insert(table).values(id=1, **values))
            found = [*db.execute(sa.select(table)).mappings().one().values()][4:]
        told = ["37.02", "2.3446", "12.530000", "3.0000", "1234", "True"]
        assert [*map(str, found)] == told
        shop.close()
