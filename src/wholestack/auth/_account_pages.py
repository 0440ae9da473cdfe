"""The pages of a person's own account: passwords, the address, devices, what was noted, and the way out."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import pydantic

from wholestack import JSON, Form, Redirect, Request, Router, TooManyRequests
from wholestack.db import select
from wholestack.forms import FormError, FormView
from wholestack.languages import gettext
from wholestack.middleware import security
from wholestack.sessions import BrowserSession, Messages, NotRevocable, Sessions
from wholestack.templates import Page

from ._accounts import Accounts
from ._changes import confirm_new_email, exported, mail_new_email, mail_reset, remove_unproven
from ._closing import ClosingRefused
from ._device import browser_name
from ._fields import AskedEmail, ChangedEmail, ChangedPassword, ChosenPassword, Closing, Nothing, Proof, WithoutPassword
from ._identity import Identity, Login
from ._labels import labels
from ._login_pages import keep_in_no_cache
from ._means import PasswordRefused
from ._places import Places
from ._rules import by_session, recent_login
from ._ways import has_way_in

_RECENT = datetime.timedelta(minutes=10)
_EVENTS = 50
"""Lines of the trail that the page of an account shows."""

router = Router(tags=("account",))
own = Router(tags=("account",), needs=by_session)
for each in (router, own):
    each.middleware(keep_in_no_cache)

Token = Annotated[str, pydantic.Field(max_length=100)]

# -- links that were mailed ------------------------------------------------------------------------------------------


@router.get("/confirm/{token}", name="account_confirm")
@security(referrer_policy="no-referrer")
def show_confirm(token: Token, form: FormView[Proof], accounts: Accounts[Any]) -> Page:
    """The button that confirms an address: programs that look at mails follow links, and press nothing."""
    link = accounts.links.find("confirm", token)
    form.submit = gettext("Confirm")
    found, elsewhere = accounts.owner_of(link) is not None, accounts.is_of_another(link)
    asks = not accounts.has_chosen(link)
    return Page("account/confirm.html", form=form, found=found, asks=asks, elsewhere=elsewhere)


@router.post("/confirm/{token}", answers={410: Page}, errors=(TooManyRequests,), transaction="manual")
async def confirm(
    token: Token, proof: Form[Proof], accounts: Accounts[Any], places: Places, request: Request, messages: Messages
) -> Page | Redirect:
    """Confirm that an address is one's own; the account has the password that was chosen with the link."""
    link = accounts.links.find("confirm", token)
    chosen = accounts.has_chosen(link)
    if accounts.is_of_another(link):
        return Page("account/confirm.html", found=True, form=None, elsewhere=True, status=403)
    accounts.db.commit()
    if link is not None and not chosen:
        if proof.password is None or not accounts.is_chosen_password(link, proof.password.get_secret_value()):
            raise FormError("password", gettext("This is not the password that was chosen with this address."))
    link = accounts.links.take("confirm", token)
    user: Any = accounts.owner_of(link)
    if user is None:
        return Page("account/confirm.html", found=False, form=None, status=410)
    if user.email_confirmed_at is None:
        if user.password != link.data["hashed"]:  # What is there may be of whoever has chosen the other password.
            remove_unproven(accounts, user)
            accounts.log_out_everywhere(user)
        user.password = link.data["hashed"]
    user.email_confirmed_at = accounts.now()
    accounts.links.end(user, "confirm")
    accounts.note("address-confirmed", user)
    accounts.db.commit()
    messages.success(gettext("Thank you, your e-mail address is confirmed."))
    return places.back(request) if accounts.identity.user is not None else places.go(request, "/login")


@router.get("/forgotten", name="account_forgotten")
def show_forgotten(form: FormView[AskedEmail]) -> Page:
    """The form for who has forgotten the password."""
    form.submit = gettext("Send me a link")
    return Page("account/forgotten.html", form=form)


@router.post("/forgotten", errors=(TooManyRequests,))
def ask_reset(asked: Form[AskedEmail], accounts: Accounts[Any]) -> Page:
    """Have a link mailed for a new password; the answer does not tell whether there is an account."""
    accounts.count_mail(asked.email)
    page = Page("account/mail-sent.html", email=asked.email)
    page.after(accounts.later(mail_reset, asked.email))
    return page


@router.get("/reset/{token}", name="account_reset")
@security(referrer_policy="no-referrer")
def show_reset(token: Token, form: FormView[ChosenPassword], accounts: Accounts[Any]) -> Page:
    """The form for a new password, by who has the link."""
    form.submit = gettext("Set the password")
    return Page("account/reset.html", form=form, found=accounts.links.find("reset", token) is not None)


