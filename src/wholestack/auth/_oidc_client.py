"""OpenID Connect, as the app speaks it with a provider: the way there, the answer, and the proof of who it is from.

The authorization code flow with PKCE (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700), and no other.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pydantic

from wholestack.languages import gettext

from ._fetch import Asker, ProviderAway, is_sound
from ._fields import Email
from ._jose import Discovery, Keys, TokenInvalid, decode, type_of
from ._oidc_terms import Flow, Profile, Refusal

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_ERROR = re.compile(r"[A-Za-z0-9_.\-]{1,50}")
_TENANT = "{tenantid}"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OLDEST, _LONGEST = 600.0, 255
_EMAIL: pydantic.TypeAdapter[str] = pydantic.TypeAdapter(Email)
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclasses.dataclass(frozen=True)
class Registration:
    """How the app is known at a provider.

    Attributes:
        issuer: the provider's name, which is where it describes itself.
        claimed: the name in its description and tokens, where that is another one; ``{tenantid}`` is a tenant's.
        client_id: the app's name there.
        secret: gives the app's secret, at a moment; None for a client without one, which PKCE alone protects.
        scopes: what is asked for.
        algorithm: by what its tokens are signed.
        authentication: ``"basic"`` or ``"post"`` (RFC 6749 §2.3.1); empty: as the provider says.
        userinfo: whether its userinfo endpoint is asked always; else only where the token has no address.
        parameters: more that is sent along.
        reauthenticates: whether it says when somebody has logged in, as it must where it is asked for a new login.
        verifies_email: whether it has proven each address that it tells, whatever its tokens say.
        verified: finds in the claims whether the address was proven.
        leeway: seconds by which clocks may differ.
    """

    issuer: str
    claimed: str
    client_id: str
    secret: Callable[[datetime.datetime], str] | None
    scopes: tuple[str, ...]
    algorithm: str
    authentication: str
    userinfo: bool
    parameters: Mapping[str, str]
    reauthenticates: bool
    verified: Callable[[Mapping[str, Any]], bool]
    leeway: float = 60.0


class OpenIDClient:
    """Speaks OpenID Connect with a provider; see `Client`.

    Arguments:
        registration: how the app is known there.
        asker: asks its servers.
    """

    def __init__(self, registration: Registration, asker: Asker, *, loopback: bool) -> None:
        self._own = registration
        self._asker = asker
        self._loopback = loopback
        self._discovery = Discovery(registration.issuer, asker, registration.claimed)
        self._keys = Keys(discovery=self._discovery, asker=asker)

    def is_own(self, issuer: str) -> bool:
        """See `Client`."""
        pattern = re.escape(self._own.claimed).replace(re.escape(_TENANT), _GUID)
        return re.fullmatch(pattern, issuer) is not None

    # -- the way there -------------------------------------------------------------------------------------------

    def address(self, flow: Flow, state: str, redirect_uri: str) -> str:
        """See `Client`."""
        own = self._own
        again = {"prompt": "login", "max_age": "0"} if flow.purpose == "confirm" and own.reauthenticates else {}
        asked = {
            **own.parameters,
            **again,
            "response_type": "code",
            "client_id": own.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(own.scopes),
            "state": state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",  # Never "plain", whatever a description offers.
        }
        return with_query(self._endpoint("authorization_endpoint"), asked)

    def _endpoint(self, name: str) -> str:
        found = self._discovery.document().get(name)
        if not isinstance(found, str) or not is_sound(found, loopback=self._loopback):
            raise ProviderAway(f"A provider of logins does not say where its {name} is.")
        return found

    # -- the answer ----------------------------------------------------------------------------------------------

    def profile(self, flow: Flow, answer: Mapping[str, str], redirect_uri: str, now: datetime.datetime) -> Profile:
        """See `Client`."""
        self._check_sender(answer)
        tokens = self._exchanged(flow, code_of(answer), redirect_uri, now)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise Refusal(not_good(), "no ID token")
        try:
            claims = self._claims(token, flow, now)
            _check_hash(claims, self._own.algorithm, tokens.get("access_token"))
        except TokenInvalid as error:
            raise Refusal(not_good(), f"ID token: {error.reason}") from None
        if self._own.userinfo or "email" not in claims:
            claims = {**self._userinfo(tokens, claims["sub"]), **claims}
        return self._told(claims, token)

    def _check_sender(self, answer: Mapping[str, str]) -> None:
        """Whether the answer is this provider's, where it says whose it is, or should (RFC 9207 §2.4)."""
        says = answer.get("iss", "")
        must = self._discovery.document().get("authorization_response_iss_parameter_supported") is True
        if (says and not self.is_own(says)) or (must and not says):
            raise Refusal(not_good(), "the answer is another provider's")

    def _exchanged(self, flow: Flow, code: str, redirect_uri: str, now: datetime.datetime) -> dict[str, Any]:
        own = self._own
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        shown = with_secret(own, form, now, by_header=self._by_header())
        return exchanged(self._asker, self._endpoint("token_endpoint"), *shown)

    def _by_header(self) -> bool:
        if self._own.authentication:
            return self._own.authentication == "basic"
        # Left out, it is this one (Discovery §3).
        known = self._discovery.document().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return not isinstance(known, list) or "client_secret_basic" in known

    def _claims(self, token: str, flow: Flow, now: datetime.datetime) -> dict[str, Any]:
        own, moment = self._own, now.timestamp()
        claims = self._decoded(token, moment, nonce=flow.nonce)
        if type_of(token) not in {"", "jwt"}:
            raise TokenInvalid("it is of another kind")
        if not is_subject(claims.get("sub")):
            raise TokenInvalid("its subject")
        if "iat" not in claims or moment - claims["iat"] > _OLDEST + own.leeway:
            raise TokenInvalid("it is old")
        if flow.purpose == "confirm" and own.reauthenticates:
            logged_in = claims.get("auth_time")
            if not isinstance(logged_in, int | float) or logged_in + own.leeway < flow.at.timestamp():
                raise TokenInvalid("nobody has logged in anew")
        return claims

    def _decoded(self, token: str, moment: float, nonce: str | None) -> dict[str, Any]:
        own = self._own
        claims = decode(
            token, self._keys, algorithms={own.algorithm}, issuer=self._issuer_of, audience=own.client_id,
            leeway=own.leeway, now=moment, nonce=nonce,
        )  # fmt: skip
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else own.client_id) != own.client_id:
            raise TokenInvalid("it is another client's")
        return claims

    def _issuer_of(self, claims: Mapping[str, Any]) -> str:
        tenant = str(claims.get("tid", ""))
        return self._own.claimed.replace(_TENANT, tenant if re.fullmatch(_GUID, tenant) else "-")

    def _userinfo(self, tokens: Mapping[str, Any], subject: str) -> dict[str, Any]:
        access = tokens.get("access_token")
        if not isinstance(access, str) or "userinfo_endpoint" not in self._discovery.document():
            return {}
        found: dict[str, Any] = asked_api(self._asker, self._endpoint("userinfo_endpoint"), access).json()
        if found.get("sub") != subject:  # Else another's access token would bring another's address (§5.3.2).
            raise Refusal(not_good(), "userinfo is of another subject")
        return found

    def _told(self, claims: dict[str, Any], token: str) -> Profile:
        email = address_of(claims.get("email"))
        is_verified = bool(email) and self._own.verified(claims)
        return Profile(claims["iss"], claims["sub"], email, is_verified, claims, token)

    # -- the way out ---------------------------------------------------------------------------------------------

    def way_out(self, hint: str, back: str) -> str | None:
        """See `Client` (OpenID Connect RP-Initiated Logout 1.0 §2)."""
        if "end_session_endpoint" not in self._discovery.document():
            return None
        asked = {"client_id": self._own.client_id, "post_logout_redirect_uri": back}
        asked |= {"id_token_hint": hint} if hint else {}
        return with_query(self._endpoint("end_session_endpoint"), asked)

    def ended(self, token: str, now: datetime.datetime) -> tuple[str, str]:
        """See `Client`."""
        claims = self._decoded(token, now.timestamp(), nonce=None)
        events = claims.get("events")
        if type_of(token) not in {"", "jwt", "logout+jwt"} or not isinstance(events, dict) or _LOGOUT not in events:
            raise TokenInvalid("it is no logout token")
        if "nonce" in claims or "iat" not in claims or now.timestamp() - claims["iat"] > _OLDEST:
            raise TokenInvalid("it is no logout token of this moment")
        if not is_subject(claims.get("sub")):  # One that names a session only (`sid`) is not understood.
            raise TokenInvalid("it names no subject")
        return claims["iss"], claims["sub"]


