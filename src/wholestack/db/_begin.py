"""How a database begins with its app, and whether it is ready: tables where they may be made, refusals where not."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from wholestack.errors import Fault, SetupError

from ._history import History, Revision, applied

if TYPE_CHECKING:
    from ._database import Database

_log = logging.getLogger("wholestack.db")
STAGE = "WHOLESTACK_STAGE"
"""Where a process finds out what it is for: ``development`` (`wholestack dev`), ``test`` (pytest) or ``production``."""


def stage() -> str:
    """What this process is for; production where nothing says otherwise.

    Example:
        >>> stage() in {"development", "test", "production"}
        True
    """
    return os.environ.get(STAGE, "production")


def look_at_folder(database: Database, databases: Iterable[Database]) -> None:
    """See that no other database, with tables of its own, has its migrations in the same folder.

    Each would be given the tables of the other, or be asked to drop them. Replicas, and databases that hold the same
    tables, share theirs.

    Raises:
        SetupError: one has (``shared-migrations``).
    """
    if not _is_migrated(database):
        return
    for other in databases:
        if _is_migrated(other) and other.metadata is not database.metadata and _place(other) == _place(database):
            raise _shared(database, other)


def _is_migrated(database: Database) -> bool:
    return database.migrations is not None and not database.read_only and not database.in_memory


def _place(database: Database) -> Path:
    return Path() if database.migrations is None else database.migrations.resolve()


def begin(database: Database) -> None:
    """Let a database begin with its app.

    Without a folder of migrations its tables are created in development and tests, and in memory, where nobody could
    migrate it. With one, and in production, each migration that this release needs must have been applied.

    Raises:
        SetupError: there is no folder (``no-migrations``), a migration is pending (``migration-pending``), or the
            database does not answer (``database-away``).
    """
    if database.migrations is None or database.read_only:
        return
    try:
        _begin(database, database.migrations)
    except OperationalError as error:
        raise _away(database, error) from error


def _begin(database: Database, folder: Path) -> None:
    if database.in_memory:
        database.create_tables()
    elif not folder.is_dir():
        if stage() == "production":
            raise _no_folder(folder)
        _create(database)
    elif stage() == "test" and not _applied(database):
        database.create_tables()
    elif pending := database.history.blocking(_applied(database)):
        if stage() == "production":
            raise _pending(pending)
        _log.warning("migrations are pending (%s): wholestack db migrate", ", ".join(each.name for each in pending))


def _create(database: Database) -> None:
    with database.engine_for("lazy").connect() as connection:
        there = set(inspect(connection).get_table_names())
    missing = sorted(each.name for each in database.metadata.tables.values() if each.schema or each.name not in there)
    if missing:
        database.create_tables()
        _log.warning(
            "created the tables %s as the models have them, since there is no folder %s; before the app is served: "
            'wholestack db make "first"',
            ", ".join(missing),
            _short(database.migrations),
        )


def _applied(database: Database) -> tuple[str, ...]:
    with database.engine_for("lazy").connect() as connection:
        return applied(connection)


def health_checks(database: Database) -> list[Callable[..., Any]]:
    """What `Health` asks: whether the database answers, and whether this release's migrations have been applied."""
    suffix = "" if database.is_default else f"_{database.session_type.__name__.lower()}"

    def answers() -> None:
        with database.health.connect() as connection:
            connection.execute(text("SELECT 1"))

    def migrated() -> bool:
        with database.health.connect() as connection:
            return not _behind(database, connection)

    answers.__name__, migrated.__name__ = f"database{suffix}", f"migrations{suffix}"
    folder = database.migrations
    return [answers] if folder is None or database.read_only or not folder.is_dir() else [answers, migrated]


def _behind(database: Database, connection: Connection) -> bool:
    pending = database.history.blocking(applied(connection))
    if pending:
        _log.warning("migrations are pending: %s", ", ".join(each.name for each in pending))
    return bool(pending)


def read_history(folder: Path | None) -> History:
    """The migrations of a folder; none where there is no folder."""
    return History.read(folder) if folder is not None and folder.is_dir() else History([])


def _away(database: Database, error: OperationalError) -> SetupError:
    reason = str(error.orig).strip().partition("\n")[0]
    message = f"The database {database.url.render_as_string(hide_password=True)} does not answer: {reason}"
    cure = "Start it; or look at its address, DATABASE_URL."
    return SetupError([Fault("database-away", message, "Database(url=…)", cure)])


def _no_folder(folder: Path | None) -> SetupError:
    message = f"There is no folder {_short(folder)}, so nothing says how the database's tables are to be made."
    cure = 'wholestack db make "first", then wholestack db migrate'
    return SetupError([Fault("no-migrations", message, "Database(migrations=…)", cure)])


def _shared(database: Database, other: Database) -> SetupError:
    names = [each.session_type.__name__ for each in (database, other)]
    second = names[0] if other.is_default else names[1]
    message = (
        f"The databases of {names[0]} and {names[1]} have their migrations in one folder, "
        f"{_short(database.migrations)}, and tables of their own: each would be given those of the other."
    )
    cure = f"Give it a folder of its own: Database(…, session={second}, migrations='migrations_{second.lower()}')"
    return SetupError([Fault("shared-migrations", message, f"Database(session={second})", cure)])


def _pending(pending: list[Revision]) -> SetupError:
    several = len(pending) != 1
    message = f"{len(pending)} migration{'s are' if several else ' is'} pending: {', '.join(e.name for e in pending)}."
    return SetupError([Fault("migration-pending", message, _short(pending[0].file.parent), "wholestack db migrate")])


def _short(folder: Path | None) -> str:
    return os.path.relpath(folder) if folder is not None else ""