@router.post("/reset/{token}", answers={410: Page}, transaction="manual")
async def reset(
    token: Token,
    chosen: Form[ChosenPassword],
    accounts: Accounts[Any],
    places: Places,
    request: Request,
    messages: Messages,
) -> Page | Redirect:
    """Set a new password by a link; every session ends, and the link proves the address."""
    known: Any = accounts.owner_of(accounts.links.find("reset", token))
    if known is None:
        return Page("account/reset.html", found=False, form=None, status=410)
    email = known.email
    accounts.db.commit()  # No connection is held, and nobody kept from writing, while the password is hashed.
    hashed = _hashed(accounts, chosen.password, email, "password")
    user: Any = accounts.owner_of(accounts.links.take("reset", token))
    if user is None:  # Somebody was faster.
        accounts.db.commit()
        return Page("account/reset.html", found=False, form=None, status=410)
    accounts.take_hash(user, hashed, stay=False)
    if user.email_confirmed_at is None:
        user.email_confirmed_at = accounts.now()
        remove_unproven(accounts, user)
    accounts.db.commit()
    messages.success(gettext("Your password is set. Please log in with it."))
    return places.go(request, "/login")


@router.get("/new-email/{token}", name="account_new_email")
@security(referrer_policy="no-referrer")
def show_new_email(token: Token, form: FormView[Nothing], accounts: Accounts[Any]) -> Page:
    """The button by which a new address, and then the old one, says yes to the change."""
    link = accounts.links.find("new-email", token) or accounts.links.find("old-email", token)
    form.submit = gettext("Confirm")
    return Page("account/new-email.html", form=form, found=link is not None, email=link.data["email"] if link else "")


@router.post("/new-email/{token}", answers={410: Page})
def take_new_email(
    token: Token, accounts: Accounts[Any], places: Places, request: Request, messages: Messages
) -> Page | Redirect:
    """Confirm a change of address, from one side; it holds when both have."""
    found = accounts.links.find("new-email", token) or accounts.links.find("old-email", token)
    if found is not None:
        accounts.lock(found.user_id)  # Both sides may come at once: each takes its own link, and looks at the other's.
    link = accounts.links.take("new-email", token) or accounts.links.take("old-email", token)
    user: Any = accounts.owner_of(link)
    if user is None:
        return Page("account/new-email.html", found=False, form=None, email="", status=410)
    if confirm_new_email(accounts, user, link):
        messages.success(gettext("Your e-mail address is changed."))
    else:
        messages.info(gettext("Thank you. The change holds when the other address has confirmed it, too."))
    return places.go(request, "" if accounts.identity.user is not None else "/login")


# -- one's own account -----------------------------------------------------------------------------------------------


@own.get("", name="account", hidden=True)
def show_account(
    identity: Identity[Any], sessions: Sessions, session: BrowserSession[Login], accounts: Accounts[Any]
) -> Page:
    """What one's account holds, and what can be done with it."""
    user = identity.required()
    try:
        devices = sessions.of(user.key)
    except NotRevocable:  # Sessions in cookies cannot be listed.
        devices = []
    event = accounts.tables.event
    events = accounts.db.scalars(
        select(event).where(event.user == user.key).order_by(event.created_at.desc()).limit(_EVENTS)
    ).all()
    return Page(
        "account/account.html",
        owner=user,
        devices=devices,
        here=session.key,
        events=events,
        labels=labels(),
        browser_name=browser_name,
        sections=accounts.sections(user),
    )


@own.get("/password", name="account_password")
def show_password(form: FormView[ChangedPassword], identity: Identity[Any]) -> Page:
    """The form for another password, or the first one."""
    has_one = identity.required().password is not None
    form.submit = gettext("Change the password") if has_one else gettext("Set the password")
    return Page("account/password.html", form=form)


@own.post("/password", errors=(TooManyRequests,), transaction="manual")
async def change_password(
    changed: Form[ChangedPassword], accounts: Accounts[Any], places: Places, request: Request, messages: Messages
) -> Redirect:
    """Change the password; every other session ends."""
    user: Any = accounts.identity.required()
    _proven(accounts, user, changed.old, "old")
    accounts.take_hash(user, _hashed(accounts, changed.new, user.email, "new"))
    accounts.db.commit()
    messages.success(gettext("Your password is changed. Other devices are logged out."))
    return places.go(request)


@own.get("/password/remove", name="account_password_remove")
def show_without_password(form: FormView[WithoutPassword]) -> Page:
    """The form by which a password goes: passkeys, other providers or mail let in without one."""
    form.submit = gettext("Remove the password")
    return Page("account/password-remove.html", form=form)


