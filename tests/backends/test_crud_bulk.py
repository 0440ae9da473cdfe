"""Many rows at once on each database, in either colour: inserts, upserts, COPY."""

from __future__ import annotations

import asyncio
import csv
import datetime
import decimal
import enum
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, UniqueConstraint
from sqlalchemy import Table as Plain
from sqlalchemy.exc import IntegrityError, OperationalError

import databases
from wholestack import App, Response, Stream
from wholestack.crud import Versioned
from wholestack.db import (
    Database,
    Duplicate,
    Mapped,
    Model,
    NoCopy,
    Session,
    Table,
    Timestamps,
    copy_in,
    copy_out,
    func,
    insert_many,
    mapped_column,
    read_many,
    select,
    text,
    upsert,
)
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class State(enum.Enum):
    NEW = "new"
    OLD = "old"


class Parcel(Timestamps, Versioned, Base):
    code: Mapped[str] = mapped_column(String(80))
    depot: Mapped[int] = mapped_column(default=1)
    slot: Mapped[int | None] = mapped_column(unique=True)
    grams: Mapped[int] = mapped_column(default=7)
    price: Mapped[decimal.Decimal] = mapped_column(default=decimal.Decimal("1.5"))
    state: Mapped[State] = mapped_column(default=State.NEW)
    words: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str | None] = mapped_column(default=None, onupdate="100% 'changed' :x")
    __table_args__ = (UniqueConstraint("code", "depot"),)


ONLY_POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@pytest.fixture
def app(url: str) -> App:
    app = App()
    database = Database(url, models=Base, migrations=None)
    app.use(database)
    database.create_tables()
    with database.engine.begin() as connection:
        connection.execute(Base.metadata.tables["parcel"].delete())
    return app


def told(url: str, what: str = "code, depot, grams, version_id", where: str = "1 = 1") -> list[tuple[Any, ...]]:
    return databases.rows(url, f"SELECT {what} FROM parcel WHERE {where} ORDER BY id")


def test_rows_are_inserted_with_the_models_defaults(app: App, url: str, colour: Colour) -> None:
    @app.post("/")
    @colour
    def load(db: Session) -> int:
        return insert_many(db, Parcel, ({"code": f"c{number}", "grams": number} for number in range(2500)))

    with Client(app) as client:
        assert client.post("/").json() == 2500
    assert told(url, where="grams IN (0, 2499)") == [("c0", 1, 0, 1), ("c2499", 1, 2499, 1)]
    with app.session() as db:
        one = db.scalars(select(Parcel).where(Parcel.grams == 5)).one()
        assert (one.price, one.state, one.words, one.note) == (decimal.Decimal("1.5"), State.NEW, [], None)
        assert db.scalar(select(func.count()).select_from(Parcel)) == 2500


def test_a_generator_is_read_as_it_is_needed(app: App) -> None:
    """Never more than a batch is in memory."""
    made = 0
    seen: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal made
        for number in range(30):
            made += 1
            yield {"code": f"{number}"}

    with app.session() as db:
        execute = db.execute
        db.execute = lambda *args, **options: (seen.append(made), execute(*args, **options))[1]  # type: ignore[method-assign]
        assert insert_many(db, Parcel, rows(), batch=10) == 30
    assert seen == [10, 20, 30]


def test_rows_with_different_names(app: App, url: str) -> None:
    with app.session() as db:
        rows = [{"code": "a"}, {"code": "b", "grams": 1}, {"grams": 2, "code": "c"}, {"code": "d"}]
        assert insert_many(db, Parcel, rows) == 4
    assert [row[:3] for row in told(url)] == [("a", 1, 7), ("b", 1, 1), ("c", 1, 2), ("d", 1, 7)]


def test_all_or_none(app: App, url: str) -> None:
    with pytest.raises(IntegrityError), app.session() as db:
        insert_many(db, Parcel, [{"code": "a"}, {"code": "b"}, {"code": "a"}], batch=1)
    assert told(url) == []


