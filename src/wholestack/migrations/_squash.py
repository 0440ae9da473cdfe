"""`db squash`: one migration in place of all, for databases that have had all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.operations import ops

from wholestack.db import Database, History

from ._compare import differences
from ._context import context
from ._errors import DatabaseBehind, MigrationError
from ._folder import Folder
from ._make import compared
from ._migrate import drift, status
from ._record import kind_of
from ._render import python_code
from ._safety_operations import Backfill, Opaque, steps
from ._safety_record import recorded


def squash(database: Database, message: str, *, without_data: bool = False) -> tuple[Path, tuple[Path, ...]]:
    """Write one migration that makes what the models say, and remove all others; the new file, and those removed.

    The new one has the name of the last one, so that a database that has had all of them has nothing pending. One that
    has had some has to be migrated by the release before.

    Arguments:
        database: whose migrations.
        message: what the new one is called.
        without_data: leave out what migrations did to rows.

    Raises:
        DatabaseBehind: the database has not had all of them.
        MigrationError: the database and the models differ, or a migration writes rows.
    """
    folder = Folder.of(database)
    head = folder.head()
    if head is None:
        raise MigrationError("There is no migration to squash.")
    if pending := status(database).pending:
        missing = ", ".join(each.name for each in pending)
        raise DatabaseBehind(f"The database has not had {missing}. Apply it: wholestack db migrate")
    if problems := drift(database, at_head=True):
        raise MigrationError("\n".join(["Migrations and models must agree before:", *problems]))
    writing = [folder.name(each.revision) for each in folder.all() if list(_rows(each, database))]
    if writing and not without_data:
        raise MigrationError(
            f"These migrations write rows, which the new one would not do: {', '.join(writing)}. Where a new database "
            "needs none of it, say --without-data; else move it to a function with @database.seed before."
        )
    old = [Path(each.path) for each in folder.all()]
    names = tuple(each.id for each in History.read(folder.path).revisions.values() if each.id != head)
    with compared(database, folder) as (connection, _):
        found = differences(connection, database.metadata, from_nothing=True)
        imports: set[str] = set()
        here = context(connection)
        code: dict[str, Any] = {
            "revision": head,
            "upgrade": python_code(found, here, imports),
            "downgrade": python_code(found.reverse(), here, imports),
            "imports": imports,
            "names": {"phase": '"expand"', "squashed": repr(names).replace("'", '"')},
        }
    file = folder.write(message, (), code)
    for each in old:
        each.unlink()
    return file, tuple(old)


def _rows(script: Any, database: Database) -> Iterator[Any]:
    """What a migration does to rows, or may do."""
    for step in steps(recorded(script.module.upgrade, database.kind), database.kind):
        if isinstance(step.operation, ops.BulkInsertOp | Backfill | Opaque) or _is_data(step.raw):
            yield step


def _is_data(statement: str) -> bool:
    return bool(statement) and kind_of(statement) == "data"
