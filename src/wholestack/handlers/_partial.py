"""`Partial[Model]`: the fields of a model with none of them required."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pydantic
import typing_extensions

from ._markers import Partial
from ._types import bare

_MODES: Mapping[str, Callable[[Any], Any]] = {
    "after": pydantic.AfterValidator,
    "before": pydantic.BeforeValidator,
    "plain": pydantic.PlainValidator,
    "wrap": pydantic.WrapValidator,
}
# What a field says for the document; its default is not among it, since what was not sent stays as it is.
_SAID = ("title", "description", "examples", "deprecated", "json_schema_extra")


def partial_model(annotation: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """For `Partial[Model]` a TypedDict of its fields, none required, and `Partial`; any other type as it is.

    Constraints, aliases, validators of a field and the model's `extra` policy hold; validators of the whole model do
    not
    run, since what they would look at may be missing.
    """
    kind = bare(annotation)
    if get_origin(kind) is not Partial:
        return annotation, None
    (model,) = get_args(kind)
    fields = {name: typing_extensions.NotRequired[hint] for name, hint in fields_of(model).items()}
    make: Any = typing_extensions.TypedDict
    partial = make(f"Partial{model.__name__}", fields)
    config = getattr(model, "model_config", None) or getattr(model, "__pydantic_config__", None)
    partial.__module__ = model.__module__
    partial.__pydantic_config__ = {**(config or {}), "arbitrary_types_allowed": True}
    return partial, Partial


def fields_of(model: Any) -> dict[str, Any]:
    """The fields of a model, a dataclass or a TypedDict, each with a type that says all that the field says but its
    default.
    """
    if hasattr(model, "__pydantic_fields__"):
        found = {}
        for name, field in model.__pydantic_fields__.items():
            said: dict[str, Any] = {each: getattr(field, each) for each in _SAID if getattr(field, each) is not None}
            if alias := field.validation_alias or field.alias:
                said["validation_alias"] = alias
            extras = (*field.metadata, *_validators(model, name), *((pydantic.Field(**said),) if said else ()))
            found[name] = Annotated[(field.annotation, *extras)] if extras else field.annotation
        return found
    hints = {name: _plain(hint) for name, hint in get_type_hints(model, include_extras=True).items()}
    if dataclasses.is_dataclass(model):
        return {field.name: hints[field.name] for field in dataclasses.fields(model) if field.init}
    return hints


def _plain(hint: Any) -> Any:
    """A TypedDict's field without `Required[…]` or `NotRequired[…]`."""
    return (
        get_args(hint)[0] if get_origin(hint) in {typing_extensions.Required, typing_extensions.NotRequired} else hint
    )


def _validators(model: Any, name: str) -> list[Any]:
    """The `@field_validator`s of a field, in the form that stands in `Annotated`."""
    decorators = model.__pydantic_decorators__.field_validators.values()
    return [_MODES[each.info.mode](each.func) for each in decorators if {name, "*"}.intersection(each.info.fields)]
