"""Which route a request is for, found without walking a route twice: what metrics, traces and pages name it by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from wholestack import App, HTTPError, Request
from wholestack.description import RouteView

_FIELD = re.compile(r"\{(\w+)(?::[^{}]*)?\}")


class Routes:
    """The routes of an app by request.

    Arguments:
        app: it is looked at when the first request comes, sealed by then.

    Example:
        >>> app = App(docs=False)
        >>> @app.get("/notes/{id}")
        ... def show(id: int) -> str:
        ...     return "milk"
        >>> sealed = app.seal()
        >>> Routes(app).template(Request("GET", "/notes/7")), Routes(app).template(Request("GET", "/nowhere"))
        ('/notes/{id}', None)
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._found: dict[int, tuple[str | None, tuple[RouteView, ...]]] = {}
        self._views: dict[Callable[..., Any], list[RouteView]] | None = None

    def template(self, request: Request) -> str | None:
        """The path as it is written in the app, ``/notes/{id}``; of a mount the path it lies at; None for no route."""
        return self._at(request)[0]

    def view(self, request: Request) -> RouteView | None:
        """The route that answers, or None where the framework itself does."""
        method = "GET" if request.method == "HEAD" else request.method
        return next((view for view in self._at(request)[1] if method in view.methods), None)

    def _at(self, request: Request) -> tuple[str | None, tuple[RouteView, ...]]:
        sealed = self._app.seal()
        find = sealed.find
        try:
            table, _ = sealed.match(request.path) if find is None else find(request, request.path)
        except HTTPError:  # A plugin refuses to find it.
            return None, ()
        # The tables of a sealed app live as long as it does, so one is known by its identity.
        found = self._found.get(id(table))
        if found is None:
            found = self._found[id(table)] = self._named(request.path, table.values())
        return found

    def _named(self, path: str, plans: Iterable[Any]) -> tuple[str | None, tuple[RouteView, ...]]:
        """The template and the routes of a table, known by their handlers."""
        description = self._app.describe()
        if self._views is None:
            self._views = {}
            for view in description.routes:
                self._views.setdefault(view.function, []).append(view)
        known = [view for plan in plans for view in self._views.get(plan.handler.function, ())]
        # A handler may stand at several paths; those of this table are those that fit.
        views = tuple(dict.fromkeys(id(view) for view in known if _fits(view.path, path)))
        by_id = {id(view): view for view in known}
        if views:
            return by_id[views[0]].path, tuple(by_id[each] for each in views)
        mounts = [at for at in description.mounts if path == at or path.startswith(f"{at}/")]
        return (f"{max(mounts, key=len)}/…" if mounts else None), ()


def _fits(template: str, path: str) -> bool:
    """Whether a path has the shape of a template, whatever its converters say."""
    parts = _FIELD.split(template)
    pattern = "".join(".+" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.fullmatch(pattern, path, re.DOTALL) is not None
