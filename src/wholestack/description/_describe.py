"""From what sealing found to the views."""

from __future__ import annotations

import inspect
import re
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Never, NoReturn, Protocol, Union, get_args, get_origin, get_type_hints

from wholestack import App
from wholestack.errors import HTTPError
from wholestack.handlers import Environment, Plan, answer_type, is_response
from wholestack.http import HTML, JSON, Redirect, Response, Text
from wholestack.routing import Route, Template

from ._proof import Schemes, security_of, security_schemes
from ._steps import steps_of
from ._views import AnswerView, BodyView, Description, RouteView

#: What is known of an answer by its kind alone: its usual status, what the wire shows, the media type.
_KINDS: Mapping[type[Response], tuple[int, Any, str | None]] = {
    HTML: (200, str, "text/html"),
    JSON: (200, object, "application/json"),
    Redirect: (303, None, None),
    Text: (200, str, "text/plain"),
}


class Placed(Protocol):
    """A route where sealing put it: with its whole path, what surrounds it, and its plan."""

    @property
    def name(self) -> str: ...

    @property
    def route(self) -> Route: ...

    @property
    def template(self) -> Template: ...

    @property
    def around(self) -> Environment: ...

    @property
    def plan(self) -> Plan: ...


def describe(app: App, placed: Sequence[Placed], mounts: Sequence[str]) -> Description:
    """The description of a sealed app, of its routes where they are, and of the paths where others are mounted.

    Example:
        >>> describe(App(title="Notes"), [], ["/old"]).mounts
        ('/old',)
    """
    # A route that is hidden takes no name from one that clients see.
    names = Counter(each.name for each in placed if not each.route.options.get("hidden"))
    schemes = security_schemes(app)
    routes = tuple(_route(each, names, schemes) for each in placed)
    return Description(app.title, app.version, routes, tuple(mounts), app.errors)


def _route(placed: Placed, names: Mapping[str, int], schemes: Schemes) -> RouteView:
    route, plan, options = placed.route, placed.plan, placed.route.options
    doc = inspect.getdoc(route.handler) or ""
    first, _, rest = doc.partition("\n\n")
    name = placed.name
    return RouteView(
        methods=route.methods,
        path=placed.template.plain,
        name=name,
        function=route.handler,
        where=route.where,
        operation_id=operation_id(
            name,
            route.methods[0],
            placed.template.plain,
            alone=names.get(name, 0) == (0 if options.get("hidden") else 1),
        ),
        colour=plan.colour,
        driven=plan.driven,
        host=placed.around.host,
        summary=options.get("summary") or _sentence(first) or name.replace("_", " ").capitalize(),
        description=options.get("description") or rest,
        tags=(*placed.around.tags, *options.get("tags", ())),
        deprecated=options.get("deprecated", False),
        hidden=options.get("hidden", False),
        parameters=tuple(each for each in plan.parameters.values() if each.place != "form"),
        body=_body(placed),
        answers=_answers(placed),
        errors=tuple(kind for kind in options.get("errors", ()) if issubclass(kind, HTTPError)),
        handled=_handled(placed),
        rules=placed.around.rules,
        security=security_of(plan, schemes),
        validated=bool(plan.parameters) or plan.body is not None,
        steps=steps_of(placed.plan),
        extra=options.get("extra", {}),
    )


def operation_id(name: str, method: str, path: str, *, alone: bool) -> str:
    """What a generated client calls an operation: the handler's name, and where others are called so, with its place.

    All that share a name get their method and path, so it does not matter which of them was there first.

    Example:
        >>> operation_id("show", "GET", "/notes/{id}", alone=True), operation_id("show", "GET", "/notes", alone=False)
        ('show', 'show_get_notes')
    """
    if alone:
        return name
    words = re.sub(r"[^A-Za-z0-9]+", "_", path).strip("_").lower()
    return f"{name}_{method.lower()}{'_' + words if words else ''}"


def _body(placed: Placed) -> BodyView | None:
    plan = placed.plan
    if plan.body is None:
        return None
    fields = tuple(each for each in plan.parameters.values() if each.place == "form")
    if fields:
        return BodyView(plan.body.media_types, None, any(each.required for each in fields), fields)
    parameter = plan.body_parameter
    return BodyView(
        plan.body.media_types, parameter.type if parameter else bytes, bool(parameter and parameter.required)
    )


def _answers(placed: Placed) -> tuple[AnswerView, ...]:
    options = placed.route.options
    media = options.get("media")
    found = _views(placed.plan.returns, options.get("status"), media, placed.around.answers)
    more = [_other(code, answer, media) for code, answer in options.get("answers", {}).items()]
    return (*found, *(each for each in more if each.status != found[0].status))


def _other(status: int, answer: Any, media: str | None) -> AnswerView:
    """An answer that the route names by its status: a type, a kind of `Response`, or None for no body."""
    known = None if answer is None else "application/json"
    if answer is not None and is_response(answer):
        _, answer, known = _kind(answer)
    return AnswerView(status, answer, known and (media or known), "Another answer")


def _kind(kind: type[Response]) -> tuple[int, Any, str | None]:
    """The usual status of a kind of `Response`, what it shows, and its media type."""
    return next((_KINDS[base] for base in kind.__mro__ if base in _KINDS), (200, object, "*/*"))


def _views(returns: Any, status: int | None, media: str | None, kinds: tuple[Any, ...] = ()) -> list[AnswerView]:
    """What a return annotation says: the plain answer first, then each kind of `Response` in it."""
    found = []
    kind = answer_type(returns)
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    own = next((each for each in kinds if hasattr(each, "shown") and each.matches(kind)), None)
    if own is not None:  # a plugin's kind of answer that says what it shows: a type, and its media type
        wire, shown = own.shown(kind)
        found.append(AnswerView(status or 200, wire, shown, "The answer"))
    elif kind in (None, type(None), NoReturn, Never):  # a tuple: what is in an `Annotated` may have no hash
        found.append(AnswerView(status or 204, None, None, "Done"))
    elif not is_response(kind):
        shown = "text/plain" if bare is str else "application/octet-stream" if bare is bytes else "application/json"
        wire = object if kind is inspect.Parameter.empty else kind
        found.append(AnswerView(status or 200, wire, media or shown, "The answer"))
    union = get_origin(returns) in {Union, types.UnionType}
    for each in get_args(returns) if union else (returns,):
        if is_response(each):
            usual, wire, known = _kind(each)
            found.append(AnswerView((not found and status) or usual, wire, known and (media or known), "The answer"))
    return found


def _handled(placed: Placed) -> dict[type[BaseException], tuple[AnswerView, ...]]:
    """What the error handlers around a route answer, by the kind of error."""
    found = {}
    for kind, (call, _) in placed.plan.error_calls.items():
        if getattr(call.function, "for_pages", False):
            continue  # It answers browsers alone; a client of the API gets what it would get without.
        returns = get_type_hints(inspect.unwrap(call.function)).get("return", inspect.Parameter.empty)
        found[kind] = tuple(_views(returns, getattr(kind, "status", None) or 500, None))
    return found


def _sentence(text: str) -> str:
    """A docstring's first sentence as plain text: a summary knows no markup."""
    return " ".join(text.split()).rstrip(".").replace("`", "")
