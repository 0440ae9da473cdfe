"""How many rows each choice of a list's filters would give under the other filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from ._count import Count

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._list_query import ListQuery

MOST_FACETS = 150
"""Choices of a page that have a number; a filter with more than are left has none."""


def facets(db: Session, query: ListQuery, most: int) -> Mapping[tuple[str, str], Count]:
    """The numbers by input and choice, in one query.

    The rows under the other filters are read up to a bound, as the list's own count reads them, and a choice is counted
    among these alone: where there are more, its number is of at least so many. So a choice that hardly any row has
    costs no walk through the table.

    Arguments:
        db: the session.
        query: what the list is asked for; its rows are those that the person may see.
        most: how many rows are counted one by one.
    """
    resource = query.look.access.resource
    keys = [getattr(resource.model, name) for name in resource.keys.names]
    asks: list[Any] = []
    bases: dict[int, tuple[Any, Any, int]] = {}
    places: dict[tuple[str, str], tuple[int, int]] = {}
    for each, inputs in query.shown:
        choices = [(one.name, value) for one in inputs if one.kind in {"choice", "links"} for value, _ in one.choices]
        if not choices or len(places) + len(choices) > MOST_FACETS:
            continue
        others = query.without(each)
        if id(others) not in bases:
            some = others.order_by(None).with_only_columns(*keys).limit(most + 1).cte()
            bases[id(others)] = (others, some, len(asks))
            asks.append(select(func.count()).select_from(some).scalar_subquery())
        _, some, whole = bases[id(others)]
        among = select(resource.model).join(some, and_(*(key == some.c[key.key] for key in keys)))
        for name, value in choices:
            rows = each.where(query.look, among, {name: [value]}).order_by(None)
            counted = rows.with_only_columns(*keys, maintain_column_froms=True).subquery()
            places[name, value] = (len(asks), whole)
            asks.append(select(func.count()).select_from(counted).scalar_subquery())
    if not asks:
        return {}
    found = db.execute(select(*asks)).one()
    return {
        place: Count(min(found[at], most), "more" if found[whole] > most else "exact")
        for place, (at, whole) in places.items()
    }
