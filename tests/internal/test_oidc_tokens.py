"""Tokens that a provider has signed, and those that somebody would like to be taken for such."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from auth.provider import CLIENT, Provider, begin, come, finish, key, plugin, said
from auth.site import Site
from wholestack import JSON, SetupError
from wholestack.auth import ProviderAway
from wholestack.auth._jose import ALGORITHMS, Keys, TokenInvalid, decode

NOW = int(time.time())


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture(scope="module")
def site(running: Provider) -> Iterator[Site]:
    with Site().running(plugin(running, trusts_email=True)) as found:
        yield found


def claims(provider: Provider, **other: Any) -> dict[str, Any]:
    usual = {"iss": provider.issuer, "sub": "zoe-7", "aud": CLIENT, "iat": NOW, "exp": NOW + 300, "nonce": "n"}
    return {name: value for name, value in {**usual, **other}.items() if value is not None}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def checked(provider: Provider, token: str, keys: Keys | None = None, **other: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"algorithms": {"RS256"}, "issuer": provider.issuer, "audience": CLIENT}
    usual |= {"leeway": 60, "now": NOW, "nonce": "n"}
    return decode(token, keys or Keys(private=True, issuer=provider.issuer), **usual | other)


def hs256(secret: bytes) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    def sign(header: dict[str, Any], told: dict[str, Any]) -> str:
        signed = f"{part({**header, 'alg': 'HS256'})}.{part(told)}"
        digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    return sign


def by_rs256(header: dict[str, Any], told: Any, by: RSAKey | None = None) -> str:
    """Signed by hand: a library would refuse to make some of these."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signed = f"{part(header)}.{part(told)}"
    signature = (by or key("first")).get_op_key("sign").sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed_by(algorithm: str, by: Any, told: dict[str, Any]) -> str:
    signed = f"{part({'alg': algorithm, 'kid': algorithm})}.{part(told)}"
    how = JWSRegistry.algorithms[algorithm]
    return f"{signed}.{base64.urlsafe_b64encode(how.sign(signed.encode(), by)).rstrip(b'=').decode()}"


def forged(provider: Provider) -> dict[str, str]:
    """Each says to be from the provider, for this app, now."""
    good, usual = claims(provider), {"alg": "RS256", "kid": "first"}
    token = by_rs256(usual, good)
    header, payload, signature = token.split(".")
    pem, jwk = key("first").as_pem(private=False), key("first").as_dict(private=False)
    own = RSAKey.generate_key(2048, parameters={"kid": "mine"})
    encrypted = jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A128GCM"}, token, RSAKey.generate_key(2048))
    found = {f"alg {name}": f"{part({**usual, 'alg': name})}.{payload}." for name in ("none", "None", "nOnE", "")}
    found |= {
        f"alg {name} with its signature": f"{part({**usual, 'alg': name})}.{payload}.{signature}"
        for name in ("none", "RS512")
    }
    found |= {
        "no alg": f"{part({'kid': 'first'})}.{payload}.{signature}",
        "alg of a list": by_rs256({**usual, "alg": ["RS256"]}, good),
    }
    secrets: dict[str, bytes] = {"its PEM": pem, "its PEM cut": pem.strip(), "its modulus": str(jwk["n"]).encode()}
    secrets |= {"its JWK": json.dumps(jwk).encode(), "nothing": b"", "its name": b"first"}
    found |= {f"HS256 with {name}": hs256(secret)(usual, good) for name, secret in secrets.items()}
    mine: dict[str, Any] = {
        "jwk": own.as_dict(private=False),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x",
    }
    mine |= {"x5c": ["MII="], "crit": ["exp"], "b64": True, "zip": "DEF", "enc": "A128GCM"}
    found |= {f"{name} in its header": by_rs256({**usual, name: value}, good, own) for name, value in mine.items()}
    found |= {f"{name} with the right key": by_rs256({**usual, name: value}, good) for name, value in mine.items()}
    for kid in (
        "other",
        "../../../dev/null",
        "first' OR '1'='1",
        "http://evil.example/key",
        "FIRST",
        "first\x00",
        "x" * 400,
        7,
        ["first"],
        {},
    ):
        found[f"kid {str(kid)[:30]!r}"] = by_rs256(
            {"alg": "RS256", "kid": kid}, good, own if isinstance(kid, str) else None
        )
    found |= {
        "another key": by_rs256(usual, good, own),
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
    }
    found |= {
        "changed": f"{header}.{part({**good, 'sub': 'boss'})}.{signature}",
        "empty": "",
        "dots": "..",
        "more dots": f"{token}.x.y",
    }
    found |= {
        "padded": f"{token}==",
        "a space": f" {token}",
        "another alphabet": token.replace("_", "/").replace("-", "+") + "+",
    }
    found |= {
        "encrypted": encrypted,
        "1 MB": f"{header}.{'A' * 1_000_000}.{signature}",
        "letters": f"{header}.é.{signature}",
    }
    found |= {
        "a list": by_rs256(usual, [good]),
        "deep": f"{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.{payload}.{signature}",
    }
    for name, other in {
        "of another": {"iss": "https://evil.example"}, "of nobody": {"iss": None}, "of a longer name": {"iss": f"{provider.issuer}/"},
        "for another": {"aud": "another"}, "for nobody": {"aud": None}, "for none": {"aud": []}, "for an object": {"aud": {CLIENT: 1}},
        "for a part of it": {"aud": [CLIENT[:-1], CLIENT + "s"]}, "without an end": {"exp": None}, "ended": {"exp": NOW - 61},
        "an end as text": {"exp": str(NOW + 300)}, "an end that is true": {"exp": True}, "no number": {"exp": float("nan")},
        "without end": {"exp": float("inf")}, "not yet": {"nbf": NOW + 90}, "from tomorrow": {"iat": NOW + 86_400},
        "another nonce": {"nonce": "m"}, "no nonce": {"nonce": None}, "a beginning as text": {"nbf": "0"},
    }.items():  # fmt: skip
        found[name] = by_rs256(usual, claims(provider, **other))
    return found


