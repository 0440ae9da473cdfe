"""A model's Python default as a default of the table, for rows that are there and for code that does not know it."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

from sqlalchemy import Column, DefaultClause, Enum, literal
from sqlalchemy.sql import expression
from sqlalchemy.types import TypeDecorator

_PLAIN = (str, int, float, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)


def default_for(column: Column[Any]) -> DefaultClause | None:
    """What a column's Python default is in the table; None where it has none, or one that is made anew each time.

    Example:
        >>> from sqlalchemy import Column, Boolean
        >>> str(default_for(Column("done", Boolean, default=False)).arg)
        'false'
    """
    given: Any = column.default
    if given is None or not given.is_scalar:
        return None
    return as_default(column, given.arg)


def as_default(column: Column[Any], value: Any) -> DefaultClause | None:
    """A value as a default of the table; None where it has no form there."""
    if isinstance(value, bool):
        return DefaultClause(expression.true() if value else expression.false())
    if isinstance(value, enum.Enum) and isinstance(column.type, Enum):
        lookup: Any = column.type._db_value_for_elem
        return DefaultClause(str(lookup(value)))
    if not isinstance(value, _PLAIN):
        return None
    if isinstance(column.type, TypeDecorator) or not isinstance(value, str | int | float | decimal.Decimal):
        return DefaultClause(literal(value, column.type))  # The type says how each database writes it.
    return DefaultClause(value if isinstance(value, str) else str(value))
