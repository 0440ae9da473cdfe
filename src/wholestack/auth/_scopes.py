"""Tenants: a session that sees and writes the rows of one tenant, whatever is asked of it.

Three things hold it: each statement of SQLAlchemy's ORM gets the tenant's condition for every entity in it; what is
flushed, inserted in bulk or attached is looked at (`_scope_writes`); and what leaves for the database is counted once
more, so that what went past the first two is refused (`_scope_wall`). PostgreSQL can hold it a fourth time
(`_row_security`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, bindparam, column, event, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import FromStatement, ORMExecuteState, SessionTransaction, with_loader_criteria
from sqlalchemy.orm import Session as AlchemySession

from wholestack.db import Session

from . import _row_security
from ._errors import NoTenant
from ._scope_wall import wall
from ._scope_writes import attached, bulk, flushed

S = TypeVar("S")
M = TypeVar("M")
_SCOPE = "wholestack_scope"
_NOBODY = (None, "", "*")
"""Keys of no tenant; the last two mean something to `_row_security`."""

if TYPE_CHECKING:
    Scoped: TypeAlias = Annotated[S, "of one tenant"]
else:

    class Scoped(Generic[S]):
        """``db: Scoped[Session]``: the request's session, from here on with the rows of its tenant only.

        A request has one session and one transaction; whoever else asks for it gets it scoped, too. It needs the plugin
        `Tenants`, and a provider of the app for `Tenant`.
        """


class Tenant:
    """Who a request is for: what a provider of the app gives, usually from the user.

    Arguments:
        key: the value in the models' column; None is nobody, who is refused.

    Example:
        >>> Tenant(7).key
        7
    """

    # No dataclass: the calling convention would take one for a body, and a client would say who it is.
    def __init__(self, key: Any) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"Tenant({self.key!r})"


class OfTenant:
    """Mixed into a model whose rows belong to a tenant: ``class Invoice(OfTenant, Model)``.

    The model has a column of its own for it, called ``tenant_id``, or as `__tenant__` says.

    Example:
        >>> from sqlalchemy import Integer
        >>> from wholestack.db import Model, mapped_column
        >>> class Crate(OfTenant, Model):
        ...     __tenant__ = "firm_id"
        ...     firm_id = mapped_column(Integer())
        >>> Crate(firm_id=3).tenant_key
        3
    """

    __tenant__: ClassVar[str] = "tenant_id"

    @hybrid_property
    def tenant_key(self) -> Any:
        """Whose row it is; in a statement, the column."""
        return getattr(self, self.__tenant__)

    @tenant_key.inplace.expression
    @classmethod
    def _column(cls) -> ColumnElement[Any]:
        # SQLAlchemy tries the criteria with the mixin itself, which has no column.
        return column("tenant_id") if cls is OfTenant else getattr(cls, cls.__tenant__)


@dataclasses.dataclass(eq=False)
class Scope:
    """What a session is held to.

    Attributes:
        key: the tenant.
        criteria: the condition, for every entity of a statement.
        secured: whether the database is told, too (`_row_security`).
        lifted: how many `unscoped` blocks are open.
        flushing: the session whose changes were looked at when its flush began.
    """

    key: Any
    criteria: Any
    secured: bool = False
    lifted: int = 0
    flushing: AlchemySession | None = None
    wall: Any = None
    guarded: Connection | None = None


def scope_of(db: AlchemySession) -> Scope | None:
    """What a session is held to; None for one that sees all rows."""
    found = db.info.get(_SCOPE)
    return found if isinstance(found, Scope) else None


def scope_to(db: Session, tenant: Tenant, *, row_security: bool = False) -> Session:
    """Let a session see and write one tenant's rows from here on: for tasks, commands and tests.

    Rows of others that it holds already are let go.

    Arguments:
        db: the session.
        tenant: whose rows.
        row_security: tell PostgreSQL, too, for tables that `enable_row_security` was used on.

    Raises:
        NoTenant: the tenant is nobody (None, or a text that is empty or a star), or the session is another one's.
    """
    there = scope_of(db)
    if tenant.key in _NOBODY or (there is not None and there.key != tenant.key):
        raise NoTenant
    if there is not None:
        return db
    db.flush()
    for row in list(db.identity_map.values()):
        if isinstance(row, OfTenant) and vars(row).get(row.__tenant__) != tenant.key:
            db.expunge(row)
    scope = db.info[_SCOPE] = Scope(tenant.key, _criteria(tenant.key), row_security)
    scope.wall = wall(scope)
    event.listen(db, "do_orm_execute", _executed)
    event.listen(db, "after_begin", _begun)
    if db.in_transaction():
        _guard(scope, db.connection())
    return db


def _criteria(wholestack_tenant: Any) -> Any:
    """The condition; SQLAlchemy calls the bound value as the variable is called, and the wall knows it by that."""
    return with_loader_criteria(OfTenant, lambda cls: cls.tenant_key == wholestack_tenant, include_aliases=True)


@contextlib.contextmanager
def unscoped(db: AlchemySession) -> Iterator[Session]:
    """All tenants' rows, by name, in the transaction of a session that has those of one.

    What it adds or changes is flushed at the end of the block; `db` itself goes on with its tenant's rows.

    Example:
        >>> from sqlalchemy import create_engine, text
        >>> with Session(create_engine("sqlite://")) as db:
        ...     _ = scope_to(db, Tenant(1))
        ...     with unscoped(db) as everything:
        ...         everything.scalar(text("SELECT 7"))
        7
    """
    scope = scope_of(db) or Scope(None, None)
    db.flush()
    connection = db.connection()
    before = _row_security.lift(connection)
    scope.lifted += 1
    everything = Session(connection, join_transaction_mode="rollback_only")
    try:
        yield everything
        everything.flush()
    finally:
        everything.close()
        scope.lifted -= 1
        _row_security.restore(connection, before)


def async_session(db: Session) -> AsyncSession:
    """SQLAlchemy's `AsyncSession` over a session."""
    kind: Any = lambda **_: db  # noqa: E731  (stands for the class that it makes one of)
    return AsyncSession(sync_session_class=kind)


