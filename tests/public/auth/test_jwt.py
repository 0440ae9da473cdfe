"""Tokens of another issuer: taken where they are good, refused whatever they say of themselves; its keys as they come."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from auth.issuer import AUDIENCE, NOW, Issuer, answer, key, part, public, signed
from auth.site import EMAIL, Site, User
from browsing import serving
from wholestack import App, Request, SetupError
from wholestack.auth import Identity, JWTIssuer, Tokens, permission
from wholestack.db import assert_queries

FIRST, SECOND = key("first"), key("second", "P-256")
CONFIGURATION = "/.well-known/openid-configuration"


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[Issuer]:
    with Issuer().running() as running:
        yield running


@pytest.fixture
def issuer(server: Issuer) -> Issuer:
    server.publish(FIRST, SECOND)
    server.asked.clear()
    return server


def now() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(NOW, datetime.UTC)


def made(interface: str = "asgi") -> Site:
    site = Site(interface, clock=now)
    app = site.app

    @app.get("/me")
    def me(user: User) -> str:
        return user.email

    @app.get("/async-me")
    async def async_me(user: User) -> str:
        return user.email

    @app.get("/ping")
    async def ping() -> str:
        return "pong"

    @app.get("/scopes")
    def scopes(identity: Identity[User]) -> list[bool]:
        return [identity.carries("blog.publish"), identity.can("blog.publish"), identity.by_token]

    @app.post("/publish", needs=permission("blog.publish"))
    def publish() -> str:
        return "published"

    return site


def link(site: Site, issuer: Issuer, subject: str = "zoe-7") -> None:
    """Zoe, as the issuer knows her."""
    user = site.make()
    site.grant(user, "editor", "blog.publish")
    with site.app.session() as db:
        db.add(site.auth.tables.external(user_id=user.id, issuer=issuer.address, subject=subject))


def running(site: Site, issuer: Issuer, *more: Any, **options: Any) -> Any:
    return site.running(JWTIssuer(issuer.address, AUDIENCE, private_addresses=True, **options), *more)


@pytest.fixture(scope="module")
def site(server: Issuer) -> Iterator[Site]:
    """For tests in which the issuer's keys stay what they are."""
    found = made()
    with running(found, server):
        link(found, server)
        yield found


ALGORITHMS = [("PS256", "RSA"), ("ES256", "P-256"), ("ES384", "P-384"), ("EdDSA", "Ed25519")]
OTHER = key("other")


class Realms:
    """One site that takes tokens of many issuers, so that it is sealed once: each test has one that is its own.

    Attributes:
        clock: by which the keys of some of them grow old.
    """

    def __init__(self, server: Issuer) -> None:
        self.server = server
        self.site = made()
        self.clock = Seconds()

    @contextlib.contextmanager
    def running(self) -> Iterator[Realms]:
        at, aging = self.server.address, {"clock": self.clock}
        options: dict[str, dict[str, Any]] = {
            "by-email": {"user": lambda claims, db: self.site.find(claims["email"]), "scopes": lambda it: it["groups"]},
            **{f"only-{alg}": {"algorithms": [alg]} for alg, _ in ALGORITHMS},
            "usual": {},
            "typed": {"types": ("at+jwt",)},
            **dict.fromkeys(("new", "back", "away", "odd", "many"), aging),
            "given": {"keys": public(FIRST)},
            "named": {"keys": f"{at}/named/keys"} | aging,
        }
        own = [JWTIssuer(f"{at}/{name}", AUDIENCE, private_addresses=True, **each) for name, each in options.items()]
        machines = JWTIssuer("machines", AUDIENCE, keys=public(OTHER), user=lambda claims, db: self.site.find())
        with self.site.running(*own, machines):
            yield self

    def __call__(self, name: str) -> tuple[Site, Issuer]:
        """The site with nobody but Zoe, whom the issuer of this name knows; what is known of its keys is too old."""
        self.clock.now += 1e6
        issuer = self.server.realm(name)
        link(self.site.anew(), issuer)
        return self.site, issuer


