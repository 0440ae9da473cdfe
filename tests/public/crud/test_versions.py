"""A model keeps its version whatever else it says of its mapping."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import declared_attr
from sqlalchemy.orm.exc import StaleDataError

from wholestack import SetupError
from wholestack.crud import Versioned
from wholestack.db import Database, ForeignKey, Mapped, Model, Table, mapped_column, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Plain(Versioned, Base): ...


class Ship(Versioned, Base):
    kind: Mapped[str] = mapped_column()
    name: Mapped[str] = mapped_column(default="")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "ship"}


class Sailing(Ship):
    id: Mapped[int] = mapped_column(ForeignKey("ship.id"), primary_key=True)
    masts: Mapped[int] = mapped_column(default=3)
    __mapper_args__ = {"polymorphic_identity": "sailing"}


class Eager(Versioned, Base):
    """It says what it says in a function."""

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"eager_defaults": True}


class Slow:
    """Mixed in before the version."""

    __mapper_args__ = {"eager_defaults": False}


class Mixed(Slow, Versioned, Base): ...


class Abstract(Versioned, Base):
    __abstract__ = True
    __mapper_args__ = {"eager_defaults": True}


class Concrete(Abstract): ...


class Numbered(Versioned, Base):
    """Its version is a column of its own."""

    revision: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": revision}


@pytest.mark.parametrize("model", [Plain, Ship, Sailing, Eager, Mixed, Concrete])
def test_a_version_beside_what_a_model_says_of_its_mapping(model: Any) -> None:
    table = (Ship if model is Sailing else model).__table__
    assert model.__mapper__.version_id_col is table.c.version_id


def test_what_a_model_says_itself_holds() -> None:
    assert Ship.__mapper__.polymorphic_identity == "ship"
    assert Eager.__mapper__.eager_defaults is Concrete.__mapper__.eager_defaults is True
    assert Mixed.__mapper__.eager_defaults is False
    assert Numbered.__mapper__.version_id_col is Numbered.__table__.c.revision


def test_a_version_that_would_be_lost_is_told() -> None:
    with pytest.raises(SetupError) as caught:

        class Behind(Base, Versioned):
            __mapper_args__ = {"eager_defaults": True}

    assert [each.code for each in caught.value.faults] == ["bad-crud"]


@pytest.mark.parametrize("model", [Ship, Sailing])
def test_a_change_of_what_has_changed_is_refused(model: Any) -> None:
    database = Database("sqlite://", models=Base, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add(model(name="a"))
        db.flush()
        row = db.scalars(select(model)).one()
        db.connection().exec_driver_sql("UPDATE ship SET version_id = 7")
        row.name = "b"
        with pytest.raises(StaleDataError):
            db.flush()
        db.rollback()
    database.dispose()


@pytest.mark.filterwarnings("ignore:Inheriting version_id_col")
def test_a_concrete_model_has_a_version_of_its_own() -> None:
    class Own(Plain):
        id: Mapped[int] = mapped_column(primary_key=True)
        version_id: Mapped[int] = mapped_column()
        __mapper_args__ = {"concrete": True, "version_id_col": version_id}

    version: Any = Own.__mapper__.version_id_col
    assert version is not None and version.table is Own.__table__
    with pytest.raises(SetupError) as caught:

        class Without(Plain):
            id: Mapped[int] = mapped_column(primary_key=True)
            __mapper_args__ = {"concrete": True}

    assert [each.code for each in caught.value.faults] == ["bad-crud"]
