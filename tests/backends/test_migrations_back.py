"""Migrations taken back one by one and applied again, and a database that somebody has changed by hand (row G5)."""

from __future__ import annotations

import contextlib
import decimal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import QUIET, Shop, schema
from servers import serving
from wholestack.db import ForeignKey, Mapped
from wholestack.migrations import Answers, migrate, rollback


def first(Base: Any) -> None:
    class Author(Base):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(50), unique=True)
        old: Mapped[str | None] = mapped_column(sa.String(50))


def second(Base: Any) -> None:
    """A table more, with a reference and an index."""
    first(Base)

    class Note(Base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(sa.String(50), index=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("author.id", ondelete="CASCADE"))


def third(Base: Any) -> None:
    """A column renamed, one that is new and full, a rule, an index over two, and text that is a number now."""

    class Author(Base):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(80))
        new: Mapped[str | None] = mapped_column(sa.String(50))
        level: Mapped[int] = mapped_column(server_default="1")
        paid: Mapped[decimal.Decimal | None]
        __table_args__ = (sa.CheckConstraint("level > 0", name="level_is_positive"), sa.Index(None, "name", "level"))

    class Note(Base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str | None] = mapped_column(sa.String(50))
        author_id: Mapped[int] = mapped_column(ForeignKey("author.id", ondelete="CASCADE"))


RELEASES: list[tuple[Callable[[Any], None], Answers | None]] = [
    (first, None),
    (second, None),
    (third, Answers(renames={"author.old": "new"})),
]


@pytest.fixture
def shop(kind: str, tmp_path: Path) -> Iterator[Shop]:
    with databases.fresh(kind, tmp_path) as url:
        found = Shop(url, tmp_path / "migrations")
        yield found
        found.close()


def test_G5_back_and_forth_the_schema_is_the_same(shop: Shop) -> None:
    """Each migration is taken back, from the last one on, and applied again: each time the schema is as it was there."""
    was, names = [schema(shop.url)], []
    for release, answers in RELEASES:
        names += shop.make(release, answers).files
        was.append(schema(shop.url))
    assert len(names) == 3
    assert len({repr(each) for each in was}) == 4, "each of them changes something"
    database = shop.release(third)
    for at in (2, 1, 0):
        assert len(rollback(database, how=QUIET)) == 1
        assert schema(shop.url) == was[at], f"back to {at}"
    for at in (1, 2, 3):
        migrate(database, to=f"000{at}", how=QUIET)
        assert schema(shop.url) == was[at], f"forth to {at}"
    rollback(database, to="base", how=QUIET)
    assert schema(shop.url) == was[0]


APP = """
from wholestack import App
from wholestack.db import Database, Mapped, Model


class Note(Model):
    text: Mapped[str]
    likes: Mapped[int]


app = App(docs=False)
app.use(Database())
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE note ADD COLUMN hand INTEGER", "The column note.hand is not among the models."),
        ("ALTER TABLE note DROP COLUMN likes", "The column note.likes is missing."),
        ("CREATE TABLE hand (id INTEGER)", "The table hand is not among the models."),
        ("DROP TABLE note", "The table note is missing."),
    ],
    ids=["column", "no column", "table", "no table"],
)
def test_G5_a_database_that_was_changed_by_hand_is_found(kind: str, change: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with databases.fresh(kind, tmp_path) as url:

        def typed(*words: str) -> tuple[int, str]:
            command = [sys.executable, "-m", "wholestack", "db", *words]
            environment = serving.environment(DATABASE_URL=url)
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

        for words in (("make", "first"), ("migrate",), ("check",)):
            code, output = typed(*words)
            assert code == 0, output
        with contextlib.closing(databases.connect(url)) as connection:
            connection.cursor().execute(change)
        code, output = typed("check")
        assert (code, said in output) == (1, True), output
