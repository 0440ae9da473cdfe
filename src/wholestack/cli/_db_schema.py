"""`wholestack db make`, `migrate`, `rollback`, `status`, `check`, `sql`, `squash`, `snapshot`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from wholestack import migrations
from wholestack.db import Database

from ._db_ask import ask
from ._db_find import database_of
from ._fail import Stop, WrongCall


def make(options: Mapping[str, Any]) -> None:
    """Write migrations, say which, and what to look at."""
    with database_of(options) as database:
        if options["merge"] or options["empty"]:
            made = (migrations.merge if options["merge"] else migrations.make_empty)(database, options["message"])
        else:
            asks = ask if sys.stdin.isatty() else None
            answers = answers_of(options)
            made = migrations.make(database, options["message"], answers, ask=asks, plain=options["plain"])
        told(made)
        if made.files:
            click.echo(f"Look at {'it' if len(made.files) == 1 else 'them'}, then: wholestack db migrate")


def told(made: migrations.Made) -> None:
    """Say what was written, and what of it needs a look."""
    if not made.files:
        click.echo("Nothing has changed: the migrations make what the models say.")
    for file in made.files:
        click.echo(f"Wrote {os.path.relpath(file)}")
        for each in dict.fromkeys(str(one) for path, one in made.findings if path == file):
            click.echo(f"  - {each}")


def answers_of(options: Mapping[str, Any]) -> migrations.Answers:
    """What the options have decided.

    Raises:
        WrongCall: one of them is not as it should be.
    """
    return migrations.Answers(
        pairs(options["rename"], ":", "--rename OLD:NEW, such as note.text:body"),
        set(options["drop"]),
        set(options["convert"]),
        pairs(options["fill"], "=", "--fill NAME=VALUE, such as note.author=unknown"),
    )


def pairs(given: Iterable[str], sign: str, how: str) -> dict[str, str]:
    """Words with a sign between as a dict."""
    found = {}
    for each in given:
        left, there, right = each.partition(sign)
        if not left or not there or (sign == ":" and not right):
            raise WrongCall(f"{each!r} is not of the form {how}.")
        found[left] = right
    return found


def migrate(options: Mapping[str, Any]) -> None:
    """Apply what is pending."""
    how = migrations.How(wait=options["wait"], from_start=options["from_start"], tell=click.echo)
    with database_of(options) as database:
        if options["adopt"] is not None:
            name = migrations.adopt(database, options["adopt"] or None, how=how)
            click.echo(f"Written down: the database has had all up to {name}.")
            return
        if not migrations.migrate(database, to=options["to"], phase=options["phase"], how=how):
            click.echo("Nothing to do: no migration is pending.")


def rollback(options: Mapping[str, Any]) -> None:
    """Take migrations back, after a question."""
    how = migrations.How(wait=options["wait"], tell=click.echo)
    with database_of(options) as database:
        names = migrations.names_of(
            database, migrations.to_take_back(database, to=options["to"], count=options["count"])
        )
        if not names:
            click.echo("Nothing to do: no migration has been applied.")
            return
        if not options["yes"]:
            confirmed(f"Take back {', '.join(names)}, with the data of what it added?")
        migrations.rollback(database, to=options["to"], count=options["count"], how=how)


def confirmed(question: str) -> None:
    """Go on only where a person says yes.

    Raises:
        Stop: nobody can be asked, or says no.
    """
    if not sys.stdin.isatty():
        raise Stop(f"{question} Nobody can be asked here: say --yes.")
    if not click.confirm(question):
        raise Stop("Nothing was done.")


def status(options: Mapping[str, Any]) -> None:
    """Print what the database has had."""
    with database_of(options) as database:
        found = migrations.status(database)
        if options["json"]:
            click.echo(json.dumps(as_json(database, found), indent=2))
            return
        click.echo(f"{database.url.render_as_string(hide_password=True)}")
        for each in found.done:
            click.echo(f"  applied  {each.name}")
        for each in found.pending:
            click.echo(f"  pending  {each.name}{f'  ({each.phase})' if each.phase else ''}")
        for name, direction, count in found.interrupted:
            way = "applied" if direction == "up" else "taken back"
            click.echo(f"{name} was interrupted while it was {way}, after {count} statements: wholestack db migrate")
        for unknown in found.unknown:
            click.echo(f"The database is at {unknown}, which no file knows: a newer release has migrated it.")
        if not found.done and not found.pending:
            click.echo('There is no migration yet: wholestack db make "first"')


def as_json(database: Database, found: migrations.Status) -> dict[str, Any]:
    """A status for programs."""
    return {
        "database": database.url.render_as_string(hide_password=True),
        "applied": [{"id": each.id, "name": each.name} for each in found.done],
        "pending": [{"id": each.id, "name": each.name, "phase": each.phase} for each in found.pending],
        "interrupted": [
            {"name": name, "direction": direction, "statements": count} for name, direction, count in found.interrupted
        ],
        "unknown": list(found.unknown),
    }


def check(options: Mapping[str, Any]) -> int:
    """Print what is wrong; 1 where anything is."""
    with database_of(options) as database:
        problems = migrations.check(database)
        if options["against"] is not None:
            problems += against(database, options)
        for each in problems:
            click.echo(each, err=True)
        if not problems:
            click.echo("The database is at its last migration, and is what the models say.")
        return 1 if problems else 0


def against(database: Database, options: Mapping[str, Any]) -> list[str]:
    """What the code of a release before cannot live with."""
    target = [options["target"], *(["--database", options["database"]] if options["database"] else [])]
    previous = migrations.snapshot_of(options["against"], target, Path.cwd())
    found = migrations.breaking(database, previous)
    return [f"{name}: the code of {options['against']} cannot live with it: {each}" for name, each in found]


def sql(options: Mapping[str, Any]) -> None:
    """Print migrations as SQL."""
    with database_of(options) as database:
        written(migrations.sql(database, start=options["start"], to=options["to"]), options["output"])


def written(text: str, output: str | None) -> None:
    """To a file, or to standard output."""
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
        click.echo(f"Wrote {output}", err=True)


def squash(options: Mapping[str, Any]) -> None:
    """Write one migration in place of all."""
    with database_of(options) as database:
        file, gone = migrations.squash(database, options["message"], without_data=options["without_data"])
        click.echo(f"Wrote {os.path.relpath(file)} in place of {len(gone)} migrations, which are removed.")


def snapshot(options: Mapping[str, Any]) -> None:
    """Print what this release's code knows of its database."""
    with database_of(options) as database:
        heads = migrations.head_names(database)
        written(migrations.Snapshot.of(database.metadata, heads).text(), options["output"])
