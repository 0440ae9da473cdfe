"""`wholestack db seed`, `dump`, `load`, `reencrypt`: what is about rows."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy.ext.asyncio import AsyncSession

from wholestack import migrations
from wholestack.db import Database
from wholestack.handlers import Drive

from ._db_find import database_of
from ._db_schema import confirmed
from ._fail import Broken, Stop, WrongCall, report
from ._run import name_of


def seed(options: Mapping[str, Any]) -> None:
    """Call the app's seed functions, each in a transaction of its own."""
    words = list(options["words"])
    target = words.pop(0) if words and is_app(words[0]) else "."
    with database_of({**options, "target": target}) as database:
        for function in chosen(database, words):
            seeded(database, function)
            click.echo(f"{name_of(function)}: done.")


def is_app(word: str) -> bool:
    """Whether a word names an app and no function."""
    return os.path.exists(word.partition(":")[0]) or "." in word


def chosen(database: Database, names: Sequence[str]) -> list[Callable[..., Any]]:
    """The functions of these names; without names all.

    Raises:
        WrongCall: there is none, or none of that name.
    """
    there = {name_of(each): each for each in database.seeds}
    if not there:
        raise WrongCall("There is nothing to seed. Mark a function: @database.seed")
    if unknown := [name for name in names if name not in there]:
        raise WrongCall(f"There is no seed function {unknown[0]!r}. There are: {', '.join(there)}.")
    return [there[name] for name in names] or list(there.values())


def seeded(database: Database, function: Callable[..., Any]) -> None:
    """Call one; its session commits when it comes back.

    Raises:
        Broken: it raised; nothing of it was written.
    """
    try:
        if not inspect.iscoroutinefunction(function):
            with database.session() as session:
                function(**dict.fromkeys(_parameters(function), session))
        else:
            asyncio.run(_seeded_later(database, function))
    except Exception as error:
        raise Broken(report(error)) from error


async def _seeded_later(database: Database, function: Callable[..., Any]) -> None:
    kinds = inspect.get_annotations(function, eval_str=True)
    async with database.session() as session:
        values = {
            name: session if kinds.get(name) is AsyncSession else session.sync_session for name in _parameters(function)
        }
        await Drive(function(**values))


def _parameters(function: Callable[..., Any]) -> list[str]:
    names = list(inspect.signature(function).parameters)
    if len(names) != 1:
        raise Stop(f"{name_of(function)} must ask for one thing, its session: def {function.__name__}(db: Session)")
    return names


def dump(options: Mapping[str, Any]) -> None:
    """Write all rows; a file that is there is replaced when all is written."""
    with database_of(options) as database, to_file(options["output"]) as out:
        counts = migrations.dump(database, out.write)
    click.echo(f"{sum(counts.values()):,} rows of {len(counts)} tables.", err=True)


@contextlib.contextmanager
def to_file(output: str | None) -> Iterator[TextIO]:
    """A file that takes its name when it is whole, and is for this user's eyes alone; or standard output."""
    if output is None:
        yield sys.stdout
        return
    part = Path(f"{output}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as out:
            yield out
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def load(options: Mapping[str, Any]) -> None:
    """Insert what was dumped."""
    file = options["file"]
    if file != "-" and not Path(file).is_file():
        raise WrongCall(f"There is no file {file!r}.")
    with database_of(options) as database:
        if options["replace"] and not options["yes"]:
            confirmed(f"Delete the rows of {database.url.render_as_string(hide_password=True)}?")
        with contextlib.nullcontext(sys.stdin) if file == "-" else open(file, encoding="utf-8") as lines:
            counts = migrations.load(database, lines, replace=options["replace"], tell=click.echo)
    click.echo(f"{sum(counts.values()):,} rows of {len(counts)} tables.", err=True)


def reencrypt(options: Mapping[str, Any]) -> None:
    """Encrypt anew what is encrypted with an older key."""
    with database_of(options) as database:
        if not migrations.reencrypt(database, click.echo):
            click.echo("No column is encrypted.")
