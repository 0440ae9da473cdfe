"""Rules for a migration as a whole: what its operations do to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops

from ._safety_operations import Backfill, Mirror, Special, Step, table_key
from ._safety_scene import Finding, Scene, described

_HEAVY = (
    ops.AddColumnOp,
    ops.DropColumnOp,
    ops.AlterColumnOp,
    ops.RenameTableOp,
    ops.AddConstraintOp,
    ops.DropConstraintOp,
    ops.CreateIndexOp,
    ops.DropIndexOp,
    Mirror,
)
_HEAVY_STATEMENTS = {"using-index", "create-trigger", "drop-trigger", "exclude", "disable-trigger", "rewrite-table"}
_WRITES = {"update", "update-all", "insert", "insert-select"}


def is_heavy(step: Step) -> bool:
    """Whether it locks its table against writes at least, until the transaction ends."""
    operation: Any = step.operation
    if isinstance(operation, Special):
        return operation.kind in _HEAVY_STATEMENTS
    if isinstance(operation, ops.AlterColumnOp):
        only_comment = operation.modify_comment is not False and not operation.has_changes()
        return not only_comment
    return isinstance(operation, _HEAVY)


def changes_schema(step: Step) -> bool:
    """Whether it leaves the schema another one, which a downgrade should take back."""
    operation: Any = step.operation
    if isinstance(operation, Special):
        return operation.kind in _HEAVY_STATEMENTS | {"create-view", "drop-view"}
    return is_heavy(step) or isinstance(operation, (ops.CreateTableOp, ops.DropTableOp))


def whole(scene: Scene) -> Iterator[Finding]:
    """What there is to say about all of it."""
    if scene.online:
        yield from _several_tables(scene)
        yield from _data_with_ddl(scene)
        yield from _validated_at_once(scene)
        yield from _used_at_once(scene)
        yield from _not_repeatable(scene)
    if scene.dialect == "sqlite":
        yield from _rebuilt(scene)


def _locking(scene: Scene) -> Iterator[Step]:
    for step in scene.steps:
        if not step.outside and is_heavy(step) and table_key(step.operation) not in scene.created:
            yield step


def _several_tables(scene: Scene) -> Iterator[Finding]:
    names: list[str] = []
    for step in _locking(scene):
        table = table_key(step.operation)
        # A table that is renamed here is the same one under its new name.
        renamed = [
            each.operation.new_table_name
            for each in scene.steps
            if isinstance(each.operation, ops.RenameTableOp) and each.operation.table_name in names
        ]
        if table and table not in names and table not in renamed:
            names.append(table)
            if len(names) == 2:
                yield scene.finding("several-tables-locked", step, operation=f"{described(step)}, after {names[0]}")


def _data_with_ddl(scene: Scene) -> Iterator[Finding]:
    if not any(_locking(scene)):
        return
    for step in scene.steps:
        operation = step.operation
        writes = isinstance(operation, ops.BulkInsertOp) or (
            isinstance(operation, Special) and operation.kind in _WRITES
        )
        if writes and not step.outside:
            yield scene.finding("data-with-ddl", step)
            return


def _validated_at_once(scene: Scene) -> Iterator[Finding]:
    added: set[str] = set()
    for step in scene.steps:
        operation: Any = step.operation
        if isinstance(operation, ops.AddConstraintOp) and not step.outside:
            added.add(str(getattr(operation, "constraint_name", "")))
        if isinstance(operation, Special) and operation.kind == "validate" and not step.outside:
            if operation.name in added and operation.table_name not in scene.created:
                yield scene.finding("validates-at-once", step)


def _used_at_once(scene: Scene) -> Iterator[Finding]:
    """A value that was added to an enum, used before its transaction is over."""
    values: list[str] = []
    for step in scene.steps:
        operation: Any = step.operation
        if isinstance(operation, Special) and operation.kind == "enum-added" and not step.outside:
            values.append(f"'{operation.table_name}'")
        elif values and not step.outside:
            default = getattr(operation, "modify_server_default", None) or getattr(operation, "column", None)
            default = getattr(default, "server_default", default)
            argument = getattr(default, "arg", default)
            words = f"{step.raw} {argument!s} '{argument!s}'"
            if any(value in words for value in values):
                yield scene.finding("enum-used", step)


def _not_repeatable(scene: Scene) -> Iterator[Finding]:
    """Steps outside of the transaction that would fail when they are run a second time."""
    dropped: set[str] = set()
    for step in scene.steps:
        operation: Any = step.operation
        if not step.outside:
            continue
        again = getattr(operation, "if_exists", None) or getattr(operation, "if_not_exists", None)
        if isinstance(operation, ops.DropIndexOp) and again:
            dropped.add(str(operation.index_name))
        done = isinstance(operation, ops.CreateIndexOp) and str(operation.index_name) in dropped
        idempotent = isinstance(operation, (Backfill, Special)) and getattr(operation, "kind", "") not in {
            "insert", "insert-select", "using-index", "create-trigger", "create-view"
        }  # fmt: skip
        if not (again or done or idempotent):
            yield scene.finding("not-repeatable", step)


def _rebuilt(scene: Scene) -> Iterator[Finding]:
    told: set[str] = set()
    for step in scene.steps:
        easy = isinstance(step.operation, (ops.AddColumnOp, ops.CreateIndexOp, ops.DropIndexOp))
        if step.batch and not easy and step.batch not in scene.created | told:
            told.add(step.batch)
            yield scene.finding("batch-rebuild", step, operation=f"{described(step)}: the table {step.batch}")
