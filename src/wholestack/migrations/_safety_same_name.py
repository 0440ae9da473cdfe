"""An index or a unique constraint that changes under its own name: the new one is built under another name meanwhile.

What goes and what comes belong together: each by itself they would take the name from one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from ._safety_moves import Move, Stage, concurrently, dropped, in_batch, named
from ._safety_operations import On, Operation, Outside, Statement, table_key

Stood = tuple[Operation, ops.ModifyTableOps | None]


def same_name(found: Iterable[Stood]) -> dict[int, Stood]:
    """What comes under the name of what goes, by the `id` of the operation that takes that away."""
    all_of_them = list(found)
    coming = {
        (table_key(each), str(name)): (each, batch)
        for each, batch in all_of_them
        if isinstance(each, ops.CreateIndexOp | ops.CreateUniqueConstraintOp) and (name := _name(each)) is not None
    }
    going = [each for each, _ in all_of_them if isinstance(each, ops.DropIndexOp) or _is_unique(each)]
    return {id(each): made for each in going if (made := coming.get((table_key(each), str(_name(each)))))}


def renamed_uniques(found: Iterable[Stood]) -> dict[int, Stood]:
    """The unique constraint that comes in the place of one of the same columns and another name, by the `id` of the
    operation that takes that away.
    """
    all_of_them = list(found)
    coming = {
        (table_key(each), *map(str, each.columns)): (each, batch)
        for each, batch in all_of_them
        if isinstance(each, ops.CreateUniqueConstraintOp)
    }
    going = [(each, getattr(each, "_reverse", None)) for each, _ in all_of_them if _is_unique(each)]
    pairs = {
        id(each): coming.get((table_key(each), *map(str, made.columns)))
        for each, made in going
        if isinstance(made, ops.CreateUniqueConstraintOp)
    }
    return {key: made for key, made in pairs.items() if made is not None}


def _name(operation: Any) -> str | None:
    name = operation.index_name if hasattr(operation, "index_name") else operation.constraint_name
    return None if name is None else str(name)


def _is_unique(operation: Operation) -> bool:
    return isinstance(operation, ops.DropConstraintOp) and operation.constraint_type == "unique"


def exchanged(gone: Stood, made: Stood) -> Iterator[Move]:
    """The moves: the new index is built, then the old one goes, then the new one gets its name.

    Other databases take the old one away and make the new one: both in one stage, in this order.
    """
    new: Any = made[0]
    old, schema, name = gone[0], new.schema, str(_name(new))
    aside = conv(f"{name[:54]}_changing")
    yield Move(Stage.CHECKED, On("postgresql", [_built(new, aside)]))
    if isinstance(old, ops.DropIndexOp):
        undo = concurrently(old._reverse).ops if old._reverse is not None else []
        yield Move(Stage.CHECKED, On("postgresql", [Outside([dropped(old)], undo)], in_batch(gone[1], old)))
        stage = Stage.CHECKED
    else:
        yield Move(Stage.RESTRICTED, old, gone[1])
        stage = Stage.RESTRICTED
    where, quoted, other = named(new.table_name, schema), named(name), named(aside)
    if isinstance(new, ops.CreateUniqueConstraintOp):
        attach = Statement(
            f"ALTER TABLE {where} ADD CONSTRAINT {quoted} UNIQUE USING INDEX {other}{deferred(new)}",
            f"ALTER TABLE {where} DROP CONSTRAINT {quoted}",
        )
        # Others make it where they took the old one away.
        yield Move(stage, On("postgresql", [], in_batch(made[1], new)))
        yield Move(Stage.RESTRICTED, On("postgresql", [attach]))
        return
    renamed = Statement(
        f"ALTER INDEX IF EXISTS {named(aside, schema)} RENAME TO {quoted}",
        f"ALTER INDEX IF EXISTS {named(name, schema)} RENAME TO {other}",
    )
    then: Operation = Outside([renamed]) if stage is Stage.CHECKED else renamed
    yield Move(stage, On("postgresql", [then], in_batch(made[1], new)))


def _built(new: Any, name: str) -> Outside:
    """The index under another name."""
    kw = new.kw if isinstance(new, ops.CreateIndexOp) else {}
    unique = True if isinstance(new, ops.CreateUniqueConstraintOp) else new.unique
    return concurrently(
        ops.CreateIndexOp(name, new.table_name, list(new.columns), schema=new.schema, unique=unique, **kw)
    )


def deferred(constraint: ops.CreateUniqueConstraintOp) -> str:
    """When a unique constraint is looked at, in SQL."""
    words = " DEFERRABLE" if constraint.kw.get("deferrable") else ""
    return words + (f" INITIALLY {constraint.kw['initially']}" if constraint.kw.get("initially") else "")
