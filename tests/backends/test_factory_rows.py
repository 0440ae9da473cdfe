"""Rows that `factory` makes are taken by each kind of database, and hold what their models say."""

from __future__ import annotations

import decimal
from typing import Annotated

import pydantic
from sqlalchemy import MetaData, SmallInteger, String

from wholestack.db import Database, Exact, Mapped, Model, Table, mapped_column, select
from wholestack.testing import factory

Year = Annotated[int, pydantic.Field(ge=1900, le=1910)]
Share = Annotated[float, pydantic.Field(ge=0.9, le=1.0)]
Price = Annotated[decimal.Decimal, pydantic.Field(gt=50)]
Code = Annotated[str, pydantic.Field(pattern=r"^[A-Z]{3}-[0-9]{4}$")]
Title = Annotated[str, pydantic.Field(min_length=20)]


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Album(Base):
    year: Mapped[Year] = mapped_column(SmallInteger())
    level: Mapped[int] = mapped_column(SmallInteger())
    share: Mapped[Share]
    price: Mapped[Price] = mapped_column(Exact(4, 2))
    code: Mapped[Code] = mapped_column(String(8))
    title: Mapped[Title] = mapped_column(String(30))


def test_what_annotations_say(url: str) -> None:
    database = Database(url, models=Base, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add_all(factory(Album).many(20))
    with database.session() as db:
        for album in db.scalars(select(Album)):
            assert 1900 <= album.year <= 1910 and 0.9 <= album.share <= 1.0 and album.price > 50
            assert album.code[3] == "-" and 20 <= len(album.title) <= 30
    database.dispose()
