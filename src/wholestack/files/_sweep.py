"""What no row has: deleted after a while, since a process may end between a file and its row."""

from __future__ import annotations

import datetime
import logging

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.errors import Fault

from ._colour import away
from ._plugin import Files
from ._rows import all_referred

_log = logging.getLogger("wholestack.files")
HOUR = datetime.timedelta(hours=1)


def sweep(app: App, *, older: datetime.timedelta = HOUR, dry: bool = False) -> list[str]:
    """Delete the files that no row of the app's databases has: those of a process that ended between a file and its
    commit, of uploads that nobody claimed, and of rows that were deleted by a statement and not by the session.

    Call it now and then, as ``wholestack shell`` or a task does. It reads all columns of files, and lists all files.

    Arguments:
        app: whose files are looked at.
        older: only files that were written so long ago, since a row may be about to name younger ones.
        dry: delete nothing.

    Returns:
        the stored names that were, or would be, deleted.

    Raises:
        SetupError: the app uses no `Files`, or no `Database` that would know which files are needed.
    """
    stores = [each for each in app.plugins if isinstance(each, Files)] or [app.plugin(Files)]
    databases = [each for each in app.plugins if isinstance(each, Database)]
    if not databases:
        message = "A sweep deletes what no row has, and this app has no database."
        raise SetupError([Fault("no-database", message, "sweep", "Delete files with files.delete(stored).")])
    return away(_sweep, stores, databases, datetime.datetime.now(datetime.UTC) - older, dry)


def _sweep(stores: list[Files], databases: list[Database], before: datetime.datetime, dry: bool) -> list[str]:
    # First the files, then the rows: what gets a row meanwhile is found there.
    found = {store: [each.name for each in store.storage.names() if each.changed < before] for store in stores}
    needed: set[bytes] = set()
    for database in databases:
        with database.session() as db:
            needed.update(bytes.fromhex(each.name[:32]) for each in all_referred(db, database.metadata))
    deleted: list[str] = []
    for store, names in found.items():
        for name in names:
            if name[:1].isdigit() or not name.startswith(("part-", "incoming-")):
                if bytes.fromhex(name[:32]) in needed:
                    continue
            if not dry:
                store.storage.delete(name)
            deleted.append(name)
    _log.info("a sweep has deleted %d files that no row has", 0 if dry else len(deleted))
    return deleted
