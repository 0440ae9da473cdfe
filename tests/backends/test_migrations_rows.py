"""Rows dumped and loaded, exactly, on each kind of database; and encrypted anew, in parts."""

from __future__ import annotations

import datetime
import decimal
import enum
import io
import json
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator

import databases
from migrating import base
from wholestack.db import Database, Encrypted, ForeignKey, Mapped
from wholestack.migrations import DumpRefused, MigrationError, dump, load, reencrypt

KEYS = ["A" * 43 + "=", "B" * 43 + "="]


class Colour(enum.Enum):
    red = "r"
    green = "g"


class Reversed(TypeDecorator[str]):
    """A type of an app's own: what it makes of a value is none of a dump's."""

    impl = sa.String(50)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and value[::-1]

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return value and value[::-1]


def models(keys: list[str]) -> Any:
    Base = base()

    class Thing(Base):
        __tablename__ = "thing"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str | None] = mapped_column(sa.String(500))
        big: Mapped[int | None]
        real: Mapped[float | None]
        money: Mapped[decimal.Decimal | None]
        flag: Mapped[bool | None]
        blob: Mapped[bytes | None]
        at: Mapped[datetime.datetime | None]
        day: Mapped[datetime.date | None]
        time: Mapped[datetime.time | None]
        span: Mapped[datetime.timedelta | None] = mapped_column(sa.Interval(second_precision=6))
        key: Mapped[uuid.UUID | None]
        colour: Mapped[Colour | None]
        native: Mapped[Colour | None] = mapped_column(sa.Enum(Colour, name="native_colour"))
        data: Mapped[dict[str, Any] | None]
        secret: Mapped[str | None] = mapped_column(Encrypted(lambda: keys))
        back: Mapped[str | None] = mapped_column(Reversed)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("thing.id"))

    class Pair(Base):
        __tablename__ = "pair"
        a: Mapped[int] = mapped_column(ForeignKey("thing.id"), primary_key=True)
        b: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
        twice: Mapped[int] = mapped_column(sa.Computed("a * 2", persisted=True))

    class Left(Base):
        __tablename__ = "left_one"
        id: Mapped[int] = mapped_column(primary_key=True)
        right_id: Mapped[int | None] = mapped_column(ForeignKey("right_one.id", name="fk_left"))

    class Right(Base):
        __tablename__ = "right_one"
        id: Mapped[int] = mapped_column(primary_key=True)
        left_id: Mapped[int | None] = mapped_column(ForeignKey("left_one.id", name="fk_right"))

    return Base


def fill(database: Database, rows: list[dict[str, Any]]) -> None:
    thing, pair, left, right = (database.metadata.tables[name] for name in ("thing", "pair", "left_one", "right_one"))
    with database.engine.begin() as connection:
        connection.execute(left.update().values(right_id=None))
        connection.execute(thing.update().values(parent_id=None))
        for table in (pair, right, left, thing):
            connection.execute(table.delete())
        for number, row in enumerate(rows, 1):
            connection.execute(thing.insert().values(id=number, **{k: v for k, v in row.items() if v is not None}))
        # Rows that refer to later ones, to themselves, and around in a circle.
        connection.execute(thing.update().where(thing.c.id < len(rows)).values(parent_id=thing.c.id + 1))
        connection.execute(thing.update().where(thing.c.id == len(rows)).values(parent_id=thing.c.id))
        if rows:
            connection.execute(pair.insert().values(a=1, b="'; DROP"))
        connection.execute(left.insert().values(id=1))
        connection.execute(right.insert().values(id=2, left_id=1))
        connection.execute(left.update().values(right_id=2))


def dumped(database: Database) -> str:
    out = io.StringIO()
    dump(database, out.write)
    return out.getvalue()


def loaded(database: Database, text: str) -> dict[str, int]:
    return load(database, io.StringIO(text), replace=True, tell=lambda _: None)


def seen(database: Database) -> list[list[Any]]:
    with database.engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in database.metadata.sorted_tables
        ]


