"""Rows of several models, read in one query."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import aliased

from wholestack.db import Session

MOST_TOGETHER = 40
"""Selects of one query: MariaDB joins 61 tables, SQLite 64."""
_NUMBER = "wholestack_number"


def together(db: Session, asks: Mapping[Hashable, Select[Any]]) -> dict[Hashable, Sequence[Any]]:
    """The rows of several selects of one model each, in one query for up to forty.

    Each select is joined to one number of a short list, so that a row of the answer has the columns of one of them and
    NULL for the others'. A ``UNION ALL`` would have to cast each of these to the type of its column.

    Arguments:
        db: the session.
        asks: the selects, by what their rows are called; each with a bound of its own.
    """
    found: dict[Hashable, Sequence[Any]] = {}
    names = list(asks)
    for start in range(0, len(names), MOST_TOGETHER):
        some = names[start : start + MOST_TOGETHER]
        found.update(zip(some, _read(db, [asks[name] for name in some]), strict=True))
    return found


def _read(db: Session, asks: Sequence[Select[Any]]) -> list[list[Any]]:
    if len(asks) == 1:
        return [list(db.scalars(asks[0]).unique())]
    numbers = union_all(*(_numbered(select(), number) for number in range(len(asks)))).subquery()
    rows = [_numbered(each, number).subquery() for number, each in enumerate(asks)]
    models = [aliased(each.column_descriptions[0]["entity"], some) for each, some in zip(asks, rows, strict=True)]
    statement = select(numbers.c[_NUMBER], *models).select_from(numbers)
    for some, model in zip(rows, models, strict=True):
        statement = statement.outerjoin(model, numbers.c[_NUMBER] == some.c[_NUMBER])
    found: list[list[Any]] = [[] for _ in asks]
    for number, *several in db.execute(statement).unique():
        if several[number] is not None:
            found[number].append(several[number])
    return found


def _numbered(statement: Select[Any], number: int) -> Select[Any]:
    return statement.add_columns(literal(number).label(_NUMBER))
