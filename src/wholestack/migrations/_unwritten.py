"""What can be seen of a change, and not be written: another key, a column that is computed in another way."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Column, Computed, Identity, Table

from ._canonical import computed_text, normal, one_expression
from ._safety_operations import Unclear

_BY_HAND = 'Write it by hand: wholestack db make --empty "…"'


def told_by(asked: AutogenContext) -> list[Unclear]:
    """What comparators have told of a comparison, which has no other place for it."""
    found: list[Unclear] = vars(asked).setdefault("unwritten", [])
    return found


def compare_key(asked: AutogenContext, schema: str | None, name: str, table: Table) -> None:
    """Tell whether a table has another primary key; in which order its columns stand there is the database's affair."""
    there = asked.inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    wanted = [each.name for each in table.primary_key.columns]
    if set(there) != set(wanted):
        before, after = (", ".join(each) or "none" for each in (there, wanted))
        how = "Rows are found, and referred to, by it, so nothing is written."
        told_by(asked).append(Unclear(name, f"The key of {name} is {before}, and not {after}. {how} {_BY_HAND}"))


def writable(asked: AutogenContext, operations: list[Any]) -> list[Any]:
    """Those of a table's operations that its database can do; MariaDB would make a computed column a plain one."""
    kept = []
    for each in operations:
        default = getattr(each, "existing_server_default", None)
        if isinstance(each, ops.AlterColumnOp) and isinstance(default, Computed) and asked.dialect.name == "mariadb":
            how = "MariaDB alters no such column: it has to be dropped, and added anew."
            text = (
                f"The column {each.table_name}.{each.column_name} is computed, and has another form. {how} {_BY_HAND}"
            )
            told_by(asked).append(Unclear(each.table_name, text))
        else:
            kept.append(each)
    return kept


def is_made(default: Any) -> bool:
    """Whether it is no default: the database computes the column, or numbers it."""
    return isinstance(default, Computed | Identity)


def compare_made(asked: AutogenContext, table: str, there: Column[Any], column: Column[Any]) -> bool:
    """Tell whether a column is computed in another way; False: Alembic has to look at it, since it is numbered."""
    found, wanted = there.server_default, column.server_default
    computed = isinstance(found, Computed) or isinstance(wanted, Computed)
    if not computed and not getattr(asked.dialect, "supports_identity_columns", False):
        return True  # What numbers its rows here is the key itself.
    if not computed and all(each is None or isinstance(each, Identity) for each in (found, wanted)):
        return False
    if not (isinstance(found, Computed) and isinstance(wanted, Computed) and _is_same(asked, found, column)):
        how = "No database alters that: the column has to be dropped, and added anew."
        text = f"The column {table}.{column.name} is computed in another way. {how} {_BY_HAND}"
        told_by(asked).append(Unclear(table, text))
    return True


def _is_same(asked: AutogenContext, found: Computed, column: Column[Any]) -> bool:
    """Whether the database has the same words; where it does not say how it writes them, nothing is claimed."""
    words = normal(one_expression(str(found.sqltext)))
    wanted = computed_text(asked.connection, column.table, column) if asked.connection is not None else None
    return not words or wanted is None or not wanted[0] or wanted == (words, found.persisted)
