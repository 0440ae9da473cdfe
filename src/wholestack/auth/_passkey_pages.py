"""The pages on which passkeys are made and shown: what the script asks for, and what it sends."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import pydantic

from wholestack import JSON, Form, NotFound, Redirect, Request, Router, TooManyRequests
from wholestack.languages import gettext
from wholestack.sessions import BrowserSession, Messages
from wholestack.templates import Page

from ._accounts import Accounts
from ._browser import Browser
from ._errors import LoginRequired
from ._factor_pages import accept, changing, codes_page, refuse
from ._factors import Factors, count_try_from_here, forget_try_from_here, prover_of
from ._fields import NO_NUL
from ._login_pages import Next, keep_in_no_cache
from ._passkeys import Challenge, Passkeys, tell
from ._places import Places
from ._rules import by_session
from ._webauthn import PasskeyRefused, Verification

login, second = Router(tags=("account",)), Router(tags=("account",))
own = Router(tags=("account",), needs=by_session)
for each in (login, second, own):
    each.middleware(keep_in_no_cache)

Sent = Annotated[str, pydantic.Field(max_length=20_000, pattern=NO_NUL)]
Named = Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NO_NUL)]


class Answered(pydantic.BaseModel):
    """What the script sends: a browser's answer, as JSON."""

    credential: Sent


class NewPasskey(Answered):
    """A new passkey."""

    name: Named


class Renamed(pydantic.BaseModel):
    """Another name for one."""

    name: Named


# -- instead of a password -------------------------------------------------------------------------------------------


@login.post("/passkey/options", errors=(TooManyRequests,), hidden=True, transaction="manual")
def login_options(accounts: Accounts[Any], passkeys: Passkeys, session: BrowserSession[Browser]) -> JSON:
    """What a browser is asked to show any passkey of this site by."""
    count_try_from_here(accounts, "passkey")
    challenge = passkeys.challenge(accounts, session, Challenge(kind="login"))
    accounts.db.commit()
    return JSON(passkeys.party.request(challenge, None, "required"))


