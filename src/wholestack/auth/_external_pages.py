"""The pages by which people come in at a provider, and link its logins with their accounts.

The handlers that ask a provider are `async def`, and driven: while it takes its time, no thread waits.
"""

from __future__ import annotations

import dataclasses
import hmac
import logging
import secrets
import uuid
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode, urlsplit

import pydantic
from sqlalchemy.exc import DBAPIError

from wholestack import Form, NotFound, Query, Redirect, Request, Response, Router
from wholestack.db import Session, select
from wholestack.forms import FormView
from wholestack.languages import gettext
from wholestack.middleware import security
from wholestack.sessions import BrowserSession, Messages, NotRevocable, Sessions
from wholestack.templates import Page

from ._accounts import Accounts
from ._factors import as_strong_as_set_up
from ._fetch import ProviderAway
from ._fields import NO_NUL, Nothing
from ._identity import Terms
from ._jose import TokenInvalid
from ._links import digest_of
from ._login_pages import Next, keep_in_no_cache
from ._oidc_accounts import PROOF, Entered, check_profile, enter, link, linked, prove, unlink
from ._oidc_terms import FEDERATED, ExternalLogins, Flow, Profile, Provider, Providers, Refusal
from ._places import Places
from ._rules import by_session, recent_login

_log = logging.getLogger("wholestack.auth")
_MINUTES = 10
_TRIES = 3
T = TypeVar("T")
Kept = BrowserSession[ExternalLogins]
Name = Annotated[str, pydantic.Field(max_length=50)]
Token = Annotated[str, pydantic.Field(max_length=100)]
Long = Annotated[Query[str], pydantic.Field(max_length=4096)]

router = Router(tags=("account",))
own = Router(tags=("account",), needs=recent_login(minutes=_MINUTES) & as_strong_as_set_up)
for each in (router, own):
    each.middleware(keep_in_no_cache)


class Answer(pydantic.BaseModel):
    """What a provider has its page send, where it sends a form (OAuth 2.0 Form Post Response Mode)."""

    code: Annotated[str, pydantic.Field(max_length=4096)] = ""
    state: Annotated[str, pydantic.Field(max_length=4096)] = ""
    iss: Annotated[str, pydantic.Field(max_length=4096)] = ""
    error: Annotated[str, pydantic.Field(max_length=4096)] = ""


class LogoutToken(pydantic.BaseModel):
    """What a provider sends when sessions are over there."""

    logout_token: Annotated[str, pydantic.Field(max_length=20_000, pattern=NO_NUL)]


def _provider(providers: Providers, name: str) -> Provider:
    found = providers.by_name.get(name)
    if found is None:
        raise NotFound(gettext("There is no such provider."))
    return found


def _elsewhere(address: str) -> Redirect:
    """To an address that a provider has described itself with."""
    return Redirect(address, hosts=[urlsplit(address).netloc.lower()])


# -- the way there, and back -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Desk:
    """What a login at a provider is worked with, in a request."""

    providers: Providers
    accounts: Accounts[Any]
    session: Kept
    places: Places
    request: Request
    messages: Messages

    def settled(self, work: Callable[[], T]) -> T:
        """Do what is one transaction, once more where somebody else was faster: the provider's code is used up."""
        for _ in range(_TRIES - 1):
            try:
                return work()
            except DBAPIError:
                self.accounts.db.rollback()
        return work()

    def refused(self, provider: Provider, refusal: Refusal, flow: Flow | None) -> Redirect:
        """Tell the person, and take note; nothing else of the request stays."""
        accounts = self.accounts
        accounts.db.rollback()
        _log.warning("A login at %s was refused: %s", provider.name, refusal.reason)
        if flow is not None:  # Without one anybody could fill the trail.
            user = accounts.identity.user
            accounts.note("external-refused", user, provider=provider.name, reason=refusal.reason)
            accounts.db.commit()
        self.messages.error(f"{provider.title}: {refusal.message}")
        return self.onward(flow)

    def away(self, provider: Provider, error: ProviderAway, flow: Flow | None) -> Redirect:
        """Tell the person that a provider does not answer."""
        self.accounts.db.rollback()
        _log.warning("A login at %s failed: %s", provider.name, error.detail)
        message = gettext(
            "%(provider)s does not answer at the moment. Please try again later.", provider=provider.title
        )
        self.messages.error(message)
        return self.onward(flow)

    def onward(self, flow: Flow | None) -> Redirect:
        """To where whoever was refused can go on."""
        target = "" if flow is None else flow.next
        if self.accounts.identity.user is None:
            return self.places.go(self.request, "/login", next=target)
        if flow is not None and flow.purpose == "confirm":
            return self.places.go(self.request, "/confirm-login", next=target)
        return self.places.go(self.request)


