"""What `wholestack check` says of the app's databases: migrations that are missing, pending, or not what models say."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import DBAPIError

from wholestack import App
from wholestack.db import Database
from wholestack.migrations import MigrationError, changes, check

from ._db_find import name_of


def lacking(app: App) -> list[str]:
    """A sentence for each thing that is wrong; no database is made by looking."""
    found = []
    mine = [each for each in app.plugins if isinstance(each, Database)]
    for each in mine:
        if each.migrations is None or each.read_only or each.in_memory:
            continue
        name = f"{name_of(each)}: " if len(mine) > 1 else ""
        try:
            found += [f"{name}{line}" for line in _of(each)]
        except MigrationError as error:
            found.append(f"{name}{error}")
        except DBAPIError as error:
            found.append(f"{name}The database was not looked at: {str(error.orig).strip()}")
        finally:
            each.dispose()
    return found


def _of(database: Database) -> list[str]:
    folder = database.migrations
    if folder is None or not folder.is_dir():
        return ['There is no folder of migrations, without which the app is not served: wholestack db make "first"']
    if database.kind == "sqlite" and not Path(str(database.url.database)).is_file():
        # A file that is not there yet is at no migration, and that is no fault of the app's.
        return [f"The migrations do not make what the models say: {each}" for each in changes(database)]
    return check(database)
