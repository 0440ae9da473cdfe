"""What `wholestack outbox` does: workers without a socket, and entries listed and changed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from wholestack import App, SetupError
from wholestack.db import Database, Session
from wholestack.observe import configure_logging
from wholestack.outbox import SWITCH, Entry, Outbox, Queue, State

from ._fail import Broken, Stop, report
from ._order import Order
from ._sealing import sealed
from ._supervisor import Supervisor

_SHOWN = ("id", "task", "state", "due", "attempts", "failures", "crashes", "progress", "note", "runner", "error")


def run(options: Mapping[str, Any]) -> int:
    """Run tasks until stopped; the exit code.

    The parent never imports the app; so whether it has an outbox that can be reached is found out by another process.
    """
    look = [sys.executable, "-m", "wholestack", "outbox", "list", options["target"], "--most", "1"]
    done = subprocess.run(look, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        return done.returncode
    configure_logging(json_lines=options["log"] == "json")
    os.environ[SWITCH] = "on"
    order = Order(target=options["target"], json_logs=options["log"] == "json", workers=options["workers"])
    memory = None if options["max_memory"] is None else options["max_memory"] * 1024**2
    address = f"the tasks of {options['target']}"
    return Supervisor(order, [], options["workers"], watchdog=options["watchdog"], memory=memory, address=address).run()


@contextlib.contextmanager
def opened(target: str) -> Iterator[tuple[App, Session]]:
    """The app and a session of its database.

    Raises:
        Stop: the app is not found, or uses no outbox; or its database says no.
    """
    app = sealed(target)
    try:
        app.plugin(Outbox)
        # Listing takes no lock; what changes something begins a transaction.
        with app.plugin(Database).units.opened("lazy") as db:
            yield app, db
    except SetupError as error:
        raise Broken(report(error)) from None
    except DBAPIError as error:
        raise Stop(f"The database said no: {str(error.orig).strip() or error}") from error
    finally:
        for each in app.plugins:
            if isinstance(each, Database):
                each.dispose()


def show(options: Mapping[str, Any]) -> None:
    """Print counts and entries."""
    wanted = [State(each) for each in options["state"]] or [each for each in State if each is not State.DONE]
    with opened(options["target"]) as (_, db):
        counted = db.execute(select(Entry.state, func.count()).group_by(Entry.state)).all()
        listed = select(Entry).where(Entry.state.in_(wanted)).order_by(Entry.id.desc()).limit(options["most"])
        counts = {row[0]: row[1] for row in counted}
        entries = [{name: getattr(entry, name) for name in _SHOWN} for entry in db.scalars(listed)]
    if options["json"]:
        document = {"counts": {str(each): counts.get(each, 0) for each in State}, "entries": entries}
        click.echo(json.dumps(document, default=str, indent=2, ensure_ascii=False))
        return
    click.echo(", ".join(f"{counts.get(each, 0)} {each}" for each in State))
    for entry in entries:
        click.echo(line(entry))


def line(entry: Mapping[str, Any]) -> str:
    """An entry for people.

    Example:
        >>> line({"id": 7, "task": "shop.tell", "state": State.DEAD, "attempts": 3, "error": "ValueError: no"})
        '7  dead       shop.tell, 3 attempts: ValueError: no'
    """
    attempts = f"{entry['attempts']} attempt{'' if entry['attempts'] == 1 else 's'}"
    part = f", {entry['progress']:.0%}" if entry.get("progress") is not None else ""
    words = entry.get("error") or (entry.get("note") if part else "") or ""
    shown = " ".join(words.split())
    return f"{entry['id']}  {entry['state']:<10} {entry['task']}, {attempts}{part}{f': {shown}' if shown else ''}"


def retry(target: str, numbers: Sequence[int], state: str | None) -> None:
    """Let entries run again."""
    with opened(target) as (app, db):
        if state is not None:
            numbers = [*numbers, *db.scalars(select(Entry.id).where(Entry.state == State(state)))]
        refused = changed(Queue(app, db).retry, numbers)
    tell(numbers, refused, "waiting", "has nothing to retry: it waits or runs, or is not there")


def cancel(target: str, numbers: Sequence[int]) -> None:
    """Take entries back."""
    with opened(target) as (app, db):
        refused = changed(Queue(app, db).cancel, numbers)
    tell(numbers, refused, "cancelled", "cannot be cancelled: it has ended, or is not there")


def changed(change: Callable[[int], bool], numbers: Sequence[int]) -> list[int]:
    """Change entries one by one; those that could not be changed."""
    return [number for number in dict.fromkeys(numbers) if not change(number)]


def tell(numbers: Sequence[int], refused: Sequence[int], done: str, otherwise: str) -> None:
    """Say what has become of each; the exit code is 1 where one could not be changed."""
    click.echo(f"{len(set(numbers)) - len(refused)} {done}.")
    for number in refused:
        click.echo(f"{number} {otherwise}.", err=True)
    if refused:
        raise click.exceptions.Exit(1)
