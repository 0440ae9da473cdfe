"""The document: every operation of an app under its path, and what they share."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pydantic_core

from wholestack import App, Router
from wholestack.description import Description, RouteView, operation_id

from ._by_header import VersionHeader
from ._deprecated import Deprecated
from ._errors import Errors
from ._operation import METHODS, Draft
from ._outgoing import outgoing, webhooks
from ._shapes import Schema, Shapes
from ._walk import walk

_FIELD = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class Told:
    """What the document is told beside what the app knows of itself.

    Attributes:
        info: more members of the info object.
        more: more members of the document, such as `servers`.
        below: only paths below this one.
        version: another than the app's.
        webhooks: the requests that the app sends by itself, by name.
    """

    info: Mapping[str, Any]
    more: Mapping[str, Any]
    below: str = ""
    version: str | None = None
    webhooks: Router | None = None


def build(app: App, told: Told) -> Schema:
    """The OpenAPI 3.1 document of an app, which is sealed for it."""
    description = app.describe()
    shapes = Shapes()
    errors = Errors(description, shapes)
    drafts = list(_drafts(app, description, told.below, shapes, errors))
    hooks = [(name, Draft(view, shapes, None)) for name, view in webhooks(app, told.webhooks or Router())]
    shapes.generate()
    ids: set[str] = set()
    paths = _paths(drafts, ids)
    sent = {name: draft.item(_free(draft.view.name, ids)) for name, draft in hooks}
    responses = errors.components()
    found = {name: scheme for draft in (*drafts, *dict(hooks).values()) for name, scheme in draft.schemes.items()}
    components = {
        "schemas": shapes.components([paths, sent, responses]),
        "responses": responses,
        "securitySchemes": dict(sorted(found.items())),
    }
    document: Schema = {
        "openapi": "3.1.1",
        "info": {"title": description.title, "version": told.version or description.version, **told.info},
        **told.more,
        "paths": paths,
    }
    if sent:
        document["webhooks"] = sent
    if kept := {name: value for name, value in components.items() if value}:
        document["components"] = kept
    plain: Schema = pydantic_core.to_jsonable_python(document, inf_nan_mode="strings", fallback=str)
    return plain


def _drafts(app: App, description: Description, below: str, shapes: Shapes, errors: Errors) -> Iterator[Draft]:
    by_header = next((each for each in app.plugins if isinstance(each, VersionHeader)), None)
    paths = frozenset(view.path for view in description.routes)
    for each, (_, around) in zip(description.routes, walk(app), strict=True):
        if each.hidden or not (each.path == below or each.path.startswith(f"{below}/")):
            continue
        view = by_header.shown(each, below, paths) if by_header is not None and below else each
        going = next((each for each in reversed(around) if isinstance(each, Deprecated)), None)
        callbacks = view.extra.get("callbacks")
        yield Draft(view, shapes, errors, going, outgoing(app, callbacks) if callbacks else ())


def _paths(drafts: Iterable[Draft], ids: set[str]) -> Schema:
    """Operations by path and method; two spellings of one path, ``/{id}`` and ``/{name}``, are one path (§4.8.8.2).

    The same method of the same path on two hosts has no place in the document: the first one stands.
    """
    drafts = list(drafts)
    names = Counter(draft.view.name for draft in drafts)
    paths: Schema = {}
    spellings: dict[str, str] = {}
    # The operations of a host stand behind those of every host, which have the same paths.
    for draft in sorted(drafts, key=lambda each: each.view.host is not None):
        view = draft.view
        for method in view.methods:
            path = spellings.setdefault(_FIELD.sub("{}", view.path), view.path)
            item = paths.setdefault(path, {})
            if method.lower() not in METHODS or method.lower() in item:
                continue
            operation = draft.operation(
                _free(_id(view, method, alone=names[view.name] == 1), ids), tuple(_FIELD.findall(path))
            )
            if view.host is not None:
                operation["servers"] = [_server(view.host)]
            item[method.lower()] = operation
    return {path: item for path, item in paths.items() if item}


def _id(view: RouteView, method: str, *, alone: bool) -> str:
    """The operation's name, with the method in it where a route has several; `alone` is the name in this document."""
    if alone and len(view.methods) > 1:
        return f"{view.name}_{method.lower()}"
    return operation_id(view.name, method, view.path, alone=alone)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    taken.add(free)
    return free


def _server(host: str) -> Schema:
    names = _FIELD.findall(host)
    variables = {name: {"default": name} for name in names}
    return {"url": f"//{host}", **({"variables": variables} if variables else {})}
