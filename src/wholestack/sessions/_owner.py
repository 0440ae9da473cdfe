"""Whose a session is, as a row: the key that stands in a session as text, and both of them in one query."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    String,
    Table,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy import inspect as inspect_mapped
from sqlalchemy.orm import Mapper

# What PostgreSQL can convert without an error; longer numbers are found by a query of their own.
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_NUMBER = "^-?[0-9]{1,18}$"


def owner_key(model: Any, text: str) -> Any:
    """The key of a model's row from its text, as sessions have it; None where it is none.

    Example:
        >>> from wholestack.db import Model
        >>> class Patron(Model): ...
        >>> owner_key(Patron, "7"), owner_key(Patron, "seven")
        (7, None)
    """
    try:
        return inspect_mapped(model).primary_key[0].type.python_type(text)
    except (ValueError, TypeError, NotImplementedError):
        return None


def with_owner(rows: Table, columns: list[Any], model: Any, dialect: Dialect) -> Any:
    """The statement for a session, by the parameter ``at``, and the row of the model that it is of.

    The text is converted, and not the column of keys, so that the row is found by its index.

    Arguments:
        rows: the table of sessions.
        columns: those of a session, which come behind the row.
        model: the mapped class.
        dialect: of the database, which has answered before: a MariaDB says then which types it has.

    Returns:
        None for a model whose keys are neither numbers nor UUIDs, or several columns, or spread over tables.
    """
    mapper: Any = inspect_mapped(model, raiseerr=False)
    if not isinstance(mapper, Mapper) or len(mapper.primary_key) != 1 or mapper.inherits:
        return None
    (key,) = mapper.primary_key
    is_its = _is_text(key, rows.c.user, dialect)
    if is_its is None:
        return None
    return select(model, *columns).select_from(rows).outerjoin(model, is_its).where(rows.c.key == bindparam("at"))


def _is_text(key: Any, text: Any, dialect: Dialect) -> ColumnElement[bool] | None:
    """Whether a key is what a text says; None for keys of another type."""
    if isinstance(key.type, Integer):
        return key == _where_fit(_NUMBER, text, cast(text, BigInteger()), dialect)  # type: ignore[no-any-return]
    if not isinstance(key.type, Uuid):
        return None
    if dialect.name == "sqlite":  # Kept as 32 hexadecimal digits.
        return type_coerce(key, String()) == func.replace(text, "-", "")
    if not (key.type.native_uuid and dialect.supports_native_uuid):
        return None  # Kept as text of a fixed length, whose index another text does not take.
    if dialect.name == "postgresql":
        return key == _where_fit(_UUID, text, cast(text, Uuid()), dialect)  # type: ignore[no-any-return]
    return key == type_coerce(text, key.type)  # type: ignore[no-any-return]  # MariaDB converts the text by itself.


def _where_fit(pattern: str, text: Any, converted: Any, dialect: Dialect) -> Any:
    """PostgreSQL fails where a text cannot be converted; the others give another value, which is looked at again."""
    return case((text.regexp_match(pattern), converted)) if dialect.name == "postgresql" else converted
