"""What the app sends by itself: webhooks and callbacks, described by typed functions that nobody calls."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from wholestack import App, Router, SetupError
from wholestack.description import RouteView
from wholestack.errors import Fault
from wholestack.routing import Route

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def outgoing(app: App, router: Router) -> list[tuple[str, RouteView]]:
    """The requests that a router describes, each under its path as it was written.

    They are compiled in an app of their own, which answers nobody: so they mean what they mean in a handler.

    Raises:
        SetupError: one of them has a fault.

    Example:
        >>> hooks = Router()
        >>> @hooks.post("sold")
        ... def sold(name: str) -> None: ...
        >>> [(name, view.methods) for name, view in outgoing(App(), hooks)]
        [('sold', ('POST',))]
    """
    beside = App(docs=False, errors=app.errors, media=app.media)
    found = list(_routes(router, router.tags))
    for number, (route, tags) in enumerate(found):
        # A path that no user can have written: what stands there is a name, or an expression.
        options = {**route.options, "tags": (*tags, *route.options.get("tags", ()))}
        beside.routes.append(dataclasses.replace(route, path=f"/{number}", options=options))  # type: ignore[arg-type]
    views = beside.describe().routes
    return [(route.path, view) for (route, _), view in zip(found, views, strict=True) if not view.hidden]


def webhooks(app: App, router: Router) -> list[tuple[str, RouteView]]:
    """The webhooks that a router describes, by name.

    Raises:
        SetupError: a name that is none, or one of them has a fault.
    """
    found = [(name.strip("/"), view) for name, view in outgoing(app, router)]
    faults = [
        Fault("bad-webhook", f"{name!r} is no name of a webhook.", view.where, "Call it like `note-added`.")
        for name, view in found
        if not _NAME.fullmatch(name)
    ]
    if faults:
        raise SetupError(faults)
    return found


def _routes(router: Router, tags: tuple[str, ...]) -> Iterator[tuple[Route, tuple[str, ...]]]:
    for route in router.routes:
        yield route, tags
    for inclusion in router.inclusions:
        yield from _routes(inclusion.router, (*tags, *inclusion.router.tags))
