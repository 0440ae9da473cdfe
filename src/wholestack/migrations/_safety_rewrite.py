"""The safe form of a change, made where it can be made: each operation becomes moves, in the order they may happen.

The moves are for PostgreSQL, within `On("postgresql", …)`, and for all other databases the operation as it was: one
set of files serves a project that develops on SQLite and is deployed on PostgreSQL.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, DefaultClause, Identity, literal, text
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import conv

from ._inspect import Renames, in_text
from ._safety_operations import Backfill, Nothing, On, Operation, Outside, Statement, steps, table_key
from ._safety_scene import Phase, Scene, columns_of, phase_in
from ._safety_tables import default_of
from ._safety_types import dialect_of, is_stable


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


def rewritten(operations: ops.OpContainer, dialect: str) -> ops.UpgradeOps:
    """The same change in its safe form: indexes built concurrently, constraints validated after they were added, names
    kept until nobody uses them, and what forbids or takes away last.

    Arguments:
        operations: Alembic's operations, such as autogenerate finds.
        dialect: the kind of database whose types and defaults they speak of.

    What has no safe form that could be made without knowing more (another type, a column that must have a value and
    has none) stays as it is, and `examine` names it. One transaction cannot hold all of it: see `split`.

    Example:
        >>> from alembic.operations import ops
        >>> change = ops.UpgradeOps([ops.CreateIndexOp("ix_note_title", "note", ["title"])])
        >>> from wholestack.migrations import examine
        >>> [[f.code for f in examine(each, dialect="postgresql")] for each in (change, rewritten(change, "sqlite"))]
        [['index-not-concurrent'], []]
    """
    return ops.UpgradeOps(list(gathered(moves(operations, dialect))))


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


def moves(operations: ops.OpContainer, dialect: str) -> list[Move]:
    """Every move of a change, in order."""
    scene = Scene(list(steps(operations, dialect)), dialect)
    maker = _Maker(scene)
    found = [move for each, batch in _each(operations) for move in maker.moves(each, batch)]
    return sorted(found, key=lambda move: move.stage)


def _each(container: Any) -> Iterator[tuple[Operation, ops.ModifyTableOps | None]]:
    for each in container.ops:
        if isinstance(each, ops.ModifyTableOps):
            yield from ((inner, each) for inner in each.ops)
        else:
            yield each, None


def _sql(name: str, schema: str | None = None) -> str:
    """A name as PostgreSQL writes it."""
    quote = dialect_of("postgresql").identifier_preparer.quote
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


class _Maker:
    """Makes the moves of each operation; what is new, and what is renamed, is known from the scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.renamed: dict[str, dict[str, str]] = {}  # Of each table: a new name → the old one.
        self.shown = {
            table_key(ops.DropTableOp(step.operation.new_table_name, schema=step.operation.schema))
            for step in scene.steps
            if isinstance(step.operation, ops.RenameTableOp)
        }
        for step in scene.steps:
            if isinstance(step.operation, ops.AlterColumnOp) and step.operation.modify_name:
                names = self.renamed.setdefault(table_key(step.operation), {})
                names[step.operation.modify_name] = step.operation.column_name

    def moves(self, operation: Any, batch: ops.ModifyTableOps | None) -> list[Move]:
        table = table_key(operation)
        if table in self.scene.created and not isinstance(operation, ops.CreateForeignKeyOp):
            return [Move(Stage.ADDED, operation, batch)]
        makers: list[tuple[type, Any]] = [
            (ops.RenameTableOp, self._rename_table),
            (ops.AddColumnOp, self._add_column),
            (ops.AlterColumnOp, self._alter_column),
            (ops.CreateForeignKeyOp, self._validated),
            (ops.CreateCheckConstraintOp, self._validated),
            (ops.CreateUniqueConstraintOp, self._unique),
            (ops.CreateIndexOp, self._create_index),
            (ops.DropIndexOp, self._drop_index),
            (ops.DropConstraintOp, self._drop_constraint),
        ]
        for kind, make in makers:
            if isinstance(operation, kind):
                return list(make(operation, batch))
        return [Move(self._stage(operation), operation, batch)]

    def _stage(self, operation: Any, early: Stage = Stage.ADDED, late: Stage = Stage.DROPPED) -> Stage:
        """When an operation may happen: early where nobody minds, late where old code would."""
        names = {str(getattr(each, "name", each)) for each in (columns_of(operation) or [])}
        if isinstance(operation, ops.AlterColumnOp):
            names.add(operation.column_name)
        if names & self.renamed.get(table_key(operation), {}).keys():
            return late
        phase = phase_in(self.scene, operation)
        return Stage.DATA if phase == "data" else early if phase == "expand" else late

    # -- names ---------------------------------------------------------------------------------------------------

    def _rename_table(self, operation: ops.RenameTableOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """A view keeps the old name: PostgreSQL reads and writes through it as through the table."""
        old, new = (_sql(each, operation.schema) for each in (operation.table_name, operation.new_table_name))
        # By name: on the way back the view is made again while columns are there that must be free to go.
        shown = ", ".join(map(_sql, getattr(operation, "columns", ()))) or "*"
        make, drop = f"CREATE VIEW {old} AS SELECT {shown} FROM {new}", f"DROP VIEW {old}"  # noqa: S608  (quoted names)
        renamed = RenameTable(operation.table_name, operation.new_table_name, schema=operation.schema)
        yield Move(Stage.FIRST, renamed, batch)
        yield Move(Stage.FIRST, On("postgresql", [Statement(make, drop)]))
        # Before anything else of the contract phase: columns that a view shows cannot be dropped or change their type.
        yield Move(Stage.VIEWS_GONE, On("postgresql", [Statement(drop, make)]))

    def _rename_column(self, operation: ops.AlterColumnOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """The table goes aside, and a view of its name has the column under both names."""
        table, schema = operation.table_name, operation.schema
        aside = f"{table}_renaming"
        new, old = _sql(str(operation.modify_name)), _sql(operation.column_name)
        view, base = _sql(table, schema), _sql(aside, schema)
        make, drop = f"CREATE VIEW {view} AS SELECT *, {new} AS {old} FROM {base}", f"DROP VIEW {view}"  # noqa: S608
        there, back = (RenameTable(*names, schema=schema) for names in ((table, aside), (aside, table)))
        column, plain = (
            RenameColumn(
                name,
                operation.column_name,
                schema=schema,
                modify_name=operation.modify_name,
                existing_type=operation.existing_type,
                existing_nullable=operation.existing_nullable,
                existing_server_default=operation.existing_server_default,  # pyright: ignore[reportArgumentType]
            )
            for name in (aside, table)
        )
        yield Move(Stage.VIEWS, On("postgresql", [there, column, Statement(make, drop)], _in(batch, plain)))
        yield Move(Stage.VIEWS_GONE, On("postgresql", [Statement(drop, make), back]))

    # -- columns -------------------------------------------------------------------------------------------------

    def _add_column(self, operation: ops.AddColumnOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        column, table, schema = operation.column, operation.table_name, operation.schema
        default = default_of(column, "postgresql")
        if default is None and not column.nullable and (value := _constant(column)) is not None:
            # Old code does not write the column: the database fills it in, until that code runs no more.
            filled = _copied(column, server_default=text(value))
            yield Move(Stage.ADDED, ops.AddColumnOp(table, filled, schema=schema), batch)
            gone = ops.AlterColumnOp(
                table, column.name, schema=schema, existing_type=column.type, existing_nullable=False,
                existing_server_default=DefaultClause(text(value)), modify_server_default=None,
            )  # fmt: skip
            yield Move(Stage.DROPPED, gone, batch)
        elif default is not None and not is_stable(default) and not isinstance(column.identity, Identity):
            yield from self._volatile(operation, batch, default)
        else:
            yield Move(Stage.ADDED, operation, batch)

    def _volatile(self, operation: ops.AddColumnOp, batch: ops.ModifyTableOps | None, default: str) -> Iterator[Move]:
        """A default that differs by row is set when the column is there; older rows get theirs in batches."""
        column, table, schema = operation.column, operation.table_name, operation.schema
        bare = ops.AddColumnOp(table, _copied(column, server_default=None, nullable=True), schema=schema)
        default_set = ops.AlterColumnOp(
            table, column.name, schema=schema, existing_type=column.type, existing_nullable=True,
            existing_server_default=None, modify_server_default=column.server_default,
        )  # fmt: skip
        yield Move(Stage.ADDED, On("postgresql", [bare, default_set], _in(batch, operation)))
        fill = Backfill(table, {column.name: default}, f"{_sql(column.name)} IS NULL", schema)
        yield Move(Stage.DATA, On("postgresql", [fill]))
        if not column.nullable:
            yield from self._not_null(table, column.name, column.type, schema, [])

    def _alter_column(self, operation: ops.AlterColumnOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """Each aspect by itself: a name, a type, a default, NULL, a comment."""
        for part in _aspects(operation):
            if part.modify_name:
                yield from self._rename_column(part, batch)
            elif part.modify_nullable is False and part.existing_nullable is not False:
                plain = _in(batch, part)
                yield from self._not_null(part.table_name, part.column_name, part.existing_type, part.schema, plain)
            else:
                shown = part.modify_type is not None and table_key(part) in self.shown
                yield Move(Stage.DROPPED if shown else self._stage(part), part, batch)

    def _not_null(
        self, table: str, column: str, kind: Any, schema: str | None, otherwise: Sequence[Operation]
    ) -> Iterator[Move]:
        """A check that is validated first lets SET NOT NULL read nothing (PostgreSQL 12 and up)."""
        name = conv(f"ck_{table}_{column}_not_null"[:63])
        check = ops.CreateCheckConstraintOp(
            name, table, f"{_sql(column)} IS NOT NULL", schema=schema, postgresql_not_valid=True
        )
        drop = ops.DropConstraintOp(name, table, "check", schema=schema, _reverse=check)
        strict = ops.AlterColumnOp(
            table, column, schema=schema, existing_type=kind, existing_nullable=True, modify_nullable=False
        )
        yield Move(Stage.CHECKS, On("postgresql", [check]))
        yield Move(Stage.CHECKED, On("postgresql", [_validate(table, schema, name)]))
        yield Move(Stage.RESTRICTED, On("postgresql", [strict, drop], otherwise))

    # -- constraints and indexes ---------------------------------------------------------------------------------

    def _validated(self, operation: Any, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """Added NOT VALID, which reads nothing, and validated afterwards, which stops nobody."""
        early = self._stage(operation, Stage.ADDED, Stage.CHECKS)
        table = table_key(operation)
        if not operation.constraint_name or table in self.scene.created:
            yield Move(early, operation, batch)
            return
        operation.kw["postgresql_not_valid"] = True
        schema = operation.kw.get("source_schema") or getattr(operation, "schema", None)
        name = getattr(operation, "source_table", None) or operation.table_name
        yield Move(early, operation, batch)
        later = Stage.OUTSIDE if early is Stage.ADDED else Stage.CHECKED
        yield Move(later, On("postgresql", [_validate(name, schema, operation.constraint_name)]))

    def _unique(self, operation: ops.CreateUniqueConstraintOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """Its index is built concurrently, and then made the constraint's."""
        table, schema = operation.table_name, operation.schema
        columns = list(operation.columns)
        name = conv(str(operation.constraint_name or f"{table}_{'_'.join(columns)}_key"))
        first, last = (
            (Stage.OUTSIDE, Stage.ATTACHED)
            if self._stage(operation) is Stage.ADDED
            else (Stage.CHECKED, Stage.RESTRICTED)
        )
        index = ops.CreateIndexOp(name, table, columns, schema=schema, unique=True)
        words = "".join(
            ([" DEFERRABLE"] if operation.kw.get("deferrable") else [])
            + ([f" INITIALLY {operation.kw['initially']}"] if operation.kw.get("initially") else [])
        )
        where = _sql(table, schema)
        attach = Statement(
            f"ALTER TABLE {where} ADD CONSTRAINT {_sql(name)} UNIQUE USING INDEX {_sql(name)}{words}",
            f"ALTER TABLE {where} DROP CONSTRAINT {_sql(name)}",
        )
        yield Move(first, On("postgresql", [_concurrently(index)]))
        yield Move(last, On("postgresql", [attach], _in(batch, operation)))

    def _create_index(self, operation: ops.CreateIndexOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        stage = self._stage(operation, Stage.OUTSIDE, Stage.CHECKED)
        names = {str(getattr(each, "name", each)) for each in operation.columns}
        if names & self.renamed.get(table_key(operation), {}).keys():
            stage = Stage.CHECKED
        yield Move(stage, On("postgresql", [_concurrently(operation)], _in(batch, operation)))

    def _drop_index(self, operation: ops.DropIndexOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        made = operation._reverse
        undo = _concurrently(made).ops if made is not None else []
        gone = Outside([_drop(operation)], undo)
        yield Move(Stage.CHECKED, On("postgresql", [gone], _in(batch, operation)))

    def _drop_constraint(self, operation: ops.DropConstraintOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """What goes before a column has its new name comes back when the column has the old one again."""
        table, stage = table_key(operation), self._stage(operation)
        names = self.renamed.get(table, {})
        made: Any = operation._reverse
        if names and stage < Stage.VIEWS:
            condition = getattr(made, "condition", None)
            words = getattr(condition, "text", condition)
            if isinstance(made, ops.CreateForeignKeyOp):
                made.local_cols = [names.get(each, each) for each in made.local_cols]
            elif isinstance(words, str):
                renames = Renames(columns={(table, new): old for new, old in names.items()})
                made.condition = text(in_text(words, table, renames))
        yield Move(stage, operation, batch)


def _in(batch: ops.ModifyTableOps | None, operation: Operation) -> list[Operation]:
    """The operation as it was, in its batch."""
    if batch is None:
        return [operation]
    return [ops.ModifyTableOps(batch.table_name, [operation], schema=batch.schema)]


class RenameTable(ops.RenameTableOp):
    """A renaming of a table that knows its reverse, and where it was compared, the columns that the table has."""

    def __init__(self, *names: str, schema: str | None = None, columns: Sequence[str] = ()) -> None:
        super().__init__(*names, schema=schema)
        self.columns: tuple[str, ...] = tuple(columns)

    def reverse(self) -> RenameTable:
        """The old name."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)


class RenameColumn(ops.AlterColumnOp):
    """A renaming of a column that knows its reverse."""

    def reverse(self) -> RenameColumn:
        """The old name."""
        return RenameColumn(
            self.table_name,
            str(self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            existing_type=self.existing_type,
            existing_nullable=self.existing_nullable,
            existing_server_default=self.existing_server_default,  # pyright: ignore[reportArgumentType]
        )


def _validate(table: str, schema: str | None, name: str) -> Outside:
    return Outside([Statement(f"ALTER TABLE {_sql(table, schema)} VALIDATE CONSTRAINT {_sql(name)}")], [])


def _drop(index: ops.CreateIndexOp | ops.DropIndexOp) -> ops.DropIndexOp:
    return ops.DropIndexOp(
        index.index_name or "", index.table_name, schema=index.schema, if_exists=True, postgresql_concurrently=True
    )


def _concurrently(index: ops.CreateIndexOp) -> Outside:
    """Built while the table is used. What a build that was stopped has left, an index that is not valid, goes first."""
    kw = {**index.kw, "postgresql_concurrently": True}
    made = ops.CreateIndexOp(
        index.index_name, index.table_name, index.columns, schema=index.schema, unique=index.unique, **kw
    )
    if not index.index_name:
        return Outside([made])
    return Outside([_drop(index), made], [_drop(index)])


def _constant(column: Column[Any]) -> str | None:
    """The SQL of a column's default where it is a plain value in Python."""
    default = column.default
    if default is None or not default.is_scalar:
        return None
    try:
        value = default.arg  # type: ignore[attr-defined]
        words = literal(value, column.type).compile(
            dialect=dialect_of("postgresql"), compile_kwargs={"literal_binds": True}
        )
    except (CompileError, NotImplementedError, TypeError, ValueError):
        return None
    return str(words).partition("::")[0]


def _copied(column: Column[Any], **changed: Any) -> Column[Any]:
    """A column like this one, by itself, without what its table adds."""
    given = {"nullable": column.nullable, "server_default": column.server_default, "comment": column.comment}
    return Column(column.name, column.type, **{**given, **changed})


def _aspects(operation: ops.AlterColumnOp) -> Iterator[ops.AlterColumnOp]:
    """One operation for each aspect that changes; the new name comes last, so that all others use the old one."""
    existing = {
        "schema": operation.schema,
        "existing_type": operation.existing_type,
        "existing_server_default": operation.existing_server_default,
        "existing_nullable": operation.existing_nullable,
        "existing_comment": operation.existing_comment,
    }
    changed: list[dict[str, Any]] = []
    if operation.modify_type is not None:
        changed.append({"modify_type": operation.modify_type, **operation.kw})
        existing_after = operation.modify_type
    else:
        existing_after = operation.existing_type
    if operation.modify_server_default is not False:
        changed.append({"modify_server_default": operation.modify_server_default, "existing_type": existing_after})
    if operation.modify_nullable is not None:
        changed.append({"modify_nullable": operation.modify_nullable, "existing_type": existing_after})
    if operation.modify_comment is not False:
        changed.append({"modify_comment": operation.modify_comment, "existing_type": existing_after})
    if operation.modify_name:
        changed.append({"modify_name": operation.modify_name, "existing_type": existing_after})
    for each in changed:
        yield ops.AlterColumnOp(operation.table_name, operation.column_name, **{**existing, **each})
