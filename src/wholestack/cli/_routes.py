"""`wholestack routes` and `wholestack explain`: what is sealed, as tables and steps."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from wholestack import App, HTTPError, Request
from wholestack.description import RouteView

from ._fail import Stop, WrongCall
from ._sealing import sealed, short

NONE = inspect.Parameter.empty
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


# -- routes ------------------------------------------------------------------------------------------------------


def routes(options: Mapping[str, Any]) -> None:
    """Print the table of routes, in the order in which they were written."""
    app = sealed(options["target"])
    if options["access"]:
        access(app, as_json=options["json"])
        return
    rows = [row_of(view) for view in app.describe().routes]
    rows += [mount_row(at) for at in app.describe().mounts]
    if options["json"]:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(table([("METHODS", "PATH", "NAME", "COLOUR", "RULES", "WHERE"), *map(cells, rows)]))


def access(app: App, *, as_json: bool) -> None:
    """Print who may reach each route.

    Raises:
        Stop: what login needs is not installed.
    """
    try:
        from wholestack.auth import access_of
    except ImportError as error:
        raise Stop(f"{error.name}, which login needs, is not installed: pip install 'wholestack[auth]'") from None
    found = access_of(app)
    if as_json:
        rows = [{**dataclasses.asdict(each), "open": each.is_open, "where": short(each.where)} for each in found]
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [
        (",".join(each.methods), each.path, ", ".join(each.who), "tenant" if each.tenant else "-", short(each.where))
        for each in found
    ]
    click.echo(table([("METHODS", "PATH", "WHO", "ROWS", "WHERE"), *lines]))


def row_of(view: RouteView) -> dict[str, Any]:
    """A route as plain data."""
    return {
        "methods": list(view.methods),
        "path": view.path,
        "host": view.host,
        "name": view.name,
        "colour": view.colour,
        "rules": [rule.name for rule in view.rules],
        "where": short(view.where),
        "hidden": view.hidden,
    }


def mount_row(at: str) -> dict[str, Any]:
    """A mounted app as plain data."""
    return {
        "methods": ["*"],
        "path": f"{at}/…",
        "host": None,
        "name": "",
        "colour": "mount",
        "rules": [],
        "where": "",
        "hidden": True,
    }


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row as texts."""
    path = f"{row['host']}{row['path']}" if row["host"] else row["path"]
    return (",".join(row["methods"]), path, row["name"], row["colour"], ",".join(row["rules"]) or "-", row["where"])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell.

    Example:
        >>> print(table([("A", "B"), ("long", "x")]))
        A     B
        long  x
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


# -- explain -----------------------------------------------------------------------------------------------------


def explain(words: Sequence[str]) -> None:
    """Print what runs for a request, in order, and where each argument comes from."""
    target, method, path = read_request(words)
    app = sealed(target)
    view = found(app, method, path)
    click.echo(f"{method} {path}")
    click.echo(f"  → {view.name}  {view.path}  ({short(view.where)})\n")
    for number, step in enumerate(view.steps, 1):
        click.echo(f"{number:>3}. {short_in(step)}")
    for line in arguments(view):
        click.echo(line)


def read_request(words: Sequence[str]) -> tuple[str, str, str]:
    """`[APP] [METHOD] PATH`, each a word of its own or the last two in quotes.

    Example:
        >>> read_request(["shop.app", "POST /orders"])
        ('shop.app', 'POST', '/orders')
    """
    *front, path = " ".join(words).split() or [""]
    if not path.startswith("/"):
        raise WrongCall(
            "Say what to explain: wholestack explain [APP] [METHOD] PATH, such as `wholestack explain GET /items/3`."
        )
    method = front.pop() if front and front[-1].upper() in METHODS else "GET"
    if len(front) > 1:
        raise WrongCall(f"{' '.join(front)!r} is more than one app. Write: wholestack explain [APP] [METHOD] PATH.")
    return (front[0] if front else "."), method.upper(), path


def found(app: App, method: str, path: str) -> RouteView:
    """The route that answers, by a real path or by the path as it is written in the app."""
    views = app.describe().routes
    plain = path.partition("?")[0]
    asked = "GET" if method == "HEAD" else method
    for view in views:
        if view.path == plain and asked in view.methods:
            return view
    plan, params = answering(app, plain, asked)
    function = plan.handler.function if plan is not None else None
    fitting = [view for view in views if view.function is function and asked in view.methods]
    exact = [view for view in fitting if set(re.findall(r"\{(\w+)\}", view.path)) == set(params)]
    if fitting:
        return (exact or fitting)[0]
    raise WrongCall(why_not(app, views, asked, plain))


def answering(app: App, path: str, method: str) -> tuple[Any, Mapping[str, str]]:
    """The plan that the sealed app would take, and the path's fields."""
    sealed_app = app.seal()
    matched, params = sealed_app.match(path)
    if method in matched or sealed_app.find is None:
        return matched.get(method), params
    for host in {view.host for view in app.describe().routes if view.host is not None}:
        asked = Request(method, path, headers=[("host", re.sub(r"\{\w+\}", "any", host))])
        with contextlib.suppress(HTTPError):  # A plugin may refuse to find it.
            matched, params = sealed_app.find(asked, path)
        if method in matched:
            return matched[method], params
    return None, {}


def why_not(app: App, views: Sequence[RouteView], method: str, path: str) -> str:
    """What to say where no route answers."""
    others = sorted({other for other in METHODS if other != "OPTIONS" and answering(app, path, other)[0] is not None})
    if method == "OPTIONS" and others:
        return (
            f"OPTIONS {path} is answered by the framework itself, with the methods that are there: {', '.join(others)}."
        )
    if others:
        return f"Nothing answers {method} {path}; {', '.join(others)} would be answered there."
    if any(path == at or path.startswith(f"{at}/") for at in app.describe().mounts):
        return f"{path} belongs to a mounted app, which answers by itself."
    return f"Nothing answers {method} {path}. `wholestack routes` lists the {len(views)} routes of this app."


def short_in(step: str) -> str:
    """A step with its places shortened."""
    return re.sub(r"\((/[^()]+:\d+)\)", lambda place: f"({short(place[1])})", step)


def arguments(view: RouteView) -> list[str]:
    """One line for each value that comes from the request, with its bounds on being left out."""
    lines = []
    for each in view.parameters:
        need = "required" if each.required else "optional" if each.default is NONE else f"default {each.default!r}"
        lines.append(
            (each.name, f"{each.place} {each.alias!r}", need, f"for {getattr(each.of, '__qualname__', each.of)}")
        )
    return ["", "from the request:", *(f"  {line}" for line in table(lines).splitlines())] if lines else []