# -- what plain OAuth 2 does alike -------------------------------------------------------------------------------------


def with_query(address: str, asked: Mapping[str, str]) -> str:
    """An address with more in its query.

    Example:
        >>> with_query("https://accounts.example.org/login?tenant=7", {"scope": "openid email"})
        'https://accounts.example.org/login?tenant=7&scope=openid+email'
    """
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def is_subject(value: object) -> bool:
    """Whether a claim is a subject: up to 255 characters of ASCII (OpenID Connect Core 1.0 §2)."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isascii() and value.isprintable()


def address_of(value: object) -> str:
    """An e-mail address that a provider tells; empty where it is none."""
    try:
        return _EMAIL.validate_python(value)
    except pydantic.ValidationError:
        return ""


def code_of(answer: Mapping[str, str]) -> str:
    """The code that a browser has brought.

    Raises:
        Refusal: there is none, or the provider has refused.
    """
    error = answer.get("error", "")
    if error == "access_denied":
        raise Refusal(gettext("The login was cancelled there."), error)
    if error:
        # Its free text could say anything on a page of ours; its code is one of a list (RFC 6749 §4.1.2.1).
        code = error if _ERROR.fullmatch(error) else "?"
        raise Refusal(gettext("The login was refused there (%(error)s).", error=code), code)
    if not answer.get("code"):
        raise Refusal(not_good(), "no code")
    return answer["code"]


def with_secret(
    own: Registration, form: dict[str, str], now: datetime.datetime, *, by_header: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """What is sent for tokens, with who asks for them (RFC 6749 §2.3.1): a form, and its headers."""
    headers, secret = dict(_FORM), None if own.secret is None else own.secret(now)
    if secret is not None and by_header:
        pair = f"{quote(own.client_id, safe='')}:{quote(secret, safe='')}"
        return form, {**headers, "authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {**form, "client_id": own.client_id, **({} if secret is None else {"client_secret": secret})}, headers


def exchanged(asker: Asker, address: str, form: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
    """The tokens for a code (RFC 6749 §4.1.3).

    Raises:
        Refusal: the provider gives none.
        ProviderAway: it does not answer.
    """
    reply = asker.post(address, urlencode(form).encode(), headers)
    if reply.status >= 500 or reply.status == 429:
        raise ProviderAway(f"A provider of logins answers with {reply.status}.")
    found = reply.json()
    error = found.get("error")
    if reply.status != 200 or error is not None:  # GitHub's errors come with 200.
        code = error if isinstance(error, str) and _ERROR.fullmatch(error) else "?"
        raise Refusal(not_good(), f"code refused: {code}")
    if str(found.get("token_type", "bearer")).lower() != "bearer":
        raise Refusal(not_good(), "a token of another type")
    return found


def asked_api(asker: Asker, address: str, access: str) -> Any:
    """What a provider says to an access token (RFC 6750 §2.1).

    Raises:
        Refusal: the token opens nothing there.
        ProviderAway: it does not answer.
    """
    if not access.isascii() or not access.isprintable() or " " in access:
        raise Refusal(not_good(), "an access token that is none")
    reply = asker.get(address, {"authorization": f"Bearer {access}"})
    if reply.status >= 500 or reply.status == 429:
        raise ProviderAway(f"A provider of logins answers with {reply.status}.")
    if reply.status != 200:
        raise Refusal(not_good(), f"{reply.status} for the access token")
    return reply


def _check_hash(claims: Mapping[str, Any], algorithm: str, access: object) -> None:
    """Whether the access token is the one that the ID token was made with, where it says so (§3.1.3.6)."""
    told = claims.get("at_hash")
    if told is None:
        return
    how = "sha512" if algorithm.startswith("Ed") else f"sha{algorithm[2:]}"
    digest = hashlib.new(how, str(access).encode()).digest()
    own = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not hmac.compare_digest(own, str(told).encode()):
        raise TokenInvalid("its access token")


def not_good() -> str:
    """What somebody is told whose login does not hold: that, and not why."""
    return gettext("The login there could not be checked. Please try again.")
