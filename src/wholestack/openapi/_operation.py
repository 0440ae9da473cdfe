"""One route as OpenAPI's operations."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, MutableSequence, Sequence
from http import HTTPStatus
from typing import Any, get_args, get_origin

from wholestack.description import AnswerView, RouteView

from ._deprecated import Deprecated
from ._errors import Errors
from ._inputs import Inputs
from ._security import described, requirements, schemes
from ._shapes import BINARY, Schema, Shapes

#: The methods that a path item has a place for (OpenAPI 3.1 §4.8.9).
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_LOCATION = {"headers": {"location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}}}}
_ITERATED = {Collection, Generator, Iterable, Iterator, MutableSequence, Sequence}


class Draft:
    """A route whose types have been handed in, but whose schemas are not made yet.

    Arguments:
        errors: what the app answers; None for a request that the app sends, which others answer.
        going: what says that it is on its way out.
        callbacks: the requests that the app sends because of it, by name and address.
    """

    def __init__(
        self,
        view: RouteView,
        shapes: Shapes,
        errors: Errors | None,
        going: Deprecated | None = None,
        callbacks: Sequence[tuple[str, RouteView]] = (),
    ) -> None:
        self.view = view
        self._going = going
        self._callbacks = [(address, Draft(each, shapes, None)) for address, each in callbacks]
        self.schemes = schemes(view.security)
        self._shapes = shapes
        self._errors = errors
        self._inputs = Inputs(view, shapes, described(self.schemes))
        self.schemes |= {name: scheme for _, each in self._callbacks for name, scheme in each.schemes.items()}
        self._kinds, handled = errors.of(view) if errors else ({}, [])
        self._views = (*view.answers, *handled)
        self._answers = shapes.add(
            {f"a{index}": (_wire(each), True) for index, each in enumerate(self._views)}, "serialization"
        )

    def operation(self, operation_id: str, path_names: tuple[str, ...]) -> Schema:
        """The operation object (OpenAPI 3.1 §4.8.10), once the shapes are made."""
        view = self.view
        made: Schema = {"operationId": operation_id, "summary": view.summary}
        if text := "\n\n".join(filter(None, (self._going.text if self._going else "", view.description))):
            made["description"] = text
        if view.tags:
            made["tags"] = list(dict.fromkeys(view.tags))
        if view.deprecated or self._going:
            made["deprecated"] = True
        if self._going and self._going.sunset:
            made["x-sunset"] = f"{self._going.sunset:%Y-%m-%d}"  # as comparers of documents know it
        if parameters := self._inputs.parameters(path_names):
            made["parameters"] = parameters
        if body := self._inputs.body():
            made["requestBody"] = body
        made["responses"] = self._responses()
        if security := requirements(view.security):
            made["security"] = security
        if docs := view.extra.get("docs"):
            made["externalDocs"] = {"url": docs}
        if self._callbacks:
            made["callbacks"] = self._sent(operation_id)
        return made

    def item(self, operation_id: str) -> Schema:
        """The path item of a request that the app sends (OpenAPI 3.1 §4.8.9)."""
        methods = [method.lower() for method in self.view.methods]
        return {method: self.operation(operation_id, ()) for method in methods if method in METHODS}

    def _sent(self, operation_id: str) -> Schema:
        """The callbacks by name, and in each its addresses."""
        made: Schema = {}
        for address, draft in self._callbacks:
            of_that_name = made.setdefault(draft.view.name, {})
            number = len(of_that_name) + 1
            own = f"{operation_id}_{draft.view.name}{f'_{number}' if number > 1 else ''}"
            of_that_name[address] = draft.item(own)
        return made

    def _responses(self) -> Schema:
        fields = self._shapes.fields(self._answers)
        if self._errors is None:
            made = [(each, _answer(each, fields[f"a{index}"])) for index, each in enumerate(self._views)]
            return {str(each.status): answer for each, answer in sorted(made, key=lambda pair: pair[0].status)}
        found = {status: self._errors.answer(kinds) for status, kinds in self._kinds.items()}
        for index, each in enumerate(self._views):
            if each.media_type is None and each.status >= 400:
                found.setdefault(each.status, self._errors.plain(each.status))
            else:
                found[each.status] = _merged(found.get(each.status), _answer(each, fields[f"a{index}"]))
        return {str(status): found[status] for status in sorted(found)}


def _merged(before: Schema | None, made: Schema) -> Schema:
    """Two answers of one status in one; what the route itself says replaces what it implies."""
    if before is None or "$ref" in before:
        return made
    return {**before, **made, "content": {**before.get("content", {}), **made.get("content", {})}}


def _answer(view: AnswerView, schema: Schema) -> Schema:
    try:
        phrase = HTTPStatus(view.status).phrase
    except ValueError:
        phrase = view.description
    if view.media_type is None:
        return {"description": phrase, **(_LOCATION if 300 <= view.status < 400 else {})}
    if view.media_type == "*/*":
        return {"description": phrase, "content": {"*/*": {}}}
    if view.type is bytes:
        schema = dict(BINARY)
    elif not schema and not _is_json(view.media_type):
        # Without a schema, clients throw the content away.
        schema = {"type": "string"} if view.media_type.startswith("text/") else dict(BINARY)
    elif view.media_type == "text/event-stream":
        schema = _event(schema)
    return {"description": phrase, "content": {view.media_type: {"schema": schema} if schema else {}}}


def _event(data: Schema) -> Schema:
    """One event (the HTML standard §9.2), as OpenAPI 3.2 shows it (§4.14.4); before 3.2, tools read it in `schema`."""
    text: Schema = {"type": "string"}
    if data != text:
        # The data of a `reset`, which tells that events were missed, is null.
        text |= {"contentMediaType": "application/json", "contentSchema": {"anyOf": [data, {"type": "null"}]}}
    fields: Schema = {"data": text, "event": {"type": "string"}, "id": {"type": "string"}}
    return {"type": "object", "required": ["data"], "properties": fields}


def _is_json(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _wire(view: AnswerView) -> Any:
    """The type as the wire shows it; what is no JSON has no schema of its own."""
    if view.media_type is None or view.media_type == "*/*":
        return Any
    # Whatever is iterated is sent as an array.
    if get_origin(view.type) in _ITERATED:
        return list[(get_args(view.type) or (Any,))[0]]  # type: ignore[misc]
    return view.type
