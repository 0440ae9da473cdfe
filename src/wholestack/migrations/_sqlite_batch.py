"""A table of SQLite's made anew: what is computed is not copied, and exact numbers are brought to their new unit.

What SQLAlchemy cuts when it reflects a table, the new table would lose.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ._canonical import with_computed, with_condition
from ._exact import kept, scaled


@contextlib.contextmanager
def copying(impl: Any) -> Iterator[None]:
    """Let Alembic's work on a database of SQLite's go by what these tables hold.

    Arguments:
        impl: Alembic's `DefaultImpl`, before a batch is begun.
    """
    reflect, prepare = impl.autogen_column_reflect, impl.prep_table_for_batch

    def reflected(inspector: Any, table: Any, column: Any) -> None:
        column.update(with_computed(inspector.bind, table.name, column))
        reflect(inspector, table, column)

    def prepared(batch: Any, table: Any) -> None:
        prepare(batch, table)
        for name, column in batch.columns.items():
            if column.computed is not None:  # SQLite takes no values for it.
                batch.column_transfers[name].pop("expr", None)
        for index in batch.indexes.values():
            if index.kwargs.get("sqlite_where") is not None:
                options = {"sqlite_where": index.kwargs["sqlite_where"]}
                whole = with_condition(impl.connection, {"name": index.name, "dialect_options": options})
                index.kwargs["sqlite_where"] = whole["dialect_options"]["sqlite_where"]

    impl.autogen_column_reflect, impl.prep_table_for_batch = reflected, prepared
    try:
        yield
    finally:
        del impl.autogen_column_reflect, impl.prep_table_for_batch


def with_units(batch: Any, flush: Callable[[], object]) -> None:
    """Make a table anew: where a type changes, by what the migration says that it was.

    Arguments:
        batch: Alembic's `BatchOperationsImpl`, with its steps.
        flush: what makes it anew.
    """
    impl = batch.impl
    plain = impl.cast_for_batch_migrate
    # SQLite's own word for an exact number is that for whole ones.
    before: dict[str, list[Any]] = {}
    for name, args, options in batch.batch:
        if name == "alter_column" and options.get("type_") is not None:
            before.setdefault(args[1], []).append(options.get("existing_type"))

    def brought(column: Any, transfer: Any, after: Any) -> None:
        was = before[column.key].pop(0)
        found = scaled(transfer["expr"], was, after) if was is not None else None
        if found is None:
            found = kept(transfer["expr"], after)
        if found is None:
            plain(column, transfer, after)
        else:
            transfer["expr"] = found

    impl.cast_for_batch_migrate = brought
    try:
        flush()
    finally:
        del impl.cast_for_batch_migrate
