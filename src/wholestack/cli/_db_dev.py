"""What `wholestack dev` offers before it serves: to apply what is pending, to make migrations of what has changed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable

import click
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from wholestack import App
from wholestack.db import Database, History, Revision, applied

from ._fail import Stop

Hold = Callable[[], object]


def offer(app: App, settled: str, settle: Callable[[str], object], hold: Hold) -> None:
    """Look at each database of an app; at a terminal ask what is to be done, else say what to type.

    Arguments:
        app: the app.
        settled: what was in order, or refused, when this was last asked.
        settle: called with what is in order, or refused, now.
        hold: called before migrations are written or applied: until the call of `settle` this process must not be
            replaced, neither for the files that it writes nor in the middle of a migration.
    """
    mine = [each for each in app.plugins if isinstance(each, Database)]
    managed = [each for each in mine if each.migrations is not None and not (each.in_memory or each.read_only)]
    states = [state for each in managed if (state := _offered(each, settled, hold))]
    settle(" ".join(states))


def _offered(database: Database, settled: str, hold: Hold) -> str:
    """Deal with one database; the digest of how it is now, or empty where it does not answer."""
    try:
        if (now := digest(database)) not in settled.split():
            try:
                _deal(database, hold)
            except click.Abort:  # Ctrl-D at a question: it counts as no.
                click.echo(err=True)
            now = digest(database)
    except DBAPIError:
        return ""  # The app's start says it.
    except Exception as error:
        click.echo(f"The migrations were not looked at: {error}", err=True)
        return ""
    return now


def _deal(database: Database, hold: Hold) -> None:
    if database.migrations is None or not database.migrations.is_dir():
        _without_folder(database)
        return
    from wholestack import migrations

    if pending := _pending(database):
        names = ", ".join(each.name for each in pending)
        if not _agreed(f"Pending: {names}. Apply now?", "wholestack db migrate"):
            return
        hold()
        migrations.migrate(database, how=migrations.How(wait=30, tell=_tell))
    changes = migrations.changes(database)
    if changes and _agreed(f"The models have changed. {' '.join(changes)} Make a migration?", 'wholestack db make "…"'):
        hold()
        _made(database)


def _made(database: Database) -> None:
    from wholestack import migrations

    from ._db_ask import ask
    from ._db_schema import told

    try:
        made = migrations.make(database, click.prompt("What changes", err=True), ask=ask)
    except Stop as stop:
        click.echo(stop.message, err=True)
        return
    vars(database).pop("history", None)  # It knows the files as they were.
    told(made)
    if made.files and click.confirm("Apply now?", default=True, err=True):
        migrations.migrate(database, how=migrations.How(wait=30, tell=_tell))


def _without_folder(database: Database) -> None:
    """Tables that were created as the models had them do not follow the models: say so."""
    from wholestack import migrations

    with database.engine_for("lazy").connect() as connection:
        there = migrations.tables_of(connection, database)
    if there and (changes := migrations.differing(database)):
        click.echo(
            f"The tables are not what the models say. {' '.join(changes)} They were created without migrations, and do "
            'not follow the models: remove them, and begin with migrations: wholestack db make "first"',
            err=True,
        )


def _pending(database: Database) -> list[Revision]:
    with database.engine_for("lazy").connect() as connection:
        return list(database.history.pending(applied(connection)))


def _agreed(question: str, command: str) -> bool:
    if not sys.stdin.isatty():
        click.echo(f"{question.rpartition('. ')[0]}. To do it: {command}", err=True)
        return False
    return click.confirm(question, default=True, err=True)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def digest(database: Database) -> str:
    """How models, migrations and database stand to each other, as a short text."""
    with database.engine_for("lazy").connect() as connection:
        heads = sorted(applied(connection))
        dialect = connection.dialect
    folder = database.migrations
    files = sorted(History.read(folder).revisions) if folder is not None and folder.is_dir() else []
    tables = [str(CreateTable(each).compile(dialect=dialect)) for each in database.metadata.sorted_tables]
    indexes = [
        str(CreateIndex(each).compile(dialect=dialect))
        for table in database.metadata.sorted_tables
        for each in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    text = repr([str(database.url.database), heads, files, tables, indexes])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
