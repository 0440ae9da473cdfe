"""The pages by which people come in and go out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

import pydantic

from wholestack import Form, Query, Redirect, Request, Response, Router, TooManyRequests
from wholestack.forms import FormError, FormView
from wholestack.languages import gettext
from wholestack.middleware import security
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._accounts import Accounts
from ._fields import Credentials, Nothing, PasswordAgain
from ._identity import Identity
from ._places import Places
from ._rules import by_session

Next = Annotated[Query[str], pydantic.Field(max_length=2000)]

router = Router(tags=("account",))


@router.middleware
def keep_in_no_cache(request: Request) -> Generator[None, Response, Response]:
    """What these pages show is one person's own (ASVS 5.0 §14.3.2)."""
    response = yield
    response.headers.set("cache-control", "no-store")
    return response


@router.get("/login", name="account_login")
@security(referrer_policy="same-origin")
def show_login(
    form: FormView[Credentials], identity: Identity[Any], places: Places, request: Request, next: Next = ""
) -> Page | Redirect:
    """The form to log in with."""
    if identity.user is not None and not form.errors:
        return places.back(request, next)
    form.action = places.to(request, "/login", next=next)
    form.submit = gettext("Log in")
    return Page("account/login.html", form=form, next=next)


@router.post("/login", errors=(TooManyRequests,), transaction="manual")
async def log_in(
    who: Form[Credentials], accounts: Accounts[Any], places: Places, request: Request, next: Next = ""
) -> Page | Redirect:
    """Log in: the answer sets the session's cookie."""
    user: Any = accounts.check_password(who.email, who.password.get_secret_value())
    if user is None:
        raise FormError("", gettext("The e-mail address or the password is wrong."))
    if accounts.must_confirm and user.email_confirmed_at is None:
        accounts.db.commit()
        accounts.count_mail(user.email)
        accounts.mail_confirmation(user, user.password)
        accounts.db.commit()
        return Page("account/mail-sent.html", email=user.email)  # They have shown the password: it betrays nothing.
    step = accounts.log_in(user, "pwd", remember=who.remember)
    accounts.db.commit()
    return places.back(request, next) if step is None else places.go(request, step, next=next)


@router.get("/logout", name="account_logout")
def show_logout(form: FormView[Nothing], places: Places, request: Request) -> Page:
    """The button to log out with, for whom no page of the app has one."""
    form.action = places.to(request, "/logout")
    form.submit = gettext("Log out")
    return Page("account/logout.html", form=form)


@router.post("/logout")
def log_out(accounts: Accounts[Any], places: Places, request: Request, messages: Messages) -> Redirect:
    """Log out: the session ends, also for who has copied its cookie."""
    accounts.log_out()
    messages.info(gettext("You are logged out."))
    return places.go(request, "/login")


@router.get("/confirm-login", name="account_confirm_login", needs=by_session)
def show_confirm_login(
    form: FormView[PasswordAgain], places: Places, request: Request, accounts: Accounts[Any], next: Next = ""
) -> Page:
    """The form to prove again with who one is."""
    accounts.identity.require_owner()
    form.action = places.to(request, "/confirm-login", next=next)
    form.submit = gettext("Go on")
    who = accounts.identity.required()
    return Page("account/confirm-login.html", form=form, next=next, who=who, factor=accounts.second_factor(who))


@router.post("/confirm-login", needs=by_session, errors=(TooManyRequests,), transaction="manual")
async def confirm_login(
    again: Form[PasswordAgain], accounts: Accounts[Any], places: Places, request: Request, next: Next = ""
) -> Redirect:
    """Prove again who one is, before something dangerous."""
    accounts.identity.require_owner()
    if not accounts.is_own_password(accounts.identity.required(), again.password.get_secret_value()):
        raise FormError("password", gettext("This is not your password."))
    accounts.confirm("pwd")
    accounts.db.commit()
    return places.back(request, next)
