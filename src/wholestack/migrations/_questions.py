"""What a change of the models leaves open, and who decides: an option, a person, and never a guess.

A column that is gone and one that is new may be the same under another name, or its data may be lost; a type may not
hold what is there; rows that are there need a value that the models do not name.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import pydantic
from alembic.operations import ops
from sqlalchemy import Column, MetaData
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import False_, True_

from ._canonical import written
from ._defaults import as_default, default_for
from ._errors import ChangeUnclear
from ._inspect import Renames
from ._safety_operations import Backfill, Unclear
from ._safety_types import dialect_of, fits


@dataclasses.dataclass
class Answers:
    """What has been decided.

    Attributes:
        renames: old name → new name: ``note`` → ``memo``, ``note.text`` → ``note.body``.
        drops: tables and columns that may go with their data: ``note``, ``note.text``.
        converts: columns whose type may change though it may not hold every value: ``note.count``.
        fills: columns → what rows that are there get.
    """

    renames: dict[str, str] = dataclasses.field(default_factory=dict)
    drops: set[str] = dataclasses.field(default_factory=set)
    converts: set[str] = dataclasses.field(default_factory=set)
    fills: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Question:
    """One thing to be decided.

    Attributes:
        kind: ``gone``, ``converted`` or ``filled``.
        name: the table or column it is about.
        text: what has happened.
        renamed: the names that it may have now.
        options: what answers it on the command line.
    """

    kind: str
    name: str
    text: str
    renamed: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.text} Say {', or '.join(self.options)}."


_ORDER = ("gone", "converted", "filled")


class Ask(Protocol):
    """Asks a person; it writes the answer down, or raises."""

    def __call__(self, question: Question, answers: Answers) -> None:
        """Ask."""
        ...


def decided(
    compare: Callable[[Renames], ops.UpgradeOps], metadata: MetaData, dialect: str, answers: Answers, ask: Ask | None
) -> tuple[ops.UpgradeOps, ops.UpgradeOps]:
    """The operations of a change of which nothing is left open; and what is to be taken away when it is through.

    Arguments:
        compare: what differs, with some names taken as renamed.
        metadata: the models' tables.
        dialect: the kind of database.
        answers: what was decided beforehand; what is decided here is added.
        ask: asks a person; None where nobody is there.

    Raises:
        ChangeUnclear: something is open and nobody can be asked, an answer fits nothing, or a change is one that has to
            be written by hand.
    """
    while True:
        renames = read_renames(answers.renames, compare(Renames()), metadata)
        found = compare(renames)
        # What is gone may be what is new: who has said so is not asked what rows get there.
        open_ones = sorted(questions(found, answers, dialect), key=lambda each: _ORDER.index(each.kind))
        unclear = [each.text for each in found.ops if isinstance(each, Unclear)]
        # What is not clear of a name that has gone may be clear when its new one is known.
        if unclear and not any(each.kind == "gone" for each in open_ones):
            raise ChangeUnclear([*map(str, open_ones), *unclear])
        if not open_ones:
            return filled(found, answers, metadata)
        if ask is None:
            raise ChangeUnclear([str(each) for each in open_ones])
        ask(open_ones[0], answers)


def read_renames(given: Mapping[str, str], found: ops.UpgradeOps, metadata: MetaData) -> Renames:
    """Renames as they were given, checked against what has really gone and come.

    Raises:
        ChangeUnclear: a name is not gone, or not new.
    """
    renames, wrong = Renames(), []
    tables_gone, tables_new = set(_tables(found, ops.DropTableOp)), set(_tables(found, ops.CreateTableOp))
    for old, new in given.items():
        if "." not in old and old in tables_gone and new in tables_new:
            renames = renames.and_table(old, new)
        elif "." not in old:
            wrong.append(f"--rename {old}:{new}: {_of(old, new, tables_gone, tables_new, 'table')}")
    old_columns = _columns_gone(found)
    for old, new in given.items():
        table, dot, column = old.partition(".")
        if not dot:
            continue
        here, name = renames.table(table), new.rpartition(".")[2]
        known = metadata.tables.get(here)
        before = old_columns.get(renames.old_table(here))
        if known is None or name not in known.columns or (before is not None and column not in before):
            wrong.append(
                f"--rename {old}:{new}: the models have no such column, or the database still needs the old one."
            )
        else:
            renames = renames.and_column(here, column, name)
    if wrong:
        raise ChangeUnclear(wrong)
    return renames


def _of(old: str, new: str, gone: set[str], come: set[str], what: str) -> str:
    missing = f"no {what} {old} has gone" if old not in gone else f"no {what} {new} is new"
    return f"{missing}. Gone: {', '.join(sorted(gone)) or 'none'}; new: {', '.join(sorted(come)) or 'none'}."


def _tables(found: ops.UpgradeOps, kind: type) -> Iterator[str]:
    return (each.table_name for each in found.ops if isinstance(each, kind))  # type: ignore[attr-defined]


def _columns_gone(found: ops.UpgradeOps) -> dict[str, set[str]]:
    """The columns that are not among the models any more, by table; of a table that is gone, all."""
    gone: dict[str, set[str]] = {}
    for each in found.ops:
        if isinstance(each, ops.DropTableOp):
            gone[each.table_name] = {column.name for column in each.to_table().columns}
        elif isinstance(each, ops.ModifyTableOps):
            mine = {one.column_name for one in each.ops if isinstance(one, ops.DropColumnOp)}
            gone[each.table_name] = gone.get(each.table_name, set()) | mine
    return gone


def questions(found: ops.UpgradeOps, answers: Answers, dialect: str) -> Iterator[Question]:
    """What the operations leave open."""
    new_tables = tuple(_tables(found, ops.CreateTableOp))
    for each in found.ops:
        if isinstance(each, ops.DropTableOp) and _name(each) not in answers.drops:
            yield _gone("table", _name(each), new_tables, new_tables)
        elif isinstance(each, ops.ModifyTableOps):
            yield from _of_table(each, answers, dialect)


def _of_table(modify: ops.ModifyTableOps, answers: Answers, dialect: str) -> Iterator[Question]:
    table = _name(modify)
    new = tuple(one.column.name for one in modify.ops if isinstance(one, ops.AddColumnOp))
    for each in modify.ops:
        if isinstance(each, ops.DropColumnOp) and f"{table}.{each.column_name}" not in answers.drops:
            yield _gone("column", f"{table}.{each.column_name}", new, tuple(f"{table}.{name}" for name in new))
        elif isinstance(each, ops.AlterColumnOp) and each.modify_type is not None:
            name = f"{table}.{each.column_name}"
            if name not in answers.converts and not fits(each.existing_type, each.modify_type, dialect):
                text = f"The column {name} changes from {each.existing_type!r} to {each.modify_type!r}, "
                text += "which may not hold each value that is there."
                yield Question("converted", name, text, (), (f"--convert {name}",))
        elif isinstance(each, ops.AddColumnOp) and _needs_value(each.column):
            name = f"{table}.{each.column.name}"
            if name not in answers.fills:
                text = f"The column {name} is new and must have a value, and rows that are there have none. "
                text += "Give it a default in the model, or make it `| None`."
                yield Question("filled", name, text, (), (f"--fill {name}=VALUE",))


def _gone(what: str, name: str, short: tuple[str, ...], long: tuple[str, ...]) -> Question:
    renamed = tuple(f"--rename {name}:{each}" for each in short)
    return Question("gone", name, f"The {what} {name} is gone.", long, (*renamed, f"--drop {name} (its data is lost)"))


def _name(operation: Any) -> str:
    return f"{operation.schema}.{operation.table_name}" if operation.schema else str(operation.table_name)


def _needs_value(column: Column[Any]) -> bool:
    made = column.server_default is not None or column.computed is not None or column.identity is not None
    return not (column.nullable or made or default_for(column) is not None)


# -- values for rows that are there ------------------------------------------------------------------------------------


def filled(found: ops.UpgradeOps, answers: Answers, metadata: MetaData) -> tuple[ops.UpgradeOps, ops.UpgradeOps]:
    """The operations with a default for each new column that must have a value; and what takes such defaults away.

    One that the model gives in Python stays in the table, since code that does not know the column needs it. One that
    was given for this change alone goes when no such code runs any more.
    """
    later: list[Any] = []
    now = list(_filled(found.ops, answers, metadata, later))
    return ops.UpgradeOps(now), ops.UpgradeOps(later)


def _filled(found: Iterable[Any], answers: Answers, metadata: MetaData, later: list[Any]) -> Iterator[Any]:
    for each in found:
        if not isinstance(each, ops.ModifyTableOps):
            yield each
            continue
        gone: list[Any] = []
        for one in each.ops:
            if isinstance(one, ops.AddColumnOp) and not one.column.nullable and one.column.server_default is None:
                gone += _add_value(one, _name(each), answers)
            elif isinstance(one, ops.AlterColumnOp) and one.modify_nullable is False:
                yield from _rows_without(one, metadata.tables[_name(each)].columns[one.column_name])
        yield each
        if gone:
            later.append(ops.ModifyTableOps(each.table_name, gone, schema=each.schema))


def _add_value(one: ops.AddColumnOp, table: str, answers: Answers) -> list[Any]:
    default = default_for(one.column)
    given = answers.fills.get(f"{table}.{one.column.name}")
    if default is None and given is not None:
        name = f"{table}.{one.column.name}"
        default = as_default(one.column, _read(one.column, name, given))
        if default is None:
            raise ChangeUnclear([f"--fill {name}={given}: a column of this type ({one.column.type!r}) has no default."])
    if default is None:
        return []
    plain = one.column
    column: Column[Any] = plain._copy()
    column.server_default = default
    default._set_parent(column)
    one.column = column
    if given is None:
        return []
    return [
        ops.AlterColumnOp(
            one.table_name,
            plain.name,
            schema=one.schema,
            modify_server_default=None,
            existing_type=plain.type,
            existing_nullable=False,
            existing_server_default=default,
        )
    ]


def _read(column: Column[Any], name: str, text: str) -> Any:
    """A value from the command line, by the column's type."""
    try:
        kind = column.type.python_type
        value = pydantic.TypeAdapter(kind).validate_python(text)
        is_aware = isinstance(value, datetime.datetime) and value.tzinfo is not None
        return value.astimezone(datetime.UTC) if is_aware else value
    except (NotImplementedError, pydantic.ValidationError) as error:
        raise ChangeUnclear(
            [f"--fill {name}={text}: that is no value of the column's type ({column.type!r})."]
        ) from error


