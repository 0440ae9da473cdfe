"""A factor may have more digits than its column, and what is reckoned is compared with as many as it has."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData, exc

from wholestack.db import Database, Exact, Mapped, Model, Session, Table, func, mapped_column, select
from wholestack.db._errors import answer_for

D = decimal.Decimal


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Parcel(Base):
    price: Mapped[D]
    off: Mapped[D] = mapped_column(Exact(18, 2))
    pieces: Mapped[int]


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    database = Database(url, models=Base, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add(Parcel(price=D("12.5"), off=D("0.90"), pieces=3))
    yield database
    database.dispose()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    with database.session() as db:
        yield db
        db.rollback()


cost, less, pieces = Parcel.price, Parcel.off, Parcel.pieces
NUMBERS: dict[str, tuple[Callable[[], Any], str]] = {
    "nine digits": (lambda: cost * D("1.123456789"), "14.0432098625"),
    "the factor first": (lambda: D("1.123456789") * cost, "14.0432098625"),
    "a small one": (lambda: cost * D("1E-7"), "0.00000125"),
    "a large one": (lambda: cost * D("1E+9"), "12500000000"),
    "a text": (lambda: cost * "1.00001", "12.500125"),
    "divided": (lambda: cost / D("0.000125"), "100000"),
    "more is added to a product": (lambda: cost * D("1.1") + D("0.00025"), "13.75025"),
    "a product of products": (lambda: cost * D("1.00001") * D("1.00001"), "12.50025000125"),
    "of a sum": (lambda: func.sum(cost) * D("1.00001"), "12.500125"),
    "of unlike columns": (lambda: (cost - less) * D("1.00001"), "11.600116"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_factor_has_the_digits_that_it_has(db: Session, name: str) -> None:
    expression, expected = NUMBERS[name]
    assert db.scalar(select(expression())) == D(expected)


TRUE: dict[str, Callable[[], Any]] = {
    "a product": lambda: cost * D("1.123456789") == D("14.0432098625"),
    "a product is less": lambda: cost * D("1.1") < D("13.75001"),
    "a quotient": lambda: cost / 4 == D("3.125"),
    "a quotient of columns": lambda: pieces / cost == D("0.24"),
    "a large sum": lambda: cost + cost < D("150000000000000"),
    "between": lambda: (cost * D("1.00001")).between(D("12.500124"), D("12.500126")),
    "among": lambda: (cost * D("1.00001")).in_([D("12.500125"), 1]),
}


@pytest.mark.parametrize("name", TRUE)
def test_what_is_reckoned_is_compared_with_as_many_digits(db: Session, name: str) -> None:
    assert db.scalars(select(Parcel.id).where(TRUE[name]())).all() == [1]


@pytest.mark.parametrize("factor", ["1E+999999999", "1E-999999999", "9" * 10_000, "NaN", "Infinity", "a lot"])
def test_a_factor_that_is_far_too_long_is_refused_at_once(db: Session, factor: str) -> None:
    given: Any = factor if factor == "a lot" else D(factor)
    with pytest.raises(exc.StatementError) as caught:
        db.scalar(select(cost * given))
    assert answer_for(caught.value).code == "value-refused"  # type: ignore[union-attr]


def test_a_value_may_still_not(db: Session) -> None:
    for expression in (cost + D("0.00001"), cost == D("0.00001"), cost * 1.5):
        with pytest.raises(exc.StatementError) as caught:
            db.scalar(select(expression))
        assert answer_for(caught.value).code == "value-refused"  # type: ignore[union-attr]
