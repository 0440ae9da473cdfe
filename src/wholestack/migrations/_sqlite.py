"""What SQLite needs beside a transaction: a table that is changed is made anew, and nothing that hangs on it may go.

Alembic's batch mode copies the rows into a new table, drops the old one and gives the new one its name. With foreign
keys in force, dropping deletes each row first, and with it what refers to it; so they are out of force meanwhile, and
looked through before the commit (https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema
Changes"). Triggers and indexes on expressions go with the old table, and Alembic does not know them.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, event

from ._errors import MigrationError

_MAKES = re.compile(r'\s*CREATE TABLE "?_alembic_tmp_', re.IGNORECASE)
_RENAMES = re.compile(r'\s*ALTER TABLE "?_alembic_tmp_.* RENAME TO ("[^"]+"|\S+)', re.IGNORECASE)
_TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
_COUNTS = "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'"
_COUNTED = "SELECT name, seq FROM main.sqlite_sequence"
_INDEXES = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


@contextlib.contextmanager
def unchecked(connection: Connection) -> Iterator[None]:
    """Put foreign keys out of force, which can be done between transactions only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


@contextlib.contextmanager
def rebuilding(connection: Connection) -> Iterator[None]:
    """Inside the transaction of a migration: keep what hangs on a table that is made anew.

    Raises:
        MigrationError: rows refer to what is not there any more.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    kept = _Kept(connection.connection.dbapi_connection)
    before = kept.orphans()
    event.listen(connection, "before_cursor_execute", kept.before)
    event.listen(connection, "after_cursor_execute", kept.after)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", kept.before)
        event.remove(connection, "after_cursor_execute", kept.after)
    if lost := kept.orphans() - before:
        lines = ", ".join(f"{count} of {child} to {parent}" for (child, parent), count in sorted(lost.items()))
        raise MigrationError(f"Rows would refer to what is not there any more: {lines}. Nothing was changed.")


class _Kept:
    """Triggers, and indexes on expressions, of the tables that are made anew, and how far their keys were counted."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._statements: list[tuple[str, str, str]] = []
        self._counted: dict[str, int] = {}

    def before(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Before a table is made anew, remember; before it gets its name, let views be: they look for the old one."""
        if _MAKES.match(statement):
            indexes = [each for each in self._all(_INDEXES) if self._is_expression(each[0])]
            self._statements = [*self._all(_TRIGGERS), *indexes]
            self._counted = dict(self._all(_COUNTED)) if self._all(_COUNTS) else {}
        elif _RENAMES.match(statement):
            self._driver.execute("PRAGMA legacy_alter_table=ON")

    def after(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """After it got its name, make them again."""
        if found := _RENAMES.match(statement):
            self._driver.execute("PRAGMA legacy_alter_table=OFF")
            there = {name for name, *_ in [*self._all(_TRIGGERS), *self._all(_INDEXES)]}
            for name, table, sql in self._statements:
                if table == found[1].strip('"') and name not in there:
                    self._driver.execute(sql)
            self._count_on(found[1].strip('"'))

    def _count_on(self, table: str) -> None:
        """No key is given twice (AUTOINCREMENT): the new table has seen those only that were still there."""
        number = self._counted.get(table)
        if number is not None and "AUTOINCREMENT" in str(self._all(_TABLE, table)).upper():
            self._driver.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", (table,))
            self._driver.execute("INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))

    def orphans(self) -> Counter[tuple[str, str]]:
        """Rows that refer to nothing: how many, by table and the table they refer to."""
        rows = self._all("PRAGMA foreign_key_check")
        return Counter((str(child), str(parent)) for child, _, parent, _ in rows)

    def _is_expression(self, index: str) -> bool:
        quoted = index.replace('"', '""')
        return any(row[1] == -2 for row in self._all(f'PRAGMA index_xinfo("{quoted}")'))

    def _all(self, statement: str, *values: str) -> list[Any]:
        return list(self._driver.execute(statement, values).fetchall())