@pytest.fixture(scope="module")
def realms(server: Issuer) -> Iterator[Realms]:
    with Realms(server).running() as found:
        yield found


def status(site: Site, token: str, path: str = "/me") -> int:
    return site.other().get(path, headers={"authorization": f"Bearer {token}"}).status


# -- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_good_one_lets_its_user_in(issuer: Issuer, interface: str) -> None:
    site = made(interface)
    with running(site, issuer, Tokens()):
        link(site, issuer)
        token = signed(issuer.claims(scope="openid blog.publish"), FIRST)
        headers = {"authorization": f"Bearer {token}"}
        assert [site.client.get(path, headers=headers).text for path in ("/me", "/async-me")] == [EMAIL, EMAIL]
        with assert_queries(1):
            assert site.client.get("/me", headers=headers).status == 200
        assert site.client.post("/publish", headers=headers).status == 200
        assert site.client.get("/account", headers=headers).status == 403  # No session.
        # All of that with keys that were fetched once.
        assert issuer.asked == {CONFIGURATION: 1, "/keys": 1}
        site.user = User
        with site.app.session() as db:
            db.merge(site.find()).is_active = False
        assert status(site, token) == 401


def test_what_it_carries(site: Site, issuer: Issuer) -> None:
    told: list[tuple[dict[str, Any], bool]] = [
        ({}, False),
        ({"scope": "a blog.publish"}, True),
        ({"scope": "blog.publisher"}, False),
        ({"scope": "*"}, True),
        ({"scp": ["blog.publish", 7]}, True),
        ({"scp": "blog.publish"}, True),
        ({"scope": 7}, False),
        ({"scope": {"blog.publish": 1}}, False),
    ]
    for claims, carries in told:
        headers = {"authorization": f"Bearer {signed(issuer.claims(**claims), FIRST)}"}
        assert site.client.get("/scopes", headers=headers).json() == [carries, carries, True], claims


def test_who_it_is_and_what_it_carries_is_the_apps_say(realms: Realms) -> None:
    site, issuer = realms("by-email")
    site.anew().make()  # Of whom the issuer knows nothing.
    good = signed(issuer.claims(email=EMAIL, groups=["blog.publish"]), FIRST)
    headers = {"authorization": f"Bearer {good}"}
    assert site.client.get("/scopes", headers=headers).json() == [True, False, True]
    assert status(site, signed(issuer.claims(email="no@example.org", groups=[]), FIRST)) == 401


@pytest.mark.parametrize(("alg", "kind"), ALGORITHMS)
def test_each_algorithm_that_is_named(realms: Realms, alg: str, kind: str) -> None:
    (site, issuer), own = realms(f"only-{alg}"), key(f"own-{kind}", kind)
    issuer.publish(FIRST, own)
    assert status(site, signed(issuer.claims(), own, alg)) == 200
    assert status(site, signed(issuer.claims(), FIRST)) == 401


def test_the_edges_of_time_and_audience(site: Site, issuer: Issuer) -> None:
    for claims, expected in (
        ({"exp": NOW - 59}, 200),
        ({"exp": NOW - 60}, 401),
        ({"nbf": NOW + 60}, 200),
        ({"nbf": NOW + 61}, 401),
        ({"iat": NOW + 60}, 200),
        ({"iat": NOW + 61}, 401),
        ({"iat": None}, 200),
        ({"aud": ["https://other.example.org", AUDIENCE]}, 200),
    ):
        assert status(site, signed(issuer.claims(**claims), FIRST)) == expected, claims


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (
            "usual",
            {None: 200, "JWT": 200, "at+jwt": 200, "application/at+JWT": 200, "logout+jwt": 401, "dpop+jwt": 401},
        ),
        ("typed", {None: 401, "JWT": 401, "at+jwt": 200, "application/at+jwt": 200}),
    ],
)
def test_types(realms: Realms, name: str, taken: dict[str | None, int]) -> None:
    site, issuer = realms(name)
    assert {typ: status(site, signed(issuer.claims(), FIRST, typ=typ)) for typ in taken} == taken


