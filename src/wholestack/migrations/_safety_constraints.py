"""Rules for constraints, indexes and single statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops

from ._safety_operations import Step, table_key
from ._safety_scene import Finding, Scene, columns_of
from ._safety_tables import _long

_FOUND = {
    "cluster": "cluster",
    "detach-partition": "detach-partition",
    "disable-trigger": "disable-trigger",
    "drop-view": "drop-view",
    "enum-changed": "enum-changed",
    "lock-table": "lock-table",
    "no-lock-timeout": "no-lock-timeout",
    "no-statement-timeout": "no-statement-timeout",
    "refresh-view": "refresh-view",
    "reindex": "reindex",
    "rename-constraint": "rename-constraint",
    "rewrite-table": "rewrite-table",
    "truncate": "truncate",
    "truncate-cascade": "truncate-cascade",
    "update-all": "unbatched-update",
    "vacuum-full": "vacuum-full",
}
"""What the reader calls a statement → the finding it makes."""

UNREAD = {"unread", "create-trigger", "drop-trigger", "drop-function", "drop-type", "insert-select"}


def constraints(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a constraint that is added."""
    operation: Any = step.operation
    table = table_key(operation)
    if table in scene.created:
        if isinstance(operation, ops.CreateForeignKeyOp):
            yield from _without_index(scene, step, table, operation.local_cols)
        return
    yield from _long(scene, step, operation.constraint_name)
    if scene.online:
        yield from _locks(scene, step, operation)
    elif scene.mariadb and isinstance(operation, (ops.CreateForeignKeyOp, ops.CreateCheckConstraintOp)):
        yield scene.finding("copies-table", step)
    concerned = columns_of(operation)
    if not scene.is_new(table, concerned) and not isinstance(operation, ops.CreatePrimaryKeyOp):
        yield scene.finding("new-restriction", step)


def _locks(scene: Scene, step: Step, operation: Any) -> Iterator[Finding]:
    table = table_key(operation)
    quiet = bool(getattr(operation, "kw", {}).get("postgresql_not_valid"))
    if isinstance(operation, ops.CreatePrimaryKeyOp):
        yield scene.finding("primary-key", step)
    elif isinstance(operation, ops.CreateUniqueConstraintOp):
        yield scene.finding("unique-constraint", step)
    elif isinstance(operation, ops.CreateCheckConstraintOp) and not quiet:
        yield scene.finding("check-validates", step)
    elif isinstance(operation, ops.CreateForeignKeyOp):
        if not quiet:
            yield scene.finding("foreign-key-validates", step)
        # `db make` builds the index in the next file, concurrently.
        if not quiet and scene.is_new(table, operation.local_cols):
            yield from _without_index(scene, step, table, operation.local_cols)
    elif operation.constraint_type == "exclude" or type(operation).__name__ == "CreateExcludeConstraintOp":
        yield scene.finding("exclusion-constraint", step)


def _without_index(scene: Scene, step: Step, table: str, columns: list[str]) -> Iterator[Finding]:
    # MariaDB makes the index by itself.
    if not scene.mariadb and not scene.has_index(table, columns):
        yield scene.finding("foreign-key-without-index", step)


def dropped_constraints(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a constraint that is dropped."""
    operation: Any = step.operation
    if table_key(operation) in scene.created:
        return
    if operation.constraint_type == "primary":
        yield scene.finding("primary-key", step)
    elif operation.constraint_type == "unique":
        yield scene.finding("drop-unique", step)


def indexes(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about an index that is made or dropped."""
    operation: Any = step.operation
    table = table_key(operation)
    makes = isinstance(operation, ops.CreateIndexOp)
    if makes:
        yield from _long(scene, step, operation.index_name)
        if not operation.unique and len(operation.columns) > 3:
            yield scene.finding("wide-index", step)
        names = [str(getattr(each, "name", each)) for each in operation.columns]
        if operation.unique and not scene.is_new(table, names):
            yield scene.finding("new-restriction", step)
    if scene.online and table not in scene.created:
        stays = isinstance(operation, ops.DropIndexOp) and step.outside
        if not operation.kw.get("postgresql_concurrently") and not stays:
            yield scene.finding("index-not-concurrent" if makes else "drop-index-not-concurrent", step)
        elif not step.outside:
            yield scene.finding("concurrently-in-transaction", step)


def special(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a statement that no operation stands for."""
    operation: Any = step.operation
    kind = operation.kind
    new = table_key(operation) in scene.created
    if kind in _FOUND and not new:
        yield scene.finding(_FOUND[kind], step)
    elif kind == "known-outside" and not step.outside and scene.online:
        yield scene.finding("concurrently-in-transaction", step)
    elif kind == "exclude" and not new:
        yield scene.finding("exclusion-constraint", step)
    elif kind == "using-index" and "PRIMARY KEY" in operation.text.upper():
        yield scene.finding("primary-key", step)
    elif kind in UNREAD:
        yield scene.finding("raw-sql", step)


def opaque(scene: Scene, step: Step) -> Iterator[Finding]:
    """What cannot be known without running it."""
    yield scene.finding("opaque", step)
