"""What `wholestack check` says of second factors."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, or_
from sqlalchemy.exc import SQLAlchemyError

from wholestack import App
from wholestack.db import Session, select, stage
from wholestack.errors import Fault, WholestackError
from wholestack.handlers import rules_of

from ._factors import Factors
from ._rules import mfa, staff, superuser

_MFA = mfa().name
_FEW = 3


def faults(app: App, factors: Factors, where: str) -> list[Fault]:
    """Routes for staff that a password alone opens, and staff who have nothing but one; in production."""
    if stage() != "production":
        return []
    return [*_open_routes(app, where), *_open_accounts(app, factors, where)]


def _open_routes(app: App, where: str) -> Iterator[Fault]:
    for_staff = {staff.function, superuser.function}
    open_ones = []
    for placed in app.sealing().placed:
        leaves = [leaf for each in rules_of(placed.around.rules) for leaf in each.leaves()]
        asked = any(leaf.name == _MFA for leaf in leaves)
        if not asked and any(leaf.function in for_staff for leaf in leaves):
            open_ones.append(" ".join((*placed.route.methods, placed.template.plain)))
    if open_ones:
        few = ", ".join(open_ones[:_FEW]) + (f" and {len(open_ones) - _FEW} more" if len(open_ones) > _FEW else "")
        message = f"Routes for staff are open by a password alone: {few}."
        yield Fault("staff-without-mfa", message, where, "needs=staff & mfa()")


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
