"""The statement that finds a row by its key: made once for each model, where `Session.get` makes one for each call."""

from __future__ import annotations

import dataclasses
import uuid
import weakref
from typing import Any

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.orm import Mapper

SIMPLE = frozenset({int, str, uuid.UUID})
"""Types of keys that are looked for as they are."""


@dataclasses.dataclass(frozen=True, slots=True)
class ByKey:
    """A model whose rows are found by one column.

    Attributes:
        mapper: the model's.
        statement: takes the key as the parameter ``key``.
    """

    mapper: Mapper[Any]
    statement: Select[Any]

    def identity_key(self, ident: Any) -> Any:
        """The key under which a session holds the row."""
        return self.mapper.identity_key_from_primary_key((ident,))


_made: weakref.WeakKeyDictionary[type, ByKey | None] = weakref.WeakKeyDictionary()


def by_key(entity: Any) -> ByKey | None:
    """The statement for a model; None for one that is found in another way (a key of several columns, a subclass)."""
    try:
        return _made[entity]
    except KeyError:
        found = _made[entity] = _by_key(entity)
        return found
    except TypeError:  # An alias, or no model at all: SQLAlchemy will say so.
        return None


def _by_key(entity: type) -> ByKey | None:
    mapper: Any = inspect(entity, raiseerr=False)
    if not isinstance(mapper, Mapper) or len(mapper.primary_key) != 1 or mapper.inherits or mapper.always_refresh:
        return None
    if mapper.polymorphic_on is not None or mapper.version_id_col is not None:
        return None
    (column,) = mapper.primary_key
    return ByKey(mapper, select(mapper).where(column == bindparam("key", type_=column.type)))
