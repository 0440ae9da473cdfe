"""What a developer gets in place of a 500: a page with the traceback, or the problem with its summary."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import re
from collections.abc import Generator
from typing import Any

from wholestack import HTML, App, Request, Response
from wholestack.description import RouteView
from wholestack.http import parse_cookies
from wholestack.observe import MASK, Routes, is_secret, unhandled_errors

from ._cures import cure_of
from ._frames import Frame, as_text, short, told
from ._page import POLICY, STYLE, Shown, page, style
from ._peer import is_developer
from ._values import Values

_log = logging.getLogger("wholestack.debug")
_OF_THE_BODY = frozenset(
    {"content-type", "content-length", "content-encoding", "content-security-policy", "etag", "cache-control"}
)
_MOST_LINES = 20
_OUTERMOST = {"wholestack_rank": -1}
"""Outside even of what takes the client's address from a proxy (`wholestack.middleware` reads this mark): who asks is
judged by the connection."""


def show_errors(app: App) -> None:
    """Show errors that no handler takes to the developer: for `wholestack dev`, and for no server that others reach.

    A browser on this machine gets a page, any other client on it the problem with the traceback's summary. Everybody
    else, and everybody behind a proxy, gets what the app answers in production. Call it before the app is sealed.

    Example:
        >>> app = App()
        >>> show_errors(app)
        >>> app.middlewares[0].__name__
        'developer_errors'
    """
    routes = Routes(app)

    def developer_errors(request: Request) -> Generator[None, Response, Response]:
        allowed = is_developer(request)
        if allowed and request.path == STYLE:
            return Response(style(), media_type="text/css; charset=utf-8", headers={"cache-control": "no-store"})
        with unhandled_errors() as errors:
            response = yield
        if not errors or not allowed or response.status < 500:
            return response
        try:
            return _answer(errors[-1], request, response, routes)
        except Exception:
            _log.exception("the error could not be shown to the developer")
            return response

    vars(developer_errors).update(_OUTERMOST)
    app.middlewares.insert(0, developer_errors)


def _answer(error: Exception, request: Request, response: Response, routes: Routes) -> Response:
    shown = shown_error(error, request, routes)
    if request.wants_html:
        answer: Response = HTML(page(shown, request.root_path), response.status)
        answer.headers.set("content-security-policy", POLICY)
        answer.headers.set("cross-origin-resource-policy", "same-origin")
    else:
        problem = _problem(response)
        if problem is None:
            return response
        body = json.dumps({**problem, "debug": summary(shown)}, ensure_ascii=False)
        answer = Response(body.encode("utf-8", "replace"), response.status, response.media_type)
    for name, value in response.headers.pairs:
        if name not in _OF_THE_BODY and name not in answer.headers:
            answer.headers.add(name, value)
    answer.headers.set("cache-control", "no-store")
    return answer


def _problem(response: Response) -> dict[str, Any] | None:
    """The document that the app answers with, where it is one that takes a member more."""
    if "json" not in (response.media_type or "") or response.headers.get("content-encoding"):
        return None
    try:
        document = json.loads(response.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def summary(shown: Shown) -> dict[str, Any]:
    """An error in a few lines, for a client that reads JSON."""
    last = shown.errors[-1]
    lines = [f"{each.place} in {each.function}: {each.code}" for each in last.frames[-_MOST_LINES:]]
    found = {"error": f"{last.kind}: {last.message}" if last.message else last.kind, "traceback": lines}
    return {**found, "what_to_do": shown.cure} if shown.cure else found


def shown_error(error: Exception, request: Request, routes: Routes) -> Shown:
    """All that is told about an error, without the secrets that were met on the way."""
    values = Values()
    _note_secrets(request, values)
    errors = told(error, values)
    view = routes.view(request)
    tables = (
        ("Query", [(name, values.named(name, each)) for name, many in _query(request) for each in many]),
        ("Path", [(name, values.named(name, each)) for name, each in request.params.items()]),
        ("Header fields", [(name, values.named(name, each)) for name, each in request.headers.pairs]),
        ("Connection", [("client", request.client or "?"), ("version", f"HTTP/{request.version}")]),
    )
    clean = values.clean
    return Shown(
        method=request.method,
        path=clean(_path(request)),
        id=request.id,
        errors=tuple(_cleaned(each, values) for each in errors),
        cure=cure_of(error),
        request=tuple((title, [(name, clean(text)) for name, text in rows]) for title, rows in tables),
        route=f"{view.name}  {view.path}  {short(view.where)}" if view is not None else "",
        steps=tuple(re.sub(r"\((/[^()]+:\d+)\)", _shortened, step) for step in view.steps) if view is not None else (),
        sources=_sources(view, values) if view is not None else (),
        text=clean(as_text(error)),
    )


def _note_secrets(request: Request, values: Values) -> None:
    """Remember what a request's own secrets are made of: the cookies, and the token behind its scheme."""
    values.note(dict(parse_cookies("; ".join(request.headers.get_all("cookie")), request.limits)))
    for field in request.headers.get_all("authorization"):
        values.note(field.partition(" ")[2].strip())


def _cleaned(each: Any, values: Values) -> Any:
    frames = tuple(_clean_frame(frame, values) for frame in each.frames)
    notes = tuple(values.clean(note) for note in each.notes)
    return dataclasses.replace(each, message=values.clean(each.message), notes=notes, frames=frames)


def _clean_frame(frame: Frame, values: Values) -> Frame:
    source = tuple((number, values.without(text)) for number, text in frame.source)
    return dataclasses.replace(
        frame, source=source, values=tuple((name, values.without(text)) for name, text in frame.values)
    )


def _query(request: Request) -> list[tuple[str, list[str]]]:
    try:
        return list(request.query.items())
    except Exception:  # It could not be read, which may be the very error.
        return [("", [request.query_string])]


def _path(request: Request) -> str:
    """The path, with the fields masked that their names mark as secret."""
    path = request.path
    for name, value in request.params.items():
        if is_secret(name) and value:
            path = path.replace(value, MASK)
    return path


def _shortened(found: re.Match[str]) -> str:
    return f"({short(found[1])})"


def _sources(view: RouteView, values: Values) -> tuple[tuple[str, str, str], ...]:
    """Where each argument comes from."""
    found = []
    for each in view.parameters:
        default = each.default
        otherwise = "nothing" if default is inspect.Parameter.empty else values.named(each.name, default)
        need = "a fault" if each.required else otherwise
        found.append((each.name, f"{each.place} {each.alias!r}", need))
    return tuple(found)
