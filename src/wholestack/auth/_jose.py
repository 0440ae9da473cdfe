"""Tokens that somebody else has signed (JWT, RFC 7519): their keys, fetched and kept, and the check of a signature.

What a token says of itself decides nothing here: the algorithms are the app's, the keys are those at the provider's
own address, and a header that would bring others along (RFC 8725 §3) is refused. joserfc does the arithmetic; this
decides what reaches it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import importlib.util
import json
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from wholestack import SetupError
from wholestack.errors import Fault

from ._fetch import Asker, ProviderAway, is_loopback, is_sound

T = TypeVar("T")
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""What a signature may be made by: with a private key that the provider alone has (RFC 7518 §3.1, RFC 9864)."""
_TYPES = {"R": "RSA", "P": "RSA", "ES": "EC", "Ed": "OKP"}
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
# They would bring a key along, or change what is signed; "enc" and "zip" are those of an encrypted token.
_REFUSED = ("crit", "jku", "x5u", "jwk", "x5c", "b64", "enc", "zip")
_LONGEST = 16_384
_MOST_KEYS = 100
_RSA_BITS = (2048, 8192)
_FRESH, _STALE, _RETRY, _UNKNOWN = 600.0, 3600.0, 10.0, 60.0


class TokenInvalid(ValueError):
    """A token that is not taken.

    Attributes:
        reason: why, in a word or two, for the log; who has shown it is not told.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The token is not taken: {reason}.")
        self.reason = reason


def need_joserfc(where: str, who: str) -> None:
    """Say what to install where the package for tokens is missing.

    Raises:
        SetupError: it is missing (``package-missing``).
    """
    if importlib.util.find_spec("joserfc") is None:
        raise SetupError(
            [Fault("package-missing", f"{who} needs the package joserfc.", where, "pip install 'wholestack[oidc]'")]
        )


class Kept(Generic[T]):
    """What is fetched, and kept for ten minutes; for an hour while its server does not answer.

    After a failure nobody asks for ten seconds. Of many who need it at once, one asks.

    Arguments:
        fetch: gets it, blocking; raises `ProviderAway`.
        clock: seconds that only rise.
    """

    def __init__(self, fetch: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._value: T | None = None
        self._at = self._failed_at = -math.inf
        self._failure: ProviderAway | None = None

    def fresh(self, within: float = _FRESH) -> T | None:
        """What is here, if it was fetched within so many seconds."""
        return self._value if self._clock() - self._at < within else None

    def get(self, within: float = _FRESH) -> T:
        """What is here, or what is fetched now; blocking."""
        found = self.fresh(within)
        if found is not None:
            return found
        with self._lock:
            found = self.fresh(within)
            return self._fetched() if found is None else found

    def _fetched(self) -> T:
        if self._clock() - self._failed_at >= _RETRY:
            try:
                self._value = self._fetch()
                self._at, self._failed_at = self._clock(), -math.inf
                return self._value
            except ProviderAway as error:
                self._failed_at, self._failure = self._clock(), error
        found = self.fresh(_STALE)
        if found is None:
            raise ProviderAway(self._failure.detail if self._failure is not None else "")
        return found


class Discovery:
    """What a provider says of itself (OpenID Connect Discovery 1.0 §4; RFC 8414).

    Arguments:
        issuer: the provider's name, which is an address.
        asker: asks it.
        claimed: the name that its document has, where that is another one: Microsoft's has a gap for the tenant.
        clock: seconds that only rise.
    """

    def __init__(
        self, issuer: str, asker: Asker, claimed: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.issuer = issuer
        self._asker = asker
        self._claimed = claimed or issuer
        self._kept: Kept[dict[str, Any]] = Kept(self._fetch, clock)

    def document(self) -> dict[str, Any]:
        """The document, in either colour.

        Raises:
            ProviderAway: it cannot be had, or is another provider's.
        """
        return self._kept.fresh() or self._asker.away(self._kept.get)

    def blocking(self) -> dict[str, Any]:
        """As `document`, in a thread that may block."""
        return self._kept.get()

    def _fetch(self) -> dict[str, Any]:
        reply = self._asker.ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", None, {})
        found = reply.json() if reply.status == 200 else {}
        if found.get("issuer") != self._claimed:  # Else one provider could speak for another (§4.3).
            raise ProviderAway("A provider of logins gives no description of itself, or another's.")
        return found


class Keys:
    """A provider's public keys, fetched when they are first needed, in either colour.

    They are kept for ten minutes. A key that is not among them is looked for again, at most once a minute.

    Arguments:
        issuer: the provider's name; its description says where the keys are.
        jwks: where they are, for one without a description.
        discovery: the provider's description, where somebody has it already.
        asker: asks; one of its own where it is left out.
        clock: seconds that only rise.
        private: whether that may be at an address that is not public, where it has no asker.

    Raises:
        SetupError: the address is not https (``bad-provider``).

    Example:
        >>> Keys(issuer="https://accounts.example.org")
        <Keys https://accounts.example.org>
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        jwks: str | None = None,
        discovery: Discovery | None = None,
        asker: Asker | None = None,
        clock: Callable[[], float] = time.monotonic,
        private: bool = False,
    ) -> None:
        self.source: str = discovery.issuer if discovery is not None else str(jwks or issuer)
        if not is_sound(self.source, loopback=True):
            message = f"{self.source[:200]!r} is no address of a provider."
            raise SetupError([Fault("bad-provider", message, "Keys", "Write an address with https://.")])
        self._asker = asker or Asker(loopback=is_loopback(self.source), private=private)
        self._jwks = jwks
        self._discovery = discovery or Discovery(self.source, self._asker, clock=clock)
        self._kept: Kept[list[dict[str, Any]]] = Kept(self._fetch, clock)

    def find(self, algorithm: str, kid: str | None) -> list[dict[str, Any]]:
        """The keys that may have made a signature, as JWK (RFC 7517); one, but where a provider has used a name twice.

        Arguments:
            algorithm: what the signature is made by.
            kid: the key's name in the token; None where it has none, which does for a provider with one key.

        Raises:
            ProviderAway: the keys cannot be had.
            TokenInvalid: there is no such key.
        """
        keys = self._kept.fresh()
        found = _suitable(self._asker.away(self._kept.get) if keys is None else keys, algorithm, kid)
        if not found and self._kept.fresh(_UNKNOWN) is None:  # It may be a new one.
            found = _suitable(self._asker.away(lambda: self._kept.get(_UNKNOWN)), algorithm, kid)
        return _found(found, kid)

    def _fetch(self) -> list[dict[str, Any]]:
        address = self._jwks or self._discovery.blocking().get("jwks_uri")
        if not isinstance(address, str):
            raise ProviderAway("A provider of logins does not say where its keys are.")
        reply = self._asker.ask(address, None, {})
        keys = reply.json().get("keys") if reply.status == 200 else None
        if not isinstance(keys, list):
            raise ProviderAway("A provider of logins gives no keys.")
        return [each for each in keys[:_MOST_KEYS] if isinstance(each, dict)]

    def __repr__(self) -> str:
        return f"<Keys {self.source}>"


