"""Operations in words, for whoever is told about a difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops

from ._safety_operations import Unclear


def described(operations: ops.OpContainer) -> list[str]:
    """What differs, a sentence each.

    Example:
        >>> described(ops.UpgradeOps([ops.DropTableOp("note")]))
        ['The table note is not among the models.']
    """
    return list(dict.fromkeys(_lines(operations.ops)))


def _lines(operations: list[Any]) -> Iterator[str]:
    for each in operations:
        if isinstance(each, Unclear):
            yield each.text
        elif isinstance(each, ops.ExecuteSQLOp):
            yield f"To be done: {each.sqltext}."
        elif isinstance(each, ops.OpContainer):
            yield from _lines(each.ops)
        else:
            yield _line(each)


def _line(each: Any) -> str:
    table = getattr(each, "table_name", None) or getattr(each, "source_table", "")
    if isinstance(each, ops.CreateTableOp):
        return f"The table {table} is missing."
    if isinstance(each, ops.DropTableOp):
        return f"The table {table} is not among the models."
    if isinstance(each, ops.AddColumnOp):
        return f"The column {table}.{each.column.name} is missing."
    if isinstance(each, ops.DropColumnOp):
        return f"The column {table}.{each.column_name} is not among the models."
    if isinstance(each, ops.AlterColumnOp):
        return f"The column {table}.{each.column_name} has {_altered(each)}."
    if isinstance(each, ops.CreateIndexOp):
        return f"The index {each.index_name} of {table} is missing, or another one."
    if isinstance(each, ops.DropIndexOp):
        return f"The index {each.index_name} of {table} is not among the models, or another one there."
    if isinstance(each, ops.DropConstraintOp):
        return f"The constraint {each.constraint_name} of {table} is not among the models, or another one there."
    if isinstance(each, ops.AddConstraintOp):
        return f"The constraint {each.to_constraint().name} of {table} is missing, or another one."
    return f"{type(each).__name__.removesuffix('Op')}: {' '.join(map(str, each.to_diff_tuple()))}."


def _altered(each: ops.AlterColumnOp) -> str:
    found = []
    if each.modify_type is not None:
        found.append(f"another type ({each.existing_type!r}, not {each.modify_type!r})")
    if each.modify_nullable is not None:
        found.append("to allow NULL" if each.modify_nullable else "to forbid NULL")
    if each.modify_server_default is not False:
        found.append("another default")
    if each.modify_comment is not False:
        found.append("another comment")
    return ", ".join(found) or "another form"
