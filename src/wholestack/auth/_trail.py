"""How long lines of the audit trail are kept."""

from __future__ import annotations

import datetime

from sqlalchemy import delete

from wholestack import Request
from wholestack.db import select

from ._means import Means
from ._misuse import misuse

KEPT = 365.0
"""Days, where nobody says otherwise."""
_MOST = 36_500.0
_AT_ONCE = 1000


def days_kept(days: float | None, name: str = "events") -> float | None:
    """The days for which something is kept, as they were given; None: for good.

    Raises:
        SetupError: no days, or fewer (``bad-login-setting``).

    Example:
        >>> days_kept(30)
        30
    """
    if days is not None and not 0 < days <= _MOST:
        raise misuse(
            f"Auth(…) was given {name}={days!r}, which are no days.", f"Auth(User, {name}=90), or None: for good."
        )
    return days


def sweep_trail(means: Means, request: Request, days: float | None) -> None:
    """Remove lines of the trail that are older, a thousand in a transaction.

    They are looked for without a lock, and removed by their keys: who logs in meanwhile does not wait for a search.

    Arguments:
        means: what accounts are worked with.
        request: the request after which it is done.
        days: how long lines are kept; None: for good.
    """
    if days is None:
        return
    event, found = means.terms.tables.event, _AT_ONCE
    oldest = means.terms.clock() - datetime.timedelta(days=days)
    while found == _AT_ONCE:
        with means.opened(request) as accounts:
            keys = accounts.db.scalars(select(event.id).where(event.created_at < oldest).limit(_AT_ONCE)).all()
            if keys:
                gone = delete(event).where(event.id.in_(keys))
                accounts.db.execute(gone, execution_options={"synchronize_session": False})
        found = len(keys)
