"""The AsyncAPI 3 document of a sealed app: its sockets, its streams of events, its channels, and their messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from wholestack import App
from wholestack.description import RouteView

from ._channel import Channel
from ._kind import SocketReader
from ._messages import is_nothing

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

_FIELD = re.compile(r"\{(\w+)\}")
_TYPES = {"apiKey": "httpApiKey", "http": "http", "openIdConnect": "openIdConnect"}
_OPENAPI = frozenset({"scopes", "alone"})
"""What a scheme says to OpenAPI of its operation."""
_VERSION = "3.0.0"


class _Lenient(GenerateJsonSchema):
    """What JSON Schema has no words for takes anything."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Nothing: what is left out is left out."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        return {}


class Document:
    """The document, put together route by route.

    Arguments:
        readers: of every socket, by its handler.
        channels: those that handlers ask for.
    """

    def __init__(self, app: App, readers: Mapping[Any, SocketReader], channels: Mapping[str, Channel[Any]]) -> None:
        self._app = app
        self._readers = readers
        self._channels = channels
        self._types: dict[str, tuple[Mode, Any]] = {}
        self._schemes: Schema = {}

    def build(self) -> Schema:
        """The document as plain values; the same for the same app."""
        description = self._app.describe()
        channels: Schema = {}
        operations: Schema = {}
        for view in description.routes:
            if view.hidden:
                continue
            if "WEBSOCKET" in view.methods:
                self._socket(view, channels, operations)
            elif any(each.media_type == "text/event-stream" for each in view.answers):
                self._events(view, channels, operations)
        for name, channel in sorted(self._channels.items()):
            key = _word(name)
            self._type(f"{key}_message", "serialization", channel.kind)
            channels[f"channel_{key}"] = {
                "address": None,
                "title": name,
                "summary": "What handlers publish and subscribe to, in rooms.",
                "messages": {"message": _message(f"{key}_message")},
            }
        schemas, messages = self._components()
        components: Schema = {"messages": messages, "schemas": schemas, "securitySchemes": self._schemes}
        return {
            "asyncapi": _VERSION,
            "info": {"title": description.title, "version": description.version},
            "defaultContentType": "application/json",
            "channels": channels,
            "operations": operations,
            "components": {name: value for name, value in components.items() if value},
        }

    # -- one route -----------------------------------------------------------------------------------------------

    def _socket(self, view: RouteView, channels: Schema, operations: Schema) -> None:
        reader, key = self._readers[view.function], view.operation_id
        received, sent = reader.types
        messages: Schema = {}
        parts: tuple[tuple[str, Mode, Any], ...] = (
            ("received", "validation", received),
            ("sent", "serialization", sent),
        )
        for name, mode, kind in parts:
            if not is_nothing(kind):
                self._type(f"{key}_{name}", mode, kind)
                messages[name] = _message(f"{key}_{name}")
        if "received" in messages and received not in {str, bytes} and reader.terms.answers:
            self._type("problem", "serialization", self._app.errors.model)
            messages["problem"] = _message("problem")
        query = self._parameters(view, "query")
        binding = {"method": "GET", **({"query": query} if query else {}), "bindingVersion": "0.1.0"}
        channels[key] = {**_channel(view, messages), "bindings": {"ws": binding}}
        if "received" in messages:
            operations[f"receive_{key}"] = self._operation(view, "receive", key, ["received"])
        if out := [each for each in ("sent", "problem") if each in messages]:
            operations[f"send_{key}"] = self._operation(view, "send", key, out)

    def _events(self, view: RouteView, channels: Schema, operations: Schema) -> None:
        key = view.operation_id
        shown = next(each for each in view.answers if each.media_type == "text/event-stream")
        self._type(f"{key}_event", "serialization", shown.type)
        channels[key] = _channel(view, {"event": _message(f"{key}_event")})
        operation = self._operation(view, "send", key, ["event"])
        operation["bindings"] = {"http": {"method": view.methods[0], "bindingVersion": "0.3.0"}}
        operations[f"send_{key}"] = operation

    def _operation(self, view: RouteView, action: str, key: str, messages: Sequence[str]) -> Schema:
        made: Schema = {
            "action": action,
            "channel": {"$ref": f"#/channels/{key}"},
            "summary": view.summary,
            "messages": [{"$ref": f"#/channels/{key}/messages/{each}"} for each in messages],
        }
        if view.description:
            made["description"] = view.description
        if view.tags:
            made["tags"] = [{"name": each} for each in dict.fromkeys(view.tags)]
        schemes = {
            name: {word: each for word, each in scheme.items() if word not in _OPENAPI}
            | {"type": _TYPES[scheme["type"]]}
            for rule in view.security
            for leaf in rule.leaves()
            for name, scheme in leaf.scheme.items()
            if scheme.get("type") in _TYPES
        }
        self._schemes |= schemes
        if schemes:
            made["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in sorted(schemes)]
        return made

    def _parameters(self, view: RouteView, place: str) -> Schema:
        found = [each for each in view.parameters if each.place == place and not each.whole]
        properties = {each.alias: _schema_of(each.type) for each in found}
        required = [each.alias for each in found if each.required]
        made: Schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        return made if found else {}

    # -- types ---------------------------------------------------------------------------------------------------

    def _type(self, key: str, mode: Mode, kind: Any) -> None:
        self._types[key] = (mode, kind)

    def _components(self) -> tuple[Schema, Schema]:
        """The schemas of all types at once, so that a name means one thing, and the messages that are made of them."""
        adapters: list[tuple[str, Mode, Any]] = [
            (key, mode, _adapter(kind).core_schema) for key, (mode, kind) in sorted(self._types.items())
        ]
        made, definitions = _Lenient(ref_template="#/components/schemas/{model}").generate_definitions(adapters)
        messages: Schema = {}
        for key, (_, kind) in sorted(self._types.items()):
            schema = next(schema for (name, _), schema in made.items() if name == key)
            messages[key] = {"name": key, "payload": schema}
            if kind in {str, bytes}:
                messages[key]["contentType"] = "text/plain" if kind is str else "application/octet-stream"
        return {str(name): schema for name, schema in sorted(definitions.items())}, messages


def _channel(view: RouteView, messages: Schema) -> Schema:
    names = _FIELD.findall(view.path)
    made: Schema = {"address": view.path, "title": view.summary, "messages": messages}
    if names:
        made["parameters"] = {name: {} for name in names}
    return made


def _message(key: str) -> Schema:
    return {"$ref": f"#/components/messages/{key}"}


def _word(text: str) -> str:
    """A text as a key of the document.

    Example:
        >>> _word("shop.News[int]")
        'shop_News_int'
    """
    return re.sub(r"\W+", "_", text).strip("_")


def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    try:
        return pydantic.TypeAdapter(kind)
    except Exception:  # A type's own schema hook may raise anything; such a message is anything.
        return pydantic.TypeAdapter(Any)


def _schema_of(kind: Any) -> Schema:
    return _adapter(kind).json_schema(schema_generator=_Lenient)


def written(document: Schema) -> bytes:
    """The document as bytes."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode()
