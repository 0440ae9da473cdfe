"""A lazy load on one row of a list loads for all its peers: one statement, where a loop would send one for each row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import CHAR, Column, ColumnElement, Dialect, Enum, String, select, tuple_
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.engine import Result
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import (
    InstanceState,
    LoaderCriteriaOption,
    Mapper,
    MapperProperty,
    ORMExecuteState,
    RelationshipProperty,
    Session,
    aliased,
    load_only,
    selectinload,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.collections import collection_adapter
from sqlalchemy.orm.exc import UnmappedColumnError
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.types import TypeDecorator, TypeEngine

_BATCH = 500
"""Keys in one statement; each database takes so many parameters."""

_Load = Callable[[Session, RelationshipProperty[Any], list[InstanceState[Any]]], None]


def load_for_peers(execution: ORMExecuteState) -> Result[Any] | None:
    """Answer a lazy load of one row by loading the attribute for each row of its class that has it not yet."""
    state = execution.lazy_loaded_from
    if state is None or not execution.is_relationship_load or state.key is None:
        return None
    path: Any = execution.loader_strategy_path
    prop: MapperProperty[Any] = path.path[-1]
    if not isinstance(prop, RelationshipProperty) or execution.user_defined_options:
        return None
    if not all(isinstance(each, LoaderCriteriaOption) for each in state.load_options):
        return None
    session = execution.session
    peers = [each for each in session.identity_map.all_states() if _is_peer(each, state, prop.key)]
    if len(peers) < 2:
        return None
    load = _way(session, prop, peers)
    if load is not _by_columns:
        peers = [each for each in peers if not _is_changed(each, prop)]
    for batch in _batches(peers):
        load(session, prop, batch)
    if prop.key not in state.dict:
        return None
    value = state.dict[prop.key]
    rows = list(collection_adapter(value)) if prop.uselist else [value] if value is not None else []
    return IteratorResult(SimpleResultMetaData([prop.key]), iter([(row,) for row in rows]))


def _is_peer(each: InstanceState[Any], state: InstanceState[Any], key: str) -> bool:
    return (
        each.mapper is state.mapper
        and key not in each.dict
        and _same(each.load_options, state.load_options)
        and not each.expired
        and each.obj() is not None
    )


def _same(options: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether two rows were loaded with the same criteria (`with_loader_criteria`), each the same object."""
    return {*map(id, options)} == {*map(id, others)}


def _batches(peers: Sequence[InstanceState[Any]]) -> Iterator[list[InstanceState[Any]]]:
    for start in range(0, len(peers), _BATCH):
        yield list(peers[start : start + _BATCH])


def _criteria(peers: list[InstanceState[Any]]) -> list[Any]:
    """The criteria that all these rows were loaded with: they go on to what is loaded from them."""
    return list({id(each): each for each in peers[0].load_options}.values())


def _way(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> _Load:
    """How a relation is loaded so that each row has what a load of its own would give it."""
    dialect = session.get_bind(prop.mapper).dialect
    alike = all(_is_equal_in_python(one.type, other.type, dialect) for one, other in prop.local_remote_pairs)
    if prop.secondary is not None:
        return _by_selecting
    if not alike:
        return _by_joining
    return _by_columns if _is_told_by_columns(prop, peers) else _by_selecting


def _is_told_by_columns(prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> bool:
    """Whether the values of two columns tell by themselves which rows belong together."""
    join = prop.primaryjoin
    plain = isinstance(join, BinaryExpression) and join.operator is operators.eq and prop.entity is prop.mapper
    if not plain or len(prop.local_remote_pairs) != 1 or prop.mapper.inherits or prop.mapper.with_polymorphic_mappers:
        return False
    if not (isinstance(join.left, Column) and isinstance(join.right, Column)):
        return False  # A function of a column, or a cast.
    local, remote = prop.local_remote_pairs[0]
    try:
        own = prop.parent.get_property_by_column(local).key
        prop.mapper.get_property_by_column(remote)
    except UnmappedColumnError:
        return False
    return all(own in each.dict for each in peers)


def _is_equal_in_python(one: TypeEngine[Any], other: TypeEngine[Any], dialect: Dialect) -> bool:
    """Whether values of two columns are equal in Python where they are for the database.

    Texts may be equal to a database that are not to Python: in MariaDB mostly, elsewhere with a collation or a type of
    their own.
    """
    if isinstance(one, TypeDecorator) or isinstance(other, TypeDecorator):
        return type(one) is type(other) and one._type_affinity is not String
    if one._type_affinity is not other._type_affinity or isinstance(one, Enum) != isinstance(other, Enum):
        return False
    if one._type_affinity is not String:
        return True
    kinds: list[Any] = [each.dialect_impl(dialect) for each in (one, other)]
    plain = all(each.collation is None and not isinstance(each, (CHAR, CITEXT)) for each in kinds)
    return plain and dialect.name not in {"mysql", "mariadb"}


def _is_changed(each: InstanceState[Any], prop: RelationshipProperty[Any]) -> bool:
    """Whether a row is to be loaded by what it has now, and the database has not yet."""
    return any(prop.parent.get_property_by_column(one).key in each.committed_state for one in prop.local_columns)


def _by_columns(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> None:
    """Load by the one column that the relation is made of, in one statement."""
    local, remote = prop.local_remote_pairs[0]
    own = prop.parent.get_property_by_column(local).key
    theirs = prop.mapper.get_property_by_column(remote).key
    wanted = {each.dict[own] for each in peers} - {None}
    statement = select(prop.mapper.entity).where(remote.in_(wanted)).options(*_criteria(peers))
    if prop.order_by:
        statement = statement.order_by(*prop.order_by)
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in session.scalars(statement).unique() if wanted else ():
        found[getattr(row, theirs)].append(row)
    for each in peers:
        _set(each, prop, found.get(each.dict[own], []))


def _by_selecting(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> None:
    """Load any other relation as `selectinload` does."""
    entity: Any = prop.parent.entity
    keys, within = _keys(entity, prop.parent, peers)
    options = (load_only(*keys), selectinload(getattr(entity, prop.key)))
    session.scalars(select(entity).where(within).options(*options, *_criteria(peers))).all()


def _by_joining(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> None:
    """Load with a join, where only the database can say which rows belong together."""
    mine: Any = aliased(prop.parent.entity, flat=True)
    keys, within = _keys(mine, prop.parent, peers)
    entity: Any = prop.entity.entity
    statement: Any = select(entity, *keys).select_from(mine).join(getattr(mine, prop.key).of_type(entity)).where(within)
    if prop.order_by:
        statement = statement.order_by(*prop.order_by)
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row, *identity in session.execute(statement.options(*_criteria(peers))).unique():
        found[tuple(identity)].append(row)
    for each in peers:
        _set(each, prop, found.get(each.key and each.key[1], []))


def _keys(entity: Any, mapper: Mapper[Any], peers: list[InstanceState[Any]]) -> tuple[list[Any], ColumnElement[bool]]:
    """The key of a class or its alias, and the condition that a row is one of these."""
    keys: list[Any] = [getattr(entity, mapper.get_property_by_column(column).key) for column in mapper.primary_key]
    identities = [each.key[1] for each in peers if each.key is not None]
    if len(keys) == 1:
        return keys, keys[0].in_([one for (one,) in identities])
    return keys, tuple_(*keys).in_(identities)


def _set(each: InstanceState[Any], prop: RelationshipProperty[Any], rows: list[Any]) -> None:
    """Give a row what was loaded for it."""
    set_committed_value(each.obj(), prop.key, rows if prop.uselist else rows[0] if rows else None)