@login.post("/passkey", errors=(TooManyRequests,), transaction="manual")
def log_in(
    answered: Form[Answered],
    accounts: Accounts[Any],
    passkeys: Passkeys,
    session: BrowserSession[Browser],
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Redirect:
    """Log in with a passkey, and nothing else: it has known its owner by a finger or a code."""
    count_try_from_here(accounts)
    try:
        row = passkeys.proven(accounts, session, answered.credential, "login")
    except PasskeyRefused as refused:
        tell(refused)
        accounts.note("login-failed", methods=["hwk"])
        accounts.db.commit()
        messages.error(gettext("This passkey did not work. Please try again, or log in another way."))
        return places.go(request, "/login", next=next)
    user: Any = accounts.db.get(accounts.tables.user, row.user_id)
    if not user.is_active or (accounts.must_confirm and user.email_confirmed_at is None):
        accounts.note("login-failed", user, methods=["hwk"])
        accounts.db.commit()
        messages.error(gettext("This account is closed, or its address is not confirmed."))
        return places.go(request, "/login", next=next)
    accounts.log_in(user, "hwk", "user")
    accounts.db.commit()
    forget_try_from_here(accounts, "address", "passkey")
    return places.back(request, next)


# -- as the second factor --------------------------------------------------------------------------------------------


@second.post("/second-factor/passkey/options", errors=(TooManyRequests,), hidden=True, transaction="manual")
def factor_options(accounts: Accounts[Any], passkeys: Passkeys, session: BrowserSession[Browser]) -> JSON:
    """What a browser is asked to show one of the user's passkeys by."""
    who = prover_of(accounts)
    if who is None:
        raise LoginRequired
    count_try_from_here(accounts, "passkey")
    # Beside another factor it is enough to have it; alone it is to know its owner.
    verification: Verification = "required" if who.methods <= {"hwk", "user"} else "preferred"
    asked = Challenge(kind="factor", owner=who.user.key, verification=verification)
    challenge = passkeys.challenge(accounts, session, asked)
    accounts.db.commit()
    return JSON(passkeys.party.request(challenge, passkeys.of(accounts.db, who.user), verification))


@second.post("/second-factor/passkey", errors=(TooManyRequests,), transaction="manual")
def show_factor(
    answered: Form[Answered],
    accounts: Accounts[Any],
    passkeys: Passkeys,
    session: BrowserSession[Browser],
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Redirect:
    """Show a passkey as the second factor, or to prove again who one is."""
    who = prover_of(accounts)
    if who is None:
        messages.warning(gettext("That was too long ago. Please log in again."))
        return places.go(request, "/login", next=next)
    count_try_from_here(accounts)  # By the address alone: nobody guesses one, and so nobody is to lock its owner out.
    try:
        row = passkeys.proven(accounts, session, answered.credential, "factor")
        if row.user_id != who.user.id:
            raise PasskeyRefused("it is somebody else's")
    except PasskeyRefused as refused:
        tell(refused)
        refuse(accounts, who, "hwk")
        messages.error(gettext("This passkey did not work. Please try again."))
        return places.go(request, "/second-factor", next=next)
    accept(accounts, passkeys.factors, who, "hwk")
    forget_try_from_here(accounts, "address", "passkey")
    return places.back(request, next)


# -- one's own -------------------------------------------------------------------------------------------------------


@own.post("/passkeys/options", needs=changing, hidden=True)
def new_options(accounts: Accounts[Any], passkeys: Passkeys, session: BrowserSession[Browser]) -> JSON:
    """What a browser is asked to make a passkey by."""
    user: Any = accounts.identity.required()
    challenge = passkeys.challenge(accounts, session, Challenge(kind="new", owner=user.key))
    return JSON(passkeys.party.creation(user, passkeys.of(accounts.db, user), challenge))


@own.post("/passkeys", needs=changing)
def add(
    new: Form[NewPasskey],
    accounts: Accounts[Any],
    passkeys: Passkeys,
    factors: Factors,
    session: BrowserSession[Browser],
    places: Places,
    request: Request,
    messages: Messages,
) -> Page | Redirect:
    """Keep a new passkey."""
    user: Any = accounts.identity.required()
    try:
        row = passkeys.add(accounts, session, user, new.name, new.credential)
    except PasskeyRefused as refused:
        tell(refused)
        messages.error(gettext("This passkey could not be taken. Please try again, or take another device."))
        return places.go(request, "/factors")
    accounts.confirm("hwk")
    codes = factors.added(accounts, user, passkeys.name, name=row.name)
    if codes:
        return codes_page(codes, factors.title)
    messages.success(gettext("Your passkey is set up."))
    return places.go(request, "/factors")


@own.post("/passkeys/{key}/rename", needs=changing)
def rename(
    key: uuid.UUID,
    renamed: Form[Renamed],
    accounts: Accounts[Any],
    passkeys: Passkeys,
    places: Places,
    request: Request,
) -> Redirect:
    """Call a passkey something else."""
    user: Any = accounts.identity.required()
    row = _own(accounts, passkeys, user, key)
    accounts.note("passkey-renamed", user, name=row.name, to=renamed.name)
    row.name = renamed.name
    return places.go(request, "/factors")


@own.post("/passkeys/{key}/remove", needs=changing)
def remove(
    key: uuid.UUID,
    accounts: Accounts[Any],
    passkeys: Passkeys,
    factors: Factors,
    places: Places,
    request: Request,
    messages: Messages,
) -> Redirect:
    """Take a passkey away; never the last way in."""
    user: Any = accounts.identity.required()
    row = _own(accounts, passkeys, user, key)
    name = row.name
    if passkeys.remove(accounts, user, row):
        factors.removed(accounts, user, passkeys.name, name=name)
        messages.success(gettext("The passkey is removed. Take it out of your device, too."))
    else:
        messages.error(gettext("This passkey is your only way in. Set a password, or another passkey, before."))
    return places.go(request, "/factors")


def _own(accounts: Accounts[Any], passkeys: Passkeys, user: Any, key: uuid.UUID) -> Any:
    row = passkeys.one(accounts.db, user, key)
    if row is None:
        raise NotFound(gettext("You have no such passkey."))
    return row
