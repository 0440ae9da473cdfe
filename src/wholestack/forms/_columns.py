"""What a form of a database's model knows from its columns: order, relations, and what must be there once only."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Table as Made
    from sqlalchemy.exc import IntegrityError

    from wholestack.crud import Schema

_SQLITE = re.compile(r"UNIQUE constraint failed: (.+)")
_MARIADB = re.compile(r"Duplicate entry .* for key '([^']+)'$", re.DOTALL)
_POSTGRESQL = re.compile(r"Key \((.+?)\)=\(")
_DUPLICATE = 1062  # MariaDB's error number.


def model_of(form: Any) -> type | None:
    """The database's model that a form was made from; None for any other. The database is not loaded for it."""
    crud = sys.modules.get("wholestack.crud")
    found: type | None = crud.model_of(form) if crud is not None else None
    return found


def attribute_of(form: Any, name: str) -> str:
    """The attribute of the database's model that a field of the form stands for."""
    crud = sys.modules.get("wholestack.crud")
    known: dict[str, str] = crud.attribute_names(form) if crud is not None and model_of(form) is not None else {}
    return known.get(name, name)


def column_of(form: Any, name: str) -> Any:
    """The column that a field of a form stands for, or None."""
    model = model_of(form)
    if model is None:
        return None
    from sqlalchemy import inspect

    return inspect(model).columns.get(attribute_of(form, name))


def relation_of(form: Any, name: str) -> Any:
    """The relation that a field stands for: by its foreign key, or of many rows by their keys; None for any other."""
    model = model_of(form)
    if model is None:
        return None
    from sqlalchemy import inspect
    from sqlalchemy.orm import RelationshipDirection

    mapper: Any = inspect(model)
    attribute = attribute_of(form, name)
    column = mapper.columns.get(attribute)
    for relation in mapper.relationships.values():
        local = {pair[0] for pair in relation.local_remote_pairs}
        is_to_one = relation.direction is RelationshipDirection.MANYTOONE
        if relation.key == attribute or (column is not None and is_to_one and local == {column}):
            return relation
    return None


def key_of(relation: Any, row: Any) -> Any:
    """What a field of a relation holds for a row: the value that its foreign key refers to, else the row's key."""
    from sqlalchemy import inspect

    if not relation.uselist and len(relation.local_remote_pairs) == 1:
        return getattr(row, key_name(relation))
    return inspect(row).identity[0]


def key_name(relation: Any) -> str:
    """The attribute of the rows at the other end that `key_of` reads."""
    to_one = not relation.uselist and len(relation.local_remote_pairs) == 1
    column = relation.local_remote_pairs[0][1] if to_one else relation.mapper.primary_key[0]
    name: str = relation.mapper.get_property_by_column(column).key
    return name


def place_of(form: Any, name: str) -> int:
    """Where a field stands among the model's columns; what is none of them comes last."""
    model = model_of(form)
    if model is None:
        return 0
    from sqlalchemy import inspect

    mapper: Any = inspect(model)
    order: list[str] = list(mapper.columns.keys())
    attribute = attribute_of(form, name)
    return order.index(attribute) if attribute in order else len(order)


def form_of(
    model: type,
    *,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    also: Collection[str] = (),
    name: str | None = None,
) -> type[Schema]:
    """A form of a database's model, as a Pydantic model: what a client may send for a new row.

    Where a handler names it as a type, write it as a class, which type checkers know: ``class NewPost(Schema, of=Post,
    new=True, only=("title", "text"))`` with `Schema` of `wholestack.crud`. Both are the same for a form: lengths and
    ranges are those of the columns, long texts have room, and a value that must be there once only is told beside its
    field.

    Arguments:
        model: a class of `wholestack.db`.
        only: these columns.
        without: all columns but these.
        also: relations to many rows as well, which are chosen by their keys; `wholestack.crud.apply` saves them.
        name: what the form is called in documents.

    Raises:
        SetupError: a name that the model does not have.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> class Errand(Model):
        ...     title = mapped_column(String(80), nullable=False)
        ...     notes = mapped_column(String())
        >>> list(form_of(Errand, only=["title"]).model_fields)
        ['title']
    """
    from wholestack.crud import schema

    if only is None:
        return schema(model, name=name, new=True, without=without, also=also)
    return schema(model, name=name, new=True, only=only, without=without, also=also)


# -- what is there already -------------------------------------------------------------------------------------------


def columns_taken(error: IntegrityError, form: Any) -> Sequence[str]:
    """The names of the columns whose values are there already; none for another fault, or one of another table."""
    orig: Any = error.orig
    told = str(orig)
    model = model_of(form)
    own: Any = getattr(model, "__table__", None)
    if found := _SQLITE.search(told):
        pairs = [each.strip().partition(".") for each in found[1].split(",")]
        fits = own is None or all(table == own.name for table, _, _ in pairs)
        return [column for _, dot, column in pairs if dot] if fits else []
    if getattr(orig, "sqlstate", None) == "23505":
        diagnosis = orig.diag
        if own is not None and diagnosis.table_name != own.name:
            return []
        detail = _POSTGRESQL.search(diagnosis.message_detail or "")
        named = _columns_named(diagnosis.constraint_name, _tables(own, diagnosis.table_name))
        return named or ([each.strip(' "') for each in detail[1].split(",")] if detail else [])
    if getattr(orig, "args", ())[:1] == (_DUPLICATE,) and (found := _MARIADB.search(str(orig.args[-1]))):
        table, dot, key = found[1].rpartition(".")
        return _columns_named(key, _tables(own, table if dot else None))
    return []


def _tables(own: Made | None, name: str | None) -> Iterable[Made]:
    if own is not None:
        return (own,)
    from wholestack.db import Table

    # An app may keep its models apart, by a base with a `metadata` of its own.
    waiting, known = [Table], dict[int, Any]()
    while waiting:
        base = waiting.pop()
        known[id(base.metadata)] = base.metadata
        waiting += base.__subclasses__()
    tables = [table for metadata in known.values() for table in metadata.tables.values()]
    return [table for table in tables if name is None or table.name == name]


def _columns_named(key: str | None, tables: Iterable[Made]) -> list[str]:
    """The columns of a unique constraint or index by its name."""
    from sqlalchemy import UniqueConstraint

    for table in tables:
        for index in table.indexes:
            if index.unique and index.name == key:
                return [column.name for column in index.columns]
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint) and constraint.name == key:
                return [column.name for column in constraint.columns]
    return []