def test_upsert_changes_what_is_there_and_adds_the_rest(app: App, url: str, colour: Colour) -> None:
    with app.session() as db:
        db.add_all([Parcel(code="a", depot=1, grams=1), Parcel(code="a", depot=2, grams=2)])
    before = dict(told(url, "depot, created_at"))

    @app.post("/")
    @colour
    def load(db: Session) -> int:
        rows = [{"code": "a", "depot": 2, "grams": 20}, {"code": "b", "depot": 1, "grams": 30}]
        return upsert(db, Parcel, rows, on=["code", "depot"])

    with Client(app) as client:
        assert client.post("/").json() == 2
    assert told(url) == [("a", 1, 1, 1), ("a", 2, 20, 2), ("b", 1, 30, 1)]
    assert dict(told(url, "depot, created_at", "code = 'a'")) == before
    (changed,) = told(url, "updated_at, created_at, note", "depot = 2")
    assert changed[0] > changed[1]
    assert changed[2] == "100% 'changed' :x"


def test_the_same_row_twice_in_one_batch(app: App, url: str) -> None:
    with app.session() as db:
        upsert(db, Parcel, [{"code": "a", "depot": 1, "grams": n} for n in range(5)], on=["code", "depot"])
    assert told(url) == [("a", 1, 4, 5)]


def test_upsert_of_some_columns_and_of_none(app: App, url: str) -> None:
    row = {"code": "a", "depot": 1, "grams": 1, "slot": 1}
    with app.session() as db:
        upsert(db, Parcel, [row], on=["code", "depot"])
        upsert(db, Parcel, [{**row, "grams": 2, "slot": 9}], on=["code", "depot"], update=["grams"])
        upsert(db, Parcel, [{**row, "grams": 3}], on=["code", "depot"], update=[])
        upsert(db, Parcel, [{"code": "b", "depot": 1}], on=["code", "depot"])
    assert told(url, "code, grams, slot, version_id") == [("a", 2, 1, 2), ("b", 7, None, 1)]


def test_a_row_that_another_constraint_knows(app: App, url: str, kind: str) -> None:
    """MariaDB would change the row that it meets by any key, as if it were the one that is meant."""
    with app.session() as db:
        db.add_all([Parcel(code="a", slot=1), Parcel(code="b", slot=2)])
    for code, slot in (("new", 1), ("a", 2)):
        with pytest.raises(Duplicate if kind == "mariadb" and code == "new" else IntegrityError), app.session() as db:
            upsert(db, Parcel, [{"code": code, "depot": 1, "slot": slot, "grams": 99}], on=["code", "depot"])
    assert told(url, "code, slot, grams") == [("a", 1, 7), ("b", 2, 7)]


def test_a_conflict_is_a_409(app: App) -> None:
    with app.session() as db:
        db.add(Parcel(code="a", slot=1))

    @app.post("/")
    def load(db: Session) -> int:
        return upsert(db, Parcel, [{"code": "b", "depot": 1, "slot": 1}], on=["code", "depot"])

    with Client(app) as client:
        assert client.post("/").expect(409).json()["code"] == "duplicate"


def test_upsert_by_the_key(app: App, url: str) -> None:
    with app.session() as db:
        upsert(db, Parcel, [{"id": 7, "code": "a"}, {"id": 7, "code": "b"}], on=["id"])
    assert told(url, "id, code") == [(7, "b")]


# -- COPY ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"], indirect=True)
def test_copy_is_postgresqls(app: App) -> None:
    with app.session() as db:
        with pytest.raises(NoCopy, match="insert_many"):
            copy_in(db, Parcel, [{"code": "a"}])
        with pytest.raises(NoCopy):
            copy_out(db, Parcel)


NASTY = [
    "a",
    "",
    "tab\t",
    "new\nline",
    "\\N",
    "\\.",
    "back\\slash",
    "'",
    '"',
    ",",
    "é🎉",
    "=1+1",
    "%s",
    "x" * 79,
    "\r",
    "NULL",
]


