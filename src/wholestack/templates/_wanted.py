"""Where an app's pages come from, told from its own functions: whether it has any, and the folders beside them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any, get_args

from wholestack import App, Router
from wholestack.handlers import hints_of

from ._page import Page

FOLDER = "templates"


def has_pages(app: App) -> bool:
    """Whether a handler, or an error handler, of the app says that it answers with a `Page`.

    Example:
        >>> app = App()
        >>> has_pages(app)
        False
        >>> @app.get("/")
        ... def index() -> Page:
        ...     return Page("index.html")
        >>> has_pages(app)
        True
    """
    return next(pages_of(app), None) is not None


def pages_of(app: App) -> Iterator[Callable[..., Any]]:
    """The functions of the app that say so."""
    return (function for function, names, returns in _functions(app) if _gives_page(function, names, returns))


def folders(app: App) -> list[str]:
    """The folders `templates` beside the file that makes the app, which may override, and those of its functions."""
    files = [app.where.rpartition(":")[0]]
    for function, _, _ in _functions(app):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            files.append(code.co_filename)
    places = (os.path.join(os.path.dirname(os.path.abspath(each)), FOLDER) for each in dict.fromkeys(files))
    return [each for each in dict.fromkeys(places) if os.path.isdir(each)]


def _functions(app: App) -> Iterator[tuple[Callable[..., Any], Any, Any]]:
    """Handlers and error handlers: function, names for its hints, and `returns=`; nearest to the app first."""
    waiting: list[Router] = [app]
    seen: set[int] = set()
    while waiting:
        router = waiting.pop(0)
        if id(router) in seen:
            continue
        seen.add(id(router))
        for route in router.routes:
            yield route.handler, route.names, route.options.get("returns")
        for handler in router.error_handlers.values():
            yield handler.function, handler.names, None
        waiting += [inclusion.router for inclusion in router.inclusions]


def _gives_page(function: Callable[..., Any], names: Any, returns: Any) -> bool:
    if returns is None:
        try:
            returns = hints_of(function, names).get("return")
        except (NameError, TypeError, AttributeError):
            return False  # Sealing names the fault, with file and line.
    return is_page(returns)


def is_page(returns: Any) -> bool:
    """Whether a return type is a `Page`, or one among others.

    Example:
        >>> is_page(Page | None), is_page(str)
        (True, False)
    """
    return any(inspect.isclass(each) and issubclass(each, Page) for each in (returns, *get_args(returns)))
