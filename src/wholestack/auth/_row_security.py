"""Row-level security of PostgreSQL: the database itself shows a transaction the rows of one tenant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

_SETTING = "app.tenant"
_EVERY = "*"
_POLICY = "wholestack_tenant"


def enable_row_security(table: str, column: str = "tenant_id", *, operations: Any = None) -> None:
    """Let PostgreSQL itself hold a table's rows apart by tenant: in a migration's `upgrade`.

    It holds for the owner of the table, too, and for no superuser and no role with ``BYPASSRLS``: let the app connect
    as another. A transaction that names no tenant sees no row of it; a migration that writes rows says first
    ``SET LOCAL app.tenant = '*'``. On other databases it does nothing.

    Arguments:
        table: the table's name, with its schema where it has one.
        column: the one that says whose a row is.
        operations: Alembic's operations; those of the running migration where left out.
    """
    op = operations or _operations()
    if op.get_bind().dialect.name != "postgresql":
        return
    named, quoted = _quoted(op, table), _quoted(op, column)
    setting = f"current_setting('{_SETTING}', true)"
    op.execute(f"ALTER TABLE {named} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {named} FORCE ROW LEVEL SECURITY")
    mine = f"{quoted}::text = {setting} OR {setting} = '{_EVERY}'"
    op.execute(f"CREATE POLICY {_POLICY} ON {named} USING ({mine}) WITH CHECK ({mine})")


def disable_row_security(table: str, *, operations: Any = None) -> None:
    """Take back what `enable_row_security` did: in a migration's `downgrade`.

    Arguments:
        table: the table's name, with its schema where it has one.
        operations: Alembic's operations; those of the running migration where left out.
    """
    op = operations or _operations()
    if op.get_bind().dialect.name != "postgresql":
        return
    named = _quoted(op, table)
    op.execute(f"DROP POLICY IF EXISTS {_POLICY} ON {named}")
    op.execute(f"ALTER TABLE {named} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {named} DISABLE ROW LEVEL SECURITY")


def tell(connection: Connection, key: Any) -> None:
    """Say whose rows the transaction at hand is for."""
    if connection.dialect.name == "postgresql":
        _set(connection, str(key))


def lift(connection: Connection) -> str:
    """Let the transaction at hand see the rows of all tenants; what was said before."""
    if connection.dialect.name != "postgresql":
        return ""
    _begin(connection)
    before = connection.scalar(select(func.current_setting(_SETTING, True))) or ""
    _set(connection, _EVERY)
    return str(before)


def restore(connection: Connection, before: str) -> None:
    """Say again what was said before `lift`; a transaction that has failed ends with all that was said in it."""
    if connection.dialect.name == "postgresql" and not _has_failed(connection):
        _set(connection, before)


def _set(connection: Connection, value: str) -> None:
    _begin(connection)
    connection.execute(select(func.set_config(_SETTING, value, True)))


def _begin(connection: Connection) -> None:
    """What is said for a transaction needs one; a unit that only reads has none on PostgreSQL until now."""
    unit: Any = connection.connection.dbapi_connection
    if getattr(unit, "lazy", False):
        unit.lazy = False
        unit.start("read" if unit.looks else "write")


def _has_failed(connection: Connection) -> bool:
    from psycopg.pq import TransactionStatus

    unit: Any = connection.connection.dbapi_connection
    return bool(unit.pgconn.transaction_status == TransactionStatus.INERROR)


def _operations() -> Any:
    from alembic import op

    return op


def _quoted(op: Any, name: str) -> str:
    preparer = op.get_bind().dialect.identifier_preparer
    return ".".join(preparer.quote(part) for part in name.split("."))
