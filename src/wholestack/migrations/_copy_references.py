"""References between rows while they are loaded: checked when all rows are there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, Table, and_, exists, inspect, select

from ._errors import DumpRefused


@contextlib.contextmanager
def deferred(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Let rows refer to rows that come later; at the end each must be there.

    SQLite has a switch for one transaction. PostgreSQL is told so of each constraint in a circle, and told back.
    MariaDB does not look at all, and is asked afterwards.

    Raises:
        DumpRefused: a row refers to nothing.
    """
    kind = connection.dialect.name
    if kind == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        yield
        if rows := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise DumpRefused(_lost(str(rows[0][0]), str(rows[0][2])))
    elif kind == "postgresql":
        changed = list(_circular(connection, tables))
        for table, name, _ in changed:
            _alter(connection, table, name, "DEFERRABLE INITIALLY DEFERRED")
        yield
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        for table, name, before in changed:
            _alter(connection, table, name, before)
    else:
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
        connection.exec_driver_sql("SET SESSION sql_mode = concat(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")
        yield
        for table in tables:
            for constraint in table.foreign_key_constraints:
                _look(connection, table, constraint)


def _circular(connection: Connection, tables: Sequence[Table]) -> Iterator[tuple[Table, str, str]]:
    """Constraints that refer to a table that comes later, or to their own; and how they are now."""
    places = {table.key: index for index, table in enumerate(tables)}
    for table in tables:
        later = {
            (tuple(constraint.column_keys), constraint.referred_table.name)
            for constraint in table.foreign_key_constraints
            if places.get(constraint.referred_table.key, -1) >= places[table.key]
        }
        for found in inspect(connection).get_foreign_keys(table.name, schema=table.schema) if later else ():
            if (tuple(found["constrained_columns"]), found["referred_table"]) in later:
                yield table, str(found["name"]), _as_it_is(found.get("options", {}))


def _as_it_is(options: Any) -> str:
    if not options.get("deferrable"):
        return "NOT DEFERRABLE"
    return f"DEFERRABLE INITIALLY {options.get('initially') or 'IMMEDIATE'}"


def _alter(connection: Connection, table: Table, name: str, how: str) -> None:
    quote = connection.dialect.identifier_preparer
    words = f"ALTER TABLE {quote.format_table(table)} ALTER CONSTRAINT {quote.quote(name)} {how}"
    connection.exec_driver_sql(words.replace("%", "%%"))


def _look(connection: Connection, table: Table, constraint: ForeignKeyConstraint) -> None:
    other = constraint.referred_table.alias("other")
    pairs = [(element.parent, other.columns[element.column.name]) for element in constraint.elements]
    there = exists().where(and_(*(mine == theirs for mine, theirs in pairs)))
    lost = select(table).where(and_(*(mine.is_not(None) for mine, _ in pairs)), ~there).limit(1)
    if connection.execute(lost).first() is not None:
        raise DumpRefused(_lost(table.key, constraint.referred_table.key))


def _lost(child: str, parent: str) -> str:
    return f"A row of {child} refers to a row of {parent} that is not in the file. Nothing was changed."
