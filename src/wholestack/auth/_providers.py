"""Providers that many have accounts at, with what is particular to each."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Collection, Mapping
from typing import Any

from typing_extensions import Unpack

from wholestack.settings import Secret

from ._fetch import Asker, ProviderAway
from ._oauth2 import Endpoints, OAuth2Client
from ._oidc import Claims, OpenIDConnect, OpenIDOptions
from ._oidc_client import Registration, address_of, asked_api
from ._oidc_terms import Client

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MICROSOFT = "https://login.microsoftonline.com"
_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all accounts that people have for themselves at Microsoft."""
_APPLE = "https://appleid.apple.com"
_APPLES_OWN = ("@icloud.com", "@me.com", "@mac.com", "@privaterelay.appleid.com")
_FIVE_MINUTES = datetime.timedelta(minutes=5)


class ProviderOptions(OpenIDOptions, total=False):
    """Options of the functions for some providers: those of `OpenIDOptions`, and `name` (what it is called in addresses
    and in the environment), `client_id` and `client_secret`.
    """

    name: str
    client_id: str
    client_secret: str | Secret


def google(*, workspaces: Collection[str] = (), **options: Unpack[ProviderOptions]) -> OpenIDConnect:
    """Login with Google. ``GOOGLE_CLIENT_ID`` and ``GOOGLE_CLIENT_SECRET`` in the environment say how the app is known.

    An address opens the account of that address where Google is who gives it: at ``gmail.com``, or in a Workspace
    (https://developers.google.com/identity/gsi/web/guides/verify-google-id-token).

    Arguments:
        workspaces: the Workspaces whose people are let in, by their main domain; left out, everybody.
        options: see `ProviderOptions`.

    Example:
        >>> google(client_id="…", client_secret="…", workspaces=["example.org"])
        <OpenIDConnect google at https://accounts.google.com>
    """
    asked = {"hd": next(iter(workspaces)) if len(workspaces) == 1 else "*"} if workspaces else {}
    more = _with({"title": "Google", "trusts_email": _is_googles, "reauthenticates": False}, options)
    more["parameters"] = {**asked, **more.get("parameters", {})}
    more["only"] = {**({"hd": frozenset(workspaces)} if workspaces else {}), **more.get("only", {})}
    return OpenIDConnect(more.pop("name", "google"), "https://accounts.google.com", **more)


def microsoft(
    tenant: str, *, tenants: Collection[str] = (), url: str = _MICROSOFT, **options: Unpack[ProviderOptions]
) -> OpenIDConnect:
    """Login with Microsoft (Entra ID). ``MICROSOFT_CLIENT_ID`` and ``MICROSOFT_CLIENT_SECRET`` in the environment.

    An address in its tokens is what a tenant's administrators have written, and proves nothing of itself: it counts
    where the token has ``xms_edov``, or by ``verifies_email=True`` for the one tenant that is yours.

    Arguments:
        tenant: the tenant's id, or ``"organizations"``, ``"consumers"``, ``"common"`` for many.
        tenants: of many, the ids of those whose people are let in; left out, everybody.
        url: where it is; the national clouds are elsewhere.
        options: see `ProviderOptions`.

    Raises:
        SetupError: no id of a tenant, or trust in what any tenant says (``bad-provider``).

    Example:
        >>> microsoft("72f988bf-86f1-41af-91ab-2d7cd011db47", client_id="…", client_secret="…").name
        'microsoft'
    """
    more = _with({"title": "Microsoft", "reauthenticates": False}, options)
    more["only"] = {**({"tid": frozenset(tenants)} if tenants else {}), **more.get("only", {})}
    home = _CONSUMERS if tenant == "consumers" else tenant
    return _Microsoft(more.pop("name", "microsoft"), f"{url}/{home}/v2.0", **more)


def apple(
    team: str, key: str, private_key: str | Secret | None = None, **options: Unpack[ProviderOptions]
) -> OpenIDConnect:
    """Login with Apple. ``APPLE_CLIENT_ID`` and ``APPLE_PRIVATE_KEY`` (or its ``_FILE``) in the environment.

    Apple takes no secret, but a token that the app signs with its key (ES256), anew each time.

    Arguments:
        team: the team's id.
        key: the key's id.
        private_key: the key, as PEM.
        options: see `ProviderOptions`.

    Example:
        >>> apple("ABCDE12345", "KEY1234567", "-----BEGIN PRIVATE KEY-----…", client_id="org.example.notes").issuer
        'https://appleid.apple.com'
    """
    form = {"response_mode": "form_post"}  # Apple wants it so where it is asked for an address.
    own: dict[str, Any] = {"title": "Apple", "scopes": ("openid", "email", "name"), "authentication": "post"}
    more = _with({**own, "trusts_email": _is_apples, "reauthenticates": False}, options)
    more["parameters"] = {**form, **more.get("parameters", {})}
    more.pop("client_secret", None)
    made = _Apple(more.pop("name", "apple"), _APPLE, client_secret=private_key, **more)
    made.team, made.key = team, key
    return made


def gitlab(url: str = "https://gitlab.com", **options: Unpack[ProviderOptions]) -> OpenIDConnect:
    """Login with GitLab. ``GITLAB_CLIENT_ID`` and ``GITLAB_CLIENT_SECRET`` in the environment.

    Arguments:
        url: where it is.
        options: see `ProviderOptions`.

    Example:
        >>> gitlab("https://git.example.org", client_id="…", client_secret="…")
        <OpenIDConnect gitlab at https://git.example.org>
    """
    # Groups are in userinfo only.
    more = _with({"title": "GitLab", "userinfo": bool(options.get("roles"))}, options)
    return OpenIDConnect(more.pop("name", "gitlab"), url.rstrip("/"), **more)