# -- what is not -----------------------------------------------------------------------------------------------------


def by_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, hashlib.sha256)


def pem(by: Any) -> bytes:
    raw: bytes = by.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return raw


def attacks(issuer: Issuer) -> dict[str, str]:
    """Tokens that must not let anybody in, by what is tried."""
    claims, evil = issuer.claims(), key("first-of-another")
    good, ec = signed(claims, FIRST), signed(claims, SECOND, "ES256")
    head, body, signature = good.split(".")
    own: Any = evil.as_dict(private=False)
    found = {
        f"alg {alg}": signed(claims, lambda _: b"", alg, kid="first") for alg in ("none", "None", "NONE", "nOnE", "")
    }
    found |= {f"alg {alg!r}": signed(claims, lambda _: b"", alg, kid="first") for alg in (7, ["RS256"], {"a": 1}, True)}
    found |= {
        "alg is missing": signed(claims, lambda _: b"", None, kid="first"),  # type: ignore[arg-type]
        "HS256 with the public key": signed(claims, by_secret(pem(FIRST)), "HS256", kid="first"),
        "HS256 with the key's JSON": signed(
            claims, by_secret(json.dumps(FIRST.as_dict(private=False)).encode()), "HS256", kid="first"
        ),
        "HS256 with n": signed(claims, by_secret(FIRST.as_dict(private=False)["n"].encode()), "HS256", kid="first"),
        "HS256 with nothing": signed(claims, by_secret(b""), "HS256", kid="../../../../dev/null"),
        "another algorithm of the same key": signed(claims, FIRST, "RS512"),
        "PS256, which is not named": signed(claims, FIRST, "PS256"),
        "kid of the other key": signed(claims, FIRST, kid="second"),
        "kid unknown": signed(claims, evil, kid="nobody"),
        "kid as SQL": signed(claims, evil, kid="x' UNION SELECT 'first' --"),
        "kid as a path": signed(claims, evil, kid="/proc/self/environ"),
        "kid as an address": signed(claims, evil, kid="https://evil.example/keys#first"),
        "kid a number": signed(claims, FIRST, kid=1),
        "kid a list": signed(claims, FIRST, kid=["first"]),
        "no kid, and another's key": signed(claims, evil, kid=None),
        "jku": signed(claims, evil, jku="https://evil.example/keys", kid="first"),
        "x5u": signed(claims, evil, x5u="https://evil.example/cert", kid="first"),
        "jwk": signed(claims, evil, jwk=own, kid="first"),
        "jwk, good else": signed(claims, FIRST, jwk=own),
        "x5c": signed(claims, FIRST, x5c=["MIIB"]),
        "crit": signed(claims, FIRST, crit=["exp"]),
        "crit of nothing": signed(claims, FIRST, crit=[]),
        "b64": signed(claims, FIRST, b64=False),
        "zip": signed(claims, FIRST, zip="DEF"),
        "signed by another": signed(claims, evil, kid="first"),
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:100]}",
        "a signature of another": f"{head}.{body}.{signed(issuer.claims(sub='eve'), FIRST).split('.')[2]}",
        "changed claims": f"{head}.{part(issuer.claims(scope='*'))}.{signature}",
        "ES256 of nothing": f"{ec.rsplit('.', 1)[0]}.{part(bytes(64))}",
        "ES256 of its order": f"{ec.rsplit('.', 1)[0]}.{part(bytes.fromhex('ff' * 64))}",
        "ES256 by an RSA key": signed(claims, lambda _: bytes(64), "ES256", kid="first"),
        "of two parts": f"{head}.{body}",
        "of four parts": f"{good}.{signature}",
        "JWE": f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM', 'zip': 'DEF'})}.{part(b'k')}.{part(b'i')}.{part(b'c')}.x",
        "enc in a signed one": signed(claims, FIRST, enc="A256GCM"),
        "as JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        "padded": f"{head}=.{body}.{signature}",
        "spaces": f"{head}. {body}.{signature}",
        "header a list": f"{part(['RS256'])}.{body}.{signature}",
        "header no JSON": f"{part(b'{')}.{body}.{signature}",
        "header deep": f"{part(b'[' * 3000)}.{body}.{signature}",
        "claims a list": signed([claims], FIRST),
        "claims no JSON": signed(b"{}}", FIRST),
        "claims no text": signed(b"\xff\xfe", FIRST),
        "another issuer": signed(issuer.claims(iss="https://evil.example"), FIRST),
        "issuer with a slash": signed(issuer.claims(iss=f"{issuer.address}/"), FIRST),
        "issuer in a list": signed(issuer.claims(iss=[issuer.address]), FIRST),
        "no issuer": signed(issuer.claims(iss=None), FIRST),
        "typ of a logout": signed(claims, FIRST, typ="logout+jwt"),
        "typ a number": signed(claims, FIRST, typ=7),
        "large": signed(issuer.claims(more="x" * 20_000), FIRST)[:5_000],
    }
    wrong: dict[str, dict[str, Any]] = {
        "no exp": {"exp": None},
        "exp long ago": {"exp": NOW - 3600},
        "exp as text": {"exp": str(NOW + 300)},
        "exp true": {"exp": True},
        "exp without end": {"exp": float("inf")},
        "exp no number": {"exp": float("nan")},
        "exp in a list": {"exp": [NOW + 300]},
        "nbf ahead": {"nbf": NOW + 3600},
        "nbf as text": {"nbf": "0"},
        "iat ahead": {"iat": NOW + 3600},
        "iat null": {"iat": []},
        "no aud": {"aud": None},
        "another aud": {"aud": "https://other.example.org"},
        "aud longer": {"aud": f"{AUDIENCE}.evil.example"},
        "aud shorter": {"aud": AUDIENCE[:-1]},
        "aud in capitals": {"aud": AUDIENCE.upper()},
        "aud of others": {"aud": ["a", "b"]},
        "aud in a list in a list": {"aud": [[AUDIENCE]]},
        "aud a mapping": {"aud": {AUDIENCE: True}},
        "no sub": {"sub": None},
        "sub a number": {"sub": 7},
        "sub a list": {"sub": ["zoe-7"]},
        "another sub": {"sub": "eve-7"},
        "sub in capitals": {"sub": "ZOE-7"},
    }
    return found | {name: signed(issuer.claims(**each), FIRST) for name, each in wrong.items()}


