"""SQLite: the standard library's driver, whose calls go to a worker thread where an event loop must not wait."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wholestack.servers import Workers

from ._colour import Wait, how_to_wait, in_thread
from ._connection import Mode, UnitOfWork
from ._errors import ReadOnly, SessionInOtherTask
from ._exact_functions import add_functions
from ._statements import may_write

_BATCH = 256
"""Rows that are fetched in the thread that ran the statement, since another crossing costs more than they do."""

_SLICE = 0.25
"""Seconds after which one who waits for a writer of this process looks whether he has been given up."""
_TURN = 0.01
"""Seconds that SQLite waits by itself for one of another process, whom it asks less and less often: after a second it
would come too late each time. So we let it begin anew, and see in between whether somebody has given up."""

_STEPS = 2_000_000
"""Steps of SQLite's machine, tens of milliseconds, after which it asks whether a statement has had its time; a short
one never comes that far."""

_AT_WORK = "wholestack_at_work"

_SETTINGS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-20000",
    "PRAGMA mmap_size=134217728",
    "PRAGMA journal_size_limit=67108864",
)


class Clock:
    """How long a statement may still be at work; SQLite itself knows no such limit.

    Arguments:
        limit: seconds.

    Attributes:
        until: when they are over; 0 where the statement, or the next of its rows, has only begun.
    """

    __slots__ = ("limit", "until")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.until = 0.0

    def is_over(self) -> bool:
        """Whether the statement that SQLite is at work on has had its time."""
        now = time.monotonic()
        if not self.until:
            self.until = now + self.limit
        return now >= self.until


class SQLiteConnection(sqlite3.Connection, UnitOfWork):
    """A connection for both colours; one writer at a time in this process, and `BEGIN IMMEDIATE` among processes.

    SQLite's own waiting polls, so that among many writers one starves; our lock lets each writer of this process wait
    for the one before it, and SQLite has to arbitrate between processes only.
    """

    workers: Workers
    writing: threading.Lock
    patience: float
    clock: Clock
    open_cursors: int = 0
    _due: Mode | None = None  # A transaction that begins with the next statement, in the same crossing to a thread.
    _changes: bool = False  # Whether a statement may have written something, so that to commit it may take its time.
    _writes: bool = False
    _only_reads: bool = False
    _given_up: bool = False
    _is_in_thread: bool = False

    def cursor(self, factory: Any = None) -> Any:
        """A cursor that waits as its caller's colour asks."""
        self.open_cursors += 1
        return super().cursor(factory or SQLiteCursor)

    @contextlib.contextmanager
    def unlimited(self) -> Iterator[None]:
        """Let statements take as long as they do."""
        limit, self.clock.limit = self.clock.limit, math.inf
        try:
            yield
        finally:
            self.clock.limit = limit

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call what may block: here, or in a worker thread."""
        waits = how_to_wait()
        return function(*args) if waits is None else self.apart(waits, function, *args)

    def apart(self, waits: Wait, function: Callable[..., Any], *args: Any) -> Any:
        """Call what may block in a worker thread.

        Raises:
            SessionInOtherTask: a thread is in this connection for another task.
        """
        if self._is_in_thread:
            raise SessionInOtherTask
        self._given_up, self._is_in_thread = False, True
        try:
            return in_thread(waits, self.workers, self._give_up, function, *args)
        finally:
            self._is_in_thread = False

    @property
    def isolation_level(self) -> Any:
        """None where SQLAlchemy has asked for AUTOCOMMIT; the driver's own is always None."""
        return None if self.by_hand else ""

    @isolation_level.setter
    def isolation_level(self, value: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.by_hand = value is None

    def _give_up(self) -> None:
        self._given_up = True
        self.interrupt()

    def start(self, mode: Mode) -> None:
        """`BEGIN IMMEDIATE` to write; to read, a snapshot in which nothing can be written.

        Where an event loop must not wait, it goes with the statement that comes: a crossing to a thread costs more than
        both.
        """
        if how_to_wait() is None:
            self._start(mode)
        else:
            self._due = mode

    def begin_due(self) -> None:
        """Begin the transaction that waits for its first statement; where that fails, it is still due."""
        if self._due is not None:
            self._start(self._due)
            self._due = None

    def _start(self, mode: Mode) -> None:
        self.clock.until = 0.0
        if mode == "read":
            super().execute("PRAGMA query_only=ON")
            self._only_reads = True
            super().execute("BEGIN")
            return
        end = time.monotonic() + self.patience
        while not self.writing.acquire(timeout=min(_SLICE, self.patience)):
            if self._given_up or time.monotonic() >= end:
                raise _busy()
        try:
            self._begin(end)
        except BaseException:
            self.writing.release()
            raise
        self._writes = True

    def _begin(self, end: float) -> None:
        """Wait for writers of other processes, and see in between whether somebody has given up."""
        while True:
            try:
                super().execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or self._given_up or time.monotonic() >= end:
                    raise
            else:
                return

    def holds(self) -> bool:
        """See `UnitOfWork`: SQLite lets nobody replace a function while a statement is at work."""
        if self._is_in_thread:
            return True
        if self.open_cursors:
            try:
                self.create_function(_AT_WORK, 0, _nothing)
            except sqlite3.OperationalError:
                return True
            self.open_cursors = 0  # Those that were left open are read to their ends, or gone.
        return False

    def commit(self) -> None:
        """Commit, where a transaction has begun."""
        self.clock.until = 0.0
        if self._writes and not self.in_transaction:
            self._end()
            raise _undone()
        if self.in_transaction:
            self._finish(super().commit)
        self._end()

    def rollback(self) -> None:
        """Roll back, where a transaction has begun."""
        self.clock.until = 0.0
        try:
            if self.in_transaction:
                self._finish(super().rollback)
        finally:
            self._end()

    def _finish(self, function: Callable[[], object]) -> None:
        """End a transaction. Where all of its statements were questions, nothing is written and no lock waited for, so
        that it needs no thread.
        """
        if self._changes:
            self.run(function)
        elif how_to_wait() is None or not self._is_in_thread:
            function()
        else:
            raise SessionInOtherTask

    def close(self) -> None:
        """Close; a transaction that is open is rolled back. Where a thread is in a call, that is given up before."""
        if self._is_in_thread:
            self._give_up()
            self.workers.run(self._close)
        else:
            self._close()

    def _close(self) -> None:
        try:
            # First: where a cursor is still held (a traceback does so), SQLite would keep the connection and its lock.
            if self.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    super().rollback()
            super().close()
        finally:
            self._end(closed=True)

    def _end(self, *, closed: bool = False) -> None:
        self.lazy = self._changes = False
        self._due = None
        if self._only_reads and not closed:
            self._only_reads = False
            super().execute("PRAGMA query_only=OFF")
        if self._writes and (closed or not self.in_transaction):
            self._writes = False
            self.writing.release()


class SQLiteCursor(sqlite3.Cursor):
    """A cursor of either colour; in a thread that may block, the plain one but for a question before each call."""

    _rows: Any = ()
    _next: int = 0
    _more: bool = False

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Run one statement."""
        return self._run(super().execute, sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Any:
        """Run one statement for each set of parameters; the limit of time is for one, not for all of them."""
        connection: Any = self.connection
        with connection.unlimited():
            return self._run(super().executemany, sql, parameters)

    def _run(self, function: Callable[..., Any], sql: str, parameters: Any) -> Any:
        connection: Any = self.connection
        waits = how_to_wait()
        connection.before(sql)
        connection.clock.until = 0.0
        self._rows, self._next, self._more = [], 0, False
        connection._changes = connection._changes or may_write(sql)
        try:
            if waits is None:
                connection.begin_due()
                function(sql, parameters)
            else:
                connection.apart(waits, self._with_rows, function, sql, parameters)
        except (OverflowError, UnicodeEncodeError) as error:
            # Neither is an error of the DB-API (PEP 249), as which SQLAlchemy and we would know it.
            raise sqlite3.DataError(str(error)) from error
        except sqlite3.OperationalError as error:
            if connection._only_reads and error.sqlite_errorname == "SQLITE_READONLY":
                raise ReadOnly from error
            if connection._writes or connection._due is not None or not _is_busy(error):
                raise
            connection.run(self._patiently, function, sql, parameters)
        return self

    def _patiently(self, function: Callable[..., Any], sql: str, parameters: Any) -> None:
        """Outside of a transaction that writes, a statement waits for others as one that begins does."""
        connection: Any = self.connection
        end = time.monotonic() + connection.patience
        while True:
            try:
                function(sql, parameters)
                self._fill(_BATCH)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or connection._given_up or time.monotonic() >= end:
                    raise
            else:
                return

    def _with_rows(self, function: Callable[..., Any], sql: str, parameters: Any) -> None:
        connection: Any = self.connection
        connection.begin_due()
        function(sql, parameters)
        self._fill(_BATCH)

    def _fill(self, size: int) -> None:
        self._goes_on()
        self._rows, self._next = super().fetchmany(size) if self.description is not None else [], 0
        self._more = len(self._rows) == size

    def _goes_on(self) -> None:
        """The next rows have their own time: whoever takes them may have taken his."""
        connection: Any = self.connection
        connection.clock.until = 0.0

    def _filled(self, size: int) -> bool:
        """Whether a row lies ready; more are fetched where there are any."""
        if self._next >= len(self._rows) and self._more:
            waits = how_to_wait()
            if waits is None:
                self._fill(size)
            else:
                connection: Any = self.connection
                connection.apart(waits, self._fill, size)
        return self._next < len(self._rows)

    def close(self) -> None:
        """No more of it."""
        connection: Any = self.connection
        connection.open_cursors -= 1
        super().close()

    def fetchone(self) -> Any:
        """The next row, or None."""
        if not self._rows:
            self._goes_on()
            return super().fetchone()
        if not self._filled(_BATCH):
            return None
        self._next += 1
        return self._rows[self._next - 1]

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """The next rows, `size` at most."""
        size = size or 1
        if not self._rows:
            self._goes_on()
            return super().fetchmany(size)
        found: list[Any] = []
        while len(found) < size and self._filled(max(size - len(found), _BATCH)):
            taken = self._rows[self._next : self._next + size - len(found)]
            self._next += len(taken)
            found += taken
        return found

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        if not self._rows:
            self._goes_on()
            return super().fetchall()
        found: list[Any] = []
        while self._filled(16 * _BATCH):
            found += self._rows[self._next :]
            self._next = len(self._rows)
        return found

    async def _async_soft_close(self) -> None:
        """SQLAlchemy's `AsyncSession` asks for the rest of the rows, to be read without waiting."""
        if self._more:
            connection: Any = self.connection
            self._goes_on()
            self._rows = self._rows[self._next :] + await connection.workers.run(super().fetchall)
            self._next, self._more = 0, False

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        while (row := self.fetchone()) is not None:
            yield row


def connect(
    workers: Workers, writing: threading.Lock, patience: float, limit: float, full: bool, *args: Any, **options: Any
) -> Any:
    """A connection with the settings that production wants (docs/guides/db.md)."""
    options |= {"factory": SQLiteConnection, "check_same_thread": False, "isolation_level": None}
    options["timeout"] = min(_TURN, patience)
    connection: Any = sqlite3.connect(*args, **options)
    connection.workers, connection.writing, connection.patience = workers, writing, patience
    connection.clock = Clock(limit or math.inf)
    connection.set_progress_handler(connection.clock.is_over, _STEPS)
    connection.create_function(_AT_WORK, 0, _nothing)
    add_functions(connection)
    end = time.monotonic() + patience
    for setting in (*_SETTINGS, f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}"):
        _set(connection, setting, end)
    return connection


def _set(connection: sqlite3.Connection, setting: str, end: float) -> None:
    """Another process that opens the same new file at the same moment is waited for; SQLite itself does not, here."""
    while True:
        try:
            sqlite3.Connection.execute(connection, setting)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= end:
                connection.close()
                raise
            time.sleep(0.01)
        else:
            return


def _nothing() -> None:
    """Stands for a function; it is called by nobody."""


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked by another writer of this process")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
    return error


def _undone() -> sqlite3.OperationalError:
    return sqlite3.OperationalError("SQLite has rolled the transaction back by itself; nothing of it was written")
