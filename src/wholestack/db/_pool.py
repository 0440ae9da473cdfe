"""The pool of connections: bounded, fair, and waited for in either colour without blocking the event loop."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
from typing import Any

from sqlalchemy import exc
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.pool.base import _ConnectionRecord

from ._slots import Slots

_log = logging.getLogger("wholestack.db")


class FairPool(Pool):
    """At most `pool_size` connections; who asks for one more waits in line for `timeout` seconds, then gets an error.

    SQLAlchemy's own pools wait on a lock, which would hold the event loop, or belong to one colour only. A connection
    that cannot be made tells everybody in the line at once: a database that is away must not make each of them wait.

    Arguments:
        creator: SQLAlchemy's function that connects.
        pool_size: connections at most.
        timeout: seconds that one may wait for a connection.
        options: what `sqlalchemy.pool.Pool` takes.
    """

    def __init__(self, creator: Any, pool_size: int = 10, timeout: float = 10.0, **options: Any) -> None:
        super().__init__(creator, **options)
        self.process = os.getpid()
        self.size = pool_size
        self.patience = timeout
        self.slots = Slots(pool_size)
        self._idle: collections.deque[ConnectionPoolEntry] = collections.deque()
        self._disposed = False

    def _do_get(self) -> ConnectionPoolEntry:
        if not self.slots.acquire(self.patience):
            raise exc.TimeoutError(f"Each of {self.size} connections was in use for {self.patience:g} seconds.")
        # The latest first: what was used a moment ago is warm, and alive.
        record = self._latest()
        return record if record is not None else self._created()

    def _latest(self) -> ConnectionPoolEntry | None:
        try:
            record = self._idle.pop()
        except IndexError:
            return None
        connection: Any = record.dbapi_connection
        if connection is not None and not connection.alive():
            record.invalidate()  # It connects anew when it is taken.
        return record

    def _create_connection(self) -> ConnectionPoolEntry:
        return _Record(self)

    def _created(self) -> ConnectionPoolEntry:
        try:
            return self._create_connection()
        except BaseException as error:
            if is_full(error) and self.slots.shrink():
                return self._do_get()  # Other processes have what the server gives: wait for one of those we have.
            self.slots.release()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        connection: Any = record.dbapi_connection
        if connection is not None and connection.holds():
            record.invalidate()  # Whoever has left a cursor in the middle may hold it still.
        self._idle.append(record)
        self.slots.release()
        if self._disposed:
            self.dispose()

    def recreate(self) -> FairPool:
        """A pool like this one, empty."""
        return type(self)(
            self._creator,
            self.size,
            self.patience,
            echo=self.echo,
            logging_name=self._orig_logging_name,
            reset_on_return=self._reset_on_return,
            recycle=self._recycle,
            pre_ping=self._pre_ping,
            _dispatch=self.dispatch,
            dialect=self._dialect,
        )

    def dispose(self) -> None:
        """Close what lies idle; what is in use closes when it comes back to nobody."""
        self._disposed = True  # An engine goes on with another one, from `recreate`.
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop().close()

    def let_go(self) -> None:
        """Close the copies of what lies idle here, in the child of a fork."""
        for record in self._idle:
            connection: Any = record.dbapi_connection
            if connection is not None:
                connection.let_go()

    def checkedout(self) -> int:
        """How many connections are in use."""
        return self.slots.taken

    def status(self) -> str:
        """The pool in a line, for people."""
        return f"{self.slots.taken} of {self.slots.size} connections in use, {self.slots.waiting} waiting"


class _Record(_ConnectionRecord):
    """A place of the pool and its connection, which comes back whatever happens on the way.

    SQLAlchemy's own would not come back where a call fails that puts its connection in order: one that takes a level of
    isolation back, of a server that has gone, say. Here the connection is thrown away, and the next one connects anew.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._home = pool

    def checkin(self, _fairy_was_created: bool = True) -> None:
        """Put the connection in order and give it back."""
        if self.fairy_ref is None and _fairy_was_created:
            super().checkin()  # It is back already, and this says so.
            return
        self.fairy_ref = None
        try:
            self._put_in_order()
        except Exception as error:
            self._throw_away(error)
            _log.warning("a connection that could not be put in order was thrown away", exc_info=error)
        except BaseException as error:  # Somebody has given up meanwhile.
            self._throw_away(error)
            raise
        finally:
            self._home._return_conn(self)

    def _put_in_order(self) -> None:
        connection: Any = self.dbapi_connection
        while self.finalize_callback:
            call = self.finalize_callback.pop()
            if connection is not None:
                call(connection)
        if self._home.dispatch.checkin:
            self._home.dispatch.checkin(connection, self)

    def _throw_away(self, error: BaseException) -> None:
        self.finalize_callback.clear()
        self.invalidate(error)


def is_full(error: BaseException) -> bool:
    """Whether a server refuses a connection since it has as many as it takes.

    Example:
        >>> is_full(OSError("FATAL:  sorry, too many clients already")), is_full(OSError("Connection refused"))
        (True, False)
    """
    # When it connects, a driver has the server's words only (libpq keeps no SQLSTATE there).
    words = str(error).lower()
    return "too many" in words or "connection slots are reserved" in words
