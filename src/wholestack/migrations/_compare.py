"""What differs between a database and the models, as operations of Alembic's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import compare
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import CheckConstraint, Column, Connection, DefaultClause, Index, MetaData, Table
from sqlalchemy.sql.elements import conv

from ._canonical import check_text, condition_text, default_text, normal, plain_words, unquoted, written
from ._context import context, is_ours
from ._defaults import default_for
from ._enums import enum_changes
from ._exact import Comparison, Known, nothing_known
from ._expressions import expressions, is_in_words
from ._inspect import Renames, renamed_inspector
from ._render import flattened
from ._safety_operations import table_key
from ._safety_rewrite import RenameTable
from ._safety_types import fits
from ._unwritten import compare_key, compare_made, is_made, told_by, writable
from ._way_back import cast

_PLUGIN = "wholestack.migrations"


def differences(
    connection: Connection,
    metadata: MetaData,
    renames: Renames | None = None,
    *,
    known: Known = nothing_known,
    from_nothing: bool = False,
) -> ops.UpgradeOps:
    """What has to be done to a database so that it is as the models say.

    Arguments:
        connection: the database, in a transaction; nothing is written that stays.
        metadata: the models' tables.
        renames: what is taken as renamed; the operations that rename come first.
        known: what the migrations say that columns are.
        from_nothing: look at the database as if it were empty.

    What differs and cannot be written is among the operations, as `Unclear`.
    """
    renames = renames or Renames()
    types = Comparison(connection.dialect.name, renames, known)

    def include(name: str | None, kind: str, _parents: Any) -> bool:
        return not (kind == "table" and (from_nothing or (is_ours(name) and name not in metadata.tables)))

    def compares(each: Any, _name: str | None, kind: str, _reflected: bool, _there: Any) -> bool:
        # `expressions` does it, when all else of the table is done: a copy of it makes columns into indexes alone.
        return not (kind == "index" and connection.dialect.name == "sqlite" and is_in_words(each))

    here = context(
        connection,
        compare_type=types,
        compare_server_default=True,  # Which leaves it to `_compare_default`.
        include_name=include,
        include_object=compares,
        autogenerate_plugins=["alembic.autogenerate.*", _PLUGIN],
        target_metadata=metadata,
    )
    asked = AutogenContext(here, metadata=metadata)
    vars(asked)["inspector"] = renamed_inspector(connection, renames)
    script = ops.MigrationScript(None, ops.UpgradeOps([]), ops.DowngradeOps([]))
    with warnings.catch_warnings():
        for words in ("autogenerate skipping metadata-specified expression", "Skipped unsupported reflection of expr"):
            warnings.filterwarnings("ignore", message=words)
        compare._populate_migration_script(asked, script)
    found = [*_in_order(script.upgrade_ops.ops)] if script.upgrade_ops is not None else []
    for each in found:
        if isinstance(each, ops.CreateTableOp):
            each.columns = [*each.columns, *_brought_along(each, metadata, asked)]
        elif isinstance(each, ops.ModifyTableOps):
            each.ops = [part for one in writable(asked, each.ops) for part in _settled(one, metadata, types)]
        elif isinstance(each, ops.DropTableOp) and each._reverse is not None:
            for column in each._reverse.columns:
                if isinstance(column, Column):
                    column.type = types.was(table_key(each), column.name, column.type, None)
    renaming = list(_renaming(asked.inspector, metadata, renames, found))
    enums = enum_changes(asked, metadata, found, from_nothing=from_nothing)
    found = flattened(found)
    if here.dialect.name == "sqlite":
        found += expressions(connection, metadata, found, renames)
    return ops.UpgradeOps([*renaming, *enums.before, *found, *enums.after, *told_by(asked), *types.unclear])


def _in_order(found: list[Any]) -> Iterator[Any]:
    """The same change gives the same file: Alembic goes through sets."""
    for each in found:
        if isinstance(each, ops.ModifyTableOps):
            each.ops.sort(key=_rank)
        yield each


def _rank(operation: Any) -> tuple[int, str]:
    """What takes constraints and indexes away comes before what changes columns; drops of columns come last."""
    order = (ops.DropConstraintOp, ops.DropIndexOp, ops.AddColumnOp, ops.AlterColumnOp, ops.DropColumnOp)
    kind = next((index for index, each in enumerate(order) if isinstance(operation, each)), 3)
    # What is added stays as the models have it.
    return kind, str(getattr(operation, "column_name", "")) if isinstance(operation, ops.DropColumnOp) else ""


def _settled(operation: Any, metadata: MetaData, types: Comparison) -> Iterator[Any]:
    """A change of a column as each database takes it.

    What stays as it is is written as the models have it: how one database reflects it, others do not know. Another type
    needs its cast on PostgreSQL, and a default of the old type goes before and comes after.
    """
    key = table_key(operation)
    if isinstance(operation, ops.DropColumnOp) and operation._reverse is not None:
        gone = operation._reverse.column
        gone.type = types.was(key, gone.name, gone.type, None)
    if not isinstance(operation, ops.AlterColumnOp):
        yield operation
        return
    column = metadata.tables[key].columns[operation.column_name]
    if operation.modify_type is None:
        operation.existing_type = column.type
        yield operation
        return
    operation.existing_type = types.was(key, operation.column_name, operation.existing_type, operation.modify_type)
    cast(operation)
    default: Any = operation.existing_server_default
    wanted: Any = operation.modify_server_default
    if not default or is_made(default) or fits(operation.existing_type, operation.modify_type, types.dialect):
        yield operation
        return
    yield _default_alone(operation, operation.existing_type, default, None)
    operation.existing_server_default = operation.modify_server_default = False
    yield operation
    back = column.server_default if wanted is False else wanted
    if back is not None:
        yield _default_alone(operation, operation.modify_type, None, back)


def _default_alone(operation: ops.AlterColumnOp, kind: Any, before: Any, after: Any) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(
        operation.table_name,
        operation.column_name,
        schema=operation.schema,
        existing_type=kind,
        existing_nullable=operation.existing_nullable,
        existing_server_default=before,
        modify_server_default=after,
    )


class RenameColumn(ops.AlterColumnOp):
    """Alembic's own, whose way back leaves the name as it is."""

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


