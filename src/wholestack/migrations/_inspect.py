"""A database looked at as if tables and columns had been renamed already: what differs then is what is left to do."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy import text as words

from ._canonical import with_computed, with_condition

_KINDS = (
    "columns",
    "pk_constraint",
    "foreign_keys",
    "indexes",
    "unique_constraints",
    "table_comment",
    "check_constraints",
    "table_options",
)


@dataclasses.dataclass(frozen=True)
class Renames:
    """What was renamed, by its old name.

    Attributes:
        tables: old name of a table → new name.
        columns: (new name of the table, old name of a column) → new name.
    """

    tables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)

    def table(self, name: str) -> str:
        """A table's new name."""
        return self.tables.get(name, name)

    def old_table(self, name: str) -> str:
        """A table's old name."""
        return next((old for old, new in self.tables.items() if new == name), name)

    def column(self, table: str, name: Any) -> Any:
        """A column's new name; `table` is the new one."""
        return self.columns.get((table, name), name) if isinstance(name, str) else name

    def and_table(self, old: str, new: str) -> Renames:
        """These, and a table."""
        columns = {(new if table == old else table, column): name for (table, column), name in self.columns.items()}
        return Renames({**self.tables, old: new}, columns)

    def and_column(self, table: str, old: str, new: str) -> Renames:
        """These, and a column."""
        return Renames(self.tables, {**self.columns, (table, old): new})


def renamed_inspector(connection: Connection, renames: Renames) -> Any:
    """SQLAlchemy's inspector, with the new names in place of the old ones."""
    inspector: Any = inspect(connection)
    if connection.dialect.name == "sqlite":
        _read_whole(inspector, "columns", lambda table, each: with_computed(connection, table, each))
        _read_whole(inspector, "indexes", lambda _table, each: with_condition(connection, each))
    if not renames.tables and not renames.columns:
        return inspector
    plain = inspector.get_table_names
    inspector.get_table_names = lambda schema=None: [renames.table(each) for each in plain(schema=schema)]
    for kind in _KINDS:
        single, multi = f"get_{kind}", f"get_multi_{kind}"
        setattr(inspector, single, _single(getattr(inspector, single), kind, renames))
        setattr(inspector, multi, _multi(getattr(inspector, multi), kind, renames))
    return inspector


def _read_whole(inspector: Any, kind: str, whole: Callable[[str, Any], Any]) -> None:
    """Let it tell all of what SQLAlchemy cuts on SQLite."""
    one, several = getattr(inspector, f"get_{kind}"), getattr(inspector, f"get_multi_{kind}")

    def of_one(table_name: str, schema: str | None = None, **options: Any) -> Any:
        return [whole(table_name, each) for each in one(table_name, schema=schema, **options)]

    def of_several(schema: str | None = None, **options: Any) -> Any:
        found = several(schema=schema, **options)
        return {key: [whole(key[1], each) for each in those] for key, those in found.items()}

    setattr(inspector, f"get_{kind}", of_one)
    setattr(inspector, f"get_multi_{kind}", of_several)


def _single(plain: Callable[..., Any], kind: str, renames: Renames) -> Callable[..., Any]:
    def read(table_name: str, schema: str | None = None, **options: Any) -> Any:
        return _mapped(kind, table_name, plain(renames.old_table(table_name), schema=schema, **options), renames)

    return read


def _multi(plain: Callable[..., Any], kind: str, renames: Renames) -> Callable[..., Any]:
    def read(schema: str | None = None, filter_names: Any = None, **options: Any) -> Any:
        old = None if filter_names is None else [renames.old_table(each) for each in filter_names]
        found = plain(schema=schema, filter_names=old, **options)
        names = {key: (key[0], renames.table(key[1])) for key in found}
        return {names[key]: _mapped(kind, names[key][1], value, renames) for key, value in found.items()}

    return read


def _mapped(kind: str, table: str, value: Any, renames: Renames) -> Any:
    if isinstance(value, list):
        return [_mapped(kind, table, each, renames) for each in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = dict(value)
    if kind == "columns":
        found["name"] = renames.column(table, found["name"])
    for key in ("column_names", "constrained_columns"):
        if found.get(key):
            found[key] = [renames.column(table, each) for each in found[key]]
    if found.get("expressions"):  # Of an index: names of columns, and words that speak of them.
        found["expressions"] = [in_text(str(each), table, renames) for each in found["expressions"]]
    if kind == "foreign_keys":
        found["referred_table"] = renames.table(found["referred_table"])
        found["referred_columns"] = [
            renames.column(found["referred_table"], each) for each in found["referred_columns"]
        ]
    if "sqltext" in found:
        found["sqltext"] = in_text(str(found["sqltext"]), table, renames)
    if found.get("computed"):
        sqltext = in_text(str(found["computed"]["sqltext"]), table, renames)
        found["computed"] = {**found["computed"], "sqltext": sqltext}
    if found.get("dialect_options"):
        options = found["dialect_options"]
        wheres = {name: in_text(str(each), table, renames) for name, each in options.items() if name.endswith("_where")}
        found["dialect_options"] = {**options, **{name: words(each) for name, each in wheres.items()}}
    return found


def in_text(text: str, table: str, renames: Renames) -> str:
    """A check's text with its columns' new names; what stands in quotes is a value."""
    mine = {old: new for (of, old), new in renames.columns.items() if of == table}
    pieces = re.split(r"('(?:[^']|'')*')", text)
    for index in range(0, len(pieces), 2):
        pieces[index] = re.sub(r"\w+", lambda word: mine.get(word[0], word[0]), pieces[index])
    return "".join(pieces)
