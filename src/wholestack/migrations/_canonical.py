"""How the database itself writes a default or a check: asked by making it, in a table that lasts a moment."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import CheckConstraint, Column, Connection, Inspector, MetaData, Table, inspect
from sqlalchemy.exc import SQLAlchemyError

T = TypeVar("T")
_NAME = "wholestack_compared"


def default_text(connection: Connection, column: Column[Any], default: Any) -> str | None:
    """How a default reads when it is reflected; None where the database does not take it.

    Arguments:
        connection: in a transaction.
        column: the column whose type it has.
        default: what `Column(server_default=…)` takes.
    """
    compared = Table(_NAME, MetaData(), Column("compared", column.type, server_default=default), prefixes=["TEMPORARY"])
    return _reflected(connection, compared, lambda found: _text(found.get_columns(_NAME)[0].get("default")))


def check_text(connection: Connection, table: Table, check: CheckConstraint) -> str | None:
    """How a check of a table reads when it is reflected; None where the database does not take it."""
    columns = [Column(each.name, _bare(each.type)) for each in table.columns]
    words = {"literal_binds": True, "include_table": False}
    constraint = CheckConstraint(str(check.sqltext.compile(connection, compile_kwargs=words)))
    constraint.name = "wholestack_compared_check"
    compared = Table(_NAME, MetaData(), *columns, constraint, prefixes=["TEMPORARY"])

    def read(found: Inspector) -> str | None:
        checks = found.get_check_constraints(_NAME)
        return next((normal(each["sqltext"]) for each in checks if each["name"] == constraint.name), None)

    return _reflected(connection, compared, read)


def _bare(kind: Any) -> Any:
    """A type without the check that it brings along."""
    if getattr(kind, "create_constraint", False):
        kind = kind.copy()
        kind.create_constraint = False
    return kind


def normal(text: str) -> str:
    """A text of SQL as it is compared: without the brackets around all of it, and with single spaces.

    Example:
        >>> normal("((n  >  0))")
        'n > 0'
    """
    text = " ".join(text.split())
    while text.startswith("(") and text.endswith(")") and _is_one(text):
        text = text[1:-1].strip()
    return text


def _is_one(text: str) -> bool:
    """Whether the first bracket is closed by the last one."""
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return index == len(text) - 1
    return False


def _text(default: Any) -> str | None:
    return None if default is None else normal(str(default))


def _reflected(connection: Connection, table: Table, read: Callable[[Inspector], T]) -> T | None:
    with contextlib.suppress(SQLAlchemyError), _made(connection, table):
        return read(inspect(connection))
    return None


@contextlib.contextmanager
def _made(connection: Connection, table: Table) -> Iterator[None]:
    """The table for a moment; what fails, fails within a savepoint of its own."""
    savepoint = connection.begin_nested()
    try:
        table.create(connection)
        yield
    finally:
        if connection.dialect.name in {"mysql", "mariadb"}:  # There a savepoint does not undo it.
            connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {_NAME}")
        savepoint.rollback()


def unquoted(text: str | None) -> str | None:
    """A default without its quotes and PostgreSQL's cast.

    Example:
        >>> unquoted("'it''s'::character varying")
        "it's"
    """
    if text is None:
        return None
    found = re.fullmatch(r"'((?:[^']|'')*)'(?:::[\w \[\]\".()]+)?", text, re.DOTALL)
    return found[1].replace("''", "'") if found else re.sub(r"::[\w \[\]\".]+$", "", text)
