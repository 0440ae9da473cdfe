"""What finds a row by its key: made once for each model, where SQLAlchemy's `Session.get` makes it for each call."""

from __future__ import annotations

import dataclasses
import uuid
import weakref
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.orm import Mapper

from ._row import RowMaker

if TYPE_CHECKING:
    from ._session import Session

SIMPLE = frozenset({int, str, uuid.UUID})
"""Types of keys that are looked for as they are."""


@dataclasses.dataclass(frozen=True, slots=True)
class ByKey:
    """A model whose rows are found by one column.

    Attributes:
        mapper: the model's.
        maker: of its rows.
        of_columns: the statement for their columns; takes the key as the parameter ``key``.
        of_model: the same for SQLAlchemy to load the row, where something else has a part in that.
    """

    mapper: Mapper[Any]
    maker: RowMaker
    of_columns: Select[Any]
    of_model: Select[Any]

    def identity_key(self, ident: Any) -> Any:
        """The key under which a session holds the row."""
        return self.mapper.identity_key_from_primary_key((ident,))

    def row(self, ident: Any, db: Session) -> Any:
        """The row with a key, of a session that does not hold it and has flushed; None where there is none."""
        if not self.maker.fits(db):
            return db.execute(self.of_model, {"key": ident}).scalars().one_or_none()
        values = db.connection().execute(self.of_columns, {"key": ident}).one_or_none()
        return None if values is None else self.maker.row(values, db)


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
    maker, same = RowMaker(mapper), column == bindparam("key", type_=column.type)
    of_columns: Select[Any] = select().add_columns(*maker.columns).where(same)
    return ByKey(mapper, maker, of_columns, select(mapper).where(same))
