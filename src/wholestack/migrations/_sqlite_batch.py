"""A table of SQLite's made anew: what is computed is not copied, and exact numbers are brought to their new unit.

What SQLAlchemy cuts when it reflects a table, the new table would lose.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Index, String, Table

from ._canonical import with_computed, with_condition
from ._exact import kept, scaled

_NAME = "wholestack_collations"
_EMPTY = f"CREATE TEMPORARY TABLE {_NAME} ("
_HEAD = re.compile(r'^\s*CREATE\s+TABLE\s+("(?:[^"]|"")+"|`[^`]+`|\[[^]]+\]|[^\s(]+)\s*\(', re.IGNORECASE)
_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"


@contextlib.contextmanager
def copying(impl: Any) -> Iterator[None]:
    """Let Alembic's work on a database of SQLite's go by what these tables hold.

    Arguments:
        impl: Alembic's `DefaultImpl`, before a batch is begun.
    """
    reflect, prepare = impl.autogen_column_reflect, impl.prep_table_for_batch

    def reflected(inspector: Any, table: Any, column: Any) -> None:
        column.update(with_computed(inspector.bind, table.name, column))
        reflect(inspector, table, column)

    def prepared(batch: Any, table: Any) -> None:
        prepare(batch, table)
        _keep_rules(impl.connection, batch, table)
        for name, column in batch.columns.items():
            if column.computed is not None:  # SQLite takes no values for it.
                batch.column_transfers[name].pop("expr", None)
        for index in batch.indexes.values():
            if index.kwargs.get("sqlite_where") is not None:
                options = {"sqlite_where": index.kwargs["sqlite_where"]}
                whole = with_condition(impl.connection, {"name": index.name, "dialect_options": options})
                index.kwargs["sqlite_where"] = whole["dialect_options"]["sqlite_where"]

    impl.autogen_column_reflect, impl.prep_table_for_batch = reflected, prepared
    try:
        yield
    finally:
        del impl.autogen_column_reflect, impl.prep_table_for_batch


def _keep_rules(connection: Connection, batch: Any, table: Table) -> None:
    """Let the new table compare, order and count as the old one does, where no change says otherwise."""
    sql = str(connection.exec_driver_sql(_TABLE, (table.name,)).scalar())
    if re.search(r"\bAUTOINCREMENT\b", sql, re.IGNORECASE):
        batch.new_table.dialect_options["sqlite"]["autoincrement"] = True
    compared = _collations(connection, table, sql) if re.search(r"\bCOLLATE\b", sql, re.IGNORECASE) else {}
    for name, collation in compared.items():
        kind: Any = batch.new_table.c[name].type if name in batch.new_table.c else None
        if kind is table.c[name].type:  # Else the change says what it is.
            batch.new_table.c[name].type = kind = kind.copy()
            kind.collation = collation
    for name, index in batch.indexes.items():
        batch.indexes[name] = _index(connection, table, index, compared)


def _collations(connection: Connection, table: Table, sql: str) -> dict[str, str]:
    """How the columns of a table compare, by their names, where it is not byte by byte: told by an index of an empty
    table that is made in the same words.
    """
    quote = connection.dialect.identifier_preparer.quote
    names = [each.name for each in table.columns if isinstance(each.type, String)]
    if not names:
        return {}
    words = re.sub(r"\bAUTOINCREMENT\b", "", _HEAD.sub(_EMPTY, sql, count=1), flags=re.IGNORECASE)
    connection.exec_driver_sql(words.replace("%", "%%"))
    try:
        connection.exec_driver_sql(f"CREATE INDEX temp.{_NAME}_index ON {_NAME} ({', '.join(map(quote, names))})")
        rows = connection.exec_driver_sql(f"PRAGMA temp.index_xinfo({_NAME}_index)").all()
        return {row[2]: row[4] for row in rows if row[5] and row[4] != "BINARY"}
    finally:
        connection.exec_driver_sql(f"DROP TABLE temp.{_NAME}")


def _index(connection: Connection, table: Table, index: Index, compared: dict[str, str]) -> Index:
    """A reflected index with the order of its columns and how they compare."""
    quoted = str(index.name).replace('"', '""')
    rows = [row for row in connection.exec_driver_sql(f'PRAGMA index_xinfo("{quoted}")').all() if row[5]]
    if not any(row[3] or row[4] != compared.get(row[2], "BINARY") for row in rows) or any(row[1] < 0 for row in rows):
        return index
    found: list[Any] = []
    for row in rows:
        each: Any = table.c[row[2]]
        each = each if row[4] == compared.get(row[2], "BINARY") else each.collate(row[4])
        found.append(each.desc() if row[3] else each)
    return Index(index.name, *found, unique=bool(index.unique), **index.kwargs)


def with_units(batch: Any, flush: Callable[[], object]) -> None:
    """Make a table anew: where a type changes, by what the migration says that it was.

    Arguments:
        batch: Alembic's `BatchOperationsImpl`, with its steps.
        flush: what makes it anew.
    """
    impl = batch.impl
    plain = impl.cast_for_batch_migrate
    # SQLite's own word for an exact number is that for whole ones.
    before: dict[str, list[Any]] = {}
    for name, args, options in batch.batch:
        if name == "alter_column" and options.get("type_") is not None:
            before.setdefault(args[1], []).append(options.get("existing_type"))

    def brought(column: Any, transfer: Any, after: Any) -> None:
        was = before[column.key].pop(0)
        found = scaled(transfer["expr"], was, after) if was is not None else None
        if found is None:
            found = kept(transfer["expr"], after)
        if found is None:
            plain(column, transfer, after)
        else:
            transfer["expr"] = found

    impl.cast_for_batch_migrate = brought
    try:
        flush()
    finally:
        del impl.cast_for_batch_migrate
