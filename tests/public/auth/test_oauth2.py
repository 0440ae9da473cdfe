"""Login at a provider that speaks OAuth 2 alone: whose access token it is, an API of its own says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.provider import CLIENT, SECRET, Provider, begin, changed, come, finish, said
from auth.site import EMAIL, Site
from wholestack import JSON, SetupError
from wholestack.auth import OAuth2
from wholestack.db import select

KNOWN: Any = {"client_id": CLIENT, "client_secret": SECRET, "private_addresses": True}
PLACES: Any = {"authorize": "/authorize", "token": "token", "profile": "/userinfo"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    running.person = {"id": 4711, "email": EMAIL, "email_verified": True, "name": "Zoë"}
    return running


@pytest.fixture(scope="module")
def kept(running: Provider) -> Iterator[Site]:
    where = running.issuer
    plugins = (
        OAuth2("chat", where, trusts_email=True, scopes=("identify", "email"), **PLACES, **KNOWN),
        OAuth2("deep", where, subject="data.id", email="data.mail", verified="data.proven", trusts_email=True,
               authentication="post", **PLACES, **KNOWN),
        OAuth2("sure", where, verifies_email=True, trusts_email=True, parameters={"prompt": "consent"},
               fields=lambda claims: {"nickname": claims["name"]}, **PLACES, **KNOWN),
        OAuth2("whole", where, authorize=f"{where}/authorize", token=f"{where}/token", profile=f"{where}/userinfo",
               **KNOWN),
    )  # fmt: skip
    with Site().running(*plugins) as site:
        yield site


@pytest.fixture
def site(kept: Site, provider: Provider) -> Site:
    return kept.anew()


def subjects(site: Site) -> list[tuple[str, str]]:
    external = site.auth.tables.external
    with site.app.session() as db:
        return [(row.issuer, row.subject) for row in db.scalars(select(external))]


def test_the_way_there_and_back(site: Site, provider: Provider) -> None:
    assert come(site, provider, name="chat", next="/x").headers["location"] == "/x"
    assert subjects(site) == [(provider.issuer, "4711")] and site.find().email_confirmed_at is not None
    there = provider.forms("/authorize")[-1]
    assert (there["response_type"], there["scope"], there["code_challenge_method"]) == (
        "code",
        "identify email",
        "S256",
    )
    assert len(there["state"]) > 40 and "nonce" not in there
    [sent] = provider.forms("/token")
    assert sent["grant_type"] == "authorization_code" and "client_secret" not in sent
    assert base64.b64decode(sent["authorization"].removeprefix("Basic ")).startswith(CLIENT.encode())
    # Known by what it is called there, and not by its address.
    provider.person["email"] = "other@example.org"
    assert come(site, provider, site.other(), name="chat").headers["location"] == "/" and len(subjects(site)) == 1


def test_where_its_api_says_what(site: Site, provider: Provider) -> None:
    provider.person = {"data": {"id": "zoe-7", "mail": EMAIL, "proven": True}, "id": 1, "email_verified": True}
    assert come(site, provider, name="deep").headers["location"] == "/"
    assert subjects(site) == [(provider.issuer, "zoe-7")]
    assert (provider.forms("/token")[-1]["client_secret"], "scope" in provider.forms("/authorize")[-1]) == (
        SECRET,
        False,
    )
    provider.person["data"] = {"id": "bo-8", "mail": "bo@example.org", "proven": False}
    assert come(site, provider, site.other(), name="deep").headers["location"] == "/account/login"
    provider.person["data"] = "nothing"
    assert come(site, provider, site.other(), name="deep").headers["location"] == "/account/login"
    assert len(subjects(site)) == 1


def test_a_provider_that_has_proven_every_address(site: Site, provider: Provider) -> None:
    provider.person = {"id": 4711, "email": EMAIL, "name": "Zoë"}
    assert come(site, provider, name="sure").headers["location"] == "/"
    assert (site.find().nickname, provider.forms("/authorize")[-1]["prompt"]) == ("Zoë", "consent")


def test_L6_an_address_that_is_not_proven_opens_nothing(site: Site, provider: Provider) -> None:
    site.make()
    for told in (False, None, 1, "yes", "false"):
        provider.person["email_verified"] = told
        assert come(site, provider, name="chat").headers["location"] == "/account/login"
    provider.person |= {"email_verified": True, "email": "no address"}
    assert come(site, provider, name="chat").headers["location"] == "/account/login"
    # Not trusted: a mail proves it, and nobody is told that there is an account.
    provider.person["email"] = EMAIL
    assert "mail" in come(site, provider, name="whole").text and subjects(site) == []


@pytest.mark.parametrize("told", [None, True, "", 1.5, "ä", "x" * 256, ["4711"], {"id": 1}, "a\nb"])
def test_what_is_no_name_for_ever(site: Site, provider: Provider, told: object) -> None:
    provider.person["id"] = told
    assert come(site, provider, name="chat").headers["location"] == "/account/login"
    assert "could not be checked" in said(site) and subjects(site) == []


def test_answers_that_are_not_good(site: Site, provider: Provider) -> None:
    bent: list[tuple[str, Any]] = [
        ("/token", JSON({"error": "invalid_grant"}, status=400)),
        ("/token", JSON({"access_token": 7})),
        ("/token", JSON({"access_token": "a b"})),
        ("/token", JSON({"access_token": "abc", "token_type": "mac"})),
        ("/userinfo", JSON({"id": 1}, status=401)),
    ]
    for path, answer in bent:
        provider.answers = {path: answer}
        assert come(site, provider, name="chat").headers["location"] == "/account/login", answer
        assert "could not be checked" in said(site)
    provider.answers = {"/userinfo": JSON({}, status=502)}
    come(site, provider, name="chat")
    assert "does not answer" in said(site)
    provider.answers = {"/userinfo": JSON([1])}
    come(site, provider, name="chat")
    assert subjects(site) == []


def test_C16_attacks_on_the_way_back(site: Site, provider: Provider) -> None:
    """Another's code, another browser's state, a state twice, another provider's answer (mix-up), a code of another."""
    site.make("mallory@example.org")
    answer = begin(site, name="chat")
    back = provider.visit(answer.headers["location"])
    stranger = site.other()
    assert finish(site, back, stranger).headers["location"] == "/account/login", "another browser's state"
    assert finish(site, changed(back, state="x")).headers["location"] == "/account/login"
    assert finish(site, changed(back, iss="https://evil.example")).headers["location"] == "/account/login", "mix-up"
    assert finish(site, back).headers["location"] == "/account/login", "its state is used up"
    # A code that was made for another's flow: the verifier does not fit (PKCE).
    theirs = dict(parse_qsl(urlsplit(provider.visit(begin(site, stranger, name="chat").headers["location"])).query))
    mine = provider.visit(begin(site, name="chat").headers["location"])
    assert finish(site, changed(mine, code=theirs["code"])).headers["location"] == "/account/login", "code injection"
    # The state of one provider at the callback of another.
    mine = provider.visit(begin(site, name="chat").headers["location"])
    assert finish(site, mine.replace("/external/chat/", "/external/sure/")).headers["location"] == "/account/login"
    assert subjects(site) == []


