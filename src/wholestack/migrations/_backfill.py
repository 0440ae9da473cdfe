"""Values for rows that are there already, written while the table is used: in batches, each its own transaction."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from alembic.operations import Operations
from sqlalchemy import Connection, column, func, inspect, literal_column, select, table, text, tuple_, update
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from ._backfill_progress import OWN_RECORD, Place, Progress, forget_places
from ._connection import is_locked
from ._errors import MigrationError
from ._safety_operations import Backfill

_LONG = 1.0
"""Seconds after which a batch was too long: others have waited for its rows."""
_SHORT = 0.25
_PATIENCE = 60.0
"""Seconds without any progress, for locks that others hold, after which it gives up; it can be run again."""
_PASSES = 5
"""How often the table is gone through for rows that were written behind its back."""


def backfill(
    op: Any, table: str, *, set: Mapping[str, str], where: str = "", size: int = 1000, schema: str | None = None
) -> None:
    """Write values into rows that are there already, while the table is used.

    Arguments:
        op: Alembic's `op`.
        table: the table; it must have a primary key, whose order the batches follow.
        set: each column with the SQL of its value.
        where: which rows still need it, as SQL. With it, rows that come while it runs are found, too.
        size: rows a batch at most; fewer where a batch takes long, or others wait for locks.
        schema: the table's schema.

    Each batch is a transaction of its own; how far it came is kept in the same one, so that a migration that was
    stopped, by SIGKILL even, goes on where it was, and no row is written twice.

    Raises:
        MigrationError: the table is not there, or has no primary key; or its rows were locked all the time.

    Example:
        >>> from alembic import op
        >>> from wholestack.migrations import phase_of, recorded
        >>> def upgrade() -> None:
        ...     backfill(op, "note", set={"words": "length(body)"}, where="words IS NULL")
        >>> phase_of(recorded(upgrade, "postgresql"))
        'data'
    """
    operation = Backfill(table, set, where, schema)
    operation.size = size
    operation.name = _name(operation, sys._getframe(1).f_globals.get("revision"))
    op.invoke(operation)


def _name(operation: Backfill, revision: Any) -> str:
    """What the place is kept under: the same for the same call in the same file."""
    columns = ",".join(operation.set)
    return f"{revision or ''}:{operation.schema or ''}:{operation.table_name}:{columns}"[:190]


@Operations.implementation_for(Backfill)
def _apply(operations: Operations, operation: Backfill) -> None:
    context = operations.get_context()
    if context.as_sql:
        # A script for somebody's hands: what it should do, and the one statement that does it at once.
        context.impl.static_output(f"-- In batches by the primary key of {operation.table_name}, each committed:")
        operations.execute(_statement(operation, _target(operation), []))
        return
    with context.autocommit_block():
        _Run(operations.get_bind(), operation).all()
    _forget_when_applied(operations, operation)


def _forget_when_applied(operations: Operations, operation: Backfill) -> None:
    """The place is forgotten in the transaction that records the migration as applied, and not before."""
    context = operations.get_context()

    def forget(**_: Any) -> None:
        forget_places(operations.get_bind(), operation.name.partition(":")[0])

    context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, forget)


def _target(operation: Backfill, keys: Sequence[Any] = ()) -> Any:
    there = {each.name for each in keys}
    written: list[Any] = [column(name) for name in operation.set if name not in there]
    return table(operation.table_name, *keys, *written, schema=operation.schema)


def _statement(operation: Backfill, target: Any, conditions: list[Any]) -> Any:
    if operation.where:
        conditions = [*conditions, literal_column(f"({operation.where})")]
    return update(target).where(*conditions).values({name: literal_column(sql) for name, sql in operation.set.items()})


class _Run:
    """One backfill on one connection, which is in autocommit."""

    def __init__(self, connection: Connection, operation: Backfill) -> None:
        self.connection = connection
        self.operation = operation
        self.kind = connection.dialect.name
        try:
            found = inspect(connection)
            key = found.get_pk_constraint(operation.table_name, schema=operation.schema)["constrained_columns"]
            types = {each["name"]: each["type"] for each in found.get_columns(operation.table_name, operation.schema)}
        except NoSuchTableError:
            raise MigrationError(f"There is no table {operation.table_name} whose rows could be filled.") from None
        if not key:
            raise MigrationError(
                f"The table {operation.table_name} has no primary key, whose order batches could follow. Add one, or "
                "write the rows with op.execute and say in `acknowledged` why that is safe."
            )
        self.target = _target(operation, [column(name, types[name]) for name in key])
        self.keys = [self.target.c[name] for name in key]
        self.place = Place(connection, operation.name)
        self.pace = _Pace(operation.size)

    def all(self) -> None:
        """Every row, from where it was."""
        with self.transaction():
            self.place.begin()
        if self.place.finished:
            return
        progress = Progress(self.operation.table_name, self.estimate(), self.place.rows)
        for _ in range(_PASSES):
            self.through(progress)
            if not self.left():
                break
            self.place.last = None
        with self.transaction():
            self.place.end()
        progress.end(self.place.rows)

    def through(self, progress: Progress) -> None:
        """Once through the table."""
        last, moved = self.place.last, time.monotonic()
        while True:
            try:
                began = time.monotonic()
                last = self.batch(last)
            except DBAPIError as error:
                if not is_locked(error) or time.monotonic() - moved > _PATIENCE:
                    raise
                self.pace.blocked()
                continue
            if last is None:
                return
            moved = time.monotonic()
            self.pace.took(moved - began)
            progress.at(self.place.rows)
            self.let_others()

    def batch(self, last: list[Any] | None) -> list[Any] | None:
        """One batch after this key; the last key of it, or None at the end of the table."""
        with self.transaction():
            upper = self.upper(last)
            if upper is None:
                return None
            bounds = [self.compared("<=", upper)] + ([self.compared(">", last)] if last is not None else [])
            batch = _statement(self.operation, self.target, bounds)
            done = self.connection.execute(batch, execution_options=OWN_RECORD)
            self.place.move(upper, max(0, done.rowcount))
        return upper

    def upper(self, last: list[Any] | None) -> list[Any] | None:
        """The key that is so many rows behind, or the last one."""
        rest = select(*self.keys).select_from(self.target)
        if last is not None:
            rest = rest.where(self.compared(">", last))
        found = self.connection.execute(rest.order_by(*self.keys).limit(1).offset(self.pace.size - 1)).first()
        if found is None:
            found = self.connection.execute(rest.order_by(*(key.desc() for key in self.keys)).limit(1)).first()
        return list(found) if found is not None else None

    def compared(self, sign: str, values: list[Any]) -> Any:
        """A comparison of the key, of one column or of several."""
        if len(self.keys) == 1:
            return self.keys[0].op(sign)(values[0])
        return tuple_(*self.keys).op(sign)(tuple_(*values, types=[key.type for key in self.keys]))

    def left(self) -> bool:
        """Whether there are rows that still need it: written behind the place that had been reached."""
        if not self.operation.where:
            return False
        one: Any = (
            select(literal_column("1")).select_from(self.target).where(literal_column(f"({self.operation.where})"))
        )
        with self.transaction():
            return self.connection.execute(one.limit(1)).first() is not None

    def estimate(self) -> int | None:
        """About how many rows the table has; None where nobody knows."""
        question = _ROWS.get(self.kind)
        quoted = self.connection.dialect.identifier_preparer.format_table(self.target)
        values = {"name": quoted if self.kind == "postgresql" else self.operation.table_name}
        counted: Any = (
            text(question).bindparams(**values) if question else select(func.count()).select_from(self.target)
        )
        with self.transaction():
            found = self.connection.execute(counted).scalar()
        return int(found) if found is not None and found >= 0 else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction of the database on a connection that is in autocommit for SQLAlchemy."""
        if self.kind in {"mariadb", "mysql"}:
            # Its own default locks the gaps between the rows, too, into which others want to insert.
            self.connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self.connection.exec_driver_sql("BEGIN IMMEDIATE" if self.kind == "sqlite" else "BEGIN")
        try:
            if self.kind == "postgresql":
                self.connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                self.connection.exec_driver_sql("ROLLBACK")
            raise
        self.connection.exec_driver_sql("COMMIT")

    def let_others(self) -> None:
        """Wait while other sessions of this database wait for locks, for a while."""
        question = _WAITING.get(self.kind)
        pause = 0.05
        while question and pause < 4:
            try:
                waiting = self.connection.exec_driver_sql(question).scalar()
            except DBAPIError:
                return  # It takes a right that not everybody has (MariaDB: PROCESS).
            if not waiting:
                return
            self.pace.blocked(wait=False)
            time.sleep(pause)
            pause *= 2


