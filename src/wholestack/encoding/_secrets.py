"""Secrets in what is kept as JSON, which has asterisks in their place: found in a type, and in a value without one."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import pydantic
from pydantic import TypeAdapter

MASK = "*" * 10
"""What Pydantic writes in the place of a secret."""
_SECRETS: tuple[type, ...] = (pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret)
_PASSED = {"cls", "config", "default", "metadata", "ref", "schema_ref"}


def secrets_of(schema: Any, field: str = "") -> Iterator[str]:
    """The names of fields that would be kept as asterisks; not those that are left out, or say how they are kept.

    Arguments:
        schema: the type's, as `pydantic.TypeAdapter(type).core_schema` has it.
        field: in which field it stands; a type that is no model has its secrets in "" itself.

    Example:
        >>> class Token(pydantic.BaseModel):
        ...     text: pydantic.SecretStr = pydantic.SecretStr("")
        >>> set(secrets_of(TypeAdapter(list[Token]).core_schema))
        {'text'}
    """
    if isinstance(schema, list | tuple):
        for each in schema:
            yield from secrets_of(each, field)
    elif isinstance(schema, Mapping) and not schema.get("serialization_exclude"):
        written = (schema.get("serialization") or {}).get("function")
        if written is not None:
            yield from [field] if written in _masking() else ()
            return
        inside = field if schema.get("type") != "dataclass-field" else schema["name"]
        for key, each in schema.items():
            if key == "fields" and isinstance(each, Mapping):
                for name, one in each.items():
                    yield from secrets_of(one, name)
            elif key == "choices" and isinstance(each, Mapping):  # By tags, which may be any word.
                yield from secrets_of([*each.values()], inside)
            elif key not in _PASSED:
                yield from secrets_of(each, inside)


def _written(schema: Any) -> Iterator[Any]:
    """The functions that write a secret."""
    if isinstance(schema, Mapping):
        found = (schema.get("serialization") or {}).get("function")
        yield from [found] if found is not None else ()
        for key, each in schema.items():
            yield from _written(each) if key not in _PASSED else ()


@functools.cache
def _masking() -> frozenset[Any]:
    kinds: tuple[Any, ...] = (pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret[int])
    return frozenset(found for kind in kinds for found in _written(TypeAdapter(kind).core_schema))


def has_secret(value: object) -> bool:
    """Whether a secret stands in a value, or in what it holds: also in a model or a dataclass.

    Example:
        >>> has_secret({"a": [pydantic.SecretStr("x")]}), has_secret({"a": MASK})
        (True, False)
    """
    if isinstance(value, pydantic.BaseModel):
        return has_secret({**vars(value), **(value.model_extra or {})})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return any(has_secret(getattr(value, each.name)) for each in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return any(map(has_secret, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(has_secret, value))
    return isinstance(value, _SECRETS)
