"""Second factors that are looked at, and taken away, by somebody else than their owner, who has lost them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from sqlalchemy import delete, func

from wholestack.db import select

from ._accounts import Accounts

FactorKind: TypeAlias = Literal["totp", "passkeys", "recovery"]


@dataclasses.dataclass(frozen=True)
class HeldFactors:
    """What a user can show beside the first factor.

    Attributes:
        totp: the row of their app for codes; None without one.
        passkeys: the rows of their passkeys, in their order.
        recovery: how many of their recovery codes are left.
    """

    totp: Any = None
    passkeys: Sequence[Any] = ()
    recovery: int = 0

    def __bool__(self) -> bool:
        return self.totp is not None or bool(self.passkeys) or self.recovery > 0


def held_factors(accounts: Accounts[Any], user: Any) -> HeldFactors:
    """What a user can show beside the first factor, whichever plugins the app has now.

    Arguments:
        accounts: the request's, or a command's.
        user: whose.
    """
    tables, db = accounts.tables, accounts.db
    totp, passkey, code = tables.totp, tables.passkey, tables.recovery_code
    left = select(func.count()).where(code.user_id == user.id, code.used_at.is_(None))
    return HeldFactors(
        db.scalar(select(totp).where(totp.user_id == user.id, totp.confirmed_at.is_not(None))),
        db.scalars(select(passkey).where(passkey.user_id == user.id).order_by(passkey.created_at)).all(),
        db.scalar(left) or 0,
    )


def remove_factors(accounts: Accounts[Any], user: Any, *kinds: FactorKind) -> HeldFactors:
    """Take second factors away from a user who has lost them: the caller has seen to it that it is them who asks.

    Each is a line of the audit trail, the user is told by mail, and their sessions end. With the last app and passkey
    the recovery codes go, too. A passkey goes also where nothing else lets its owner in: mail them a link then,
    ``accounts.mail_link("reset", user, hours=24)``.

    Arguments:
        accounts: the request's, or a command's.
        user: whose.
        kinds: ``"totp"``, ``"passkeys"``, ``"recovery"``; all of them where none is named.

    Returns:
        what is gone; where that is nothing, nothing else has happened.
    """
    accounts.lock(user.id)
    held, tables = held_factors(accounts, user), accounts.tables
    asked = set(kinds or ("totp", "passkeys", "recovery"))
    totp = held.totp if "totp" in asked else None
    passkeys = held.passkeys if "passkeys" in asked else ()
    with_codes = "recovery" in asked or (totp is held.totp and len(passkeys) == len(held.passkeys))
    gone = HeldFactors(totp, passkeys, held.recovery if with_codes else 0)
    if not gone:
        return gone
    if totp is not None:
        _delete(accounts, tables.totp, user, totp)
        accounts.note("totp-removed", user)
    if passkeys:
        _delete(accounts, tables.passkey, user, *passkeys)
    for each in passkeys:
        accounts.note("passkey-removed", user, name=each.name)
    if with_codes:
        _delete(accounts, tables.recovery_code, user)
    if gone.recovery:
        accounts.note("recovery-codes-removed", user, left=gone.recovery)
    accounts.log_out_everywhere(user)
    told: dict[str, Any] = {
        "totp": totp is not None,
        "passkeys": [each.name for each in passkeys],
        "recovery": gone.recovery,
    }
    accounts.mail("account/mail/factors-removed", user.email, offers=bool(accounts._means.factors), **told)
    return gone


def _delete(accounts: Accounts[Any], table: Any, user: Any, *rows: Any) -> None:
    """Delete what a user has in a table; rows that were read go on saying what they were."""
    for each in rows:
        accounts.db.expunge(each)
    gone = delete(table).where(table.user_id == user.id)
    accounts.db.execute(gone, execution_options={"synchronize_session": False})
