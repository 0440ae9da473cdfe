"""A database for tests: new, empty, and gone afterwards; the one that it is named after is not touched."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wholestack.db import Database

_LONGEST = 63
"""Bytes of a name that PostgreSQL keeps (NAMEDATALEN - 1)."""


@contextlib.contextmanager
def fresh_database(database: Database, *, worker: str = "") -> Iterator[Database]:
    """Move a `Database` to a new one on the same server for a block; its tables come from its migrations.

    Arguments:
        database: the app's; only its server is used.
        worker: the name of a process that tests beside others, each of which has a database of its own.

    Example:
        >>> from wholestack.db import Database
        >>> with fresh_database(Database("sqlite:///precious.db")) as database:
        ...     "precious" in database.url.database
        False
    """
    url = database.url
    with _made(database, worker) as made:
        database.move(made)
        try:
            _build(database)
            yield database
        finally:
            database.move(url)


@contextlib.contextmanager
def _made(database: Database, worker: str) -> Iterator[Any]:
    url = database.url
    if database.kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="wholestack-", ignore_cleanup_errors=True) as folder:
            yield url.set(database=str(Path(folder) / "test.db"))
        return
    from sqlalchemy import create_engine, text

    ending = f"_test_{worker or 'main'}_{os.getpid()}"
    name = f"{(url.database or 'app')[: _LONGEST - len(ending)]}{ending}"
    server = url.set(database="postgres" if database.kind == "postgresql" else None)
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    quoted = engine.dialect.identifier_preparer.quote_identifier(name)
    force = " WITH (FORCE)" if database.kind == "postgresql" else ""
    try:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {quoted}{force}"))
            connection.execute(text(f"CREATE DATABASE {quoted}"))
        try:
            yield url.set(database=name)
        finally:
            database.dispose()
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {quoted}{force}"))
    finally:
        engine.dispose()


def _build(database: Database) -> None:
    """The tables, as production gets them: from the migrations where there are any."""
    if database.migrations is not None and database.migrations.is_dir():
        from wholestack.migrations import migrate

        migrate(database)
    else:
        database.create_tables()