def _renaming(inspector: Any, metadata: MetaData, renames: Renames, found: list[Any]) -> Iterator[Any]:
    """What renames, before all else that was found; so each column is as it was, since MariaDB writes all of it down.

    What stays is written as the models have it.
    """
    inner = [one for each in found if isinstance(each, ops.ModifyTableOps) for one in each.ops]
    altered = [each for each in inner if isinstance(each, ops.AlterColumnOp)]
    for old, new in renames.tables.items():
        yield RenameTable(old, new, columns=[each["name"] for each in inspector.get_columns(new)])
    for (table, old), new in renames.columns.items():
        column = metadata.tables[table].columns[new]
        before = next(each for each in inspector.get_columns(table) if each["name"] == new)
        default: Any = column.server_default if before.get("default") is not None else False
        mine = [each for each in altered if (table_key(each), each.column_name) == (table, new)]
        retyped = [each.existing_type for each in mine if each.modify_type is not None]
        changed: list[Any] = [each.existing_server_default for each in mine if each.modify_server_default is not False]
        yield RenameColumn(
            table,
            old,
            modify_name=new,
            existing_type=retyped[0] if retyped else column.type,
            existing_nullable=before["nullable"],
            existing_server_default=(changed[0] or False) if changed else default,
        )


# -- comparing ---------------------------------------------------------------------------------------------------------


def _compare_default(
    asked: AutogenContext,
    operation: ops.AlterColumnOp,
    _schema: str | None,
    table: str,
    _name: str,
    there: Column[Any],
    column: Column[Any],
) -> PriorityDispatchResult:
    """Defaults, by their text as the database itself writes it; and what makes a column's values instead of one."""
    found: Any = there.server_default
    wanted: Any = column.server_default
    if found is None and wanted is None:
        return PriorityDispatchResult.CONTINUE
    operation.existing_server_default = found
    if is_made(found) or is_made(wanted):
        if not compare_made(asked, table, there, column):
            return PriorityDispatchResult.CONTINUE
        if column.table.autoincrement_column is column:
            operation.kw["autoincrement"] = True
    elif all(each is None or isinstance(each, DefaultClause) for each in (found, wanted)):
        text = None if found is None else str(getattr(found.arg, "text", found.arg))
        if _differs(asked, column, text, wanted):
            operation.modify_server_default = wanted
    return PriorityDispatchResult.STOP


def _differs(asked: AutogenContext, column: Column[Any], found: str | None, wanted: Any) -> bool:
    """Whether a default differs. One that only repeats the model's Python default is there for code of old releases."""
    text = None
    if wanted is not None:
        text = wanted.arg if isinstance(wanted.arg, str) else written(wanted.arg, asked.dialect)
    if wanted is None:
        if found is None:
            return False
        wanted = default_for(column)
        if wanted is None:
            return True
    elif found is None:
        return True
    if text is not None and unquoted(normal(str(found))) == unquoted(normal(str(text))):
        return False
    connection: Any = asked.connection
    return bool(normal(str(found)) != default_text(connection, column, wanted))


