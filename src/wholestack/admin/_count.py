"""How many rows a list has, without a count of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Select, column, func, select
from sqlalchemy import table as table_clause

from wholestack.auth import OfTenant
from wholestack.db import Session
from wholestack.languages import gettext

from ._cells import count_shown
from ._resource import Resource

MOST_COUNTED = 10_000
"""Rows that are counted one by one."""
MOST_FOUND = 1_000
"""The same of a search, for which a database may have to read a hundred rows to find one."""


@dataclasses.dataclass(frozen=True)
class Count:
    """How many rows there are.

    Attributes:
        number: so many.
        kind: ``"exact"``; ``"about"``, as the database estimates; or ``"more"``, more than that.
    """

    number: int
    kind: Literal["exact", "about", "more"] = "exact"

    def __str__(self) -> str:
        number = count_shown(self.number)
        if self.kind == "about":
            return gettext("about %(number)s") % {"number": number}
        return f"{number}+" if self.kind == "more" else number


def count(db: Session, resource: Resource, statement: Select[Any], most: int = MOST_COUNTED) -> Count:
    """How many rows a select gives: exactly up to a number; of more, what PostgreSQL estimates of a whole table,
    else that there are more.

    Arguments:
        db: the session.
        resource: whose rows they are.
        statement: a select of the model.
        most: how many are counted one by one.
    """
    return counted(db.execute(select(*count_asks(db, resource, statement, most))).one(), most)


def count_asks(db: Session, resource: Resource, statement: Select[Any], most: int = MOST_COUNTED) -> list[Any]:
    """The columns of a select that gives the numbers of a count, so that one query may ask for more beside it."""
    keys = [getattr(resource.model, name) for name in resource.keys.names]
    some = statement.order_by(None).with_only_columns(*keys).limit(most + 1).subquery()
    asked = [select(func.count()).select_from(some).scalar_subquery()]
    return [*asked, _estimate(db, resource)] if is_whole(db, resource, statement) else asked


def counted(numbers: Sequence[Any], most: int = MOST_COUNTED) -> Count:
    """What those numbers say.

    Example:
        >>> str(counted([10_001])), str(counted([10_001, 123_456.0])), str(counted([7, 123_456.0]))
        ('10,000+', 'about 123,456', '7')
    """
    number, *estimates = numbers
    if number <= most:
        return Count(number)
    about = round(estimates[0] or 0) if estimates else 0
    return Count(about, "about") if about > most else Count(most, "more")


def is_whole(db: Session, resource: Resource, statement: Select[Any]) -> bool:
    """Whether it is every row of one table of PostgreSQL: the estimate for others would tell of rows of others."""
    mapper = resource.mapper
    alone = mapper.inherits is None and mapper.polymorphic_on is None
    dialect = db.get_bind(mapper).dialect.name
    return (
        statement.whereclause is None and alone and dialect == "postgresql" and not issubclass(resource.model, OfTenant)
    )


def _estimate(db: Session, resource: Resource) -> Any:
    table: Any = resource.mapper.local_table
    quoted = db.get_bind(resource.mapper).dialect.identifier_preparer.format_table(table)
    known = table_clause("pg_class", column("oid"), column("reltuples"))
    return select(known.c.reltuples).where(known.c.oid == func.to_regclass(quoted)).scalar_subquery()
