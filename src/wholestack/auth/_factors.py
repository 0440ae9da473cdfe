"""Second factors: which of them there are and a user has, who shows one, and how often it may be tried."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Protocol

from sqlalchemy import func, update

from wholestack import App, Forbidden, rule
from wholestack.db import Session, select
from wholestack.languages import gettext

from ._accounts import Accounts
from ._errors import SecondFactorRequired
from ._identity import Identity
from ._means import Section
from ._plugin import Auth
from ._recovery import RecoveryCodes
from ._rules import is_strong

MOST_FAILURES = 100
"""Wrong codes in a row after which none is taken any more (NIST SP 800-63B-4 §3.2.2)."""
_TELLS_AT = frozenset({10, MOST_FAILURES})
"""Wrong codes in a row of which the owner is told: somebody knows the password."""


class Kind(Protocol):
    """A kind of second factor.

    Attributes:
        name: what it is called in templates, mails and the audit trail.
        where: file and line where its plugin is made.
    """

    name: str
    where: str

    def is_set_up(self, db: Session, user: Any) -> bool:
        """Whether a user has it."""
        ...

    def takes(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """Whether a code that was typed is right; it is used up by that."""
        ...


class Factors:
    """The second factors of an app: what the plugins that bring them have in common.

    Arguments:
        auth: the app's logins.
        title: what the site is called.
    """

    path: str = "/second-factor"

    def __init__(self, auth: Auth, title: str) -> None:
        self.auth: Auth = auth
        self.title: str = title
        self.kinds: list[Kind] = []
        self.codes: RecoveryCodes = RecoveryCodes(auth)

    def is_set_up(self, db: Session, user: Any) -> bool:
        """Whether a user has one of them; see `SecondFactor`."""
        return any(each.is_set_up(db, user) for each in self.kinds)

    def of(self, db: Session, user: Any) -> list[str]:
        """The names of those that a user has."""
        return [each.name for each in self.kinds if each.is_set_up(db, user)]

    def takes(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """Whether a code that was typed is right for one of them; it is used up by that."""
        return any(each.takes(accounts, user, code) for each in self.kinds)

    def warn(self, accounts: Accounts[Any], user: Any) -> bool:
        """Tell the owner by mail of so many wrong codes; whether there was something to tell."""
        table = self.auth.tables.totp
        failures = accounts.db.scalar(select(table.failures).where(table.user_id == user.id))
        if failures not in _TELLS_AT:
            return False
        ended = failures == MOST_FAILURES
        accounts.mail("account/mail/second-factor-tried", user.email, failures=failures, ended=ended)
        return True

    def unlock(self, db: Session, user: Any) -> None:
        """Forget wrong codes: the owner has shown another factor."""
        table = self.auth.tables.totp
        forgiven = update(table).where(table.user_id == user.id).values(failures=0)
        db.execute(forgiven, execution_options={"synchronize_session": False})

    def section(self, db: Session, user: Any) -> list[Section]:
        """The line of the page of an account."""
        state = gettext("On") if self.is_set_up(db, user) else gettext("Off")
        return [Section(gettext("Second factor"), "/factors", state)]

    def added(self, accounts: Accounts[Any], user: Any, kind: str, **details: Any) -> list[str]:
        """Take note of a new one, tell the owner, and end sessions that have shown one factor where it is the first.

        Arguments:
            accounts: the request's.
            user: whose.
            kind: ``"totp"`` or ``"passkey"``.
            details: more for the audit trail.

        Returns:
            the recovery codes, where these are the first.
        """
        accounts.note(f"{kind}-added", user, **details)
        accounts.mail("account/mail/factor-changed", user.email, kind=kind, added=True)
        if self.codes.left(accounts.db, user) or self._count(accounts.db, user) > 1:
            return []
        accounts.log_out_everywhere(user, stay=True)
        return self.codes.renew(accounts, user)

    def removed(self, accounts: Accounts[Any], user: Any, kind: str, **details: Any) -> None:
        """Take note that one is gone, and tell the owner; with the last one its recovery codes go."""
        accounts.note(f"{kind}-removed", user, **details)
        accounts.mail("account/mail/factor-changed", user.email, kind=kind, added=False)
        if not self.is_set_up(accounts.db, user):
            self.codes.forget(accounts.db, user)

    def _count(self, db: Session, user: Any) -> int:
        tables = self.auth.tables
        apps = select(func.count()).where(tables.totp.user_id == user.id, tables.totp.confirmed_at.is_not(None))
        keys = select(func.count()).where(tables.passkey.user_id == user.id)
        return (db.scalar(apps) or 0) + (db.scalar(keys) or 0)


def factors_of(app: App) -> tuple[Factors, bool]:
    """The second factors of an app, and whether they were made by this call.

    Raises:
        SetupError: it has no login (``no-plugin``).
    """
    auth = app.plugin(Auth)
    for each in auth.factors:
        if isinstance(each, Factors):
            return each, False
    made = Factors(auth, app.title)
    auth.factors.append(made)
    auth.sections.append(made.section)
    return made, True


# -- who shows one ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Prover:
    """Who is to show a second factor.

    Attributes:
        user: who.
        methods: what they have shown so far.
        is_in: whether they are logged in, and prove it anew.
    """

    user: Any
    methods: frozenset[str]
    is_in: bool

    def passed(self, accounts: Accounts[Any], method: str) -> None:
        """Take note that they have shown one, in the words of RFC 8176."""
        if self.is_in:
            accounts.confirm(method)
        else:
            accounts.finish(method)


def prover_of(accounts: Accounts[Any]) -> Prover | None:
    """Who is to show a second factor: who is half way in, or else is logged in; None for a visitor.

    Raises:
        Forbidden: a token was shown, or somebody acts for the user.
    """
    waiting = accounts.pending()
    if waiting is not None:
        return Prover(waiting[0], frozenset(waiting[1].methods), is_in=False)
    identity = accounts.identity
    if identity.user is None:
        return None
    if identity.by_token or identity.impersonator is not None:
        raise Forbidden(gettext("Only the owner of an account can show its second factor, with a browser."))
    return Prover(identity.user, identity.methods, is_in=True)


@rule
def as_strong_as_set_up(identity: Identity[Any], accounts: Accounts[Any]) -> None:
    """Lets pass who has shown a second factor, where they have one: a password alone must not take it away."""
    user = identity.required()
    if not is_strong(identity.methods) and accounts.second_factor(user) is not None:
        raise SecondFactorRequired("This needs a login with a second factor.")


# -- how often it may be tried ---------------------------------------------------------------------------------------


def count_try(accounts: Accounts[Any], name: str, user: Any = None, *, mail: bool = False) -> None:
    """Count a try before it is looked at. What was done so far is committed: no connection is held meanwhile.

    Arguments:
        accounts: the request's.
        name: what is tried; of other names other tries are counted.
        user: whose it is; a browser that knows them has tries of its own.
        mail: whether a mail is asked for, and nothing is guessed.

    Raises:
        TooManyRequests: there were too many (``too-many-logins``).
    """
    accounts.db.commit()
    accounts._means.throttle.take(name, accounts._request.client, device=_device(accounts, user), mail=mail)


def forget_tries(accounts: Accounts[Any], name: str, user: Any = None, *, mail: bool = False) -> None:
    """Begin to count anew: the last try was right."""
    accounts._means.throttle.passed(name, accounts._request.client, device=_device(accounts, user), mail=mail)


def count_try_from_here(accounts: Accounts[Any], kind: Literal["address", "passkey"] = "address") -> None:
    """As `count_try`, where nobody can tell whose login it is to be: by the client's address alone.

    Raises:
        TooManyRequests: there were too many (``too-many-logins``).
    """
    accounts.db.commit()
    accounts._means.throttle.take_from(accounts._request.client, kind)


def forget_try_from_here(accounts: Accounts[Any], *kinds: Literal["address", "passkey"]) -> None:
    """Take that try back: it was right."""
    accounts._means.throttle.passed_from(accounts._request.client, *kinds)


def _device(accounts: Accounts[Any], user: Any) -> str | None:
    return accounts.device.id if user is not None and accounts.device.knows(user.key) else None


def tries_of(user: Any) -> str:
    """Under which name the tries of a user's second factor are counted."""
    return f"second factor of {user.key}"