def desk(
    providers: Providers, accounts: Accounts[Any], session: Kept, places: Places, request: Request, messages: Messages
) -> Desk:
    """The desk of a request."""
    return Desk(providers, accounts, session, places, request, messages)


@router.get("/external/{name}", name="account_external_begin", transaction="manual", hidden=True)
async def begin(name: Name, desk: Desk, next: Next = "", ticket: Query[str] = "") -> Redirect:
    """Send a browser to a provider, to log in, to prove again who one is, or to link it."""
    provider = _provider(desk.providers, name)
    user: Any = desk.accounts.identity.user
    kept = desk.session.data
    purpose = "login" if user is None else "confirm"
    if ticket:
        if user is None or not hmac.compare_digest(ticket.encode(), kept.ticket.encode()):
            return desk.places.go(desk.request, "/external")
        purpose, kept.ticket = "link", ""
    flow = Flow(
        provider=name, at=desk.accounts.now(), next=next, purpose=purpose, user=None if user is None else user.key
    )
    desk.accounts.db.commit()  # No connection is held while others are asked.
    state = kept.begin(flow)
    try:
        return _elsewhere(provider.client.address(flow, state, desk.providers.redirect_uri(provider)))
    except ProviderAway as error:
        return desk.away(provider, error, flow)


@router.get("/external/{name}/callback", name="account_external_callback", transaction="manual")
@security(referrer_policy="no-referrer")
async def finish(
    name: Name, desk: Desk, code: Long = "", state: Long = "", iss: Long = "", error: Long = ""
) -> Redirect | Page:
    """Take the answer that a browser brings back from a provider."""
    provider = _provider(desk.providers, name)
    accounts = desk.accounts
    flow = desk.session.data.take(state, name, accounts.now())
    if flow is None:
        message = gettext("This login was begun in another browser, or too long ago. Please try again.")
        return desk.refused(provider, Refusal(message, "state"), None)
    accounts.db.commit()
    answer = {"code": code, "iss": iss, "error": error}
    try:
        profile = provider.client.profile(flow, answer, desk.providers.redirect_uri(provider), accounts.now())
        check_profile(provider, profile)
        return desk.settled(lambda: _finished(desk, provider, profile, flow))
    except Refusal as refusal:
        return desk.refused(provider, refusal, flow)
    except ProviderAway as away:
        return desk.away(provider, away, flow)


def _finished(desk: Desk, provider: Provider, profile: Profile, flow: Flow) -> Redirect | Page:
    accounts, user = desk.accounts, desk.accounts.identity.user
    if flow.purpose == "login":
        entered = enter(accounts, provider, profile, flow, may_sign_up=desk.providers.may_sign_up(provider))
        accounts.db.commit()
        return _entered(desk, provider, entered, flow.next, profile.hint)
    if user is None or user.key != flow.user:
        raise Refusal(gettext("Somebody else is logged in here meanwhile."), "another user")
    if flow.purpose == "link":
        link(accounts, user, provider, profile)
        accounts.db.commit()
        desk.messages.success(gettext("%(provider)s is linked with your account.", provider=provider.title))
        return desk.places.go(desk.request, "/external")
    row = linked(accounts, profile)
    if row is None or row.user_id != user.id:
        raise Refusal(gettext("This login is not linked with your account."), "not of this account")
    accounts.confirm(FEDERATED)
    accounts.db.commit()
    return desk.places.back(desk.request, flow.next)


def _entered(desk: Desk, provider: Provider, entered: Entered, next: str, hint: str = "") -> Redirect | Page:
    kept = desk.session.data  # Asked for now: with another user the session has begun anew.
    if entered.mailed:
        kept.proof = entered.proof
        return Page("account/mail-sent.html", email=entered.mailed)
    kept.provider, kept.hint = provider.name, hint if provider.logs_out else ""
    if entered.step is not None:
        return desk.places.go(desk.request, entered.step, next=next)
    return desk.places.back(desk.request, next)


@router.post("/external/{name}/callback", csrf=False)
def take_form(name: Name, answer: Form[Answer], places: Places, request: Request) -> Redirect:
    """Take an answer that comes as a form: as the page of another site sends it, it has no cookie of ours with it.

    It proves nothing, and is sent on as if it had come by its address.
    """
    told = {key: value for key, value in answer.model_dump().items() if value}
    return Redirect(f"{places.to(request, f'/external/{name}/callback')}?{urlencode(told)}")


# -- proof of an address -----------------------------------------------------------------------------------------------


@router.get("/external/{name}/proof/{token}", name="account_external_proof")
@security(referrer_policy="no-referrer")
def show_proof(name: Name, token: Token, form: FormView[Nothing], accounts: Accounts[Any], session: Kept) -> Page:
    """The button that makes the account of who has logged in at a provider, whose address is proven by this."""
    is_here = accounts.links.find(PROOF, token) is not None and session.data.proof == digest_of(token)
    form.submit = gettext("Make an account")
    return Page("account/external-proof.html", form=form, found=is_here)


