"""`db migrate`, `db rollback`, `db status`, `db check`: which migrations a database has had, and which come."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, inspect

from wholestack.db import Database, History, Revision, applied

from ._compare import differences
from ._connection import begun, opened
from ._context import context
from ._describe import described
from ._errors import MigrationError, SeveralHeads, TablesWithoutHistory, UnknownRevision, UnsafeMigration
from ._exact import known_from
from ._folder import Folder
from ._make import compared
from ._phases import due, examined, phase_of_file
from ._record import interrupted
from ._run import How, Runner
from ._safety_breaks import breaks
from ._safety_previous import Snapshot
from ._safety_record import recorded
from ._safety_scene import Finding


def migrate(
    database: Database, *, to: str | None = None, phase: str | None = None, how: How | None = None
) -> list[str]:
    """Apply what is pending; the names of what was applied.

    Arguments:
        database: what is migrated.
        to: the last migration to apply; None: all.
        phase: ``expand``: only what code of the release before can live with; ``contract``: only what comes when it
            runs no more; None: all.
        how: times, and where to tell.

    Raises:
        SeveralHeads: nobody knows which is the last.
        TablesWithoutHistory: the tables are there, and nothing says that migrations made them.
        UnsafeMigration: one of them would break what is in use.
        MigrationsBusy, TableLocked, MigrationError: it could not be applied.
    """
    how = how or How()
    folder = Folder.of(database)
    folder.head()
    with opened(database, mode="lazy") as connection:
        heads = applied(connection)
        _refuse_unknown(heads, folder)
        begun_ones = {each for each, *_ in interrupted(connection)}
        if not heads and not begun_ones and (there := tables_of(connection, database)):
            raise TablesWithoutHistory(_no_history(there))
    ids = _chosen(folder, heads, to, phase, database)
    # An empty database has nobody who uses it; and what has begun has to end.
    if heads and (unsafe := findings(folder, [each for each in ids if each not in begun_ones], database)):
        raise UnsafeMigration([f"{name}: {each}" for name, each in unsafe])
    return Runner(database, how).up(ids)


def _chosen(folder: Folder, heads: Sequence[str], to: str | None, phase: str | None, database: Database) -> list[str]:
    pending = pending_in(folder, heads)
    if to is not None:
        last = folder.revision(to).revision
        wanted = {each.revision for each in folder.script.iterate_revisions(last, "base")}
        pending = [each for each in pending if each.id in wanted]
    return due([(each.id, phase_of_file(_module(folder, each.id), database.kind)) for each in pending], phase)


def findings(folder: Folder, ids: Sequence[str], database: Database) -> list[tuple[str, Finding]]:
    """What in these migrations would break what is in use, and is not acknowledged in their files."""
    return [
        (folder.name(each), one)
        for each in ids
        for one in examined(_module(folder, each), database.kind)
        if one.level == "block"
    ]


def rollback(database: Database, *, to: str | None = None, count: int = 1, how: How | None = None) -> list[str]:
    """Take the last migrations back; the names of those that were.

    Arguments:
        database: what is migrated.
        to: the last migration that is to stay; ``base``: none; None: take back `count`.
        count: how many to take back.
        how: times, and where to tell.
    """
    return Runner(database, how or How()).down(to_take_back(database, to=to, count=count))


def to_take_back(database: Database, *, to: str | None = None, count: int = 1) -> list[str]:
    """Which migrations `rollback` takes back, the last one first."""
    folder = Folder.of(database)
    with opened(database, mode="lazy") as connection:
        heads = applied(connection)
    _refuse_unknown(heads, folder)
    done = [each.revision for each in folder.script.iterate_revisions(tuple(heads), "base")] if heads else []
    if to is None:
        return done[:count]
    if to == "base":
        return done
    last = folder.revision(to).revision
    if last not in done:
        raise UnknownRevision(f"{folder.name(last)} has not been applied, so nothing can be taken back to it.")
    stay = {each.revision for each in folder.script.iterate_revisions(last, "base")}
    return [each for each in done if each not in stay]


@dataclasses.dataclass(frozen=True)
class Status:
    """What a database has had.

    Attributes:
        done: the migrations that it has had, in order.
        pending: those that come, in order.
        interrupted: those that began and did not end: name, direction, and statements done.
        unknown: heads that no file knows: a newer release has migrated it.
    """

    done: tuple[Revision, ...]
    pending: tuple[Revision, ...]
    interrupted: tuple[tuple[str, str, int], ...] = ()
    unknown: tuple[str, ...] = ()


def status(database: Database) -> Status:
    """What a database has had, and what comes."""
    folder = Folder.of(database)
    with opened(database, mode="lazy") as connection:
        heads = applied(connection)
        begun_ones = tuple((folder.name(each), *rest) for each, *rest in interrupted(connection))
    history = History.read(folder.path)
    pending = tuple(history.pending(heads))
    unknown = tuple(each for each in heads if each not in history.revisions)
    later = {each.id for each in pending}
    done = tuple(each for each in history.pending(()) if each.id not in later and heads)
    return Status(done, pending, begun_ones, unknown)  # type: ignore[arg-type]


def check(database: Database) -> list[str]:
    """What is wrong with a database, its migrations and its models: a sentence each.

    Several heads, migrations that are pending or would break what is in use, one that was interrupted, and anything
    in which the database differs from the models.
    """
    folder = Folder.of(database)
    if folder.is_empty:
        return ['There is no migration yet: wholestack db make "first"']
    try:
        folder.head()
    except SeveralHeads as error:
        return [str(error)]
    found = status(database)
    problems = [f"{each.name} is pending: wholestack db migrate" for each in found.pending]
    problems += [f"{name} was interrupted after {count} statements." for name, _, count in found.interrupted]
    problems += [f"The database is at {each}, which no file knows." for each in found.unknown]
    if found.done:
        ids = [each.id for each in found.pending]
        problems += [f"{name} is not safe: {each}" for name, each in findings(folder, ids, database)]
    return problems + drift(database, at_head=not found.pending and not found.unknown)


def drift(database: Database, *, at_head: bool) -> list[str]:
    """In what the models differ from what the migrations make, or from the database where it has had all of them."""
    problems = []
    if database.kind == "sqlite":
        lines = changes(database)
        problems = [f"The migrations do not make what the models say: {each} Run: wholestack db make" for each in lines]
    if at_head and not problems:
        lines = differing(database)
        how = "Run wholestack db make where the models have changed; else somebody has changed the database."
        problems = [f"The database is not what the models say: {each} {how}" for each in lines]
    return problems


def changes(database: Database) -> list[str]:
    """In what the models differ from the migrations, a sentence each; the database must have had all of them."""
    folder = Folder.of(database)
    with compared(database, folder) as (connection, from_nothing):
        known = known_from(database)
        return described(differences(connection, database.metadata, known=known, from_nothing=from_nothing))


def differing(database: Database) -> list[str]:
    """In what a database differs from the models, whatever made its tables."""
    with opened(database) as connection:
        known = known_from(database, applied(connection))
        return described(differences(connection, database.metadata, known=known))


def adopt(database: Database, revision: str | None = None, *, how: How | None = None) -> str:
    """Write down that a database has had all migrations up to one, without running any; that one's name.

    Arguments:
        database: whose tables somebody else made, as the migrations would have.
        revision: the last one that it has had; None: the last one there is.
        how: times, and where to tell.
    """
    how = how or How()
    folder = Folder.of(database)
    last = folder.revision(revision).revision if revision is not None else folder.head()
    if last is None:
        raise MigrationError('There is no migration yet. Make one: wholestack db make "first"')
    with opened(database) as connection, begun(connection, how.wait, how.tell):
        context(connection, script=folder.script).stamp(folder.script, last)
    return folder.name(last)


def breaking(database: Database, previous: Snapshot) -> list[tuple[str, Finding]]:
    """What the code of a release before cannot live with, of the migrations that came since and run beside it."""
    folder = Folder.of(database)
    since = pending_in(folder, previous.heads)
    phases: list[tuple[str, Any]] = [
        (each.id, phase_of_file(_module(folder, each.id), database.kind)) for each in since
    ]
    ids = due(phases, "expand")
    operations = [recorded(_module(folder, each).upgrade, database.kind) for each in ids]
    found = breaks(previous, *operations, dialect=database.kind)
    names = ", ".join(map(folder.name, ids))
    return [(names, each) for each in found if each.level == "block"]


def names_of(database: Database, ids: Sequence[str]) -> list[str]:
    """What a person calls these migrations."""
    return [Folder.of(database).name(each) for each in ids]


def head_names(database: Database) -> list[str]:
    """The names of the last migrations; none where there is no folder."""
    folder = Folder.of(database)
    return [] if folder.is_empty else list(folder.heads())


def pending_in(folder: Folder, heads: Sequence[str]) -> list[Revision]:
    """What is pending for a database with these heads."""
    return History.read(folder.path).pending(heads)


def _module(folder: Folder, revision: str) -> Any:
    return folder.script.get_revision(revision).module


def tables_of(connection: Connection, database: Database) -> list[str]:
    """The tables of the models that a database has."""
    there = set(inspect(connection).get_table_names())
    mine = {each.name for each in database.metadata.tables.values() if each.schema is None}
    return sorted(mine & there)


def _no_history(there: Sequence[str]) -> str:
    return (
        f"The database has the tables {', '.join(there)}, and no record of a migration that made them. If they are as "
        "the migrations would make them, write that down: wholestack db migrate --adopt (or --adopt REVISION for an "
        "earlier state). If their rows are of no use, remove them."
    )


def _refuse_unknown(heads: Sequence[str], folder: Folder) -> None:
    squashed = {old: each for each in History.read(folder.path).revisions.values() for old in each.squashed}
    for head in heads:
        if folder.knows(head):
            continue
        if head in squashed:
            raise UnknownRevision(
                f"The database is at {head}, which was squashed into {squashed[head].name}. Migrate it with the "
                "release before, then with this one."
            )
        raise UnknownRevision(f"The database is at {head}, which no file knows: a newer release has migrated it.")