def test_C16_no_forged_token_is_taken(provider: Provider) -> None:
    keys = Keys(private=True, issuer=provider.issuer)
    good = by_rs256({"alg": "RS256", "kid": "first", "typ": "JWT", "x5t": "abc"}, claims(provider, aud=["x", CLIENT]))
    assert checked(provider, good, keys)["sub"] == "zoe-7"
    taken, slowest = [], 0.0
    table = forged(provider)
    for name, token in table.items():
        begun = time.thread_time()
        try:
            checked(provider, token, keys)
            taken.append(name)
        except TokenInvalid as refused:
            assert token == "" or token not in str(refused)
        slowest = max(slowest, time.thread_time() - begun)
    assert taken == [] and len(table) > 60
    assert slowest < 0.25  # A second's quarter on any machine; it is a thousandth.
    assert provider.asked.count(("/jwks", {})) == 1  # Names of keys that nobody knows bring no storm of questions.


def test_C16_all_algorithms_each_only_where_it_is_said(provider: Provider) -> None:
    made: dict[str, Any] = {"RS256": key("first"), "PS256": key("plain"), "ES256": ECKey.generate_key("P-256")}
    made |= {"ES512": ECKey.generate_key("P-521"), "Ed25519": OKPKey.generate_key("Ed25519")}
    keys = [{**each.as_dict(private=True), "kid": name, "alg": name, "use": "sig"} for name, each in made.items()]
    keys.append({**keys[-1], "kid": "EdDSA", "alg": "EdDSA"})  # The name that providers still use.
    tokens = {name: signed_by(name, each, claims(provider)) for name, each in made.items()}
    tokens["EdDSA"] = signed_by("EdDSA", made["Ed25519"], claims(provider))
    keys += [{"kty": "oct", "kid": "RS256", "k": "AAAA"}, {"kty": "RSA", "kid": "odd"}]
    provider.answers["/jwks"] = JSON({"keys": [*keys, "no key"]})
    source = Keys(private=True, jwks=f"{provider.issuer}/jwks")
    for name, token in tokens.items():
        assert checked(provider, token, source, algorithms={name})["sub"] == "zoe-7"
        for other in ALGORITHMS - {name}:
            with pytest.raises(TokenInvalid, match="its algorithm"):
                checked(provider, token, source, algorithms={other})
    with pytest.raises(TokenInvalid, match="its algorithm"):  # Also where somebody wants it.
        checked(provider, hs256(b"x")({"kid": "RS256"}, claims(provider)), source, algorithms={"HS256"})
    with pytest.raises(TokenInvalid, match="its algorithm"):
        checked(provider, f"{part({'alg': 'none'})}.{part(claims(provider))}.", source, algorithms={"none"})


