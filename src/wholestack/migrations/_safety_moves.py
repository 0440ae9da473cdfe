"""The moves of a change in its safe form: when each happens, and what its parts are made of."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator

from alembic.operations import ops

from ._safety_operations import Nothing, On, Operation, Outside, steps, table_key
from ._safety_scene import Phase
from ._safety_types import dialect_of


class Stage(enum.IntEnum):
    """When a move happens; those of one stage keep their order."""

    FIRST = 0
    ADDED = 1
    OUTSIDE = 2
    ATTACHED = 3
    DATA = 4
    VIEWS = 5
    VIEWS_GONE = 6
    CHECKS = 7
    CHECKED = 8
    RESTRICTED = 9
    DROPPED = 10
    RETYPED = 11  # What speaks of a column's new type.
    RETYPED_OUTSIDE = 12
    RETYPED_ATTACHED = 13
    TYPES_GONE = 14

    @property
    def phase(self) -> Phase:
        """The phase that it belongs to."""
        return "data" if self is Stage.DATA else "expand" if self < Stage.VIEWS_GONE else "contract"


@dataclasses.dataclass
class Move:
    """One operation, when it happens, and the table whose batch it belongs to."""

    stage: Stage
    operation: Operation
    batch: ops.ModifyTableOps | None = None

    @property
    def outside(self) -> bool:
        """Whether it runs outside of the transaction, on PostgreSQL."""
        return any(step.outside for step in steps(ops.OpContainer([self.operation]), "postgresql"))

    def grouped(self) -> Operation:
        """The operation as it stands in a file."""
        if self.batch is None:
            return self.operation
        return ops.ModifyTableOps(self.batch.table_name, [self.operation], schema=self.batch.schema)


def gathered(found: Iterable[Move]) -> Iterator[Operation]:
    """The operations of moves as they stand in a file; what can stand together does."""
    yield from _joined(move.grouped() for move in found)


def _joined(found: Iterable[Operation]) -> list[Operation]:
    """Neighbours of one table's batch in one, since SQLite copies the table for each; and those of one database."""
    kept: list[Operation] = []
    for each in found:
        last = kept[-1] if kept else None
        if isinstance(each, ops.ModifyTableOps) and isinstance(last, ops.ModifyTableOps):
            if table_key(each) == table_key(last):
                kept[-1] = ops.ModifyTableOps(last.table_name, [*last.ops, *each.ops], schema=last.schema)
                continue
        elif isinstance(each, On) and isinstance(last, On) and each.dialect == last.dialect:
            then, otherwise = _joined([*last.ops, *each.ops]), _joined([*last.otherwise, *each.otherwise])
            kept[-1] = On(each.dialect, then, otherwise)
            continue
        elif isinstance(each, Outside) and isinstance(last, Outside):
            kept[-1] = Outside([*last.ops, *each.ops])
            continue
        if not isinstance(each, Nothing):
            kept.append(each)
    return kept


def named(name: str, schema: str | None = None) -> str:
    """A name as PostgreSQL writes it."""
    quote = dialect_of("postgresql").identifier_preparer.quote
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


def in_batch(batch: ops.ModifyTableOps | None, operation: Operation) -> list[Operation]:
    """The operation as it was, in its batch."""
    if batch is None:
        return [operation]
    return [ops.ModifyTableOps(batch.table_name, [operation], schema=batch.schema)]


def dropped(index: ops.CreateIndexOp | ops.DropIndexOp) -> ops.DropIndexOp:
    """An index dropped while the table is used, if it is there."""
    return ops.DropIndexOp(
        index.index_name or "", index.table_name, schema=index.schema, if_exists=True, postgresql_concurrently=True
    )


def concurrently(index: ops.CreateIndexOp) -> Outside:
    """Built while the table is used. What a build that was stopped has left, an index that is not valid, goes first."""
    kw = {**index.kw, "postgresql_concurrently": True}
    made = ops.CreateIndexOp(
        index.index_name, index.table_name, index.columns, schema=index.schema, unique=index.unique, **kw
    )
    if not index.index_name:
        return Outside([made])
    return Outside([dropped(index), made], [dropped(index)])
