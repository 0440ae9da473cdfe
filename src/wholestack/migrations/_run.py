"""The runner: it applies migrations and takes them back, one at a time, so that a death in between does no harm."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
from collections.abc import Iterator
from typing import Any, Literal

from alembic.runtime.migration import HeadMaintainer, MigrationStep
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from wholestack.db import Database, applied

from ._backfill_progress import forget_places
from ._connection import Tell, begun, is_locked, locked, opened
from ._context import Context, context, operations
from ._errors import MigrationError, TableLocked
from ._folder import Folder, told
from ._record import STEPS, Recorder, forget
from ._sqlite import rebuilding, unchecked

Direction = Literal["up", "down"]


@dataclasses.dataclass(frozen=True)
class How:
    """How migrations are run.

    Attributes:
        wait: seconds to wait for another process that migrates the same database.
        tries: how often a migration is tried that cannot lock a table.
        pause: seconds before the second try; each later one waits twice as long, at most 16 times.
        from_start: begin interrupted migrations at their first statement again.
        tell: takes a line for the person who watches.
    """

    wait: float = 600.0
    tries: int = 12
    pause: float = 0.5
    from_start: bool = False
    tell: Tell = print


class Runner:
    """Runs the migrations of one database.

    Arguments:
        database: the database.
        how: times, and where to tell.
    """

    def __init__(self, database: Database, how: How) -> None:
        self.database = database
        self.how = how
        self.folder = Folder.of(database)

    def up(self, ids: list[str]) -> list[str]:
        """Apply these migrations, in this order; what another process has applied meanwhile is left out.

        Returns the names of those that were applied here.
        """
        return self._all("up", ids)

    def down(self, ids: list[str]) -> list[str]:
        """Take these migrations back, in this order; the names of those that were."""
        return self._all("down", ids)

    def _all(self, direction: Direction, ids: list[str]) -> list[str]:
        done = []
        with self._alone() as connection:
            for each in ids:
                began = time.monotonic()
                if self._tried(connection, direction, each):
                    name = self.folder.name(each)
                    verb = "Applied" if direction == "up" else "Took back"
                    self.how.tell(f"{verb} {name} ({time.monotonic() - began:.1f} s).")
                    done.append(name)
        return done

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Connection]:
        with opened(self.database) as connection, locked(connection, self.database, self.how.wait, self.how.tell):
            if self.database.kind == "mariadb":  # Making a table commits: these are there before anything begins.
                STEPS.create(connection, checkfirst=True)
                context(connection)._ensure_version_table()
                connection.commit()
            if self.how.from_start:
                with begun(connection, self.how.wait, self.how.tell):
                    forget(connection)
            yield connection

    def _tried(self, connection: Connection, direction: Direction, revision: str) -> bool:
        """Run one migration, again and again while what it needs is locked; whether there was anything to do."""
        pause = self.how.pause
        for number in range(1, self.how.tries + 1):
            try:
                with unchecked(connection), begun(connection, self.how.wait, self.how.tell):
                    return self._one(connection, direction, revision)
            except DBAPIError as error:
                if not is_locked(error):
                    raise _failed(self.folder.name(revision), error) from error
                if number == self.how.tries:
                    raise TableLocked(_locked(self.folder.name(revision), number, connection)) from error
            wait = pause * random.uniform(0.75, 1.25)  # noqa: S311  (two that wait alike would meet again)
            self.how.tell(f"{self.folder.name(revision)}: what it needs is locked; trying again in {wait:.1f} s.")
            time.sleep(wait)
            pause = min(pause * 2, 16 * self.how.pause)
        return False

    def _one(self, connection: Connection, direction: Direction, revision: str) -> bool:
        """One migration in one transaction, as far as the database has them; its version is part of it."""
        here = context(connection, script=self.folder.script)
        heads = applied(connection)
        if (revision in self._with_ancestors(heads)) == (direction == "up"):
            return False  # Another process was faster.
        if not heads:
            here._ensure_version_table()
        step = self._step(direction, revision)
        here.recorder = Recorder(connection, transactional=self.database.kind != "mariadb")
        with told(), operations(here), rebuilding(connection):
            with here.recorder.recording(revision, direction):
                step.migration_fn()
            HeadMaintainer(here, heads).update_to_step(step)
            here.recorder.forget()
            forget_places(connection, revision)
        return True

    def _with_ancestors(self, heads: tuple[str, ...]) -> set[str]:
        known = [each for each in heads if self.folder.knows(each)]
        return (
            {each.revision for each in self.folder.script.iterate_revisions(tuple(known), "base")} if known else set()
        )

    def _step(self, direction: Direction, revision: str) -> Any:
        script = self.folder.script
        make = MigrationStep.upgrade_from_script if direction == "up" else MigrationStep.downgrade_from_script
        return make(script.revision_map, script.get_revision(revision))


def _failed(name: str, error: DBAPIError) -> MigrationError:
    reason = str(error.orig).strip().partition("\n")[0]
    statement = " ".join(str(error.statement or "").split())
    return MigrationError(
        f"{name} failed: {reason}\n  in: {statement[:300]}\nNothing of its last transaction is there. Mend the file "
        "or the data, and run this again; what was done outside the transaction is not done twice."
    )


def _locked(name: str, tries: int, connection: Connection) -> str:
    found = _oldest(connection)
    who = f" In use since {found}." if found else ""
    return (
        f"{name} could not lock what it changes in {tries} tries; nothing of this try is there.{who} Let what uses the "
        "table end (a long query, a transaction that nobody ends), then run this again."
    )


def _oldest(connection: Connection) -> str:
    """The transaction that has been open longest, on PostgreSQL; its statement may hold what is private."""
    if connection.dialect.name != "postgresql":
        return ""
    with contextlib.suppress(DBAPIError):
        row = connection.exec_driver_sql(_LONGEST).first()
        connection.rollback()
        if row is not None:
            return f"{row[0]:%Y-%m-%d %H:%M:%S} by process {row[1]} ({row[2] or 'no application_name'}, {row[3]})"
    return ""


_LONGEST = """
SELECT xact_start, pid, application_name, state FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
 ORDER BY xact_start LIMIT 1
"""

__all__ = ["Context", "Direction", "How", "Runner"]
