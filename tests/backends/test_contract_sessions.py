"""Sessions beside the one of a request: other databases, replicas, `app.session()`, SQLAlchemy's own types."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NewType

import pytest
import sqlalchemy.orm
from sqlalchemy import MetaData

import databases
from backends.models import Author, Base, Counter, Note, app_on, empty
from wholestack import App, SetupError, Stream
from wholestack.db import (
    AsyncSession,
    Database,
    Mapped,
    Model,
    ReadOnly,
    Session,
    SessionEnded,
    SessionInOtherTask,
    func,
    insert,
    mapped_column,
    select,
)
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
Archive = NewType("Archive", Session)
Replica = NewType("Replica", Session)


class Old(Model):
    """In the second database."""

    __abstract__ = True
    metadata = MetaData()


class Page(Old):
    text: Mapped[str] = mapped_column()


@pytest.fixture
def app(url: str) -> App:
    return app_on(url)


@pytest.fixture
def second(kind: str, tmp_path: Path) -> Iterator[str]:
    with databases.fresh(kind, tmp_path) as address:
        yield address


def taken(app: App) -> int:
    """How many connections are in use."""
    pool: Any = app.plugin(Database).engine.pool
    return int(pool.checkedout())


# -- several databases -------------------------------------------------------------------------------------------------


def test_two_databases_each_with_its_own_transaction(app: App, colour: Colour, url: str, second: str) -> None:
    archive = Database(second, models=Old, session=Archive, migrations="migrations_archive")
    app.use(archive)

    @app.post("/")
    @colour
    def write(db: Session, old: Archive, fail: bool = False) -> list[int]:
        author, page = Author(name="ann"), Page(text="x")
        db.add(author)
        old.add(page)
        old.flush()
        if fail:
            raise ZeroDivisionError
        return [page.id]

    with Client(app, raise_errors=False) as client:
        assert client.post("/", query={"fail": True}).status == 500
        assert client.post("/").status == 200
        assert client.post("/").json()["code"] == "duplicate"
        with archive.session() as old:
            assert old.scalar(select(func.count()).select_from(Page)) == 1
    assert databases.rows(url, "SELECT COUNT(*) FROM author") == databases.rows(second, "SELECT COUNT(*) FROM page")


def test_a_replica_only_reads(app: App, colour: Colour, url: str) -> None:
    """The database itself refuses what is none of the ORM's."""
    app.use(Database(url, models=Base, session=Replica, read_only=True))
    with app.session() as db:
        db.add(Counter(value=1))

    @app.post("/{how}")
    @colour
    def write(how: str, replica: Replica) -> int:
        if how == "orm":
            replica.add(Counter(value=2))
        elif how == "core":
            replica.execute(insert(Counter), {"value": 2})
        return replica.scalar(select(func.sum(Counter.value))) or 0

    with Client(app, raise_errors=False) as client:
        assert int(client.post("/read").json()) == 1
        assert [client.post(f"/{how}").status for how in ("orm", "core")] == [500, 500]
        assert int(client.post("/read").json()) == 1
    with Client(app) as client:
        for how in ("orm", "core"):
            with pytest.raises(ReadOnly):
                client.post(f"/{how}")
    assert databases.rows(url, "SELECT value FROM counter") == [(1,)]


# -- app.session() -----------------------------------------------------------------------------------------------------


def test_a_script(app: App, url: str) -> None:
    with app.session() as db:
        db.add(Author(name="ann", notes=[Note(text="x")]))
    with pytest.raises(ZeroDivisionError), app.session() as db:
        db.add(Author(name="bob"))
        db.flush()
        raise ZeroDivisionError
    with app.session() as db:
        assert [author.notes[0].text for author in db.scalars(select(Author))] == ["x"]
        db.add(Author(name="by hand"))
        db.commit()
        db.add(Author(name="and more"))
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("and more",), ("ann",), ("by hand",)]
    assert taken(app) == 0


def test_a_script_that_awaits(app: App, url: str) -> None:
    async def script() -> list[str]:
        async with app.session() as db:
            db.add(Author(name="ann", notes=[Note(text="x")]))
        with pytest.raises(ZeroDivisionError):
            async with app.session() as db:
                db.add(Author(name="bob"))
                await db.flush()
                raise ZeroDivisionError
        async with app.session() as db:
            author = (await db.scalars(select(Author))).one()
            notes = await db.run_sync(lambda _: [note.text for note in author.notes])
            found = await db.stream_scalars(select(Counter.value).execution_options(yield_per=10))
            return [*notes, *[str(each) async for each in found]]

    assert asyncio.run(script()) == ["x"]
    assert databases.rows(url, "SELECT name FROM author") == [("ann",)]
    assert taken(app) == 0


def test_with_on_an_event_loop_says_what_to_write(app: App) -> None:
    async def script() -> None:
        with app.session() as db:
            db.execute(select(1))

    with pytest.raises(SessionInOtherTask, match=r"async with app\.session"):
        asyncio.run(script())
    with app.session() as db:
        assert db.scalar(select(1)) == 1, "the connection was not touched"
    assert taken(app) == 0


