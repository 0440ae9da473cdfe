"""The plugin for tokens that somebody else signs (JWT, RFC 7519), accepted as `Bearer`."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypedDict
from urllib.parse import urlsplit

from typing_extensions import Unpack

from wholestack import App, Request, SetupError
from wholestack.db import Session, select
from wholestack.errors import Fault

from ._errors import TokenRefused
from ._fetch import is_private, is_sound
from ._identity import Borne, Terms
from ._jose import ALGORITHMS, GivenKeys, Keys, TokenInvalid, claims_of, decode, need_joserfc, type_of
from ._plugin import Auth

_log = logging.getLogger("wholestack.auth")
_UNNAMED = re.compile(r"[^A-Za-z0-9._-]")
_TYPES = ("", "jwt", "at+jwt")

Claims = Mapping[str, Any]
Finds = Callable[[Claims, Session], Any]
Carries = Callable[[Claims], Iterable[str]]


class IssuerOptions(TypedDict, total=False):
    """How the tokens of an issuer are taken; each has a default.

    `algorithms`: by what they may be signed (``("RS256", "ES256")``), never with a secret that both have; `keys`: the
    issuer's public keys, a JWK set (RFC 7517) or its address, where the issuer has no description (OpenID Connect
    Discovery 1.0); `user`: gives the user by the claims, or None for nobody (who is linked to the issuer's subject);
    `scopes`: gives the permissions that a token carries of its user's (what its claim ``scope`` or ``scp`` names);
    `private_addresses`: whether its keys may be had from this machine or a private network, as of a login inside a firm
    (False);
    `types`: what `typ` may be in its header, in small letters (``""``, ``"jwt"``, ``"at+jwt"``); `leeway`: seconds by
    which clocks may differ (60); `name`: what the documentation calls it (the issuer's host); `clock`: seconds that
    only rise, by which keys grow old (the system's).
    """

    algorithms: Collection[str]
    keys: str | Mapping[str, Any]
    user: Finds
    scopes: Carries
    private_addresses: bool
    types: Collection[str]
    leeway: float
    name: str
    clock: Callable[[], float]


class JWTIssuer:
    """Access tokens of somebody else's login: ``app.use(Auth(User), JWTIssuer("https://login.example.org", "notes"))``.

    A program sends one as ``Authorization: Bearer eyJ…``, and a handler that asks for ``user: User`` gets who it stands
    for. A token is taken that has the right signature, issuer and audience, and is of now (RFC 8725, RFC 9068 §4). Its
    keys are the issuer's own, fetched beside the event loop, kept for ten minutes, and looked for again when there is
    a new one, at most once a minute. Nothing that a token says of itself brings along a key or another algorithm.

    Arguments:
        issuer: who signs, exactly as tokens have it in `iss`.
        audience: what your API is called there, exactly one of those in `aud`.
        options: see `IssuerOptions`.

    Raises:
        SetupError: no address with https, a private one without `private_addresses`, an algorithm that is none for
            this, no keys (``bad-issuer``), or the package joserfc is missing (``package-missing``).

    Example:
        >>> JWTIssuer("https://login.example.org", "https://notes.example.org")
        <JWTIssuer https://login.example.org>
    """

    def __init__(self, issuer: str, audience: str, **options: Unpack[IssuerOptions]) -> None:
        where = _caller()
        need_joserfc(where, "JWTIssuer")
        self.issuer = issuer
        self.audience = audience
        self.algorithms: frozenset[str] = frozenset(options.get("algorithms", ("RS256", "ES256")))
        self.types: frozenset[str] = frozenset(options.get("types", _TYPES))
        self.leeway: float = options.get("leeway", 60.0)
        given = options.get("keys")
        self.keys: Keys = _keys(issuer, options, where)
        if not audience or not self.algorithms or not self.algorithms <= ALGORITHMS:
            raise _bad(f"JWTIssuer takes an audience, and algorithms of {', '.join(sorted(ALGORITHMS))}.", where)
        self._user: Finds = options.get("user") or self._linked
        self._scopes: Carries = options.get("scopes") or _scopes
        #: How the documentation's page may authorise.
        self.security_scheme: tuple[str, Mapping[str, Any]] = (
            options.get("name") or _UNNAMED.sub("-", urlsplit(issuer).netloc or issuer),
            _scheme(issuer, discovered=given is None),
        )
        self._terms: Terms

    def setup(self, app: App) -> None:
        """Let these tokens in.

        Raises:
            SetupError: there is no `Auth` (``no-plugin``).
        """
        auth = app.plugin(Auth)
        self._terms = auth.terms
        auth.bearers.append(self)

    def __call__(self, token: str, request: Request, db: Session) -> Borne | None:
        """Whom a token stands for; see `Bearer`.

        Raises:
            TokenRefused: it says to be this issuer's, and is not good, or stands for nobody here.
            ProviderAway: the issuer's keys cannot be had.
        """
        try:
            if claims_of(token).get("iss") != self.issuer:
                return None
        except TokenInvalid:
            return None
        claims = self._checked(token)
        user = self._user(claims, db)
        if user is None:
            _log.info("a token of %s stands for nobody", self.issuer)
            raise TokenRefused
        return Borne(user, frozenset(self._scopes(claims)))

    def _checked(self, token: str) -> dict[str, Any]:
        try:
            claims = decode(
                token,
                self.keys,
                algorithms=self.algorithms,
                issuer=self.issuer,
                audience=self.audience,
                leeway=self.leeway,
                now=self._terms.clock().timestamp(),
            )
            if type_of(token) not in self.types:
                raise TokenInvalid("its type")
        except TokenInvalid as invalid:
            _log.info("a token of %s is refused: %s", self.issuer, invalid.reason)
            raise TokenRefused from None
        return claims

    def _linked(self, claims: Claims, db: Session) -> Any:
        """Who has logged in by this issuer before, as the one whom it calls so."""
        external, user = self._terms.tables.external, self._terms.tables.user
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            return None
        wanted = select(user).join(external, external.user_id == user.id)
        return db.scalar(wanted.where(external.issuer == self.issuer, external.subject == subject))

    def __repr__(self) -> str:
        return f"<JWTIssuer {self.issuer}>"


def _keys(issuer: str, options: IssuerOptions, where: str) -> Keys:
    """Where the keys come from; only those that are fetched need an address."""
    given, private = options.get("keys"), options.get("private_addresses", False)
    if isinstance(given, Mapping):
        keys = given.get("keys")
        if not isinstance(keys, list) or not keys or not all(isinstance(each, Mapping) for each in keys):
            raise _bad("JWTIssuer(keys=…) is no JWK set: it has no list of keys.", where)
        return GivenKeys(issuer, keys)
    address = issuer if given is None else given
    if not is_sound(address, loopback=True):
        raise _bad(f"{address[:200]!r} is no address to fetch keys from.", where)
    if is_private(address) and not private:
        message = f"{address[:200]!r} is on this machine or a private network."
        raise _bad(message, where, "Where that is meant: JWTIssuer(…, private_addresses=True)")
    return Keys(issuer, jwks=given, clock=options.get("clock", time.monotonic), private=private)


def _scheme(issuer: str, *, discovered: bool) -> dict[str, Any]:
    if discovered:
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        return {"type": "openIdConnect", "openIdConnectUrl": address}
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": f"A token of {issuer}."}


def _scopes(claims: Claims) -> list[str]:
    """The words of `scope` (RFC 9068 §2.2.3), or of `scp`, as some issuers call it."""
    found = claims.get("scope", claims.get("scp", ""))
    words = found.split() if isinstance(found, str) else found
    return [each for each in words if isinstance(each, str)] if isinstance(words, list) else []


def _bad(
    message: str, where: str, cure: str = 'JWTIssuer("https://login.example.org", "https://notes.example.org")'
) -> SetupError:
    return SetupError([Fault("bad-issuer", message, where, cure)])


def _caller() -> str:
    frame: Any = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