def _rows_without(one: ops.AlterColumnOp, column: Column[Any]) -> Iterator[Any]:
    """Before a column must have a value, rows without one get the model's, where it has one."""
    default = column.server_default if column.server_default is not None else default_for(column)
    value: Any = getattr(default, "arg", None)
    if value is None:
        return
    fills = {kind: _fill(one, column, value, kind) for kind in ("postgresql", "sqlite", "mariadb")}
    fill = fills.pop("postgresql")
    there = fill.set, fill.where
    fill.elsewhere = {kind: other for kind, other in fills.items() if (other.set, other.where) != there}
    yield fill


def _fill(one: ops.AlterColumnOp, column: Column[Any], value: Any, kind: str) -> Backfill:
    """As one kind of database has names and values: the file may run on another one than it was made on."""
    dialect = dialect_of(kind)
    if isinstance(value, True_ | False_):
        text = "true" if isinstance(value, True_) else "false"
    elif not isinstance(value, str):
        try:
            text = written(value, dialect)
        except (CompileError, NotImplementedError, TypeError, ValueError) as error:
            raise ChangeUnclear([_unwritten(_name(one), column, kind)]) from error
    else:
        text = value if _is_number(column, value) else "'" + value.replace("'", "''") + "'"
    where = f"{dialect.identifier_preparer.quote(column.name)} IS NULL"
    return Backfill(one.table_name, {column.name: text}, where, one.schema)


def _unwritten(table: str, column: Column[Any], kind: str) -> str:
    return (
        f"The column {table}.{column.name} must have a value now, and its default ({column.type!r}) cannot be written "
        f'as SQL for {kind}. Fill its rows, and change it, by hand: wholestack db make --empty "…"'
    )


def _is_number(column: Column[Any], value: str) -> bool:
    try:
        return issubclass(column.type.python_type, int | float) and value.lstrip("-").isdigit()
    except NotImplementedError:
        return False