def test_a_session_in_a_handler_beside_its_own(app: App, colour: Colour, url: str) -> None:
    """What must survive the request's failure is written in a session of its own."""

    @app.post("/")
    @colour
    def write(db: Session) -> None:
        if db.connection().dialect.name == "sqlite":
            db.rollback()  # SQLite has one writer at a time.
        else:
            db.add(Author(name="ann"))
            db.flush()
        with app.session() as own:
            own.add(Counter(value=7))
        raise ZeroDivisionError

    with Client(app, raise_errors=False) as client:
        assert client.post("/").status == 500
    assert databases.rows(url, "SELECT value FROM counter") == [(7,)]
    assert databases.rows(url, "SELECT name FROM author") == []


# -- SQLAlchemy's own types --------------------------------------------------------------------------------------------


def test_every_name_of_the_session_is_one_unit(app: App, url: str) -> None:
    """Two connections for one request would let a hundred of them wait for each other for ever."""

    def provider(db: sqlalchemy.orm.Session) -> Counter:
        counter = Counter(value=1)
        db.add(counter)
        return counter

    app.provide(provider)

    @app.post("/")
    async def write(counter: Counter, db: AsyncSession, own: Session, theirs: sqlalchemy.orm.Session) -> int:
        await db.flush()
        db.add(Author(name="ann"))
        assert own is theirs
        assert db.sync_session is own
        await db.refresh(counter)
        assert taken(app) == 1
        return counter.id + len((await db.scalars(select(Author))).all())

    @app.post("/fails")
    async def fail(db: AsyncSession) -> None:
        db.add(Author(name="bob"))
        await db.flush()
        raise ZeroDivisionError

    with Client(app, raise_errors=False) as client:
        assert client.post("/").json() >= 2
        assert client.post("/fails").status == 500
    assert databases.rows(url, "SELECT name FROM author") == [("ann",)]
    assert taken(app) == 0


def test_a_plain_handler_cannot_await(app: App) -> None:
    @app.get("/")
    def show(db: AsyncSession) -> None: ...

    with pytest.raises(SetupError, match="async-provider"):
        app.seal()


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["answers", "refuses", "raises", "streams"])
def test_a_session_is_of_no_use_after_its_request(app: App, colour: Colour, how: str) -> None:
    kept: list[Session] = []

    @app.get("/")
    @colour
    def show(db: Session) -> Any:
        kept.append(db)
        db.scalar(select(1))
        if how == "raises":
            raise ZeroDivisionError
        if how == "streams":
            return Stream(str(number) for number in db.scalars(select(1)))
        return 1 if how == "answers" else Stream([], 404)

    with Client(app, raise_errors=False) as client:
        client.get("/")
        for use in (lambda: kept[0].execute(select(1)), lambda: kept[0].get(Author, 1)):
            with pytest.raises(SessionEnded, match="has ended"):
                use()
        assert taken(app) == 0


def test_a_session_that_is_forgotten_gives_its_connection_back(app: App) -> None:
    """In whatever thread or task the collector comes: here on an event loop, where nothing may wait."""

    async def script() -> None:
        async with AsyncClient(app):
            opened = app.session()
            db = await opened.__aenter__()
            db.add(Counter(value=1))
            await db.flush()
            assert taken(app) == 1
            del db, opened
            gc.collect()
            assert taken(app) == 0

    asyncio.run(script())


def test_context_variables_are_the_handlers_own(app: App, colour: Colour) -> None:
    """What is set before a wait is there after it, in the handler, in its providers and in what the unit calls."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    class Named:
        def __init__(self, db: Session) -> None:
            name.set("set by the provider")
            db.scalar(select(1))

    app.provide(Named)

    @app.post("/")
    @colour
    def write(named: Named, db: Session) -> list[str]:
        found = [name.get()]
        name.set("set by the handler")
        db.add(Counter(value=1))
        db.flush()
        db.after(commit=lambda: seen.append(name.get()))
        return [*found, name.get()]

    with Client(app) as client:
        assert client.post("/").json() == ["set by the provider", "set by the handler"]
    assert seen == ["set by the handler"]
    assert name.get() == "nobody"


def test_tables_are_made_at_the_start_where_there_are_no_migrations(kind: str, tmp_path: Path) -> None:
    with databases.fresh(kind, tmp_path) as address:
        app = App()
        app.use(Database(address, models=Base))

        @app.get("/")
        def count(db: Session) -> int:
            return db.scalar(select(func.count()).select_from(Note)) or 0

        with Client(app) as client:
            assert client.get("/").json() == 0
        assert databases.rows(address, "SELECT COUNT(*) FROM author") == [(0,)]


def test_the_tables_of_the_tests_are_empty_at_first(url: str) -> None:
    empty(url)
    assert databases.rows(url, "SELECT COUNT(*) FROM note") == [(0,)]
