"""Which rows a list has: those that the person may see, filtered and searched as the query says.

Lists, actions on all that match and exports read the same query here, so that each is about the rows that were shown.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select

from wholestack.db import Session

from ._access import DELETED, Access
from ._dates import Drill
from ._filters import filters_of
from ._inputs import Input, ListFilter, Look, Unread
from ._related import Related
from ._resource import ListColumn, Resource
from ._search import LONGEST, Search
from ._together import together

PLACE = {"cursor", "page"}
LOOKS = {"order", "limit", "columns", "view", "facets"}
Query = Mapping[str, Sequence[str]]


class ListRules:
    """What the list of a model can be asked for; made once, so that names which there are not are told at once.

    Arguments:
        resource: the model.

    Raises:
        SetupError: its view names what the model has not.
    """

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.search = Search(resource)
        self.filters: list[ListFilter] = filters_of(resource)
        drill = resource.view.date_drill
        self.drill = Drill.of(resource, drill) if drill else None
        self.columns: list[ListColumn] = [*resource.columns, *resource.more_columns]
        drilled = [self.drill.name] if self.drill is not None else []
        found = [name for each in self.filters for name in each.names]
        #: What its address may have.
        self.names: set[str] = {"q", *drilled, *found, *PLACE, *LOOKS, DELETED}

    def visible(self, access: Access) -> list[ListFilter]:
        """The filters by attributes that a person may see; who may not see a value may not find rows by it."""
        given = self.resource.filters
        names = [each.partition("__")[0] if isinstance(each, str) else "" for each in given]
        seen = set(access.visible([name for name in names if name])) | {""}
        pairs = zip(self.filters, names, strict=True)
        return [each for each, name in pairs if name in seen and each.shown(access)]


def usual_order(access: Access) -> str:
    """The order of a list of which nobody asks for another: the first of the view's whose field the person may see,
    else by the key, the latest first. An order by a hidden field would tell its values, in cursors as well.
    """
    resource = access.resource
    seen = (each for each in resource.view.orders if access.visible([each.removeprefix("-")]))
    return next(seen, f"-{resource.keys.names[0]}")


@functools.lru_cache(512)
def rules_of(resource: Resource) -> ListRules:
    """The rules of a model's list."""
    return ListRules(resource)


class ListQuery:
    """The rows that a query asks for, before their order and page.

    Arguments:
        access: what the person may.
        query: the query of the list's address.
        db: the session.
        action: what they must be able to do with the rows.

    Attributes:
        statement: a select of the rows.
        ignored: the titles of what made no sense, and was left out.
        search: what is looked for.
    """

    def __init__(self, access: Access, query: Query, db: Session, action: str = "view") -> None:
        self.rules = rules_of(access.resource)
        self.look = Look(access, db)
        self.ignored: list[str] = []
        self.search: str = (query.get("q") or [""])[0][:LONGEST].strip() if self.rules.search else ""
        self._query = {name: [each for each in values if each != ""] for name, values in query.items()}
        self._filters = self.rules.visible(access)
        self._rows = access.rows(action)
        self.part = (self._query.get(self.drill.name) or [""])[0] if self.drill is not None else ""
        #: Without the date that is drilled down to.
        self.undated: Select[Any] = self._searched(self._filtered())
        self.statement: Select[Any] = self._drilled(self.undated)

    def without(self, other: ListFilter) -> Select[Any]:
        """The rows as though one filter had no values; the same select where it has none."""
        return self._drilled(self._searched(self._filtered(other))) if self._values(other) else self.statement

    def _filtered(self, other: ListFilter | None = None) -> Select[Any]:
        statement = self._rows
        for each in self._filters:
            values = self._values(each)
            if values and each is not other:
                try:
                    statement = each.where(self.look, statement, values)
                except Unread as error:
                    self._ignore(error.title)
        return statement

    def _ignore(self, title: str) -> None:
        if title not in self.ignored:
            self.ignored.append(title)

    def _searched(self, statement: Select[Any]) -> Select[Any]:
        if not self.search:
            return statement
        access = self.look.access
        dialect = self.look.db.get_bind(access.resource.mapper).dialect.name
        return self.rules.search.where(statement, self.search, dialect, access)

    def _values(self, each: ListFilter) -> dict[str, Sequence[str]]:
        return {name: self._query[name] for name in each.names if self._query.get(name)}

    def _drilled(self, statement: Select[Any]) -> Select[Any]:
        if self.drill is None or not self.part:
            return statement
        try:
            return self.drill.where(statement, self.part)
        except Unread as error:
            self._ignore(error.title)
            self.part = ""
            return statement

    @property
    def drill(self) -> Drill | None:
        """The drill-down by a date, where the person may see it."""
        drill, access = self.rules.drill, self.look.access
        return drill if drill is not None and access.visible([access.resource.view.date_drill]) else None

    def part_asks(self) -> list[Any]:
        """What a query asks for the parts that can be gone down to."""
        return self.drill.asks(self.undated, self.part) if self.drill is not None else []

    def parts(self, found: Sequence[Any]) -> list[str]:
        """The years, months or days that can be gone down to, of what that query has found."""
        return self.drill.parts(self.part, found) if self.drill is not None else []

    @property
    def names(self) -> list[str]:
        """What of the query is read here."""
        drill = [self.drill.name] if self.drill is not None else []
        return ["q", *drill, *(name for each in self._filters for name in each.names)]

    @functools.cached_property
    def shown(self) -> list[tuple[ListFilter, list[Input]]]:
        """The filters with their inputs. However many they are, what they offer is read in one query."""
        given = [(each, self._values(each)) for each in self._filters]
        asks = {name: ask for each, values in given for name, ask in each.asks(self.look, values).items()}
        self.look.rows = together(self.look.db, asks)
        return [(each, each.inputs(self.look, values)) for each, values in given]

    @property
    def inputs(self) -> list[Input]:
        """The inputs of the filters."""
        return [found for _, inputs in self.shown for found in inputs]

    def related(self, name: str) -> Related | None:
        """The filter by a relation that has a name, where the person has it."""
        return next((each for each in self._filters if isinstance(each, Related) and each.names[0] == name), None)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is searched or filtered."""
        return bool(self.search or self.part or any(self._values(each) for each in self._filters))
