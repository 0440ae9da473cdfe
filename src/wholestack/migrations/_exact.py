"""Exact numbers that get another type: SQLite keeps them as whole numbers and knows nothing of their scale.

So what a column was is read in the migrations, and its values are scaled when SQLite's table is copied.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from alembic.operations import ops
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Enum,
    Float,
    Integer,
    Numeric,
    String,
    case,
    cast,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from wholestack.db import Database, Exact

from ._folder import Folder
from ._inspect import Renames
from ._safety_operations import Unclear, steps, table_key
from ._safety_record import recorded
from ._safety_sql import RawType

Known = Callable[[str, str], "TypeEngine[Any] | None"]
"""The type of a column (its table, its name) as the migrations have it; None where they do not say."""


def nothing_known(_table: str, _column: str) -> None:
    """Where there are no migrations."""


def known_from(database: Database, heads: Sequence[str] | None = None) -> Known:
    """What the migrations of a database say; they are read when somebody asks.

    Arguments:
        database: whose folder.
        heads: the last ones that it has had; None: all.
    """
    if database.migrations is None or not database.migrations.is_dir():
        return nothing_known
    types = functools.cache(lambda: _types(Folder.of(database), heads))
    return lambda table, column: types().get((table, column))


def _types(folder: Folder, heads: Sequence[str] | None) -> dict[tuple[str, str], TypeEngine[Any]]:
    found: dict[tuple[str, str], TypeEngine[Any]] = {}
    had = set(folder.heads()) if heads is None else {each for each in heads if folder.knows(each)}
    mine = {each.revision for each in folder.script.iterate_revisions(tuple(had), "base")} if had else set()
    for each in folder.all():
        if each.revision not in mine:
            continue
        for step in steps(recorded(each.module.upgrade, "sqlite"), "sqlite"):
            found = _after(step.operation, found)
    return {key: kind for key, kind in found.items() if not isinstance(kind, RawType | NullType)}


def _after(operation: Any, types: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """The types of columns when an operation is done."""
    table = table_key(operation)
    if isinstance(operation, ops.CreateTableOp):
        return types | {(table, each.name): each.type for each in operation.columns if isinstance(each, Column)}
    if isinstance(operation, ops.DropTableOp):
        return {key: kind for key, kind in types.items() if key[0] != table}
    if isinstance(operation, ops.RenameTableOp):
        new = table_key(ops.DropTableOp(operation.new_table_name, schema=operation.schema))
        return {(new if key[0] == table else key[0], key[1]): kind for key, kind in types.items()}
    if isinstance(operation, ops.AddColumnOp):
        return types | {(table, operation.column.name): operation.column.type}
    if isinstance(operation, ops.DropColumnOp):
        return {key: kind for key, kind in types.items() if key != (table, operation.column_name)}
    if isinstance(operation, ops.AlterColumnOp):
        key = (table, operation.column_name)
        if operation.modify_type is not None:
            types = types | {key: operation.modify_type}
        if operation.modify_name and key in types:
            types = {(table, operation.modify_name) if each == key else each: kind for each, kind in types.items()}
    return types


class Comparison:
    """Compares the types of columns where one of them is exact.

    Arguments:
        dialect: the kind of database.
        renames: what is taken as renamed.
        known: what the migrations say.
    """

    def __init__(self, dialect: str, renames: Renames, known: Known) -> None:
        self.dialect = dialect
        self.renames = renames
        self.known = known
        self.unclear: list[Unclear] = []

    def _known(self, table: str, column: str, reflected: Any) -> Any:
        """What the migrations say a column is; None where they do not, or somebody has changed it by hand."""
        old = next((old for (of, old), new in self.renames.columns.items() if (of, new) == (table, column)), column)
        kind: Any = self.known(self.renames.old_table(table), old)
        kind = kind() if isinstance(kind, type) else kind
        exact = BigInteger if self.dialect == "sqlite" else Numeric
        like = exact if isinstance(kind, Exact) else Integer if isinstance(kind, Integer) else type(None)
        return kind if isinstance(reflected, like) else None

    def was(self, table: str, column: str, reflected: Any, wanted: Any) -> Any:
        """What a column is: as the migrations have it where a number is exact, otherwise as the database says."""
        kind = self._known(table, column, reflected)
        return kind if isinstance(kind, Exact) or (kind is not None and isinstance(wanted, Exact)) else reflected

    def __call__(self, _context: Any, _there: Any, column: Any, reflected: Any, wanted: Any) -> bool | None:
        """Alembic's hook; None leaves it to Alembic."""
        if self.dialect != "sqlite":
            return None
        known = self._known(column.table.key, column.name, reflected)
        if known is None and isinstance(reflected, BigInteger):
            # Nobody says what it is: whole numbers, or exact ones.
            return None if isinstance(wanted, Exact | Integer) else self._refuse(column, reflected, wanted)
        before = known if known is not None else reflected
        if not isinstance(before, Exact) and not isinstance(wanted, Exact):
            return None
        if isinstance(before, Exact) and isinstance(wanted, Exact):
            return (before.precision, before.scale) != (wanted.precision, wanted.scale)
        return True if _can_be_scaled(before, wanted) else self._refuse(column, before, wanted)

    def _refuse(self, column: Any, before: Any, wanted: Any) -> bool:
        name = f"{column.table.key}.{column.name}"
        text = (
            f"The column {name} changes from {before!r} to {wanted!r}. SQLite keeps an exact number as a whole one, so "
            "how its values are to be changed is not certain. Write it by hand (op.execute for the values, and "
            f'batch_op.alter_column("{column.name}", existing_type=…, type_=…)): wholestack db make --empty "…"'
        )
        self.unclear.append(Unclear(column.table.key, text))
        return False


