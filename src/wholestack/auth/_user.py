"""What a model of users has: mixed into one of the app's own."""

from __future__ import annotations

import datetime
import unicodedata
from typing import Any, dataclass_transform

from sqlalchemy import String
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import Mapped, mapped_column, validates

from wholestack.db import Moment

LONGEST_EMAIL = 254
"""Characters of an address (RFC 5321 §4.5.3.1.3, with the erratum 1690)."""

# Lengths are for MariaDB, which needs them, and whose usual collation takes "é" and "e" for one letter.
EMAIL = String().with_variant(VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
_HASH = String().with_variant(String(255), "mysql", "mariadb")


def normal_email(email: str) -> str:
    """An address as accounts are found by it: NFKC, in small letters, without spaces around.

    Two people never have addresses that differ in capitals only, though RFC 5321 §2.4 would let them: who types one
    with a capital means the same account.

    Example:
        >>> normal_email(" Zoë@Example.ORG ")
        'zoë@example.org'
    """
    return unicodedata.normalize("NFKC", email).strip().lower()


@dataclass_transform(kw_only_default=True, eq_default=False)
class _Fields:
    """Lets type checkers know that a user is made by its fields, as `Table` does for whole models."""


class UserMixin(_Fields):
    """Mixed into the app's model of users: ``class User(UserMixin, UUIDModel)``; columns of your own beside it.

    A UUID as the key is best: nobody counts your users by it, and no key is given twice. `Model` works as well.

    Attributes:
        email: the account's name, as `normal_email` writes it; unique.
        password: its hash; None for an account that has none, and comes in otherwise.
        email_confirmed_at: when the address was proven to be theirs; None before.
        is_active: False closes the door: no login, and every session and token of theirs is dead at once.
        is_staff: may see the admin.
        is_superuser: has every permission.
        login_version: sessions of a lower one are over; a new password and "log out everywhere" raise it.
        created_at: when the account was made.
        last_login_at: when somebody last came in.

    Example:
        >>> from wholestack.db import UUIDModel
        >>> class Member(UserMixin, UUIDModel):
        ...     nickname: Mapped[str] = mapped_column(default="")
        >>> Member(email="Zoe@Example.org").email
        'zoe@example.org'
    """

    email: Mapped[str] = mapped_column(EMAIL, unique=True)
    password: Mapped[str | None] = mapped_column(_HASH, default=None)
    email_confirmed_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_staff: Mapped[bool] = mapped_column(default=False)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    login_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(
        Moment(), default=lambda: datetime.datetime.now(datetime.UTC), sort_order=100
    )
    last_login_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None, sort_order=101)

    @validates("email")
    def _normal(self, _: str, email: str) -> str:
        return normal_email(email)

    @property
    def key(self) -> str:
        """The user's key as text, as sessions and the audit trail have it."""
        found: Any = self  # The key's column is the model's own.
        return str(found.id)
