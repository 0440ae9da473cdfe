"""Accounts outside of a request: for commands, scripts and tasks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from wholestack import App, Request
from wholestack.db import Session, select
from wholestack.mail import Mailing
from wholestack.sessions import Sessions

from ._accounts import Accounts
from ._identity import Identity, Login

if TYPE_CHECKING:
    from ._plugin import Auth


def accounts_of(app: App, auth: Auth, db: Session, like: Request | None = None) -> Accounts[Any]:
    """Accounts in a session of the database, by nobody's request; who opens the session commits it.

    Arguments:
        app: the app, sealed.
        auth: its login.
        db: the session.
        like: the request that it is done for, whose address and browser the audit trail names.
    """
    request = Request("GET", "/") if like is None else copy.copy(like)
    sessions = app.plugin(Sessions)
    session = sessions.nobodys(Login, request)
    identity: Identity[Any] = Identity(auth.terms, request, session, db)
    return Accounts(auth.means, request, identity, session, db, app.plugin(Mailing).mailer(db), sessions.within(db))


def add_to_role(accounts: Accounts[Any], user: Any, name: str) -> bool:
    """Give a user a role, which is made where there is none of the name; whether they did not have it."""
    tables, db = accounts.tables, accounts.db
    role = role_called(accounts, name)
    if db.get(tables.membership, (user.id, role.id)) is not None:
        return False
    db.add(tables.membership(user_id=user.id, role_id=role.id))
    db.flush()
    accounts.note("role-given", user, role=name)
    return True


def take_from_role(accounts: Accounts[Any], user: Any, name: str) -> bool:
    """Take a role from a user; whether they had it."""
    tables, db = accounts.tables, accounts.db
    found = db.get(tables.membership, (user.id, role_called(accounts, name).id))
    if found is None:
        return False
    db.delete(found)
    db.flush()
    accounts.note("role-taken", user, role=name)
    return True


def role_called(accounts: Accounts[Any], name: str) -> Any:
    """The role of a name, made where there is none."""
    role = accounts.tables.role
    found = accounts.db.scalar(select(role).where(role.name == name))
    if found is None:
        found = role(name=name, permissions=[])
        accounts.db.add(found)
        accounts.db.flush()
    return found