class GivenKeys(Keys):
    """Keys that an app's settings hold, for an issuer that nobody is to ask.

    Arguments:
        source: whose they are.
        keys: each as JWK.
    """

    def __init__(self, source: str, keys: Sequence[Mapping[str, Any]]) -> None:
        self.source = source
        self._given = [{**each} for each in keys]

    def find(self, algorithm: str, kid: str | None) -> list[dict[str, Any]]:
        """As `Keys.find`; none is looked for elsewhere."""
        return _found(_suitable(self._given, algorithm, kid), kid)


def _found(keys: list[dict[str, Any]], kid: str | None) -> list[dict[str, Any]]:
    if not keys or (kid is None and len(keys) > 1):
        raise TokenInvalid("no key of its name")
    return keys[:4]


def _type_of(algorithm: str) -> str:
    return _TYPES.get(algorithm[:2]) or _TYPES[algorithm[:1]]


def _suitable(keys: list[dict[str, Any]], algorithm: str, kid: str | None) -> list[dict[str, Any]]:
    kind = _type_of(algorithm)
    return [
        each
        for each in keys
        if each.get("kty") == kind
        and each.get("use", "sig") == "sig"
        and each.get("alg", algorithm) == algorithm
        and (kid is None or each.get("kid") == kid)
        and all(isinstance(each.get(name), str) for name in _PUBLIC[kind])
        and (kind != "RSA" or _RSA_BITS[0] <= _bits(each["n"]) <= _RSA_BITS[1])
    ]


def _bits(text: str) -> int:
    try:
        return int.from_bytes(_decoded(text), "big").bit_length()
    except ValueError:
        return 0


