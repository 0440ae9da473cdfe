"""The way back of a migration: a column that must have a value comes back to rows without one, a type to another."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Computed, DefaultClause, Enum
from sqlalchemy.exc import CompileError

from ._defaults import as_default, default_for
from ._safety_operations import On
from ._safety_types import dialect_of, fits

_NEUTRAL: dict[type, Any] = {
    bool: False,
    int: 0,
    float: 0.0,
    str: "",
    decimal.Decimal: decimal.Decimal(0),
    datetime.datetime: datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC),
    datetime.date: datetime.date(1970, 1, 1),
    datetime.time: datetime.time(0),
    uuid.UUID: uuid.UUID(int=0),
}


def way_back(operations: ops.OpContainer) -> ops.DowngradeOps:
    """The operations of a downgrade that work where there are rows.

    What a dropped column held is lost. Where it must have a value, rows get an empty one: it is added with a default,
    which is taken away again by a step of its own.
    """
    return ops.DowngradeOps(list(_with_values(operations.ops)))


def _with_values(found: Iterable[Any]) -> Iterator[Any]:
    for each in found:
        yield each
        if isinstance(each, ops.AlterColumnOp) and each.modify_type is not None:
            cast(each)
        elif isinstance(each, On):
            each.ops, each.otherwise = list(_with_values(each.ops)), list(_with_values(each.otherwise))
        elif isinstance(each, ops.ModifyTableOps):
            each.ops = list(_with_values(each.ops))
            later = [alter for one in each.ops if isinstance(one, ops.AddColumnOp) for alter in _given(one)]
            if later:
                yield ops.ModifyTableOps(each.table_name, later, schema=each.schema)


def cast(operation: ops.AlterColumnOp) -> None:
    """Say how PostgreSQL makes values of the new type, where it does not by itself."""
    kind: Any = operation.modify_type
    operation.kw.pop("postgresql_using", None)
    computed = isinstance(operation.existing_server_default, Computed)  # Of its values PostgreSQL takes no cast.
    if not computed and not fits(operation.existing_type, kind, "postgresql"):
        dialect = dialect_of("postgresql")
        quoted = dialect.identifier_preparer.quote(operation.column_name)
        with contextlib.suppress(CompileError):  # PostgreSQL has no such type: an enum of MariaDB's without a name.
            operation.kw["postgresql_using"] = f"{quoted}::{kind.compile(dialect=dialect)}"


def _given(one: ops.AddColumnOp) -> Iterator[ops.AlterColumnOp]:
    """Give a column a default where it needs one; what takes it away."""
    plain = one.column
    if plain.nullable or plain.server_default is not None or plain.computed is not None or plain.identity is not None:
        return
    default = default_for(plain) or _neutral(plain)
    if default is None:
        return
    column: Column[Any] = plain._copy()
    column.server_default = default
    default._set_parent(column)
    one.column = column
    yield ops.AlterColumnOp(
        one.table_name,
        plain.name,
        schema=one.schema,
        modify_server_default=None,
        existing_type=plain.type,
        existing_nullable=False,
        existing_server_default=default,
    )


def _neutral(column: Column[Any]) -> DefaultClause | None:
    if isinstance(column.type, Enum):
        return DefaultClause(str(column.type.enums[0])) if column.type.enums else None
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return None
    return as_default(column, _NEUTRAL[kind]) if kind in _NEUTRAL else DefaultClause("{}") if kind is dict else None
