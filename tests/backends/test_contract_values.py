"""Values of each type go in and come out the same, on each database; what a column cannot hold is told, and not lost."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import databases
from backends.models import Base, Note, Size, Thing, app_on
from wholestack import App
from wholestack.db import Database, Session, select
from wholestack.testing import Client

UTC = datetime.UTC
PLUS = datetime.timezone(datetime.timedelta(hours=5, minutes=45))

VALUES: dict[str, tuple[Any, ...]] = {
    "moment": (
        datetime.datetime(2026, 11, 22, 10, 0, 0, 123456, UTC),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        datetime.datetime(2026, 11, 22, 1, 0, tzinfo=PLUS),
        datetime.datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC),
    ),
    "day": (datetime.date(2026, 2, 28), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    "money": (
        decimal.Decimal("0.1"),
        decimal.Decimal("-99999999999999.9999"),
        decimal.Decimal("12345678901234.5678"),
        decimal.Decimal(0),
    ),
    "key": (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.uuid4()),
    "size": (Size.SMALL, Size.LARGE),
    "data": ({}, {"a": [1, 2.5, None, True, {"b": "ü"}]}, {"quote": "'\"\\%"}),
    "words": ([], ["a", "", "'; DROP TABLE thing; --"], ["𝄞", "e\u0301"]),
    "raw": (b"", bytes(range(256)), b"\x00" * 1000),
    "big": (0, -(2**63), 2**63 - 1),
    "text": ("", "%s %(a)s :b ? {c}", "line\nline\r\n\ttab", "𝄞 é e\u0301 \u202e", "x" * 255),
    "yes": (True, False),
    "number": (0.1, -1e308, 5e-324, 0.0),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_goes_in_comes_out(url: str, colour: Callable[[Any], Any], name: str) -> None:
    app = app_on(url)

    @app.post("/")
    @colour
    def keep(db: Session) -> int:
        things = [Thing(**{name: value}) for value in VALUES[name]]
        db.add_all(things)
        db.flush()
        for thing, value in zip(things, VALUES[name], strict=True):
            db.expire(thing)
            found = getattr(thing, name)
            assert (found, type(found)) == (value, type(value))
            same = (
                db.scalars(select(Thing).where(getattr(Thing, name) == value)) if name not in {"data", "words"} else []
            )
            assert thing in list(same) or name in {"data", "words", "number"}
        return len(things)

    with Client(app) as client:
        assert client.post("/").json() == len(VALUES[name])


@pytest.mark.parametrize(
    ("before", "after"), [({"a": 1}, {"a": True}), ({"a": [0.0]}, {"a": [False]}), ({"a": {"b": 1}}, {"a": {"b": 1.5}})]
)
def test_a_change_of_json_is_written_though_python_finds_none(url: str, before: Any, after: Any) -> None:
    """To Python `True` is 1; SQLAlchemy leaves out what has not changed."""
    app = app_on(url)
    for value in (before, after, before):
        with app.session() as db:
            thing = db.scalar(select(Thing)) or Thing()
            db.add(thing)
            thing.data = value
        with app.session() as db:
            assert str(db.scalars(select(Thing)).one().data) == str(value)


def test_json_that_is_the_same_is_not_written(url: str) -> None:
    app = app_on(url)
    with app.session() as db:
        db.add(Thing(data={"a": [1, {"b": None}], "c": "d"}))
    with app.session() as db:
        thing = db.scalars(select(Thing)).one()
        thing.data = {"c": "d", "a": [1, {"b": None}]}
        assert not db.is_modified(thing)


def test_moments_are_aware_and_in_utc(url: str) -> None:
    app = app_on(url)
    with app.session() as db:
        db.add(Thing(moment=datetime.datetime(2026, 11, 22, 1, 0, tzinfo=PLUS)))
    with app.session() as db:
        thing = db.scalars(select(Thing)).one()
        assert thing.moment == datetime.datetime(2026, 11, 21, 19, 15, tzinfo=UTC)
        assert thing.moment.tzinfo is UTC
        assert thing.created_at.tzinfo is UTC
        assert abs(datetime.datetime.now(UTC) - thing.created_at) < datetime.timedelta(hours=1)
        made, changed = thing.created_at, thing.updated_at
        thing.text = "changed"
        db.flush()
        assert (thing.created_at, thing.updated_at > changed) == (made, True)


def test_money_is_exact_where_the_database_counts(url: str) -> None:
    """Sums, order and comparison are the database's; on SQLite, too, no float is between."""
    app = app_on(url)
    cents = [decimal.Decimal(number) / 10 for number in (1, 2, 3, -5, 100)]
    with app.session() as db:
        db.add_all([Thing(money=value) for value in cents])
    from sqlalchemy import func

    with app.session() as db:
        assert db.scalars(select(Thing.money).order_by(Thing.money)).all() == sorted(cents)
        assert decimal.Decimal(db.scalar(select(func.sum(Thing.money))) or 0) == sum(cents)
        assert db.scalars(select(Thing.money).where(Thing.money > decimal.Decimal("0.25"))).all() != []
        assert db.scalar(
            select(Thing.money + decimal.Decimal("0.05")).order_by(Thing.money).limit(1)
        ) == decimal.Decimal("-0.45")


