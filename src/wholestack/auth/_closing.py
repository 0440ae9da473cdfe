"""Whether an account may end: by what the app says, and by what refers to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import delete

from wholestack.db import IntegrityError, Session
from wholestack.languages import gettext


class ClosingRefused(ValueError):
    """An account that may not end yet; raised by the function in ``Auth(closing=…)``.

    Attributes:
        message: why, for who ends it: its owner, or somebody in the back office.

    Example:
        >>> ClosingRefused("You lead a club. Let somebody else lead it first.").message
        'You lead a club. Let somebody else lead it first.'
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message: str = message


def require_loose(db: Session, user: Any) -> None:
    """Go on only where nothing keeps the row of a user: it is deleted, and is there again.

    Raises:
        ClosingRefused: rows refer to it that do not go with it.
    """
    table = type(user)
    db.flush()
    trial = db.begin_nested()
    try:
        db.execute(delete(table).where(table.id == user.id), execution_options={"synchronize_session": False})
    except IntegrityError as error:
        told = gettext("Something that belongs to this account has to stay, so it cannot be closed yet.")
        raise ClosingRefused(told) from error
    finally:
        trial.rollback()


def then_loose(closing: Callable[[Any, Any], object]) -> Callable[[Any, Any], None]:
    """What an app puts in order before an account ends, and then whether nothing keeps it."""

    def call(accounts: Any, user: Any) -> None:
        closing(accounts, user)
        require_loose(accounts.db, user)

    return call
