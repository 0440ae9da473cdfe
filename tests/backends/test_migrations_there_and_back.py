"""What `migrations_there_and_back` finds, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import Shop, write
from wholestack.db import Database, ForeignKey, Mapped
from wholestack.testing import SchemaDiffers, migrations_there_and_back


def first(Base: Any) -> None:
    class Author(Base):
        __tablename__ = "author"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(50), unique=True)


def second(Base: Any) -> None:
    first(Base)

    class Note(Base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(sa.String(50), index=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("author.id", ondelete="CASCADE"))


@pytest.fixture
def shop(kind: str, tmp_path: Path) -> Iterator[Shop]:
    with databases.fresh(kind, tmp_path) as url:
        found = Shop(url, tmp_path / "migrations")
        yield found
        found.close()


def test_those_that_make_has_written(shop: Shop) -> None:
    for release in (first, second):
        shop.make(release)
    database = shop.release(second)
    before = database.url
    migrations_there_and_back(database)
    assert database.url == before


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        ('op.add_column("a", sa.Column("more", sa.Integer))', "pass", "a: column more was INTEGER"),
        ('op.create_index("by_id", "a", ["id"])', "pass", "a: index by_id was"),
        ("pass", 'op.drop_table("a")', "a is there"),
    ],
    ids=["forgotten", "index", "too much"],
)
def test_one_that_does_not_take_back_what_it_did(shop: Shop, up: str, down: str, said: str) -> None:
    create = 'op.create_table("a", sa.Column("id", sa.Integer, primary_key=True))'
    database = shop.release(lambda _: None)
    write(shop.folder, "0001_first", None, create, 'op.execute("DROP TABLE IF EXISTS a")')
    write(shop.folder, "0002_second", "0001", up, down)
    with pytest.raises(SchemaDiffers, match="0001_first") as raised:
        migrations_there_and_back(database)
    assert said in str(raised.value).replace("INTEGER(display_width=11)", "INTEGER")


def test_none_at_all(tmp_path: Path) -> None:
    migrations_there_and_back(Database("sqlite://", migrations=None))
    migrations_there_and_back(Database("sqlite://", migrations=str(tmp_path / "none")))
