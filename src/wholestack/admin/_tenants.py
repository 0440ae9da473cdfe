"""Sessions of models whose rows belong to no tenant, where other rows do: what hangs on them is shown of one tenant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import event, false
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from wholestack import App
from wholestack.auth import NoTenant, OfTenant, Tenant, Tenants, scope_to
from wholestack.db import Session

from ._resource import Resource


def keep_to(db: Session, tenant: Tenant, app: App) -> None:
    """Let a session read the rows of one tenant, of models that have one; of no tenant where the person has none.

    So the filters, choices, cells and inlines of a model without tenants have nothing of another tenant's.

    Arguments:
        db: the session.
        tenant: whom the request is for.
        app: the app, whose `Tenants` says whether the database is told, too.
    """
    try:
        scope_to(db, tenant, row_security=is_secured(app))
    except NoTenant:
        event.listen(db, "do_orm_execute", _without)


def asked(resources: Iterable[Resource]) -> dict[str, Any]:
    """What a handler asks for beside the usual, where rows of the admin belong to tenants: whose the request is."""
    return {"tenant": Tenant} if any(each.session is not Session for each in resources) else {}


def is_secured(app: App) -> bool:
    """Whether the database is told of each session's tenant, too."""
    return any(isinstance(each, Tenants) and each.row_security for each in app.plugins)


def _without(state: ORMExecuteState) -> Any:
    """Leave all rows out that belong to tenants."""
    if state.is_orm_statement and state.is_select:
        state.statement = state.statement.options(
            with_loader_criteria(OfTenant, lambda cls: false(), include_aliases=True)
        )
