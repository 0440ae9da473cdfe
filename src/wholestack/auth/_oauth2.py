"""The plugin: login at a provider that speaks OAuth 2 without OpenID Connect, and so has no way to say who somebody is.

It is asked of an API of its own. There is no ID token: what the access token opens is all that is known. It has come
straight from the provider, over TLS, for a code that this app's verifier and secret belong to (RFC 9700 §2.1.1).
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any, Required
from urllib.parse import urljoin

from typing_extensions import Unpack

from wholestack.settings import Secret

from ._fetch import Asker, is_loopback, is_private, is_sound
from ._jose import TokenInvalid
from ._oidc import Claims, ExternalOptions, OpenIDConnect
from ._oidc_client import (
    Registration,
    address_of,
    asked_api,
    code_of,
    exchanged,
    is_subject,
    not_good,
    with_query,
    with_secret,
)
from ._oidc_terms import Client, Flow, Profile, Refusal


@dataclasses.dataclass(frozen=True)
class Endpoints:
    """Where a provider is asked.

    Attributes:
        authorize: where browsers are sent.
        token: where a code becomes an access token.
        profile: what says, to an access token, whose it is: an object of JSON.
    """

    authorize: str
    token: str
    profile: str


class OAuth2Client:
    """Speaks OAuth 2 with a provider, and asks its API who somebody is; see `Client`.

    Arguments:
        registration: how the app is known there.
        endpoints: where it is asked.
        asker: asks its servers.
        subject: where its API says what somebody is called for ever; a dot leads into an object.
        email: where it tells their address.
    """

    def __init__(
        self, registration: Registration, endpoints: Endpoints, asker: Asker, *, subject: str, email: str = "email"
    ) -> None:
        self._own = registration
        self._endpoints = endpoints
        self._asker = asker
        self._subject = subject
        self._email = email

    def is_own(self, issuer: str) -> bool:
        """See `Client`."""
        return issuer == self._own.issuer

    def address(self, flow: Flow, state: str, redirect_uri: str) -> str:
        """See `Client`."""
        own = self._own
        asked = {
            **own.parameters,
            "response_type": "code",
            "client_id": own.client_id,
            "redirect_uri": redirect_uri,
            **({"scope": " ".join(own.scopes)} if own.scopes else {}),
            "state": state,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return with_query(self._endpoints.authorize, asked)

    def profile(self, flow: Flow, answer: Mapping[str, str], redirect_uri: str, now: datetime.datetime) -> Profile:
        """See `Client`."""
        own = self._own
        if answer.get("iss", "") not in {"", own.issuer}:  # RFC 9207 §2.4
            raise Refusal(not_good(), "the answer is another provider's")
        form = {
            "grant_type": "authorization_code",
            "code": code_of(answer),
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        shown = with_secret(own, form, now, by_header=own.authentication != "post")
        access = exchanged(self._asker, self._endpoints.token, *shown).get("access_token")
        if not isinstance(access, str):
            raise Refusal(not_good(), "no access token")
        claims = asked_api(self._asker, self._endpoints.profile, access).json()
        subject = _subject(_found(claims, self._subject))
        email = self._address(claims, access)
        is_verified = bool(email) and own.verified(claims)
        return Profile(own.issuer, subject, email, is_verified, self._told(claims, email))

    def _address(self, claims: Claims, access: str) -> str:
        """Somebody's address; empty where none is told."""
        return address_of(_found(claims, self._email))

    def _told(self, claims: Claims, email: str) -> Claims:
        """What roles, columns and the rest are made of."""
        return claims

    def way_out(self, hint: str, back: str) -> str | None:
        """See `Client`: there is none."""
        return None

    def ended(self, token: str, now: datetime.datetime) -> tuple[str, str]:
        """See `Client`: nothing of that kind is said."""
        raise TokenInvalid("no provider of logout tokens")


def _found(claims: Claims, name: str) -> Any:
    """A claim; a dot leads into an object.

    Example:
        >>> _found({"data": {"id": 7}}, "data.id")
        7
    """
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _subject(told: object) -> str:
    subject = str(told) if isinstance(told, int) and not isinstance(told, bool) else told
    if not isinstance(subject, str) or not is_subject(subject):
        raise Refusal(not_good(), "no id")
    return subject


