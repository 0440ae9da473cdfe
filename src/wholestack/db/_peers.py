"""A lazy load on one row of a list loads for all its peers: one statement, where a loop would send one for each row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.engine import Result
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import (
    InstanceState,
    LoaderCriteriaOption,
    MapperProperty,
    ORMExecuteState,
    RelationshipDirection,
    RelationshipProperty,
    Session,
    load_only,
    selectinload,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import UnmappedColumnError
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression

_BATCH = 500
"""Keys in one statement; each database takes so many parameters."""


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
    for batch in _batches(peers):
        if not _by_columns(session, prop, batch):
            _by_selecting(session, prop, batch)
    if prop.key not in state.dict:
        return None
    value = state.dict[prop.key]
    rows = list(value) if prop.uselist else [value] if value is not None else []
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


def _by_columns(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> bool:
    """Load by the one column that the relation is made of, in one statement; False where it is made of more."""
    join = prop.primaryjoin
    plain = isinstance(join, BinaryExpression) and join.operator is operators.eq and prop.secondary is None
    if not plain or len(prop.local_remote_pairs) != 1 or prop.mapper.inherits or prop.mapper.with_polymorphic_mappers:
        return False
    local, remote = prop.local_remote_pairs[0]
    try:
        own = prop.parent.get_property_by_column(local).key
        theirs = prop.mapper.get_property_by_column(remote).key
    except UnmappedColumnError:
        return False
    if any(own not in each.dict for each in peers):
        return False
    wanted = {each.dict[own] for each in peers} - {None}
    statement = select(prop.mapper.entity).where(remote.in_(wanted)).options(*_criteria(peers))
    if prop.order_by:
        statement = statement.order_by(*prop.order_by)
    found: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in session.scalars(statement) if wanted else ():
        found[getattr(row, theirs)].append(row)
    many = prop.direction is not RelationshipDirection.MANYTOONE and prop.uselist
    for each in peers:
        rows = found.get(each.dict[own], [])
        set_committed_value(each.obj(), prop.key, rows if many else rows[0] if rows else None)
    return True


def _by_selecting(session: Session, prop: RelationshipProperty[Any], peers: list[InstanceState[Any]]) -> None:
    """Load any other relation as `selectinload` does."""
    mapper = prop.parent
    keys: Sequence[ColumnElement[Any]] = mapper.primary_key
    identities = [each.key[1] for each in peers if each.key is not None]
    within = keys[0].in_([one for (one,) in identities]) if len(keys) == 1 else tuple_(*keys).in_(identities)
    attributes = [getattr(mapper.entity, mapper.get_property_by_column(column).key) for column in keys]
    options = (load_only(*attributes), selectinload(getattr(mapper.entity, prop.key)))
    session.scalars(select(mapper.entity).where(within).options(*options, *_criteria(peers))).all()
