"""SQLite's indexes on expressions, which SQLAlchemy cannot reflect: compared by the text that SQLite keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Connection, Index, MetaData
from sqlalchemy.schema import CreateIndex

from ._inspect import Renames
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
    there = {name: (table, sql) for name, table, sql in _there(connection) if table not in gone}
    wanted = {str(index.name): index for index in _wanted(metadata) if index.name not in made}
    changes: list[Any] = []
    for name, (table, sql) in there.items():
        index = wanted.get(name)
        same = index is not None and _plain(sql) == _plain(str(CreateIndex(index).compile(dialect=connection.dialect)))
        if not same and (index is not None or renames.table(table) in metadata.tables):
            changes.append(Statement(f"DROP INDEX {name}", sql))
        if same:
            wanted.pop(name)
    return changes + [ops.CreateIndexOp.from_index(each) for each in wanted.values()]


def _wanted(metadata: MetaData) -> Iterator[Index]:
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if any(not isinstance(each, Column) for each in index.expressions):
                yield index


def _there(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Name, table and text of each."""
    rows = connection.exec_driver_sql(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''"
    )
    for name, table, sql in rows.all():
        quoted = name.replace('"', '""')
        parts = connection.exec_driver_sql(f'PRAGMA index_xinfo("{quoted}")'.replace("%", "%%")).all()
        if any(row[1] == -2 for row in parts):
            yield name, table, sql


def _plain(sql: str) -> str:
    return re.sub(r'["\s]+', "", sql).lower()
