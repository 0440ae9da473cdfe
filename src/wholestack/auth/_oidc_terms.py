"""What a login at another provider is made of: the provider as it is registered, what is under way, what comes back."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import pydantic

MOST_FLOWS = 5
"""Logins that one browser may have under way: one for each of its tabs."""
FLOW = datetime.timedelta(minutes=10)
"""How long one may take."""
FEDERATED = "fed"
"""The method of who was let in because a provider has said who they are; RFC 8176 has no word for it."""


class Refusal(Exception):
    """A login by a provider that is not taken.

    Attributes:
        message: why, for the person.
        reason: why, in a word or two, for the trail and the log; never anything that a provider has written freely.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(reason)
        self.message = message
        self.reason = reason


class Flow(pydantic.BaseModel):
    """A login that is under way, as the session keeps it.

    Attributes:
        provider: at whom; an answer of another one is not taken (RFC 9700 §4.4).
        nonce: what its token must repeat.
        verifier: what its code is bound to (RFC 7636).
        at: when it was begun.
        next: where the person was on the way to.
        purpose: ``"login"``, ``"confirm"`` (who one is, once more) or ``"link"``.
        user: the key of whoever is logged in, for the last two.
    """

    provider: str
    nonce: str = pydantic.Field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = pydantic.Field(default_factory=lambda: secrets.token_urlsafe(48))
    at: datetime.datetime
    next: str = ""
    purpose: str = "login"
    user: str | None = None

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (RFC 7636 §4.2, S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class ExternalLogins(pydantic.BaseModel):
    """What a session keeps of logins at providers.

    Attributes:
        flows: those under way, by their state.
        ticket: what the page of linked logins has given to the person, without which no link begins.
        proof: the digest of the link that was mailed to this browser's person.
        provider: by whom they came in.
        hint: the token by which that provider knows them when they log out there.
    """

    flows: dict[str, Flow] = {}
    ticket: str = ""
    proof: str = ""
    provider: str = ""
    hint: str = ""

    def begin(self, flow: Flow) -> str:
        """Keep a login that begins; gives its state. The oldest go where there are too many."""
        state = secrets.token_urlsafe(32)
        kept = sorted(self.flows.items(), key=lambda item: item[1].at)[-(MOST_FLOWS - 1) :]
        self.flows = {**dict(kept), state: flow}
        return state

    def take(self, state: str, provider: str, now: datetime.datetime) -> Flow | None:
        """The login of a state, which is used up by that; None where this browser has begun none of it there."""
        found = self.flows.get(state)
        self.flows = {key: flow for key, flow in self.flows.items() if key != state}
        return found if found is not None and found.provider == provider and now - found.at <= FLOW else None


@dataclasses.dataclass(frozen=True)
class Profile:
    """Who somebody is, by what a provider says.

    Attributes:
        issuer: who says so.
        subject: what they are called there, for ever.
        email: their address there; empty where none is told.
        is_verified: whether the provider has proven that the address is theirs.
        claims: all that it says of them.
        hint: the token by which it knows them.
    """

    issuer: str
    subject: str
    email: str
    is_verified: bool
    claims: Mapping[str, Any]
    hint: str = ""


class Client(Protocol):
    """Speaks with one provider, in its protocol; it never blocks an event loop."""

    def is_own(self, issuer: str) -> bool:
        """Whether a login that is linked is one of this provider's, by its issuer."""
        ...

    def address(self, flow: Flow, state: str, redirect_uri: str) -> str:
        """Where a browser is sent to log in.

        Raises:
            ProviderAway: the provider does not say where.
        """
        ...

    def profile(self, flow: Flow, answer: Mapping[str, str], redirect_uri: str, now: datetime.datetime) -> Profile:
        """Who has logged in, by the answer that the browser has brought.

        Raises:
            Refusal: it is not good.
            ProviderAway: the provider does not answer.
        """
        ...

    def way_out(self, hint: str, back: str) -> str | None:
        """Where a browser is sent to log out, None where there is no such place."""
        ...

    def ended(self, token: str, now: datetime.datetime) -> tuple[str, str]:
        """Whose sessions a provider says are over, as issuer and subject (OpenID Connect Back-Channel Logout 1.0 §2.6).

        Raises:
            TokenInvalid: the token is not good.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Provider:
    """A provider, and what this app makes of what it says.

    Attributes:
        name: in addresses.
        title: for people.
        client: speaks with it.
        trusts_email: whether an address that it has proven counts as proven here, by what it says of somebody.
        sign_up: whether who comes by it may make an account; None: as the app's own page does.
        domains: of which domains addresses must be; empty: any.
        only: what claims must be, by their names.
        roles: roles here, by what `roles_claim` holds.
        roles_claim: the claim that names groups.
        two_factors: values of ``amr`` or ``acr`` that stand for two factors.
        fields: columns of a new user, by the claims.
        remember: whether a login stays when the day is over.
        logs_out: whether people may log out there, too.
    """

    name: str
    title: str
    client: Client
    trusts_email: Callable[[Mapping[str, Any]], bool]
    sign_up: bool | None
    domains: frozenset[str]
    only: Mapping[str, Collection[str]]
    roles: Mapping[str, str]
    roles_claim: str
    two_factors: frozenset[str]
    fields: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    remember: bool
    logs_out: bool

    def methods(self, claims: Mapping[str, Any]) -> list[str]:
        """How somebody came in, as `Accounts.log_in` takes it."""
        told = {*_texts(claims.get("amr")), *_texts(claims.get("acr"))}
        return [FEDERATED, "mfa"] if told & self.two_factors else [FEDERATED]

    def groups(self, claims: Mapping[str, Any]) -> set[str]:
        """The groups that somebody is in there; a dot in `roles_claim` leads into an object."""
        found: Any = claims.get(self.roles_claim)
        if found is None:
            found = claims
            for step in self.roles_claim.split("."):
                found = found.get(step) if isinstance(found, Mapping) else None
        return _texts(found)


class Providers:
    """The providers of an app.

    Arguments:
        by_name: each by its name.
        base_url: where the app is reached, as browsers write it.
        at: below which the pages of login are.
        open: whether anybody may make an account.
    """

    def __init__(self, by_name: Mapping[str, Provider], base_url: str, at: str, *, open: bool) -> None:
        self.by_name = by_name
        self.open = open
        self._base_url = base_url.rstrip("/")
        self._at = at

    def redirect_uri(self, provider: Provider) -> str:
        """Where a provider sends browsers back to: by the app's own address, and never by what a request says."""
        return f"{self._base_url}{self._at}/external/{provider.name}/callback"

    def know(self, issuer: str) -> bool:
        """Whether an issuer is one of these providers."""
        return any(each.client.is_own(issuer) for each in self.by_name.values())

    def out(self) -> str:
        """Where a provider sends browsers that have logged out there."""
        return f"{self._base_url}{self._at}/login"

    def may_sign_up(self, provider: Provider) -> bool:
        """Whether who comes by a provider may make an account."""
        return self.open if provider.sign_up is None else provider.sign_up


def _texts(value: Any) -> set[str]:
    several = [value] if isinstance(value, str) else value
    return {each for each in several if isinstance(each, str)} if isinstance(several, list) else set()
