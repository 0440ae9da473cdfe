"""PostgreSQL: psycopg's own connection, which waits on its socket by the thread or by the event loop.

psycopg writes its protocol once, as generators that say what they wait for; its `Connection` and `AsyncConnection`
differ in who waits. Ours asks at each wait, so one connection, and one pool, serves both colours without a thread
between.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import weakref
from typing import Any

import psycopg
from psycopg import pq, waiting
from psycopg.rows import TupleRow

from ._colour import how_to_wait
from ._connection import Mode, UnitOfWork
from ._errors import ReadOnly, SessionInOtherTask

_BEGIN: dict[Mode, bytes] = {"write": b"BEGIN", "read": b"BEGIN READ ONLY"}
_IDLE = pq.TransactionStatus.IDLE


class PostgreSQLConnection(psycopg.Connection[TupleRow], UnitOfWork):
    """A connection for both colours."""

    _poll: Any = None
    _named: weakref.WeakSet[Any] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = PostgreSQLCursor
        self.server_cursor_factory = PostgreSQLServerCursor
        self.lock: Any = Turn()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Let psycopg's protocol go on until it is through, waiting as the caller's colour asks."""
        waits = how_to_wait()
        if waits is None:
            return super().wait(gen, interval, timeout)
        return waits(self._on_loop(gen))

    async def _on_loop(self, gen: Any) -> Any:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=0)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                # The server is told to stop, and its last word is read, or the connection could not be used again.
                await asyncio.to_thread(self._try_cancel, timeout=5.0)
                try:
                    await waiting.wait_async(gen, self.pgconn.socket, interval=0, timeout=5.0)
                except psycopg.Error:
                    pass
            raise

    def start(self, mode: Mode) -> None:
        """`BEGIN`, or `BEGIN READ ONLY`."""
        how_to_wait()  # Before psycopg's lock: what may not wait must not hold it.
        command = _BEGIN[mode]
        if self.isolation_level is not None:
            command += b" ISOLATION LEVEL " + self.isolation_level.name.replace("_", " ").encode()
        with self.lock:
            self.wait(self._exec_command(command))

    @property
    def autocommit(self) -> bool:
        """Whether SQLAlchemy has asked for AUTOCOMMIT; the driver's own is always on."""
        return self.by_hand

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self.by_hand = value

    def cursor(self, name: str = "", **options: Any) -> Any:
        """A cursor; one with a name lies on the server, and needs a transaction."""
        if name and self.pgconn.transaction_status == _IDLE:
            self.lazy = False
            self.start("read" if self.looks else "write")
        if not name:
            return super().cursor(**options)
        cursor = super().cursor(name, **options)
        if self._named is None:
            self._named = weakref.WeakSet()
        self._named.add(cursor)
        return cursor

    def holds(self) -> bool:
        """See `UnitOfWork`."""
        if self._named is None:
            return False
        if self.pgconn.transaction_status == _IDLE:
            self._named = None  # They have ended with their transaction.
            return False
        return any(not cursor.closed for cursor in self._named)

    def commit(self) -> None:
        """Commit, where a transaction has begun."""
        self.lazy = False
        if self.pgconn.transaction_status != _IDLE:
            how_to_wait()
            super().commit()

    def rollback(self) -> None:
        """Roll back, where a transaction has begun."""
        self.lazy = False
        if self.pgconn.transaction_status != _IDLE:
            how_to_wait()
            super().rollback()

    def let_go(self) -> None:
        """See `UnitOfWork`."""
        os.close(self.pgconn.socket)

    def alive(self) -> bool:
        """Whether the server has closed it: an idle connection has nothing to read."""
        if self.closed:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.pgconn.socket, select.POLLIN)
        return not self._poll.poll(0)


class Turn:
    """Psycopg's lock, for threads; on an event loop, where to wait for it would stop everything, an error in its place.

    Two tasks that use one session at the same time come here, or a task that does while a copy goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.release = self._lock.release
        self.locked = self._lock.locked

    def acquire(self) -> bool:
        """Take it.

        Raises:
            SessionInOtherTask: somebody has it, and this is an event loop.
        """
        if self._lock.acquire(blocking=False):
            return True
        if asyncio._get_running_loop() is not None:
            raise SessionInOtherTask
        return self._lock.acquire()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Before:
    """Says before each statement what it is; psycopg's cursors are mixed in."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement."""
        connection: Any = self.connection  # type: ignore[attr-defined]
        how_to_wait()
        connection.before(query)
        try:
            return super().execute(query, params, **options)  # type: ignore[misc]
        except (OverflowError, UnicodeError) as error:
            raise psycopg.DataError(str(error)) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise ReadOnly from error

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:
        """Run one statement for each set of parameters."""
        connection: Any = self.connection  # type: ignore[attr-defined]
        how_to_wait()
        connection.before(query)
        try:
            return super().executemany(query, params_seq, **options)  # type: ignore[misc]
        except (OverflowError, UnicodeError) as error:
            raise psycopg.DataError(str(error)) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise ReadOnly from error


class PostgreSQLCursor(_Before, psycopg.Cursor[TupleRow]):
    """A cursor whose rows are in memory."""

    async def _async_soft_close(self) -> None:
        """SQLAlchemy's `AsyncSession` asks for the rest of the rows, to be read without waiting: they are here."""


class PostgreSQLServerCursor(_Before, psycopg.ServerCursor[TupleRow]):
    """A cursor whose rows are fetched from the server as they are asked for."""

    def __del__(self, *_: Any) -> None:
        """One that was left in the middle, as by a stream's client, has ended with its transaction."""


def connect(*args: Any, **options: Any) -> Any:
    """A connection in autocommit: where a transaction begins, we say so."""
    return PostgreSQLConnection.connect(*args, autocommit=True, **options)
