"""What a client has sent, put into a row: values into columns, keys of relations as the rows that have them."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar, overload

import pydantic
import pydantic_core
from sqlalchemy import select
from sqlalchemy.orm import Session

from wholestack.db import Table
from wholestack.errors import FieldFault, ValidationFailed
from wholestack.handlers import current_request, json_pointer
from wholestack.languages import translated_fault

from ._columns import attributes, mapper_of
from ._faults import bad_crud
from ._schema import attribute_names, related

M = TypeVar("M", bound=Table)
_JSON = {"json", "array"}


@overload
def apply(db: Session, row: type[M], new: pydantic.BaseModel, *, without: Collection[str] = ()) -> M: ...


@overload
def apply(db: Session, row: M, new: pydantic.BaseModel, *, without: Collection[str] = ()) -> M: ...


def apply(db: Session, row: Any, new: pydantic.BaseModel, *, without: Collection[str] = ()) -> Any:
    """Put what was sent into a row, a new one or one to change, with the rows of relations in place of their keys.

    Of a class of `Schema` with ``also=["tags"]``, the keys in `tags` become the rows that have them, which replace
    those that the row had. What was left out, and only the database knows, stays as it is.

    Arguments:
        db: the session that the related rows are read from; a new row is added to it by whoever calls.
        row: a row to change, or the database's model for a new one.
        new: what was sent.
        without: fields of it that are no attributes of the row.

    Raises:
        ValidationFailed: a key that no row has, or a value that the model's own `@validates` refuses. A form's page is
            shown again, with this beside the field; what a model says of a new row belongs to the form as a whole.
        SetupError: a field that the model does not have.

    Returns:
        The row.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> from wholestack.crud import schema
        >>> class Leaf(Model):
        ...     text = mapped_column(String())
        >>> apply(Session(), Leaf, schema(Leaf, new=True)(text="green")).text
        'green'
    """
    model: Any = row if inspect.isclass(row) else type(row)
    sent, names = new.model_dump(), attribute_names(type(new))
    fields = [each for each in names if each in sent and each not in without]
    for field in fields:
        if not hasattr(model, names[field]):
            message = f"{type(new).__name__} has {names[field]!r}, which {model.__name__} has not."
            raise bad_crud(message, f"apply(db, row, new, without=[{field!r}])")
    values = {field: _value(db, model, names[field], field, getattr(new, field)) for field in fields}
    with db.no_autoflush:  # A row that is half of the old and half of the new is never written.
        return _made(model, names, values) if row is model else _written(row, names, values)


def _made(model: Any, names: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    try:
        return model(**{names[field]: value for field, value in values.items()})
    except ValueError as error:  # a `@validates` of the model's own
        raise _failed([], "value_error", str(error)) from error


def _written(row: Any, names: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    for field, value in values.items():
        try:
            setattr(row, names[field], value)
        except ValueError as error:
            raise _failed([[field]], "value_error", str(error)) from error
    return row


def _value(db: Session, model: type, name: str, field: str, value: Any) -> Any:
    if name in attributes(model) or name not in mapper_of(model).relationships:
        return kept(model, name, value)
    rows, absent = rows_by_keys(db, model, name, value)
    if absent:
        raise _failed([[field, place] for place in absent], "no_such_row", translated_fault("enum", None, ""))
    return rows


def _failed(paths: Sequence[Sequence[int | str]], code: str, detail: str) -> ValidationFailed:
    request = current_request.get()
    source = "form" if request is not None and request.form is not None else "body"
    return ValidationFailed([FieldFault(source, json_pointer(path), code, detail) for path in paths or [()]])


def kept(model: type, name: str, value: Any) -> Any:
    """A value as the model's attribute takes it: what is kept as JSON, as JSON has it."""
    attribute = attributes(model).get(name)
    is_json = attribute is not None and attribute.family in _JSON
    return pydantic_core.to_jsonable_python(value) if is_json else value


def rows_by_keys(db: Session, model: type, name: str, keys: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """The rows of a relation by their keys, each once, and the places of keys that no row has."""
    target, key = related(model, name)
    asked: Any = select(target).where(getattr(target, key.name).in_(keys))
    rows: Any = db.scalars(asked).unique() if keys else ()
    there = {getattr(row, key.name): row for row in rows}
    absent = [number for number, each in enumerate(keys) if each not in there]
    return [there[each] for each in dict.fromkeys(keys) if each in there], absent
