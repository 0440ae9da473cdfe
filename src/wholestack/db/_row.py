"""A model's row made of its columns, for a query that is sent again and again.

With each result SQLAlchemy looks at all that may have a part in a row: inheritance, eager loads, options, events. For
one row that costs as much as the query. Here it is looked at once for a model; what is left to do is what
`sqlalchemy.orm.loading` does in the end: an instance, its values, its place in the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import instance_state

if TYPE_CHECKING:
    from ._session import Session

_AT_ONCE = (("deferred", False), ("instrument", True))
"""How columns load that load with their row."""
_LATER = frozenset({"select", "raise", "raise_on_sql", "dynamic", "write_only"})
"""How relationships load that do not load with their row."""


class RowMaker:
    """Makes rows of a model that has one key and stands in one table.

    Attributes:
        columns: what is to be selected, in the order in which `row` takes the values.
    """

    def __init__(self, mapper: Mapper[Any]) -> None:
        self._mapper = mapper
        self._manager: Any = mapper.class_manager
        self._names = [each.key for each in mapper.column_attrs]
        self.columns: list[Any] = [each.columns[0] for each in mapper.column_attrs]
        self._key = self._names.index(mapper.get_property_by_column(mapper.primary_key[0]).key)
        #: Whether nothing but these makes a row, as the model was written.
        self._plain = (
            mapper.polymorphic_on is None
            and not mapper.always_refresh
            and isinstance(mapper.local_table, Table)
            and all(each.strategy_key == _AT_ONCE for each in mapper.column_attrs)
            and all(each.lazy in _LATER for each in mapper.relationships)
        )

    def fits(self, db: Session) -> bool:
        """Whether nothing else has a part in a row that is loaded now: neither the model nor who listens."""
        told = db.dispatch
        return self._plain and not (self._manager.dispatch.load or told.do_orm_execute or told.loaded_as_persistent)

    def row(self, values: Sequence[Any], db: Session) -> Any:
        """The row of a session; None where its key is, as an outer join has it."""
        if values[self._key] is None:
            return None
        key = self._mapper.identity_key_from_primary_key((values[self._key],))
        found = db.identity_map.get(key)
        if found is not None:
            return found
        made = self._manager.new_instance()
        state: Any = instance_state(made)
        state.dict.update(zip(self._names, values, strict=True))
        state.key, state.session_id = key, db.hash_key
        db.identity_map.add(state)
        return made
