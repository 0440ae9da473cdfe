"""What `wholestack check` says of second factors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, or_
from sqlalchemy.exc import SQLAlchemyError

import wholestack
from wholestack import App
from wholestack.db import Session, select, stage
from wholestack.errors import Fault, WholestackError
from wholestack.handlers import rules_of

from ._rules import mfa, staff, superuser

if TYPE_CHECKING:
    from ._factors import Factors
    from ._plugin import Auth

_MFA = mfa().name
_FEW = 3
_OURS = os.path.dirname(os.path.abspath(wholestack.__file__)) + os.sep


def faults(app: App, factors: Factors, where: str) -> list[Fault]:
    """Routes for staff that a password alone opens, and staff who have nothing but one; in production."""
    if stage() != "production":
        return []
    return [*_open_routes(app, where), *_open_accounts(app, factors, where)]


def faults_without_any(app: App, auth: Auth) -> list[Fault]:
    """The same of an app to which nothing brings second factors, in production; of pages of ours, such as those of the
    admin, their own plugin says it.
    """
    if stage() != "production" or auth.factors:
        return []
    open_ones = [name for name, where in _for_staff(app) if not where.startswith(_OURS)]
    if not open_ones:
        return []
    message = f"Routes for staff are open by a password alone, and there is no second factor: {_few(open_ones)}."
    return [Fault("staff-without-mfa", message, auth.where, "app.use(TOTP()), and needs=staff & mfa()")]


def _open_routes(app: App, where: str) -> Iterator[Fault]:
    open_ones = [name for name, _ in _for_staff(app)]
    if open_ones:
        message = f"Routes for staff are open by a password alone: {_few(open_ones)}."
        yield Fault("staff-without-mfa", message, where, "needs=staff & mfa()")


def _for_staff(app: App) -> Iterator[tuple[str, str]]:
    """Routes for staff that do not ask for a second factor, each with where it was written."""
    for_staff = {staff.function, superuser.function}
    for placed in app.sealing().placed:
        leaves = [leaf for each in rules_of(placed.around.rules) for leaf in each.leaves()]
        asked = any(leaf.name == _MFA for leaf in leaves)
        if not asked and any(leaf.function in for_staff for leaf in leaves):
            yield " ".join((*placed.route.methods, placed.template.plain)), placed.route.where


def _few(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def _open_accounts(app: App, factors: Factors, where: str) -> Iterator[Fault]:
    """Whoever finds the password of such an account sets up a second factor of their own."""
    try:
        with app.session() as db:
            count = _without_factor(db, factors)
    except (WholestackError, SQLAlchemyError):
        return  # There is no database, or no table yet: what is said of migrations says so.
    if count:
        message = f"{count} of the staff have set up no second factor: their first login with one may be another's."
        yield Fault("staff-without-factor", message, where, "Let them set one up at /account/factors.")


def _without_factor(db: Session, factors: Factors) -> int:
    tables = factors.auth.tables
    user, totp, passkey = tables.user, tables.totp, tables.passkey
    has_app = select(totp.id).where(totp.user_id == user.id, totp.confirmed_at.is_not(None)).exists()
    has_passkey = select(passkey.id).where(passkey.user_id == user.id).exists()
    is_staff = or_(user.is_staff.is_(True), user.is_superuser.is_(True))
    wanted = select(func.count()).select_from(user).where(user.is_active.is_(True), is_staff, ~has_app, ~has_passkey)
    return db.scalar(wanted) or 0
