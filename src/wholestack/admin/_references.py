"""What leads from a model to rows of others: what a form chooses, and whether somebody may choose it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import Mapper, RelationshipDirection

from wholestack.crud import attributes

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._resource import Resource


@dataclasses.dataclass(frozen=True)
class Reference:
    """A field of a form that holds the key of a row of another model, or of several.

    Attributes:
        name: the field: the attribute of a foreign key, or a relation to many over a table between.
        relation: the relation; empty for a foreign key without one.
        model: the other model.
        key: the attribute of the other model whose value the field holds.
        many: whether it holds several.
    """

    name: str
    relation: str
    model: type[Any]
    key: str
    many: bool

    def keys(self, row: Any) -> list[Any]:
        """The keys that a row has in it now."""
        found = getattr(row, self.name)
        if self.many:
            return [getattr(each, self.key) for each in found]
        return [] if found is None else [found]

    def read(self, text: str) -> Any:
        """A key as text; None for what is none."""
        try:
            return self._reader.validate_strings(text)
        except pydantic.ValidationError:
            return None

    @functools.cached_property
    def _reader(self) -> pydantic.TypeAdapter[Any]:
        return pydantic.TypeAdapter(attributes(self.model)[self.key].compared)

    @functools.cached_property
    def _is_by_primary_key(self) -> bool:
        key = look_at(self.model).primary_key
        return len(key) == 1 and look_at(self.model).get_property_by_column(key[0]).key == self.key

    def loaded(self, db: Session, key: Any) -> Any:
        """The row of a key where the session has it already; None where it has not."""
        if not self._is_by_primary_key:
            return None
        return db.identity_map.get(look_at(self.model).identity_key_from_primary_key((key,)))


def references_of(resource: Resource) -> Mapping[str, Reference]:
    """The references of a model by the names of their fields."""
    found = {each.name: each for each in _by_column(resource.mapper)}
    for name, relation in resource.relations.items():
        pairs = relation.local_remote_pairs
        if relation.direction is RelationshipDirection.MANYTOONE and len(pairs) == 1 and not relation.viewonly:
            local, remote = (resource.mapper.get_property_by_column(pairs[0][0]).key, pairs[0][1])
            found[local] = Reference(local, name, relation.mapper.class_, _key(relation.mapper, remote), many=False)
    for name in resource.to_many:
        target = resource.relations[name].mapper
        found[name] = Reference(name, name, target.class_, _key(target, target.primary_key[0]), many=True)
    return found


def _by_column(mapper: Mapper[Any]) -> Iterator[Reference]:
    """Foreign keys of one column whose other end is a model; that of a joined table to its parent is none."""
    for name, column in mapper.columns.items():
        keys = [each for each in getattr(column, "foreign_keys", ()) if not _is_of_several(each)]
        for key in keys[:1]:
            target = model_at(mapper, key.column.table)
            own = mapper.inherits is not None and column.primary_key
            if target is not None and not own:
                yield Reference(name, "", target.class_, _key(target, key.column), many=False)


def model_at(mapper: Mapper[Any], table: Any) -> Mapper[Any] | None:
    """The model of a table, of the same app as another model: the first of the classes that share it; None where there
    is none.
    """
    found = (each for each in mapper.registry.mappers if each.local_table is table)
    return min(found, key=lambda each: (len(each.class_.__mro__), each.class_.__qualname__), default=None)


def _is_of_several(key: Any) -> bool:
    return key.constraint is not None and len(key.constraint.elements) > 1


def _key(mapper: Any, column: Any) -> str:
    found: str = look_at(mapper.class_).get_property_by_column(column).key
    return found
