"""What an operation reads: parameters of the path, the query, header fields and cookies, and the body."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

import pydantic

from wholestack.description import BodyView, RouteView
from wholestack.handlers import Parameter, partial_model

from ._shapes import BINARY, Schema, Shapes, without_null

Types = dict[str, tuple[Any, bool]]
Key = tuple[str, str]

_STREAMS = (Iterator, Iterable, AsyncIterator, AsyncIterable)


class Inputs:
    """The parameters and the body of one route, drafted; `parameters` and `body` answer once the shapes are made.

    Arguments:
        hidden: places and names of values that a security scheme describes.
    """

    def __init__(self, view: RouteView, shapes: Shapes, hidden: frozenset[Key]) -> None:
        self._view = view
        self._shapes = shapes
        self._hidden = hidden
        self._body = view.body
        types = {f"p{index}": _typed(each) for index, each in enumerate(view.parameters)}
        if self._body is not None:
            types |= {f"f{index}": _typed(each) for index, each in enumerate(self._body.fields)}
            types["body"] = (partial_model(self._body.type)[0], True)
        self._number = shapes.add(types, "validation")

    def parameters(self, path_names: tuple[str, ...]) -> list[Schema]:
        """The parameters, those of the path first; each place and name once, whoever asks for it.

        Arguments:
            path_names: the fields of the path as the document has it, in order.
        """
        fields = self._shapes.fields(self._number)
        renamed = dict(zip(_names(self._view.path), path_names, strict=True))
        # A field of the path that no function asks for is there all the same.
        found = {("path", name): _parameter("path", name, {"type": "string"}, True) for name in path_names}
        given: set[Key] = set()
        for index, each in enumerate(self._view.parameters):
            for name, schema, required in self._named(each, fields[f"p{index}"]):
                key = (each.place, renamed.get(name, "") if each.place == "path" else name)
                if key in self._hidden or not key[1]:
                    continue
                made = _parameter(*key, schema, required)
                found[key] = _stricter(found[key], made) if key in given else made
                given.add(key)
        return list(found.values())

    def _named(self, each: Parameter, schema: Schema) -> Iterable[tuple[str, Schema, bool]]:
        """The name on the wire, the schema and whether it is required: one parameter, or a whole model's many."""
        if not each.whole:
            return [(each.name if each.place == "path" else each.alias, without_null(schema), each.required)]
        dashes = each.place == "header"
        return [
            (name.replace("_", "-") if dashes else name, without_null(inner), each.required and required)
            for name, inner, required in spread(self._shapes, schema)
        ]

    def body(self) -> Schema | None:
        """The request body, if there is one."""
        view = self._body
        if view is None:
            return None
        fields = self._shapes.fields(self._number)
        required = view.required
        if view.fields:
            schema = self._form(view, fields)
        elif is_bytes(view.type):
            schema, required = dict(BINARY), False  # An empty body is a body for bytes and for text.
        else:
            schema = dict(fields["body"])
            required = required and bare(view.type) is not str
        made: Schema = {"description": schema.pop("description")} if "description" in schema else {}
        made["content"] = {kind: {"schema": schema} for kind in view.media_types}
        if view.fields and view.fields[0].whole:
            self._tell_form(made["content"], schema)
        return {**made, "required": True} if required else made

    def _tell_form(self, content: Schema, schema: Schema) -> None:
        """What a whole model is like in a form: how its parts are named; JSON only where it can hold all of it."""
        if _holds_file([schema, self._shapes.components([schema])]):
            content.pop("application/json", None)
        parts = [name for name, inner, _ in spread(self._shapes, schema) if "properties" in self._one(inner)]
        for kind in content.keys() - {"application/json"} if parts else ():
            content[kind]["encoding"] = {name: {"style": "deepObject", "explode": True} for name in parts}

    def _one(self, schema: Schema) -> Schema:
        return self._shapes.resolved(without_null(schema))

    def _form(self, view: BodyView, fields: Mapping[str, Schema]) -> Schema:
        (first, *more) = view.fields
        if first.whole and not more:
            return fields["f0"]
        properties: Schema = {}
        wanted: dict[str, None] = {}
        for index, each in enumerate(view.fields):
            for name, schema, required in self._named(each, fields[f"f{index}"]):
                properties[name] = schema
                if required:
                    wanted[name] = None
        return {"type": "object", "properties": properties, **({"required": list(wanted)} if wanted else {})}


def spread(shapes: Shapes, schema: Schema) -> Iterable[tuple[str, Schema, bool]]:
    """The fields of a model (or of each model of a union) with whether it is required by all."""
    schema = shapes.resolved(without_null(schema))
    choices = schema.get("anyOf") or schema.get("oneOf") or [schema]
    models = [shapes.resolved(each) for each in choices]
    names = {name: inner for model in reversed(models) for name, inner in model.get("properties", {}).items()}
    return [(name, inner, all(name in model.get("required", ()) for model in models)) for name, inner in names.items()]


def _holds_file(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("format") == "binary" or any(_holds_file(each) for each in value.values())
    return isinstance(value, list) and any(_holds_file(each) for each in value)


def bare(annotation: Any) -> Any:
    """A type without `Annotated`."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def is_bytes(annotation: Any) -> bool:
    """Whether a type is bytes, whole or as a stream."""
    kind = bare(annotation)
    return kind is bytes or (get_origin(kind) in _STREAMS and get_args(kind)[:1] == (bytes,))


def _typed(each: Parameter) -> tuple[Any, bool]:
    """The type with its default, and without the alias: the name on the wire is known already."""
    known = each.default is not inspect.Parameter.empty
    field = pydantic.Field(each.default if known else ..., alias=None, validation_alias=None)
    return Annotated[each.type, field], each.required


def _parameter(place: str, name: str, schema: Schema, required: bool) -> Schema:
    schema = dict(schema)
    made: Schema = {"name": name, "in": place}
    if required or place == "path":
        made["required"] = True
    for said in ("description", "deprecated"):
        if said in schema:
            made[said] = schema.pop(said)
    if place == "query" and schema.get("type") == "array":
        made |= {"style": "form", "explode": True}
    return {**made, "schema": schema}


def _stricter(first: Schema, second: Schema) -> Schema:
    """One parameter that two functions ask for: what both say holds."""
    schemas = [first["schema"]]
    if second["schema"] not in schemas:
        schemas.append(second["schema"])
    required = {"required": True} if first.get("required") or second.get("required") else {}
    schema = schemas[0] if len(schemas) == 1 else {"allOf": schemas}
    return {**second, **first, **required, "schema": schema}


def _names(path: str) -> list[str]:
    return [piece.partition("}")[0] for piece in path.split("{")[1:]]
