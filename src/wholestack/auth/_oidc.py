"""The plugin: login at a provider that speaks OpenID Connect."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypedDict

from sqlalchemy import func
from typing_extensions import Unpack

from wholestack import App, SetupError
from wholestack.db import Session, select
from wholestack.errors import Fault
from wholestack.languages import gettext, lazy, ngettext
from wholestack.mail import Mailing
from wholestack.settings import Secret

from . import _external_pages
from ._fetch import Asker, is_loopback, is_private, is_sound
from ._identity import Terms
from ._jose import ALGORITHMS, need_joserfc
from ._means import Section
from ._oidc_client import OpenIDClient, Registration
from ._oidc_terms import Client, Provider, Providers
from ._plugin import Auth, usual_base_url

Claims = Mapping[str, Any]
PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages_external")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_RESERVED = frozenset({"logout", "unlink"})
_LONGEST = 255


class ExternalOptions(TypedDict, total=False):
    """How a provider is asked, and what is made of what it says; each has a default.

    What is asked. `title`: what people read (the name); `scopes`: what is asked for; `authentication`: how the secret
    is shown, ``"basic"`` or ``"post"``; `public`: that the app has no secret there; `parameters`: more that is sent
    along, such as ``{"prompt": "select_account"}``; `private_addresses`: whether the app may ask it on this machine or
    in a private network, as a provider inside a firm (False: what leads there is not asked).

    Who is let in. `sign_up`: whether who comes by it may make an account (as `Auth` has it); `trusts_email`: whether an
    address that it has proven is proven here, too, so that it opens the account of that address: True, or a function
    of the claims (False); `verifies_email`: whether it has proven each address that it tells, though it does not say so
    (False); `domains`: of which domains proven addresses must be (any); `only`: which values claims must have, by their
    names.

    What they get. `roles`: names of roles, by the names that `roles_claim` (``"groups"``) holds: at each login they are
    given and taken; `fields`: a function from the claims to further columns of a new user; `remember`: whether a login
    stays when the day is over (False).
    """

    title: str
    scopes: Collection[str]
    authentication: Literal["basic", "post"]
    public: bool
    parameters: Mapping[str, str]
    private_addresses: bool
    sign_up: bool
    trusts_email: bool | Callable[[Claims], bool]
    verifies_email: bool
    domains: Collection[str]
    only: Mapping[str, Collection[str]]
    roles: Mapping[str, str]
    roles_claim: str
    fields: Callable[[Claims], Mapping[str, Any]]
    remember: bool


class OpenIDOptions(ExternalOptions, total=False):
    """What is particular to OpenID Connect, beside the options of `ExternalOptions`; each has a default.

    `algorithm`: by what its tokens are signed, as the app is registered there (``"RS256"``); `userinfo`: whether its
    userinfo endpoint is asked always (only where the token has no address); `reauthenticates`: whether it says when
    somebody has logged in, as OpenID Connect wants it (True); `two_factors`: values of ``amr`` or ``acr`` that stand
    for two factors (none); `logs_out`: whether people may log out there as well (False). `scopes` are ``openid email
    profile`` where nobody says otherwise, and `authentication` is as the provider says.
    """

    algorithm: str
    userinfo: bool
    reauthenticates: bool
    two_factors: Collection[str]
    logs_out: bool


class OpenIDConnect:
    """Login at a provider: ``app.use(Auth(User), OpenIDConnect("example", "https://accounts.example.org"))``.

    Everything else is found in the provider's own description (OpenID Connect Discovery 1.0). It has to know one
    address of the app: ``{base_url}/account/external/{name}/callback``, below the `base_url` of `Mailing`.
    For some providers there are functions with what is particular to them: `google`, `microsoft`, `apple`, `gitlab`,
    `keycloak`, `github`.

    Arguments:
        name: what it is called in addresses: small letters, digits and ``-``.
        issuer: the provider's name, an address with ``https://`` (or ``http://`` on this machine, where
            `private_addresses` allows it).
        client_id: the app's name there; left out, ``EXAMPLE_CLIENT_ID`` in the environment, by the provider's name.
        client_secret: the app's secret there; left out, ``EXAMPLE_CLIENT_SECRET``, or the file that
            ``EXAMPLE_CLIENT_SECRET_FILE`` names.
        options: see `OpenIDOptions` and `ExternalOptions`.

    Raises:
        SetupError: a name or an address that is none, or an unknown algorithm (``bad-provider``); the package joserfc
            is missing (``package-missing``).

    Example:
        >>> OpenIDConnect("example", "https://accounts.example.org", client_id="notes", client_secret="…")
        <OpenIDConnect example at https://accounts.example.org>
    """

    #: Its pages and mails; they stand after the app's own, which may override each of them.
    template_folders: tuple[str, ...] = (PAGES,)

    #: What the secret is called in the environment, behind the provider's name.
    credential: str = "CLIENT_SECRET"

    def __init__(
        self,
        name: str,
        issuer: str,
        *,
        client_id: str | None = None,
        client_secret: str | Secret | None = None,
        **options: Unpack[OpenIDOptions],
    ) -> None:
        self.where: str = _caller()
        self.name = name
        self.issuer = issuer
        self._options = options
        self._client_id = client_id
        self._client_secret = client_secret
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise self._wrong(f"{name!r} is no name of a provider.", 'OpenIDConnect("example", …): a-z, 0-9 and -')
        if not is_sound(issuer, loopback=True) or len(issuer) > _LONGEST:
            raise self._wrong(f"{issuer[:200]!r} is no address of a provider.", "Write one with https://.")
        if is_private(issuer) and not self._asks_private:
            message = f"{issuer!r} is on this machine or a private network."
            raise self._wrong(message, "Where that is meant: OpenIDConnect(…, private_addresses=True)")
        if self._algorithm not in ALGORITHMS:
            cure = f"One of {', '.join(sorted(ALGORITHMS))}"
            raise self._wrong(f"{self._algorithm!r} is no algorithm that a provider signs by.", cure)
        need_joserfc(self.where, "OpenIDConnect")

    @property
    def _algorithm(self) -> str:
        return self._options.get("algorithm", "RS256")

    @property
    def _asks_private(self) -> bool:
        return self._options.get("private_addresses", False)

    def _wrong(self, message: str, cure: str) -> SetupError:
        return SetupError([Fault("bad-provider", message, self.where, cure)])

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Add the way in; the first of several adds the pages."""
        auth = app.plugin(Auth)
        used = [each for each in app.plugins if isinstance(each, OpenIDConnect)]
        if [each.name for each in used].count(self.name) > 1:
            raise self._wrong(f"Two providers are called {self.name!r}.", "Give each a name of its own.")
        title = self._options.get("title", self.name.title())
        auth.entrances.append(Section(lazy("Log in with %(provider)s", provider=title), f"/external/{self.name}"))
        if used[0] is not self:
            return
        found = Providers(
            {each.name: each.provider() for each in used}, _base_url(app), auth.places.at, open=auth.sign_up == "open"
        )
        _add_pages(app, auth, found)

    def provider(self) -> Provider:
        """What this app makes of the provider.

        Raises:
            SetupError: nobody has said how the app is known there (``no-client``).
        """
        options = self._options
        trusts = options.get("trusts_email", False)
        return Provider(
            name=self.name,
            title=options.get("title", self.name.title()),
            client=self._client(),
            trusts_email=trusts if callable(trusts) else lambda claims: trusts,
            sign_up=options.get("sign_up"),
            domains=frozenset(each.lower() for each in options.get("domains", ())),
            only=options.get("only", {}),
            roles=options.get("roles", {}),
            roles_claim=options.get("roles_claim", "groups"),
            two_factors=frozenset(options.get("two_factors", ())),
            fields=options.get("fields", lambda claims: {}),
            remember=options.get("remember", False),
            logs_out=options.get("logs_out", False),
        )

    def _client(self) -> Client:
        return OpenIDClient(self._registration(), self._asker(), loopback=is_loopback(self.issuer))

    def _asker(self) -> Asker:
        return Asker(loopback=is_loopback(self.issuer), private=self._asks_private)

    def _registration(self) -> Registration:
        options = self._options
        client_id, secret = self._known_as()
        verifies = options.get("verifies_email", False)
        return Registration(
            issuer=self.issuer,
            claimed=self.issuer,
            client_id=client_id,
            secret=None if secret is None else lambda now: secret,
            scopes=tuple(options.get("scopes", ("openid", "email", "profile"))),
            algorithm=self._algorithm,
            authentication=options.get("authentication", ""),
            userinfo=options.get("userinfo", False),
            parameters=options.get("parameters", {}),
            reauthenticates=options.get("reauthenticates", True),
            verified=lambda claims: verifies or self._verified(claims),
        )

    def _verified(self, claims: Claims) -> bool:
        found = claims.get("email_verified")
        return found is True or found == "true"  # Apple writes it as a text.

    # -- how the app is known there ------------------------------------------------------------------------------

    def _known_as(self) -> tuple[str, str | None]:
        """The app's name there, and its secret; all that is missing is told at once."""
        given = self._client_secret
        text = given.get_secret_value() if isinstance(given, Secret) else given
        client_id = self._client_id or self._of_environment("CLIENT_ID")
        is_public = self._options.get("public", False)
        secret = None if is_public else text or self._of_environment(self.credential)
        faults = [] if client_id else [self._missing("client_id", "CLIENT_ID")]
        faults += [] if is_public or secret else [self._missing(self.credential.lower(), self.credential)]
        if faults:
            raise SetupError(faults)
        return client_id, secret

    def _of_environment(self, ending: str) -> str:
        name = f"{self._prefix}_{ending}"
        path = os.environ.get(f"{name}_FILE")
        if name in os.environ or not path:
            return os.environ.get(name, "").strip()
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

    @property
    def _prefix(self) -> str:
        return self.name.upper().replace("-", "_")

    def _missing(self, argument: str, ending: str) -> Fault:
        message = f"How the app is known at {self.name} is not said: {argument} is missing."
        return Fault("no-client", message, self.where, f"Set {self._prefix}_{ending}, or pass {argument}=…")

    def __repr__(self) -> str:
        return f"<OpenIDConnect {self.name} at {self.issuer}>"