@own.post("/password/remove", errors=(TooManyRequests,), transaction="manual")
async def remove_password(
    shown: Form[WithoutPassword], accounts: Accounts[Any], places: Places, request: Request, messages: Messages
) -> Redirect:
    """Take the password away, unless it is the last way in; every other session ends."""
    user: Any = accounts.identity.required()
    _proven(accounts, user, shown.password, "password")
    accounts.lock(user.id)
    if not has_way_in(accounts, user, password=False):
        accounts.db.rollback()
        raise FormError(
            "password", gettext("Nothing else lets you in. Set up a passkey, or link another login, before.")
        )
    accounts.remove_password(user)
    accounts.db.commit()
    messages.success(gettext("Your password is removed. Other devices are logged out."))
    return places.go(request)


@own.get("/email", name="account_email")
def show_email(form: FormView[ChangedEmail]) -> Page:
    """The form for another address."""
    form.submit = gettext("Change the address")
    return Page("account/email.html", form=form)


@own.post("/email", errors=(TooManyRequests,), transaction="manual")
async def ask_new_email(changed: Form[ChangedEmail], accounts: Accounts[Any]) -> Page:
    """Have both addresses asked whether the account is to have another; the answer does not tell if one is taken."""
    user: Any = accounts.identity.required()
    _proven(accounts, user, changed.password, "password")
    mail_new_email(accounts, user, changed.email)
    accounts.db.commit()
    return Page("account/mail-sent.html", email=changed.email)


@own.post("/devices/{key}/end", needs=recent_login(minutes=30))
def end_device(
    key: Annotated[str, pydantic.Field(max_length=64)],
    sessions: Sessions,
    accounts: Accounts[Any],
    places: Places,
    request: Request,
    messages: Messages,
) -> Redirect:
    """Log out on another device."""
    user: Any = accounts.identity.required()
    if key in {each.key for each in sessions.of(user.key)}:  # Nobody else's.
        sessions.revoke(key)
        accounts.note("session-ended", user)
        messages.success(gettext("That device is logged out."))
    return places.go(request)


@own.post("/devices/end", needs=recent_login(minutes=30))
def end_devices(accounts: Accounts[Any], places: Places, request: Request, messages: Messages) -> Redirect:
    """Log out everywhere else."""
    user: Any = accounts.identity.required()
    accounts.log_out_everywhere(user, stay=True)
    accounts.note("logout-everywhere", user)
    messages.success(gettext("All other devices are logged out."))
    return places.go(request)


@own.get("/export", name="account_export", needs=recent_login(minutes=30))
def export(accounts: Accounts[Any]) -> JSON:
    """All that the account holds, as JSON (GDPR, article 20)."""
    user: Any = accounts.identity.required()
    stamp = datetime.datetime.now(datetime.UTC).date()
    headers = {"content-disposition": f'attachment; filename="account-{stamp}.json"'}
    return JSON(exported(accounts, user), headers=headers)


@own.get("/close", name="account_close")
def show_close(form: FormView[Closing]) -> Page:
    """The form by which an account ends."""
    form.submit = gettext("Delete my account")
    return Page("account/close.html", form=form)


@own.post("/close", errors=(TooManyRequests,), transaction="manual")
async def close(
    closing: Form[Closing], accounts: Accounts[Any], places: Places, request: Request, messages: Messages
) -> Redirect:
    """Close the account: its row goes, with all that belongs to it."""
    user: Any = accounts.identity.required()
    if not closing.sure:
        raise FormError("sure", gettext("Please say that you are sure."))
    _proven(accounts, user, closing.password, "password")
    try:
        accounts.close(user)
    except ClosingRefused as refused:
        accounts.db.rollback()
        raise FormError("sure", refused.message) from None
    accounts.db.commit()
    messages.info(gettext("Your account is deleted."))
    return places.go(request, "/login")


def _proven(accounts: Accounts[Any], user: Any, password: pydantic.SecretStr | None, field: str) -> None:
    """Go on only for who has shown the account's password, or where it has none, has come in a short while ago."""
    accounts.identity.require_owner()
    if user.password is None:
        accounts.identity.require_recent(_RECENT)
    elif password is None or not accounts.is_own_password(user, password.get_secret_value()):
        raise FormError(field, gettext("This is not your password."))


def _hashed(accounts: Accounts[Any], password: pydantic.SecretStr, email: str, field: str) -> str:
    try:
        return accounts.hashed(password.get_secret_value(), email)
    except PasswordRefused as refused:
        raise FormError(field, refused.reasons[0], *((field, each) for each in refused.reasons[1:])) from None
