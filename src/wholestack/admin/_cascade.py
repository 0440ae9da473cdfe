"""What a deletion takes with it: rows that the models or the database delete, links, and what stands in the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Select, and_, false, func, literal_column, select, true, tuple_
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import Mapper, RelationshipProperty

from wholestack.auth import OfTenant
from wholestack.db import Session

from ._access import Access
from ._cells import words_of
from ._references import model_at
from ._resource import Resource, resource_for

_MOST_NAMED = 20
"""Rows of a kind that a page names."""
_AT_ONCE = 200
"""Keys in one query."""
_MOST_COUNTED = 10_000


@dataclasses.dataclass(frozen=True)
class Edge:
    """How rows of a table hang on those of another.

    Attributes:
        keys: the foreign key.
        mapper: the model of the rows that hang on it; None for a table without one.
        fate: ``"goes"`` with it, ``"freed"``: it stays and refers to nothing, ``"linked"``: a link is cut, or
            ``"holds"``: it stands in the way.
    """

    keys: ForeignKeyConstraint
    mapper: Mapper[Any] | None
    fate: str

    def condition(self, rows: Sequence[Any]) -> Any:
        """Which rows hang on some rows."""
        columns, values = [each.parent for each in self.keys.elements], self._values(rows)
        if len(columns) == 1:
            return columns[0].in_([value for (value,) in values])
        return tuple_(*columns).in_(values)

    def hold(self, db: Session, rows: Sequence[Any]) -> list[Any]:
        """Those of some rows of one class on which something hangs."""
        columns: list[Any] = [each.parent for each in self.keys.elements]
        of: Any = self.keys.table if self.mapper is None else self.mapper.class_
        asked = select(*columns).select_from(of).where(self.condition(rows)).distinct()
        there = {tuple(found) for found in db.execute(asked)}
        values = self._values(rows)
        if not there.issubset(values):  # A database may hold two texts for one that Python does not.
            return [*rows]
        return [row for row, value in zip(rows, values, strict=True) if value in there]

    def _values(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        mapper: Any = look_at(type(rows[0]))
        names = [_attribute(mapper, each.column) for each in self.keys.elements]
        return [tuple(getattr(row, name) for name in names) for row in rows]


def _attribute(mapper: Any, column: Any) -> str:
    found: str = mapper.get_property_by_column(column).key
    return found


def edges_of(resource: Resource) -> Iterator[Edge]:
    """What hangs on the rows of a model, by every foreign key that leads to its tables; but not that which holds the
    tables of a row itself together.
    """
    mapper = resource.mapper
    tables = set(mapper.tables)
    for table in resource.model.metadata.tables.values():
        for keys in table.foreign_key_constraints:
            if keys.referred_table in tables and not (table in tables and _is_own(keys)):
                found = model_at(mapper, table)
                yield Edge(keys, found, _fate(mapper, keys, found))


def held(db: Session, resource: Resource, rows: Sequence[Any]) -> list[Any]:
    """Those of some rows on which anything hangs, in a query for each table that may: the others end alone."""
    by_class: dict[Resource, list[Any]] = {}
    for row in rows:
        by_class.setdefault(resource.own(row), []).append(row)
    found = {
        row: None
        for own, some in by_class.items()
        for edge in edges_of(own)
        for start in range(0, len(some), _AT_ONCE)
        for row in edge.hold(db, some[start : start + _AT_ONCE])
    }
    return [row for row in rows if row in found]


def _is_own(keys: ForeignKeyConstraint) -> bool:
    """Whether a foreign key is a table's primary key: that of a class with more columns in the table of its parent."""
    return keys.referred_table is not keys.table and {*keys.columns} == {*keys.table.primary_key.columns}


