"""The pages of one's tokens; a program that is logged in by a session gets the same as JSON."""

from __future__ import annotations

import datetime
import uuid
from typing import Annotated, Any

import pydantic
from sqlalchemy import func

from wholestack import Form, NotFound, Redirect, Request, Router
from wholestack.db import select
from wholestack.forms import FormError, FormView, Widget, check_choice
from wholestack.languages import gettext, lazy, ngettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._accounts import Accounts
from ._factors import as_strong_as_set_up
from ._fields import NO_NUL
from ._login_pages import keep_in_no_cache
from ._places import Places
from ._rules import by_session, confirmed, recent_login
from ._tokens import Tokens

# Never by a token: one that was stolen must not make others, nor end them.
router = Router(tags=("account",), needs=by_session)
router.middleware(keep_in_no_cache)
# A token outlives a new password: whoever makes an account with somebody else's address must not leave one there.
_PROVEN = (confirmed, recent_login(), as_strong_as_set_up)


class NewToken(pydantic.BaseModel):
    """What a person says of a token that is to be made."""

    name: Annotated[str, pydantic.Field(title=lazy("Name"), min_length=1, max_length=100, pattern=NO_NUL)]
    scopes: Annotated[
        list[str], pydantic.Field(title=lazy("What it may do"), max_length=100), Widget("checkboxes")
    ] = []
    days: Annotated[int | None, pydantic.Field(title=lazy("Days until it ends"), ge=1, le=36_500), Widget("number")] = (
        None
    )


class ShownToken(pydantic.BaseModel):
    """A token, as its owner sees it.

    Attributes:
        hint: its first characters.
        last_used_at: to within a minute.
    """

    model_config = pydantic.ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    last_used_at: datetime.datetime | None
    last_used_address: str


class MadeToken(ShownToken):
    """A token that was just made.

    Attributes:
        token: its text, which is shown this once.
    """

    token: str


@router.get("/tokens", name="account_tokens")
def show_tokens(request: Request, accounts: Accounts[Any]) -> Page | list[ShownToken]:
    """One's tokens."""
    user: Any = accounts.identity.required()
    token = accounts.tables.token
    rows = accounts.db.scalars(
        select(token).where(token.user_id == user.id).order_by(token.created_at.desc(), token.id)
    ).all()
    if request.wants_html:
        return Page("account/tokens.html", tokens=rows, now=accounts.now())
    return [ShownToken.model_validate(row) for row in rows]


@router.get("/tokens/new", name="account_new_token", hidden=True, needs=_PROVEN)
def show_new_token(
    form: FormView[NewToken], accounts: Accounts[Any], tokens: Tokens, places: Places, request: Request
) -> Page:
    """The form for a token."""
    form.choose("scopes", tokens.choices(accounts.identity)).fill({"days": round(tokens.days)})
    form.action = places.to(request, "/tokens")
    form.submit = gettext("Make the token")
    return Page("account/token-new.html", form=form)


@router.post("/tokens", status=201, again=show_new_token, needs=_PROVEN)
def make_token(new: Form[NewToken], request: Request, accounts: Accounts[Any], tokens: Tokens) -> Page | MadeToken:
    """Make a token; its text is in this answer, and nowhere else."""
    user: Any = accounts.identity.required()
    check_choice("scopes", new.scopes, tokens.choices(accounts.identity))
    if new.days is not None and new.days > tokens.longest:
        raise FormError("days", ngettext("At most %(num)s day.", "At most %(num)s days.", tokens.longest))
    row = accounts.tables.token
    number = accounts.db.scalar(select(func.count()).select_from(row).where(row.user_id == user.id)) or 0
    if number >= tokens.most:
        raise FormError("", gettext("You have as many tokens as there may be. Revoke one that you do not need."))
    days = tokens.days if new.days is None else new.days
    text, made = tokens.made(user, new.name, scopes=new.scopes, days=days)
    accounts.note("token-made", user, name=made.name, hint=made.hint, scopes=made.scopes)
    accounts.mail("account/mail/token-made", user.email, name=made.name, hint=made.hint, expires_at=made.expires_at)
    if request.wants_html:
        return Page("account/token-made.html", made=made, token=text, status=201)
    return MadeToken(token=text, **ShownToken.model_validate(made).model_dump())


@router.post("/tokens/{id}/revoke", hidden=True)
def revoke_by_form(
    id: uuid.UUID, accounts: Accounts[Any], tokens: Tokens, places: Places, request: Request, messages: Messages
) -> Redirect:
    """Revoke a token, from its page."""
    revoke_token(id, accounts, tokens)
    messages.success(gettext("The token is revoked."))
    return places.go(request, "/tokens")


@router.delete("/tokens/{id}", errors=(NotFound,))
def revoke_token(id: uuid.UUID, accounts: Accounts[Any], tokens: Tokens) -> None:
    """Revoke a token: whoever shows it is nobody from now on."""
    accounts.identity.require_owner()
    user: Any = accounts.identity.required()
    ended = tokens.revoked(user, key=id)
    if not ended:
        raise NotFound(gettext("You have no such token."))
    for row in ended:
        accounts.note("token-revoked", user, name=row.name, hint=row.hint)
