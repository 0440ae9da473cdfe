"""What lets somebody into an account: none of it goes while nothing else does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wholestack.db import select

if TYPE_CHECKING:
    from ._accounts import Accounts


@dataclasses.dataclass
class Ways:
    """The ways into an app beside passwords and passkeys; plugins that bring one set it.

    Attributes:
        by_mail: whether people log in by mail.
        knows_issuer: tells whether the provider of a linked login is one of the app's.
    """

    by_mail: bool = False
    knows_issuer: Callable[[str], bool] = lambda issuer: False


def has_way_in(
    accounts: Accounts[Any], user: Any, *, password: bool = True, passkey: Any = None, external: Any = None
) -> bool:
    """Whether something lets a user in beside what is to go.

    Who asks has locked the user (`Accounts.lock`), so that of two things that go at once one sees that the other is
    gone. What is read here is locked, too: that reads what is there now, also where a transaction else sees what was
    there when it began (MariaDB).

    Arguments:
        accounts: the request's.
        user: whose.
        password: False where the password is to go.
        passkey: the key of one that is to go.
        external: the key of a linked login that is to go.
    """
    ways, tables, db = accounts._means.ways, accounts.tables, accounts.db
    if ways.by_mail:
        return True
    kept = select(tables.user.password).where(tables.user.id == user.id).with_for_update()
    if password and db.scalar(kept) is not None:  # The row at hand may be of before the lock.
        return True
    alone = (tables.passkey.user_id == user.id, tables.passkey.verifies.is_(True))  # Others are second factors only.
    passkeys = db.scalars(select(tables.passkey.id).where(*alone).with_for_update()).all()
    table = tables.external
    linked = db.execute(select(table.id, table.issuer).where(table.user_id == user.id).with_for_update()).all()
    # A login at a provider that the app has left opens nothing any more.
    return any(key != passkey for key in passkeys) or any(
        key != external and ways.knows_issuer(issuer) for key, issuer in linked
    )
