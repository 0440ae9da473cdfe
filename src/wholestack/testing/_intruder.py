"""Every route asked by somebody else with values of the owner's: what comes through is a hole (ASVS 5.0 §8.2.2)."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_args, get_origin

import pydantic
import pydantic_core

import wholestack
from wholestack import App, Partial
from wholestack.description import RouteView
from wholestack.handlers import Parameter

from ._answer import Answer
from ._client import Client
from ._errors import CannotMake, ClientFault
from ._factories import make
from ._login import log_in
from ._world import World, make_world, marks_of, state_of, value_for

_OURS = os.path.dirname(os.path.abspath(wholestack.__file__)) + os.sep
_SAFE = {"GET", "HEAD", "OPTIONS"}
_CONFLICT = 409
"""What keeps the owner's request from its end, though they may send it: a row that another one refers to, say."""
_FORM = ("application/x-www-form-urlencoded", "multipart/form-data")
OTHER, NOBODY = "another user", "nobody"


@dataclasses.dataclass(frozen=True)
class Hole:
    """What somebody else came to.

    Attributes:
        route: method and path.
        who: ``"another user"`` or ``"nobody"``.
        status: of the answer.
        what: what came through.
        where: the handler's file and line.
    """

    route: str
    who: str
    status: int
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.route}  as {self.who}: {self.status}, {self.what}  ({self.where})"


@dataclasses.dataclass(frozen=True)
class Intrusion:
    """What came of it.

    Attributes:
        holes: what came through.
        asked: the routes that the owner could use, and that were asked by others.
        unasked: the routes where even the owner got nothing, each with why: nothing is known of them.
    """

    holes: tuple[Hole, ...]
    asked: tuple[str, ...]
    unasked: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Asked:
    """One request with values of the owner's; `refers` says whether any stands in it."""

    method: str
    path: str
    options: Mapping[str, Any]
    refers: bool


class Intruder:
    """Asks each route of an app as its owner, as another user, and as nobody; needs `Auth` and a `Database`.

    It works in a transaction that is rolled back after each request, so let its database be one for tests. What is
    hidden is asked as well; the framework's own pages, sockets and mounted apps are not.

    Arguments:
        app: the app.
        world: makes the two users and the owner's rows; left out, they are made from the models.
        allow: routes that may show the owner's rows to others: ``"GET /posts/{id}"``.

    Raises:
        SetupError: the app has no login, or no database.
    """

    def __init__(self, app: App, *, world: Callable[[Any], World] | None = None, allow: Collection[str] = ()) -> None:
        from wholestack.auth import Auth
        from wholestack.db import Database

        self._app = app
        self._auth = app.plugin(Auth)
        self._database = app.plugin(Database)
        self._world = world
        self._allow = frozenset(allow)

    def run(self) -> Intrusion:
        """Ask everything.

        Raises:
            CannotMake: a row could not be made from its model; give a `world`.
            ClientFault: a route is allowed that there is not.
        """
        self._app.seal()
        views = [view for view in self._app.describe().routes if not view.where.startswith(_OURS)]
        routes = {f"{method} {view.path}": (method, view) for view in views for method in view.methods}
        unknown = sorted(self._allow - routes.keys())
        if unknown:
            raise ClientFault(f"There is no route {unknown[0]!r} to allow.")
        holes: list[Hole] = []
        asked: list[str] = []
        unasked: dict[str, str] = {}
        with Client(self._app) as client, self._database.rolled_back() as db, _unlogged():
            world = self._world(db) if self._world is not None else make_world(db, self._auth.user, self._models())
            db.flush()
            clients = {"": client, OTHER: Client(self._app), NOBODY: Client(self._app)}
            log_in(clients[""], world.owner, "pwd", "mfa")
            log_in(clients[OTHER], world.other, "pwd", "mfa")
            for name, (method, view) in routes.items():
                if method == "OPTIONS" or name in self._allow:
                    continue
                if method == "WEBSOCKET":
                    unasked[name] = "it is a socket, and those are not asked"
                    continue
                tried = _Route(name, method, view, world, clients, db)
                why = tried.find_way()
                if why is not None:
                    unasked[name] = why
                    continue
                asked.append(name)
                holes += tried.holes()
        return Intrusion(tuple(holes), tuple(asked), unasked)

    def _models(self) -> list[type[Any]]:
        mappers = sorted(self._database.models.registry.mappers, key=lambda each: each.class_.__name__)
        tables = {each for each in vars(self._auth.tables).values() if isinstance(each, type)}
        metadata = self._database.metadata
        found = [mapper.class_ for mapper in mappers if getattr(mapper.local_table, "metadata", None) is metadata]
        return [each for each in found if each not in tables and not each.__module__.startswith("wholestack.")]