_ROWS = {
    "postgresql": "SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)",
    "mariadb": "SELECT table_rows FROM information_schema.tables WHERE table_name = :name AND table_schema = schema()",
}
_ROWS["mysql"] = _ROWS["mariadb"]
_WAITING = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN "
    "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())",
    "mariadb": "SELECT count(*) FROM information_schema.innodb_trx JOIN information_schema.processlist "
    "ON id = trx_mysql_thread_id WHERE trx_state = 'LOCK WAIT' AND db = database()",
}
_WAITING["mysql"] = _WAITING["mariadb"]


class _Pace:
    """How large the next batch is: half after one that was too long, or met a lock; twice after a short one.

    Arguments:
        most: rows at most.
        sleep: what waits, given seconds.
    """

    def __init__(self, most: int, sleep: Callable[[float], object] = time.sleep) -> None:
        self.most = self.size = max(1, most)
        self.sleep = sleep
        self.wait = 0.1

    def took(self, seconds: float) -> None:
        self.wait = 0.1
        if seconds > _LONG:
            self.size = max(1, self.size // 2)
        elif seconds < _SHORT:
            self.size = min(self.most, self.size * 2)

    def blocked(self, *, wait: bool = True) -> None:
        self.size = max(1, self.size // 2)
        if wait:
            self.sleep(self.wait)
            self.wait = min(5.0, self.wait * 2)
