"""Connections for work on the schema: no limit of time but for locks, and one migrator at a time."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from wholestack.db import Database

from ._errors import MigrationsBusy

Tell = Callable[[str], object]
"""What takes a line for the person who watches."""

LOCK_SECONDS = 2
"""Seconds that a statement may wait for a lock. What waits for an ALTER TABLE waits as long as the ALTER TABLE does."""
_LOOK_AGAIN = 0.2

_SETTINGS = {
    "postgresql": (
        f"SET lock_timeout = '{LOCK_SECONDS}s'",
        "SET statement_timeout = 0",
        "SET idle_in_transaction_session_timeout = 0",
    ),
    "mariadb": (
        "SET SESSION max_statement_time = 0",
        f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}",
    ),
    "sqlite": (),
}


@contextlib.contextmanager
def opened(database: Database, *, mode: Any = "write") -> Iterator[Connection]:
    """A connection without the limits that requests have; it is closed afterwards, and not used by anybody else.

    Arguments:
        database: whose it is.
        mode: what its units may do: `write`, `lazy` or `read`.
    """
    with database.engine_for(mode).connect() as connection:
        if not database.in_memory:  # There the connection is the database.
            connection.detach()
        driver: Any = connection.connection.dbapi_connection
        with contextlib.closing(driver.cursor()) as cursor:
            for statement in _SETTINGS[database.kind]:
                cursor.execute(statement)
        with driver.unlimited() if database.kind == "sqlite" else contextlib.nullcontext():
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    connection.rollback()


@contextlib.contextmanager
def locked(connection: Connection, database: Database, wait: float, tell: Tell) -> Iterator[None]:
    """Be the only one that migrates this database.

    On PostgreSQL and MariaDB a lock of the server's that belongs to the connection, so that it is gone with a process
    that is killed, yet not before the server has come out of the process's last statement. On SQLite a lock on the
    folder, which is gone with the process as well: one on the file itself would get in the way of SQLite's own.

    Arguments:
        connection: what holds the lock.
        database: what is locked.
        wait: seconds to wait for another migrator.
        tell: takes a line for the person who watches.

    Raises:
        MigrationsBusy: another one did not end in time.
    """
    if database.in_memory:
        yield
    elif database.kind == "sqlite":
        folder = os.open(Path(str(database.url.database).removeprefix("file:")).resolve().parent, os.O_RDONLY)
        try:
            _taken(functools.partial(_folder_locked, folder), wait, tell)
            yield
        finally:
            os.close(folder)
    else:
        take, give_back, name = _words(database)
        _taken(functools.partial(_asked, connection, take, name), wait, tell)
        try:
            yield
        finally:
            with contextlib.suppress(DBAPIError):
                if not connection.invalidated:
                    _asked(connection, give_back, name)


def _taken(take: Callable[[], bool], wait: float, tell: Tell) -> None:
    """Try to take a lock until it is had.

    Again and again: a statement that waits would hold a snapshot, for which an index that is made concurrently waits
    in turn.
    """
    end, told = time.monotonic() + wait, False
    while not take():
        if time.monotonic() > end:
            raise MigrationsBusy(_busy(wait))
        if not told:
            tell(f"Another process migrates this database. Waiting for it, {wait:g} seconds at most.")
            told = True
        time.sleep(_LOOK_AGAIN)


def _folder_locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _words(database: Database) -> tuple[str, str, dict[str, Any]]:
    if database.kind == "postgresql":
        # Advisory locks are one database's; the number is any that nobody else takes.
        number = int.from_bytes(hashlib.sha256(b"wholestack migrations").digest()[:8], "big", signed=True)
        return "SELECT pg_try_advisory_lock(:lock)", "SELECT pg_advisory_unlock(:lock)", {"lock": number}
    digest = hashlib.sha256(str(database.url.database).encode()).hexdigest()[:32]  # At most 64 characters (MySQL).
    return "SELECT GET_LOCK(:lock, 0)", "SELECT RELEASE_LOCK(:lock)", {"lock": f"wholestack_migrations_{digest}"}


def _asked(connection: Connection, words: str, values: dict[str, Any]) -> bool:
    answer = connection.scalar(text(words), values)
    connection.rollback()
    return bool(answer)


@contextlib.contextmanager
def begun(connection: Connection, wait: float, tell: Tell) -> Iterator[None]:
    """A transaction; on SQLite it waits for whoever writes.

    Raises:
        MigrationsBusy: another process held SQLite's lock all the time.
    """
    transaction = _begin(connection, wait, tell)
    try:
        yield
    except BaseException:
        if not connection.invalidated:
            transaction.rollback()
        raise
    transaction.commit()


def _begin(connection: Connection, wait: float, tell: Tell) -> Any:
    end, told = time.monotonic() + wait, False
    while True:
        try:
            return connection.begin()
        except OperationalError as error:
            connection.rollback()
            if not is_locked(error) or connection.dialect.name != "sqlite":
                raise
            if time.monotonic() > end:
                raise MigrationsBusy(_busy(wait)) from error
        if not told:
            tell(f"Another process writes to this database. Waiting for it, {wait:g} seconds at most.")
            told = True
        time.sleep(_LOOK_AGAIN)


def _busy(wait: float) -> str:
    return (
        f"Another process has worked on this database for {wait:g} seconds. Let it end, then run this again; "
        "what it applies will not be applied twice."
    )


def is_locked(error: DBAPIError) -> bool:
    """Whether a statement failed since something it needs was locked, so that it may be tried again."""
    orig: Any = error.orig
    if getattr(orig, "sqlstate", None) in {"55P03", "40P01", "40001"}:
        return True
    if str(getattr(orig, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return True
    number = orig.args[0] if getattr(orig, "args", None) else None
    return number in {1205, 1213} and getattr(orig, "sqlstate", None) is None
