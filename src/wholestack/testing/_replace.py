"""An app in which something else provides a type: `App.replace`."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any, TypeVar

from wholestack import App, Router
from wholestack.handlers import provider_of
from wholestack.routing import Provision, where_of

AnyApp = TypeVar("AnyApp", bound=App)


@contextlib.contextmanager
def replaced(app: AnyApp, kind: Any, stand_in: Any) -> Iterator[AnyApp]:
    """A sealed twin of an app in which something else provides a type; see `App.replace`.

    Example:
        >>> class Clock:
        ...     hour = 7
        >>> app = App()
        >>> _ = app.provide(Clock)
        >>> with replaced(app, Clock, 12) as twin:
        ...     twin is app
        False
    """
    twin = app.twin()
    function = stand_in if inspect.isroutine(stand_in) or inspect.isclass(stand_in) else lambda: stand_in
    # What stands in lives as long, and waits as much, as what it stands in for.
    originals = [each for each in _provisions(app) if _provides(each, kind)]
    scope = originals[-1].scope if originals else "request"
    waits = any(each.waits for each in originals)
    twin.provisions = [each for each in twin.provisions if not _provides(each, kind)]
    twin.replaced = {**twin.replaced, kind: Provision(function, scope, waits, where_of(function), {}, kind)}
    twin.seal()
    try:
        yield twin
    finally:
        twin.unseal()


def _provisions(router: Router) -> Iterator[Provision]:
    """The providers of a router and of all that it includes."""
    yield from router.provisions
    for inclusion in router.inclusions:
        yield from _provisions(inclusion.router)


def _provides(provision: Provision, kind: Any) -> bool:
    provider = provider_of(provision, [])
    return provider is not None and provider.key == kind