def _fate(mapper: Mapper[Any], keys: ForeignKeyConstraint, other: Mapper[Any] | None) -> str:
    relation = _relation(mapper, keys)
    by_database = (keys.ondelete or "").upper()
    if other is None:
        links = any(each.secondary is keys.table for each in _relations(mapper))
        return "linked" if links or by_database == "CASCADE" else "holds"
    if by_database == "CASCADE" or (relation is not None and relation.cascade.delete):
        return "goes"
    free = all(each.nullable for each in keys.columns)
    unlinks = relation is not None and relation.passive_deletes != "all" and free
    return "freed" if unlinks or by_database in {"SET NULL", "SET DEFAULT"} else "holds"


def _relations(mapper: Mapper[Any]) -> Iterator[RelationshipProperty[Any]]:
    """The relations of a model, and those that lead to it over a table between."""
    yield from mapper.relationships
    for other in mapper.registry.mappers:
        yield from (each for each in other.relationships if each.secondary is not None and each.mapper is mapper)


def _relation(mapper: Mapper[Any], keys: ForeignKeyConstraint) -> RelationshipProperty[Any] | None:
    """The relation of the model over which SQLAlchemy minds a foreign key when a row is deleted."""
    columns = {*keys.columns}
    for each in mapper.relationships:
        if (
            each.secondary is None
            and not each.viewonly
            and {remote for _, remote in each.local_remote_pairs} == columns
        ):
            return each
    return None


@dataclasses.dataclass
class Kind:
    """Rows of one model that something happens to.

    Attributes:
        title: what they are called.
        number: how many the person may see.
        more: whether there are some that they may not see.
        labels: what some of them are called.
    """

    title: str
    number: int = 0
    more: bool = False
    labels: list[str] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return self.more or self.number > 0

    def add(self, number: int, labels: Sequence[str] = (), *, more: bool = False) -> None:
        """Count some."""
        self.number += number
        self.more = self.more or more
        self.labels += labels[: _MOST_NAMED - len(self.labels)]


