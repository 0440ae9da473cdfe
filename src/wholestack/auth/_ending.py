"""How accounts end: by their owners, and by themselves where nobody has proven the address that they were made with."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError

from wholestack import Request
from wholestack.db import IntegrityError, select

from ._accounts import Accounts
from ._closing import ClosingRefused
from ._means import Means

UNPROVEN = "unproven"
"""What the row is for that says until when an address may be proven; it is a link that nobody is sent."""
KEPT = 30.0
"""Days for which an account waits for the proof of its address, where nobody says otherwise."""
_AT_ONCE = 100
_log = logging.getLogger("wholestack.auth")


def mark_unproven(accounts: Accounts[Any], user: Any) -> None:
    """Note until when the address of an account that was just made may be proven."""
    days = accounts._means.unproven
    if days is not None:
        # Written with the link that is mailed: making an account must not take much longer than finding one.
        accounts.links.add(UNPROVEN, user, days * 86_400, {})


def wait_on(accounts: Accounts[Any], user: Any) -> None:
    """Wait for the proof of an address anew, where it was waited for: somebody has signed up with it once more."""
    link = accounts.tables.link
    waiting = select(link.id).where(link.user_id == user.id, link.purpose == UNPROVEN)
    if accounts.db.scalar(waiting.limit(1)) is not None:
        accounts.links.end(user, UNPROVEN)
        mark_unproven(accounts, user)


def sweep_unproven(means: Means, request: Request) -> None:
    """Remove accounts that people have made, whose address nobody has proven in time, and that nobody has been in.

    Others keep their address else: whoever has mistyped theirs, or was signed up by somebody else. Accounts that were
    made otherwise, by staff, a command or an import, stay. So do those that other rows refer to, or that the app does
    not let go.

    Arguments:
        means: what accounts are worked with.
        request: the request after which it is done.
    """
    link, found = means.terms.tables.link, _AT_ONCE
    while found == _AT_ONCE:
        with means.opened(request) as accounts:
            over = (link.purpose == UNPROVEN, link.expires_at < means.terms.clock())
            rows = accounts.db.execute(select(link.id, link.user_id).where(*over).limit(_AT_ONCE)).all()
            for key, user in rows:
                _expire(accounts, user)
                accounts.db.execute(delete(link).where(link.id == key))
        found = len(rows)


def _expire(accounts: Accounts[Any], key: Any) -> None:
    table = accounts.tables.user
    still = (table.id == key, table.email_confirmed_at.is_(None), table.last_login_at.is_(None))
    # Locked before the app is asked: whoever is about to prove it comes before, or finds nothing.
    user: Any = accounts.db.scalar(select(table).where(*still).with_for_update())
    if user is None:
        return
    try:
        with accounts.db.begin_nested():
            accounts._means.closing(accounts, user)
            accounts.db.flush()
            gone = delete(table).where(table.id == key)
            accounts.db.execute(gone, execution_options={"synchronize_session": False})
    except (ClosingRefused, IntegrityError) as error:
        _log.info("An account whose address is not proven stays: %s", type(error).__name__)
        return
    except DBAPIError:
        raise  # The transaction may be over.
    except Exception:  # An app's function that fails for one account must not keep the others, nor what is swept next.
        _log.exception("An account whose address is not proven stays: it could not be closed")
        return
    accounts.db.expunge(user)
    accounts.note("account-expired", None)
