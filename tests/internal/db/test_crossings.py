"""What SQLite does on an event loop: how often it crosses to a thread, and when its transaction begins."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.exc import OperationalError

from wholestack.db import (
    Database,
    Mapped,
    Model,
    Session,
    SessionInOtherTask,
    func,
    insert,
    mapped_column,
    select,
    text,
)
from wholestack.db import Table as OurTable
from wholestack.servers import Workers

PATIENCE = 0.05


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=OurTable.metadata.naming_convention)


class Owner(Base):
    name: Mapped[str] = mapped_column(default="")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path}/x.db", models=Base, patience=PATIENCE)
    found.create_tables()
    yield found
    found.dispose()


@pytest.fixture
def crossings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to a thread, as it goes there."""
    found: list[str] = []
    run: Any = Workers.run

    def counted(self: Workers, function: Callable[..., Any], *args: Any) -> Any:
        found.append(function.__name__)
        return run(self, function, *args)

    monkeypatch.setattr(Workers, "run", counted)
    return found


async def unit(database: Database, work: Callable[[Any], object]) -> None:
    """A unit on an event loop that writes; it commits at its end."""
    async with database.session() as db:
        await db.run_sync(work)


@contextlib.contextmanager
def other(database: Database) -> Iterator[sqlite3.Connection]:
    """Another process's connection, which does not wait."""
    path = str(database.url.database)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as found:
        yield found


def test_a_question_and_its_transaction_cross_once(database: Database, crossings: list[str]) -> None:
    async def run() -> None:
        await unit(database, lambda db: db.scalar(select(func.count()).select_from(Owner)))  # Its connection is made.
        crossings.clear()
        await unit(database, lambda db: db.scalar(select(func.count()).select_from(Owner)))

    asyncio.run(run())
    assert crossings == ["_with_rows"]


def test_a_commit_of_what_was_written_crosses_as_well(database: Database, crossings: list[str]) -> None:
    async def run() -> None:
        await unit(database, lambda db: db.execute(select(Owner.id)))
        crossings.clear()
        await unit(database, lambda db: db.execute(insert(Owner), {"name": "ann"}))
        assert crossings == ["_with_rows", "commit"]
        crossings.clear()
        async with database.session() as db:
            await db.execute(insert(Owner), {"name": "bo"})
            await db.rollback()
            assert crossings == ["_with_rows", "rollback"]
            crossings.clear()
            await db.execute(select(Owner.id))
            await db.rollback()
            assert crossings == ["_with_rows"]

    asyncio.run(run())
    with database.session() as db:
        assert db.scalars(select(Owner.name)).all() == ["ann"]


def test_a_unit_that_writes_holds_the_lock_from_its_first_statement(database: Database) -> None:
    def work(db: Session) -> None:
        db.execute(select(Owner.id))
        with other(database) as second, pytest.raises(sqlite3.OperationalError, match="locked"):
            second.execute("BEGIN IMMEDIATE")

    asyncio.run(unit(database, work))
    with other(database) as second:
        second.execute("BEGIN IMMEDIATE")


def test_a_transaction_that_cannot_begin_sends_no_statement(database: Database) -> None:
    """Else it would run outside of any, and could not be rolled back."""
    sent: list[str] = []

    async def run() -> None:
        async with database.session() as db:
            inner: Any = await db.run_sync(lambda plain: plain.connection().connection.dbapi_connection)
            inner.set_trace_callback(sent.append)
        with other(database) as second:
            second.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError, match="locked"):
                await unit(database, lambda db: db.execute(insert(Owner), {"name": "early"}))
            second.execute("COMMIT")
        assert sent
        assert not any(each.startswith("INSERT") for each in sent)
        await unit(database, lambda db: db.execute(insert(Owner), {"name": "late"}))

    asyncio.run(run())
    assert any(each.startswith("INSERT") for each in sent)
    with database.session() as db:
        assert db.scalars(select(Owner.name)).all() == ["late"]


def test_a_transaction_that_was_never_needed_leaves_nothing(database: Database, crossings: list[str]) -> None:
    async def run() -> None:
        async with database.session() as db:
            inner: Any = await db.run_sync(lambda plain: plain.connection().connection.dbapi_connection)
            assert inner._due == "write"
            crossings.clear()
            await db.commit()
            assert inner._due is None
            assert not inner.in_transaction
        await unit(database, lambda db: db.execute(insert(Owner), {"name": "ann"}))

    asyncio.run(run())
    assert crossings == ["_with_rows", "commit"]


def test_a_snapshot_begins_with_its_first_question(database: Database) -> None:
    with database.session() as db:
        db.execute(insert(Owner), {"name": "before"})

    def work(db: Any) -> None:
        assert db.scalars(select(Owner.name)).all() == ["before"]
        with other(database) as second:
            second.execute("INSERT INTO owner (name) VALUES ('meanwhile')")
        assert db.scalars(select(Owner.name)).all() == ["before"]
        with pytest.raises(Exception, match="only reads"):
            db.execute(text("INSERT INTO owner (name) VALUES ('no')"))

    async def run() -> None:
        async with database.units.opened("read") as db:
            await db.run_sync(work)

    asyncio.run(run())


def test_an_end_while_a_thread_is_in_a_question(database: Database) -> None:
    async def run() -> None:
        async with database.session() as db:
            await db.execute(select(Owner.id))
            inner: Any = await db.run_sync(lambda plain: plain.connection().connection.dbapi_connection)
            slow = (
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT MAX(i) FROM n"
            )
            running = asyncio.create_task(db.run_sync(lambda plain: inner.cursor().execute(slow)))
            while not inner._is_in_thread:
                await asyncio.sleep(0)
            with pytest.raises(SessionInOtherTask):
                await db.run_sync(lambda plain: inner.commit())
            await running

    asyncio.run(run())
