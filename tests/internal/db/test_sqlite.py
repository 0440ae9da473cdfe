"""SQLite by itself: its file, its waiting, its cursors, and keys and loads of every shape."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ForeignKey, MetaData, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import aliased

from wholestack import App, SetupError
from wholestack.db import (
    Database,
    Mapped,
    Model,
    Session,
    Table,
    assert_queries,
    func,
    insert,
    mapped_column,
    relationship,
    select,
    text,
)
from wholestack.db._errors import answer_for
from wholestack.testing import Client


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Owner(Base):
    name: Mapped[str] = mapped_column(default="")
    pets: Mapped[list[Pet]] = relationship(back_populates="owner")


class Pet(Base):
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner | None] = relationship(back_populates="pets")


class Place(Table):
    """A key of two columns."""

    metadata = Base.metadata
    row: Mapped[int] = mapped_column(primary_key=True)
    seat: Mapped[int] = mapped_column(primary_key=True)


class Versioned(Base):
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path}/x.db", models=Base, patience=10.0)
    found.create_tables()
    yield found
    found.dispose()


# -- its file ----------------------------------------------------------------------------------------------------------


def test_what_production_wants(database: Database) -> None:
    with database.session() as db:
        settings = {name: db.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")}
    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}
    sure = Database(database.url, models=Base, full=True)
    with sure.session() as db:
        assert db.scalar(text("PRAGMA synchronous")) == 2
    sure.dispose()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"database-not-writable[\s\S]*missing is not there"):
        Database(f"sqlite:///{tmp_path}/missing/x.db", models=Base).begin()


@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    """Root may write everywhere, so that the system's answer is changed here; test_faults_files.py has the real one."""

    def nobody() -> str:
        raise KeyError("no name for this number")

    monkeypatch.setattr(os, "access", lambda path, mode: False)
    if not named:
        monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(SetupError, match="cannot be written by the user" + ("" if named else f" {os.geteuid()}")):
        Database(f"sqlite:///{tmp_path}/x.db", models=Base).begin()


def test_what_needs_no_look_at_a_file(tmp_path: Path) -> None:
    for url, reads in (
        ("sqlite://", False),
        (f"sqlite:///file:{tmp_path}/a.db?mode=ro&uri=true", False),
        ("sqlite:///no/x.db", True),
    ):
        Database(url, models=Base, migrations=None, read_only=reads).begin()


# -- its waiting -------------------------------------------------------------------------------------------------------


def test_a_new_file_that_another_process_opens_at_the_same_moment(tmp_path: Path) -> None:
    """SQLite does not wait when its journal is chosen; we do, as long as for any lock."""
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("BEGIN EXCLUSIVE")
        short = Database(f"sqlite:///{tmp_path}/x.db", models=Base, patience=0.05)
        with pytest.raises(OperationalError) as raised, short.session() as db:
            db.execute(text("SELECT 1"))
        answer = answer_for(raised.value)
        assert answer is not None
        assert answer.code == "database-busy"
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        long = Database(f"sqlite:///{tmp_path}/x.db", models=Base, patience=30.0)
        with long.session() as db:
            assert db.scalar(text("SELECT COUNT(*) FROM t")) == 0
        long.dispose()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_statement_without_a_transaction_waits_as_well(database: Database, asynchronous: bool) -> None:
    path = str(database.url.database)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()

        def write(db: Any) -> None:
            db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            db.execute(text("INSERT INTO owner (name) VALUES ('ann')"))
            db.rollback()

        async def run() -> None:
            async with database.session() as db:
                await db.run_sync(write)

        if asynchronous:
            asyncio.run(run())
        else:
            with database.session() as db:
                write(db)
        assert other.execute("SELECT COUNT(*) FROM owner").fetchall() == [(1,)]


