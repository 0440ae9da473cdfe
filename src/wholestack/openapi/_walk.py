"""The routes of an app in the order in which sealing places them, each with the middleware that goes around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wholestack import Router, Rule
from wholestack.handlers import rules_of
from wholestack.routing import Route

Middlewares = tuple[Any, ...]


def walk(
    router: Router, around: Middlewares = (), seen: tuple[Router, ...] = ()
) -> Iterator[tuple[Route, Middlewares]]:
    """Every route in a router and in those that it includes; a circle is left to sealing, which calls it a fault.

    Example:
        >>> router = Router()
        >>> _ = router.get("/notes")(print)
        >>> [route.path for route, _ in walk(router)]
        ['/notes']
    """
    around = (*around, *router.middlewares)
    for route in router.routes:
        yield route, around
    for inclusion in router.inclusions:
        if inclusion.router not in (*seen, router):
            yield from walk(inclusion.router, around, (*seen, router))


def rules(router: Router, seen: tuple[Router, ...] = ()) -> Iterator[Rule]:
    """Every rule that a router, a route in it or a router that it includes needs.

    Example:
        >>> router = Router()
        >>> _ = router.get("/notes", needs=lambda: True)(print)
        >>> len(list(rules(router)))
        1
    """
    yield from rules_of(router.needs)
    for route in router.routes:
        yield from rules_of(route.options.get("needs"))
    for inclusion in router.inclusions:
        if inclusion.router not in (*seen, router):
            yield from rules(inclusion.router, (*seen, router))
