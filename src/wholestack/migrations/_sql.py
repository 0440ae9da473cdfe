"""`db sql`: migrations as a script, for somebody who runs it by hand."""

from __future__ import annotations

import io
from typing import Any

from alembic.operations import Operations
from sqlalchemy.exc import DBAPIError

from wholestack.db import Database, applied

from ._connection import LOCK_SECONDS, opened
from ._context import context
from ._errors import MigrationError
from ._folder import Folder, told
from ._safety_types import dialect_of

_BEFORE = {"postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s';\n\n"}


def sql(database: Database, *, start: str | None = None, to: str | None = None) -> str:
    """What is pending as SQL, each migration in a transaction of its own where the database can.

    Arguments:
        database: whose migrations, and for which kind of database.
        start: what the database has had; ``base``: nothing; None: the database is asked.
        to: the last migration; None: the last one there is.

    Raises:
        MigrationError: the database does not answer; or a migration must see it to know what to do.
    """
    folder = Folder.of(database)
    last = folder.revision(to).revision if to is not None else folder.head()
    heads = _heads(database, folder, start)
    out = io.StringIO()

    def steps(_heads: object, _context: object) -> object:
        current: Any = tuple(heads)  # Alembic takes several, whatever its hint says.
        return folder.script._upgrade_revs(last, current) if last is not None else []

    here = context(
        dialect=dialect_of(database.kind),
        as_sql=True,
        fn=steps,
        script=folder.script,
        starting_rev=heads or None,
        output_buffer=out,
        transaction_per_migration=True,
        literal_binds=True,
    )
    with told(), Operations.context(here):
        here.run_migrations()
    return _BEFORE.get(database.kind, "") + out.getvalue()


def _heads(database: Database, folder: Folder, start: str | None) -> tuple[str, ...]:
    if start is not None:
        return () if start == "base" else (folder.revision(start).revision,)
    try:
        with opened(database, mode="lazy") as connection:
            return applied(connection)
    except DBAPIError as error:
        raise MigrationError(
            f"The database does not say what it has had ({str(error.orig).strip()}). Say it: --from base, or --from "
            "REVISION"
        ) from error
