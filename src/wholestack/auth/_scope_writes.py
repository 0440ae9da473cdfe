"""What a session of one tenant writes: its own rows, and nothing that points to others'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, ClauseElement, inspect, select
from sqlalchemy.orm import Mapper, ORMExecuteState, Session

from ._errors import ForeignRow, UnscopedStatement
from ._scope_wall import LOOKED_AT, tables

if TYPE_CHECKING:
    from ._scopes import Scope

Wanted = dict[Any, set[Any]]
"""Values that must be there as ours, by the attribute that has them."""


def attached(session: Session, row: Any) -> None:
    """A row that a session has not loaded is taken in if it is the tenant's, as the database has it.

    Raises:
        ForeignRow: it is not, or is not there.
    """
    state: Any = inspect(row)
    mapper = state.mapper
    keys = [getattr(mapper.class_, mapper.get_property_by_column(column).key) for column in mapper.primary_key]
    same = [attribute == value for attribute, value in zip(keys, state.key[1], strict=True)]
    with session.no_autoflush:
        if session.execute(select(*keys).where(*same)).first() is None:
            raise ForeignRow(type(row).__name__)


def flushed(session: Session, scope: Scope) -> None:
    """Look at what is about to be flushed; new rows without a tenant get ours.

    Raises:
        ForeignRow: a row is another tenant's, or refers to one.
    """
    from ._scopes import OfTenant

    wanted: Wanted = defaultdict(set)
    new = list(session.new)
    for row in new:
        if isinstance(row, OfTenant) and row.tenant_key is None:
            setattr(row, row.__tenant__, scope.key)
    changed = [row for row in session.dirty if session.is_modified(row)]
    for row in (*new, *changed, *session.deleted):
        if isinstance(row, OfTenant) and not _is_ours(row, scope.key):
            raise ForeignRow(type(row).__name__)
    for row in (*new, *changed):
        state: Any = inspect(row)
        for name, target in references(state.mapper):
            added = state.attrs[name].history.added
            wanted[target].update(each for each in added or () if each is not None)
    for row in new:
        state = inspect(row)
        for target in wanted:
            if state.mapper.isa(target.parent):
                wanted[target].discard(getattr(row, target.key))
    with session.no_autoflush:
        _all_ours(session, wanted)


def _is_ours(row: Any, key: Any) -> bool:
    history = inspect(row).attrs[row.__tenant__].history
    return row.tenant_key == key and all(each == key for each in history.deleted or ())


def references(mapper: Mapper[Any]) -> Iterator[tuple[str, Any]]:
    """The attributes of a model that refer to rows of tenants, each with the attribute over there."""
    scoped = tables()
    for attribute in mapper.column_attrs:
        for column in attribute.columns:
            for key in getattr(column, "foreign_keys", ()):
                if key.column.table in scoped:
                    yield attribute.key, _attribute(key.column)


def _attribute(column: Any) -> Any:
    from ._scope_wall import models

    for model in models():
        mapper: Any = inspect(model)
        if column.table in mapper.tables and column in mapper.columns.values():
            return getattr(model, mapper.get_property_by_column(column).key)
    raise LookupError(column)  # A table of `tables` has a model.


def _all_ours(session: Session, wanted: Wanted) -> None:
    for target, values in wanted.items():
        if values:
            there = set(session.scalars(select(target).where(target.in_(values))))
            if not values <= there:
                raise ForeignRow(target.class_.__name__)


# -- in bulk ---------------------------------------------------------------------------------------------------------


def bulk(state: ORMExecuteState, scope: Scope) -> Any:
    """Look at an `INSERT` or `UPDATE` of a model; an insert gets the tenant, an update the condition.

    Raises:
        ForeignRow: it writes for another tenant, or refers to a row of one.
        UnscopedStatement: what it writes cannot be known before.
    """
    statement: Any = state.statement
    mapper = state.bind_mapper
    if not state.is_orm_statement or mapper is None:
        return None  # The wall looks at it.
    given: Any = state.parameters or []
    rows: list[Mapping[str, Any]] = [given] if isinstance(given, Mapping) else list(given)
    values = {_name_of(mapper, column): value for column, value in (statement._values or {}).items()}
    values |= {_name_of(mapper, column): value for column, value in getattr(statement, "_ordered_values", None) or ()}
    name = getattr(mapper.class_, "__tenant__", None) if mapper.local_table in tables() else None
    _written(mapper, name, scope.key, [_plain(mapper, name, values), *rows], state.session)
    if state.is_update or name is None:
        state.statement = statement if state.is_insert else statement.options(scope.criteria)
        return None
    _can_be_known(statement, mapper, name)
    if rows:
        more: Any = {name: scope.key} if isinstance(given, Mapping) else [{name: scope.key}] * len(rows)
    else:
        statement, more = statement.values({name: scope.key}), None
    return state.invoke_statement(statement, params=more, execution_options={LOOKED_AT: True})


def _name_of(mapper: Mapper[Any], column: Any) -> str:
    """The attribute of a column, which a statement may have by its name."""
    if isinstance(column, str):
        return column
    plain = mapper.local_table.c.get(getattr(column, "name", ""))
    return str(mapper.get_property_by_column(plain).key) if plain is not None else str(column.key)


def _plain(mapper: Mapper[Any], name: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a statement; an expression must not say whose a row is, or what it refers to."""
    named = {attribute for attribute, _ in references(mapper)} | {name}
    found = {}
    for key, value in values.items():
        if isinstance(value, BindParameter):
            found[key] = value.value
        elif key in named and isinstance(value, ClauseElement):
            raise UnscopedStatement(f"{mapper.class_.__name__}.{key} is given by an expression.")
        else:
            found[key] = value
    return found


def _written(
    mapper: Mapper[Any], name: str | None, key: Any, rows: Iterable[Mapping[str, Any]], session: Session
) -> None:
    wanted: Wanted = defaultdict(set)
    refers = list(references(mapper))
    for row in rows:
        if name is not None and row.get(name, key) != key:
            raise ForeignRow(mapper.class_.__name__)
        for attribute, target in refers:
            if row.get(attribute) is not None:
                wanted[target].add(row[attribute])
    _all_ours(session, wanted)


def _can_be_known(statement: Any, mapper: Mapper[Any], name: str) -> None:
    """An insert says its rows, and what it does where one is there already is within the tenant."""
    if statement._multi_values or statement.select is not None:
        raise UnscopedStatement("An INSERT says its rows apart from it: db.execute(insert(Model), rows).")
    clause = getattr(statement, "_post_values_clause", None)
    if clause is None or type(clause).__name__ == "OnConflictDoNothing":
        return
    column = mapper.columns[name].name
    meets = [getattr(each, "name", each) for each in getattr(clause, "inferred_target_elements", None) or ()]
    changed = {getattr(each, "name", each) for each in dict(getattr(clause, "update_values_to_set", ()))}
    if column not in meets or column in changed:
        raise UnscopedStatement(f"What is there already is known by more than its tenant: name {name!r} in `on=`.")
