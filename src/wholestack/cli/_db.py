"""The words of `wholestack db`; everything heavy is loaded when a command runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ._words import Commands, apps

F = TypeVar("F", bound=Callable[..., Any])

TARGET = click.argument("target", default=".", metavar="[APP]", shell_complete=apps)
DATABASE = click.option(
    "--database", metavar="NAME", help="Which database, where the app has several: the name of its session's type."
)
WAIT = click.option(
    "--wait",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for another process that migrates.",
)


@click.group("db", cls=Commands)
def db() -> None:
    """Look after the app's database: migrations, rows, a shell.

    APP is what it is for all commands: a file, a module or a folder.
    """


def words_of(words: tuple[str, ...], what: str) -> tuple[str, str]:
    """`[APP] WORD`: the app, and the word."""
    if len(words) > 2 or not words:
        raise click.UsageError(f"Say [APP] {what}; a {what.lower()} with spaces stands in quotes.")
    return (words[0], words[1]) if len(words) == 2 else (".", words[0])


@db.command()
@click.argument("words", nargs=-1, metavar="[APP] MESSAGE")
@click.option("--rename", multiple=True, metavar="OLD:NEW", help="A table or column has a new name: note.text:body.")
@click.option("--drop", multiple=True, metavar="NAME", help="A table or column may go with its data: note.text.")
@click.option("--convert", multiple=True, metavar="NAME", help="A column's type may change: note.count.")
@click.option("--fill", multiple=True, metavar="NAME=VALUE", help="What rows that are there get in a new column.")
@click.option("--plain", is_flag=True, help="One migration, for a database that nobody uses meanwhile.")
@click.option("--empty", is_flag=True, help="A migration that does nothing yet.")
@click.option("--merge", is_flag=True, help="A migration that follows all heads.")
@DATABASE
def make(words: tuple[str, ...], **options: Any) -> None:
    """Write a migration of what the models have changed.

    MESSAGE says what changes: wholestack db make "who wrote a note"
    """
    from ._db_schema import make

    target, message = words_of(words, "MESSAGE")
    make({**options, "target": target, "message": message})


@db.command()
@TARGET
@click.option("--to", metavar="REVISION", help="The last one to apply.")
@click.option(
    "--phase",
    type=click.Choice(["expand", "contract"]),
    help="Only what may come before the new code, or only what comes when the old one is gone.",
)
@click.option("--adopt", is_flag=False, flag_value="", metavar="[REVISION]", help="Write them down as applied.")
@click.option("--from-start", is_flag=True, help="Begin an interrupted migration at its first statement again.")
@WAIT
@DATABASE
def migrate(**options: Any) -> None:
    """Apply the migrations that are pending."""
    from ._db_schema import migrate

    migrate(options)


@db.command()
@TARGET
@click.option("--to", metavar="REVISION", help="The last one that is to stay; base: none.")
@click.option("--count", default=1, show_default=True, type=click.IntRange(1), help="How many to take back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@WAIT
@DATABASE
def rollback(**options: Any) -> None:
    """Take the last migration back, with what its columns and tables hold."""
    from ._db_schema import rollback

    rollback(options)


@db.command()
@TARGET
@click.option("--json", is_flag=True, help="As JSON.")
@DATABASE
def status(**options: Any) -> None:
    """Show which migrations the database has had, and which come."""
    from ._db_schema import status

    status(options)


@db.command()
@TARGET
@click.option("--against", metavar="RELEASE", help="Also refuse what the code of a release (git, a file) cannot bear.")
@DATABASE
def check(**options: Any) -> None:
    """Fail where migrations are pending or unsafe, have several heads, or are not what the models say; for CI."""
    from ._db_schema import check

    sys.exit(check(options))


@db.command()
@TARGET
@click.option("--from", "start", metavar="REVISION", help="What the database has had; base: nothing.")
@click.option("--to", metavar="REVISION", help="The last one.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to this file.")
@DATABASE
def sql(**options: Any) -> None:
    """Print what is pending as SQL, for somebody who runs it by hand."""
    from ._db_schema import sql

    sql(options)


@db.command()
@click.argument("words", nargs=-1, metavar="[APP] MESSAGE")
@click.option("--without-data", is_flag=True, help="Leave out what migrations did to rows.")
@DATABASE
def squash(words: tuple[str, ...], **options: Any) -> None:
    """Write one migration in place of all; for databases that have had all of them."""
    from ._db_schema import squash

    target, message = words_of(words, "MESSAGE")
    squash({**options, "target": target, "message": message})


@db.command()
@TARGET
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to this file.")
@DATABASE
def snapshot(**options: Any) -> None:
    """Print what this release's code knows of the database: what `db check --against` reads."""
    from ._db_schema import snapshot

    snapshot(options)


@db.command()
@TARGET
@click.option("--python", is_flag=True, help="Python with a session, even if the database's own client is there.")
@DATABASE
def shell(**options: Any) -> None:
    """Open the database's own client; or Python with a session, where it is missing."""
    from ._db_shell import shell

    sys.exit(shell(options))


@db.command()
@click.argument("words", nargs=-1, metavar="[APP] [NAME]...")
@DATABASE
def seed(words: tuple[str, ...], **options: Any) -> None:
    """Call the functions that are marked with @database.seed: all, or those that are named."""
    from ._db_rows import seed

    seed({**options, "words": words})


@db.command()
@TARGET
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to this file.")
@DATABASE
def dump(**options: Any) -> None:
    """Write all rows of all tables as JSON Lines, which any of the databases can load."""
    from ._db_rows import dump

    dump(options)


@db.command()
@click.argument("words", nargs=-1, metavar="[APP] FILE")
@click.option("--replace", is_flag=True, help="Delete the rows that are there.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@DATABASE
def load(words: tuple[str, ...], **options: Any) -> None:
    """Load what `dump` wrote, in one transaction; FILE is - for standard input."""
    from ._db_rows import load

    target, file = words_of(words, "FILE")
    load({**options, "target": target, "file": file})


@db.command()
@TARGET
@DATABASE
def reencrypt(**options: Any) -> None:
    """Encrypt the encrypted columns anew with the first key, while the app is served."""
    from ._db_rows import reencrypt

    reencrypt(options)
