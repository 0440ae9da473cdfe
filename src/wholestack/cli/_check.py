"""`wholestack check`: the faults of an app, what it lacks for production, what its server does by itself."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from wholestack import App, SetupError
from wholestack.errors import Fault
from wholestack.middleware import unguarded

from ._facts import FACTS
from ._fail import Broken, report
from ._order import WORKERS
from ._run import bind
from ._sealing import sealed

_FEW_FILES = 1024
_DOCS = {"/docs", "/openapi.json", "/asyncapi", "/asyncapi.json"}


def check(options: Mapping[str, Any]) -> int:
    """Print what was found; 1 where something is wrong, or lacking under --strict."""
    with _served_by(options["workers"]):
        app = sealed(options["target"])
        faults, notes = asked(app), [*lacking(app), *migrations_lacking(app)]
    if faults:
        click.echo(report(SetupError(faults)), err=True)
    views = app.describe().routes
    click.echo(f"{len(views)} routes are sealed{'' if faults else ', without a fault'}.")
    if notes:
        click.echo("\nFor production:")
        for note in notes:
            click.echo(f"  - {note}")
    click.echo(f"\nWith --server {options['server']}:")
    for fact in FACTS[options["server"]]:
        click.echo(f"  - {fact}")
    return 1 if faults or (notes and options["strict"]) else 0


@contextlib.contextmanager
def _served_by(workers: int) -> Iterator[None]:
    """The environment that `serve` gives so many workers: checks look there."""
    before = os.environ.get(WORKERS)
    os.environ[WORKERS] = str(workers)
    try:
        yield
    finally:
        del os.environ[WORKERS]
        if before is not None:
            os.environ[WORKERS] = before


def migrations_lacking(app: App) -> list[str]:
    """What is wrong with the app's databases, their migrations and its models."""
    if "wholestack.db" not in sys.modules:
        return []
    from ._db_check import lacking

    return lacking(app)


def asked(app: App) -> list[Fault]:
    """What the checks of plugins say, and what is wrong with the signatures of commands."""
    faults: list[Fault] = []
    for function in app.commands:
        bind(app, function, faults)
    for function in app.checks:
        try:
            faults += called(app, function) or ()
        except Exception as error:
            raise Broken(report(error)) from error
    return faults


def called(app: App, function: Callable[..., Any]) -> Any:
    """Call a check: what it asks for by type can be the app, its settings or a plugin."""
    values = [app, *app.plugins, *([app.settings] if app.settings is not None else [])]
    hints = inspect.get_annotations(function, eval_str=True)
    names = [name for name in inspect.signature(function).parameters if name in hints]
    return function(**{name: next((each for each in values if isinstance(each, hints[name])), None) for name in names})


def unheard(app: App) -> Iterator[str]:
    """Whether what tasks publish into channels, and `queue.publish` with them, reaches nobody."""
    if not {"wholestack.outbox", "wholestack.realtime"} <= sys.modules.keys():
        return
    from wholestack.outbox import SWITCH, Outbox
    from wholestack.realtime import Live

    outbox = next((each for each in app.plugins if isinstance(each, Outbox)), None)
    live = next((each for each in app.plugins if isinstance(each, Live)), None)
    switch = os.environ.get(SWITCH)
    elsewhere = outbox is not None and (switch == "off" or (outbox.embedded is False and switch != "on"))
    if elsewhere and live is not None and live.in_memory:
        yield (
            "Tasks run in another process, and the messages of channels stay in the memory of each "
            f"({', '.join(live.in_memory)}): what `queue.publish` or a task sends reaches nobody. Run tasks where the "
            "app is served (embedded=True), or app.use(Live(…)) with a Backend that reaches all processes."
        )


def lacking(app: App) -> Iterator[str]:
    """What is fine in development and not in production, each with what to do."""
    if app.checked:
        yield "App(checked=True) checks every answer a second time. Leave it out; `wholestack dev` does so by itself."
    open_docs = sorted(view.path for view in app.describe().routes if view.path in _DOCS and not view.rules)
    if open_docs:
        listed = " and ".join(filter(None, (", ".join(open_docs[:-1]), open_docs[-1])))
        yield f"{listed} can be read by everybody. App(docs=False) takes them away."
    yield from unguarded(app)
    dropped = sorted(name for name, value in app.headers.items() if value is None)
    if dropped:
        yield f"App(headers=…) takes away {', '.join(dropped)}, which protects browsers. Send it unless a proxy does."
    yield from unheard(app)
    slow = [name for name in ("httptools", "uvloop") if importlib.util.find_spec(name) is None]
    if slow:
        yield f"{' and '.join(slow)} is missing; Uvicorn is several times slower without. pip install {' '.join(slow)}"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= most < _FEW_FILES:
        yield f"This user may open {most} files, so few connections. Raise the limit (ulimit -n, LimitNOFILE=)."
