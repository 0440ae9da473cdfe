"""Whose a session is, as a row: the key that stands in a session as text, and both of them in one query."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    Select,
    String,
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

from wholestack.db import RowMaker, Session

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


Beside = Callable[[Select[Any]], Select[Any]]
"""Adds other tables to the statement for a session and its owner: outer joins, and their columns behind all others."""


def with_owner(columns: Sequence[Any], model: Any, beside: Beside | None, dialect: Dialect) -> WithOwner | None:
    """What asks for a session and the row of the model that it is of.

    The text is converted, and not the column of keys, so that the row is found by its index.

    Arguments:
        columns: those of a session.
        model: the mapped class.
        beside: adds other tables.
        dialect: of the database, which has answered before: a MariaDB says then which types it has.

    Returns:
        None for a model whose keys are neither numbers nor UUIDs, or several columns, or spread over tables.
    """
    mapper: Any = inspect_mapped(model, raiseerr=False)
    if not isinstance(mapper, Mapper) or len(mapper.primary_key) != 1 or mapper.inherits:
        return None
    rows: Any = columns[0].table
    is_its = _is_text(mapper.primary_key[0], rows.c.user, dialect)
    if is_its is None:
        return None
    maker = RowMaker(mapper)

    def asks(owner: Any, *its: Any) -> Select[Any]:
        found: Any = select(*columns, *its).select_from(rows).outerjoin(owner, is_its)
        found = found.where(rows.c.key == bindparam("at"))
        return found if beside is None else beside(found)

    return WithOwner(maker, asks(mapper.local_table, *maker.columns), asks(model, model), len(columns))


@dataclasses.dataclass(frozen=True)
class WithOwner:
    """Asks for a session and its owner, by statements that are made once: to make one costs as much as to send it.

    Attributes:
        maker: of the owner's rows.
        of_columns: the statement for their columns.
        of_model: the same for SQLAlchemy to load them, where something else has a part in that.
        width: how many columns a session has.
    """

    maker: RowMaker
    of_columns: Select[Any]
    of_model: Select[Any]
    width: int

    def asked(self, db: Session, at: str) -> tuple[Sequence[Any], Any, list[Sequence[Any]]] | None:
        """The columns of the session under a key, its owner, and what is beside them in each row; None without one."""
        maker, width = self.maker, self.width
        if maker.fits(db):
            rows: Any = db.connection().execute(self.of_columns, {"at": at}).all()
            end = width + len(maker.columns)
            owner = maker.row(rows[0][width:end], db) if rows else None
        else:
            end = width + 1
            # By what is beside them: it may be JSON, which SQLAlchemy can tell from others by no hash.
            rows = db.execute(self.of_model, {"at": at}).unique(lambda row: repr(row[end:])).all()
            owner = rows[0][width] if rows else None
        return (rows[0][:width], owner, [each[end:] for each in rows]) if rows else None


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
