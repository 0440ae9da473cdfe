"""What a database refuses, as a fault of the form: a value that is there already, of its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._columns import column_of, columns_taken, model_of
from ._spec import Spec, spec_of
from ._values import Found, Told
from ._words import spoken

_REFUSED = "This is not possible: another row has it, or it is not allowed."
_TAKEN = "This value is taken already."
_TOGETHER = "These values are taken already, together."


def faults_of(error: Any, model: Any) -> Sequence[Found]:
    """The faults of a database's refusal: of the form as a whole where it is about nothing that the form has."""
    taken = columns_taken(error, model)
    fields = [field for column in taken if (field := _field_for(model, column)) is not None]
    if not fields:
        return [((), Told("constraint_failed", _REFUSED))]
    (first, *_) = fields
    if len(fields) == 1:
        return [((_name(first),), Told("duplicate", _TAKEN))]
    names = ", ".join(spoken(each.label) for each in fields)
    return [((_name(first),), Told("duplicate_together", _TOGETHER, {"names": names}))]


def _field_for(model: Any, column: str) -> Spec | None:
    """The field of a form that stands for a column."""
    for spec in spec_of(model).fields.values():
        if spec.field is not None and column == _column_name(model, spec.field.attribute):
            return spec
    return None


def _column_name(model: Any, attribute: str) -> str | None:
    """What the database calls what a field stands for; a form of no model shares the names of columns."""
    if model_of(model) is None:
        return attribute
    column = column_of(model, attribute)
    return None if column is None else str(column.name)


def _name(spec: Spec) -> str:
    return spec.field.name if spec.field is not None else ""