@ONLY_POSTGRESQL
def test_copy_in_and_out(app: App, url: str, colour: Colour) -> None:
    @app.post("/")
    @colour
    def load(db: Session) -> int:
        rows = ({"code": code, "grams": number, "slot": None} for number, code in enumerate(NASTY))
        return copy_in(db, Parcel, rows)

    @app.get("/")
    @colour
    def read(db: Session) -> Response:
        statement = select(Parcel.code, Parcel.slot, Parcel.state).where(
            Parcel.grams < 99, Parcel.state == State.NEW, Parcel.code != "100%'\\", Parcel.code.in_(NASTY)
        )
        return Stream(copy_out(db, statement.order_by(Parcel.id)), media_type="text/csv")

    with Client(app) as client:
        assert client.post("/").json() == len(NASTY)
        text = client.get("/").expect(200).text
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["code", "slot", "state"]] + [
        [c, "", "new"] for c in NASTY
    ]
    with app.session() as db:
        rows = db.scalars(select(Parcel).order_by(Parcel.id)).all()
        assert [row.code for row in rows] == NASTY
        assert {(row.price, row.version_id) for row in rows} == {(decimal.Decimal("1.5"), 1)}
        assert rows[0].words == []
        assert rows[0].created_at <= datetime.datetime.now(datetime.UTC)


@ONLY_POSTGRESQL
@pytest.mark.parametrize("default", [lambda context: context.get_current_parameters()["code"], func.now()])
def test_copy_in_makes_no_default_that_is_not_pythons_alone(app: App, default: Any) -> None:
    table = Plain("crate", MetaData(), Column("code", String()), Column("tag", String(), default=default))
    with app.session() as db:
        table.create(db.connection())
        with pytest.raises(ValueError, match=r"default of crate\.tag"):
            copy_in(db, table, [{"code": "a"}])
        assert copy_in(db, table, [{"code": "a", "tag": "b"}]) == 1
        db.rollback()


@ONLY_POSTGRESQL
def test_copy_in_other_forms(app: App) -> None:
    with app.session() as db:
        assert copy_in(db, Parcel, []) == 0
        copy_in(db, Parcel, [{"code": "a"}])
        assert b"".join(copy_out(db, select(Parcel.code, Parcel.slot), format="text", header=False)) == b"a\t\\N\n"
        assert b"".join(copy_out(db, Parcel, format="binary")).startswith(b"PGCOPY\n")
        head = b"".join(copy_out(db, Parcel)).split(b"\n")[0].split(b",")
        assert set(head) == {column.name.encode() for column in Parcel.__table__.columns}


@ONLY_POSTGRESQL
def test_copy_of_what_cannot_be(app: App, url: str) -> None:
    """Nothing is written, and the connection can be used again."""

    @app.post("/{kind}")
    def load(kind: str, db: Session) -> int:
        rows: Any = {
            "duplicate": [{"code": "a"}, {"code": "a"}],
            "nul": [{"code": "a\0b"}],
            "long": [{"code": "x" * 81}],
        }[kind]
        return copy_in(db, Parcel, rows)

    def broken() -> Iterator[dict[str, Any]]:
        yield {"code": "a"}
        raise RuntimeError("the source broke")

    with Client(app) as client:
        assert client.post("/duplicate").expect(409).json()["code"] == "duplicate"
        assert client.post("/nul").expect(422).json()["code"] == "value-refused"
        assert client.post("/long").expect(422).json()["code"] == "value-refused"
    with pytest.raises(RuntimeError, match="broke"), app.session() as db:
        copy_in(db, Parcel, broken())
    with pytest.raises(ValueError, match="same names"), app.session() as db:
        copy_in(db, Parcel, [{"code": "a"}, {"code": "b", "grams": 1}])
    assert told(url) == []
    database = app.plugin(Database)
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@ONLY_POSTGRESQL
def test_nothing_else_while_a_copy_goes_on(app: App) -> None:
    """It is an error at once, and no wait for what never comes."""
    with app.session() as db:
        copy_in(db, Parcel, ({"code": f"{number}"} for number in range(5000)))
    with app.session() as db:
        chunks = copy_out(db, Parcel)
        next(chunks)
        with pytest.raises(OperationalError):
            db.scalar(select(func.count()).select_from(Parcel))
        chunks.close()  # type: ignore[attr-defined]
        db.rollback()
        assert db.scalar(select(func.count()).select_from(Parcel)) == 5000


