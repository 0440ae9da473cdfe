"""The pages on which an app for codes is set up, and taken away."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from wholestack import Form, Redirect, Request, Router, TooManyRequests
from wholestack.forms import FormError, FormView
from wholestack.languages import gettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._accounts import Accounts
from ._factor_pages import Code, changing, codes_page
from ._factors import Factors, count_try, forget_tries, tries_of
from ._login_pages import Next, keep_in_no_cache
from ._places import Places
from ._rules import by_session
from ._totp import TOTP, text_of

router = Router(tags=("account",), needs=by_session)
router.middleware(keep_in_no_cache)


@router.post("/factors/totp/begin", needs=changing)
def begin(accounts: Accounts[Any], totp: TOTP, places: Places, request: Request, next: Next = "") -> Redirect:
    """Make a secret for an app."""
    made = totp.enrol(accounts, accounts.identity.required())
    return places.go(request, "/factors/totp" if made else "/factors", next=next)


@router.get("/factors/totp", name="account_totp", needs=changing)
def show_totp(
    form: FormView[Code], accounts: Accounts[Any], totp: TOTP, places: Places, request: Request, next: Next = ""
) -> Page | Redirect:
    """The picture for the app, and the form for its first code."""
    user: Any = accounts.identity.required()
    secret = totp.waiting(accounts, user)
    if secret is None:
        return places.go(request, "/factors", next=next)
    form.action = places.to(request, "/factors/totp", next=next)
    form.submit = gettext("Set it up")
    uri, text = totp.uri(user, secret), text_of(secret)
    groups = " ".join(text[index : index + 4] for index in range(0, len(text), 4))
    return Page("account/totp.html", form=form, picture=picture_of(uri), uri=uri, secret=groups, next=next)


@router.post("/factors/totp", needs=changing, errors=(TooManyRequests,), transaction="manual")
def confirm(
    shown: Form[Code],
    accounts: Accounts[Any],
    totp: TOTP,
    factors: Factors,
    places: Places,
    request: Request,
    messages: Messages,
    next: Next = "",
) -> Page | Redirect:
    """Show the first code: it counts from here on."""
    user: Any = accounts.identity.required()
    count_try(accounts, tries_of(user), user)
    if not totp.confirm(accounts, user, shown.code):
        raise FormError("code", gettext("This code is wrong. Is your phone's clock right?"))
    accounts.confirm("otp")
    codes = factors.added(accounts, user, totp.name)
    accounts.db.commit()
    forget_tries(accounts, tries_of(user), user)
    if codes:
        return codes_page(codes, factors.title, next)
    messages.success(gettext("Your app for codes is set up."))
    return places.back(request, next) if next else places.go(request, "/factors")


@router.post("/factors/totp/remove", needs=changing)
def remove(
    accounts: Accounts[Any], totp: TOTP, factors: Factors, places: Places, request: Request, messages: Messages
) -> Redirect:
    """Take the app for codes away."""
    user: Any = accounts.identity.required()
    if totp.remove(accounts, user):
        factors.removed(accounts, user, totp.name)
        messages.success(gettext("Your app for codes is removed."))
    return places.go(request, "/factors")


def picture_of(uri: str) -> Markup:
    """A QR code as SVG, with nothing in it that a policy would stop."""
    import segno

    code = segno.make(uri, error="m", micro=False)
    drawn = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=False)
    named = drawn.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(gettext("QR code"))}" ', 1)
    return Markup(named)  # noqa: S704  (drawn here, of numbers)