def decode(
    token: str,
    keys: Keys,
    *,
    algorithms: Collection[str],
    issuer: str | Callable[[Mapping[str, Any]], str],
    audience: str | Collection[str],
    leeway: float,
    now: float,
    nonce: str | None = None,
) -> dict[str, Any]:
    """The claims of a token, if it is good (RFC 7519 §7.2, RFC 8725, OpenID Connect Core 1.0 §3.1.3.7).

    Arguments:
        token: its text.
        keys: the issuer's.
        algorithms: by what it may be signed; each of `ALGORITHMS`.
        issuer: who must have made it, or what gives that by its claims.
        audience: for whom it must be; one of several is enough.
        leeway: seconds by which clocks may differ.
        now: the present moment, in seconds since 1970.
        nonce: what it must repeat.

    Raises:
        TokenInvalid: it is not good.
        ProviderAway: its keys cannot be had.
    """
    header = header_of(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in ALGORITHMS:
        raise TokenInvalid("its algorithm")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise TokenInvalid("the name of its key")
    found = keys.find(algorithm, kid)
    if not any(_is_signed(token, each, algorithm) for each in found):
        raise TokenInvalid("its signature")
    claims = _part(token, 1)
    wanted = issuer if isinstance(issuer, str) else issuer(claims)
    if claims.get("iss") != wanted:
        raise TokenInvalid("its issuer")
    _check_audience(claims.get("aud"), {audience} if isinstance(audience, str) else {*audience})
    _check_times(claims, leeway, now)
    if nonce is not None and claims.get("nonce") != nonce:
        raise TokenInvalid("its nonce")
    return claims


def header_of(token: str) -> dict[str, Any]:
    """What a token says of itself, once it has the form of one; nothing of it is proven yet.

    Raises:
        TokenInvalid: it has not, or has something in its header that would change how it is checked.
    """
    header = _part(token, 0)
    refused = next((each for each in _REFUSED if each in header), None)
    if refused is not None:
        raise TokenInvalid(f"{refused} in its header")
    return header


def claims_of(token: str) -> dict[str, Any]:
    """What a token claims, once it has the form of one; nothing of it is proven.

    Raises:
        TokenInvalid: it has not.
    """
    return _part(token, 1)


def type_of(token: str) -> str:
    """What kind of token it says to be, in small letters: ``jwt``, ``at+jwt`` (RFC 9068), ``logout+jwt``; else empty.

    Of a token that `decode` has taken, it is proven.
    """
    found = header_of(token).get("typ", "")
    return found.lower().removeprefix("application/") if isinstance(found, str) else "?"


def _part(token: str, number: int) -> dict[str, Any]:
    if len(token) > _LONGEST or token.count(".") != 2 or not token.isascii():
        raise TokenInvalid("its form")
    return _object(token.split(".")[number])


def _check_audience(found: object, wanted: set[str]) -> None:
    several = [found] if isinstance(found, str) else found
    if not isinstance(several, list) or not any(isinstance(each, str) and each in wanted for each in several):
        raise TokenInvalid("its audience")


def _check_times(claims: Mapping[str, Any], leeway: float, now: float) -> None:
    times: list[Any] = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
    if not all(map(_is_number, times)):
        raise TokenInvalid("its times")
    if times[0] + leeway <= now:
        raise TokenInvalid("it has ended")
    if max(times[1:]) - leeway > now:
        raise TokenInvalid("it has not begun")


def _is_number(value: object) -> bool:
    # A bool is an int; and nothing comes after NaN, so that such a token would never end.
    return not isinstance(value, bool) and isinstance(value, int | float) and -1e15 < value < 1e15


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenInvalid("its form")
    return found


def _decoded(part: str) -> bytes:
    if set(part) & set("+/="):
        raise binascii.Error
    return base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)


def _is_signed(token: str, key: Mapping[str, Any], algorithm: str) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from joserfc.errors import JoseError

    try:
        # Only what is public, of what the provider has published: nothing else of it changes the check.
        found = _imported(tuple((name, key[name]) for name in ("kty", *_PUBLIC[key["kty"]])))
        how = _algorithm(algorithm)
        how.check_key(found)
        signed, _, signature = token.rpartition(".")
        return bool(how.verify(signed.encode(), _decoded(signature), found))
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return False


@functools.lru_cache(64)
def _imported(public: tuple[tuple[str, str], ...]) -> Any:
    """A key made ready, which takes four times as long as a check by it."""
    from joserfc.jwk import import_key

    members: Any = dict(public)
    return import_key(members)


def _algorithm(name: str) -> Any:
    from joserfc.jws import JWSRegistry

    # Not by its `get_alg`, which warns of EdDSA's name, that providers still use.
    return JWSRegistry.algorithms[name]
