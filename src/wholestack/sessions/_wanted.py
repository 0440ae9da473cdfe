"""Which sessions an app's own functions ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

from wholestack import App, Router
from wholestack.handlers import hints_of, rules_of

from ._messages import Messages
from ._session import BrowserSession

Asking = tuple[Callable[..., Any], Mapping[str, Any]]


def wanted(app: App) -> dict[Any, Callable[..., Any]]:
    """The types of sessions that functions of the app ask for, each with the first that does.

    Example:
        >>> app = App()
        >>> @app.get("/")
        ... def home(messages: Messages) -> int:
        ...     return len(messages)
        >>> list(wanted(app)) == [Messages]
        True
    """
    found: dict[Any, Callable[..., Any]] = {}
    for function, names in _functions(app):
        for kind in kinds_of(function, names):
            found.setdefault(kind, function)
    return found


def kinds_of(function: Callable[..., Any], names: Mapping[str, Any]) -> list[Any]:
    """The types of sessions among a function's parameters."""
    try:
        hints = hints_of(function, names)
    except (NameError, TypeError, AttributeError):
        return []  # Sealing names the fault, with file and line.
    given = [each for name, hint in hints.items() if name != "return" for each in (hint, *get_args(hint))]
    # No set: a hint may be anything, also what has no hash.
    return [each for each in given if any((get_origin(each) or each) is kind for kind in (BrowserSession, Messages))]


def routers(app: App) -> Iterator[Router]:
    """The app and the routers that are included in it, each once."""
    waiting: list[Router] = [app]
    seen: set[int] = set()
    while waiting:
        router = waiting.pop()
        if id(router) in seen:
            continue
        seen.add(id(router))
        waiting += [each.router for each in router.inclusions]
        yield router


def _functions(app: App) -> Iterator[Asking]:
    """Whatever may ask for a provided value, with the names that its hints may need."""
    yield from ((each.function, each.names) for each in app.replaced.values())
    for router in routers(app):
        yield from ((each.handler, each.names) for each in router.routes)
        yield from ((each.function, each.names) for each in router.provisions)
        yield from _rules(router.needs, {})
        for route in router.routes:
            yield from _rules(route.options.get("needs"), route.names)


def _rules(needs: Any, names: Mapping[str, Any]) -> Iterator[Asking]:
    leaves = (leaf for rule in rules_of(needs) for leaf in rule.leaves())
    yield from ((leaf.function, names) for leaf in leaves if leaf.function is not None)
