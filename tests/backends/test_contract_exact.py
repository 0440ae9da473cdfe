"""Decimals reckon the same on each database: SQLite keeps them as whole numbers, of which no answer may tell."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    bindparam,
    case,
    cast,
    exc,
    literal,
    literal_column,
    null,
    tuple_,
    type_coerce,
    union_all,
)

from wholestack.db import (
    Database,
    Exact,
    Mapped,
    Model,
    NotExact,
    Session,
    Table,
    delete,
    func,
    insert,
    mapped_column,
    select,
    update,
    upsert,
)
from wholestack.db._errors import answer_for

D = decimal.Decimal


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Item(Base):
    price: Mapped[D]
    off: Mapped[D] = mapped_column(Exact(18, 2), default=D("0.90"))
    count: Mapped[int] = mapped_column(default=3)
    weight: Mapped[float] = mapped_column(default=1.5)
    code: Mapped[str] = mapped_column(String(20), default="7.25")


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    database = Database(url, models=Base, migrations=None)
    database.create_tables()
    yield database
    database.dispose()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """Two rows: one of 12.5000, and one of 0.5000 that sums and means see, too."""
    with database.session() as db:
        db.execute(delete(Item))
        db.add_all([Item(id=1, price=D("12.50")), Item(id=2, price=D("0.50"), off=D("-2.25"), count=1)])
        db.flush()
        yield db
        db.rollback()


cost, less, pieces = Item.price, Item.off, Item.count
REST: dict[str, tuple[Any, str]] = {
    "times an integer": (cost * 2, "25"),
    "times a decimal": (cost * D("1.1"), "13.75"),
    "times many digits": (cost * D("1.123456789"), "14.0432098625"),
    "a number times it": (3 * cost, "37.5"),
    "by an integer": (cost / 2, "6.25"),
    "by a decimal": (cost / D("0.5"), "25"),
    "a number by it": (100 / cost, "8"),
    "a column by it": (pieces / cost, "0.24"),
    "by another scale": (less / cost, "0.072"),
    "the rest": (cost % 5, "2.5"),
    "plus": (cost + D("0.25"), "12.75"),
    "minus from": (20 - cost, "7.5"),
    "minus another scale": (cost - less, "11.6"),
    "another scale minus": (less - cost, "-11.6"),
    "times another scale": (cost * less, "11.25"),
    "plus an integer column": (cost + pieces, "15.5"),
    "an integer column minus": (pieces - cost, "-9.5"),
    "times an integer column": (cost * pieces, "37.5"),
    "an integer column times": (pieces * cost, "37.5"),
    "three of them": (cost + less + pieces, "16.4"),
    "three times": (cost * less * pieces, "33.75"),
    "integers first": (pieces + pieces + cost, "18.5"),
    "both kinds": ((cost - less) * pieces + 1, "35.8"),
    "negative": (-cost, "-12.5"),
    "of a product": (-(cost * D("1.1")), "-13.75"),
    "absolute": (func.abs(less - cost), "11.6"),
    "round": (func.round(cost), "13"),
    "round to one": (func.round(cost * D("1.01"), 1), "12.6"),
    "round half below zero": (func.round(-cost), "-13"),
    "floor": (func.floor(-cost), "-13"),
    "ceiling": (func.ceil(cost), "13"),
    "coalesce": (func.coalesce(null(), cost, 0), "12.5"),
    "coalesce to a number": (func.coalesce(func.nullif(cost, D("12.5")), 5), "5"),
    "coalesce to a decimal": (func.coalesce(func.nullif(cost, D("12.5")), D("1.25")), "1.25"),
    "coalesce to another scale": (func.coalesce(func.nullif(cost, D("12.5")), less), "0.9"),
    "coalesce from a number": (func.coalesce(pieces, cost), "3"),
    "case": (case((pieces > 1, cost), else_=0), "12.5"),
    "case else": (case((pieces > 9, cost), else_=5), "5"),
    "case of scales": (case((pieces > 9, cost), else_=less), "0.9"),
    "case of integers": (case((pieces > 1, pieces), else_=cost), "3"),
    "case by value": (case({D("12.5"): 1, D("0.5"): 2}, value=cost), "1"),
    "cast to a scale": (cast(cost * D("1.111"), Exact(18, 2)), "13.89"),
    "cast half up": (cast(cost / 100, Exact(18, 2)), "0.13"),
    "cast an integer": (cast(pieces, Exact(18, 2)), "3"),
    "cast a text": (cast(Item.code, Exact(18, 2)), "7.25"),
    "cast to an integer": (cast(cost, Integer), "13"),
    "type of an integer": (type_coerce(pieces, Exact(18, 2)) + less, "3.9"),
    "a labelled one": ((cost * 2).label("twice"), "25"),
    "a bound one": (cost * bindparam("factor", D("1.1")), "13.75"),
    "a literal": (cost * literal(D("1.5"), Exact(4, 2)), "18.75"),
    "an integer literal": (cost + literal(2), "14.5"),
    "a decimal literal": (cost + literal(D("2.5")), "15"),
    "in a query of its own": (select(func.max(cost)).scalar_subquery() * 2, "25"),
}


def _same(found: Any, expected: str) -> None:
    assert D(found) == D(expected)
    assert not isinstance(found, float)


@pytest.mark.parametrize("name", REST)
def test_one_number_by_another(db: Session, name: str) -> None:
    expression, expected = REST[name]
    _same(db.scalar(select(expression).where(Item.id == 1)), expected)
    below = select(expression.label("x")).where(Item.id == 1).subquery()
    _same(db.scalar(select(below.c.x)), expected)
    _same(db.scalar(select(func.max(below.c.x))), expected)
    _same(db.execute(select(expression, Item.id, expression).where(Item.id == 1)).one()[2], expected)


MANY: dict[str, tuple[Any, str]] = {
    "sum": (func.sum(cost), "13"),
    "sum twice": (func.sum(cost) * 2, "26"),
    "sum of products": (func.sum(cost * pieces), "38"),
    "sum of scales": (func.sum(cost - less), "14.35"),
    "sum of cases": (func.sum(case((pieces > 1, cost), else_=0)), "12.5"),
    "mean": (func.avg(cost), "6.5"),
    "mean twice": (func.avg(cost) * 2, "13"),
    "mean of another": (func.avg(less), "-0.675"),
    "mean of unlike ones": (func.avg(cost.distinct()), "6.5"),
    "mean of some": (func.avg(cost) + func.min(less), "4.25"),
    "least": (func.min(cost), "0.5"),
    "most": (func.max(cost), "12.5"),
    "count": (func.count(cost), "2"),
    "round of a mean": (func.round(func.avg(less), 2), "-0.68"),
    "coalesce of a sum": (func.coalesce(func.sum(cost), 0), "13"),
    "window": (func.sum(cost).over(), "13"),
    "window of means": (func.avg(cost).over(), "6.5"),
}


@pytest.mark.parametrize("name", MANY)
def test_one_number_of_many(db: Session, name: str) -> None:
    expression, expected = MANY[name]
    _same(db.scalars(select(expression)).first(), expected)
    below = select(expression.label("x")).subquery()
    _same(db.scalars(select(below.c.x)).first(), expected)


def test_means_of_some(db: Session, kind: str) -> None:
    if kind == "mariadb":
        pytest.skip("MariaDB knows no FILTER")
    _same(db.scalar(select(func.avg(cost).filter(pieces > 1))), "12.5")
    _same(db.scalars(select(func.avg(cost).filter(pieces > 1).over())).first() or 0, "12.5")


TRUE: dict[str, Callable[[], Any]] = {
    "more than an integer column": lambda: cost > pieces,
    "an integer column is less": lambda: pieces < cost,
    "equal over scales": lambda: cost - D("11.6") == less,
    "unequal over scales": lambda: cost != less,
    "products": lambda: cost * D("1.1") == D("13.75"),
    "products of scales": lambda: cost * less >= D("11.25"),
    "between numbers": lambda: cost.between(12, D("12.5")),
    "between columns": lambda: cost.between(pieces, less + 12),
    "a column between": lambda: pieces.between(less, cost),
    "one of numbers": lambda: cost.in_([D("12.5"), 13]),
    "one of products": lambda: (cost * 2).in_([25]),
    "one of columns": lambda: cost.in_([less, pieces, less + D("11.6")]),
    "none of columns": lambda: cost.not_in([less, pieces]),
    "one of a query": lambda: cost.in_(select(func.max(cost))),
    "distinct": lambda: cost.is_distinct_from(less),
    "there": lambda: cost.is_not(None),
    "more than the mean": lambda: select(func.avg(cost)).scalar_subquery() < cost,
    "as text": lambda: cast(less, String(20)) == "0.90",
    "like": lambda: cast(cost, String(20)).like("12.5%"),
    "pairs": lambda: tuple_(cost, pieces) > tuple_(D("12.4"), 9),
    "pairs of columns": lambda: tuple_(cost, pieces) > tuple_(pieces, cost),
    "as a float": lambda: cast(cost, Float) > 12.4,
}


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_of_the_first(db: Session, name: str) -> None:
    assert db.scalars(select(Item.id).where(TRUE[name](), Item.id == 1)).all() == [1]


def test_what_is_written_by_the_database(db: Session) -> None:
    def price() -> Any:
        return db.scalar(select(Item.price).where(Item.id == 1))

    for value, expected in (
        (cost * D("1.1"), "13.75"),
        (cost / 3, "4.5833"),
        (less, "0.9"),
        (pieces, "3"),
        (less * less, "0.81"),
        (select(func.avg(cost)).where(Item.id == 2).scalar_subquery(), "0.5"),
        (literal(2), "2"),
        (literal(D("1.25")), "1.25"),
        (D("1.00005") * cost, "1.2501"),
    ):
        db.execute(update(Item).where(Item.id == 1).values(price=value))
        _same(price(), expected)
    db.execute(update(Item).where(Item.id == 1).values({Item.price: cost + less}))
    _same(price(), "2.1501")
    db.execute(update(Item).where(Item.id == 1).ordered_values((Item.price, pieces), (Item.count, 5)))
    _same(price(), "3")
    item = db.get_one(Item, 1)
    db.refresh(item)
    item.price = Item.price * D("1.5")
    db.flush()
    _same(item.price, "4.5")


def test_what_is_inserted_by_the_database(db: Session) -> None:
    table: Any = Item.__table__
    rest = {"weight": 1, "code": "", "count": 1, "off": D(1)}
    db.execute(insert(table).values(id=7, price=select(func.max(less)).scalar_subquery(), **rest))
    db.execute(insert(table).values([{"id": 8, "price": cast(2, Integer), **rest}, {"id": 9, "price": D(3), **rest}]))
    found = db.scalars(select(Item.price).where(Item.id > 6).order_by(Item.id)).all()
    assert found == [D("0.9"), D(2), D(3)]
    names = ["id", "price", "off", "count", "weight", "code"]
    same = select(Item.id + 100, cost, less, pieces, Item.weight, Item.code).where(Item.id == 9)
    db.execute(insert(table).from_select(names, same))
    _same(db.scalar(select(cost).where(Item.id == 109)), "3")


def test_rows_that_are_there_already(db: Session, kind: str) -> None:
    upsert(db, Item, [{"id": 1, "price": D("4.25"), "off": D(1), "count": 1, "weight": 1, "code": ""}], on=["id"])
    _same(db.scalar(select(cost).where(Item.id == 1)), "4.25")
    if kind == "mariadb":
        return
    from sqlalchemy.dialects import postgresql, sqlite

    added: Any = (sqlite if kind == "sqlite" else postgresql).insert(Item)
    added = added.values(id=1, price=D(2), off=D("1.5"), count=1, weight=1, code="")
    for value, expected in (
        (added.excluded.price * D("1.1"), "2.2"),
        (added.excluded.off, "1.5"),
        (cost + pieces, "2.5"),
    ):
        db.execute(added.on_conflict_do_update(index_elements=["id"], set_={"price": value}))
        _same(db.scalar(select(cost).where(Item.id == 1)), expected)


def test_unions_of_one_scale(db: Session) -> None:
    both = union_all(
        select(cost.label("x")), select(cast(less, Exact(18, 4))), select(cast(pieces, Exact(18, 4)))
    ).subquery()
    _same(db.scalar(select(func.sum(both.c.x))), "15.65")


REFUSED: dict[str, Callable[[], Any]] = {
    "a function of the database": lambda: select(func.sqrt(cost)),
    "texts of it": lambda: select(func.group_concat(cost)),
    "a float": lambda: select(cost * Item.weight),
    "compared with a float": lambda: select(cost > Item.weight),
    "a numeric": lambda: select(cast(cost, Numeric(10, 2))),
    "what nobody knows": lambda: select(cost + literal_column("1")),
    "an operator of the database": lambda: select(cost.op("||")("1")),
    "floor division": lambda: select(cost // 2),
    "a union of scales": lambda: union_all(select(cost), select(less)),
    "a union with integers": lambda: union_all(select(cost), select(pieces)),
    "one of another scale": lambda: select(cost.in_(select(less))),
    "read as another type": lambda: select(type_coerce(cost, Integer)),
    "read with fewer digits": lambda: select(type_coerce(cost, Exact(18, 2))),
    "an insert of another scale": lambda: insert(Item).from_select(["price"], select(less)),
    "a floating sum": lambda: select(func.total(cost)),
}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", REFUSED)
def test_sqlite_refuses_what_it_could_not_reckon(db: Session, name: str) -> None:
    with pytest.raises(NotExact, match="SQLite"):
        db.execute(REFUSED[name]())


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "expression",
    [
        cost * D(100_000),
        cost * cost,
        func.sum(cost * 7),
        (cost + less) * 10,
        cost + less * 100,
        cost * 9 + cost,
        cast(Item.code, Exact(18, 2)),
    ],
    ids=["product", "square", "sum", "moved", "digits", "added", "no number"],
)
def test_sqlite_refuses_what_is_too_large(db: Session, expression: Any) -> None:
    db.execute(update(Item).values(price=D("99999999999999.9999"), off=D("9999999999999999.99"), code="x"))
    with pytest.raises(exc.DBAPIError) as caught:
        db.scalars(select(expression)).all()
    assert answer_for(caught.value).code == "value-refused"  # type: ignore[union-attr]
    db.rollback()
