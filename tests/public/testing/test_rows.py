"""Rows of tables from their models."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest

from wholestack.db import Database, ForeignKey, Mapped, Model, Table, UUIDModel, mapped_column, relationship, select
from wholestack.testing import CannotMake, factory, make


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Maker(UUIDModel):
    __tablename__ = "rows_maker"
    name: Mapped[str] = mapped_column(unique=True)


class Thing(Model):
    __tablename__ = "rows_thing"
    title: Mapped[str]
    price: Mapped[decimal.Decimal]
    colour: Mapped[Colour]
    made: Mapped[datetime.datetime]
    token: Mapped[uuid.UUID]
    heavy: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str | None] = mapped_column()
    maker_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rows_maker.id"))
    maker: Mapped[Maker] = relationship()


class Loose(Table):
    __tablename__ = "rows_loose"
    thing_id: Mapped[int] = mapped_column(ForeignKey("rows_thing.id"), primary_key=True)


def test_rows_are_different_valid_and_stored() -> None:
    database = Database("sqlite://")
    database.create_tables()
    things = factory(Thing)
    with database.session() as db:
        db.add_all([things(), things(), things(title="mine", heavy=True)])
    with database.session() as db:
        found = db.scalars(select(Thing).order_by(Thing.id)).all()
        assert len({each.token for each in found}) == 3 and len({each.maker.name for each in found}) == 3
        assert found[2].title == "mine" and found[2].heavy and not found[0].heavy
        assert found[0].comment is None and found[0].made.tzinfo is not None
    database.dispose()


def test_the_same_rows_in_each_run() -> None:
    assert [each.title for each in factory(Thing).many(3)] == [each.title for each in factory(Thing).many(3)]


def test_full_fills_what_may_be_left_out() -> None:
    assert factory(Thing, full=True)().comment


def test_a_given_row_is_referred_to() -> None:
    maker = make(Maker, name="Ann")
    assert make(Thing, maker=maker).maker is maker
    assert make(Thing, maker_id=uuid.UUID(int=1)).maker_id == uuid.UUID(int=1)


def test_a_reference_without_a_relationship_is_to_be_given() -> None:
    with pytest.raises(CannotMake, match="needs thing_id"):
        make(Loose)
    assert make(Loose, thing_id=3).thing_id == 3


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(CannotMake, match="has no field 'txet'"):
        make(Thing, txet="x")


class Vehicle(Model):
    __tablename__ = "rows_vehicle"
    name: Mapped[str]
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "vehicle"}


class Truck(Vehicle):
    __tablename__ = "rows_truck"
    id: Mapped[int] = mapped_column(ForeignKey("rows_vehicle.id"), primary_key=True)
    load: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "truck"}


class Van(Vehicle):
    __tablename__ = "rows_van"
    van_id: Mapped[int] = mapped_column(ForeignKey("rows_vehicle.id"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "van"}


@pytest.mark.parametrize("model", [Vehicle, Truck, Van])
def test_of_which_kind_a_row_is_and_its_key_are_not_made_up(model: Any) -> None:
    row = factory(model)()
    assert row.kind == model.__mapper__.polymorphic_identity
    assert row.id is None


class Country(Table):
    __tablename__ = "rows_country"
    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "country"}


class Island(Country):
    __tablename__ = "rows_island"
    code: Mapped[str] = mapped_column(ForeignKey("rows_country.code"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "island"}


class Realm(Country):
    __tablename__ = "rows_realm"
    realm_code: Mapped[str] = mapped_column(ForeignKey("rows_country.code"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "realm"}


@pytest.mark.parametrize("model", [Island, Realm])
def test_a_key_that_must_be_given_is_made_up_for_a_subclass_too(model: Any) -> None:
    row = factory(model)()
    assert row.code
    assert "realm_code" not in vars(row)
