"""Two forms of a row kept alike by a trigger, while old code writes the one and new code the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alembic.operations import Operations
from sqlalchemy import inspect

from ._safety_operations import Mirror
from ._safety_types import dialect_of
from ._safety_words import words


def mirror(op: Any, table: str, *, forward: Mapping[str, str], backward: Mapping[str, str]) -> None:
    """Keep old columns and the new ones that take over from them alike, from now on, whichever of them is written.

    Arguments:
        op: Alembic's `op`.
        table: the table.
        forward: each new column with the SQL of its value from the old ones.
        backward: each old column with the SQL of its value from the new ones.

    A trigger does it (on PostgreSQL with a function, both called `mirror_` and the table's name). The new columns must
    have neither a default nor NOT NULL while it is there. Rows that are there already get their values by `backfill`
    with the same expressions. `end_mirror` takes it away, in the contract phase.

    Example:
        >>> from alembic import op
        >>> from wholestack.migrations import phase_of, recorded
        >>> both = {"forward": {"full_name": "name"}, "backward": {"name": "full_name"}}
        >>> phase_of(recorded(lambda: mirror(op, "person", **both), "postgresql"))
        'expand'
    """
    op.invoke(Mirror(table, forward, backward))


def end_mirror(op: Any, table: str, *, forward: Mapping[str, str], backward: Mapping[str, str]) -> None:
    """Take away what `mirror` has made; the arguments are the same, so that a downgrade knows them.

    Example:
        >>> from alembic import op
        >>> from wholestack.migrations import phase_of, recorded
        >>> both = {"forward": {"full_name": "name"}, "backward": {"name": "full_name"}}
        >>> phase_of(recorded(lambda: end_mirror(op, "person", **both), "postgresql"))
        'contract'
    """
    op.invoke(Mirror(table, forward, backward, ends=True))


@Operations.implementation_for(Mirror)
def _apply(operations: Operations, operation: Mirror) -> None:
    context = operations.get_context()
    kind = context.dialect.name
    write: Callable[[Mirror, Callable[[str, str], str]], list[str]]
    write = {"postgresql": _postgresql, "sqlite": _sqlite}.get(kind, _mariadb)
    if operation.ends:
        statements = _ending(operation, kind)
    else:
        columns = set()
        if kind != "postgresql" and context.connection is not None:
            columns = {each["name"] for each in inspect(context.connection).get_columns(operation.table_name)}
        statements = write(operation, lambda expression, row: _qualified(expression, row, columns, kind))
    for statement in statements:
        operations.execute(statement.replace(":", "\\:"))


def _quote(kind: str) -> Callable[[str], str]:
    return dialect_of(kind).identifier_preparer.quote


def _name(operation: Mirror, kind: str, event: str = "") -> str:
    return _quote(kind)(f"mirror_{operation.table_name}{event}"[:63])


def _ending(operation: Mirror, kind: str) -> list[str]:
    if kind == "postgresql":
        name = _name(operation, kind)
        return [f"DROP TRIGGER {name} ON {_quote(kind)(operation.table_name)}", f"DROP FUNCTION {name}()"]
    return [f"DROP TRIGGER {_name(operation, kind, event)}" for event in ("_insert", "_update")]


def _qualified(expression: str, row: str, columns: set[str], kind: str) -> str:
    """An expression whose columns are those of a trigger's row."""
    found = words(expression)
    parts = []
    for index, word in enumerate(found):
        before, after = found[index - 1] if index else "", found[index + 1] if index + 1 < len(found) else ""
        is_column = word.kind in {"name", "quoted"} and word.identifier in columns and before != "." and after != "("
        parts.append(f"{row}.{_quote(kind)(word.identifier)}" if is_column else str(word))
    # A function's name and its bracket belong together for MariaDB.
    return " ".join(parts).replace(" (", "(")


_POSTGRESQL = """CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $mirror$
DECLARE
  ahead record;
  behind record;
BEGIN
  SELECT {forward} INTO ahead FROM (SELECT NEW.*) AS written;
  IF ({new}) IS NOT DISTINCT FROM ({ahead}) THEN
    RETURN NEW;
  END IF;
  SELECT {backward} INTO behind FROM (SELECT NEW.*) AS written;
  IF {empty} THEN
    {take_forward}
  ELSIF TG_OP = 'INSERT' OR ({new}) IS DISTINCT FROM ({before}) THEN
    {take_backward}
  ELSIF ({old}) IS DISTINCT FROM ({old_before}) AND ({old}) IS DISTINCT FROM ({behind}) THEN
    {take_forward}
  END IF;
  RETURN NEW;
END
$mirror$"""


def _postgresql(operation: Mirror, _: Callable[[str, str], str]) -> list[str]:
    quote = _quote("postgresql")
    new, old = ([quote(each) for each in some] for some in (operation.forward, operation.backward))

    def row(name: str, columns: list[str]) -> str:
        return ", ".join(f"{name}.{column}" for column in columns)

    def numbered(expressions: Mapping[str, str]) -> str:
        return ", ".join(f"({sql}) AS c{index}" for index, sql in enumerate(expressions.values()))

    def taken(record: str, columns: list[str]) -> str:
        return " ".join(f"NEW.{column} := {record}.c{index};" for index, column in enumerate(columns))

    name, table = _name(operation, "postgresql"), quote(operation.table_name)
    function = _POSTGRESQL.format(
        name=name,
        forward=numbered(operation.forward),
        backward=numbered(operation.backward),
        new=row("NEW", new),
        old=row("NEW", old),
        before=row("OLD", new),
        old_before=row("OLD", old),
        ahead=", ".join(f"ahead.c{index}" for index in range(len(new))),
        behind=", ".join(f"behind.c{index}" for index in range(len(old))),
        empty="(" + " AND ".join(f"NEW.{column} IS NULL" for column in new) + ")",
        take_forward=taken("ahead", new),
        take_backward=taken("behind", old),
    )
    trigger = f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    return [function, trigger]


class _Row:
    """The conditions of a trigger in the words of MariaDB or SQLite."""

    def __init__(self, operation: Mirror, same: str, kind: str, qualified: Callable[[str, str], str]) -> None:
        quote = _quote(kind)
        self.operation, self.same, self.quote, self.qualified = operation, same, quote, qualified
        self.empty = " AND ".join(f"NEW.{quote(each)} IS NULL" for each in operation.forward)
        self.alike, self.alike_backward = (
            " AND ".join(f"NEW.{quote(each)} {same} ({qualified(sql, 'NEW')})" for each, sql in some.items())
            for some in (operation.forward, operation.backward)
        )
        self.new_kept, self.old_kept = (
            " AND ".join(f"NEW.{quote(each)} {same} OLD.{quote(each)}" for each in some)
            for some in (operation.forward, operation.backward)
        )

    @property
    def forward_on_update(self) -> str:
        changed = f"({self.new_kept}) AND NOT ({self.old_kept}) AND NOT ({self.alike_backward})"
        return f"NOT ({self.alike}) AND (({self.empty}) OR ({changed}))"

    @property
    def backward_on_update(self) -> str:
        return f"NOT ({self.alike}) AND NOT ({self.empty}) AND NOT ({self.new_kept})"

    def assigned(self, expressions: Mapping[str, str], target: str) -> str:
        """The assignments, of all columns from the row as it was written."""
        return ", ".join(
            f"{target}{self.quote(each)} = ({self.qualified(sql, 'NEW')})" for each, sql in expressions.items()
        )


def _mariadb(operation: Mirror, qualified: Callable[[str, str], str]) -> list[str]:
    row = _Row(operation, "<=>", "mariadb", qualified)
    forward, backward = (f"SET {row.assigned(some, 'NEW.')};" for some in (operation.forward, operation.backward))
    on = f"ON {row.quote(operation.table_name)} FOR EACH ROW"
    insert = (
        f"CREATE TRIGGER {_name(operation, 'mariadb', '_insert')} BEFORE INSERT {on} "
        f"IF {row.empty} THEN {forward} ELSEIF NOT ({row.alike}) THEN {backward} END IF"
    )
    update = (
        f"CREATE TRIGGER {_name(operation, 'mariadb', '_update')} BEFORE UPDATE {on} "
        f"IF {row.forward_on_update} THEN {forward} ELSEIF {row.backward_on_update} THEN {backward} END IF"
    )
    return [insert, update]


def _sqlite(operation: Mirror, qualified: Callable[[str, str], str]) -> list[str]:
    """SQLite's triggers cannot change the row that is written: they write it again, afterwards."""
    row = _Row(operation, "IS", "sqlite", qualified)
    table = row.quote(operation.table_name)

    def trigger(event: str, condition: str, expressions: Mapping[str, str]) -> str:
        values = row.assigned(expressions, "")
        return f"UPDATE {table} SET {values} WHERE rowid = NEW.rowid AND {condition};"  # noqa: S608  (quoted names)

    insert = trigger("_insert", row.empty, operation.forward) + trigger(
        "_insert", f"NOT ({row.empty}) AND NOT ({row.alike})", operation.backward
    )
    update = trigger("_update", row.forward_on_update, operation.forward) + trigger(
        "_update", row.backward_on_update, operation.backward
    )
    return [
        f"CREATE TRIGGER {_name(operation, 'sqlite', event)} AFTER {words_} ON {table} FOR EACH ROW BEGIN {body} END"
        for event, words_, body in (("_insert", "INSERT", insert), ("_update", "UPDATE", update))
    ]