@pytest.fixture
def database(kind: str, tmp_path: Path) -> Iterator[Database]:
    with databases.fresh(kind, tmp_path) as url:
        found = Database(url, models=models(KEYS[:1]), migrations=None, pool=2)
        found.create_tables()
        yield found
        found.dispose()


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_null_of_json_and_none_are_two_things(database: Database) -> None:
    thing = database.metadata.tables["thing"]
    with database.engine.begin() as connection:
        connection.execute(thing.insert(), [{"id": 1, "data": sa.JSON.NULL}, {"id": 2, "data": {"a": None}}])
        connection.execute(thing.insert().values(id=3, data=sa.null()))
    text = dumped(database)
    loaded(database, text)
    asked = sa.select(thing.c.id).where(thing.c.data.is_(None))
    with database.engine.connect() as connection:
        assert connection.scalars(asked).all() == [3]
    assert dumped(database) == text


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_keys_go_on_after_those_that_were_loaded(database: Database) -> None:
    fill(database, [{"text": "a"}, {"text": "b"}])
    loaded(database, dumped(database))
    thing = database.metadata.tables["thing"]
    with database.engine.begin() as connection:
        assert connection.execute(thing.insert().values(text="c")).inserted_primary_key == (3,)


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_nothing_encrypted_is_in_the_open(database: Database) -> None:
    fill(database, [{"secret": "hunter2"}])
    assert "hunter2" not in dumped(database)


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_what_is_no_dump_changes_nothing(database: Database) -> None:
    fill(database, [{"text": "kept"}, {"text": "too"}])
    whole, before = dumped(database).splitlines(keepends=True), seen(database)
    row = next(line for line in whole if line.startswith('["thing",2'))
    lost = json.dumps([*json.loads(row)[:-1], 77]) + "\n"
    cases = {
        "is none of": whole[1:],
        "no JSON": [whole[0], "{"],
        "The file was cut": whole[:-1],
        "does not hold what its last line counts": [line for line in whole if not line.startswith('["pair"')],
        "is no row of a table of the first line": [whole[0], '["other",1]\n', *whole[1:]],
        "cannot be read": [whole[0], '["thing",1]\n', *whole[1:]],
        "have no table thing with the columns": [whole[0].replace('"text"', '"txet"'), *whole[1:]],
        "and this database has had": [whole[0].replace('"heads":[]', '"heads":["abc"]'), *whole[1:]],
        "refers to a row of thing that is not in the file|violates foreign key": [
            lost if line == row else line for line in whole
        ],
    }
    for message, lines in cases.items():
        with pytest.raises((DumpRefused, sa.exc.IntegrityError), match=message):
            load(database, lines, replace=True, tell=lambda _: None)
        assert seen(database) == before, message
    with pytest.raises(DumpRefused, match=r"has rows\. Load into an empty database, or say --replace"):
        load(database, whole, tell=lambda _: None)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_types_that_only_postgresql_has(kind: str, tmp_path: Path) -> None:
    Base = base()

    class Odd(Base):
        __tablename__ = "odd"
        id: Mapped[int] = mapped_column(primary_key=True)
        many: Mapped[list[int]] = mapped_column(sa.ARRAY(sa.BigInteger))
        place: Mapped[Any] = mapped_column(postgresql.INET)
        span: Mapped[Any] = mapped_column(postgresql.INT4RANGE)
        words: Mapped[Any] = mapped_column(postgresql.TSVECTOR)
        bits: Mapped[Any] = mapped_column(postgresql.BIT(4))

    with databases.fresh(kind, tmp_path) as url:
        database = Database(url, models=Base, migrations=None, pool=2)
        database.create_tables()
        connection = databases.connect(url)
        connection.execute("INSERT INTO odd VALUES (1, '{1,2}', '10.0.0.0/8', '[3,7)', 'cat:3 dog', B'1010')")
        before = connection.execute("SELECT * FROM odd").fetchall()
        text = dumped(database)
        assert json.loads(text.splitlines()[1])[1:4] == [1, {"list": [1, 2]}, "10.0.0.0/8"]
        loaded(database, text)
        assert connection.execute("SELECT * FROM odd").fetchall() == before
        connection.close()
        database.dispose()


