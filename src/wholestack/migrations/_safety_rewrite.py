"""The safe form of a change, made where it can be made: each operation becomes moves, in the order they may happen.

The moves are for PostgreSQL, within `On("postgresql", …)`, and for all other databases the operation as it was: one
set of files serves a project that develops on SQLite and is deployed on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, DefaultClause, Identity, literal, text
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import conv

from ._inspect import Renames, in_text
from ._safety_moves import Move, Stage, concurrently, dropped, gathered, in_batch, named
from ._safety_operations import Backfill, On, Operation, Outside, Special, Statement, steps, table_key
from ._safety_same_name import Stood, deferred, exchanged, renamed_uniques, same_name
from ._safety_scene import Scene, columns_of, names_in, phase_in
from ._safety_tables import default_of
from ._safety_types import dialect_of, is_stable


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


def moves(operations: ops.OpContainer, dialect: str) -> list[Move]:
    """Every move of a change, in order."""
    scene = Scene(list(steps(operations, dialect)), dialect)
    maker = _Maker(scene, list(_each(operations)))
    found = [move for each, batch in maker.all for move in maker.moves(each, batch)]
    return sorted(found, key=lambda move: move.stage)


def _each(container: Any) -> Iterator[Stood]:
    for each in container.ops:
        if isinstance(each, ops.ModifyTableOps):
            yield from ((inner, each) for inner in each.ops)
        else:
            yield each, None


class _Maker:
    """Makes the moves of each operation; what is new, and what is renamed, is known from the scene."""

    def __init__(self, scene: Scene, all_of_them: list[Stood]) -> None:
        self.scene = scene
        self.all = all_of_them
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
        # Of each table and column: what changes in it, in order.
        self.altered: dict[tuple[str, str], list[ops.AlterColumnOp]] = {}
        for each, _ in all_of_them:
            if isinstance(each, ops.AlterColumnOp):
                self.altered.setdefault((table_key(each), each.column_name), []).append(each)
        self.retyped = {
            key
            for key, mine in self.altered.items()
            for alteration in mine
            for part in _aspects(alteration)
            if part.modify_type is not None and self._stage_of(part) is Stage.DROPPED
        }
        # What waits for a column's type comes long after what goes under its name: nothing stands in its way.
        self.exchanged = {key: made for key, made in same_name(all_of_them).items() if not self._waits(made[0])}
        self.coming = {id(each) for each, _ in self.exchanged.values()}
        self.followed = {
            key: made
            for key, made in renamed_uniques(all_of_them).items()
            if key not in self.exchanged and id(made[0]) not in self.coming and not self._waits(made[0])
        }
        self.following = {id(each) for each, _ in self.followed.values()}

    def moves(self, operation: Any, batch: ops.ModifyTableOps | None) -> list[Move]:
        table = table_key(operation)
        if table in self.scene.created and not isinstance(operation, ops.CreateForeignKeyOp):
            return [Move(Stage.ADDED, operation, batch)]
        if id(operation) in self.coming:
            return []
        if made := self.exchanged.get(id(operation)):
            return list(exchanged((operation, batch), made))
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
        # A type of PostgreSQL's goes after the last column that has it.
        stage = Stage.TYPES_GONE if _drops_type(operation) else self._stage(operation)
        return [Move(stage, operation, batch)]

    def _waits(self, operation: Any) -> bool:
        """Whether it speaks of a column that has its new type late only."""
        table = table_key(operation)
        mine = {(table, name) for name in _mentioned(operation)}
        if isinstance(operation, ops.CreateForeignKeyOp):
            schema = operation.kw.get("referent_schema")
            there = table_key(ops.DropTableOp(operation.referent_table, schema=schema))
            mine |= {(there, name) for name in operation.remote_cols}
        return bool(mine & self.retyped)

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
        old, new = (named(each, operation.schema) for each in (operation.table_name, operation.new_table_name))
        # By name: on the way back the view is made again while columns are there that must be free to go.
        shown = ", ".join(map(named, getattr(operation, "columns", ()))) or "*"
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
        new, old = named(str(operation.modify_name)), named(operation.column_name)
        view, base = named(table, schema), named(aside, schema)
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
        yield Move(Stage.VIEWS, On("postgresql", [there, column, Statement(make, drop)], in_batch(batch, plain)))
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
        yield Move(Stage.ADDED, On("postgresql", [bare, default_set], in_batch(batch, operation)))
        fill = Backfill(table, {column.name: default}, f"{named(column.name)} IS NULL", schema)
        yield Move(Stage.DATA, On("postgresql", [fill]))
        if not column.nullable:
            yield from self._not_null(table, column.name, column.type, schema, [])

    def _alter_column(self, operation: ops.AlterColumnOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """Each aspect by itself: a name, a type, a default, NULL, a comment; all of a column's in one go.

        Each says what is there when it happens: MariaDB writes a column down as a whole, and would take back what is
        not said.
        """
        mine = self.altered[table_key(operation), operation.column_name]
        if operation is not mine[0]:
            return
        staged: list[tuple[Stage, ops.AlterColumnOp]] = []
        retyped = False
        for each in mine:
            for part in _aspects(each):
                stage = self._stage_of(part)
                if retyped and part.modify_server_default is not False:
                    stage = Stage.RETYPED  # It is a value of the new type.
                staged.append((stage, part))
                retyped = retyped or (part.modify_type is not None and stage is Stage.DROPPED)
        there = dict.fromkeys(("type", "nullable", "server_default", "comment"))
        there = {name: getattr(staged[0][1], f"existing_{name}") for name in there}
        for stage, part in sorted(staged, key=lambda each: each[0]):
            for name, value in there.items():
                setattr(part, f"existing_{name}", value)
            if part.modify_name:
                yield from self._rename_column(part, batch)
            elif stage is Stage.RESTRICTED:
                plain = in_batch(batch, part)
                yield from self._not_null(part.table_name, part.column_name, part.existing_type, part.schema, plain)
            else:
                yield Move(stage, part, batch)
            there = _after(part, there)

    def _stage_of(self, part: ops.AlterColumnOp) -> Stage:
        """When one aspect of a column may change."""
        if part.modify_name:
            return Stage.VIEWS
        if part.modify_nullable is False and part.existing_nullable is not False:
            return Stage.RESTRICTED
        shown = part.modify_type is not None and table_key(part) in self.shown
        return Stage.DROPPED if shown else self._stage(part)

    def _not_null(
        self, table: str, column: str, kind: Any, schema: str | None, otherwise: Sequence[Operation]
    ) -> Iterator[Move]:
        """A check that is validated first lets SET NOT NULL read nothing (PostgreSQL 12 and up)."""
        name = conv(f"ck_{table}_{column}_not_null"[:63])
        check = ops.CreateCheckConstraintOp(
            name, table, f"{named(column)} IS NOT NULL", schema=schema, postgresql_not_valid=True
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
        waits = self._waits(operation)
        early = Stage.RETYPED if waits else self._stage(operation, Stage.ADDED, Stage.CHECKS)
        table = table_key(operation)
        if not operation.constraint_name or table in self.scene.created:
            yield Move(early, operation, batch)
            return
        operation.kw["postgresql_not_valid"] = True
        schema = operation.kw.get("source_schema") or getattr(operation, "schema", None)
        name = getattr(operation, "source_table", None) or operation.table_name
        yield Move(early, operation, batch)
        later = Stage.RETYPED_OUTSIDE if waits else Stage.OUTSIDE if early is Stage.ADDED else Stage.CHECKED
        yield Move(later, On("postgresql", [_validate(name, schema, operation.constraint_name)]))

    def _unique(self, operation: ops.CreateUniqueConstraintOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        """Its index is built concurrently, and then made the constraint's."""
        table, schema = operation.table_name, operation.schema
        columns = list(operation.columns)
        name = conv(str(operation.constraint_name or f"{table}_{'_'.join(columns)}_key"))
        first, last = Stage.CHECKED, Stage.RESTRICTED
        if self._waits(operation):
            first, last = Stage.RETYPED_OUTSIDE, Stage.RETYPED_ATTACHED
        elif self._stage(operation) is Stage.ADDED:
            first, last = Stage.OUTSIDE, Stage.ATTACHED
        index = ops.CreateIndexOp(name, table, columns, schema=schema, unique=True)
        where = named(table, schema)
        attach = Statement(
            f"ALTER TABLE {where} ADD CONSTRAINT {named(name)} UNIQUE USING INDEX {named(name)}{deferred(operation)}",
            f"ALTER TABLE {where} DROP CONSTRAINT {named(name)}",
        )
        # Others make it where they take away the one that it follows, if there is one.
        plain = [] if id(operation) in self.following else in_batch(batch, operation)
        yield Move(first, On("postgresql", [concurrently(index)]))
        yield Move(last, On("postgresql", [attach], plain))

    def _create_index(self, operation: ops.CreateIndexOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        stage = self._stage(operation, Stage.OUTSIDE, Stage.CHECKED)
        if self._waits(operation):
            stage = Stage.RETYPED_OUTSIDE
        elif _mentioned(operation) & self.renamed.get(table_key(operation), {}).keys():
            stage = Stage.CHECKED
        yield Move(stage, On("postgresql", [concurrently(operation)], in_batch(batch, operation)))

    def _drop_index(self, operation: ops.DropIndexOp, batch: ops.ModifyTableOps | None) -> Iterator[Move]:
        made = operation._reverse
        undo = concurrently(made).ops if made is not None else []
        gone = Outside([dropped(operation)], undo)
        yield Move(Stage.CHECKED, On("postgresql", [gone], in_batch(batch, operation)))

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
        follows = self.followed.get(id(operation))
        if follows is None:
            yield Move(stage, operation, batch)
        else:  # SQLite tells of one of two that are of the same columns: it must never have both.
            both = [*in_batch(follows[1], follows[0]), *in_batch(batch, operation)]
            yield Move(stage, On("postgresql", [operation], list(gathered(Move(stage, each) for each in both))))


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


def _drops_type(operation: Operation) -> bool:
    found = (each.operation for each in steps(ops.OpContainer([operation]), "postgresql"))
    return any(isinstance(each, Special) and each.kind == "drop-type" for each in found)


def _mentioned(operation: Any) -> set[str]:
    """The columns that a constraint or an index may speak of, its condition included."""
    if not isinstance(operation, ops.CreateIndexOp):
        return set(columns_of(operation))
    names = set[str]()
    for each in operation.columns:
        names |= {str(getattr(each, "name", each))} if isinstance(each, str | Column) else set(names_in(str(each)))
    wheres = (value for name, value in operation.kw.items() if name.endswith("_where") and value is not None)
    return names.union(*(names_in(str(each)) for each in wheres))


def _validate(table: str, schema: str | None, name: str) -> Outside:
    return Outside([Statement(f"ALTER TABLE {named(table, schema)} VALIDATE CONSTRAINT {named(name)}")], [])


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
    if operation.modify_server_default is not False:
        changed.append({"modify_server_default": operation.modify_server_default})
    if operation.modify_nullable is not None:
        changed.append({"modify_nullable": operation.modify_nullable})
    if operation.modify_comment is not False:
        changed.append({"modify_comment": operation.modify_comment})
    if operation.modify_name:
        changed.append({"modify_name": operation.modify_name})
    for each in changed:
        yield ops.AlterColumnOp(operation.table_name, operation.column_name, **{**existing, **each})


def _after(part: ops.AlterColumnOp, there: dict[str, Any]) -> dict[str, Any]:
    """What a column is when one aspect of it has changed."""
    changed = {name: getattr(part, f"modify_{name}") for name in there}
    same = {"type": None, "nullable": None, "server_default": False, "comment": False}
    return {name: there[name] if value is same[name] else value for name, value in changed.items()}
