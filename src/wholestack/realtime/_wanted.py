"""Whether an app has anything live, told from the types that its own functions name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wholestack import App, Router
from wholestack.handlers import answer_type, hints_of, rules_of

from ._channel import Channel
from ._events import Events
from ._messages import is_a
from ._rows import CSV, JSONLines
from ._socket import Socket

_TAKEN = (Socket, Channel)
_GIVEN = (Events, JSONLines, CSV)

Asking = tuple[Callable[..., Any], Mapping[str, Any]]


def is_live(app: App) -> bool:
    """Whether a route of the app answers with events or rows, or one of its functions takes a `Socket` or a `Channel`.

    Only what the app has collected is looked at, so two apps in one process are told apart.

    Example:
        >>> app = App()
        >>> is_live(app)
        False
        >>> @app.get("/squares")
        ... def squares() -> JSONLines[int]:
        ...     return JSONLines(number * number for number in range(1_000))
        >>> is_live(app)
        True
    """
    routers = list(_routers(app, set()))
    for route in (route for router in routers for route in router.routes):
        hints = _hints(route.handler, route.names)
        answer = answer_type(route.options.get("returns", hints.get("return")))
        if any(is_a(answer, kind) for kind in _GIVEN) or _takes(hints):
            return True
    stand_ins = ((provision.function, provision.names) for provision in app.replaced.values())
    asking = (*stand_ins, *(each for router in routers for each in _asking(router)))
    return any(_takes(_hints(function, names)) for function, names in asking if not inspect.isclass(function))


def _routers(router: Router, seen: set[int]) -> Iterator[Router]:
    """A router and all inside it, each once."""
    if id(router) not in seen:
        seen.add(id(router))
        yield router
        for inclusion in router.inclusions:
            yield from _routers(inclusion.router, seen)


def _asking(router: Router) -> Iterator[Asking]:
    """The functions of a router that are called besides the handlers: its providers and its rules."""
    yield from ((provision.function, provision.names) for provision in router.provisions)
    needs: list[tuple[Any, Mapping[str, Any]]] = [(router.needs, {})]
    for wanted, names in needs + [(route.options.get("needs"), route.names) for route in router.routes]:
        for leaf in (leaf for rule in rules_of(wanted) for leaf in rule.leaves()):
            if leaf.function is not None:
                yield leaf.function, names


def _hints(function: Callable[..., Any], names: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return hints_of(function, names)
    except (NameError, TypeError, AttributeError):
        return {}  # Sealing names the fault, with file and line.


def _takes(hints: Mapping[str, Any]) -> bool:
    return any(is_a(hint, kind) for name, hint in hints.items() if name != "return" for kind in _TAKEN)
