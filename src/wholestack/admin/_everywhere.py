"""The search over all models: a few rows of each, and only those that the person may see."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select

from wholestack.auth import OfTenant, Tenant
from wholestack.db import Session

from ._access import Access
from ._defaults import says
from ._frame import Entry, Frame
from ._list_query import rules_of
from ._search import LONGEST

if TYPE_CHECKING:
    from ._resource import Resource

_MOST_ROWS = 5
"""Rows of a model that are shown; the list has the others."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found of one model.

    Attributes:
        resource: the model.
        rows: some of the rows, each by its address and what it is called.
        more: whether there are others.
        url: the list of them all.
    """

    resource: Resource
    rows: Sequence[tuple[str, str]]
    more: bool
    url: str


class SiteSearch:
    """A search over all models.

    Arguments:
        frame: the frame of the page, which knows the person.
        text: what is searched.
        tenant: whose rows are seen of models whose rows belong to tenants; None where there is none.
    """

    def __init__(self, frame: Frame, text: str, tenant: Tenant | None = None) -> None:
        self.text: str = text[:LONGEST].replace("\0", "").strip()
        self._frame = frame
        self._tenant = tenant

    @property
    def pages(self) -> list[Entry]:
        """Pages of the admin itself that are called so."""
        words = self.text.casefold().split()
        entries = [each for _, entries in self._frame.groups for each in entries] if words else []
        return [each for each in entries if all(word in str(each.title).casefold() for word in words)]

    def found(self, db: Session) -> Iterator[Found]:
        """What is found, model by model."""
        for resource in self._frame.resources if self.text else ():
            access = self._frame.access(resource)
            statement = visible(access, self._tenant)
            rules = rules_of(resource)
            is_meant = says(resource.view, "search", "search_text")  # Else a site of forty models asks each of them.
            if not is_meant or not rules.search or statement is None:
                continue
            dialect = db.get_bind(resource.mapper).dialect.name
            asked = rules.search.where(statement, self.text, dialect, access)
            if rows := db.scalars(asked.limit(_MOST_ROWS + 1)).unique().all():
                yield self._shown(resource, rows)

    def _shown(self, resource: Resource, rows: Sequence[Any]) -> Found:
        named = [(self._frame.url(resource.slug, resource.keys.text(row)), resource.view.label(row)) for row in rows]
        return Found(resource, named[:_MOST_ROWS], len(rows) > _MOST_ROWS, self._frame.url(resource.slug, q=self.text))


def visible(access: Access, tenant: Tenant | None) -> Select[Any] | None:
    """The rows that a person may see, for a session that is held to no tenant; None where there can be none."""
    statement = access.rows()
    model: Any = access.resource.model
    if not issubclass(model, OfTenant) or access.resource.session is Session:
        return statement
    return None if tenant is None or tenant.key is None else statement.where(model.tenant_key == tenant.key)
