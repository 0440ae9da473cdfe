"""The words of `wholestack outbox`; everything heavy is loaded when a command runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from ._words import Commands, apps

TARGET = click.argument("target", default=".", metavar="[APP]", shell_complete=apps)
STATES = ("waiting", "running", "done", "dead", "cancelled", "parked")


@click.group("outbox", cls=Commands)
def outbox() -> None:
    """Run the tasks of an app apart from its server; look after its entries.

    APP is what it is for all commands: a file, a module or a folder.
    """


@outbox.command()
@TARGET
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="How many processes.")
@click.option(
    "--log", type=click.Choice(["json", "console"]), default="json", show_default=True, help="Form of the log."
)
@click.option("--max-memory", type=click.IntRange(1), metavar="MIB", help="Replace a worker that uses more.")
@click.option(
    "--watchdog",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds without a heartbeat after which a worker is replaced.",
)
def run(**options: Any) -> None:
    """Run tasks, and serve nothing: supervised workers, a finite stop, restart on SIGHUP.

    The processes that serve the app run its tasks as well, unless it says Outbox(embedded=False), or their environment
    WHOLESTACK_OUTBOX=off.
    """
    from ._outbox_do import run

    sys.exit(run(options))


@outbox.command("list")
@TARGET
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only entries in this state (again and again).")
@click.option(
    "--most", default=50, show_default=True, type=click.IntRange(1), help="So many at most, the latest first."
)
@click.option("--json", is_flag=True, help="As JSON.")
def show(**options: Any) -> None:
    """Say how many entries there are, and list those that are not done."""
    from ._outbox_do import show

    show(options)


@outbox.command()
@click.argument("words", nargs=-1, metavar="[APP] [ID]…")
@click.option("--all", "state", type=click.Choice(["dead", "parked", "cancelled"]), help="All in this state.")
def retry(words: tuple[str, ...], state: str | None) -> None:
    """Let entries run again that are dead, parked, cancelled or done, with all their tries."""
    from ._outbox_do import retry

    retry(*ids_in(words, needed=state is None), state)


@outbox.command()
@click.argument("words", nargs=-1, metavar="[APP] ID…")
def cancel(words: tuple[str, ...]) -> None:
    """Take entries back; one that runs is told to end."""
    from ._outbox_do import cancel

    cancel(*ids_in(words, needed=True))


def ids_in(words: tuple[str, ...], *, needed: bool) -> tuple[str, list[int]]:
    """`[APP] ID…`: the app, and the numbers.

    Example:
        >>> ids_in(("app.py", "7", "8"), needed=True), ids_in(("7",), needed=True)
        (('app.py', [7, 8]), ('.', [7]))
    """
    target, *rest = words if words and not words[0].isdecimal() else (".", *words)
    if (needed and not rest) or not all(word.isdecimal() for word in rest):
        raise click.UsageError("Say [APP] and the numbers of entries, as `wholestack outbox list` shows them.")
    return target, [int(word) for word in rest]
