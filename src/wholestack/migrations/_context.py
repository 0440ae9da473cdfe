"""Alembic's context, as we set it up: for running migrations, for writing them as SQL, and for comparing."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Dialect

from ._record import Recorder
from ._sqlite_batch import copying, with_units


class Context(MigrationContext):
    """A context whose steps outside the transaction are recorded, so that they are not done twice."""

    recorder: Recorder | None = None

    @contextlib.contextmanager
    def autocommit_block(self) -> Iterator[None]:
        """Run what is inside outside the migration's transaction, which is committed before."""
        if self.recorder is None:
            with super().autocommit_block():
                yield
        else:
            with self.recorder.outside():
                yield


@contextlib.contextmanager
def operations(here: Context) -> Iterator[None]:
    """Let `from alembic import op` in migrations work on a context.

    On SQLite a batch makes its statements from what it finds in the table. So it is recorded as one step: when the
    migration is run again, it would find something else.
    """
    op: Any = Operations(here)
    is_sqlite = here.dialect.name == "sqlite"
    if here.recorder is not None and is_sqlite:
        op.batch_alter_table = functools.partial(_batch, op.batch_alter_table, here.recorder)
    op._install_proxy()
    try:
        with warnings.catch_warnings(), copying(here.impl) if is_sqlite else contextlib.nullcontext():
            # Indexes on expressions, which a batch does not see, are kept by us.
            warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
            yield
    finally:
        op._remove_proxy()


@contextlib.contextmanager
def _batch(plain: Any, recorder: Recorder, *args: Any, **options: Any) -> Iterator[Any]:
    with plain(*args, **options) as batch:
        flush = functools.partial(with_units, batch.impl, batch.impl.flush)
        batch.impl.flush = lambda: recorder.as_one(_named(batch.impl), flush)
        yield batch


def _named(impl: Any) -> str:
    """What a batch does, by names: the same each time, where objects' own texts are not."""
    steps = [
        [name, *(str(each) if isinstance(each, str) else str(getattr(each, "name", "")) for each in args)]
        for name, args, _ in impl.batch
    ]
    return f"{impl.table_name}: {steps}"


def context(connection: Connection | None = None, *, dialect: Dialect | None = None, **options: Any) -> Context:
    """A context over a connection, or over a dialect alone for what is only to be written.

    Arguments:
        connection: where it works.
        dialect: the kind of database, where there is no connection.
        options: more of Alembic's own (`EnvironmentContext.configure`).
    """
    kind = connection.dialect if connection is not None else dialect
    if kind is None:
        raise TypeError("A context needs a connection or a dialect.")
    transactional = kind.name not in {"mysql", "mariadb"}
    return Context(kind, connection, {"transactional_ddl": transactional, **options})


def is_ours(name: str | None) -> bool:
    """Whether a table is book-keeping of ours, which no model knows."""
    return name is not None and name.startswith("wholestack_migration_")
