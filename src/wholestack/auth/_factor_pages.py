"""The pages of second factors that all kinds have in common: where one is shown, the list, the recovery codes."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import pydantic

from wholestack import App, Form, Redirect, Request, Router, TooManyRequests
from wholestack.db import select
from wholestack.forms import FormError, FormView, Widget
from wholestack.http import safe_redirect
from wholestack.languages import gettext, lazy
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._accounts import Accounts
from ._factor_check import faults
from ._factors import (
    Factors,
    Kind,
    Prover,
    as_strong_as_set_up,
    count_try,
    factors_of,
    forget_tries,
    prover_of,
    tries_of,
)
from ._fields import NO_NUL
from ._identity import Identity
from ._login_pages import Next, keep_in_no_cache
from ._places import Places
from ._rules import by_session, recent_login

router = Router(tags=("account",))
own = Router(tags=("account",), needs=by_session)
for each in (router, own):
    each.middleware(keep_in_no_cache)

changing = recent_login() & as_strong_as_set_up
"""What it takes to change second factors."""

_SHORT = pydantic.StringConstraints(min_length=1, max_length=40, pattern=NO_NUL)


class Code(pydantic.BaseModel):
    """A code of an app."""

    code: Annotated[
        str,
        _SHORT,
        pydantic.Field(title=lazy("Code")),
        Widget("text", autocomplete="one-time-code", inputmode="numeric", autofocus=True),
    ]


class RecoveryCode(pydantic.BaseModel):
    """One of the recovery codes."""

    code: Annotated[
        str, _SHORT, pydantic.Field(title=lazy("Recovery code")), Widget("text", autocomplete="off", autofocus=True)
    ]


def include_pages(app: App, kind: Kind) -> Factors:
    """Let an app have a kind of second factor; with the first one come these pages.

    Raises:
        SetupError: it has no login (``no-plugin``).
    """
    factors, is_new = factors_of(app)
    factors.kinds.append(kind)
    if is_new:

        def found() -> Factors:
            return factors

        app.provide(found, scope="app")
        app.check(lambda: faults(app, factors, kind.where))
        for each in (router, own):
            app.include(each, at=factors.auth.places.at)
    return factors


# -- where one is shown ----------------------------------------------------------------------------------------------


@router.get("/second-factor", name="account_second_factor")
def show_second_factor(
    form: FormView[Code],
    accounts: Accounts[Any],
    factors: Factors,
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Page | Redirect:
    """Where a second factor is shown: after the password, or by who is in and needs one."""
    who = prover_of(accounts)
    if who is None:
        return _gone(places, request, messages, next)
    there = factors.of(accounts.db, who.user)
    if not there:
        messages.info(gettext("This needs a second factor. Please set one up."))
        return places.go(request, "/factors", next=next)
    form.action = places.to(request, "/second-factor", next=next)
    form.submit = gettext("Go on")
    left = factors.codes.left(accounts.db, who.user)
    return Page("account/second-factor.html", form=form, who=who.user, there=there, left=left, next=next)


@router.post("/second-factor", errors=(TooManyRequests,), transaction="manual")
def take_code(
    shown: Form[Code],
    accounts: Accounts[Any],
    factors: Factors,
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Redirect:
    """Show a code of an app: the login is whole with it."""
    who = prover_of(accounts)
    if who is None:
        return _gone(places, request, messages, next)
    count_try(accounts, tries_of(who.user), who.user)
    if not factors.takes(accounts, who.user, shown.code):
        warned = factors.warn(accounts, who.user)
        refuse(accounts, who, "otp")
        wrong = gettext("This code is wrong, or was used already.")
        if warned:  # No mail goes out with an answer that is an error.
            messages.error(wrong)
            return places.go(request, "/second-factor", next=next)
        raise FormError("code", wrong)
    accept(accounts, factors, who, "otp")
    return places.back(request, next)


@router.get("/second-factor/recovery", name="account_recovery")
def show_recovery(
    form: FormView[RecoveryCode],
    accounts: Accounts[Any],
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Page | Redirect:
    """The form for a recovery code."""
    who = prover_of(accounts)
    if who is None:
        return _gone(places, request, messages, next)
    form.action = places.to(request, "/second-factor/recovery", next=next)
    form.submit = gettext("Go on")
    return Page("account/second-factor-recovery.html", form=form, who=who.user, next=next)


@router.post("/second-factor/recovery", errors=(TooManyRequests,), transaction="manual")
def take_recovery(
    shown: Form[RecoveryCode],
    accounts: Accounts[Any],
    factors: Factors,
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Redirect:
    """Show a recovery code, which ends by that."""
    who = prover_of(accounts)
    if who is None:
        return _gone(places, request, messages, next)
    count_try(accounts, tries_of(who.user), who.user)
    if not factors.is_set_up(accounts.db, who.user) or not factors.codes.take(accounts, who.user, shown.code):
        refuse(accounts, who, "recovery")
        raise FormError("code", gettext("This code is wrong, or was used already."))
    accept(accounts, factors, who, "otp")
    left = factors.codes.left(accounts.db, who.user)
    messages.warning(gettext("That recovery code is used up. You have %(left)s left.", left=left))
    return places.back(request, next)


def accept(accounts: Accounts[Any], factors: Factors, who: Prover, method: str) -> None:
    """Let who has shown a second factor go on, for good."""
    who.passed(accounts, method)
    factors.unlock(accounts.db, who.user)
    accounts.db.commit()
    forget_tries(accounts, tries_of(who.user), who.user)


def refuse(accounts: Accounts[Any], who: Prover, method: str) -> None:
    """Take note that one was wrong, for good: the answer is an error."""
    accounts.note("second-factor-failed", who.user, methods=[method])
    accounts.db.commit()


def _gone(places: Places, request: Request, messages: Messages, next: str) -> Redirect:
    messages.warning(gettext("That was too long ago. Please log in again."))
    return places.go(request, "/login", next=next)


# -- the list, and the recovery codes --------------------------------------------------------------------------------


@own.get("/factors", name="account_factors", hidden=True)
def show_factors(identity: Identity[Any], accounts: Accounts[Any], factors: Factors, next: Next = "") -> Page:
    """The second factors that one has, and those that there are."""
    user = identity.required()
    passkey = accounts.tables.passkey
    passkeys = accounts.db.scalars(select(passkey).where(passkey.user_id == user.id).order_by(passkey.created_at)).all()
    return Page(
        "account/factors.html",
        offered=[each.name for each in factors.kinds],
        there=factors.of(accounts.db, user),
        passkeys_held=passkeys,
        left=factors.codes.left(accounts.db, user),
        next=next,
    )


@own.post("/factors/recovery-codes", needs=changing)
def renew_codes(accounts: Accounts[Any], factors: Factors, places: Places, request: Request) -> Page | Redirect:
    """A new set of recovery codes; the one before ends."""
    user: Any = accounts.identity.required()
    if not factors.is_set_up(accounts.db, user):
        return places.go(request, "/factors")
    codes = factors.codes.renew(accounts, user)
    accounts.mail("account/mail/recovery-codes-made", user.email)
    return codes_page(codes, factors.title)


def codes_page(codes: list[str], title: str, next: str = "") -> Page:
    """The page that shows recovery codes, once: they are in no store that could show them again."""
    text = "\n".join([title, "", *codes, ""])
    download = f"data:text/plain;charset=utf-8,{quote(text)}"
    goes_on = next if next and safe_redirect(next) else ""
    return Page("account/recovery-codes.html", codes=codes, download=download, next=goes_on)
