"""How a model's value becomes the JSON that is kept, and comes back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Generic, get_origin

import pydantic
from typing_extensions import TypeVar, is_typeddict

from wholestack.encoding import MASK, has_secret, secrets_of

from ._kept import GONE, Fields

T = TypeVar("T", default=dict[str, Any])

ANY = ""
"""The name under which a session without a model keeps its data."""


class Shape(Generic[T]):
    """One model of a session's data: a Pydantic model, a dataclass or a TypedDict, all of whose fields may be missing.

    Arguments:
        kind: the model; or ``dict[str, Any]`` for data without one.
        name: under which the session keeps it; the class's own, if none is given.

    Raises:
        ValueError: some field has no default or is a secret, or it is none of these.

    Example:
        >>> class Cart(pydantic.BaseModel):
        ...     count: int = 0
        >>> shape = Shape(Cart)
        >>> shape.load({"count": 2, "unknown": 1}), shape.load({"count": "none"}), shape.dump(Cart(count=3))
        (Cart(count=2), Cart(count=0), {'count': 3})
    """

    def __init__(self, kind: Any, name: str | None = None) -> None:
        self.kind = kind
        self.is_any: bool = (get_origin(kind) or kind) is dict
        self.name: str = name or (ANY if self.is_any else str(getattr(kind, "__name__", "")))
        self._known = None if self.is_any else _fields(kind)
        try:
            self._adapter: pydantic.TypeAdapter[T] = pydantic.TypeAdapter(kind)
            self._adapter.validate_json("{}")
        except pydantic.ValidationError as error:
            lacking = ", ".join(str(each["loc"][0]) if each["loc"] else "it" for each in error.errors())
            raise ValueError(f"needs a default for each field, and has none for {lacking}") from None
        found = dict.fromkeys(secrets_of(self._adapter.core_schema))
        if found:
            raise ValueError(f"has a secret in {', '.join(found)}, which would come back as asterisks")

    def load(self, fields: Fields) -> T:
        """The value of what is kept; a field that is unknown, or that does not fit any more, begins anew."""
        wanted = {name: value for name, value in fields.items() if self._known is None or name in self._known}
        while True:
            try:
                return self._adapter.validate_json(json.dumps(wanted), by_name=True, by_alias=True)
            except pydantic.ValidationError as error:
                faulty = {str(each["loc"][0]) for each in error.errors() if each["loc"]} & wanted.keys()
                wanted = {name: value for name, value in wanted.items() if name not in faulty} if faulty else {}

    def dump(self, value: T) -> dict[str, Any]:
        """The fields of a value as JSON has them."""
        found: dict[str, Any] = self._adapter.dump_python(value, mode="json", by_alias=False)
        return {name: each for name, each in found.items() if self._known is None or name in self._known}


@dataclasses.dataclass(slots=True, repr=False)
class Part:
    """A model's value in one request, and the fields that it had when it was loaded."""

    shape: Shape[Any]
    value: Any
    before: dict[str, Any]

    @classmethod
    def of(cls, shape: Shape[Any], fields: Fields) -> Part:
        """The part that is kept in these fields."""
        value = shape.load(fields)
        return cls(shape, value, shape.dump(value))

    def changes(self) -> dict[str, Any]:
        """The fields that are not what they were.

        Raises:
            TypeError: there is a secret in data without a model.
        """
        found, before = self.shape.dump(self.value), self.before
        text = repr(found)
        if text == repr(before):  # As nearly always; each field by itself costs several times as much.
            return {}
        if MASK in text and has_secret(self.value):
            raise TypeError("A secret would be kept as asterisks; keep it elsewhere, or what it holds as a text.")
        same = {name for name in before.keys() & found.keys() if _text(before[name]) == _text(found[name])}
        changed = {name: each for name, each in found.items() if name not in same}
        return {**changed, **dict.fromkeys(before.keys() - found.keys(), GONE)}


# As text, since `1 == True` in Python.
_text = json.JSONEncoder(sort_keys=True).encode


def _fields(kind: Any) -> frozenset[str] | None:
    """The names of a model's fields; None where it takes any.

    Raises:
        ValueError: it is no model.
    """
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return None if kind.model_config.get("extra") == "allow" else frozenset(kind.model_fields)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return frozenset(each.name for each in dataclasses.fields(kind))
    if is_typeddict(kind):
        return frozenset(kind.__annotations__)
    raise ValueError("is no model, dataclass or TypedDict")