def test_C16_no_token_is_taken_that_is_not_good(site: Site, issuer: Issuer) -> None:
    tokens = attacks(issuer)
    assert len(tokens) > 80
    assert status(site, signed(issuer.claims(), FIRST)) == status(site, signed(issuer.claims(), SECOND, "ES256")) == 200
    client = site.client
    found = {name: client.get("/me", headers={"authorization": f"Bearer {each}"}) for name, each in tokens.items()}
    assert {name: each.status for name, each in found.items() if each.status != 401} == {}
    assert {each.json()["code"] for each in found.values()} == {"token-refused"}  # It is not told why.
    assert issuer.asked["/keys"] <= 1


def test_C16_each_is_refused_in_less_than_10_ms(site: Site, issuer: Issuer) -> None:
    plugin = site.app.plugin(JWTIssuer)
    assert status(site, signed(issuer.claims(), FIRST)) == 200
    huge = [signed(issuer.claims(more="x" * 1_000_000), FIRST), "a." * 500_000, "." * 1_000_000, "é." * 2]
    tokens = [*huge, *(each for name, each in attacks(issuer).items() if "sub" not in name)]
    session: Any = None
    begin = time.thread_time()
    for each in tokens:
        with_error: Any = None
        try:
            assert plugin(each, Request("GET", "/"), session) is None
        except Exception as error:
            with_error = error
        assert with_error is None or with_error.status == 401
    assert (time.thread_time() - begin) / len(tokens) < 0.01