@router.post("/external/{name}/proof/{token}", answers={410: Page}, transaction="manual")
def take_proof(name: Name, token: Token, desk: Desk) -> Redirect | Page:
    """Make the account, and let its owner in."""
    provider = _provider(desk.providers, name)
    try:
        return desk.settled(lambda: _proven(desk, provider, token))
    except Refusal:
        desk.accounts.db.rollback()
        return Page("account/external-proof.html", form=None, found=False, status=410)


def _proven(desk: Desk, provider: Provider, token: str) -> Redirect | Page:
    entered = prove(desk.accounts, provider, desk.session.data, token)
    desk.accounts.db.commit()
    desk.session.data.proof = ""
    return _entered(desk, provider, entered, entered.next)


# -- what is linked ----------------------------------------------------------------------------------------------------


@own.get("/external", name="account_external", hidden=True)
def show_external(accounts: Accounts[Any], providers: Providers, session: Kept) -> Page:
    """The logins that are linked with one's account, and those that could be."""
    user: Any = accounts.identity.required()
    external = accounts.tables.external
    rows = accounts.db.scalars(select(external).where(external.user_id == user.id).order_by(external.created_at)).all()
    session.data.ticket = secrets.token_urlsafe(32)
    known = [*providers.by_name.values()]
    titles = {
        row.id: next((each.title for each in known if each.client.is_own(row.issuer)), row.issuer) for row in rows
    }
    others = [each for each in known if not any(each.client.is_own(row.issuer) for row in rows)]
    ticket = session.data.ticket
    return Page("account/external.html", rows=rows, titles=titles, others=others, ticket=ticket)


@own.post("/external/unlink/{key}", transaction="manual")
def take_away(key: uuid.UUID, desk: Desk) -> Redirect:
    """Take a link away, unless it is the last way in."""
    try:
        if desk.settled(lambda: _unlinked(desk, key)):
            desk.messages.success(gettext("The link is taken away."))
    except Refusal as refusal:
        desk.accounts.db.rollback()
        desk.messages.error(refusal.message)
    return desk.places.go(desk.request, "/external")


def _unlinked(desk: Desk, key: uuid.UUID) -> bool:
    found = unlink(desk.accounts, desk.accounts.identity.required(), key)
    desk.accounts.db.commit()
    return found


# -- the way out -------------------------------------------------------------------------------------------------------


@router.get("/external/logout", name="account_external_logout", needs=by_session)
def show_logout(form: FormView[Nothing], places: Places, request: Request) -> Page:
    """The button to log out here and there."""
    form.action = places.to(request, "/external/logout")
    form.submit = gettext("Log out")
    return Page("account/logout.html", form=form)


@router.post("/external/logout", needs=by_session, transaction="manual")
async def log_out_there(desk: Desk) -> Redirect | Page:
    """Log out here, and lead on to where one logs out at the provider."""
    kept = desk.session.data
    provider, hint = desk.providers.by_name.get(kept.provider), kept.hint
    desk.accounts.log_out()
    desk.accounts.db.commit()
    address = None
    if provider is not None and provider.logs_out:
        try:
            address = provider.client.way_out(hint, desk.providers.out())
        except ProviderAway as error:
            _log.warning("Nobody could be logged out at %s: %s", provider.name, error.detail)
    if provider is None or address is None:
        desk.messages.info(gettext("You are logged out."))
        return desk.places.go(desk.request, "/login")
    # No redirect: a policy of ours says where forms lead, and that is to this site alone.
    return Page("account/external-logout.html", provider=provider.title, address=address)


@router.post("/external/{name}/ended", csrf=False, transaction="manual")
async def end_sessions(
    name: Name, told: Form[LogoutToken], providers: Providers, terms: Terms, db: Session, sessions: Sessions
) -> Response:
    """End somebody's sessions, because a provider says that theirs are over there (back-channel logout)."""
    provider = _provider(providers, name)
    try:
        issuer, subject = provider.client.ended(told.logout_token, terms.clock())
    except TokenInvalid as error:
        _log.warning("A logout token of %s was refused: %s", name, error.reason)
        return Response(b"", status=400, headers={"cache-control": "no-store"})
    tables = terms.tables
    external, user = tables.external, tables.user
    wanted = select(user).join(external, external.user_id == user.id)
    found: Any = db.scalar(wanted.where(external.issuer == issuer, external.subject == subject))
    if found is not None:
        found.login_version = user.login_version + 1  # Of the row as it is: two at once are two.
        details = {"provider": name}
        db.add(tables.event(kind="logout-everywhere", user=found.key, details=details, created_at=terms.clock()))
        try:
            sessions.revoke_all(found.key)
        except NotRevocable:
            pass  # They are of a version that is over.
        db.commit()
    return Response(b"", headers={"cache-control": "no-store"})