# -- what SQLAlchemy tells -------------------------------------------------------------------------------------------


def _executed(state: ORMExecuteState) -> Any:
    """Give a statement the tenant's condition, or look at what it writes."""
    scope = scope_of(state.session)
    if scope is None:
        return None
    statement: Any = state.statement
    if state.is_insert or state.is_update:
        return bulk(state, scope)
    if state.is_column_load:
        # SQLAlchemy leaves criteria out where it refreshes a row; it may be another tenant's by now.
        entity: Any = state.bind_mapper.class_ if state.bind_mapper is not None else None
        if entity is not None and issubclass(entity, OfTenant):
            mine: Any = bindparam("wholestack_tenant", scope.key, unique=True)
            statement = _where(statement, entity, entity.tenant_key == mine)
    elif not state.is_orm_statement and isinstance(statement, Select):
        # `select(exists().where(Model.…))`: of the ORM inside only. It is read as if it were outside, too.
        plugin: Any = {"compile_state_plugin": "orm", "plugin_subject": None}
        # On the copy that `options` makes: the statement itself may be one that a program keeps and sends again.
        return state.invoke_statement(statement.options(scope.criteria)._set_propagate_attrs(plugin))
    if state.is_orm_statement:
        state.statement = statement.options(scope.criteria)
    return None


def _where(statement: Any, entity: Any, condition: ColumnElement[bool]) -> Any:
    """A statement that refreshes a row, with one more condition."""
    if not isinstance(statement, FromStatement):
        return statement.where(condition)
    # Of a subclass, whose own table alone is asked: the condition may be of one above it.
    joined = [
        each.inherit_condition for each in inspect(entity).iterate_to_root() if each.inherit_condition is not None
    ]
    found: Any = statement._clone()
    found.element = found.element.where(*joined, condition)
    return found


def _begun(session: AlchemySession, _transaction: SessionTransaction, connection: Connection) -> None:
    scope = scope_of(session)
    if scope is not None and scope.guarded is None:
        _guard(scope, connection)


def _guard(scope: Scope, connection: Connection) -> None:
    scope.guarded = connection
    if scope.secured:
        _row_security.tell(connection, scope.key)
    event.listen(connection, "before_cursor_execute", scope.wall)


@event.listens_for(Session, "after_transaction_end")
def _ended(session: AlchemySession, transaction: SessionTransaction) -> None:
    scope = scope_of(session)
    if scope is None:
        return
    scope.flushing = None  # A flush is a part of a transaction.
    if transaction.parent is None and scope.guarded is not None:
        event.remove(scope.guarded, "before_cursor_execute", scope.wall)
        scope.guarded = None


@event.listens_for(Session, "before_flush")
def _flushes(session: AlchemySession, _context: Any, _instances: Any) -> None:
    scope = scope_of(session)
    if scope is not None:
        flushed(session, scope)
        scope.flushing = session  # One that fails before it has begun ends no transaction: it is asked.


@event.listens_for(Session, "before_attach", raw=True)
def _attaches(session: AlchemySession, state: Any) -> None:
    scope = scope_of(session)
    if scope is not None and issubclass(state.class_, OfTenant) and state.key is not None and session.is_active:
        attached(session, state.obj())
