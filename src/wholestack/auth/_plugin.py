"""The plugin: users as a type, and the pages of login."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from wholestack import App, Redirect, Request, Response, SetupError
from wholestack.db import Database, Session, stage
from wholestack.description import Proof
from wholestack.errors import Fault, HTTPError
from wholestack.handlers import rules_of
from wholestack.mail import Mailer, Mailing
from wholestack.routing import Route
from wholestack.sessions import BrowserSession, Sessions
from wholestack.settings import GivenSecret, SigningKeys

from . import _account_pages, _login_pages
from ._access import join_access
from ._accounts import Accounts
from ._closing import then_loose
from ._device import Device
from ._ending import KEPT as UNPROVEN_KEPT
from ._ending import sweep_unproven
from ._errors import LoginRequired, LoginTooOld, SecondFactorRequired
from ._fields import SignUp
from ._hashing import Passwords
from ._identity import Bearer, Identity, Login, Terms
from ._means import Closing, Exporting, Means, SecondFactor, Section, lets_close
from ._opened import OpenLogins
from ._outside import accounts_of
from ._password_rules import PasswordRules
from ._places import Places
from ._policy_forms import ask_for_roles
from ._schemes import login_schemes
from ._shown import Shown
from ._sign_up import sign_up_router
from ._tables import Tables, tables_for
from ._throttle import Throttle
from ._trail import KEPT, days_kept, sweep_trail
from ._user import UserMixin
from ._ways import Ways

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages")
_DAY = 86_400.0
_SWEPT = 3_600.0
"""Seconds between two looks for links that have ended, and for old lines of the audit trail."""
BASE_URL = "BASE_URL"
_ADDRESS = "WHOLESTACK_ADDRESS"
"""Where `wholestack dev` serves."""
_AREA = "wholestack.auth"


class AuthOptions(TypedDict, total=False):
    """How login is; each has a default.

    `sign_up`: ``"open"``, ``"invited"`` (who was mailed an invitation) or ``"closed"`` (the default); `form`: the form
    of sign-up, a subclass of `SignUp`; `must_confirm`: whether an address is proven before its account is let in
    (True); `at`: below which its pages are (``"/account"``); `home`: where somebody goes who has logged in
    (``"/"``); `brief`: seconds after which a login ends that is not to be remembered (a day); `passwords`, `rules`,
    `throttle`: what hashes, which passwords are taken, how often one may try; `events`: days for which lines of the
    audit trail are kept (365; None: for good); `unproven`: days after which an account goes that somebody has made by
    signing up, whose address nobody has proven, and that nobody has been in (30; None: never); `closing`: called with
    `Accounts` and the user before an account ends, by its owner, by itself or in the back office, to put in order what
    else belongs to it; it may raise `ClosingRefused`; `exporting`: called with the same, gives what else the app keeps
    of the user, by names, for the export of an account; `secret`: what signs (left out, ``SECRET_KEY`` in the
    environment); `clock`: gives the present moment, aware (the system's); `permissions`: names of some that roles may
    hold, and that no `permission(…)` asks for; `recheck`: seconds between two looks at what is open, sockets and
    streams of events, of users who may have been closed out meanwhile (30).
    """

    sign_up: Literal["open", "invited", "closed"]
    form: type[SignUp]
    must_confirm: bool
    at: str
    home: str
    brief: float
    passwords: Passwords
    rules: PasswordRules
    throttle: Throttle
    events: float | None
    unproven: float | None
    closing: Closing
    exporting: Exporting
    secret: GivenSecret
    clock: Callable[[], datetime.datetime]
    permissions: Collection[str]
    recheck: float


class Auth:
    """Login, complete: ``app.use(Database(), Auth(User))``.

    A handler that asks for ``user: User`` is for who is logged in: anybody else gets a 401, or as a browser the login
    page and comes back; ``user: User | None`` is for everybody. `Identity` says how they came in and what they may,
    `Accounts` works with accounts. The pages are at ``/account``.

    Arguments:
        user: the app's model of users, with `UserMixin`.
        options: see `AuthOptions`.

    Raises:
        SetupError: it is no model of users (``bad-user-model``).

    Example:
        >>> from wholestack.db import UUIDModel
        >>> class Reader(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Reader, sign_up="open"))
        >>> @app.get("/me")
        ... def me(user: Reader) -> str:
        ...     return user.email
    """

    #: Its pages stand after the app's own, which may override each of them.
    template_folders: tuple[str, ...] = (PAGES,)

    def __init__(self, user: type[UserMixin], **options: Unpack[AuthOptions]) -> None:
        self.tables: Tables = tables_for(user)
        self.where: str = _caller()
        self.sign_up: str = options.get("sign_up", "closed")
        self._form: type[SignUp] = options.get("form", SignUp)
        self.places: Places = Places(options.get("at", "/account").rstrip("/"), options.get("home", "/"))
        self.must_confirm: bool = options.get("must_confirm", True)
        self.passwords: Passwords = options.get("passwords") or Passwords()
        self.rules: PasswordRules = options.get("rules") or PasswordRules()
        self.throttle: Throttle = options.get("throttle") or Throttle()
        self._events: float | None = days_kept(options.get("events", KEPT))
        self._unproven: float | None = days_kept(options.get("unproven", UNPROVEN_KEPT), "unproven")
        self._closing: Closing = options.get("closing", lets_close)
        self._exporting: Exporting | None = options.get("exporting")
        self._secret: GivenSecret = options.get("secret")
        #: What lets people in, beside passwords and passkeys; plugins that bring it set it.
        self.ways: Ways = Ways()
        #: What knows tokens in `Authorization`; plugins add theirs when they are set up.
        self.bearers: list[Bearer] = []
        #: Second factors; plugins add theirs when they are set up.
        self.factors: list[SecondFactor] = []
        #: What the page of an account leads to; plugins add theirs when they are set up.
        self.sections: list[Callable[[Session, Any], Any]] = []
        #: Other ways to come in, which the page of login leads to; plugins add theirs when they are set up.
        self.entrances: list[Section] = []
        self.keys: SigningKeys = SigningKeys(self._secret, area=_AREA)
        self._swept: datetime.datetime | None = None
        self._shown: Shown | None = None
        #: What accounts are worked with; there when the app is sealed.
        self.means: Means
        clock, brief = options.get("clock", _now), options.get("brief", _DAY)
        #: Sockets and streams of who is logged in.
        self.opened: OpenLogins = OpenLogins(self.tables, clock, options.get("recheck", 30.0))
        self.terms: Terms = Terms(self.tables, brief, clock, self.bearers, self.opened)
        #: Permissions that roles may hold, and that no rule asks for.
        self.permissions: Collection[str] = options.get("permissions", ())

    @property
    def user(self) -> Any:
        """The model of users."""
        return self.tables.user

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Provide users, and add the pages of login."""
        database = next((each for each in app.plugins if isinstance(each, Database) and each.is_default), None)
        if database is None:
            raise SetupError(
                [Fault("no-database", "Auth keeps users in a Database.", self.where, "app.use(Database(), Auth(User))")]
            )
        self.keys = SigningKeys(self._secret, area=_AREA)  # Again: the environment may have been filled since.
        if stage() == "production" and not self.keys.given:
            message = "Auth signs and encrypts with a secret, and there is none."
            raise SetupError([Fault("no-secret", message, self.where, "Set SECRET_KEY to 32 random bytes as text.")])
        self._mails(app)
        self.throttle.setup(app, self.keys)
        self.opened.setup(app)
        self._provide(app)
        self._shown = Shown(app, self.terms, database)
        join_access(app, self, database)
        app.on_error(LoginRequired)(self._to_login)
        app.on_error(LoginTooOld)(self._to_login_again)
        app.on_error(SecondFactorRequired)(self._to_second_factor)
        for router in (_login_pages.router, _account_pages.router, _account_pages.own):
            app.include(router, at=self.places.at)
        if self.sign_up != "closed":
            app.include(sign_up_router(self._form, invited=self.sign_up == "invited"), at=self.places.at)

    def _mails(self, app: App) -> None:
        """Where nobody says how mail goes, it is printed in development; production refuses to start so."""
        if not any(isinstance(each, Mailing) for each in app.plugins):
            sender = os.environ.get("MAIL_FROM") or "no-reply@localhost.localdomain"
            mailing = Mailing(sender, base_url=usual_base_url())
            app.plugins.append(mailing)
            mailing.setup(app)

    def _provide(self, app: App) -> None:
        terms, model = self.terms, self.user
        identities: Any = Identity
        services: Any = Accounts
        means = self.means = self._means(app)
        places = self.places

        def identity(request: Request, session: BrowserSession[Login], db: Session) -> Identity[Any]:
            return Identity(terms, request, session, db)

        def with_roles(request: Request, session: BrowserSession[Login], db: Session) -> Identity[Any]:
            return Identity(terms, request, session, db, roles=True)

        def for_route(route: Route) -> Callable[..., Identity[Any]]:
            return with_roles if ask_for_roles(rules_of(route.options.get("needs"))) else identity

        def user(identity: Identity[Any]) -> Any:
            return identity.required()

        def visitor(identity: Identity[Any]) -> Any:
            return identity.user

        def accounts(
            request: Request,
            identity: Identity[Any],
            session: BrowserSession[Login],
            db: Session,
            mailer: Mailer,
            sessions: Sessions,
        ) -> Generator[Accounts[Any], Response, None]:
            found: Accounts[Any] = Accounts(means, request, identity, session, db, mailer, sessions)
            response = yield found
            found.device.finish(response)
            if self._is_time_to_sweep():
                response.after(self._sweep, means, request)

        def where() -> Places:
            return places

        vars(identity)["for_route"] = for_route
        vars(identity)["proof"] = vars(with_roles)["proof"] = vars(visitor)["proof"] = Proof(optional=True)
        vars(user)["proof"] = Proof()
        app.provide(identity, waits=True)
        app.provide(where, scope="app")
        app.provide(accounts, waits=True)
        for function, kind in ((user, model), (visitor, model | None)):
            function.__annotations__["return"] = kind
            app.provide(function, waits=True)
        _under(app, Identity[Any], Identity, identities[model])
        _under(app, Accounts[Any], Accounts, services[model])

    def _is_time_to_sweep(self) -> bool:
        now = self.terms.clock()
        if self._swept is not None and abs((now - self._swept).total_seconds()) < _SWEPT:
            return False
        self._swept = now
        return True

    def _sweep(self, means: Means, request: Request) -> None:
        """Remove what is over: accounts that nobody has proven, links that have ended, old lines of the audit trail."""
        sweep_unproven(means, request)
        with means.opened(request) as accounts:
            accounts.links.sweep()
        sweep_trail(means, request, self._events)

    def _means(self, app: App) -> Means:
        @contextlib.contextmanager
        def opened(request: Request) -> Iterator[Accounts[Any]]:
            with app.session() as db:
                yield accounts_of(app, self, db, request)

        return Means(
            self.terms,
            self.passwords,
            self.rules,
            self.throttle,
            self.factors,
            self._device,
            app.title,
            self.must_confirm,
            self.ways,
            then_loose(self._closing),
            self._unproven,
            self.sections,
            opened,
            self._exporting,
        )

    def accounts(self, app: App, db: Session) -> Accounts[Any]:
        """Accounts outside of a request, in a session of the database: for commands, scripts and tasks.

        Arguments:
            app: the app, sealed.
            db: the session; who opened it commits it.
        """
        return accounts_of(app, self, db)

    def ask_closing(self, app: App, db: Session, user: Any, identity: Identity[Any]) -> None:
        """Ask the app whether an account may end whose row is about to be deleted, as ``Auth(closing=…)`` has it.

        Arguments:
            app: the app, sealed.
            db: the session that deletes it.
            user: whose account it is.
            identity: who deletes it.

        Raises:
            ClosingRefused: it may not end yet.
        """
        accounts = accounts_of(app, self, db, identity._request)
        accounts.identity = identity
        self._closing(accounts, user)

    def _device(self, request: Request) -> Device:
        return Device(self.keys, request, secure=stage() == "production")

    def begin_session(self, app: App, user: Any, *methods: str, scheme: str = "https") -> tuple[str, str]:
        """Log a user in outside of a request: for tests and scripts.

        Arguments:
            app: the app, sealed.
            user: who.
            methods: as if they had been shown, in the words of RFC 8176; a password where none is given.
            scheme: by which the cookie is to be sent.

        Returns:
            the name and the text of the session's cookie.
        """
        now = self.terms.clock()
        shown = [*methods] or ["pwd"]
        login = Login(at=now, confirmed_at=now, methods=shown, version=user.login_version, remember=True)
        return app.plugin(Sessions).begin_for(user.key, {Login.__name__: login.model_dump(mode="json")}, scheme=scheme)

    # -- who may not come in -------------------------------------------------------------------------------------

    def _to_login(self, request: Request, error: LoginRequired) -> Redirect:
        return self._sent(request, error, "/login")

    def _to_login_again(self, request: Request, error: LoginTooOld) -> Redirect:
        return self._sent(request, error, "/confirm-login")

    def _to_second_factor(self, request: Request, error: SecondFactorRequired) -> Redirect:
        return self._sent(request, error, "/second-factor")

    def _sent(self, request: Request, error: HTTPError, path: str) -> Redirect:
        """A browser goes where it can be mended, and comes back; a program is told."""
        to = self.places.to(request, path, next=self.places.here(request))
        if "hx-request" in request.headers:
            error.headers["hx-redirect"] = to  # htmx would put the login's page into a part of this one.
        elif request.wants_html:
            return Redirect(to)
        raise error

    def security_schemes(self, app: App) -> dict[str, Mapping[str, Any]]:
        """What OpenAPI says of login, by the names of its security schemes."""
        return login_schemes(app, f"{self.places.at}/login", self.bearers)

    # -- templates -----------------------------------------------------------------------------------------------

    #: What is part of the plan of each handler that answers with a page.
    template_needs: tuple[Any, ...] = (Identity[Any],)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get: `user`, who is logged in or None; `can`, whether they have a permission,
        or may do something with a row (``can(can_edit, post)``); `account`, the
        address of a page of login by its path below the plugin's own.
        """
        shown = self._shown
        return {} if shown is None else {"user": shown.user, "can": shown.can, "account": self._pages}

    def shown_to(self, request: Request) -> Identity[Any] | None:
        """Who sends a request, for helpers of templates: the handler's `Identity`, or on a page for an error one that
        ends with the page. None where nobody was asked for, or nobody is looked for: from 500 on, and at a 429.

        Arguments:
            request: the request; helpers are given no more.
        """
        return None if self._shown is None else self._shown.identity(request)

    def _pages(self, request: Request) -> _Pages:
        return _Pages(self, request)

    def __repr__(self) -> str:
        return f"<Auth {self.user.__name__}>"


class _Pages:
    """What templates know of the pages of login: `account("/login")`, `account.open`, `account.entrances`."""

    def __init__(self, auth: Auth, request: Request) -> None:
        self._auth = auth
        self._request = request

    def __call__(self, path: str = "/", next: str = "") -> str:
        """The address of a page."""
        return self._auth.places.to(self._request, path, next=next)

    @property
    def open(self) -> bool:
        """Whether anybody may make an account."""
        return self._auth.sign_up == "open"

    @property
    def entrances(self) -> list[Section]:
        """Other ways to come in."""
        return self._auth.entrances


def usual_base_url() -> str:
    """Where the app is found, where nobody has said so to a `Mailing`: as the environment says, or in development."""
    return os.environ.get(BASE_URL) or os.environ.get(_ADDRESS) or "http://127.0.0.1:8000"


def _under(app: App, given: Any, *kinds: Any) -> None:
    """Provide what is given under one type under further ones, too."""
    for kind in kinds:

        def same(found: Any) -> Any:
            return found

        same.__annotations__ |= {"found": given, "return": kind}
        app.provide(same, waits=True)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _caller() -> str:
    frame: Any = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
