"""Columns that the database computes: on SQLite a decimal is a whole number of its column's unit, not of its terms'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Cast, Column, ColumnElement, Computed, TextClause
from sqlalchemy.ext.compiler import compiles

from ._types import Exact


class InUnit(ColumnElement[Any]):
    """What a column is computed of, brought to the column's unit where it is kept in one.

    Arguments:
        inner: the expression.
        column: the column, whose type may not be known yet.
    """

    inherit_cache = False

    def __init__(self, inner: Any, column: Column[Any]) -> None:
        self.inner, self.column = inner, column

    if not TYPE_CHECKING:  # To a type checker it is an attribute of any expression.

        @property
        def type(self) -> Any:
            """The column's."""
            return self.column.type

    @property
    def _from_objects(self) -> Any:
        return self.inner._from_objects


@compiles(InUnit)
def _plain(element: InUnit, compiler: Any, **options: Any) -> Any:
    return compiler.process(element.inner, **options)


@compiles(InUnit, "sqlite")
def _in_unit(element: InUnit, compiler: Any, **options: Any) -> Any:
    kind: Any = element.column.type
    if not hasattr(compiler, "visit_exact_call"):
        return _plain(element, compiler, **options)
    from ._exact import at_scale, scale_of

    found = element.inner
    if isinstance(kind, Exact):
        found = at_scale(found, kind.scale)
    elif scale_of(found) is not None:
        found = Cast(found, kind)
    return compiler.process(found, **options)


def in_own_unit(computed: Computed, column: Any) -> None:
    """Bring what a column is computed of to its unit, when it becomes the column's."""
    if not isinstance(computed.sqltext, (TextClause, InUnit)):  # A text is the database's own.
        vars(computed)["sqltext"] = InUnit(computed.sqltext, column)
