"""What a list has of which a program says nothing: columns, a search and filters, from the model alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

from wholestack.crud import Attribute

from ._cells import NAMES
from ._view import AdminView

if TYPE_CHECKING:
    from ._resource import Resource

LABEL = "label"
"""The column of what a row is called, where that is no attribute."""
_MOST_SEARCHED = 4
_MOST_FILTERS = 6
_MOST_DATES = 1
_LONGEST = 255
"""Characters of a text that a list shows and searches; to look through longer ones takes too long."""
_UNSHOWN = {"bytes", "json", "array", "secret", "other"}


def says(view: AdminView[Any], *names: str) -> bool:
    """Whether a program says something of a view, be it that there is nothing: ``search = ()``."""
    kinds = type(view).__mro__
    own = kinds[: kinds.index(AdminView)]
    return any(name in vars(kind) for kind in own for name in names)


# -- columns ---------------------------------------------------------------------------------------------------------


def usual_columns(resource: Resource) -> list[str]:
    """A name first, then short columns, then long texts and keys that the server makes. A foreign key is shown as the
    row at its other end.
    """
    shown = [each for each in resource.attributes.values() if each.family not in _UNSHOWN and not each.hidden]
    made = [each.name for each in shown if each.key and each.made]
    last = [*made, *(each.name for each in shown if each.family == "text" and not _is_short(resource, each))]
    usual = [*(each.name for each in shown if each.name not in last), *last]
    first = _first_column(resource, usual)
    found = [first, *(each for each in usual if each != first)]
    return [resource.foreign_keys.get(name, name) for name in found]


def _first_column(resource: Resource, usual: Sequence[str]) -> str:
    """The column that leads to the row."""
    own: Any = resource.model.__str__
    if says(resource.view, LABEL) or own is not object.__str__:
        return LABEL
    names = _names(resource)
    return names[0] if names else next((each for each in resource.keys.names if each in usual), usual[0])


def _names(resource: Resource) -> list[str]:
    """The short texts that are most like a name: those that are called so, then those that no other row has, then the
    others.
    """
    short = {name: each for name, each in resource.attributes.items() if _is_short(resource, each)}
    called = [name for name in (*NAMES, "email") if name in short]
    unique = [name for name, each in short.items() if each.column.unique]
    keys = [name for name, each in short.items() if each.key]
    return list(dict.fromkeys([*called, *unique, *keys]))


def _is_short(resource: Resource, attribute: Attribute) -> bool:
    """Whether it is a text of one line, and none that must not be seen."""
    kind = attribute.column.type
    while isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    length = getattr(kind, "length", None)
    is_text = attribute.family == "text" and not attribute.hidden and not isinstance(kind, Text)
    is_own = attribute.name not in (*resource.files, *resource.foreign_keys) and hasattr(attribute.column, "unique")
    return is_text and is_own and (length is None or length <= _LONGEST)


# -- search and filters ----------------------------------------------------------------------------------------------


def usual_search(resource: Resource) -> list[str]:
    """Some short texts: names first. Secrets are none of them, and neither are long texts."""
    others = [name for name, each in resource.attributes.items() if _is_short(resource, each)]
    return list(dict.fromkeys([*_names(resource), *others]))[:_MOST_SEARCHED]


def usual_filters(resource: Resource) -> list[str]:
    """Yes and no, choices, relations to one or several rows of models that the admin shows, and a date. Nothing of
    it is counted, and of a relation with many rows none is offered before it is searched.
    """
    known = {name: each for name, each in resource.attributes.items() if not each.hidden}
    plain = [name for name, each in known.items() if each.family in {"bool", "enum"}]
    relations = [name for name in known if name in resource.foreign_keys and _is_shown(resource, name)]
    many = [name for name in resource.to_many if _is_shown(resource, name)]
    dates = [name for name, each in known.items() if each.family in {"date", "moment"}][:_MOST_DATES]
    first = [*plain, *relations][: _MOST_FILTERS - len(dates)]
    return [*first, *dates, *many][:_MOST_FILTERS]


def _is_shown(resource: Resource, name: str) -> bool:
    """Whether the admin shows the model at the end of a relation, by one key."""
    target = resource.relations[resource.foreign_keys.get(name, name)].mapper
    return target.class_ in resource.others and len(target.primary_key) == 1