def test_why_one_is_refused_is_in_the_log_and_the_token_is_not(
    site: Site, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = signed(issuer.claims(exp=NOW - 100), FIRST)
    assert status(site, token) == 401
    assert "refused: it has ended" in caplog.text and token[-40:] not in caplog.text


def test_two_issuers_do_not_speak_for_each_other(realms: Realms) -> None:
    site, issuer = realms("usual")
    assert status(site, signed(issuer.claims(), FIRST)) == 200
    assert status(site, signed(issuer.claims(iss="machines"), OTHER)) == 200
    assert status(site, signed(issuer.claims(), OTHER)) == 401
    assert status(site, signed(issuer.claims(iss="machines"), FIRST)) == 401


# -- keys ------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_found_and_nobody_makes_it_ask_more_than_once_a_minute(realms: Realms) -> None:
    (site, issuer), clock, new = realms("new"), realms.clock, key("third")
    assert status(site, signed(issuer.claims(), FIRST)) == 200
    issuer.publish(new)
    assert [status(site, signed(issuer.claims(), key("third"), kid=f"k{each}")) for each in range(9)] == [401] * 9
    assert status(site, signed(issuer.claims(), new)) == 401 and issuer.asked["/keys"] == 1
    clock.now += 60
    assert status(site, signed(issuer.claims(), new)) == 200 and issuer.asked["/keys"] == 2
    assert status(site, signed(issuer.claims(), new, kid="nobody")) == 401 and issuer.asked["/keys"] == 2
    # The one that was taken back is dead.
    assert status(site, signed(issuer.claims(), FIRST)) == 401


def test_a_key_that_is_taken_back_is_dead_within_ten_minutes(realms: Realms) -> None:
    (site, issuer), clock = realms("back"), realms.clock
    token = signed(issuer.claims(), FIRST)
    assert status(site, token) == 200
    issuer.publish(SECOND)
    clock.now += 600
    assert status(site, token) == 401


def test_while_the_issuer_is_away_its_keys_are_good_for_an_hour(realms: Realms) -> None:
    (site, issuer), clock = realms("away"), realms.clock
    token = signed(issuer.claims(), FIRST)
    assert status(site, token) == 200
    issuer.answers["/keys"] = answer(500)
    clock.now += 3599
    assert status(site, token) == 200
    clock.now += 11
    refused = site.client.get("/me", headers={"authorization": f"Bearer {token}"})
    assert (refused.status, refused.json()["code"]) == (503, "provider-away")


def test_what_is_no_answer_of_the_issuer_gives_no_keys(realms: Realms) -> None:
    (site, issuer), clock, other = realms("odd"), realms.clock, Issuer()
    with other.running():
        other.publish(FIRST)
        described = issuer.answers[CONFIGURATION]
        wrong: dict[str, dict[str, Any]] = {
            "a redirect": {"/keys": answer(302, location=f"{other.address}/keys")},
            "another's description": {CONFIGURATION: described | {"issuer": other.address}},
            "a large one": {"/keys": answer(200, json.dumps(public(FIRST)).encode() + b" " * 1_100_000)},
            "no JSON": {"/keys": answer(200, b"<html>")},
            "no keys": {"/keys": {"keys": "none"}},
            "no address": {CONFIGURATION: {"issuer": issuer.address}},
            "plain http": {CONFIGURATION: described | {"jwks_uri": "http://example.org/keys"}},
        }
        found = {}
        for name, answers in wrong.items():
            issuer.publish(FIRST)
            issuer.answers |= answers
            clock.now += 4000  # What was found before is too old.
            found[name] = status(site, signed(issuer.claims(), FIRST))
        assert found == dict.fromkeys(wrong, 503)
        assert other.asked["/keys"] == 0
        issuer.publish(FIRST)
        clock.now += 4000
        assert status(site, signed(issuer.claims(), FIRST)) == 200


def test_many_who_come_first_ask_once(realms: Realms) -> None:
    site, issuer = realms("many")
    token = signed(issuer.claims(), FIRST)
    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(lambda _: status(site, token, "/async-me"), range(16))] == [200] * 16
    assert issuer.asked["/keys"] == 1