class OAuth2Options(ExternalOptions, total=False):
    """Where a provider is asked, and what is read of what it says; beside the options of `ExternalOptions`.

    `authorize`: where browsers are sent; `token`: where a code becomes an access token; `profile`: what says whose that
    is. Each is a path at the provider, or a whole address. `subject`: where that says what somebody is called for ever
    (``"id"``; a dot leads into an object); `email`: where it tells their address (``"email"``); `verified`: where it
    says whether they have proven that (``"email_verified"``); without it an address proves nothing, but for
    ``verifies_email=True``. `authentication` is ``"basic"`` where nobody says otherwise, and there are no `scopes`.
    """

    authorize: Required[str]
    token: Required[str]
    profile: Required[str]
    subject: str
    email: str
    verified: str


class OAuth2(OpenIDConnect):
    """Login at a provider that speaks OAuth 2 and not OpenID Connect: an API of its own says who somebody is.

    It has to know one address of the app, as `OpenIDConnect` says, whose pages these are. Its API must say the same of
    somebody for ever: take no name that may go to somebody else.

    Arguments:
        name: what it is called in addresses: small letters, digits and ``-``.
        issuer: the provider's own address, by which its logins are known here for ever.
        client_id: the app's name there; left out, ``EXAMPLE_CLIENT_ID`` in the environment, by the provider's name.
        client_secret: the app's secret there; left out, ``EXAMPLE_CLIENT_SECRET``, or its ``_FILE``.
        options: see `OAuth2Options` and `ExternalOptions`; `authorize`, `token` and `profile` are needed.

    Raises:
        SetupError: a name or an address that is none, or an option that is missing or that there is not, as one of
            OpenID Connect (``bad-provider``).

    Example:
        >>> OAuth2(
        ...     "chat", "https://chat.example", authorize="/oauth2/authorize", token="/api/oauth2/token",
        ...     profile="/api/users/@me", verified="verified", scopes=("identify", "email"),
        ...     client_id="notes", client_secret="…",
        ... )
        <OAuth2 chat at https://chat.example>
    """

    def __init__(
        self,
        name: str,
        issuer: str,
        *,
        client_id: str | None = None,
        client_secret: str | Secret | None = None,
        **options: Unpack[OAuth2Options],
    ) -> None:
        more: dict[str, Any] = {"scopes": (), **options, "reauthenticates": False}
        places = [more.pop(each, None) for each in ("authorize", "token", "profile")]
        self._subject: str = more.pop("subject", "id")
        self._email: str = more.pop("email", "email")
        self._says_verified: str = more.pop("verified", "email_verified")
        super().__init__(name, issuer, client_id=client_id, client_secret=client_secret, **more)
        cure = 'OAuth2("chat", "https://…", authorize="/…", token="/…", profile="/…")'
        for each in sorted(options.keys() - OAuth2Options.__annotations__.keys()):
            raise self._wrong(f"{each}=… means nothing to a provider without ID tokens.", f"Leave it out: {cure}")
        if None in places:
            raise self._wrong("Where the provider is asked is not said whole.", cure)
        self._endpoints = Endpoints(*map(self._at, places))

    def _at(self, path: str) -> str:
        address = path if "://" in path else urljoin(f"{self.issuer}/", path)
        if not is_sound(address, loopback=is_loopback(self.issuer)):
            raise self._wrong(f"{path[:200]!r} is no address at a provider.", "Write one with https://, or a path.")
        if is_private(address) and not self._asks_private:
            message = f"{address!r} is on this machine or a private network."
            raise self._wrong(message, "Where that is meant: OAuth2(…, private_addresses=True)")
        return address

    def _client(self) -> Client:
        known, asker = self._registration(), self._asker()
        return OAuth2Client(known, self._endpoints, asker, subject=self._subject, email=self._email)

    def _verified(self, claims: Claims) -> bool:
        told = _found(claims, self._says_verified)
        return told is True or told == "true"

    def __repr__(self) -> str:
        return f"<OAuth2 {self.name} at {self.issuer}>"
