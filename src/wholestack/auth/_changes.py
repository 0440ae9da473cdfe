"""What becomes of an account over its life, step by step: made, mailed a link, given another address."""

from __future__ import annotations

import base64
import datetime
import enum
import uuid
from typing import Any

from sqlalchemy import delete
from sqlalchemy import inspect as inspect_mapped

from wholestack.db import IntegrityError, select
from wholestack.sessions import NotRevocable

from ._accounts import Accounts
from ._ending import mark_unproven, wait_on
from ._factor_removal import held_factors

_HIDDEN = frozenset({"password", "secret", "digest", "public_key", "login_version"})
"""Columns that open something, which are in no export."""


def sign_up(accounts: Accounts[Any], email: str, hashed: str, more: dict[str, Any]) -> None:
    """Make an account and mail its link; where there is one, tell its owner instead. Both look alike from outside.

    Arguments:
        accounts: the request's.
        email: the address.
        hashed: the hash of the password, which was made in either case, since it takes long.
        more: further columns of the user.
    """
    known: Any = accounts.find(email)
    if known is None:
        try:
            with accounts.db.begin_nested():
                user = _made(accounts, email, hashed, more)
        except IntegrityError:  # Somebody was faster, with the same address.
            known = accounts.find(email)
            if known is None:
                raise
        else:
            mark_unproven(accounts, user)
            accounts.mail_confirmation(user, hashed)
            return
    if known.email_confirmed_at is None and known.last_login_at is None:
        wait_on(accounts, known)
        accounts.mail_confirmation(known, hashed)
    else:
        accounts.chose(uuid.uuid4().hex)  # As the others do, so that the answer is the same.
        accounts.note("sign-up-again", known)
        accounts.mail("account/mail/sign-up-again", known.email)


def accept_invitation(accounts: Accounts[Any], link: Any, hashed: str, more: dict[str, Any]) -> Any:
    """Make the account of an invitation, whose link has proven the address; gives the user."""
    user = _made(accounts, link.data["email"], hashed, more)
    user.email_confirmed_at = accounts.now()
    role, membership = accounts.tables.role, accounts.tables.membership
    for name in link.data.get("roles", ()):
        found = accounts.db.scalar(select(role).where(role.name == name))
        if found is not None:
            accounts.db.add(membership(user_id=user.id, role_id=found.id))
    accounts.db.flush()
    return user


def _made(accounts: Accounts[Any], email: str, hashed: str, more: dict[str, Any]) -> Any:
    user = accounts.tables.user(email=email, **more)
    user.password = hashed
    accounts.db.add(user)
    accounts.db.flush()
    accounts.note("account-made", user)
    return user


def invite(accounts: Accounts[Any], email: str, *, roles: tuple[str, ...] = (), days: float = 7) -> None:
    """Mail an invitation to make an account.

    Arguments:
        accounts: the request's.
        email: to whom.
        roles: names of the roles that the account has from the beginning.
        days: how long it is good for.
    """
    text = accounts.links.make("invitation", None, lifetime=days * 86_400, email=email, roles=[*roles])
    accounts.note("invited", None, roles=[*roles])
    accounts.mail("account/mail/invitation", email, token=text, days=days)


def mail_reset(accounts: Accounts[Any], email: str) -> None:
    """Mail a link for a new password, where there is an account that may come in; else do nothing that shows."""
    user: Any = accounts.find(email)
    if user is not None and user.is_active:
        accounts.note("reset-asked", user)
        accounts.mail_link("reset", user, hours=1)


def mail_new_email(accounts: Accounts[Any], user: Any, email: str) -> None:
    """Ask both addresses whether an account is to have the new one.

    Where the new one has an account already, nothing is mailed to it, and the page says the same.
    """
    accounts.lock(user.id)  # Of two devices that ask at once the second ends what the first has begun, whole.
    accounts.note("email-asked", user)
    pair = uuid.uuid4().hex
    accounts.links.end(user, "new-email", "old-email")
    taken = accounts.find(email) is not None
    accounts.mail_link("old-email", user, hours=24, email=email, pair=pair)
    if not taken:
        accounts.mail_link("new-email", user, hours=24, to=email, email=email, pair=pair)


def confirm_new_email(accounts: Accounts[Any], user: Any, used: Any) -> bool:
    """Take note that one side has confirmed a change of address, and make it when both have.

    Arguments:
        accounts: the request's.
        user: whose.
        used: the link that was just used up.

    Returns:
        whether the address is changed now.
    """
    link = accounts.tables.link
    other = "old-email" if used.purpose == "new-email" else "new-email"
    # Locked: of two sides that confirm at once, one must see the other.
    mine = accounts.db.scalars(
        select(link).where(link.user_id == user.id, link.purpose == other).with_for_update()
    ).all()
    both = [each for each in mine if each.data.get("pair") == used.data["pair"] and each.used_at is not None]
    if not both or accounts.find(used.data["email"]) is not None:
        return False
    old = user.email
    user.email = used.data["email"]
    user.email_confirmed_at = accounts.now()
    accounts.links.end(user)
    accounts.log_out_everywhere(user, stay=True)
    accounts.note("email-changed", user)
    accounts.mail("account/mail/email-changed", old)
    return True


def remove_unproven(accounts: Accounts[Any], user: Any) -> None:
    """Take away what was set up before an address was proven: whoever made the account may have been another."""
    tables = accounts.tables
    for name in ("totp", "recovery_code", "passkey", "external", "token"):
        table = getattr(tables, name)
        accounts.db.execute(
            delete(table).where(table.user_id == user.id), execution_options={"synchronize_session": False}
        )


def exported(accounts: Accounts[Any], user: Any) -> dict[str, Any]:
    """All that is kept of a user by login, as JSON has it, and by the app as far as it says; nothing that opens
    anything.
    """
    tables = accounts.tables
    found: dict[str, Any] = {"user": _columns(user)}
    for name in ("token", "passkey", "external"):
        model = getattr(tables, name)
        rows = accounts.db.scalars(select(model).where(model.user_id == user.id)).all()
        found[f"{name}s"] = [_columns(row) for row in rows]
    role, membership = tables.role, tables.membership
    theirs = select(role).join(membership, membership.role_id == role.id).where(membership.user_id == user.id)
    found["roles"] = [_columns(row) for row in accounts.db.scalars(theirs.order_by(role.name))]
    held = held_factors(accounts, user)
    found["totp"] = None if held.totp is None else _columns(held.totp)
    found["recovery_codes"] = held.recovery
    found["devices"] = _devices(accounts, user)
    event = tables.event
    rows = accounts.db.scalars(select(event).where(event.user == user.key).order_by(event.created_at)).all()
    found["events"] = [_columns(row) for row in rows]
    exporting = accounts._means.exporting
    return found if exporting is None else {**found, "app": exporting(accounts, user)}


def _devices(accounts: Accounts[Any], user: Any) -> list[dict[str, Any]]:
    """Where they are logged in; nothing where sessions are with their browsers. The key of one is no part of it."""
    try:
        devices = accounts._sessions.of(user.key)
    except NotRevocable:
        return []
    names = ("created_at", "seen_at", "agent", "address")
    return [{name: _plain(getattr(each, name)) for name in names} for each in devices]


def _columns(row: Any) -> dict[str, Any]:
    names = [each.key for each in inspect_mapped(type(row)).column_attrs if each.key not in _HIDDEN]
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float | bool | list | dict) else str(value)
