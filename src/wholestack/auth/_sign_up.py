"""The page by which people make an account: open, by invitation, or not at all."""

from __future__ import annotations

from typing import Any

from wholestack import Form, NotFound, Query, Redirect, Request, Router, TooManyRequests
from wholestack.forms import FormError, FormView
from wholestack.languages import gettext
from wholestack.middleware import security
from wholestack.templates import Page

from ._accounts import Accounts
from ._changes import accept_invitation
from ._changes import sign_up as make_account
from ._fields import SignUp
from ._login_pages import keep_in_no_cache
from ._means import PasswordRefused
from ._places import Places


def sign_up_router(model: type[SignUp], *, invited: bool) -> Router:
    """The routes of sign-up, for a form of the app's own.

    Arguments:
        model: the form; its further fields become columns of the user.
        invited: whether it takes a link that was mailed.
    """
    router = Router(tags=("account",))
    router.middleware(keep_in_no_cache)

    def show_sign_up(
        form: Any, accounts: Accounts[Any], places: Places, request: Request, invitation: Query[str] = ""
    ) -> Page | Redirect:
        """The form to make an account with."""
        link = accounts.links.find("invitation", invitation) if invited else None
        if invited and link is None:
            raise NotFound(gettext("This invitation was used already, or has ended."))
        if accounts.identity.user is not None:
            return places.back(request)
        if link is not None:
            form.fill({"email": link.data["email"]})
            form.action = f"{places.to(request, '/sign-up')}?invitation={invitation}"
        form.submit = gettext("Make an account")
        return Page("account/sign-up.html", form=form)

    async def sign_up(
        new: Any, accounts: Accounts[Any], places: Places, request: Request, invitation: Query[str] = ""
    ) -> Page | Redirect:
        """Make an account. The answer does not tell whether the address had one."""
        password = new.password.get_secret_value()
        more = new.model_dump(exclude={"email", "password"})
        accounts.count_mail(new.email)
        try:
            hashed = accounts.hashed(password, new.email, *map(str, more.values()))
        except PasswordRefused as refused:
            raise FormError(
                "password", refused.reasons[0], *(("password", each) for each in refused.reasons[1:])
            ) from None
        if not invited:
            make_account(accounts, new.email, hashed, more)
            return Page("account/mail-sent.html", email=new.email)
        link = accounts.links.take("invitation", invitation)
        if link is None or accounts.find(link.data["email"]) is not None:
            raise NotFound(gettext("This invitation was used already, or has ended."))
        user = accept_invitation(accounts, link, hashed, more)
        accounts.log_in(user, "pwd")
        return places.back(request)

    # Types that are known by now only.
    form: Any = Form
    show_sign_up.__annotations__ |= {"form": FormView[model]}  # type: ignore[valid-type]
    sign_up.__annotations__ |= {"new": form[model]}
    router.get("/sign-up", name="account_sign_up")(security(referrer_policy="no-referrer")(show_sign_up))
    router.post("/sign-up", name="account_make", errors=(TooManyRequests,))(sign_up)
    return router
