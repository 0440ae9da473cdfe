"""SQLite's indexes on expressions, which SQLAlchemy cannot reflect: compared by the text that SQLite keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Connection, Index, MetaData
from sqlalchemy.schema import CreateIndex

from ._canonical import plain_words
from ._inspect import Renames, in_text
from ._safety_operations import Statement


def expressions(connection: Connection, metadata: MetaData, found: list[Any], renames: Renames) -> list[Any]:
    """What has to be done to them.

    Arguments:
        connection: the database.
        metadata: the models' tables.
        found: what has to be done to all else: what goes with its table is left to that.
        renames: what is taken as renamed.
    """
    made = {each.index_name for each in found if isinstance(each, ops.CreateIndexOp)}
    gone = {each.table_name for each in found if isinstance(each, ops.DropTableOp)}
    wanted = {str(index.name): index for index in _wanted(metadata) if index.name not in made}
    there = {name: (table, sql) for name, table, sql in _there(connection, set(wanted)) if table not in gone}
    quote = connection.dialect.identifier_preparer.quote
    changes: list[Any] = []
    for name, (table, sql) in there.items():
        index, here = wanted.get(name), renames.table(table)
        same = index is not None and _renamed(sql, here, renames) == plain_words(
            str(CreateIndex(index).compile(dialect=connection.dialect))
        )
        if not same and (index is not None or here in metadata.tables):
            changes.append(Statement(f"DROP INDEX {quote(name)}", sql))
        if same:
            wanted.pop(name)
    return changes + [ops.CreateIndexOp.from_index(each) for each in wanted.values()]


def is_in_words(index: Index) -> bool:
    """Whether an index names more than columns; `text("a")` is a column for SQLite, and is reflected as one."""
    return any(not isinstance(each, Column) for each in index.expressions)


def _wanted(metadata: MetaData) -> Iterator[Index]:
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if is_in_words(index):
                yield index


def _there(connection: Connection, wanted: set[str]) -> Iterator[tuple[str, str, str]]:
    """Name, table and text of each, and of those that the models name by words."""
    rows = connection.exec_driver_sql(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''"
    )
    for name, table, sql in rows.all():
        quoted = name.replace('"', '""')
        parts = connection.exec_driver_sql(f'PRAGMA index_xinfo("{quoted}")'.replace("%", "%%")).all()
        if name in wanted or any(row[1] == -2 for row in parts):
            yield name, table, sql


def _renamed(sql: str, table: str, renames: Renames) -> tuple[str, ...]:
    """The text of an index that is there, by the new names."""
    return tuple(renames.table(each) for each in plain_words(in_text(sql, table, renames)))
