"""A lazy load for all peers gives each row what a load of its own would give it, whatever the relation compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData, String, cast, func
from sqlalchemy.orm import Session as AlchemySession
from sqlalchemy.orm import aliased, attribute_keyed_dict, foreign, remote

from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Table,
    assert_queries,
    mapped_column,
    relationship,
    select,
)


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Owner(Base):
    name: Mapped[str]
    lowered: Mapped[list[Thing]] = relationship(
        primaryjoin=lambda: foreign(Thing.owner) == func.lower(Owner.name), viewonly=True, order_by=lambda: Thing.id
    )
    casted: Mapped[list[Thing]] = relationship(
        primaryjoin=lambda: foreign(Thing.reference) == cast(Owner.id, String(20)),
        viewonly=True,
        order_by=lambda: Thing.id,
    )
    raised: Mapped[list[Thing]] = relationship(
        primaryjoin=lambda: foreign(func.upper(Thing.owner)) == Owner.name, viewonly=True, order_by=lambda: Thing.id
    )
    named: Mapped[list[Thing]] = relationship(
        primaryjoin=lambda: Owner.name == foreign(Thing.owner), viewonly=True, order_by=lambda: Thing.id
    )
    several: Mapped[list[Thing]] = relationship(
        primaryjoin=lambda: foreign(Owner.name) == remote(Thing.owner),
        uselist=True,
        viewonly=True,
        order_by=lambda: Thing.id,
    )
    by_title: Mapped[dict[str, Thing]] = relationship(collection_class=attribute_keyed_dict("title"), viewonly=True)
    in_set: Mapped[set[Thing]] = relationship(viewonly=True)
    in_list: Mapped[list[Thing]] = relationship(viewonly=True, order_by=lambda: Thing.id.desc())


class Thing(Base):
    title: Mapped[str]
    owner: Mapped[str]
    reference: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"))
    used: Mapped[bool]
    country_code: Mapped[str | None] = mapped_column(String(2), ForeignKey("country.code"))
    country: Mapped[Country | None] = relationship(back_populates="things")


class Country(Table):
    metadata = Base.metadata
    code: Mapped[str] = mapped_column(String(2), primary_key=True)
    things: Mapped[list[Thing]] = relationship(back_populates="country", order_by=lambda: Thing.id)


_used = aliased(Thing, select(Thing).where(Thing.used).subquery())
Owner.used = relationship(_used, primaryjoin=Owner.id == _used.owner_id, viewonly=True, order_by=_used.id)


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    database = Database(url, models=Base, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add_all([Owner(id=1, name="Ann"), Owner(id=2, name="bob"), Owner(id=3, name="CAT")])
        db.add_all([Country(code="de"), Country(code="fr"), Country(code="it")])
        db.flush()
        for number, (owner, title) in enumerate(
            [("ann", "a"), ("Ann", "b"), ("bob", "c"), ("cat", "d"), ("CAT", "e"), ("BOB", "f")]
        ):
            code = ("de", "fr", None)[number % 3]
            holder = number % 2 + 1
            db.add(
                Thing(
                    id=number + 1,
                    title=title,
                    owner=owner,
                    reference=f"{number % 3 + 1}",
                    owner_id=holder,
                    used=number > 2,
                    country_code=code,
                )
            )
    yield database
    database.dispose()


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each.id for name, each in value.items()}
    if isinstance(value, set):
        return {each.id for each in value}
    return [each.id for each in value]


@pytest.mark.parametrize(
    "name", ["lowered", "casted", "raised", "named", "several", "by_title", "in_set", "in_list", "used"]
)
def test_each_relation_is_loaded_as_by_itself(database: Database, name: str) -> None:
    with AlchemySession(database.engine) as db:
        alone = [shown(getattr(owner, name)) for owner in db.scalars(select(Owner).order_by(Owner.id))]
    with assert_queries(3), database.session() as db:
        owners = db.scalars(select(Owner).order_by(Owner.id)).all()
        assert [shown(getattr(owner, name)) for owner in owners] == alone
        assert type(getattr(owners[0], name)) is type(getattr(owners[1], name))
    assert any(alone)


def test_texts_that_the_database_takes_for_equal_are_loaded_as_by_themselves(database: Database, kind: str) -> None:
    """MariaDB tells "DE" from "de" neither in a reference nor in a join."""
    with database.session() as db:
        if kind == "mariadb":
            db.get_one(Thing, 1).country_code = "DE"
    with AlchemySession(database.engine) as plain:
        alone = [each.country and each.country.code for each in plain.scalars(select(Thing).order_by(Thing.id))]
    with AlchemySession(database.engine) as plain:
        lists = [shown(each.things) for each in plain.scalars(select(Country).order_by(Country.code))]
    with database.session() as db:
        assert [each.country and each.country.code for each in db.scalars(select(Thing).order_by(Thing.id))] == alone
    with assert_queries(2), database.session() as db:
        assert [shown(each.things) for each in db.scalars(select(Country).order_by(Country.code))] == lists
    assert alone == ["de", "fr", None, "de", "fr", None]
    assert lists == [[1, 4], [2, 5], []]
