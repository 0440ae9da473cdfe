"""Operations beside Alembic's own: steps outside the transaction, steps of one database, statements with their undo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alembic.operations import ops

Operation = ops.MigrateOperation


class Nothing(ops.OpContainer):
    """No step at all: the reverse of what needs none."""

    def reverse(self) -> Nothing:
        """Nothing."""
        return self


class Outside(ops.OpContainer):
    """Steps outside the migration's transaction, each one by itself: ``with op.get_context().autocommit_block():``.

    Arguments:
        steps: its steps; each can be run again after a stop half-way.
        undo: the steps that take them back; left out, their reverses.
    """

    def __init__(self, steps: Sequence[Operation], undo: Sequence[Operation] | None = None) -> None:
        super().__init__(steps)
        self.undo = undo

    def reverse(self) -> Outside:
        """What takes them back, outside as well."""
        undo = [each.reverse() for each in reversed(self.ops)] if self.undo is None else self.undo
        return Outside(undo, self.ops)


class On(ops.OpContainer):
    """Steps of one kind of database, and what all others do instead.

    Arguments:
        dialect: its name for SQLAlchemy, such as ``postgresql``.
        then: its steps.
        otherwise: those of all others.
    """

    def __init__(self, dialect: str, then: Sequence[Operation], otherwise: Sequence[Operation] = ()) -> None:
        super().__init__(then)
        self.dialect = dialect
        self.otherwise = list(otherwise)

    def reverse(self) -> On:
        """The steps' reverses."""
        then, otherwise = ([each.reverse() for each in reversed(some)] for some in (self.ops, self.otherwise))
        return On(self.dialect, then, otherwise)


class Statement(ops.ExecuteSQLOp):
    """One statement of SQL with the statement that takes it back; without one, its reverse does nothing."""

    def __init__(self, sql: str, undo: str = "") -> None:
        super().__init__(sql)
        self.undo = undo

    def reverse(self) -> Operation:
        """What takes it back."""
        return Statement(self.undo, str(self.sqltext)) if self.undo else Nothing()


class Backfill(ops.MigrateOperation):
    """Values for rows that are there already, written in batches: a call of `backfill`.

    Arguments:
        table: the table.
        set: its columns, each with the SQL of its value.
        where: which rows still need it.

    Kinds of databases that write it in another way have theirs in `elsewhere`.
    """

    def __init__(self, table: str, set: Mapping[str, str], where: str = "", schema: str | None = None) -> None:
        self.table_name = table
        self.set = dict(set)
        self.where = where
        self.schema = schema
        self.size = 1000
        self.elsewhere: dict[str, Backfill] = {}
        self.name = f":{schema or ''}:{table}:{','.join(self.set)}"

    def reverse(self) -> Operation:
        """Nothing: the columns go with their own reverse."""
        return Nothing()


class Mirror(ops.MigrateOperation):
    """A trigger that keeps an old form of a row and its new form alike, while code writes either.

    Arguments:
        table: the table.
        forward: the new columns, each with the SQL of its value from the old ones.
        backward: the old columns, each with the SQL of its value from the new ones.
        ends: it takes the trigger away.
    """

    def __init__(
        self, table: str, forward: Mapping[str, str], backward: Mapping[str, str], *, ends: bool = False
    ) -> None:
        self.table_name = table
        self.forward = dict(forward)
        self.backward = dict(backward)
        self.ends = ends

    def reverse(self) -> Operation:
        """The trigger taken away, or put back."""
        return Mirror(self.table_name, self.forward, self.backward, ends=not self.ends)


class Opaque(ops.MigrateOperation):
    """Something that cannot be known without running it.

    Arguments:
        what: what it was.
    """

    def __init__(self, what: str) -> None:
        self.what = what


class Unclear(ops.MigrateOperation):
    """What differs and cannot be written: it is told, and no migration is made of it.

    Arguments:
        table: the table it is about.
        text: what differs, and what to do, in sentences.
    """

    def __init__(self, table: str, text: str) -> None:
        self.table_name = table
        self.text = text


class Special(ops.MigrateOperation):
    """A statement that no operation of Alembic stands for.

    Arguments:
        kind: what it does, such as ``vacuum-full``.
        table: the table it is about.
        name: the constraint, view or index it is about.
        text: the statement.
    """

    def __init__(self, kind: str, table: str = "", name: str = "", text: str = "") -> None:
        self.kind = kind
        self.table_name = table
        self.name = name
        self.text = text


@dataclasses.dataclass(frozen=True)
class Step:
    """One operation where it stands.

    Attributes:
        operation: the operation.
        outside: it runs outside the migration's transaction.
        batch: the table of the batch it belongs to (`op.batch_alter_table`).
        raw: the statement that it was read from.
    """

    operation: Operation
    outside: bool = False
    batch: str = ""
    raw: str = ""


def steps(container: Any, dialect: str, *, outside: bool = False) -> Iterator[Step]:
    """Each operation of a migration that a database of this kind runs, containers opened, in order."""
    from ._safety_sql import read

    for each in getattr(container, "ops", ()):
        if isinstance(each, On):
            mine = each.ops if each.dialect == dialect else each.otherwise
            yield from steps(ops.OpContainer(mine), dialect, outside=outside)
        elif isinstance(each, ops.ModifyTableOps):
            yield from (
                dataclasses.replace(step, batch=table_key(each)) for step in steps(each, dialect, outside=outside)
            )
        elif isinstance(each, ops.OpContainer):
            yield from steps(each, dialect, outside=outside or isinstance(each, Outside))
        elif isinstance(each, ops.ExecuteSQLOp):
            text = str(each.sqltext)
            yield from (Step(operation, outside, raw=text) for operation in read(text))
        else:
            yield Step(each, outside)


def table_key(operation: Any) -> str:
    """The table of an operation, with its schema where it has one; empty where it has no table."""
    name = getattr(operation, "source_table", None) or getattr(operation, "table_name", None)
    if name is None and (table := getattr(operation, "table", None)) is not None:
        name = getattr(table, "name", "")
    schema = getattr(operation, "schema", None) or getattr(operation, "kw", {}).get("source_schema")
    return f"{schema}.{name}" if schema else str(name or "")