def keycloak(url: str, realm: str, **options: Unpack[ProviderOptions]) -> OpenIDConnect:
    """Login with a realm of Keycloak. ``KEYCLOAK_CLIENT_ID`` and ``KEYCLOAK_CLIENT_SECRET`` in the environment.

    Arguments:
        url: where it is, with ``/auth`` where it has that.
        realm: the realm's name.
        options: see `ProviderOptions`.

    Example:
        >>> keycloak("https://login.example.org", "staff", client_id="…", client_secret="…")
        <OpenIDConnect keycloak at https://login.example.org/realms/staff>
    """
    more = _with({"title": realm.title()}, options)
    return OpenIDConnect(more.pop("name", "keycloak"), f"{url.rstrip('/')}/realms/{realm}", **more)


def github(
    url: str = "https://github.com", *, api: str | None = None, **options: Unpack[ProviderOptions]
) -> OpenIDConnect:
    """Login with GitHub. ``GITHUB_CLIENT_ID`` and ``GITHUB_CLIENT_SECRET`` in the environment.

    GitHub speaks OAuth 2 without OpenID Connect: who it is, and their primary address, if it is verified, is asked of
    its API. The claims are what the API says of a user.

    Arguments:
        url: where it is.
        api: where its API is; left out, ``https://api.github.com``, and ``/api/v3`` of an Enterprise Server.
        options: see `ProviderOptions`.

    Example:
        >>> github(client_id="…", client_secret="…")
        <OpenIDConnect github at https://github.com>
    """
    more = _with(
        {"title": "GitHub", "scopes": ("read:user", "user:email"), "authentication": "post", "reauthenticates": False},
        options,
    )
    made = _GitHub(more.pop("name", "github"), url.rstrip("/"), **more)
    usual = "https://api.github.com" if made.issuer == "https://github.com" else f"{made.issuer}/api/v3"
    made.api = usual if api is None else api.rstrip("/")
    return made


def _with(own: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    return {**own, **options}


def _is_googles(claims: Claims) -> bool:
    return bool(claims.get("hd")) or str(claims.get("email", "")).lower().endswith("@gmail.com")


def _is_apples(claims: Claims) -> bool:
    return str(claims.get("email", "")).lower().endswith(_APPLES_OWN)


class _Microsoft(OpenIDConnect):
    def _registration(self) -> Registration:
        home, tenant, _ = self.issuer.rsplit("/", 2)
        many = tenant in {"common", "organizations"}
        if not many and not _GUID.fullmatch(tenant):
            raise self._wrong(f"{tenant!r} is no id of a tenant.", 'microsoft("72f988bf-86f1-41af-91ab-2d7cd011db47")')
        if many and self._options.get("verifies_email"):
            message = "Addresses are taken for proven that the administrators of any tenant may write."
            raise self._wrong(message, "Leave verifies_email out, or name the one tenant that is yours.")
        registration = super()._registration()
        return dataclasses.replace(registration, claimed=f"{home}/{{tenantid}}/v2.0") if many else registration

    def _verified(self, claims: Claims) -> bool:
        return claims.get("xms_edov") in (True, "1", "true")


class _Apple(OpenIDConnect):
    team = key = ""
    credential = "PRIVATE_KEY"

    def _registration(self) -> Registration:
        registration = super()._registration()
        pem = registration.secret(datetime.datetime.now(datetime.UTC)) if registration.secret is not None else ""
        return dataclasses.replace(registration, secret=lambda now: self._signed(pem, registration.client_id, now))

    def _signed(self, pem: str, client_id: str, now: datetime.datetime) -> str:
        from joserfc import jwt
        from joserfc.jwk import ECKey

        claims = {"iss": self.team, "iat": int(now.timestamp()), "exp": int((now + _FIVE_MINUTES).timestamp())}
        claims |= {"aud": self.issuer, "sub": client_id}
        return jwt.encode({"alg": "ES256", "kid": self.key}, claims, ECKey.import_key(pem), algorithms=["ES256"])


class _GitHub(OpenIDConnect):
    api = ""

    def _client(self) -> Client:
        return GitHubClient(self._registration(), self.api, self._asker())

    def _verified(self, claims: Claims) -> bool:
        return True  # No other address is read.


class GitHubClient(OAuth2Client):
    """Speaks OAuth 2 with GitHub, and asks its API who somebody is; see `Client`.

    Arguments:
        registration: how the app is known there.
        api: where the API is.
        asker: asks its servers.
    """

    def __init__(self, registration: Registration, api: str, asker: Asker) -> None:
        web = f"{registration.issuer}/login/oauth"
        endpoints = Endpoints(f"{web}/authorize", f"{web}/access_token", f"{api}/user")
        # By its number: a name may go to somebody else.
        super().__init__(registration, endpoints, asker, subject="id")
        self._emails = f"{api}/user/emails"

    def _address(self, claims: Claims, access: str) -> str:
        """The primary address, if it is verified; the one on the profile is whatever its owner has written."""
        found = asked_api(self._asker, self._emails, access).value()
        if not isinstance(found, list):
            raise ProviderAway("GitHub has answered with what is no list of addresses.")
        mine = [each for each in found if isinstance(each, dict) and each.get("primary") is True]
        return next((address_of(each.get("email")) for each in mine if each.get("verified") is True), "")

    def _told(self, claims: Claims, email: str) -> Claims:
        return {**claims, "email": email, "email_verified": bool(email)}
