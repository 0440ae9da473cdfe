"""The parts of a database: addresses, names, errors, slots, pools, sessions, keys, encrypted columns."""

from __future__ import annotations

import asyncio
import decimal
import importlib.util
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, exc
from sqlalchemy.pool import NullPool

from wholestack import App, SetupError
from wholestack.db import (
    Database,
    Encrypted,
    Exact,
    Mapped,
    Model,
    NotWritable,
    Session,
    SessionEnded,
    SessionInOtherTask,
    Table,
    UUIDModel,
    ValueRefused,
    mapped_column,
    select,
    text,
)
from wholestack.db._errors import answer_for, passes
from wholestack.db._models import table_name
from wholestack.db._room import no_room, warn_of_no_room
from wholestack.db._slots import Slots
from wholestack.db._urls import read_url
from wholestack.testing import Client


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Card(Base):
    name: Mapped[str]
    token: Mapped[str | None] = mapped_column(Encrypted(lambda: KEYS), default=None)


KEYS: list[str] = ["u3Uc-qAi9iiCv3fkBfRUAKrM1gH8w51-nVU8M8A73Jg="]


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kind", "driver"),
    [
        ("sqlite://", "sqlite", "sqlite+pysqlite"),
        ("sqlite:///a/b.db", "sqlite", "sqlite+pysqlite"),
        ("postgresql://u:p@h/n", "postgresql", "postgresql+psycopg"),
        ("postgres://u:p@h/n", "postgresql", "postgresql+psycopg"),
        ("postgresql+asyncpg://h/n", "postgresql", "postgresql+psycopg"),
        ("mariadb://h/n", "mariadb", "mariadb+pymysql"),
        ("mysql://h/n", "mariadb", "mysql+pymysql"),
    ],
)
def test_addresses(address: str, kind: str, driver: str) -> None:
    found, url = read_url(address)
    assert (found, url.drivername) == (kind, driver)


@pytest.mark.parametrize("address", ["", "nonsense", "oracle://h/n", "https://example.org"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(SetupError, match="bad-database-url"):
        read_url(address)


def test_a_driver_that_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"wholestack\[pg\]"):
        read_url("postgresql://h/n")


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    assert Database().url.database == f"{tmp_path}/x.db"
    monkeypatch.delenv("DATABASE_URL")
    assert Database().url.database == "app.db"


def test_no_password_is_shown() -> None:
    assert "secret" not in repr(Database("postgresql://me:secret@h/n"))
    assert "me" in repr(Database("postgresql://me:secret@h/n"))


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Note", "note"),
        ("OrderLine", "order_line"),
        ("HTTPRequestLog", "http_request_log"),
        ("Page2Version", "page2_version"),
    ],
)
def test_names_of_tables(name: str, expected: str) -> None:
    assert table_name(name) == expected


def test_what_an_object_shows_of_itself(app: App) -> None:
    """Its key only, and nothing that would have to be loaded."""
    card = Card(name="secret")
    assert repr(card) == "<Card new>"
    with app.session() as db:
        db.add(card)
        db.flush()
        assert repr(card) == "<Card 1>"
        db.expire(card)
        assert repr(card) == "<Card 1>"
    assert "secret" not in repr(card)


def test_a_uuid_is_made_before_the_row() -> None:
    class Ticket(UUIDModel):
        metadata = MetaData()

    assert Ticket.__table__.c.id.default.is_callable
    assert list(Ticket.__table__.columns.keys()) == ["id"]


@pytest.fixture
def app(tmp_path: Path) -> App:
    app = App()
    app.use(Database(f"sqlite:///{tmp_path}/test.db", models=Base))
    app.plugin(Database).create_tables()
    return app


# -- encrypted columns -------------------------------------------------------------------------------------------------


