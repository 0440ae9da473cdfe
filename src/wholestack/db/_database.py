"""The plugin: an app's database, its sessions, and its life in one process."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from sqlalchemy import Engine, MetaData
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Session as AlchemySession
from typing_extensions import Unpack

from ._begin import begin, health_checks, look_at_folder, read_history
from ._colour import how_to_wait
from ._connection import Mode
from ._engine import Tuning, engine_of_mode, in_memory, make_engine
from ._errors import answer_error
from ._file import look_at_file
from ._history import History
from ._models import Table
from ._pool import FairPool
from ._room import no_room, warn_of_no_room
from ._session import Session
from ._unit import Joined, Opened, Units, async_session
from ._urls import Kind, read_url
from ._watch import unheard

F = TypeVar("F", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """How a database is set up; each has a default.

    `pool` connections for requests (10) and `streams` for answers that are streamed (5); `wait` seconds for one of
    them (10); `timeout` seconds for a statement (30); `patience` seconds for a lock (5); `full` lets
    SQLite sync at each commit, so that not even a power cut loses one; `echo` logs each statement; `strict` makes
    a statement that one request sends again and again an error; `connections` is how many the server gives to all
    processes, where asking it would not tell; `engine` are more arguments for SQLAlchemy's `create_engine`.
    """

    pool: int
    streams: int
    wait: float
    timeout: float
    patience: float
    full: bool
    echo: bool
    strict: bool
    connections: int
    engine: dict[str, Any]


class Database:
    """A database as a plugin: handlers ask for ``db: Session``, and each request is one transaction.

    Arguments:
        url: the address: ``sqlite:///app.db``, ``postgresql://…``, ``mariadb://…``. Left out, the environment's
            ``DATABASE_URL``, and without that the file ``app.db``.
        models: the base class of its models.
        session: the type that handlers ask for; a `NewType` of `Session` for a second database.
        read_only: it takes no writes: a replica.
        migrations: the folder of its migrations, beside the file that makes the `Database`; a second database with
            tables of its own needs one of its own. None where somebody else makes its tables.
        options: see `Options`.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> app.use(Database("sqlite://"))
        >>> with app.session() as db:
        ...     db.connection().dialect.name
        'sqlite'
    """

    def __init__(
        self,
        url: str | URL | None = None,
        *,
        models: type[DeclarativeBase] = Table,
        session: Any = Session,
        read_only: bool = False,
        migrations: str | None = "migrations",
        **options: Unpack[Options],
    ) -> None:
        self.kind: Kind
        self.url: URL
        self.kind, self.url = read_url(url or os.environ.get("DATABASE_URL") or "sqlite:///app.db")
        self.models = models
        self.session_type = session
        self.read_only = read_only
        self.migrations: Path | None = (
            None if migrations is None else _beside(sys._getframe(1).f_code.co_filename, migrations)
        )
        self.seeds: list[Callable[..., Any]] = []
        names = {field.name for field in dataclasses.fields(Tuning)}
        self.tuning: Tuning = Tuning(**{name: value for name, value in options.items() if name in names})  # type: ignore[arg-type]
        self._sizes = {"requests": self.tuning.pool, "streams": options.get("streams", 5), "health": 1}
        self.most: int | None = options.get("connections")
        self._options: dict[str, Any] = options.get("engine", {})
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, Mode], Engine] = {}
        self._process: int = 0
        weakref.finalize(self, _close, self._engines)
        self.units: Units = Units(self.engine_for, self.streams_for, reads=read_only)
        self.units.strict = options.get("strict", False)

    @property
    def metadata(self) -> MetaData:
        """The tables of its models."""
        return self.models.metadata

    @property
    def is_default(self) -> bool:
        """Whether handlers get it by `Session` itself, and not by a type of its own."""
        return self.session_type is Session

    @functools.cached_property
    def history(self) -> History:
        """Its migrations, as their files say when they are first asked for."""
        return read_history(self.migrations)

    @property
    def engine(self) -> Engine:
        """The engine of requests, as SQLAlchemy knows it; made when it is first asked for in a process."""
        return self.engine_for("write")

    def engine_for(self, mode: Mode) -> Engine:
        """The engine of requests, for units of a mode."""
        return self._engine("requests", mode)

    def streams_for(self, mode: Mode) -> Engine:
        """The engine of streams: connections of their own, since a stream holds one as long as its client reads."""
        return self._engine("requests" if self.in_memory else "streams", mode)  # In memory the connection is all.

    @property
    def health(self) -> Engine:
        """The engine of health checks: its own connection, since a full pool is no database that is away."""
        return self._engine("requests" if self.in_memory else "health", "lazy")

    def apart(self, name: str, pool: int) -> Units:
        """Units over so many connections of their own, for what works beside requests and must not take theirs away.

        On SQLite, whose writers take turns, they are those of requests.
        """
        if self.kind == "sqlite":
            return self.units
        self._sizes[name] = pool
        units = Units(functools.partial(self._engine, name), self.streams_for, reads=self.read_only)
        units.watches, units.strict = self.units.watches, self.units.strict
        return units

    def _engine(self, name: str, mode: Mode) -> Engine:
        engine = self._engines.get((name, mode)) if self._process == os.getpid() else None
        if engine is not None:
            return engine
        # SQLAlchemy asks a new database what it is, and holds a lock meanwhile, which an event loop must not wait for.
        waits = how_to_wait()
        if waits is None:
            return self._made(name, mode)
        return waits(asyncio.to_thread(self._made, name, mode))  # type: ignore[no-any-return]

    @property
    def connections(self) -> int:
        """How many connections a process may have open: for requests, for streams, and for what works beside them."""
        return sum(self._sizes.values())

    @property
    def in_memory(self) -> bool:
        """Whether it is gone when the process ends."""
        return in_memory(self.kind, self.url)

    def _made(self, name: str, mode: Mode) -> Engine:
        with self._lock:
            if self._process != os.getpid():
                # What a fork has copied is the parent's: nothing is said on it, not even farewell by the collector.
                for (_, its), engine in self._engines.items():
                    if its == "write" and isinstance(engine.pool, FairPool):
                        engine.pool.let_go()
                _left_behind.extend(self._engines.values())
                self._engines.clear()
                self._process = os.getpid()
            writes = self._engines.get((name, "write"))
            if writes is None:
                tuning = dataclasses.replace(self.tuning, pool=self._sizes[name])
                writes = make_engine(self.kind, self.url, tuning, dict(self._options))
                with unheard():
                    writes.connect().close()
                self._engines[name, "write"] = writes
            if (name, mode) not in self._engines:
                self._engines[name, mode] = engine_of_mode(writes, mode)
            return self._engines[name, mode]

    def session(self) -> Opened:
        """A session outside a request: ``with`` gives a `Session`, ``async with`` SQLAlchemy's `AsyncSession`."""
        return self.units.opened()

    @contextlib.contextmanager
    def rolled_back(self) -> Iterator[Session]:
        """One transaction that everything takes part in, and that is rolled back at the end: for tests.

        Sessions of requests, in either colour, and of ``app.session()`` become savepoints of it; requests take turns.

        Example:
            >>> database = Database("sqlite://")
            >>> with database.rolled_back() as db:
            ...     db.connection().in_transaction()
            True
        """
        connection = self.engine.connect()
        transaction = connection.begin()
        try:
            self.units.joined = Joined(connection)
            with Session(connection) as session:
                yield session
        finally:
            self.units.joined = None
            transaction.rollback()
            connection.close()

    def move(self, url: str | URL) -> None:
        """Work with another database from here on: for tests, before the app starts."""
        self.dispose()
        self.kind, self.url = read_url(url)

    def seed(self, function: F) -> F:
        """Let `wholestack db seed` call a function, which asks for its session by type: ``def people(db: Session)``.

        Example:
            >>> database = Database("sqlite://")
            >>> @database.seed
            ... def people(db: Session) -> None:
            ...     db.add_all([])
            >>> [each.__name__ for each in database.seeds]
            ['people']
        """
        self.seeds.append(function)
        return function

    def create_tables(self) -> None:
        """Create the tables that are missing, as the models have them."""
        self.metadata.create_all(self.engine)

    def dispose(self) -> None:
        """Close every connection."""
        with self._lock:
            engines = dict(self._engines)
            self._engines.clear()
        _close(engines)

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: Any) -> None:
        """Give sessions to handlers, open the pool with the app, and answer the database's errors.

        Raises:
            SetupError: another database of the app has its migrations in the same folder.
        """
        look_at_folder(self, (each for each in app.plugins if isinstance(each, Database)))
        app.provide(self.units.provider(self.session_type), waits=True, outermost=True)
        if self.is_default:
            # One unit a request, by whichever of its names a function asks for it.
            app.provide(_by_its_other_name)
            app.provide(_with_awaits)
        app.on_error(SQLAlchemyError)(answer_error)
        app.check(lambda: no_room(self))
        app.lifespan(self._life)
        self.units.watches = app.checked or self.units.strict

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(self.begin)
            await asyncio.to_thread(warn_of_no_room, self)
            yield
        finally:
            try:
                await asyncio.to_thread(self.dispose)
            except RuntimeError:  # Python ends, and no thread can be started any more; nobody else is waiting.
                self.dispose()

    def begin(self) -> None:
        """What happens when its app starts: tables are made where they may be; else all that is needed must be there.

        Raises:
            SetupError: it does not answer, its file cannot be written, there is no folder of migrations, or one is
                pending.
        """
        look_at_file(self)
        begin(self)

    def health_checks(self) -> list[Callable[..., Any]]:
        """What `Health` asks of it: that it answers, and that the migrations of this release are applied."""
        return health_checks(self)

    def __repr__(self) -> str:
        return f"<Database {self.url.render_as_string(hide_password=True)}>"


_left_behind: list[Engine] = []
"""Engines that a fork has copied from the parent process."""


def _close(engines: dict[tuple[str, Mode], Engine]) -> None:
    """Close the connections that this process has made; at its end, or when nobody has the database any more."""
    for (_, mode), engine in engines.items():
        if (
            mode == "write" and getattr(engine.pool, "process", os.getpid()) == os.getpid()
        ):  # The others share its pool.
            engine.dispose()


def _by_its_other_name(session: Session) -> AlchemySession:
    return session


async def _with_awaits(session: Session) -> AsyncSession:
    return async_session(session)


def _beside(filename: str, folder: str) -> Path:
    place = Path(filename)
    return (place.parent if place.is_file() else Path.cwd()) / folder


Opening = Callable[[], Opened]
