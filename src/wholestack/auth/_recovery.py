"""Codes for who has lost the second factor: a set is shown once, and each code lets in once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from sqlalchemy import delete, func, update

from wholestack.db import Session, select

from ._accounts import Accounts
from ._plugin import Auth

COUNT = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that look alike: 0 and o, 1, i and l."""
_LENGTH = 10
_PURPOSE = "recovery codes"


class RecoveryCodes:
    """The recovery codes of an app's users: what is kept is HMACs, under keys of the app's secret.

    Arguments:
        auth: the app's logins.
    """

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def renew(self, accounts: Accounts[Any], user: Any) -> list[str]:
        """A new set, which is nowhere else; the one before ends."""
        codes = [_made() for _ in range(COUNT)]
        table, db = self._auth.tables.recovery_code, accounts.db
        self.forget(db, user)
        for code in codes:
            db.add(table(user_id=user.id, digest=self._digests(user, code)[0]))
        db.flush()
        accounts.note("recovery-codes-made", user)
        return codes

    def take(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """Whether a code is one of a user's, and was not used: of two who show it at once, one passes.

        Its owner is told by mail.
        """
        table, db = self._auth.tables.recovery_code, accounts.db
        fresh = (table.user_id == user.id, table.digest.in_(self._digests(user, code)), table.used_at.is_(None))
        taken = update(table).where(*fresh).values(used_at=accounts.now())
        changed: Any = db.execute(taken, execution_options={"synchronize_session": False})
        if changed.rowcount != 1:
            return False
        left = self.left(db, user)
        accounts.note("recovery-code-used", user, left=left)
        accounts.mail("account/mail/recovery-code-used", user.email, left=left)
        return True

    def left(self, db: Session, user: Any) -> int:
        """How many of a user's codes were not used yet."""
        table = self._auth.tables.recovery_code
        return db.scalar(select(func.count()).where(table.user_id == user.id, table.used_at.is_(None))) or 0

    def forget(self, db: Session, user: Any) -> None:
        """End a user's codes."""
        table = self._auth.tables.recovery_code
        gone = delete(table).where(table.user_id == user.id)
        db.execute(gone, execution_options={"synchronize_session": False})

    def _digests(self, user: Any, code: str) -> list[str]:
        """What is kept of a code: one by each secret, the first for new ones."""
        text = f"{user.key} {normal(code)}".encode()
        keys = self._auth.keys.derived(_PURPOSE)
        return [hmac.digest(key.encode(), text, hashlib.sha256).hex() for key in keys]


def normal(code: str) -> str:
    """A code as it is compared: without what people put between its letters.

    Example:
        >>> normal(" ABCDE fghjk-")
        'abcdefghjk'
    """
    return "".join(each for each in code.lower() if each.isalnum())


def _made() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))  # 49 bits, and tries are counted.
    return f"{letters[:5]}-{letters[5:]}"