def test_the_loop_goes_on_while_keys_are_fetched(issuer: Issuer) -> None:
    site, begun, go_on = made(), threading.Event(), threading.Event()

    def slow(handler: Any) -> None:
        begun.set()
        assert go_on.wait(4)
        answer(200, json.dumps(public(FIRST)).encode())(handler)

    issuer.answers["/keys"] = slow
    with running(site, issuer), serving(site.app) as address, ThreadPoolExecutor(1) as threads:
        link(site, issuer)
        token = {"authorization": f"Bearer {signed(issuer.claims(), FIRST)}"}

        def ask(path: str) -> bytes:
            with urllib.request.urlopen(urllib.request.Request(f"{address}{path}", headers=token)) as answered:
                found: bytes = answered.read()
                return found

        first = threads.submit(ask, "/async-me")
        assert begun.wait(10)
        assert ask("/ping") == b"pong" and not first.done()
        go_on.set()
        assert first.result() == EMAIL.encode()


def test_keys_that_are_given_are_asked_of_nobody(realms: Realms) -> None:
    site, issuer = realms("given")
    assert status(site, signed(issuer.claims(), FIRST)) == 200
    assert status(site, signed(issuer.claims(), FIRST, kid=None)) == 200  # It is the only one.
    assert status(site, signed(issuer.claims(), FIRST, kid="nobody")) == 401
    assert not issuer.asked


def test_keys_at_an_address_need_no_description(realms: Realms) -> None:
    site, issuer = realms("named")
    assert status(site, signed(issuer.claims(), FIRST)) == 200
    assert status(site, signed(issuer.claims(), FIRST, kid=None)) == 200  # The only one for RS256.
    assert issuer.asked == {"/keys": 1}


@pytest.mark.filterwarnings("ignore:Key size")
def test_keys_that_are_too_weak_or_for_something_else(issuer: Issuer) -> None:
    weak, encrypts = FIRST.generate_key(1024, {"kid": "weak"}), FIRST.as_dict(private=False) | {"use": "enc"}
    site = made()
    other = JWTIssuer("other", AUDIENCE, keys={"keys": [encrypts]}, user=lambda claims, db: site.find())
    with running(site, issuer, other, keys=public(weak)):
        link(site, issuer)
        assert status(site, signed(issuer.claims(), weak)) == 401
        assert status(site, signed(issuer.claims(iss="other"), FIRST)) == 401


# -- how it is set up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "audience", "options"),
    [
        ("http://login.example.org", AUDIENCE, {}),
        ("login.example.org", AUDIENCE, {}),
        ("http://127.0.0.1:8080", AUDIENCE, {}),
        ("https://10.0.0.7", AUDIENCE, {}),
        ("machines", AUDIENCE, {"keys": "https://[::1]/keys"}),
        ("https://login.example.org", "", {}),
        ("https://login.example.org", AUDIENCE, {"algorithms": ["HS256"]}),
        ("https://login.example.org", AUDIENCE, {"algorithms": ["RS256", "none"]}),
        ("https://login.example.org", AUDIENCE, {"algorithms": []}),
        ("https://login.example.org", AUDIENCE, {"keys": "http://login.example.org/keys"}),
        ("machines", AUDIENCE, {"keys": {}}),
        ("machines", AUDIENCE, {"keys": {"keys": []}}),
        ("machines", AUDIENCE, {"keys": {"keys": ["a"]}}),
    ],
)
def test_what_cannot_be_set_up(issuer: str, audience: str, options: Any) -> None:
    with pytest.raises(SetupError, match="bad-issuer"):
        JWTIssuer(issuer, audience, **options)


def test_without_login_there_is_none() -> None:
    app, plugin = App(), JWTIssuer("https://login.example.org", AUDIENCE)
    app.use(plugin)
    assert repr(plugin) == "<JWTIssuer https://login.example.org>"
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()