def test_memory_does_not_grow_with_the_rows(kind: str, tmp_path: Path, long: bool) -> None:
    Base = base()

    class Row(Base):
        __tablename__ = "row_one"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(sa.String(200))

    few, many = 2_000, 400_000 if long else 20_000
    with databases.fresh(kind, tmp_path) as url:
        database = Database(url, models=Base, migrations=None, pool=2)
        database.create_tables()
        peaks = []
        for count in (few, many):
            table = Row.__table__
            with database.engine.begin() as connection:
                connection.execute(table.delete())
                for start in range(0, count, 2_000):
                    connection.execute(
                        table.insert(), [{"id": start + each + 1, "text": "x" * 200} for each in range(2_000)]
                    )
            path = tmp_path / f"{count}.jsonl"
            with path.open("w") as out:
                peaks.append(peak(lambda out=out: dump(database, out.write)))
            with path.open() as lines:
                peaks.append(peak(lambda lines=lines: load(database, lines, replace=True, tell=lambda _: None)))
        assert peaks[2] < peaks[0] + 1_000_000, peaks  # Ten times the rows, 4 MB more of them.
        assert peaks[3] < peaks[1] + 1_000_000, peaks
        database.dispose()


def peak(call: Any) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_encrypted_anew_in_parts(kind: str, tmp_path: Path) -> None:
    def secrets(keys: list[str]) -> Any:
        Base = base()

        class Two(Base):
            __tablename__ = "two"
            a: Mapped[int] = mapped_column(primary_key=True)
            b: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
            secret: Mapped[str | None] = mapped_column(Encrypted(lambda: keys))

        return Base

    with databases.fresh(kind, tmp_path) as url:
        old = Database(url, models=secrets([KEYS[0]]), migrations=None, pool=2)
        old.create_tables()
        table = old.metadata.tables["two"]
        rows = [
            {"a": number // 2, "b": str(number), "secret": None if number % 7 == 0 else f"s{number}"}
            for number in range(450)
        ]
        with old.engine.begin() as connection:
            connection.execute(table.insert(), rows)
        old.dispose()
        both = Database(url, models=secrets([KEYS[1], KEYS[0]]), migrations=None, pool=2)
        told: list[str] = []
        expected = sum(row["secret"] is not None for row in rows)
        assert reencrypt(both, told.append) == {"two.secret": expected}
        assert told == [f"two.secret: {expected} values encrypted anew."]
        assert reencrypt(both, told.append) == {"two.secret": 0}
        both.dispose()
        new = Database(url, models=secrets([KEYS[1]]), migrations=None, pool=2)
        with new.engine.connect() as connection:
            kept = connection.execute(sa.select(new.metadata.tables["two"])).mappings().all()
        assert sorted(map(dict, kept), key=lambda row: int(row["b"])) == rows
        new.dispose()
        lost = Database(url, models=secrets(["C" * 43 + "="]), migrations=None, pool=2)
        with pytest.raises(MigrationError, match="None of the keys decrypts this value"):
            reencrypt(lost, told.append)
        lost.dispose()


def test_numbers_that_the_database_alone_gives_are_loaded(kind: str, tmp_path: Path) -> None:
    """PostgreSQL refuses others than its own (``Identity(always=True)``), and goes on after those that were loaded."""
    Base = base()

    class Numbered(Base):
        __tablename__ = "numbered"
        id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("numbered.id"))

    with databases.fresh(kind, tmp_path) as url:
        database = Database(url, models=Base, migrations=None)
        database.create_tables()
        with database.session() as db:
            db.add_all([Numbered() for _ in range(3)])
            db.flush()
            db.get_one(Numbered, 1).parent_id = 3
            db.delete(db.get_one(Numbered, 2))
        lines: list[str] = []
        dump(database, lines.append)
        load(database, lines, replace=True, tell=lambda _: None)
        with database.session() as db:
            db.add(Numbered())
        assert databases.rows(url, "SELECT id, parent_id FROM numbered ORDER BY id") == [(1, 3), (3, None), (4, None)]
        if kind == "postgresql":
            (always,) = databases.rows(
                url,
                "SELECT identity_generation FROM information_schema.columns "
                "WHERE table_name = 'numbered' AND column_name = 'id'",
            )
            assert always == ("ALWAYS",)
        database.dispose()
