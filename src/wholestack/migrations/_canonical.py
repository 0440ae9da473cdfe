"""How the database itself writes a default, a check or a condition: asked by making it, in a table of a moment."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Connection,
    Dialect,
    Index,
    Inspector,
    MetaData,
    Table,
    inspect,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from ._safety_types import as_read
from ._safety_words import words

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
    constraint = CheckConstraint(_written(connection, check.sqltext))
    constraint.name = "wholestack_compared_check"
    compared = Table(_NAME, MetaData(), *_plain(table), constraint, prefixes=["TEMPORARY"])

    def read(found: Inspector) -> str | None:
        checks = found.get_check_constraints(_NAME)
        return next((normal(each["sqltext"]) for each in checks if each["name"] == constraint.name), None)

    return _reflected(connection, compared, read)


def condition_text(connection: Connection, table: Table, condition: Any) -> str | None:
    """How the condition of an index of a table reads when it is reflected; None where the database does not take it."""
    kind = connection.dialect.name
    if kind == "sqlite":  # It keeps the words.
        return normal(_written(connection, condition))
    where: dict[str, Any] = {f"{kind}_where": text(_written(connection, condition))}
    index = Index("wholestack_compared_index", table.columns[0].name, **where)
    compared = Table(_NAME, MetaData(), *_plain(table), index, prefixes=["TEMPORARY"])

    def read(found: Inspector) -> str | None:
        there = next(each for each in found.get_indexes(_NAME) if each["name"] == index.name)
        return normal(str(there.get("dialect_options", {})[f"{kind}_where"]))

    return _reflected(connection, compared, read)


def computed_text(connection: Connection, table: Table, column: Column[Any]) -> tuple[str, bool | None] | None:
    """How a computed column of a table reads when it is reflected: its words, and whether its values are stored.

    None where the database does not take it.
    """
    if column.computed is None:
        return None
    made = Computed(_written(connection, column.computed.sqltext), persisted=column.computed.persisted)
    others = [each for each in table.columns if each is not column and each.computed is None]
    columns = [*(Column(each.name, _bare(each.type)) for each in others), Column(column.name, _bare(column.type), made)]
    compared = Table(_NAME, MetaData(), *columns, prefixes=["TEMPORARY"])

    def read(found: Inspector) -> tuple[str, bool | None] | None:
        there: Any = next(each for each in found.get_columns(_NAME) if each["name"] == column.name)
        computed = with_computed(connection, _NAME, there).get("computed")
        return None if computed is None else (normal(one_expression(computed["sqltext"])), computed.get("persisted"))

    return _reflected(connection, compared, read)


def with_computed(connection: Connection, table: str, column: Any) -> Any:
    """A reflected column, with the whole of what SQLite computes it of: SQLAlchemy takes more than that, or less.

    Arguments:
        connection: the database.
        table: the table's name in it.
        column: the column, as SQLAlchemy's inspector has it.
    """
    if connection.dialect.name != "sqlite" or not column.get("computed"):
        return column
    sql = connection.exec_driver_sql(_TABLES, (table, table)).scalar()
    name = re.escape(column["name"])
    # Its name, its type, whose brackets may hold a comma, and rules of it; then what it is computed of.
    head = rf'(?<![\w"`\[])["`\[]?{name}["`\]]?\s(?:[^,()]|\([^()]*\))*?\bAS\s*\('
    found = re.search(head, sql or "", re.IGNORECASE)
    sqltext = (sql or "")[found.end() :] if found else column["computed"]["sqltext"]
    return {**column, "computed": {**column["computed"], "sqltext": one_expression(sqltext)}}


def with_condition(connection: Connection, index: Any) -> Any:
    """A reflected index, with the whole of its condition, of which SQLAlchemy takes the first line on SQLite."""
    options = index.get("dialect_options", {})
    if "sqlite_where" not in options:
        return index
    sql = connection.exec_driver_sql(_INDEX, (index["name"],)).scalar()
    found = re.search(r"\)\s+where\s+(.+)", sql or "", re.IGNORECASE | re.DOTALL)
    return {**index, "dialect_options": {**options, "sqlite_where": text(found[1])}} if found else index


_INDEX = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?"
_TABLES = """
SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?
UNION ALL SELECT sql FROM sqlite_temp_master WHERE type = 'table' AND name = ?
"""


def one_expression(sql: str) -> str:
    """What comes before a bracket is closed that was not opened there.

    Example:
        >>> one_expression("(a + 1) * 2) STORED, b INTEGER DEFAULT (3")
        '(a + 1) * 2'
    """
    depth = 0
    for piece in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]", sql):
        depth += (piece[0] == "(") - (piece[0] == ")")
        if depth < 0:
            return sql[: piece.start()].strip()
    return sql.strip()


def _written(connection: Connection, expression: Any) -> str:
    return expression if isinstance(expression, str) else written(expression, connection.dialect)


def written(expression: Any, dialect: Dialect) -> str:
    """An expression as SQL, with its values, and its columns without their table."""
    words = {"literal_binds": True, "include_table": False}
    return str(expression.compile(dialect=as_read(dialect), compile_kwargs=words))


def _plain(table: Table) -> list[Column[Any]]:
    return [Column(each.name, _bare(each.type)) for each in table.columns]


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


def plain_words(sql: str) -> tuple[str, ...]:
    r"""A text of SQL as it is compared where the database keeps it as it was written: without quotes around names.

    Example:
        >>> plain_words('"A" <> \'A\'')
        ('a', '<>', "'A'")
    """
    return tuple(
        str(each)
        if each.kind in {"string", "dollar"}
        else each.identifier.lower()
        if each.kind == "quoted"
        else each.lower()
        for each in words(sql)
    )


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