@ONLY_POSTGRESQL
@pytest.mark.parametrize("way", ["in", "out"])
def test_a_copy_that_is_given_up_leaves_its_connection_clean(app: App, url: str, way: str) -> None:
    with app.session() as db:
        copy_in(db, Parcel, ({"code": f"{number}"} for number in range(1000)))
    begun = asyncio.Event()

    @app.post("/in")
    async def load(db: Session) -> int:
        from wholestack import wait

        def rows() -> Iterator[dict[str, Any]]:
            for number in range(10**6):
                yield {"code": f"new {number}", "depot": 9}
                if number == 1000:
                    begun.set()
                    wait(asyncio.sleep(60))

        return copy_in(db, Parcel, rows())

    @app.post("/out")
    async def read(db: Session) -> int:
        for _ in copy_out(db, select(Parcel.code, func.pg_sleep(0.01))):
            pass
        return 0

    async def give_up() -> int:
        async with AsyncClient(app) as client:
            asked = asyncio.ensure_future(client.post(f"/{way}"))
            await (asyncio.wait_for(begun.wait(), 20) if way == "in" else asyncio.sleep(0.3))
            asked.cancel()
            await asyncio.wait([asked])
            database = app.plugin(Database)
            for _ in range(500):
                if database.engine.pool.checkedout() == 0:  # type: ignore[attr-defined]
                    break
                await asyncio.sleep(0.02)
            return int(database.engine.pool.checkedout())  # type: ignore[attr-defined]

    assert asyncio.run(give_up()) == 0
    assert told(url, "max(id)", "depot = 9 GROUP BY id") == []
    with app.session() as db:
        assert db.scalar(select(func.count()).select_from(Parcel)) == 1000


# -- the time limit of a statement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True)
def test_who_takes_the_rows_slowly_gets_them_all(app: App, url: str, kind: str) -> None:
    """MariaDB counts the time in which rows are taken, PostgreSQL that of a COPY, as the statement's."""
    with app.session() as db:
        # More than fits on the way: the server must wait until it is taken.
        insert_many(db, Parcel, ({"code": f"{number}", "words": ["x" * 5_000]} for number in range(4_000)), batch=100)
    slow = App()
    slow.use(Database(url, models=Base, migrations=None, timeout=1))
    with slow.session() as db:
        ways: list[Iterator[Any]] = [read_many(db, select(Parcel), batch=100)]
        ways += [copy_out(db, select(Parcel.code, Parcel.words))] if kind == "postgresql" else []
        for rows in ways:
            first = next(rows)
            time.sleep(1.5)
            rest = list(rows)
            found = 1 + len(rest) if isinstance(first, Parcel) else b"".join([first, *rest]).count(b"\n") - 1
            assert found == 4_000
        # The limit is there again.
        ask = "SHOW statement_timeout" if kind == "postgresql" else "SELECT @@max_statement_time"
        assert str(db.scalar(text(ask))) in {"1s", "1.0"}


def test_who_leaves_in_the_middle_keeps_the_transaction(app: App, url: str) -> None:
    with app.session() as db:
        insert_many(db, Parcel, ({"code": f"{number}"} for number in range(3000)))
    with app.session() as db:
        db.add(Parcel(code="kept"))
        for parcel in read_many(db, select(Parcel).order_by(Parcel.id), batch=10):
            assert parcel.code == "0"
            break
        db.add(Parcel(code="kept, too"))
    assert told(url, "count(*)", "code LIKE 'kept%' GROUP BY id") == [(1,), (1,)]