def test_who_writes_waits_for_the_writer_of_this_process(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db", models=Base, patience=0.05)
    database.create_tables()
    with database.session() as first:
        first.add(Owner())
        first.flush()
        with pytest.raises(OperationalError, match="another writer of this process"), database.session() as second:
            second.add(Owner())
            second.flush()
    with database.session() as third:
        assert third.scalar(select(func.count()).select_from(Owner)) == 1
    database.dispose()


# -- its cursors -------------------------------------------------------------------------------------------------------


def test_rows_of_an_async_session_are_there_without_waiting(database: Database) -> None:
    """More of them than are fetched at once."""
    with database.session() as db:
        db.execute(insert(Owner), [{"name": str(number)} for number in range(1000)])

    async def run() -> list[Any]:
        async with database.session() as db:
            result = await db.execute(select(Owner.name).order_by(Owner.id))
            first = result.fetchone()
            some = result.fetchmany(300)
            rest = result.fetchall()
            streamed = [row async for row in await db.stream(select(Owner.name).order_by(Owner.id))]
            return [first, *some, *rest], streamed

    rows, streamed = asyncio.run(run())
    assert [row.name for row in rows] == [row.name for row in streamed] == [str(number) for number in range(1000)]


def test_a_cursor_that_is_left_open_does_not_come_to_the_next(database: Database) -> None:
    """Its connection would go on to read what was there when the cursor began."""
    with database.session() as db:
        db.execute(insert(Owner), [{"name": str(number)} for number in range(1000)])
    kept = []
    with database.session() as db:
        db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        kept.append(db.execute(text("SELECT name FROM owner")))
        assert kept[0].fetchone() is not None
        inner = db.connection().connection.dbapi_connection
    with database.session() as db:
        assert db.connection().connection.dbapi_connection is not inner
        db.add(Owner(name="new"))
        db.flush()
        assert db.scalar(select(func.count()).select_from(Owner)) == 1001


# -- keys and loads ----------------------------------------------------------------------------------------------------


def test_keys_of_every_shape(database: Database) -> None:
    with database.session() as db:
        db.add_all([Place(row=1, seat=2), Versioned(version=1), Owner(name="ann")])
    with database.session() as db:
        assert db.get(Place, (1, 2)) is not None
        assert db.get(Place, (2, 2)) is None
        assert db.get(Versioned, 1) is not None
        assert db.get(Owner, 1) is not None
        assert db.get(Owner, "1") is not None
        for wrong, key in ((aliased(Owner), 1), (Place, 1), (int, 1), ("Owner", 1)):
            with pytest.raises(SQLAlchemyError):
                db.get(wrong, key)


def test_more_peers_than_go_into_one_statement(database: Database) -> None:
    with database.session() as db:
        db.execute(insert(Owner), [{"name": str(number)} for number in range(1201)])
        db.execute(insert(Pet), [{"owner_id": number + 1} for number in range(1201)])
    with database.session() as db, assert_queries(4) as watch:
        owners = db.scalars(select(Owner)).all()
        assert sum(len(owner.pets) for owner in owners) == 1201
    assert len(watch.statements) == 4
    assert "4 statements" in repr(watch)


def test_rows_that_were_deleted_or_expired_are_no_peers(database: Database) -> None:
    with database.session() as db:
        db.add_all([Owner(name=str(number), pets=[Pet()]) for number in range(3)])
    with database.session() as db:
        owners = db.scalars(select(Owner).order_by(Owner.id)).all()
        db.expire(owners[1])
        assert len(owners[0].pets) == 1
        assert "pets" in inspect(owners[2]).dict
        assert "pets" not in inspect(owners[1]).dict
        assert len(owners[1].pets) == 1


def test_an_end_with_nothing_done_calls_what_waits_for_it(tmp_path: Path) -> None:
    app = App()
    app.use(Database(f"sqlite:///{tmp_path}/x.db", models=Base, migrations=None))
    called: list[str] = []

    @app.post("/{how}")
    def handle(how: str, db: Session) -> None:
        db.after(commit=lambda: called.append("committed"), failure=lambda: called.append("failed"))
        if how == "fails":
            raise ZeroDivisionError

    with Client(app, raise_errors=False) as client:
        assert [client.post(f"/{how}").status for how in ("works", "fails")] == [204, 500]
    assert called == ["committed", "failed"]
