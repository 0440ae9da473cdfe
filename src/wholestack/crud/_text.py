"""Comparisons of texts that mean the same on each database: character by character, without patterns.

MariaDB's ``=`` takes "Milk" for "milk " unless its collation says otherwise, SQLite's ``LIKE`` takes "MILK" for "milk",
and in any ``LIKE`` what a client sends may hold ``%`` and ``_``. These compare what is there, and let an index of the
column find the candidates where the database can.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Comparison(FunctionElement[bool]):
    """A column and a text, compared in a way of which each database has its own words."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, value: Any) -> None:
        # What SQLAlchemy would compare: its right side is the value, with the column's own type.
        plain = column == value
        super().__init__(plain.left, plain.right)

    def self_group(self, against: Any = None) -> Any:
        """As it is: where a database has no booleans, SQLAlchemy would add ``= 1``, and no index would fit."""
        return self


class Same(_Comparison):
    """The column holds just this text."""

    inherit_cache = True


class Differs(_Comparison):
    """The column holds another text (and not NULL)."""

    inherit_cache = True


class Contains(_Comparison):
    """The column's text has this one in it."""

    inherit_cache = True


class Begins(_Comparison):
    """The column's text begins with this one."""

    inherit_cache = True


def _both(element: _Comparison, compiler: Any, options: Any) -> tuple[str, str]:
    column, text = element.clauses
    return compiler.process(column, **options), compiler.process(text, **options)


def _bytes_of(text: str) -> str:
    """MariaDB and MySQL: a text as its bytes in UTF-8, which no collation takes for others."""
    return f"CAST(CONVERT({text} USING utf8mb4) AS BINARY)"


@compiles(Same)
def _same(element: Same, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"({column} = {text})"


@compiles(Differs)
def _differs(element: Differs, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"({column} <> {text})"


@compiles(Contains)
def _contains(element: Contains, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"(instr({column}, {text}) > 0)"


@compiles(Begins)
def _begins(element: Begins, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"(instr({column}, {text}) = 1)"


@compiles(Contains, "postgresql")
def _contains_on_postgresql(element: Contains, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    # `LIKE`, since an index by trigrams knows it; the escape is the text's own, made in the database.
    return f"({column} LIKE '%%' || {_escaped(text)} || '%%' ESCAPE '/')"


@compiles(Begins, "postgresql")
def _begins_on_postgresql(element: Begins, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"(starts_with({column}, {text}))"


def _escaped(text: str) -> str:
    return f"replace(replace(replace({text}, '/', '//'), '%%', '/%%'), '_', '/_')"


@compiles(Same, "mysql", "mariadb")
def _same_on_mariadb(element: Same, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"({column} = {text} AND {_bytes_of(column)} = {_bytes_of(text)})"


@compiles(Differs, "mysql", "mariadb")
def _differs_on_mariadb(element: Differs, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"({_bytes_of(column)} <> {_bytes_of(text)})"


@compiles(Contains, "mysql", "mariadb")
def _contains_on_mariadb(element: Contains, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"(locate({_bytes_of(text)}, {_bytes_of(column)}) > 0)"


@compiles(Begins, "mysql", "mariadb")
def _begins_on_mariadb(element: Begins, compiler: Any, **options: Any) -> str:
    column, text = _both(element, compiler, options)
    return f"(locate({_bytes_of(text)}, {_bytes_of(column)}) = 1)"
