"""`db make`: migrations from what differs between the models and the migrations that there are."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alembic.operations import ops
from sqlalchemy import Connection

from wholestack.db import Database, applied

from ._compare import differences
from ._connection import opened
from ._context import context
from ._errors import DatabaseBehind
from ._exact import known_from
from ._folder import Folder
from ._inspect import Renames
from ._phases import Part, split
from ._questions import Answers, Ask, decided
from ._render import python_code
from ._run import How, Runner
from ._safety import examine, phase_of
from ._safety_scene import Finding
from ._way_back import way_back


@dataclasses.dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        files: the migrations, in order; none where nothing has changed.
        findings: what in them should not be done to a live database, by file.
    """

    files: tuple[Path, ...]
    findings: tuple[tuple[Path, Finding], ...] = ()


def make(
    database: Database, message: str, answers: Answers | None = None, *, ask: Ask | None = None, plain: bool = False
) -> Made:
    """Write what has to be done so that the database is as the models say.

    Arguments:
        database: whose models, and whose folder.
        message: what changes, in a sentence: it becomes part of the files' names.
        answers: what was decided beforehand.
        ask: asks a person what is not clear; None where nobody is there.
        plain: write one migration with the change as it is, and not the several that a database in use needs; it
            acknowledges what that breaks.

    SQLite is not looked at: the migrations are run in memory. Of a server the database itself is compared, so it must
    have had all migrations.

    Raises:
        ChangeUnclear: what the change means is not clear, and nobody can be asked.
        DatabaseBehind: the database has not had all migrations.
        SeveralHeads: the migrations end in several heads.
        SeveralRenames: a table gets several new names at once, which no safe form can keep; `plain` writes them.
    """
    folder = Folder.of(database)
    head = folder.head() if not folder.is_empty else None
    known = known_from(database)
    with compared(database, folder) as (connection, from_nothing):

        def compare(renames: Renames) -> ops.UpgradeOps:
            return differences(connection, database.metadata, renames, known=known, from_nothing=from_nothing)

        kind = connection.dialect.name
        found, later = decided(compare, database.metadata, kind, answers or Answers(), ask)
        parts = _as_it_is(found, later, kind) if plain else _safely(found, later, kind)
        return _write(folder, message, head, parts, connection, plain=plain)


def _safely(found: ops.UpgradeOps, later: ops.UpgradeOps, kind: str) -> list[Part]:
    """A change as the files that a database in use needs."""
    parts = split(found, kind) if found.ops else []
    return [*parts, Part("contract", later, later.reverse())] if later.ops else parts


def _as_it_is(found: ops.UpgradeOps, later: ops.UpgradeOps, kind: str) -> list[Part]:
    """A change as one file."""
    whole = ops.UpgradeOps([*found.ops, *later.ops])
    return [Part(phase_of(whole, dialect=kind), whole, whole.reverse())] if whole.ops else []


def make_empty(database: Database, message: str) -> Made:
    """Write a migration that does nothing yet: for rows, and for what models do not say."""
    folder = Folder.of(database)
    head = folder.head() if not folder.is_empty else None
    code = {"upgrade": "    pass", "downgrade": "    pass", "names": {"phase": '"data"'}}
    return Made((folder.write(message, (head,) if head else (), code),))


def merge(database: Database, message: str) -> Made:
    """Write a migration that follows all heads, so that there is one again; nothing where there is one."""
    folder = Folder.of(database)
    heads = folder.heads()
    if len(heads) < 2:
        return Made(())
    code = {"upgrade": "    pass", "downgrade": "    pass", "names": {"phase": '"expand"'}}
    return Made((folder.write(message, tuple(sorted(heads)), code),))


@contextlib.contextmanager
def compared(database: Database, folder: Folder) -> Iterator[tuple[Connection, bool]]:
    """A database as the migrations leave it, and whether it is to be looked at as if it were empty.

    Raises:
        DatabaseBehind: it has not had all migrations.
    """
    if database.kind == "sqlite":
        with in_memory(database, folder) as connection:
            yield connection, False
        return
    with opened(database) as connection:
        if not folder.is_empty:
            pending = set(folder.heads()) - set(applied(connection))
            connection.rollback()
            if pending:
                names = ", ".join(map(folder.name, sorted(pending)))
                raise DatabaseBehind(
                    f"The database has not had {names}, so what the models change cannot be seen. "
                    "Apply it: wholestack db migrate"
                )
        yield connection, folder.is_empty


@contextlib.contextmanager
def in_memory(database: Database, folder: Folder) -> Iterator[Connection]:
    """A SQLite database in memory that has had all migrations, whatever the database itself has had."""
    scratch = Database("sqlite://", models=database.models, migrations=str(folder.path))
    try:
        if not folder.is_empty:
            Runner(scratch, How(tell=lambda _: None)).up([each.revision for each in folder.all()])
        with opened(scratch) as connection:
            yield connection
    finally:
        scratch.dispose()


def _write(
    folder: Folder, message: str, head: str | None, parts: Sequence[Part], connection: Connection, *, plain: bool
) -> Made:
    files, findings = list[Path](), list[tuple[Path, Finding]]()
    here = context(connection)
    for part in parts:
        examined = _examined(part, connection.dialect.name)
        names = {"phase": f'"{part.phase}"'}
        if plain and (known := sorted({each.code for each in examined if each.level == "block"})):
            words = ", ".join(f'"{code}": "made with --plain"' for code in known)
            names["acknowledged"] = f"{{{words}}}"
        imports: set[str] = set()
        code: dict[str, Any] = {
            "upgrade": python_code(part.upgrade, here, imports),
            "downgrade": python_code(way_back(part.downgrade), here, imports),
            "imports": imports,
            "names": names,
        }
        title = message if part is parts[0] else f"{message} ({part.phase})"
        file = folder.write(title, (head,) if head else (), code)
        files.append(file)
        head = folder.head()
        findings += [(file, each) for each in examined]
    return Made(tuple(files), tuple(findings))


def _examined(part: Part, dialect: str) -> list[Finding]:
    """What is found for this kind of database, and for PostgreSQL, where one develops on SQLite to serve from there."""
    found = examine(part.upgrade, dialect=dialect, phase=part.phase)
    known = {(each.code, each.operation) for each in found}
    if dialect == "sqlite":
        more = examine(part.upgrade, dialect="postgresql", phase=part.phase)
        found += [each for each in more if (each.code, each.operation) not in known]
    return found
