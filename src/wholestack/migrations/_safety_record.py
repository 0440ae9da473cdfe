"""What a migration's file does, found without a database: its `upgrade` is run with an `op` that only takes notes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alembic import op as alembic_op
from alembic.operations import BatchOperations, Operations, ops
from alembic.operations.batch import BatchOperationsImpl
from alembic.runtime.migration import MigrationContext

from ._safety_operations import Opaque, Operation, Outside
from ._safety_types import dialect_of


class _Context(MigrationContext):
    """A context that notes which operations stand outside of the transaction."""

    notes: _Notes

    @contextlib.contextmanager
    def autocommit_block(self) -> Iterator[None]:
        """What is noted in it runs outside of the transaction."""
        with self.notes.inside(Outside([])):
            yield


class _Notes:
    """The operations that were noted, and the container that is open."""

    def __init__(self) -> None:
        self.top = ops.UpgradeOps([])
        self.open: ops.OpContainer = self.top

    def add(self, operation: Operation) -> None:
        self.open.ops.append(operation)

    @contextlib.contextmanager
    def inside(self, container: ops.OpContainer) -> Iterator[None]:
        before, self.open = self.open, container
        before.ops.append(container)
        try:
            yield
        finally:
            self.open = before


class _Connection:
    """Stands where a migration asks for its connection: statements are noted, and nothing is answered."""

    def __init__(self, notes: _Notes, dialect: Any) -> None:
        self._notes = notes
        self.dialect = dialect

    def execute(self, statement: Any, *_: Any, **__: Any) -> _Answer:
        """Note a statement."""
        self._notes.add(ops.ExecuteSQLOp(statement))
        return _Answer(self._notes, str(statement))

    exec_driver_sql = scalar = scalars = execute

    def __getattr__(self, name: str) -> Any:
        self._notes.add(Opaque(f"op.get_bind().{name}"))
        raise _Unknown


class _Answer:
    """What a statement would answer, which nobody knows here."""

    def __init__(self, notes: _Notes, statement: str) -> None:
        self._notes = notes
        self._statement = " ".join(statement.split())[:60]

    def _ask(self) -> Any:
        self._notes.add(Opaque(f"the rows of {self._statement}"))
        raise _Unknown

    def __getattr__(self, name: str) -> Any:
        return self._ask()

    def __iter__(self) -> Any:
        return self._ask()

    def __bool__(self) -> bool:
        return bool(self._ask())


class _Unknown(Exception):
    """The migration asks what only a database can answer."""


def _recorder(context: MigrationContext, notes: _Notes) -> Operations:
    """Alembic's `op` that takes notes."""
    recorder: Any = Operations(context)

    def invoke(operation: Operation) -> Any:
        notes.add(operation)
        # A table that is made is given back, so that rows can be inserted into it.
        return operation.to_table(context) if isinstance(operation, ops.CreateTableOp) else None

    @contextlib.contextmanager
    def batch_alter_table(table_name: str, schema: str | None = None, *_: Any, **__: Any) -> Iterator[Any]:
        impl = BatchOperationsImpl(  # type: ignore[no-untyped-call]
            recorder, table_name, schema, "never", None, (), {}, (), {}, None, ()
        )
        batch: Any = BatchOperations(context, impl=impl)
        batch.invoke = notes.add
        with notes.inside(ops.ModifyTableOps(table_name, [], schema=schema)):
            yield batch

    recorder.invoke = invoke
    recorder.batch_alter_table = batch_alter_table
    recorder.get_bind = lambda: _Connection(notes, context.dialect)
    found: Operations = recorder
    return found


def recorded(upgrade: Callable[[], object], dialect: str) -> ops.UpgradeOps:
    """The operations of a migration's `upgrade`, found without a database.

    Arguments:
        upgrade: the function.
        dialect: the kind of database that it is asked for: ``op.get_context().dialect.name`` says so there.

    What depends on rows that only a database has becomes an `Opaque` operation, which `examine` does not let pass.
    """
    context = _Context(dialect_of(dialect), None, {"as_sql": True, "output_buffer": io.StringIO()})
    notes = context.notes = _Notes()
    recorder = _recorder(context, notes)
    before = getattr(alembic_op, "_proxy", None)
    recorder._install_proxy()
    try:
        upgrade()
    except _Unknown:
        pass
    except Exception as error:
        notes.add(Opaque(f"{type(error).__name__}: {error}"))
    finally:
        recorder._remove_proxy()
        if before is not None:
            before._install_proxy()
    return notes.top


def reasons(module: Any) -> Mapping[str, str]:
    """What a migration's file acknowledges, each with its reason; one without a reason does not count."""
    said = getattr(module, "acknowledged", {})
    if not isinstance(said, Mapping):
        return {}
    return {str(code): str(reason) for code, reason in said.items() if str(reason or "").strip()}
