"""Whether a database server has room for the connections of all processes; a rule of `wholestack check`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wholestack.errors import Fault

if TYPE_CHECKING:
    from ._database import Database

_log = logging.getLogger("wholestack.db")
_ASK = {
    "postgresql": (
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    ),
    "mariadb": "SELECT @@max_connections",
}


def no_room(database: Database) -> list[Fault]:
    """The fault of pools that are larger, in all processes together, than the server has room for.

    The server is asked, unless the `Database` was told how many `connections` there are: behind a proxy that pools
    (PgBouncer), the server's own figure says nothing. A server that does not answer is no fault here.
    """
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    each = database.connections
    processes = int(workers) if workers.isdecimal() else 1
    most = database.most if database.most is not None else _asked(database)
    if most is None or each * processes <= most:
        return []
    fitting = max(1, most // processes - (each - database.tuning.pool))
    message = (
        f"{processes} processes with {each} connections each, for requests, streams and health checks, are "
        f"{each * processes}; the database gives {most}."
    )
    cure = f"Write Database(…, pool={fitting}), start fewer workers, or raise max_connections of the server."
    return [Fault("too-many-connections", message, f"Database({database.kind})", cure)]


def warn_of_no_room(database: Database) -> None:
    """The same in the log, when a process starts."""
    for fault in no_room(database):
        _log.warning("%s %s", fault.message, fault.cure, extra={"code": fault.code})


def _asked(database: Database) -> int | None:
    if database.kind not in _ASK:
        return None
    try:
        with database.health.connect() as connection:
            return int(connection.execute(text(_ASK[database.kind])).scalar_one())
    except SQLAlchemyError:
        return None
