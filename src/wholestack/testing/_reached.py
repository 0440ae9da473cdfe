"""Which routes, statuses and declared errors of an app the tests have reached."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import unquote

from wholestack import App, Request
from wholestack.description import RouteView
from wholestack.errors import HTTPError

from ._answer import Answer, AnswerHead
from ._heard import hearing
from ._sent import SentRequest

Key = tuple[tuple[str, ...], str | None, str, str]
_SOCKET = "WEBSOCKET"
_SWITCHED = 101


@dataclasses.dataclass(frozen=True)
class Gap:
    """What no test reached.

    Attributes:
        route: methods and path.
        where: the handler's file and line.
        missing: statuses and errors, such as ``"201"`` or ``"404 not-found"``; empty where the route was never asked.
    """

    route: str
    where: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        what = f"never answered {', '.join(self.missing)}" if self.missing else "never asked"
        return f"{self.route}  {what}  ({self.where})"


@dataclasses.dataclass(frozen=True)
class Coverage:
    """How much of what an app declares was reached.

    Attributes:
        reached: how many statuses and errors were reached.
        declared: how many there are.
        gaps: what is missing, by route.
    """

    reached: int
    declared: int
    gaps: tuple[Gap, ...]

    @property
    def percent(self) -> float:
        """The share that was reached, rounded down; 100 where nothing is declared.

        Example:
            >>> Coverage(2, 3, ()).percent
            66.6
        """
        return int(1000 * self.reached / self.declared) / 10 if self.declared else 100.0


class Reached:
    """Notes, inside its `with` block, what each client of the process was answered.

    A route declares the status of its return annotation, those of `answers=`, and the errors of `errors=`. What the
    framework answers by itself (400, 413, 415, 422) is the framework's to test.

    Example:
        >>> from wholestack import App, NotFound
        >>> from wholestack.testing import Client
        >>> app = App()
        >>> @app.get("/notes/{id}", errors=(NotFound,))
        ... def read(id: int) -> str:
        ...     return "milk"
        >>> with Reached() as reached:
        ...     answer = Client(app).get("/notes/1")
        >>> coverage = reached.coverage(app)
        >>> coverage.percent, [gap.missing for gap in coverage.gaps]
        (50.0, [('404 not-found',)])
    """

    def __init__(self) -> None:
        self._seen: dict[Key, set[tuple[int, str]]] = {}
        self._apps: dict[int, App] = {}
        self._views: dict[int, tuple[Any, tuple[RouteView, ...]]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(hearing(self.hear))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def apps(self) -> tuple[App, ...]:
        """The apps that were asked."""
        return tuple(self._apps.values())

    def hear(self, app: Any, sent: SentRequest, answer: AnswerHead | None) -> None:
        """Note one answer; None where a WebSocket was opened."""
        if not isinstance(app, App):
            return
        self._apps.setdefault(id(app), app)
        method = _SOCKET if answer is None else "GET" if sent.method == "HEAD" else sent.method
        view = self._route(app, method, sent)
        if view is not None:
            found = (_SWITCHED, "") if answer is None else (answer.status, code_of(answer))
            self._seen.setdefault(key_of(view), set()).add(found)

    def _route(self, app: App, method: str, sent: SentRequest) -> RouteView | None:
        sealed = app.seal()
        if id(app) not in self._views or self._views[id(app)][0] is not sealed:
            self._views[id(app)] = sealed, app.describe().routes
        # The path as the app sees it: its own route, the one that answers, whatever others would fit.
        path = unquote(sent.path)
        asked = Request(sent.method, path, headers=list(sent.headers))
        table: Mapping[str, Any] = {}
        with contextlib.suppress(HTTPError):  # A plugin may refuse to find it, or find it at another path.
            table = (sealed.match(path) if sealed.find is None else sealed.find(asked, path))[0]
        path = asked.path
        plan = table.get("(WEBSOCKET)" if method == _SOCKET else method)
        function = plan.handler.function if plan is not None else None
        views = [each for each in self._views[id(app)][1] if each.function is function and method in each.methods]
        # A function may stand at several paths. A field takes one segment; only of a `path` field several.
        return next((each for field in ("[^/]+", ".+") for each in views if _fits(each.path, path, field)), None)

    def coverage(self, *apps: App) -> Coverage:
        """What of these apps was reached; without one, of every app that was asked."""
        views = {key_of(view): view for app in apps or self.apps for view in app.describe().routes if not view.hidden}
        reached, total, gaps = 0, 0, list[Gap]()
        for key, view in views.items():
            items = list(declared(view))
            seen = self._seen.get(key, set())
            missing = [label for label, fits in items if not any(fits(*each) for each in seen)]
            reached += len(items) - len(missing)
            total += len(items)
            if missing:
                route = f"{','.join(view.methods)} {view.host or ''}{view.path}"
                gaps.append(Gap(route, _short(view.where), tuple(missing) if seen else ()))
        return Coverage(reached, total, tuple(gaps))


def key_of(view: RouteView) -> Key:
    """A route by what it is, not by which object: a twin of the app (`app.replace`) has the same ones."""
    return view.methods, view.host, view.path, view.where


def code_of(answer: AnswerHead) -> str:
    """The code of a problem document; empty where the answer is none."""
    if answer.status < 400 or not isinstance(answer, Answer):
        return ""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


def declared(view: RouteView) -> Iterator[tuple[str, Any]]:
    """Each status and error that a route declares: a label, and whether an answer is that one."""
    if _SOCKET in view.methods:
        yield "the handshake", lambda status, code: status == _SWITCHED
        return
    for status in dict.fromkeys(each.status for each in view.answers):
        loose = any(each.media_type == "*/*" for each in view.answers)
        yield str(status), lambda found, code, s=status, loose=loose: found == s or (loose and found < 400)
    for kind in dict.fromkeys(view.errors):
        yield f"{kind.status} {kind.code}", _error(kind, [each for each in view.errors if each.status == kind.status])


def _error(kind: type[HTTPError], same_status: list[type[HTTPError]]) -> Any:
    """Where several errors of one status are declared, the code tells which it was."""
    alone = len(set(same_status)) == 1
    return lambda status, code: status == kind.status and (alone or code == kind.code)


def _fits(template: str, path: str, field: str) -> bool:
    """Whether a route's path can be this one, where a field takes what this expression does."""
    parts = re.split(r"(\{[^}]*\})", template)
    return (
        re.fullmatch("".join(field if "{" in part else re.escape(part) for part in parts), path, re.DOTALL) is not None
    )


def _short(where: str) -> str:
    return where.removeprefix(os.getcwd() + os.sep)
