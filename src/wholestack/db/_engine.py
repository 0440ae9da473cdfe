"""An engine of SQLAlchemy over connections of either colour."""

from __future__ import annotations

import copy
import dataclasses
import functools
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.engine import URL

from wholestack.servers import Workers

from ._colour import how_to_wait, in_thread
from ._connection import Mode
from ._pool import FairPool, is_full
from ._urls import Kind

_CONNECT = 3
"""Seconds for a new connection: a start that finds no database ends within five. `?connect_timeout=10` in the address,
as the drivers have it, goes before."""

_BY_HAND = "AUTOCOMMIT"


@dataclasses.dataclass(frozen=True)
class Tuning:
    """How an engine is set up.

    Attributes:
        pool: connections at most.
        wait: seconds that one may wait for a connection.
        timeout: seconds that a statement may run.
        patience: seconds that a statement may wait for a lock.
        full: whether SQLite syncs to disk at each commit, so that a power cut loses none (`synchronous=FULL`).
        echo: whether each statement goes to the log.
    """

    pool: int = 10
    wait: float = 10.0
    timeout: float = 30.0
    patience: float = 5.0
    full: bool = False
    echo: bool = False


def make_engine(kind: Kind, url: URL, tuning: Tuning, options: dict[str, Any]) -> Engine:
    """The engine for an address.

    Arguments:
        kind: what the database is.
        url: its address, with the driver.
        tuning: pool, times, and what SQLite syncs.
        options: more arguments for SQLAlchemy's `create_engine`.
    """
    workers = Workers(tuning.pool, 1_000_000)  # Never more than there are connections, so nothing ever waits here.
    connect = _connector(kind, url, tuning, workers)
    url = url.difference_update_query(["options"])  # They stand among ours.
    extra: dict[str, Any] = {"use_native_hstore": False} if kind == "postgresql" else {}
    size = 1 if in_memory(kind, url) else tuning.pool
    if "poolclass" not in options:
        extra |= {"poolclass": FairPool, "pool_size": size, "pool_timeout": tuning.wait}
    extra["echo"] = tuning.echo
    engine = create_engine(url, **{**extra, **options})
    if kind == "sqlite":
        from ._exact import ExactCompiler

        engine.dialect.statement_compiler = ExactCompiler
    _begin_in(engine.dialect, "write")
    _mark_levels(engine.dialect)
    _prepare(engine, connect, workers)
    return engine


def in_memory(kind: Kind, url: URL) -> bool:
    """Whether a database lies in memory only."""
    return kind == "sqlite" and url.database in {None, "", ":memory:"}


def _connector(kind: Kind, url: URL, tuning: Tuning, workers: Workers) -> Callable[..., Any]:
    """What connects; drivers are loaded here, so that the ones which are not used need not be there."""
    if kind == "sqlite":
        from . import _sqlite

        times = tuning.patience, tuning.timeout
        return functools.partial(_sqlite.connect, workers, threading.Lock(), *times, tuning.full)
    if kind == "postgresql":
        from . import _postgresql

        settings = {
            "statement_timeout": f"{tuning.timeout * 1000:.0f}",
            "lock_timeout": f"{tuning.patience * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{2 * tuning.timeout * 1000:.0f}",
        }
        words = " ".join(f"-c {name}={value}" for name, value in settings.items())
        given = url.query.get("options", "")
        return functools.partial(
            _postgresql.connect,
            connect_timeout=_CONNECT,
            application_name="wholestack",
            options=f"{words} {given}".strip(),
        )
    from . import _mariadb

    # The first comment is none for MariaDB, the second none for MySQL: each has a name of its own for the limit.
    limit = (
        f"/*M! max_statement_time={tuning.timeout:g}, */ /*!80000 max_execution_time={tuning.timeout * 1000:.0f}, */"
    )
    # In UTC, since what the server itself says of the time is read so, wherever it stands.
    start = f"SET SESSION {limit} innodb_lock_wait_timeout={max(1, round(tuning.patience))}, time_zone='+00:00'"
    return functools.partial(_mariadb.connect, workers, charset="utf8mb4", init_command=start, connect_timeout=_CONNECT)


def _prepare(engine: Engine, connect: Callable[..., Any], workers: Workers) -> None:
    @event.listens_for(engine, "engine_disposed")
    def end_threads(_engine: Engine) -> None:
        workers.stop()  # An engine that is used again has others.

    @event.listens_for(engine, "do_connect")
    def open_connection(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        waits = how_to_wait()
        made: list[Any] = []

        def call() -> Any:
            made.append(connect(*arguments, **options))
            return made[0]

        try:
            return call() if waits is None else in_thread(waits, workers, lambda: None, call)
        except Exception as error:
            if isinstance(engine.pool, FairPool) and not is_full(error):
                engine.pool.slots.fail(functools.partial(_same, error))
            raise
        except BaseException:  # Cancelled: nobody takes what was made meanwhile.
            for connection in made:
                connection.close()
            raise


def engine_of_mode(engine: Engine, mode: Mode) -> Engine:
    """An engine over the same pool whose transactions begin in a mode.

    It is an engine and not an execution option with an event, which would cost each statement of each request.
    """
    dialect = copy.copy(engine.dialect)
    _begin_in(dialect, mode)
    return Engine(
        engine.pool,
        dialect,
        engine.url,
        echo=bool(engine.echo),
        hide_parameters=engine.hide_parameters,
        execution_options=engine.get_execution_options(),
    )


def _begin_in(dialect: Any, mode: Mode) -> None:
    dialect.do_begin = lambda connection: connection.dbapi_connection.begin_unit(mode)


def _mark_levels(dialect: Any) -> None:
    """Let each connection know whether it has a level of isolation, which a unit that only reads asks it for.

    What was asked for one request is taken back by the engine's own level, or the server's. SQLAlchemy insists that the
    server's be the engine's; but PostgreSQL is told of a level when a transaction begins, and has its own until then.
    """
    usual, set_level = dialect._on_connect_isolation_level, dialect.set_isolation_level

    def set_isolation_level(connection: Any, level: str) -> None:
        set_level(connection, level)
        connection.has_level = level != _BY_HAND

    def reset_isolation_level(connection: Any) -> None:
        dialect._assert_and_set_isolation_level(connection, usual or dialect.default_isolation_level)
        connection.has_level = usual not in {None, _BY_HAND}

    dialect.set_isolation_level, dialect.reset_isolation_level = set_isolation_level, reset_isolation_level


def _same(error: Exception) -> Exception:
    """An error like this one for somebody else, since a traceback belongs to one."""
    return exc.OperationalError(None, None, error)
