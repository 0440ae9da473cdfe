"""Login by mail: a link, or a code, that is good once, for a while, and in the browser that has asked for it."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
import uuid
from typing import Annotated, Any

import pydantic
from sqlalchemy import update

from wholestack import App, Form, Redirect, Request, Router, TooManyRequests
from wholestack.db import select
from wholestack.forms import FormError, FormView, Widget
from wholestack.languages import gettext, lazy
from wholestack.middleware import security
from wholestack.sessions import BrowserSession
from wholestack.templates import Page

from ._accounts import Accounts
from ._browser import Browser, is_marked, mark_of
from ._changes import remove_unproven
from ._factors import count_try, count_try_from_here, forget_tries, forget_try_from_here
from ._fields import NO_NUL, Email, Nothing
from ._login_pages import Next, keep_in_no_cache
from ._means import Section
from ._places import Places
from ._plugin import Auth

_PATH = "/mail-login"
_PURPOSE = "mail-login"
_MINUTES = 10
"""As ASVS 5.0 §6.5.5 has it."""
_TRIES = 5
_DIGITS = 8
"""So many that five tries find one code in 20,000 askings, and askings are counted."""

Token = Annotated[str, pydantic.Field(max_length=100)]


class AskedMail(pydantic.BaseModel):
    """The address of who wants to log in by mail."""

    email: Email
    remember: Annotated[bool, pydantic.Field(title=lazy("Stay logged in on this device"))] = False


class MailedCode(pydantic.BaseModel):
    """The code of a mail."""

    code: Annotated[
        str,
        pydantic.StringConstraints(min_length=1, max_length=40, pattern=NO_NUL),
        pydantic.Field(title=lazy("Code")),
        Widget("text", autocomplete="one-time-code", inputmode="numeric", autofocus=True),
    ]


class MagicLink:
    """Login by mail: ``app.use(Database(), Mailing(…), Auth(User), MagicLink())``.

    The page of login leads to ``/account/mail-login``. What is mailed is good once, for ten minutes, and in the browser
    that has asked for it: whoever else reads the mail comes in with it no more than a program that follows its links.
    The answers do not tell which addresses have accounts. A second factor is asked for as after a password.

    Arguments:
        code: mail a code of eight digits in the place of a link, for who reads mail on another device; it ends after
            five tries.

    Raises:
        SetupError: when the app is sealed, without an `Auth` (``no-plugin``).

    Example:
        >>> app = App()
        >>> app.use(MagicLink(code=True))
    """

    def __init__(self, *, code: bool = False) -> None:
        self.code = code
        self._auth: Auth | None = None

    def setup(self, app: App) -> None:
        """Add the pages."""
        auth = self._auth = app.plugin(Auth)
        auth.entrances.append(Section(lazy("Log in by mail"), _PATH))
        auth.ways.by_mail = True
        app.include(router, at=auth.places.at)
        app.include(by_code if self.code else by_link, at=auth.places.at)

        def magic() -> MagicLink:
            return self

        app.provide(magic, scope="app")

    # -- asking --------------------------------------------------------------------------------------------------

    def ask(self, accounts: Accounts[Any], session: BrowserSession[Browser], asked: AskedMail, next: str) -> None:
        """Mail what lets somebody in, where there is an account; for an address that has none the same is done, but
        that nothing goes out.
        """
        user: Any = accounts.find(asked.email)
        count_try(accounts, _tries_of(asked.email), user, mail=True)
        key = None if user is None or not user.is_active else user.id
        data = {"address": asked.email, "browser": mark_of(session), "next": next, "remember": asked.remember}
        ended = accounts.now() + datetime.timedelta(minutes=_MINUTES)
        table, db = accounts.tables.link, accounts.db
        text = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}" if self.code else secrets.token_urlsafe(32)
        row = table(id=uuid.uuid4(), user_id=key, purpose=_PURPOSE, data=data, expires_at=ended, digest="")
        row.digest = self._digest(row.id, text) if self.code else _digest_of_link(text)
        db.add(row)
        session.data.ticket = str(row.id)
        template = "account/mail/mail-code" if self.code else "account/mail/mail-login"
        accounts.note("mail-login-asked", user)
        accounts.mail(template, asked.email, send=key is not None, token=text, minutes=_MINUTES)

    def _digest(self, key: uuid.UUID, code: str) -> str:
        """What is kept of a code: eight digits are found from a plain digest at once."""
        if self._auth is None:
            raise RuntimeError("MagicLink is used before its app is sealed.")
        secret = self._auth.keys.derived(_PURPOSE)[0]
        return hmac.digest(secret.encode(), f"{key} {code}".encode(), hashlib.sha256).hex()

    # -- coming in -----------------------------------------------------------------------------------------------

    def take_code(self, accounts: Accounts[Any], session: BrowserSession[Browser], code: str) -> Any:
        """The row of the code that this browser has asked for, where it is right; each try is counted."""
        try:
            key = uuid.UUID(session.data.ticket)
        except ValueError:
            return None
        table, db, now = accounts.tables.link, accounts.db, accounts.now()
        good = (table.id == key, table.purpose == _PURPOSE, table.used_at.is_(None), table.expires_at > now)
        tried = update(table).where(*good, table.tries < _TRIES).values(tries=table.tries + 1)
        if not _changed(accounts, tried):
            return None
        row: Any = db.scalar(select(table).where(table.id == key))
        digits = "".join(each for each in code if each in "0123456789")
        right = hmac.compare_digest(self._digest(key, digits), row.digest)
        if not right or row.user_id is None or not is_marked(session, row.data.get("browser")):
            return None
        return row if _changed(accounts, update(table).where(*good).values(used_at=now)) else None


router = Router(tags=("account",))
by_link, by_code = Router(tags=("account",)), Router(tags=("account",))
for each in (router, by_link, by_code):
    each.middleware(keep_in_no_cache)


@router.get(_PATH, name="account_mail_login")
def show_asking(
    form: FormView[AskedMail], accounts: Accounts[Any], places: Places, request: Request, next: Next = ""
) -> Page:
    """The form to ask for a mail with."""
    user: Any = accounts.identity.user
    if user is not None:
        form.fill({"email": user.email})
    form.action = places.to(request, _PATH, next=next)
    form.submit = gettext("Send me a mail")
    return Page("account/mail-login.html", form=form, next=next)


@router.post(_PATH, errors=(TooManyRequests,), transaction="manual")
def ask(
    asked: Form[AskedMail],
    accounts: Accounts[Any],
    magic: MagicLink,
    session: BrowserSession[Browser],
    places: Places,
    request: Request,
    next: Next = "",
) -> Page | Redirect:
    """Have something mailed to log in with; the answer does not tell whether there is an account."""
    magic.ask(accounts, session, asked, next)
    accounts.db.commit()
    if magic.code:
        return places.go(request, f"{_PATH}/code", next=next)
    return Page("account/mail-sent.html", email=asked.email)


# -- by a link -------------------------------------------------------------------------------------------------------


@by_link.get(f"{_PATH}/{{token}}", name="account_mail_link")
@security(referrer_policy="no-referrer")
def show_link(token: Token, form: FormView[Nothing], accounts: Accounts[Any], session: BrowserSession[Browser]) -> Page:
    """The button that logs in: programs that look at mails follow links, and press nothing."""
    form.submit = gettext("Log in")
    row = accounts.links.find(_PURPOSE, token)
    here = row is not None and is_marked(session, row.data.get("browser"))
    return Page("account/mail-link.html", form=form, found=row is not None, here=here)


@by_link.post(f"{_PATH}/{{token}}", answers={410: Page}, transaction="manual")
def take_link(
    token: Token, accounts: Accounts[Any], session: BrowserSession[Browser], places: Places, request: Request
) -> Page | Redirect:
    """Log in by the link of a mail, in the browser that has asked for it."""
    row = accounts.links.find(_PURPOSE, token)
    if row is not None and not is_marked(session, row.data.get("browser")):
        return Page("account/mail-link.html", found=True, here=False, status=403)  # It stays good where it belongs.
    row = accounts.links.take(_PURPOSE, token)
    if row is None or row.user_id is None:
        accounts.db.commit()
        return Page("account/mail-link.html", found=False, here=False, status=410)
    return _let_in(accounts, row, places, request)


# -- by a code -------------------------------------------------------------------------------------------------------


@by_code.get(f"{_PATH}/code", name="account_mail_code")
def show_code(form: FormView[MailedCode], places: Places, request: Request, next: Next = "") -> Page:
    """The form for the code of a mail."""
    form.action = places.to(request, f"{_PATH}/code", next=next)
    form.submit = gettext("Log in")
    return Page("account/mail-code.html", form=form, next=next)


@by_code.post(f"{_PATH}/code", errors=(TooManyRequests,), transaction="manual")
def take_code(
    shown: Form[MailedCode],
    accounts: Accounts[Any],
    magic: MagicLink,
    session: BrowserSession[Browser],
    places: Places,
    request: Request,
    next: Next = "",
) -> Redirect:
    """Log in by the code of a mail, in the browser that has asked for it."""
    count_try_from_here(accounts)
    row = magic.take_code(accounts, session, shown.code)
    if row is None:
        accounts.note("login-failed", methods=["mca"])
        accounts.db.commit()
        raise FormError("code", gettext("This code is wrong, or has ended. After five tries, ask for another one."))
    answer = _let_in(accounts, row, places, request)
    forget_try_from_here(accounts, "address")
    return answer


def _let_in(accounts: Accounts[Any], row: Any, places: Places, request: Request) -> Redirect:
    """Let in whose address has shown what was mailed to it."""
    user: Any = accounts.owner_of(row)
    onward = str(row.data.get("next") or "")
    if user is None:
        accounts.db.commit()
        return places.go(request, "/login", next=onward)
    if user.email_confirmed_at is None:
        _prove(accounts, user)
    if accounts.identity.by_token or accounts.identity.user is not user:  # Beside a token is the session of anybody.
        step = accounts.log_in(user, "mca", remember=bool(row.data.get("remember")))
    elif (step := accounts.second_factor(user)) is None:  # To read a mail is no proof beside a second factor.
        accounts.confirm("mca")
    accounts.db.commit()
    forget_tries(accounts, _tries_of(user.email), user, mail=True)
    return places.back(request, onward) if step is None else places.go(request, step, next=onward)


def _prove(accounts: Accounts[Any], user: Any) -> None:
    """Take note that the address is the user's; what was set up before may be another's, who made the account."""
    user.email_confirmed_at = accounts.now()
    user.password = None
    remove_unproven(accounts, user)
    accounts.log_out_everywhere(user)
    accounts.note("address-confirmed", user)
    accounts.note("unproven-removed", user)


def _tries_of(email: str) -> str:
    return f"mail to {email}"


def _digest_of_link(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _changed(accounts: Accounts[Any], statement: Any) -> bool:
    changed: Any = accounts.db.execute(statement, execution_options={"synchronize_session": False})
    return bool(changed.rowcount == 1)
