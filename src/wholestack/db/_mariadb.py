"""MariaDB and MySQL: PyMySQL, whose calls go to a worker thread where an event loop must not wait."""

from __future__ import annotations

import contextlib
import functools
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor, SSCursor

from wholestack.servers import Workers

from ._colour import how_to_wait, in_thread
from ._connection import Mode, UnitOfWork
from ._errors import ReadOnly, SessionInOtherTask

_ONLY_READS = 1792
"""The number of "Cannot execute statement in a READ ONLY transaction"."""
_FEW = 1000
"""Rows that are read past rather than that the server is asked to stop."""
_BEGIN: dict[Mode, str] = {"write": "BEGIN", "read": "START TRANSACTION READ ONLY"}


class TimelyConnection(Connection):  # type: ignore[misc]  # PyMySQL ships no types
    """A connection whose server must greet in time, too: PyMySQL limits only how long its port may take."""

    def connect(self, sock: Any = None) -> None:
        """Connect; `connect_timeout` is for each answer until the connection can be used."""
        own: Any = self
        ours, own._read_timeout = own._read_timeout, own._read_timeout or own.connect_timeout
        try:
            Connection.connect(self, sock)
        finally:
            own._read_timeout = ours


class MariaDBConnection(TimelyConnection, UnitOfWork):
    """A connection for both colours."""

    workers: Workers
    again: Callable[[], Any]
    reading: MariaDBServerCursor | None = None
    _begun: bool = False
    _busy: bool = False
    _given_up: bool = False

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call what may block: here, or in a worker thread."""
        waits = how_to_wait()
        if waits is None:
            return function(*args)
        if self._busy:
            raise SessionInOtherTask
        self._busy = True
        try:
            return in_thread(waits, self.workers, self._give_up, function, *args)
        finally:
            self._busy = False

    def _give_up(self) -> None:
        """End the call that a thread is in: at the socket (to close it would wake nobody), and at the server.

        The connection is lost, and its transaction rolled back.
        """
        own: Any = self
        if not self._given_up:
            self._given_up = True
            with contextlib.suppress(OSError, AttributeError):
                own._sock.shutdown(socket.SHUT_RDWR)
            self.workers.run(self._end_at_server, own.thread_id())

    def _end_at_server(self, number: int, what: str = "") -> None:
        with contextlib.suppress(pymysql.Error), contextlib.closing(self.again()) as other:
            other.query(f"KILL {what} {number:d}")

    def end_query(self) -> None:
        """Let the server stop a query whose rows nobody wants any more; the transaction goes on."""
        own: Any = self
        self._end_at_server(own.thread_id(), "QUERY")

    def cursor(self, cursor: Any = None) -> Any:
        """A cursor that waits as its caller's colour asks."""
        return super().cursor(_OWN.get(cursor, cursor) or MariaDBCursor)

    def start(self, mode: Mode) -> None:
        """`BEGIN`, or `START TRANSACTION READ ONLY`."""
        self.run(self._statement, _BEGIN[mode])
        self._begun = True

    def _statement(self, sql: str) -> None:
        own: Any = self
        self.finish_reading()
        own._execute_command(3, sql)  # COM_QUERY
        own._read_ok_packet()

    def after_reading(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call what sends something."""
        self.finish_reading()
        return function(*args)

    def finish_reading(self) -> None:
        """Take rows that are still to come into memory: nothing else can be sent before."""
        if self.holds() and self.reading is not None:
            self.reading.take_rest()

    def autocommit(self, value: bool) -> None:
        """Whether SQLAlchemy has asked for AUTOCOMMIT; the driver's own is on since it has connected."""
        if "workers" in vars(self):
            self.by_hand = value
        else:
            super().autocommit(value)

    def commit(self) -> None:
        """Commit, where a transaction has begun."""
        self.lazy = False
        if self._begun:
            self.run(self.after_reading, super().commit)
            self._begun = False

    def rollback(self) -> None:
        """Roll back, where a transaction has begun."""
        self.lazy = False
        if self._begun:
            self._begun = False
            if self.holds():
                self.let_go()  # The server rolls back what it has lost; its rows may be many, and nobody wants them.
            else:
                self.run(super().rollback)

    def holds(self) -> bool:
        """See `UnitOfWork`."""
        result: Any = vars(self).get("_result")
        return result is not None and bool(result.unbuffered_active)

    def let_go(self) -> None:
        """See `UnitOfWork`."""
        own: Any = self
        self._forget_rows()
        own._force_close()

    def close(self) -> None:
        """Say farewell."""
        self._forget_rows()
        super().close()

    def _forget_rows(self) -> None:
        result: Any = vars(self).get("_result")
        if result is not None:
            result.unbuffered_active = False

    def alive(self) -> bool:
        """Whether the server has closed it: an idle connection has nothing to read."""
        sock: Any = vars(self).get("_sock")
        if sock is None:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return not poll.poll(0)


class MariaDBCursor(Cursor):  # type: ignore[misc]
    """A cursor whose rows are in memory."""

    def execute(self, query: str, args: Any = None) -> Any:
        """Run one statement."""
        return _run(self, super().execute, query, args)

    def executemany(self, query: str, args: Any) -> Any:
        """Run one statement for each set of parameters."""
        return _run(self, super().executemany, query, args)

    async def _async_soft_close(self) -> None:
        """SQLAlchemy's `AsyncSession` asks for the rest of the rows, to be read without waiting: they are here."""


class MariaDBServerCursor(SSCursor):  # type: ignore[misc]
    """A cursor whose rows come from the server as they are asked for."""

    connection: Any
    _rest: deque[Any] | None = None

    def execute(self, query: str, args: Any = None) -> Any:
        """Run one statement."""
        self._rest = None
        found = _run(self, super().execute, query, args)
        self.connection.reading = self
        return found

    def read_next(self) -> Any:
        """The next row, or None."""
        if self._rest is None:
            return super().read_next()
        return self._rest.popleft() if self._rest else None

    def take_rest(self) -> None:
        """Take what is still to come into memory."""
        self._rest = deque(iter(super().read_next, None))

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self.connection.run(super().fetchone)

    def fetchmany(self, size: int | None = None) -> Any:
        """The next rows."""
        return self.connection.run(super().fetchmany, size)

    def fetchall(self) -> Any:
        """All rows that are left."""
        return self.connection.run(super().fetchall)

    def close(self) -> None:
        """See that the connection can be used again."""
        connection = self.connection
        if connection is not None:
            if connection.reading is self:
                connection.reading = None
                with contextlib.suppress(pymysql.Error):
                    connection.run(self._skip_rest)
            super().close()

    def _skip_rest(self) -> None:
        """Read on past what nobody wants; where that is much, the server is told to stop."""
        for _ in range(_FEW):
            if self.read_next() is None:
                return
        self.connection.end_query()
        self.take_rest()

    def __del__(self) -> None:
        """One that was left in the middle reads no more: the pool closes its connection."""


_OWN: dict[Any, Any] = {Cursor: MariaDBCursor, SSCursor: MariaDBServerCursor}


def _run(cursor: Any, function: Callable[..., Any], sql: str, args: Any) -> Any:
    connection = cursor.connection
    how_to_wait()
    connection.before(sql)
    try:
        return connection.run(connection.after_reading, function, sql, args)
    except (OverflowError, UnicodeError) as error:
        raise pymysql.DataError(str(error)) from error
    except pymysql.Error as error:
        if error.args[:1] == (_ONLY_READS,):
            raise ReadOnly from error
        raise


def connect(workers: Workers, *args: Any, **options: Any) -> Any:
    """A connection in autocommit: where a transaction begins, we say so."""
    connection = MariaDBConnection(*args, autocommit=True, **options)
    connection.workers = workers
    connection.again = functools.partial(TimelyConnection, *args, **options)
    return connection