REFUSED: dict[str, tuple[str, Any]] = {
    "a moment without a zone": ("moment", datetime.datetime(2026, 1, 1)),  # noqa: DTZ001
    "a moment before the year 1 in UTC": ("moment", datetime.datetime(1, 1, 1, tzinfo=PLUS)),
    "a float as money": ("money", 0.1),
    "too many digits": ("money", decimal.Decimal("0.00001")),
    "a digit behind those that Python counts with": ("money", decimal.Decimal("1.00000000000000000000000000000001")),
    "an exponent beyond those that Python counts with": ("money", decimal.Decimal("1e1000000")),
    "too large an amount": ("money", decimal.Decimal(10) ** 14),
    "no number": ("money", decimal.Decimal("NaN")),
    "65 bits": ("big", 2**63),
    "65 bits below zero": ("big", -(2**63) - 1),
    "a lone surrogate": ("text", "\ud800"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_column_cannot_hold(url: str, kind: str, colour: Callable[[Any], Any], what: str) -> None:
    """It is a 422, nothing of the request is kept, and the connection goes on."""
    app = app_on(url)
    name, value = REFUSED[what]

    @app.post("/{how}")
    @colour
    def keep(how: str, db: Session) -> int:
        db.add(Thing(text="before"))
        db.flush()
        if how == "write":
            db.add(Thing(**{name: value}))
            db.flush()
        return len(db.scalars(select(Thing.id).where(getattr(Thing, name) == value)).all())

    with Client(app) as client:
        # MariaDB compares with a number of any size, and finds nothing.
        for how in ("write",) if kind == "mariadb" and name == "big" else ("write", "read"):
            answer = client.post(f"/{how}")
            assert (answer.status, answer.json()["code"]) == (422, "value-refused"), answer.text
            assert databases.rows(url, "SELECT COUNT(*) FROM thing") == [(0,)]


@pytest.mark.parametrize("text", ["nul \x00 in it", "x" * 256, "x" * 100_000])
def test_texts_that_some_databases_refuse(url: str, kind: str, text: str) -> None:
    """Kept as it is, or refused as a whole: never cut."""
    app = app_on(url)

    @app.post("/")
    def keep(db: Session) -> int:
        thing = Thing(text=text)
        db.add(thing)
        db.flush()
        db.refresh(thing)
        assert thing.text == text
        return 1

    refuses = {"postgresql": "\x00" in text, "mariadb": len(text) > 255, "sqlite": False}[kind]
    with Client(app) as client:
        assert client.post("/").status == (422 if refuses else 200)
    assert databases.rows(url, "SELECT COUNT(*) FROM thing") == [(0 if refuses else 1,)]


def test_a_key_that_no_row_can_have(url: str, kind: str) -> None:
    app = app_on(url)

    @app.get("/{id}")
    def read(id: int, db: Session) -> bool:
        return db.get(Note, id) is None

    with Client(app) as client:
        assert client.get("/1").json() is True
        answer = client.get(f"/{10**30}")
        assert (answer.status == 422 and answer.json()["code"] == "value-refused") or (kind, answer.text) == (
            "mariadb",
            "true",
        )


def test_constraints_have_names(url: str, kind: str) -> None:
    """Else no migration could drop them."""
    database = Database(url, models=Base)
    app = App()
    app.use(database)
    database.create_tables()
    from sqlalchemy import inspect

    inspector = inspect(database.engine)
    assert [each["name"] for each in inspector.get_foreign_keys("note")] == ["fk_note_author_id_author"]
    assert [each["name"] for each in inspector.get_unique_constraints("author")] == ["uq_author_name"]
    if kind != "mariadb":
        assert inspector.get_pk_constraint("note")["name"] == "pk_note"
    database.dispose()
