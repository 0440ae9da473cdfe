"""Whether two values are the same JSON, which Python's ``==`` does not tell: to it ``True`` is 1, and 1.0 as well."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, event
from sqlalchemy.orm import Mapper
from sqlalchemy.types import TypeDecorator

from ._models import Table


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON (RFC 8259 §3): a truth value is no number, a whole number no fraction.

    Other values, as a `date`, are the same where Python finds them equal.

    Example:
        >>> same_json({"open": 1, "of": [2]}, {"of": [2], "open": 1})
        True
        >>> same_json({"open": 1}, {"open": True})
        False
    """
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return type(one) is type(other) and one == other
    return bool(one == other)


@event.listens_for(Mapper, "mapper_configured")
def _compares(mapper: Mapper[Any], model: type[Any]) -> None:
    """Let a model write a change of its JSON that Python does not see: SQLAlchemy would leave it out, unsaid."""
    if not issubclass(model, Table):
        return
    for attribute in mapper.column_attrs:
        kind: Any = attribute.columns[0].type
        if isinstance(kind.impl_instance if isinstance(kind, TypeDecorator) else kind, JSON):
            mapper.class_manager[attribute.key].impl.is_equal = same_json
