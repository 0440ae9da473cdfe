"""Acting as somebody else: for staff who must see what a user sees. Visible, noted, and never as a superuser."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from wholestack import App, Forbidden, NotFound, Redirect, Request, Router
from wholestack.languages import gettext
from wholestack.sessions import BrowserSession, Messages

from ._accounts import Accounts
from ._identity import EVERY, IMPERSONATE, Identity, Login
from ._login_pages import keep_in_no_cache
from ._places import Places
from ._plugin import Auth
from ._rules import by_session, permission, recent_login

router = Router(tags=("account",), needs=by_session)
router.middleware(keep_in_no_cache)


class Impersonation:
    """Lets staff act as a user: ``app.use(Auth(User), Impersonation())``.

    ``POST /account/impersonate/{key}`` begins it, for who has the permission ``user.impersonate`` and has logged in
    within ten minutes; ``POST /account/impersonate-end`` ends it. Templates have `identity.impersonator`; rules of
    `recent_login` and `mfa` never pass meanwhile. It begins and ends with a line in the audit trail, and each line
    between names who acted.

    Example:
        >>> from wholestack.db import Database, UUIDModel
        >>> from wholestack.auth import UserMixin
        >>> class Helped(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Helped), Impersonation())
    """

    def setup(self, app: App) -> None:
        """Add the two routes."""
        app.include(router, at=app.plugin(Auth).places.at)


@router.post("/impersonate/{key}", needs=permission(IMPERSONATE) & recent_login(minutes=10))
def begin(
    key: Annotated[str, pydantic.Field(max_length=64)],
    accounts: Accounts[Any],
    identity: Identity[Any],
    session: BrowserSession[Login],
    places: Places,
    request: Request,
    messages: Messages,
) -> Redirect:
    """Act as a user from here on."""
    staff: Any = identity.required()
    user: Any = accounts.get(key)
    if user is None or not user.is_active:
        raise NotFound(gettext("There is no such user."))
    is_mighty = identity.permissions_of(user) & {EVERY, IMPERSONATE}
    if user.is_superuser or user.is_staff or is_mighty or user.key == staff.key:
        raise Forbidden(gettext("Nobody acts as a member of staff, or as themselves."))
    accounts.note("impersonation-begun", user)
    now = accounts.now()
    session.user = user.key
    session.data = Login(
        at=now, methods=["imp"], version=user.login_version, impersonator=staff.key, acts_by=staff.login_version
    )
    identity.became(user)
    messages.warning(gettext("You act as %(email)s now.") % {"email": user.email})
    return places.back(request)


@router.post("/impersonate-end")
def end(
    accounts: Accounts[Any], identity: Identity[Any], session: BrowserSession[Login], places: Places, request: Request
) -> Redirect:
    """Be oneself again, by logging in anew: the session of before is over."""
    if identity.impersonator is None:
        raise NotFound(gettext("Nobody acts as anybody here."))
    accounts.note("impersonation-ended", identity.user)
    session.revoke()
    identity.became(None)
    return places.go(request, "/login")