def _base_url(app: App) -> str:
    mailing = next((each for each in app.plugins if isinstance(each, Mailing)), None)
    if mailing is not None and mailing.base_url is None:
        message = "A provider sends browsers back to the app, and nobody says where that is."
        cure = "Mailing(…, base_url=settings.base_url)"
        raise SetupError([Fault("no-base-url", message, "OpenIDConnect", cure)])
    # Without a Mailing `Auth` makes one, with the same address.
    return usual_base_url() if mailing is None else mailing.base_url or ""


def _add_pages(app: App, auth: Auth, found: Providers) -> None:
    terms = auth.terms
    auth.ways.knows_issuer = found.know

    def providers() -> Providers:
        return found

    def all_terms() -> Terms:
        return terms

    app.provide(providers, scope="app")
    app.provide(all_terms, scope="app")
    app.provide(_external_pages.desk, waits=True)
    for router in (_external_pages.router, _external_pages.own):
        app.include(router, at=auth.places.at)
    external = auth.tables.external

    def sections(db: Session, user: Any) -> list[Section]:
        count = db.scalar(select(func.count()).select_from(external).where(external.user_id == user.id)) or 0
        state = ngettext("%(num)s is linked", "%(num)s are linked", count)
        return [Section(gettext("Other logins"), "/external", state)]

    auth.sections.append(sections)


def _caller() -> str:
    # From outside of this folder: the functions for some providers stand in between.
    frame: Any = sys._getframe(2)
    here = os.path.dirname(__file__)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == here:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
