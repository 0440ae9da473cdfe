"""Attributes of a model, and of the rows that its relations lead to, by a path: ``"author.name"``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import and_, tuple_
from sqlalchemy import inspect as look_at

from wholestack.crud import Attribute, attributes

from ._resource import Resource

if TYPE_CHECKING:
    from ._access import Access


@dataclasses.dataclass(frozen=True)
class Path:
    """Where a value stands.

    Attributes:
        relations: that lead to the model that has it.
        model: that model.
        name: its attribute, or a relation of the model.
        title: what it is called.
    """

    relations: tuple[Any, ...]
    model: type[Any]
    name: str
    title: str = ""

    @property
    def column(self) -> Any:
        """The attribute, for a condition."""
        return getattr(self.model, self.name)

    @property
    def attribute(self) -> Attribute | None:
        """What is known of its column; None for a relation."""
        return attributes(self.model).get(self.name)

    @property
    def reader(self) -> pydantic.TypeAdapter[Any]:
        """What reads a value of its column from a text.

        Raises:
            TypeError: it is a relation, which no text is.
        """
        attribute = self.attribute
        if attribute is None:
            raise TypeError(f"{self.model.__name__}.{self.name} is no column.")
        return pydantic.TypeAdapter(attribute.compared)

    def holds(self, condition: Any, access: Access | None) -> Any:
        """The condition of the rows at the path's beginning from which one that meets it can be reached.

        Arguments:
            condition: what is asked of the row at its end.
            access: what the person may, of any model: the way leads through rows alone that they see; else a search
                would find out letter by letter what stands in the others. None where nobody in particular asks.
        """
        for relation in reversed(self.relations):
            other = None if access is None else access.of(relation.property.mapper.class_)
            rule = None if other is None else other.rows().whereclause
            reached = condition if rule is None else and_(condition, rule)
            condition = relation.any(reached) if relation.property.uselist else relation.has(reached)
        return condition


def path_of(resource: Resource, text: str) -> Path:
    """What a path names.

    Raises:
        SetupError: there is no such relation or attribute.
    """
    *steps, name = text.split(".")
    model: Any = resource.model
    relations = []
    for step in steps:
        known = look_at(model).relationships
        if step not in known:
            raise resource.fault(f"{model.__name__} has no relation {step!r}.", known.keys())
        relations.append(getattr(model, step))
        model = known[step].mapper.class_
    there = [*attributes(model), *look_at(model).relationships.keys()]
    if name not in there:
        raise resource.fault(f"{model.__name__} has no {name!r}.", there)
    said = resource.view.labels.get(text)
    return Path(tuple(relations), model, name, said or (resource.to(model) if steps else resource).label(name))


def among(resource: Resource, keys: Sequence[tuple[Any, ...]]) -> Any:
    """The condition of the rows with these keys."""
    columns = [getattr(resource.model, name) for name in resource.keys.names]
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_(list(keys))
