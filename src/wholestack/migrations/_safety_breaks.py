"""Whether the code of the release before can live with what the migrations of this one make of its database."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Enum

from ._safety_operations import Opaque, Special, Step, steps, table_key
from ._safety_previous import ColumnShape, Snapshot, TableShape
from ._safety_scene import Finding, Scene, columns_of
from ._safety_sql import RawType
from ._safety_tables import default_of
from ._safety_types import fits
from ._safety_words import words


def breaks(previous: Snapshot, *migrations: ops.OpContainer, dialect: str = "postgresql") -> list[Finding]:
    """What migrations do that the code of a release before cannot live with: while both run, or after a roll-back.

    Arguments:
        previous: what that code knows of its database.
        migrations: the operations of each migration since, in order, such as `recorded` takes from their files.
        dialect: the kind of database.

    What that code does not know, it does not miss: a column may be dropped that its models are without.

    Example:
        >>> from sqlalchemy import Column, Integer, MetaData, Table, Text
        >>> old = MetaData()
        >>> _ = Table("note", old, Column("id", Integer, primary_key=True), Column("title", Text))
        >>> gone = ops.UpgradeOps([ops.DropColumnOp("note", "title"), ops.DropColumnOp("note", "draft")])
        >>> [finding.operation for finding in breaks(Snapshot.of(old), gone)]
        ['drop column note.title']
    """
    world = _World(previous, dialect)
    return [finding for each in migrations for finding in world.after(each)]


@dataclasses.dataclass
class _Known:
    """A table, or a view of one, as the old code knows it: which of its columns are there, under which names."""

    shape: TableShape
    columns: dict[str, str]


class _World:
    """Names that the old code uses, followed through renamings, views and drops."""

    def __init__(self, previous: Snapshot, dialect: str) -> None:
        self.previous = previous
        self.dialect = dialect
        self.tables = {name: _all_of(shape) for name, shape in previous.tables.items()}
        self.lost: set[str] = set()

    def after(self, migration: ops.OpContainer) -> Iterator[Finding]:
        """What is broken when a migration is through; names that it gives back itself are not."""
        scene = Scene(list(steps(migration, self.dialect)), self.dialect)
        takers: dict[str, Step] = {}
        for step in scene.steps:
            yield from self._restrictions(scene, step)
            for name in self._apply(scene, step):
                takers[name] = step
        for name in self._missing():
            if name not in self.lost:
                self.lost.add(name)
                step = takers.get(name) or takers.get(name.rpartition(".")[0]) or scene.steps[-1]
                yield scene.finding(_code(step), step, "contract")

    def _missing(self) -> Iterator[str]:
        for name, shape in self.previous.tables.items():
            known = self.tables.get(name)
            if known is None:
                yield name
            else:
                yield from (f"{name}.{column}" for column in shape.columns if column not in known.columns.values())

    def _apply(self, scene: Scene, step: Step) -> list[str]:
        """Follow one operation; the names of the old code that it takes away."""
        operation: Any = step.operation
        table = table_key(operation)
        known = self.tables.get(table)
        if isinstance(operation, ops.RenameTableOp):
            new = table_key(ops.DropTableOp(operation.new_table_name, schema=operation.schema))
            if known is not None:
                self.tables[new] = self.tables.pop(table)
            elif new in self.previous.tables and operation.new_table_name in scene.views_gone:
                # The table comes back from behind a view that an earlier release put before it.
                self.tables[new] = _all_of(self.previous.tables[new])
            return [table]
        if isinstance(operation, Special) and operation.kind == "create-view":
            self._view(operation)
        elif isinstance(operation, ops.DropTableOp) or getattr(operation, "kind", "") == "drop-view":
            self.tables.pop(table, None)
            return [table]
        elif isinstance(operation, ops.DropColumnOp) or getattr(operation, "modify_name", None):
            name: str = getattr(operation, "column_name", "")
            return [f"{table}.{known.columns.pop(name, name)}"] if known is not None else []
        return []

    def _view(self, view: Special) -> None:
        """A view over one table, as renamings are written: its columns, and others under a second name."""
        found = [word.identifier for word in words(view.text)]
        if found.count("from") != 1:
            return
        base = found[found.index("from") + 1]
        under = self.tables.get(base)
        if under is None:
            return
        columns = dict(under.columns) if "*" in found else {}
        asked = {after: after for word, after in itertools.pairwise(found) if word in {"as", "select", ","}}
        columns |= {name: name for name in asked if name in under.shape.columns}
        self.tables[view.table_name] = _Known(under.shape, columns)

    def _restrictions(self, scene: Scene, step: Step) -> Iterator[Finding]:
        """Rules that the old code does not know and may break."""
        operation: Any = step.operation
        if isinstance(operation, Opaque):
            yield scene.finding("opaque", step)
        if isinstance(operation, Special) and operation.kind == "unread":
            yield scene.finding("raw-sql", step)
        known = self.tables.get(table_key(operation))
        if known is None:
            return
        if isinstance(operation, ops.AddColumnOp):
            column = operation.column
            filled = default_of(column, self.dialect) is not None or column.computed or column.identity
            if not column.nullable and not filled:
                yield scene.finding("add-not-null", step)
        elif isinstance(operation, ops.AlterColumnOp):
            yield from self._altered(scene, step, operation, known)
        elif _restricts(operation, known):
            yield scene.finding("new-restriction", step)
        elif isinstance(operation, ops.DropConstraintOp) and operation.constraint_type in {"unique", "primary"}:
            yield scene.finding("drop-unique", step)

    def _altered(self, scene: Scene, step: Step, operation: ops.AlterColumnOp, known: _Known) -> Iterator[Finding]:
        shape = known.shape.columns.get(known.columns.get(operation.column_name, ""))
        if shape is None:
            return
        if operation.modify_nullable is False and shape.nullable:
            yield scene.finding("new-restriction", step)
        if operation.modify_nullable is True and not shape.nullable:
            yield scene.finding("drop-not-null", step)
        if operation.modify_server_default is None and shape.default is not None and not shape.written:
            yield scene.finding("drop-default", step)
        new: Any = operation.modify_type
        if new is not None and not self._holds(shape, new):
            yield scene.finding("narrower-type", step)

    def _holds(self, shape: ColumnShape, new: Any) -> bool:
        if isinstance(new, Enum) and shape.values:
            return set(shape.values) <= set(new.enums)
        return fits(RawType(shape.types.get(self.dialect, "")), new, self.dialect)


def _all_of(shape: TableShape) -> _Known:
    return _Known(shape, {name: name for name in shape.columns})


def _restricts(operation: Any, known: _Known) -> bool:
    """Whether a constraint concerns columns that the old code writes, and is none that it knows."""
    if isinstance(operation, ops.CreateIndexOp) and not operation.unique:
        return False
    if not isinstance(operation, (ops.CreateIndexOp, ops.AddConstraintOp)):
        return False
    concerned = [
        str(getattr(each, "name", each))
        for each in (operation.columns if isinstance(operation, ops.CreateIndexOp) else columns_of(operation))
    ]
    names = sorted(known.columns.get(each, "") for each in concerned if each in known.columns)
    if concerned and not names:
        return False
    if isinstance(operation, ops.CreateForeignKeyOp):
        return [*names, operation.referent_table] not in known.shape.foreign_keys
    if isinstance(operation, ops.CreateCheckConstraintOp):
        mandatory = [known.shape.columns[each] for each in names]
        not_null = str(operation.condition).upper().endswith("IS NOT NULL")
        if not_null and mandatory and not any(each.nullable for each in mandatory):
            return False
        return str(operation.constraint_name) not in known.shape.checks
    return names not in known.shape.unique


def _code(step: Step) -> str:
    operation: Any = step.operation
    if isinstance(operation, Special):
        return "drop-view"
    if isinstance(operation, ops.RenameTableOp):
        return "rename-table"
    if isinstance(operation, ops.AlterColumnOp):
        return "rename-column"
    return "drop-table" if isinstance(operation, ops.DropTableOp) else "drop-column"
