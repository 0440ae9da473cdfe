"""PostgreSQL's own enum types: made before the first column that has them, dropped after the last, given more values.

Alembic knows columns and not types: it makes a type with a table and never drops one. An enum of ours is text and has
no type; this is for those that a model asks for by name (`Enum(…, native_enum=True)`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Column, Enum, MetaData

from ._errors import ChangeUnclear
from ._safety_operations import On, Statement


def making(name: str, values: tuple[str, ...], schema: str | None = None) -> On:
    """A type is made, on PostgreSQL; its reverse drops it."""
    return On("postgresql", [Statement(*_both(name, values, schema))])


def dropping(name: str, values: tuple[str, ...], schema: str | None = None) -> On:
    """A type is dropped, on PostgreSQL; its reverse makes it again."""
    made, dropped = _both(name, values, schema)
    return On("postgresql", [Statement(dropped, made)])


def _both(name: str, values: tuple[str, ...], schema: str | None) -> tuple[str, str]:
    whole = f"{_identifier(schema)}.{_identifier(name)}" if schema else _identifier(name)
    return f"CREATE TYPE {whole} AS ENUM ({', '.join(map(_quoted, values))})", f"DROP TYPE {whole}"


def _identifier(name: str | None) -> str:
    plain = name is not None and name.isidentifier() and name == name.lower()
    return str(name) if plain else '"' + str(name).replace('"', '""') + '"'


@dataclasses.dataclass
class Changes:
    """What happens to types before the tables change, and after."""

    before: list[Any]
    after: list[Any]


def enum_changes(asked: AutogenContext, metadata: MetaData, found: list[Any], *, from_nothing: bool) -> Changes:
    """What has to be done to the types of a database.

    Arguments:
        asked: the comparison.
        metadata: the models' tables.
        found: what has to be done to its tables.
        from_nothing: whether the database is looked at as if it were empty.

    Raises:
        ChangeUnclear: a value goes away, which PostgreSQL cannot do.
    """
    wanted = {(each.schema, str(each.name)): each for each in _named(metadata)}
    new = _only_new(wanted, metadata, found)
    changes = Changes([making(key[1], _values(wanted[key]), key[0]) for key in wanted if key in new], [])
    if asked.dialect.name != "postgresql" or from_nothing:
        return changes
    inspector: Any = asked.inspector
    there = {(_schema(each), each["name"]): tuple(each["labels"]) for each in inspector.get_enums("*")}
    lost = []
    for key in sorted(wanted.keys() & there.keys(), key=str):
        changes.before += _more(key, there[key], _values(wanted[key]))
        lost += [f"{key[1]} loses the value {value!r}." for value in there[key] if value not in _values(wanted[key])]
    if lost:
        cure = "PostgreSQL cannot take a value out of an enum: leave it in the model, or let the column be text."
        raise ChangeUnclear([f"The enum {each} {cure}" for each in lost])
    gone = {_key(each) for each in _dropped(found)} - wanted.keys()
    changes.after += [dropping(key[1], there[key], key[0]) for key in sorted(gone & there.keys(), key=str)]
    return changes


def _named(metadata: MetaData) -> Iterator[Enum]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Enum) and column.type.native_enum and column.type.name:
                yield column.type


def _values(kind: Enum) -> tuple[str, ...]:
    return tuple(map(str, kind.enums))


def _key(kind: Enum) -> tuple[str | None, str]:
    return kind.schema, str(kind.name)


def _only_new(wanted: dict[Any, Enum], metadata: MetaData, found: list[Any]) -> set[Any]:
    """The types that only columns have which are new: so no database has them yet."""
    added = set()
    for each in found:
        if isinstance(each, ops.CreateTableOp):
            added |= {(each.table_name, column.name) for column in each.columns if isinstance(column, Column)}
        for one in each.ops if isinstance(each, ops.ModifyTableOps) else ():
            if isinstance(one, ops.AddColumnOp):
                added.add((one.table_name, one.column.name))
            elif isinstance(one, ops.AlterColumnOp) and one.modify_type is not None:
                added.add((one.table_name, one.column_name))
    users: dict[Any, set[Any]] = {key: set() for key in wanted}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Enum) and _key(column.type) in users:
                users[_key(column.type)].add((table.name, column.name))
    return {key for key, mine in users.items() if mine <= added}


def _dropped(found: list[Any]) -> Iterator[Enum]:
    for each in found:
        columns: list[Any] = []
        if isinstance(each, ops.DropTableOp):
            columns = list(each.to_table().columns)
        for one in each.ops if isinstance(each, ops.ModifyTableOps) else ():
            if isinstance(one, ops.DropColumnOp):
                columns.append(one.to_column())
            elif isinstance(one, ops.AlterColumnOp) and one.modify_type is not None:
                columns.append(one)
        for column in columns:
            kind = column.existing_type if isinstance(column, ops.AlterColumnOp) else column.type
            if isinstance(kind, Enum) and kind.name:
                yield kind


def _more(key: tuple[str | None, str], there: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[Any]:
    """Values that come: since PostgreSQL 12 in a transaction, too, as long as it does not use them."""
    whole = f"{_identifier(key[0])}.{_identifier(key[1])}" if key[0] else _identifier(key[1])
    for index, value in enumerate(wanted):
        if value not in there:
            place = f" AFTER {_quoted(wanted[index - 1])}" if index else f" BEFORE {_quoted(there[0])}" if there else ""
            words = f"ALTER TYPE {whole} ADD VALUE IF NOT EXISTS {_quoted(value)}{place}"
            yield On("postgresql", [Statement(words)])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _schema(enum: Any) -> str | None:
    return None if enum.get("visible", True) else str(enum["schema"])