class Cascade:
    """All that a deletion would do, looked up before it is done; of rows that the person may not see it tells no more
    than that there are some. Rows of another tenant are such, and do not go: a session that is held to no tenant reads
    them all.

    Arguments:
        db: the session.
        access: what the person may with the model.
        row: the row.

    Attributes:
        rows: what goes with it, each with its model, in the order in which they can be made anew.
        links: how many links to other rows are cut.
        forbidden: the kinds of which the person may not delete what would go.
        too_many: whether more would go than the view allows.
    """

    def __init__(self, db: Session, access: Access, row: Any) -> None:
        self._db = db
        self._access = access
        self._most = type(access.resource.view).most_deleted
        self.rows: list[tuple[Resource, Any]] = []
        self.links: int = 0
        self.forbidden: list[str] = []
        self.too_many: bool = False
        self._kinds: dict[str, dict[str, Kind]] = {"goes": {}, "freed": {}, "holds": {}}
        self._row = row
        self._seen = {row}
        self._staying: list[tuple[Edge, Any]] = []
        waiting = [(access.resource.own(row), [row])]
        while waiting and not self.too_many:
            waiting += self._below(*waiting.pop(0))
        for edge, condition in self._staying:
            self._stay(edge, condition)

    @property
    def goes(self) -> list[Kind]:
        """What goes with it, by kind."""
        return self._of("goes")

    @property
    def freed(self) -> list[Kind]:
        """What stays, and refers to nothing from then on."""
        return self._of("freed")

    @property
    def held(self) -> list[Kind]:
        """What stands in the way, since it refers to what would go."""
        return self._of("holds")

    def _of(self, fate: str) -> list[Kind]:
        return [each for each in self._kinds[fate].values() if each]

    @property
    def may_go(self) -> bool:
        """Whether nothing stands in the way."""
        return not (self.held or self.forbidden or self.too_many)

    def _below(self, resource: Resource, rows: Sequence[Any]) -> Iterator[tuple[Resource, list[Any]]]:
        for edge in edges_of(resource):
            for start in range(0, len(rows), _AT_ONCE):
                condition = edge.condition(rows[start : start + _AT_ONCE])
                if edge.fate != "goes" or edge.mapper is None:
                    self._staying.append((edge, condition))
                else:
                    yield from self._take(self._resource(edge.mapper), condition)

    def _resource(self, mapper: Mapper[Any]) -> Resource:
        return resource_for(mapper.class_, self._access.resource.others)

    def _take(self, below: Resource, condition: Any) -> Iterator[tuple[Resource, list[Any]]]:
        """The rows that go with others, as far as they were not met before, by their classes."""
        found = self._db.scalars(select(below.model).where(condition).limit(self._most - len(self.rows) + 1)).unique()
        fresh = [each for each in found if each not in self._seen]
        self._seen.update(fresh)
        self.rows += [(below.own(each), each) for each in fresh]
        self.too_many = self.too_many or len(self.rows) > self._most
        by_class: dict[Resource, list[Any]] = {}
        for each in fresh:
            by_class.setdefault(below.own(each), []).append(each)
        for own, rows in by_class.items():
            self._tell(own, rows)
            yield own, rows

    def _tell(self, below: Resource, rows: Sequence[Any]) -> None:
        """Count rows of one class that go, and whether the person may delete them."""
        access = self._access.of(below.model)
        own = [each for each in rows if not self._is_others(each)]
        shown = [each for each in own if access is None or access.may_any_row("view", each)]
        labels = [self._access.label(each) for each in shown[:_MOST_NAMED]]
        self._kind("goes", below).add(len(shown), labels, more=len(shown) < len(rows))
        if len(own) < len(rows) or not all(access is None or access.may_any_row("delete", each) for each in rows):
            self.forbidden = [*dict.fromkeys([*self.forbidden, below.title])]

    @property
    def _is_held(self) -> bool:
        """Whether the session reads the rows of one tenant alone."""
        return self._access.resource.session is not Session

    def _is_others(self, row: Any) -> bool:
        tenant = self._access.tenant
        theirs = isinstance(row, OfTenant) and not self._is_held
        return theirs and (tenant is None or str(row.tenant_key) != str(tenant))

    def _kind(self, fate: str, below: Resource) -> Kind:
        return self._kinds[fate].setdefault(below.table, Kind(below.title))

    def _stay(self, edge: Edge, condition: Any) -> None:
        """Count what stays, or stands in the way."""
        if edge.mapper is None:
            number = self._count(select(literal_column("1")).select_from(edge.keys.table).where(condition))
            if edge.fate == "linked":
                self.links += number
            else:
                name = edge.keys.table.name
                self._kinds["holds"].setdefault(name, Kind(words_of(name))).add(number)
            return
        below = self._resource(edge.mapper)
        access = self._access.of(below.model)
        hides = issubclass(below.model, OfTenant) and not self._is_held
        theirs = select(below.model) if access is None else access.all_rows()
        theirs = theirs.where(false()) if hides else theirs
        staying = and_(condition, self._stays(below))
        rows = self._db.scalars(theirs.where(staying).limit(_MOST_NAMED)).unique().all()
        number = self._count(theirs.where(staying))
        hidden = (hides or access is not None) and self._count(select(below.model).where(staying)) > number
        self._kind(edge.fate, below).add(number, [self._access.label(each) for each in rows], more=hidden)

    def _stays(self, below: Resource) -> Any:
        """What does not go anyway: that holds nothing, whatever it refers to."""
        going = [row for row in self._seen if isinstance(row, below.model)]
        columns = [getattr(below.model, name) for name in below.keys.names]
        if not going:
            return true()
        if len(columns) == 1:
            return columns[0].not_in([getattr(row, below.keys.names[0]) for row in going])
        return tuple_(*columns).not_in([tuple(getattr(row, name) for name in below.keys.names) for row in going])

    def _count(self, some: Select[Any]) -> int:
        one: Select[Any] = some.with_only_columns(literal_column("1"), maintain_column_froms=True).order_by(None)
        return self._db.scalar(select(func.count()).select_from(one.limit(_MOST_COUNTED).subquery())) or 0
