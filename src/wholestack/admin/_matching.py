"""The rows of a list as its query has them, all pages of it: for actions on all that match, and for exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select

from wholestack.http import parse_query

from ._list_query import ListQuery, usual_order

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._access import Access


class Matching:
    """All rows that a list has, filtered and searched as the query of its page says.

    Arguments:
        access: what the person may; they get no row that the list would not have shown them.
        db: the session.
        query: the page's query string.

    Attributes:
        statement: a select of the rows, without an order.
    """

    def __init__(self, access: Access, db: Session, query: str) -> None:
        asked = parse_query(query) if query else {}
        self._resource = access.resource
        self._usual = usual_order(access)
        self._orders: list[str] = [each for each in asked.get("order", []) if self._is_order(access, each)]
        self.statement: Select[Any] = ListQuery(access, asked, db).statement.order_by(None)

    def _is_order(self, access: Access, order: str) -> bool:
        name = order.removeprefix("-")
        return name in {each.removeprefix("-") for each in self._resource.orders} and bool(access.visible([name]))

    @property
    def ordered(self) -> Select[Any]:
        """The same in the order of the list; NULL comes last, as there."""
        resource = self._resource
        clauses: list[Any] = []
        for each in [*(self._orders or [self._usual]), *resource.keys.names]:
            column = getattr(resource.model, each.removeprefix("-"))
            known = resource.attributes.get(each.removeprefix("-"))
            clauses += [column.is_(None)] if known is not None and known.nullable else []
            clauses.append(column.desc() if each.startswith("-") else column.asc())
        return self.statement.order_by(*clauses)
