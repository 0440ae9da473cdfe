"""Rules for tables and columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Computed, DefaultClause, Enum, Identity, Sequence, String, Text
from sqlalchemy.sql.elements import ClauseElement

from ._safety_operations import Step, table_key
from ._safety_scene import Finding, Scene
from ._safety_types import change, dialect_of, fits, is_stable, spelled


def tables(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a table that is made, dropped or renamed."""
    operation: Any = step.operation
    if isinstance(operation, ops.CreateTableOp):
        yield from _created(scene, step, operation)
    elif isinstance(operation, ops.DropTableOp):
        if table_key(operation) not in scene.created:
            yield scene.finding("drop-table", step)
    elif isinstance(operation, ops.RenameTableOp):
        if scene.online:
            yield from _long(scene, step, operation.new_table_name)
        # Who used a view of the new name, which is dropped here, finds the table itself under it.
        known = scene.keeps_name(operation) or operation.new_table_name in scene.views_gone
        if table_key(operation) not in scene.created and not known:
            yield scene.finding("rename-table", step)


def _created(scene: Scene, step: Step, operation: ops.CreateTableOp) -> Iterator[Finding]:
    yield from _long(scene, step, operation.table_name)
    if not scene.online and not scene.mariadb:
        return
    primary = {
        str(getattr(column, "name", column))
        for part in operation.columns
        if part.__visit_name__ == "primary_key_constraint"
        for column in (part.columns or part._pending_colargs)  # type: ignore[attr-defined]
    }
    for part in operation.columns:
        if isinstance(part, Column):
            yield from _kind(scene, step, part, f"{operation.table_name}.{part.name}")
            key = part.primary_key or part.name in primary
            if key and spelled(part.type, scene.dialect)[0] in {"INTEGER", "SMALLINT"} and not part.foreign_keys:
                yield scene.finding("small-key", step, operation=f"key {operation.table_name}.{part.name}")

    if scene.online:
        for referring in _referring(operation.columns):
            if not scene.has_index(table_key(operation), referring):
                name = f"{operation.table_name}.{', '.join(referring)}"
                yield scene.finding("foreign-key-without-index", step, operation=f"foreign key {name}")


def _referring(parts: Iterable[Any]) -> list[list[str]]:
    """The columns of each foreign key among the parts of a table."""
    found: list[list[str]] = []
    for part in parts:
        names = list(part.column_keys) if part.__visit_name__ == "foreign_key_constraint" else []
        if isinstance(part, Column) and part.foreign_keys:
            names = [str(part.name)]
        if names and names not in found:
            found.append(names)
    return found


def columns(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a column that is added or dropped."""
    operation: Any = step.operation
    table = table_key(operation)
    if isinstance(operation, ops.AddColumnOp):
        yield from _long(scene, step, operation.column.name)
        yield from _kind(scene, step, operation.column, f"{table}.{operation.column.name}")
        if table not in scene.created:
            yield from _added(scene, step, operation.column)
    elif not scene.is_new(table, [operation.column_name]):
        yield scene.finding("drop-column", step)


def default_of(column: Column[Any], dialect: str) -> str | None:
    """A column's server default as SQL; None where it has none."""
    default = column.server_default
    if not isinstance(default, DefaultClause):
        return None
    return sql_of(default.arg, dialect)


def sql_of(argument: Any, dialect: str) -> str:
    """A server default as SQL."""
    if isinstance(argument, str):
        return "'" + argument.replace("'", "''") + "'"
    if isinstance(argument, ClauseElement):
        return str(argument.compile(dialect=dialect_of(dialect), compile_kwargs={"literal_binds": True}))
    return str(getattr(argument, "arg", argument))


def _added(scene: Scene, step: Step, column: Column[Any]) -> Iterator[Finding]:
    default = default_of(column, scene.dialect)
    kind = spelled(column.type, scene.dialect)[0]
    computed, numbered = isinstance(column.computed, Computed), isinstance(column.identity, Identity)
    numbered = numbered or "SERIAL" in kind or isinstance(column.default, Sequence)
    if not column.nullable and default is None and not computed and not numbered:
        yield scene.finding("add-not-null", step)
    if not scene.online:
        return
    if numbered:
        yield scene.finding("numbered-column", step)
    elif computed and column.computed is not None and column.computed.persisted is not False:
        yield scene.finding("stored-generated", step)
    elif default is not None and not is_stable(default):
        yield scene.finding("volatile-default", step)
    if column.foreign_keys:
        yield scene.finding("foreign-key-validates", step)
        if not (column.index or scene.has_index(table_key(step.operation), [column.name])):
            yield scene.finding("foreign-key-without-index", step)


def alterations(scene: Scene, step: Step) -> Iterator[Finding]:
    """What there is to say about a column that is changed."""
    operation: Any = step.operation
    table = table_key(operation)
    if scene.is_new(table, [operation.column_name]):
        return
    if operation.modify_name and not scene.keeps_name(operation):
        yield scene.finding("rename-column", step)
    if operation.modify_type is not None:
        yield from _retyped(scene, step, operation)
    if operation.modify_nullable is False:
        # Where it was NOT NULL before, nothing changes; a validated check spares PostgreSQL (12 and up) the reading.
        if scene.online and operation.existing_nullable is not False and table not in scene.validated:
            yield scene.finding("set-not-null", step)
        if operation.existing_nullable is not False:
            yield scene.finding("new-restriction", step)
    if operation.modify_nullable is True and operation.existing_nullable is not True:
        yield scene.finding("drop-not-null", step)
    if operation.modify_server_default is None:
        yield scene.finding("drop-default", step)


def _retyped(scene: Scene, step: Step, operation: ops.AlterColumnOp) -> Iterator[Finding]:
    old, new = operation.existing_type, operation.modify_type
    if isinstance(old, Enum) and isinstance(new, Enum) and not set(old.enums) <= set(new.enums):
        yield scene.finding("enum-changed", step)
        return
    if isinstance(old, Enum) and isinstance(new, Enum) and not new.native_enum:
        return
    cost = change(old, new, scene.dialect)
    if scene.online and cost in {"checked", "rewritten"}:
        yield scene.finding("change-type", step)
    elif scene.mariadb and cost != "none":
        yield scene.finding("copies-table", step)
    if cost != "none" and old is not None and not fits(old, new, scene.dialect):
        yield scene.finding("narrower-type", step)


def _kind(scene: Scene, step: Step, column: Column[Any], name: str) -> Iterator[Finding]:
    """Types that one is sorry for later."""
    if not scene.online:
        return
    word, numbers = spelled(column.type, scene.dialect)
    limited = isinstance(column.type, String) and not isinstance(column.type, (Enum, Text))
    codes = {
        "json-type": word == "JSON",
        "serial": "SERIAL" in word,
        "naive-timestamp": word == "TIMESTAMP",
        "char-limit": bool(numbers) and (limited or not isinstance(column.type, Enum)) and word in {"VARCHAR", "CHAR"},
    }
    yield from (scene.finding(code, step, operation=f"column {name}") for code, holds in codes.items() if holds)


def _long(scene: Scene, step: Step, name: str | None) -> Iterator[Finding]:
    if scene.online and name and len(name.encode()) > 63:
        yield scene.finding("long-identifier", step, operation=f"name {name}")