def test_encrypted_columns(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the table is none of the text; each key decrypts, and the first encrypts."""
    fernet = pytest.importorskip("cryptography.fernet")
    with app.session() as db:
        db.add_all([Card(name="ann", token="4111"), Card(name="bob", token=None)])
    with app.session() as db:
        (lies,) = db.execute(text("SELECT token FROM card WHERE name = 'ann'")).one()
        assert b"4111" not in bytes(lies)
        assert db.scalars(select(Card.token).order_by(Card.id)).all() == ["4111", None]
    new = fernet.Fernet.generate_key().decode()
    monkeypatch.setitem(globals(), "KEYS", [new, *KEYS])
    kind: Any = Card.__table__.c.token.type
    with app.session() as db:
        assert db.scalars(select(Card.token).where(Card.name == "ann")).one() == "4111"
    renewed = kind.renewed(bytes(lies))
    assert fernet.Fernet(new).decrypt(renewed) == b"4111"
    assert kind.renewed(renewed) is None
    with pytest.raises(ValueError, match="None of the keys"):
        kind.renewed(b"nonsense")


# -- errors ------------------------------------------------------------------------------------------------------------


class Said(Exception):
    """What a driver raises, as far as we look at it."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args)
        vars(self).update(attributes)


def answer(kind: type[exc.DBAPIError], orig: Said, *, lost: bool = False) -> str | None:
    found = answer_for(kind("SELECT 1", {}, orig, connection_invalidated=lost))
    return found.code if found is not None else None


@pytest.mark.parametrize(
    ("kind", "orig", "code"),
    [
        (exc.OperationalError, Said("x", sqlstate="40001"), "transaction-conflict"),
        (exc.IntegrityError, Said("x", sqlstate="23505"), "duplicate"),
        (exc.IntegrityError, Said("x", sqlstate="23503"), "constraint-failed"),
        (exc.OperationalError, Said("x", sqlstate="08006"), "database-away"),
        (exc.OperationalError, Said("x", sqlstate="53300"), "database-away"),
        (exc.OperationalError, Said("x", sqlstate="57014"), "statement-timeout"),
        (exc.DataError, Said("x", sqlstate="22003"), "value-refused"),
        (exc.ProgrammingError, Said("x", sqlstate="42601"), None),
        (exc.OperationalError, Said(1213, "deadlock", sqlstate="40001"), "transaction-conflict"),
        (exc.IntegrityError, Said(1062, "dup", sqlstate="23000"), "duplicate"),
        (exc.DataError, Said(1406, "too long"), "value-refused"),
        (exc.OperationalError, Said(2006, "MySQL server has gone away"), "database-away"),
        (exc.OperationalError, Said("locked", sqlite_errorname="SQLITE_BUSY_RECOVERY"), "database-busy"),
        (exc.OperationalError, Said("disk I/O error", sqlite_errorname="SQLITE_IOERR_WRITE"), "database-away"),
        (exc.OperationalError, Said("full", sqlite_errorname="SQLITE_FULL"), "storage-full"),
        (exc.OperationalError, Said("readonly", sqlite_errorname="SQLITE_READONLY"), "database-not-writable"),
        (exc.OperationalError, Said("syntax error", sqlite_errorname="SQLITE_ERROR"), None),
        (exc.OperationalError, Said("connection refused"), "database-away"),
    ],
)
def test_what_drivers_say_as_answers(kind: Any, orig: Said, code: str | None) -> None:
    assert answer(kind, orig) == code


def test_other_errors_as_answers() -> None:
    assert answer(exc.ProgrammingError, Said("x"), lost=True) == "database-away"
    assert answer_for(exc.InvalidRequestError("a mistake of the program")) is None
    assert passes(exc.OperationalError("x", {}, Said("x", sqlstate="40P01")))
    assert not passes(exc.IntegrityError("x", {}, Said("x", sqlstate="23505")))
    assert not passes(ZeroDivisionError())
    assert NotWritable().status == 503


# -- slots -------------------------------------------------------------------------------------------------------------


def test_slots_are_given_in_order_to_threads() -> None:
    slots, order = Slots(1), []
    assert slots.acquire(1)

    def take(number: int) -> None:
        assert slots.acquire(30)
        order.append(number)
        slots.release()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        while slots.waiting < number + 1:
            time.sleep(0.001)
    slots.release()
    for thread in threads:
        thread.join(30)
    assert order == list(range(5))
    assert (slots.taken, slots.waiting) == (0, 0)


def test_who_waits_in_vain_leaves_the_line() -> None:
    slots = Slots(1)
    assert slots.acquire(1)
    assert not slots.acquire(0.01)
    assert slots.waiting == 0
    slots.release()
    assert slots.acquire(0)


def test_all_who_wait_fail_at_once_each_with_an_error_of_its_own() -> None:
    slots, errors = Slots(1), []
    assert slots.acquire(1)

    def take() -> None:
        try:
            slots.acquire(60)
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    while slots.waiting < 3:
        time.sleep(0.001)
    slots.fail(lambda: ValueError("away"))
    for thread in threads:
        thread.join(30)
    assert len({id(error) for error in errors}) == 3
    assert (slots.taken, slots.waiting) == (1, 0)


def test_slots_shrink_and_grow_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(3)
    assert not slots.shrink(), "nobody has one"
    assert [slots.acquire(0) for _ in range(3)] == [True] * 3
    assert slots.shrink()
    assert (slots.size, slots.taken) == (2, 2)
    assert not slots.acquire(0.01)
    slots.release()
    assert not slots.shrink(), "the last one that is taken stays"
    now = time.monotonic()
    monkeypatch.setattr("wholestack.db._slots.time.monotonic", lambda: now + 60)
    assert [slots.acquire(0), slots.acquire(0)] == [True, True]
    assert slots.size == 3
    assert not slots.acquire(0.01)


def test_a_slot_for_somebody_whose_loop_is_gone_goes_to_the_next() -> None:
    from wholestack.db import _slots

    slots = Slots(1)
    assert slots.acquire(1)
    loop = asyncio.new_event_loop()
    slots._queue.append(_slots._Turn(loop.create_future()))
    loop.close()
    slots.release()
    assert (slots.taken, slots.waiting) == (0, 0)


# -- pools -------------------------------------------------------------------------------------------------------------


def test_the_pool_tells_of_itself(app: App) -> None:
    pool: Any = app.plugin(Database).engine.pool
    assert pool.status() == "0 of 10 connections in use, 0 waiting"
    with app.session() as db:
        db.execute(text("SELECT 1"))
        assert pool.status() == "1 of 10 connections in use, 0 waiting"
    again = pool.recreate()
    assert (again.size, again.checkedout(), again.patience) == (10, 0, 10.0)


def test_a_pool_of_sqlalchemys_own(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db", models=Base, engine={"poolclass": NullPool})
    database.create_tables()
    with database.session() as db:
        assert db.scalar(select(1)) == 1
    database.dispose()


def test_what_is_left_open_is_closed_with_the_database(tmp_path: Path) -> None:
    def open_files() -> list[str]:
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{number}"))
            except OSError:
                continue
        return [name for name in found if "kept.db" in name]

    database = Database(f"sqlite:///{tmp_path}/kept.db", models=Base)
    database.create_tables()
    assert open_files()
    del database
    import gc

    gc.collect()
    assert open_files() == []


def test_a_database_moves_before_its_app_starts(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/one.db", models=Base)
    database.create_tables()
    database.move(f"sqlite:///{tmp_path}/two.db")
    database.create_tables()
    assert {path.name for path in tmp_path.iterdir()} >= {"one.db", "two.db"}


@pytest.mark.parametrize(
    ("workers", "connections", "faults"), [("1", 16, 0), ("2", 16, 1), ("four", 16, 0), ("1", 15, 1)]
)
def test_room_for_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, workers: str, connections: int, faults: int
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    database = Database("sqlite://", connections=connections)
    found = no_room(database)
    assert [fault.code for fault in found] == ["too-many-connections"] * faults
    warn_of_no_room(database)
    assert len(caplog.records) == faults


def test_a_server_that_does_not_answer_is_no_fault_of_its_room() -> None:
    assert no_room(Database("postgresql://nobody@127.0.0.1:1/nothing")) == []


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_over_an_engine_of_sqlalchemys_own() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        db.add(Card(name="ann"))
        db.commit()
        assert db.get(Card, 1) is not None
        db.expunge_all()
        found = db.get(Card, 1)
        assert found is not None
        assert db.get(Card, 1) is found
        assert db.get(Card, 99) is None
    with Session() as unbound, pytest.raises(exc.UnboundExecutionError):
        unbound.execute(text("SELECT 1"))
    engine.dispose()


def test_an_end_that_fails_is_an_end(app: App) -> None:
    called: list[str] = []
    opened = app.session()
    db = opened.__enter__()
    db.execute(text("SELECT 1"))
    db.on_end(lambda: called.append("ended"))

    async def on_a_loop() -> None:
        db.add(Card(name="ann"))
        with pytest.raises(SessionInOtherTask):
            db.flush()

    asyncio.run(on_a_loop())
    db.end()
    assert called == ["ended"]
    with pytest.raises(SessionEnded):
        db.execute(text("SELECT 1"))


def test_an_error_in_a_call_after_the_end_reaches_the_log(app: App, caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    with app.session() as db:
        db.after(commit=fail)
        db.after(commit=lambda: called.append("second"), failure=lambda: called.append("never"))
        db.add(Card(name="ann"))
    assert called == ["second"]
    assert "after the commit failed" in caplog.text


def test_queries_over_the_budget_are_told_with_their_lines(tmp_path: Path) -> None:
    app = App(checked=True)
    app.use(Database(f"sqlite:///{tmp_path}/x.db", models=Base))

    @app.get("/{times}", queries=2)
    def ask(times: int, db: Session) -> int:
        for number in range(times):
            db.scalar(text(f"SELECT {number}"))
        return times

    with Client(app, raise_errors=False) as client:
        assert client.get("/2").status == 200
        assert client.get("/3").status == 500
    with Client(app) as client, pytest.raises(AssertionError, match=r"3 statements, of 2[\s\S]*test_units\.py"):
        client.get("/3")


def test_a_loop_of_queries_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for strict in (False, True):
        app = App(checked=True)
        app.use(Database(f"sqlite:///{tmp_path}/x.db", models=Base, strict=strict))

        @app.get("/")
        def ask(db: Session) -> int:
            return sum(db.scalar(text("SELECT 1")) or 0 for _ in range(7))

        with Client(app, raise_errors=False) as client:
            assert client.get("/").status == (500 if strict else 200)
    assert "again and again" in caplog.text
    assert "test_units.py" in caplog.text


# -- exact numbers -----------------------------------------------------------------------------------------------------


def test_exact_numbers_keep_their_digits_whatever_python_counts_with() -> None:
    numeric, dialect = Exact(38, 2), create_engine("sqlite://").dialect
    largest, small = decimal.Decimal("9" * 36 + ".99"), Exact(18, 4)
    with decimal.localcontext(decimal.Context(prec=3)):
        assert numeric.process_bind_param(largest, dialect) == 10**38 - 1
        assert str(small.process_result_value(123456789012345678, dialect)) == "12345678901234.5678"
        for value in ("1.0000000000000000000000000000000000001", "1e36", "1e-1000000", "Infinity"):
            with pytest.raises(ValueRefused):
                numeric.process_bind_param(decimal.Decimal(value), dialect)


# -- migrations --------------------------------------------------------------------------------------------------------


def test_databases_with_tables_of_their_own_have_folders_of_their_own(tmp_path: Path) -> None:
    second: Any = type("Second", (), {})

    def sealed(**options: Any) -> list[str]:
        app = App(docs=False)
        app.use(Database(f"sqlite:///{tmp_path}/a.db", models=Base), Database(**{"session": second, **options}))
        try:
            app.seal()
        except SetupError as error:
            return [fault.code for fault in error.faults]
        return []

    class Other(Model):
        __abstract__ = True
        metadata = MetaData()

    archive = {"url": f"sqlite:///{tmp_path}/b.db", "models": Other}
    assert sealed(**archive) == ["shared-migrations"]
    assert sealed(**archive, migrations=f"../{Path(__file__).parent.name}/migrations") == ["shared-migrations"]
    assert sealed(**archive, migrations="others") == sealed(**archive, migrations=None) == []
    assert sealed(**archive, read_only=True) == sealed(url="sqlite://", models=Other) == []
    assert sealed(url=f"sqlite:///{tmp_path}/b.db", models=Base) == []  # The same tables, in two places.


def test_a_savepoint_that_is_over_keeps_no_memory() -> None:
    """A job that commits one for each of a million rows holds what is open, not what was."""
    with Session(create_engine("sqlite://")) as db:
        db.execute(text("SELECT 1"))
        for _ in range(10):
            with db.begin_nested():
                db.execute(text("SELECT 1"))
            db.begin_nested().rollback()
        outer, inner = db.begin_nested(), db.begin_nested()
        assert set(db._savepoints) == {outer, inner}
        inner.commit()
        outer.rollback()
        assert not db._savepoints
