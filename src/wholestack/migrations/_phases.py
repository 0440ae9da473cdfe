"""Phases of a deploy: the files that a change takes, and which of them run before and after the code changes over."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from alembic.operations import ops

from ._errors import MigrationError, SeveralRenames
from ._safety import examine, phase_of
from ._safety_moves import Move, gathered
from ._safety_operations import Opaque, steps, table_key
from ._safety_record import reasons, recorded
from ._safety_rewrite import moves
from ._safety_scene import Finding, Phase, Scene
from ._safety_whole import changes_schema, is_heavy


@dataclasses.dataclass(frozen=True)
class Part:
    """What one migration file holds.

    Attributes:
        phase: what the file says of itself: ``phase = "expand"``.
        upgrade: its operations.
        downgrade: what takes them back.
    """

    phase: Phase
    upgrade: ops.UpgradeOps
    downgrade: ops.DowngradeOps


def split(operations: ops.OpContainer, dialect: str) -> list[Part]:
    """A change in its safe form, as the files that it takes, in order.

    Arguments:
        operations: Alembic's operations, such as autogenerate finds.
        dialect: the kind of database whose types and defaults they speak of.

    Each file is of one phase, locks one live table at most, and can be run again when it was stopped at any place:
    what runs outside of its transaction comes first and can be repeated, and the transaction ends with the record
    that the file was run.

    Raises:
        SeveralRenames: one table gets several new names; a view keeps one old name only.

    Example:
        >>> from alembic.operations import ops
        >>> from sqlalchemy import Column, Text
        >>> change = ops.UpgradeOps([
        ...     ops.AddColumnOp("note", Column("body", Text)), ops.DropColumnOp("note", "text")])
        >>> [part.phase for part in split(change, "sqlite")]
        ['expand', 'contract']
    """
    _one_rename_each(operations, dialect)
    return [_part(group) for group in _groups(moves(operations, dialect))]


def _one_rename_each(operations: ops.OpContainer, dialect: str) -> None:
    names: dict[str, list[str]] = {}
    for step in steps(operations, dialect):
        each = step.operation
        if isinstance(each, ops.RenameTableOp):
            new = table_key(ops.DropTableOp(each.new_table_name, schema=each.schema))
            names.setdefault(new, []).append(f"{table_key(each)} to {new}")
        elif isinstance(each, ops.AlterColumnOp) and each.modify_name:
            table = table_key(each)
            names.setdefault(table, []).append(f"{table}.{each.column_name} to {table}.{each.modify_name}")
    for table, found in names.items():
        if len(found) > 1:
            raise SeveralRenames(table, found)


def _part(group: list[Move]) -> Part:
    upgrade = ops.UpgradeOps(list(gathered(group)))
    undo = [each for move in reversed(group) for each in _reversed(move)]
    return Part(group[0].stage.phase, upgrade, ops.DowngradeOps(list(gathered(undo))))


def _reversed(move: Move) -> Iterator[Move]:
    try:
        yield Move(move.stage, move.operation.reverse(), move.batch)
    except (NotImplementedError, ValueError):
        # What it was before is not known (raw SQL, a drop by name alone): the file says that nothing takes it back.
        return


def _groups(found: list[Move]) -> Iterator[list[Move]]:
    group: list[Move] = []
    locked: set[str] = set()
    created: set[str] = set()
    for move in found:
        mine = list(steps(ops.OpContainer([move.operation]), "postgresql"))
        created |= {table_key(step.operation) for step in mine if isinstance(step.operation, ops.CreateTableOp)}
        locks = {table_key(step.operation) for step in mine if not step.outside and is_heavy(step)} - created
        renames = {step.operation.new_table_name for step in mine if isinstance(step.operation, ops.RenameTableOp)}
        locks -= renames
        transacted = any(not other.outside for other in group)
        ends = bool(group) and (
            move.stage.phase != group[-1].stage.phase
            or (move.outside and transacted)
            or (bool(locks) and bool(locked) and not locks <= locked)
        )
        if ends:
            yield group
            group, locked = [], set()
        group.append(move)
        locked |= locks | renames if locks else set()
    if group:
        yield group


def phase_of_file(module: Any, dialect: str) -> Phase:
    """The phase that a migration's file says of itself (``phase = "expand"``), or that its operations tell.

    Raises:
        ValueError: it says something else.
    """
    said = getattr(module, "phase", None)
    if said is None:
        return phase_of(recorded(module.upgrade, dialect))
    if said not in {"expand", "data", "contract"}:
        raise ValueError(f'phase = {said!r} is none: write "expand", "data" or "contract"')
    found: Phase = said
    return found


def due(pending: Sequence[tuple[str, Phase]], phase: str | None) -> list[str]:
    """Which of the pending migrations run now.

    Arguments:
        pending: the names of all that are pending with their phases, in order.
        phase: ``expand``: all up to the first of the contract phase, those with data included; ``contract``: those of
            the contract phase up to the next of another; None: all.

    Raises:
        MigrationError: one of another phase comes before those that are asked for.

    Example:
        >>> due([("a", "expand"), ("b", "data"), ("c", "contract"), ("d", "expand")], "expand")
        ['a', 'b']
    """
    if phase is None:
        return [name for name, _ in pending]
    fits = [(each == "contract") == (phase == "contract") for _, each in pending]
    if any(fits) and not fits[0]:
        first = "expand" if phase == "contract" else "contract"
        when = ", when no process of the release before runs any more" if first == "contract" else ""
        raise MigrationError(
            f"What comes next is of the phase {pending[0][1]} (see wholestack db status), before what is of the phase "
            f"{phase}. Run first{when}: wholestack db migrate --phase {first}"
        )
    return [
        name for (name, _), fit in itertools.takewhile(lambda each: each[1], zip(pending, fits, strict=True)) if fit
    ]


def examined(module: Any, dialect: str) -> list[Finding]:
    """What a migration's file should not do, without what it acknowledges.

    Arguments:
        module: the file as a module: ``upgrade``, ``downgrade``, and, where it has them, ``phase`` and
            ``acknowledged = {"drop-column": "why it is safe"}``. A reason that is empty does not count.
        dialect: the kind of database.
    """
    upgrade = recorded(module.upgrade, dialect)
    # A file that does not say its phase may be applied at any time: then its operations are judged for all of them.
    phase = phase_of_file(module, dialect) if hasattr(module, "phase") else None
    found = examine(upgrade, dialect=dialect, phase=phase)
    scene = Scene(list(steps(upgrade, dialect)), dialect)
    changing = next((step for step in scene.steps if changes_schema(step)), None)
    if changing is not None and not _takes_back(module, dialect):
        found.append(scene.finding("irreversible", changing, operation="downgrade"))
    said = reasons(module)
    return [finding for finding in found if finding.code not in said]


def _takes_back(module: Any, dialect: str) -> bool:
    downgrade = getattr(module, "downgrade", None)
    if downgrade is None:
        return False
    done = list(steps(recorded(downgrade, dialect), dialect))
    return bool(done) and not any(isinstance(step.operation, Opaque) for step in done)
