"""Whether an app has pages, told from its own functions, and not from what the process has imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from wholestack import App, Router
from wholestack.handlers import hints_of, rules_of

from ._page import Pager, Paging

Asking = tuple[Callable[..., Any], Mapping[str, Any]]


def by_itself(app: App) -> list[Paging]:
    """The plugin, where a function of the app asks for a `Pager` and nobody has used one.

    Example:
        >>> app = App()
        >>> by_itself(app)
        []
        >>> @app.get("/")
        ... def home(pages: Pager) -> str:
        ...     return pages.url(limit=10)
        >>> by_itself(app)
        [Paging()]
    """
    used = any(isinstance(each, Paging) for each in app.plugins)
    return [Paging()] if not used and any(_asks(*each) for each in _functions(app)) else []


def _functions(app: App) -> Iterator[Asking]:
    """Whatever may ask for a provided value, with the names that its hints may need."""
    yield from ((each.function, each.names) for each in app.replaced.values())
    waiting: list[Router] = [app]
    seen: set[int] = set()
    while waiting:
        router = waiting.pop()
        if id(router) in seen:
            continue
        seen.add(id(router))
        waiting += [each.router for each in router.inclusions]
        yield from ((each.handler, each.names) for each in router.routes)
        yield from ((each.function, each.names) for each in router.provisions)
        needs: list[tuple[Any, Mapping[str, Any]]] = [(router.needs, {})]
        needs += [(each.options.get("needs"), each.names) for each in router.routes]
        for wanted, names in needs:
            leaves = (leaf for rule in rules_of(wanted) for leaf in rule.leaves())
            yield from ((leaf.function, names) for leaf in leaves if leaf.function is not None)


def _asks(function: Callable[..., Any], names: Mapping[str, Any]) -> bool:
    try:
        hints = hints_of(function, names)
    except (NameError, TypeError, AttributeError):
        return True  # Sealing says what is wrong with it; a plugin too many changes nothing.
    return any(Pager in (hint, *get_args(hint)) for name, hint in hints.items() if name != "return")
