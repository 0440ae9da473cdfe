"""The plugin of tenants: the session of one, for who asks for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from wholestack import App
from wholestack.db import Database, Session
from wholestack.errors import Fault

from ._scope_wall import models, tables
from ._scope_writes import references
from ._scopes import OfTenant, Scoped, Tenant, async_session, scope_to
from ._tables import of_accounts


class Tenants:
    """Sessions of one tenant: handlers ask for ``db: Scoped[Session]``, or ``Scoped[AsyncSession]``.

    Whose rows they see the app says, with a provider of `Tenant`; where there is none, the request is refused.

    Arguments:
        session: the type of the session, for a second database.
        row_security: tell PostgreSQL in each transaction who the tenant is, for `enable_row_security`.

    Example:
        >>> from sqlalchemy import Integer
        >>> from wholestack import Request
        >>> from wholestack.db import Model, mapped_column, select
        >>> class Hamper(OfTenant, Model):
        ...     tenant_id = mapped_column(Integer())
        >>> app = App()
        >>> app.use(Database("sqlite://", migrations=None), Tenants())
        >>> @app.provide
        ... def tenant(request: Request) -> Tenant:
        ...     return Tenant(int(request.headers["x-firm"]))
        >>> @app.get("/hampers")
        ... def hampers(db: Scoped[Session]) -> list[int]:
        ...     return list(db.scalars(select(Hamper.id)))
    """

    def __init__(self, *, session: Any = Session, row_security: bool = False) -> None:
        self.session = session
        self.row_security = row_security
        frame: Any = sys._getframe(1)
        self.where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def setup(self, app: App) -> None:
        """Provide the sessions, and let `check` look at the models."""
        secured = self.row_security

        def scoped(db: Session, tenant: Tenant) -> Session:
            return scope_to(db, tenant, row_security=secured)

        def with_awaits(db: Session) -> AsyncSession:
            return async_session(db)

        kind: Any = Scoped
        asked = kind[self.session]
        scoped.__annotations__ |= {"db": self.session, "return": asked}
        vars(scoped)["access"] = "tenant"
        app.provide(scoped, waits=True)
        if self.session is Session:
            with_awaits.__annotations__ |= {"db": asked, "return": kind[AsyncSession]}
            app.provide(with_awaits, waits=True)
        app.check(self._check)

    def _check(self, app: App) -> list[Fault]:
        databases = [each for each in app.plugins if isinstance(each, Database) and each.session_type is self.session]
        return [fault for each in databases for fault in (*_open_models(each), *self._security(each))]

    def _security(self, database: Database) -> Iterator[Fault]:
        if not self.row_security or database.kind != "postgresql":
            return
        try:
            yield from _lacking(database.engine_for("lazy"), self.where)
        except SQLAlchemyError:
            return  # A database that is away, or has no tables yet, has another line of `check`.

    def __repr__(self) -> str:
        return "<Tenants>"


def _open_models(database: Database) -> Iterator[Fault]:
    """Models beside those of tenants that refer to their rows, and belong to nobody."""
    apart = of_accounts()
    for registry in _registries():
        for mapper in sorted(registry.mappers, key=lambda each: each.class_.__name__):
            if getattr(mapper.local_table, "metadata", None) is not database.metadata:
                continue
            model = mapper.class_
            if issubclass(model, OfTenant) or model in apart:
                continue
            for name, target in references(mapper):
                message = (
                    f"{model.__name__}.{name} refers to {target.class_.__name__}, whose rows belong to tenants, and "
                    f"{model.__name__} belongs to none: a session of a tenant sees the rows of all."
                )
                cure = f"class {model.__name__}(OfTenant, …), with a column that says whose it is"
                yield Fault("no-tenant-column", message, f"{model.__module__}.{model.__name__}", cure)
                break


def _registries() -> list[Any]:
    found: dict[Any, None] = {}
    for model in models():
        found[inspect(model).registry] = None
    return list(found)


def _lacking(engine: Engine, where: str) -> Iterator[Fault]:
    asked = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    held = text("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = to_regclass(:name)")
    with engine.connect() as connection:
        if connection.scalar(asked):
            message = "The app connects to PostgreSQL as a role that row-level security does not hold for."
            yield Fault("row-security-off", message, where, "Connect as a role without SUPERUSER and BYPASSRLS.")
        for table, column in tables().items():
            if column is not None and connection.scalar(held, {"name": table.fullname}) is False:
                message = f"The table {table.fullname} has no row-level security."
                cure = f'enable_row_security("{table.fullname}", "{column}") in a migration'
                yield Fault("row-security-off", message, where, cure)