def _compare_conditions(
    asked: AutogenContext,
    modify: ops.ModifyTableOps,
    schema: str | None,
    name: str,
    reflected: Table | None,
    table: Table | None,
) -> PriorityDispatchResult:
    """Which rows an index is on, where nothing else of it has changed: Alembic leaves that out."""
    if reflected is None or table is None or asked.connection is None:
        return PriorityDispatchResult.CONTINUE
    compare_key(asked, schema, name, table)
    there = {str(each.name): each for each in reflected.indexes}
    changed = {str(each.index_name) for each in modify.ops if isinstance(each, ops.CreateIndexOp)}
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        old = there.get(str(index.name))
        if old is None or str(index.name) in changed or (is_in_words(index) and asked.dialect.name == "sqlite"):
            continue
        if _is_on_others(asked.connection, table, _condition(old, asked), _condition(index, asked)):
            modify.ops += [ops.DropIndexOp.from_index(old), ops.CreateIndexOp.from_index(index)]
    return PriorityDispatchResult.CONTINUE


def _condition(index: Index, asked: AutogenContext) -> Any:
    return index.kwargs.get(f"{asked.dialect.name}_where")


def _is_on_others(connection: Connection, table: Table, found: Any, wanted: Any) -> bool:
    """Whether an index is on other rows; where the database does not say how it writes that, nothing is claimed."""
    if found is None or wanted is None:
        return found is not wanted
    text = condition_text(connection, table, wanted)
    return text is not None and plain_words(normal(str(found))) != plain_words(text)


def _compare_checks(
    asked: AutogenContext,
    modify: ops.ModifyTableOps,
    schema: str | None,
    name: str,
    reflected: Table | None,
    table: Table | None,
) -> PriorityDispatchResult:
    """Checks with a name, by their text as the database itself writes it."""
    if reflected is None or table is None or asked.connection is None:
        return PriorityDispatchResult.CONTINUE
    there = {each["name"]: each for each in asked.inspector.get_check_constraints(name, schema=schema) if each["name"]}
    wanted = {
        _name_of(each, asked): each
        for each in table.constraints
        if isinstance(each, CheckConstraint) and each.name and _is_made(each, asked)
    }
    for gone in sorted(there.keys() - wanted.keys()):
        modify.ops.append(_drop(there[gone], reflected))
    for new in sorted(wanted):
        if new in there:
            text = check_text(asked.connection, table, wanted[new])
            if text is None or text == normal(str(there[new]["sqltext"])):
                continue
            modify.ops.append(_drop(there[new], reflected))
        modify.ops.append(ops.AddConstraintOp.from_constraint(wanted[new]))
    return PriorityDispatchResult.CONTINUE


def _brought_along(made: ops.CreateTableOp, metadata: MetaData, asked: AutogenContext) -> Iterator[CheckConstraint]:
    """The checks of types, by name: of a new table Alembic leaves them to the types."""
    key = f"{made.schema}.{made.table_name}" if made.schema else made.table_name
    for each in metadata.tables[key].constraints:
        if isinstance(each, CheckConstraint) and getattr(each, "_type_bound", False) and _is_made(each, asked):
            yield CheckConstraint(written(each.sqltext, asked.dialect), name=conv(_name_of(each, asked)))


def _name_of(check: CheckConstraint, asked: AutogenContext) -> str:
    return str(asked.dialect.identifier_preparer.format_constraint(check)).strip('"`')


def _is_made(check: Any, asked: AutogenContext) -> bool:
    """Whether the database has a check: one that a type brings along is made where the database needs it."""
    rule = getattr(check, "_create_rule", None)
    compiler: Any = asked.dialect.ddl_compiler
    return rule is None or bool(rule(compiler(asked.dialect, None)))


def _drop(there: Any, reflected: Table) -> ops.DropConstraintOp:
    check = CheckConstraint(there["sqltext"], name=conv(there["name"]))
    reflected.append_constraint(check)
    return ops.DropConstraintOp.from_constraint(check)


def _register() -> None:
    plugin = Plugin(_PLUGIN)
    plugin.add_autogenerate_comparator(_compare_checks, "table", "checkconstraints")
    plugin.add_autogenerate_comparator(_compare_conditions, "table", "conditions", priority=DispatchPriority.LAST)
    plugin.add_autogenerate_comparator(_compare_default, "column", "server_default", priority=DispatchPriority.FIRST)


_register()