def _can_be_scaled(before: Any, after: Any) -> bool:
    return (_is_number(before) and _is_number(after)) or (isinstance(before, Exact) and _is_text(after))


def _is_number(kind: Any) -> bool:
    return isinstance(kind, Exact | Integer | Numeric | Float)


def _is_text(kind: Any) -> bool:
    return isinstance(kind, String) and not isinstance(kind, Enum)


def scaled(column: Any, before: Any, after: Any) -> Any:
    """A column's values in SQLite, as another type keeps them; None where they stay, or nobody knows what they are.

    Where a value has more digits than the new type, SQLite stops, as PostgreSQL does.
    """
    before, after = (each() if isinstance(each, type) else each for each in (before, after))
    if isinstance(after, Exact) and _is_text(before):
        return _Kept(_bounded(_from_words(type_coerce(column, String), after.scale), 10**after.precision), after)
    exact = isinstance(before, Exact), isinstance(after, Exact)
    if not any(exact) or not _can_be_scaled(before, after):
        return None
    value = type_coerce(column, Integer)
    places = before.scale if isinstance(before, Exact) else 0
    if _is_text(after):
        return _in_words(value, places)
    if isinstance(before, TypeDecorator | Integer) and isinstance(after, TypeDecorator | Integer):
        found = _shifted(value, (after.scale if isinstance(after, Exact) else 0) - places)
    elif exact[0]:
        return value.op("/")(literal_column(f"{10**places}.0"))
    else:
        found = cast(func.round(value.op("*")(_whole(10**after.scale))), Integer)
    return _Kept(_bounded(found, 10**after.precision), after) if isinstance(after, Exact) else found


def kept(column: Any, after: Any) -> Any:
    """What lies in a column that becomes exact, as it lies there; None where it does not become so."""
    after = after() if isinstance(after, type) else after
    return _Kept(type_coerce(column, Integer), after) if isinstance(after, Exact) else None


class _Kept(ColumnElement[Any]):
    """Whole numbers as an exact column keeps them: in its unit already, and not to be brought to it once more."""

    inherit_cache = False

    def __init__(self, inner: Any, kind: Exact) -> None:
        self.inner, self.type = inner, kind

    @property
    def _from_objects(self) -> Any:
        return self.inner._from_objects


@compiles(_Kept)
def _as_it_is(element: _Kept, compiler: Any, **options: Any) -> Any:
    return compiler.process(element.inner, **options)


def _whole(number: int) -> Any:
    return literal_column(str(number), Integer)


def _shifted(value: Any, places: int) -> Any:
    """By so many places; a half is rounded away from zero, as PostgreSQL does."""
    if places >= 0:
        return value.op("*")(_whole(10**places)) if places else value
    half = 10**-places // 2
    away = case((value < _whole(0), _whole(-half)), else_=_whole(half))
    return value.op("+")(away).self_group().op("/")(_whole(10**-places))


def _in_words(value: Any, places: int) -> Any:
    """All digits, as PostgreSQL writes a number of this scale."""
    sign = case((value < _whole(0), literal_column("'-'")), else_=literal_column("''"))
    size, unit = func.abs(value), _whole(10**places)
    found = sign.op("||")(size.op("/")(unit))
    if places:
        rest = func.printf(literal_column(f"'.%0{places}d'"), size.op("%")(unit))
        found = found.op("||")(rest)
    return case((value.is_(None), literal_column("NULL")), else_=found)


def _from_words(value: Any, places: int) -> Any:
    """What `_in_words` wrote, digit by digit; other numbers as near as SQLite comes to them."""
    written = func.glob(literal_column(f"'*.{'[0-9]' * places}'"), value) if places else value.is_(None)
    digits = cast(func.replace(value, literal_column("'.'"), literal_column("''")), Integer)
    near = func.round(type_coerce(value, Integer).op("*")(_whole(10**places)))
    return case((written, digits), else_=cast(near, Integer))


def _bounded(value: Any, limit: int) -> Any:
    """The absolute value of the least number overflows: SQLite has no other way to stop within a statement."""
    stops = func.abs(literal_column("-9223372036854775808"))
    return case((func.abs(value) >= _whole(min(limit, 2**63 - 1)), stops), else_=value)
