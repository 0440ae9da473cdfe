"""A computed column that gets another type: written where a database can do it, and said where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import Shop
from wholestack.db import Mapped
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
