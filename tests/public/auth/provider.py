"""A provider of logins for tests: OpenID Connect and GitHub's OAuth 2, over a real socket. What it says can be bent."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from auth.site import BROWSER, Site
from browsing import serving
from wholestack import JSON, App, Body, Header, Redirect, Request, Response
from wholestack.auth import OpenIDConnect
from wholestack.testing import Answer, Client

CLIENT, SECRET = "the-site", "s3cret: with/everything"
PERSON = {"sub": "zoe-7", "email": "zoe@example.org", "email_verified": True, "name": "Zoë"}


@functools.cache
def key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name, "use": "sig", "alg": "RS256"})


def half_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


class Provider:
    """One provider: who is logged in there, and what it lies about.

    Attributes:
        person: the claims of whoever is logged in.
        told: claims of the ID token that are other than they should be; None leaves one out.
        userinfo: the same for userinfo.
        description: the same for its description of itself.
        header: of the ID token.
        keys: those that it publishes.
        sign: makes the ID token of its header and claims.
        answers: replies of an endpoint in place of its own, by its path.
        asked: the paths that were asked for, and the forms that came with them.
    """

    issuer: str

    def __init__(self) -> None:
        self.app = App(title="Provider", docs=False)
        self._add()
        self.reset()

    def reset(self) -> None:
        self.person: dict[str, Any] = dict(PERSON)
        self.told: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.description: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.keys: list[Any] = [key("first")]
        self.sign: Any = self._signed
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.emails: Any = [{"email": "zoe@example.org", "primary": True, "verified": True}]

    @contextlib.contextmanager
    def running(self) -> Iterator[Provider]:
        with serving(self.app) as address:
            self.issuer = address
            yield self

    # -- what it does --------------------------------------------------------------------------------------------

    def _add(self) -> None:
        app = self.app
        app.get("/.well-known/openid-configuration")(self.describe)
        app.get("/{tenant}/v2.0/.well-known/openid-configuration")(self.describe_tenant)
        app.get("/jwks")(self.jwks)
        app.get("/authorize")(self.authorize)
        app.get("/login/oauth/authorize")(self.authorize)
        app.post("/token")(self.token)
        app.post("/login/oauth/access_token")(self.token)
        app.get("/userinfo")(self.who)
        app.get("/user")(self.github_user)
        app.get("/user/emails")(self.github_emails)

    def _instead(self, path: str, form: dict[str, str] | None = None) -> Response | None:
        self.asked.append((path, form or {}))
        found = self.answers.get(path)
        return found() if callable(found) else found

    def describe(self) -> Response:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        return self._instead("/.well-known/openid-configuration") or JSON(_bent(own, self.description))

    def describe_tenant(self, tenant: str) -> Response:
        return self.describe()

    def jwks(self) -> Response:
        return self._instead("/jwks") or JSON({"keys": [each.as_dict(private=False) for each in self.keys]})

    def authorize(self, request: Request) -> Response:
        """Whoever is logged in says yes at once."""
        asked = dict(parse_qsl(request.query_string))
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        return self._instead("/authorize", asked) or _to(asked["redirect_uri"], answer)

    def token(self, sent: Body[bytes], authorization: Header[str] = "") -> Response:
        form = dict(parse_qsl(sent.decode()))
        instead = self._instead("/token", {**form, "authorization": authorization})
        if instead is not None:
            return instead
        asked = self.codes.pop(form.get("code", ""), None)
        if not self._knows(form, authorization) or asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return JSON({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        # Also where the request had no challenge: a verifier without one is a downgrade (RFC 9700 §4.8.2).
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked.get("code_challenge"):
            return JSON({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        self.tokens[access] = dict(self.person)
        claims = _bent(self._claims(asked, access), self.told)
        return JSON({"access_token": access, "token_type": "Bearer", "id_token": self.sign(self.header, claims)})

    def _claims(self, asked: dict[str, str], access: str) -> dict[str, Any]:
        now = int(time.time())
        own = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "auth_time": now}
        return {**self.person, **own, "nonce": asked.get("nonce", ""), "at_hash": half_hash(access)}

    def _signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, key(header["kid"]), algorithms=["RS256"])

    def _knows(self, form: dict[str, str], authorization: str) -> bool:
        if authorization:
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT, SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)

    def who(self, authorization: Header[str]) -> Response:
        person = self.tokens[authorization.removeprefix("Bearer ")]
        return self._instead("/userinfo") or JSON(_bent(person, self.userinfo))

    def github_user(self) -> Response:
        return self._instead("/user") or JSON({"id": 4711, "login": "zoe", "email": "boss@example.org"})

    def github_emails(self) -> Response:
        return JSON(self.emails)

    # -- the browser's part --------------------------------------------------------------------------------------

    def visit(self, address: str) -> str:
        """Go where the site has sent the browser; where the provider sends it back to."""
        opener = urllib.request.build_opener(_Stay())
        try:
            opener.open(address, timeout=10)
        except urllib.error.HTTPError as answer:
            return answer.headers["location"]
        raise AssertionError(f"no redirect from {address}")

    def forms(self, path: str) -> list[dict[str, str]]:
        """What was sent to an endpoint."""
        return [form for asked, form in self.asked if asked == path]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _bent(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**own, **other}.items() if value is not None}


def _to(address: str, answer: dict[str, str]) -> Redirect:
    return Redirect(f"{address}?{urlencode(answer)}", hosts=[urlsplit(address).netloc])


def plugin(provider: Provider, name: str = "example", **options: Any) -> OpenIDConnect:
    """The provider as a site uses it."""
    known: Any = {"client_id": CLIENT, "client_secret": SECRET, "private_addresses": True}
    return OpenIDConnect(name, provider.issuer, **known | options)


def begin(site: Site, client: Client | None = None, name: str = "example", **query: str) -> Answer:
    """Press the button of a provider."""
    asked = f"?{urlencode(query)}" if query else ""
    return (client or site.client).get(f"/account/external/{name}{asked}", headers=BROWSER, follow=False)


def finish(site: Site, back: str, client: Client | None = None) -> Answer:
    """Come back from a provider."""
    path = back.removeprefix("http://testserver")
    assert path != back, back
    return (client or site.client).get(path, headers=BROWSER | {"sec-fetch-site": "cross-site"}, follow=False)


def come(site: Site, provider: Provider, client: Client | None = None, name: str = "example", **query: str) -> Answer:
    """Log in there, and come back."""
    answer = begin(site, client, name, **query)
    assert answer.status == 303, answer.text
    return finish(site, provider.visit(answer.headers["location"]), client)


def said(site: Site, client: Client | None = None) -> str:
    """What the next page says first."""
    page = (client or site.client).get("/account/login", headers=BROWSER).text
    found = re.findall(r'<p class="message[^>]*>(.*?)</p>|<li class="message[^>]*>(.*?)</li>', page)
    return " ".join(one or other for one, other in found) or page


def changed(address: str, **other: str | None) -> str:
    """An address with other values in its query; None leaves one out."""
    parts = urlsplit(address)
    asked = {**dict(parse_qsl(parts.query)), **other}
    return parts._replace(query=urlencode({name: each for name, each in asked.items() if each is not None})).geturl()