class _Route:
    """One route, its requests, and who gets what."""

    def __init__(
        self, name: str, method: str, view: RouteView, world: World, clients: Mapping[str, Client], db: Any
    ) -> None:
        self._name = name
        self._method = method
        self._view = view
        self._world = world
        self._clients = clients
        self._db = db
        self._way: _Asked | None = None
        self._seen: Answer | None = None

    def find_way(self) -> str | None:
        """Find a request that the owner may send; None where there is one, else why not."""
        best = "no value of the owner's rows fits its path"
        for asked in self._requests():
            answer, _ = self._sent("", asked)
            if answer is not None and (answer.status < 400 or answer.status == _CONFLICT):
                self._way, self._seen = asked, answer
                return None
            best = "the owner got an error" if answer is None else f"the owner got {answer.status}"
        return best

    def holes(self) -> Iterator[Hole]:
        """What comes through to others with that request."""
        way, seen = self._way, self._seen
        if way is None or seen is None:
            return  # `find_way` has found none.
        marks = {mark for mark in marks_of(self._world.rows) if mark not in way.path}
        for who in (OTHER, NOBODY):
            answer, changed = self._sent(who, way)
            if answer is None:
                continue
            what = _came(way, answer, seen, marks, changed)
            if what is not None:
                yield Hole(self._name, who, answer.status, what, _short(self._view.where))

    def _sent(self, who: str, asked: _Asked) -> tuple[Answer | None, bool]:
        """The answer, None for an error that no handler took; and whether rows of the owner's have changed."""
        nested = self._db.begin_nested()
        before = state_of(self._db, self._world.rows)
        try:
            answer = self._clients[who].request(asked.method, asked.path, follow=False, **asked.options)
            changed = state_of(self._db, self._world.rows) != before
        except Exception:  # What a handler raised: nobody has come to anything.
            answer, changed = None, False
        finally:
            self._db.expire_all()
            nested.rollback()
        return answer, changed

    # -- requests ------------------------------------------------------------------------------------------------

    def _requests(self) -> Iterator[_Asked]:
        fields = re.findall(r"\{(\w+)\}", self._view.path)
        for row in self._world.rows:
            values = {name: value_for(name, row) for name in fields}
            if any(value is None for value in values.values()):
                continue
            path = re.sub(r"\{(\w+)\}", lambda match, v=values: str(v[match[1]]), self._view.path)  # type: ignore[misc]
            try:
                query, named = self._query(row)
                options, refers = self._body(row)
            except CannotMake:
                continue
            yield _Asked(self._method, path, {**query, **options}, bool(fields) or named or refers)

    def _query(self, row: Any) -> tuple[dict[str, Any], bool]:
        asked = [each for each in self._view.parameters if each.place == "query" and not each.whole]
        named = {each.alias: self._reference(each.name, row) for each in asked}
        given = {name: value for name, value in named.items() if value is not None}
        made = _values([each for each in asked if each.required and each.alias not in given])
        return ({"query": {**made, **{name: str(value) for name, value in given.items()}}} if asked else {}), bool(
            given
        )

    def _body(self, row: Any) -> tuple[dict[str, Any], bool]:
        body = self._view.body
        if body is None or self._method in _SAFE:
            return {}, False
        form = body.media_types and body.media_types[0] in _FORM
        kind = get_args(body.type)[0] if get_origin(body.type) is Partial else body.type
        if form and body.fields:
            whole = [each.type for each in body.fields if each.whole]
            kind = whole[0] if whole else None
        if isinstance(kind, type) and hasattr(kind, "__pydantic_fields__"):
            references = {name: self._reference(name, row) for name in kind.__pydantic_fields__}
            given = {name: value for name, value in references.items() if value is not None}
            content: Any = pydantic_core.to_jsonable_python(make(kind, **given), by_alias=True)
        else:
            given, content = {}, _values([each for each in body.fields if not each.whole and each.required])
        if form:
            return {"data": {name: str(value) for name, value in content.items() if value is not None}}, bool(given)
        return {"json": content}, bool(given)

    def _reference(self, name: str, row: Any) -> Any:
        """The key of a row of the owner's that a name such as ``customer_id`` means, of whichever model."""
        for each in (row, *self._world.rows):
            for word in (type(each).__name__.lower(), type(each).__tablename__):
                if name.startswith(f"{word}_"):
                    return value_for(name, each)
        return None


def _values(parameters: list[Parameter]) -> dict[str, Any]:
    """A value for each, from its type."""
    if not parameters:
        return {}
    fields: dict[str, Any] = {each.alias: (each.type, ...) for each in parameters}
    made = make(pydantic.create_model("Values", **fields))
    return {name: value for name, value in pydantic_core.to_jsonable_python(made).items() if value is not None}


def _came(way: _Asked, answer: Answer, seen: Answer, marks: set[str], changed: bool) -> str | None:
    """What came through with an answer, in words; None for nothing."""
    if changed:
        return "changed a row of the owner's"
    if answer.status == seen.status == _CONFLICT and way.refers:
        return "came as far as the owner"
    if answer.status >= 300:
        return None
    if any(mark in answer.text for mark in marks):
        return "shows a row of the owner's"
    if way.refers and way.method not in _SAFE:
        return "took what refers to a row of the owner's"
    if way.refers and answer.body and answer.body == seen.body:
        return "shows what the owner is shown"
    return None


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """What handlers raise with made values is no news."""
    log = logging.getLogger("wholestack")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _short(where: str) -> str:
    return where.removeprefix(os.getcwd() + os.sep)
