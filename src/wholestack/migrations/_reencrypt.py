"""`db reencrypt`: encrypted columns written anew with the first key, while the app is served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, and_, bindparam, select, tuple_, type_coerce, update

from wholestack.db import Database, Encrypted

from ._connection import Tell, begun, opened
from ._errors import MigrationError

_BATCH = 200
_WAIT = 60.0


def reencrypt(database: Database, tell: Tell = print) -> dict[str, int]:
    """Write what is encrypted with an older key anew with the first one; how many values of each column.

    Rows are read and written some at a time. A value that somebody changes meanwhile is left as it was changed; one
    that the first key decrypts is left as it is, so that this may be stopped at any moment, and run again.

    Arguments:
        database: whose columns.
        tell: takes a line for the person who watches.

    Raises:
        MigrationError: a value that none of the keys decrypts; a table without a primary key.
    """
    done = {}
    for table in database.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Encrypted):
                name = f"{table.key}.{column.name}"
                if not table.primary_key.columns:
                    raise MigrationError(f"{table.key} has no primary key, so its rows cannot be told apart.")
                done[name] = sum(_column(database, table, column, tell))
                tell(f"{name}: {done[name]} values encrypted anew.")
    return done


def _column(database: Database, table: Table, column: Column[Any], tell: Tell) -> Iterator[int]:
    last: tuple[Any, ...] | None = None
    with opened(database) as connection:
        while True:
            with begun(connection, _WAIT, tell):
                rows = _rows(connection, table, column, last)
                yield sum(_written(connection, table, column, row) for row in rows)
            if len(rows) < _BATCH:
                return
            last = tuple(rows[-1])[:-1]


def _raw(column: Column[Any]) -> Any:
    return type_coerce(column, LargeBinary)


def _rows(connection: Connection, table: Table, column: Column[Any], last: tuple[Any, ...] | None) -> list[Any]:
    keys = list(table.primary_key.columns)
    query = select(*keys, _raw(column).label("wholestack_value")).where(column.is_not(None)).order_by(*keys)
    if last is not None:
        after = keys[0] > last[0] if len(keys) == 1 else tuple_(*keys) > tuple_(*last)
        query = query.where(after)
    return list(connection.execute(query.limit(_BATCH)))


def _written(connection: Connection, table: Table, column: Column[Any], row: Any) -> int:
    *key, old = row
    kind: Any = column.type
    try:
        new = kind.renewed(bytes(old))
    except ValueError as error:
        raise MigrationError(f"{table.key}.{column.name} of the row {key}: {error} Put its key among them.") from error
    if new is None:
        return 0
    mine = and_(*(each == value for each, value in zip(table.primary_key.columns, key, strict=True)))
    same = _raw(column) == bindparam("wholestack_old", bytes(old), type_=LargeBinary)
    values = {column: bindparam("wholestack_new", new, type_=LargeBinary)}
    return int(connection.execute(update(table).where(mine, same).values(values)).rowcount)
