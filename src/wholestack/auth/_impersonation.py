"""Acting as somebody else: for staff who must see what a user sees. Visible, noted, and never as a superuser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pydantic

from wholestack import App, Forbidden, NotFound, Redirect, Request, Response, Router
from wholestack.languages import gettext
from wholestack.sessions import BrowserSession, Messages

from ._accounts import Accounts
from ._identity import EVERY, IMPERSONATE, Identity, Login, identity_of
from ._login_pages import keep_in_no_cache
from ._places import Places
from ._plugin import Auth
from ._rules import by_session, permission, recent_login
from ._shown import Shown

router = Router(tags=("account",), needs=by_session)
router.middleware(keep_in_no_cache)
_HELPER = "impersonator"


class Impersonation:
    """Lets staff act as a user: ``app.use(Auth(User), Impersonation())``.

    ``POST /account/impersonate/{key}`` begins it, for who has the permission ``user.impersonate`` and has logged in
    within ten minutes; ``POST /account/impersonate-end`` ends it. Nobody acts as staff, nor as who may do so.

    Templates have `impersonator`, the key of who acts as the user, or None: each page on ``wholestack/base.html`` says
    by it whom one acts as, with the button to end it. `may_impersonate(user)` says whether the reader may begin: the
    admin's page of a user has the button. The user is told by mail. It begins and ends with a line of the audit trail,
    and each line between names who acted. Rules of `recent_login` and `mfa` never pass meanwhile, nor do the pages that
    change how the user logs in.

    Example:
        >>> from wholestack.db import Database, UUIDModel
        >>> from wholestack.auth import UserMixin
        >>> class Helped(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Helped), Impersonation())
    """

    def __init__(self) -> None:
        self._shown: Shown | None = None
        self._user: type[Any] | None = None

    def setup(self, app: App) -> None:
        """Add the two routes."""
        auth = app.plugin(Auth)
        self._shown, self._user = auth._shown, auth.user
        app.include(router, at=auth.places.at)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get: `impersonator`, the key of who acts as the user, or None; `may_impersonate`, whether who
        is logged in may act as a user.
        """
        shown = self._shown
        return {} if shown is None else {_HELPER: shown.impersonator, "may_impersonate": self._may}

    def page_rendered(self, page: Response, request: Request) -> None:
        """Find out before a page is streamed: its session can be asked no more then."""
        if page.stream is not None and self._shown is not None and _HELPER in getattr(page, "asks", ()):
            self._shown.impersonator(request)

    def _may(self, request: Request) -> Callable[[object], bool]:
        model = self._user

        def may(user: object) -> bool:
            identity = identity_of(request)
            if identity is None or model is None or not isinstance(user, model) or not identity.can(IMPERSONATE):
                return False
            return identity.impersonator is None and not identity.by_token and may_be_acted_as(identity, user)

        return may

    def __repr__(self) -> str:
        return "<Impersonation>"


def may_be_acted_as(identity: Identity[Any], user: Any) -> bool:
    """Whether a user is one whom staff may act as: neither staff, nor who may do so or everything, nor oneself."""
    staff: Any = identity.required()
    if not user.is_active or user.is_superuser or user.is_staff or user.key == staff.key:
        return False
    return not identity.permissions_of(user) & {EVERY, IMPERSONATE}


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
    """Act as a user from here on; they are told by mail."""
    staff: Any = identity.required()
    user: Any = accounts.get(key)
    if user is None or not user.is_active:
        raise NotFound(gettext("There is no such user."))
    if not may_be_acted_as(identity, user):
        raise Forbidden(gettext("Nobody acts as a member of staff, or as themselves."))
    accounts.note("impersonation-begun", user)
    now = accounts.now()
    accounts.mail("account/mail/impersonation-begun", user.email, at=now)
    session.user = user.key
    session.data = Login(
        at=now, methods=["imp"], version=user.login_version, impersonator=staff.key, acts_by=staff.login_version
    )
    identity.became(user)
    said = gettext("You act as %(email)s now. They are told by mail, and what you do is noted as done by you.")
    messages.warning(said % {"email": user.email})
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
