"""What a migration does to a live database and to code that still runs: each operation classed and examined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from alembic.operations import ops

from ._safety_constraints import constraints, dropped_constraints, indexes, opaque, special
from ._safety_operations import Opaque, Operation, Special, Step, steps
from ._safety_scene import Finding, Phase, Scene, phase_in
from ._safety_tables import alterations, columns, tables
from ._safety_whole import whole

_RULES: list[tuple[type | tuple[type, ...], Callable[[Scene, Step], Iterator[Finding]]]] = [
    ((ops.CreateTableOp, ops.DropTableOp, ops.RenameTableOp), tables),
    ((ops.AddColumnOp, ops.DropColumnOp), columns),
    (ops.AlterColumnOp, alterations),
    (ops.AddConstraintOp, constraints),
    (ops.DropConstraintOp, dropped_constraints),
    ((ops.CreateIndexOp, ops.DropIndexOp), indexes),
    (Special, special),
    (Opaque, opaque),
]


def examine(operations: ops.OpContainer, *, dialect: str, phase: Phase | None = None) -> list[Finding]:
    """What a migration should not do to a live database, or to code that still runs.

    Arguments:
        operations: Alembic's operations, such as `recorded` takes from a migration's file.
        dialect: the kind of database, by SQLAlchemy's name.
        phase: the phase that the file says it belongs to. In the contract phase no code of the release before runs,
            so what only that code minds is a warning there.

    Operations on a table that the migration itself creates are exempt: nobody uses it yet.

    Example:
        >>> from alembic.operations import ops
        >>> from sqlalchemy import Column, Text
        >>> added = ops.UpgradeOps([ops.AddColumnOp("note", Column("title", Text, nullable=False))])
        >>> [finding.code for finding in examine(added, dialect="postgresql")]
        ['add-not-null']
    """
    scene = Scene(list(steps(operations, dialect)), dialect, phase)
    found = [
        finding
        for step in scene.steps
        for kinds, rule in _RULES
        if isinstance(step.operation, kinds)
        for finding in rule(scene, step)
    ]
    return found + list(whole(scene))


def phase_of(operation: Operation, *, dialect: str = "postgresql") -> Phase:
    """Where an operation belongs: before the new code runs, between, or when the old code runs no more.

    ``expand`` adds what old code does not mind; ``data`` writes rows; ``contract`` takes away or forbids what old code
    may still do. A container (`UpgradeOps`) has the last phase of what it contains, and knows what it adds itself: a
    constraint on a column that comes with it is ``expand``.

    Example:
        >>> from alembic.operations import ops
        >>> phase_of(ops.DropColumnOp("note", "title"))
        'contract'
    """
    container: Any = operation if isinstance(operation, ops.OpContainer) else ops.OpContainer([operation])
    scene = Scene(list(steps(container, dialect)), dialect)
    phases = {phase_in(scene, step.operation) for step in scene.steps}
    return "contract" if "contract" in phases else "data" if "data" in phases else "expand"
