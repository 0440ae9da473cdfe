"""Whether an app has pages, told before it is sealed from what its own functions say that they answer with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from wholestack import HTML, App, Router
from wholestack.handlers import hints_of

_OURS = __name__.partition(".")[0]


def answers_with_html(app: App) -> bool:
    """Whether a handler, or an error handler, of the app says that it answers with `HTML`.

    The framework's own pages do not count: each of them says by itself what it may load.

    Example:
        >>> app = App()
        >>> answers_with_html(app)
        False
        >>> @app.get("/", returns=HTML)
        ... def index() -> object:
        ...     return HTML("<p>Hello")
        >>> answers_with_html(app)
        True
    """
    for function, names, returns in _functions(app):
        if returns is None and getattr(function, "__module__", "").partition(".")[0] != _OURS:
            try:
                returns = hints_of(function, names).get("return")
            except (NameError, TypeError, AttributeError):
                continue  # Sealing names the fault, with file and line.
        if any(inspect.isclass(each) and issubclass(each, HTML) for each in (returns, *get_args(returns))):
            return True
    return False


def _functions(app: App) -> Iterator[tuple[Callable[..., Any], Mapping[str, Any], Any]]:
    """Handlers and error handlers: function, names for its hints, and `returns=`."""
    waiting: list[Router] = [app]
    seen: set[int] = set()
    while waiting:
        router = waiting.pop()
        if id(router) not in seen:
            seen.add(id(router))
            yield from ((each.handler, each.names, each.options.get("returns")) for each in router.routes)
            yield from ((each.function, each.names, None) for each in router.error_handlers.values())
            waiting += [each.router for each in router.inclusions]