def test_addresses_that_are_none() -> None:
    ways: Any = {"authorize": "/a", "token": "/t", "profile": "/p", "client_id": "x", "client_secret": "y"}
    for other in (
        {"token": "http://chat.example/t"},
        {"profile": "https://[::1"},
        {"authorize": "javascript:alert(1)"},
        {"token": "https://user:pass@chat.example/t"},
        {"profile": "https://10.0.0.1/p"},
    ):
        with pytest.raises(SetupError, match="bad-provider"):
            OAuth2("chat", "https://chat.example", **{**ways, **other})
    with pytest.raises(SetupError, match="bad-provider"):
        OAuth2("Chat", "https://chat.example", **ways)
    for option in ("algorithm", "userinfo", "reauthenticates", "logs_out", "two_factors", "nonsense"):
        with pytest.raises(SetupError, match=f"{option}=… means nothing"):
            OAuth2("chat", "https://chat.example", **ways, **{option: "RS256"})
    with pytest.raises(SetupError, match="not said whole"):
        OAuth2("chat", "https://chat.example", **{name: way for name, way in ways.items() if name != "token"})
    made = OAuth2("chat", "https://chat.example/base", **ways)
    assert repr(made) == "<OAuth2 chat at https://chat.example/base>"
    assert vars(made)["_endpoints"].token == "https://chat.example/t"