def test_C16_keys_that_are_not_for_this(provider: Provider) -> None:
    own = key("first").as_dict(private=False)
    token = by_rs256({"alg": "RS256", "kid": "first"}, claims(provider))
    nameless = by_rs256({"alg": "RS256"}, claims(provider))
    weak = {
        "kty": "RSA",
        "kid": "first",
        "e": "AQAB",
        "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("="),
    }
    for keys, first, second in (
        ([own], True, True),
        ([{**own, "use": "enc"}], False, False),
        ([{**own, "alg": "PS256"}], False, False),
        ([{**own, "kty": "EC"}], False, False),
        ([{**own, "n": 7}], False, False),
        ([{**own, "n": "+/"}], False, False),
        ([weak], False, False),
        ([{**own, "crv": "x", "kty": "EC", "x": "AA", "y": "AA"}], False, False),
        ([key("plain").as_dict(private=False), own], True, False),  # Without a name it must be clear which it is.
        ([{**key("plain").as_dict(private=False), "kid": "first"}, own], True, False),
        ([], False, False),
    ):
        provider.answers["/jwks"] = JSON({"keys": keys})
        source = Keys(private=True, issuer=provider.issuer)
        for text, taken in ((token, first), (nameless, second)):
            try:
                checked(provider, text, source)
                found = True
            except TokenInvalid:
                found = False
            assert found == taken, (keys, text is nameless)


def test_keys_are_kept_and_a_new_one_is_found(provider: Provider) -> None:
    moments = [0.0]
    keys = Keys(private=True, issuer=provider.issuer, clock=lambda: moments[0])
    old, new = (by_rs256({"alg": "RS256", "kid": name}, claims(provider), key(name)) for name in ("first", "second"))

    def asked() -> int:
        return len(provider.forms("/jwks"))

    checked(provider, old, keys)
    moments[0] += 30
    provider.keys.append(key("second"))
    with pytest.raises(TokenInvalid):  # At most once a minute, whatever names are shown.
        checked(provider, new, keys)
    assert asked() == 1
    moments[0] += 31
    checked(provider, new, keys)
    assert asked() == 2
    moments[0] += 599
    checked(provider, old, keys)
    assert asked() == 2
    provider.keys.remove(key("first"))
    moments[0] += 2
    with pytest.raises(TokenInvalid):  # A key that the provider has taken back.
        checked(provider, old, keys)
    assert asked() == 3


def test_what_is_kept_lasts_while_a_provider_is_away(provider: Provider) -> None:
    moments = [0.0]
    keys = Keys(private=True, jwks=f"{provider.issuer}/jwks", clock=lambda: moments[0])
    token = by_rs256({"alg": "RS256", "kid": "first"}, claims(provider))
    provider.answers["/jwks"] = JSON({}, status=503)
    for _ in range(3):
        with pytest.raises(ProviderAway):
            checked(provider, token, keys)
    assert len(provider.forms("/jwks")) == 1  # A provider that is down is not asked by each request.
    moments[0] += 11
    del provider.answers["/jwks"]
    checked(provider, token, keys)
    for answer in (JSON({}, status=503), JSON({"keys": 7}), JSON([])):
        provider.answers["/jwks"] = answer
        moments[0] += 611
        checked(provider, token, keys)
    moments[0] += 3600
    with pytest.raises(ProviderAway):
        checked(provider, token, keys)
    provider.description["jwks_uri"] = None
    with pytest.raises(ProviderAway):
        checked(provider, token, Keys(private=True, issuer=provider.issuer))
    with pytest.raises(SetupError, match="bad-provider"):
        Keys(jwks="http://keys.example/jwks")


def test_C16_at_the_login(site: Site, provider: Provider) -> None:
    """The same by the whole way, for what only an ID token says."""
    for header, told in (
        ({"typ": "at+jwt"}, {}),
        ({"typ": "logout+jwt"}, {}),
        ({"typ": 7}, {}),
        ({}, {"aud": [CLIENT, "another"]}),
        ({}, {"aud": [CLIENT, "another"], "azp": "another"}),
        ({}, {"azp": "another"}),
        ({}, {"iat": None}),
        ({}, {"iat": NOW - 700}),
        ({}, {"sub": None}),
        ({}, {"sub": ""}),
        ({}, {"sub": "x" * 256}),
        ({}, {"sub": "zoë"}),
        ({}, {"sub": "zoe\x00"}),
        ({}, {"sub": 7}),
        ({}, {"at_hash": "A" * 22}),
        ({}, {"at_hash": 7}),
    ):
        provider.header, provider.told = {"alg": "RS256", "kid": "first", **header}, told
        provider.sign = by_rs256
        assert come(site, provider).headers["location"] == "/account/login"
        assert "could not be checked" in said(site)
    provider.reset()
    for sign in (
        hs256(key("first").as_pem(private=False)),
        lambda header, told: f"{part({'alg': 'none'})}.{part(told)}.",
    ):
        provider.sign = sign
        assert finish(site, provider.visit(begin(site).headers["location"])).headers["location"] == "/account/login"
    provider.reset()
    provider.told = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert come(site, provider).headers["location"] == "/"
