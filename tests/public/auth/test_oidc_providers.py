"""Providers with what is particular to each; here they all live at the provider of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.provider import CLIENT, SECRET, Provider, begin, come, finish, said
from auth.site import EMAIL, Site
from wholestack import JSON, SetupError
from wholestack.auth import OpenIDConnect, apple, github, gitlab, google, keycloak, microsoft
from wholestack.db import select

# The provider of these tests is on this machine, which is not asked unless somebody says so.
KNOWN: Any = {"client_id": CLIENT, "client_secret": SECRET, "private_addresses": True}
OURS, OTHERS = "72f988bf-86f1-41af-91ab-2d7cd011db47", "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


def at(provider: Provider, plugin: OpenIDConnect) -> OpenIDConnect:
    plugin.issuer = provider.issuer
    return plugin


@pytest.fixture(scope="module")
def kept(running: Provider) -> Iterator[Site]:
    """With providers that need nothing of their own; those of one kind beside each other, by their names."""
    running.reset()
    own = (
        google(**KNOWN),
        google(workspaces=["example.org"], name="work", title="Work", **KNOWN),
        google(workspaces=["example.org", "example.com"], name="works", title="Work", **KNOWN),
        gitlab(roles={"group": "editor"}, trusts_email=True, **KNOWN),
        keycloak("https://login.example", "staff", **KNOWN),
    )
    hub = github(
        running.issuer,
        api=running.issuer,
        trusts_email=True,
        fields=lambda claims: {"nickname": claims["login"]},
        **KNOWN,
    )
    with Site().running(*(at(running, each) for each in own), hub) as site:
        yield site


@pytest.fixture
def site(kept: Site, provider: Provider) -> Site:
    return kept.anew()


def asked(provider: Provider) -> dict[str, str]:
    return provider.forms("/authorize")[-1]


def subjects(site: Site) -> list[tuple[str, str]]:
    external = site.auth.tables.external
    with site.app.session() as db:
        return [(row.issuer, row.subject) for row in db.scalars(select(external))]


def test_google_speaks_for_its_own_addresses(site: Site, provider: Provider) -> None:
    site.make()
    come(site, provider, name="google")  # An address elsewhere, that Google has seen proven once.
    assert subjects(site) == [] and "hd" not in asked(provider)
    provider.person["hd"] = "example.org"
    assert come(site, provider, name="google").headers["location"] == "/"
    assert subjects(site) == [(provider.issuer, "zoe-7")]
    provider.person = {"sub": "8", "email": "zoe@gmail.com", "email_verified": True}
    other = site.other()
    assert come(site, provider, other, name="google").headers["location"] == "/"
    provider.told["auth_time"] = None  # Google does not say it.
    assert come(site, provider, other, name="google").headers["location"] == "/"
    assert "prompt" not in asked(provider)


def test_google_for_one_workspace(site: Site, provider: Provider) -> None:
    for name, hint in (("work", "example.org"), ("works", "*")):
        site.anew()
        for hd in (None, "evil.example"):
            provider.person["hd"] = hd
            assert come(site, provider, name=name).headers["location"] == "/account/login"
            assert "Work: This login is not one of those" in said(site)
        assert asked(provider)["hd"] == hint
        provider.person["hd"] = "example.org"
        assert come(site, provider, name=name).headers["location"] == "/"


def test_microsoft_for_many_tenants(provider: Provider) -> None:
    provider.description["issuer"] = f"{provider.issuer}/{{tenantid}}/v2.0"
    plugin = microsoft("organizations", tenants=[OURS], url=provider.issuer, trusts_email=True, **KNOWN)
    provider.description["authorization_response_iss_parameter_supported"] = None
    with Site().running(plugin) as site:
        site.make()
        for tid, tenant in (
            (OTHERS, OTHERS),
            (OURS, OTHERS),
            (OTHERS, OURS),
            ("{tenantid}", "{tenantid}"),
            (None, "-"),
            ("", ""),
        ):
            provider.told = {"iss": f"{provider.issuer}/{tenant}/v2.0", "tid": tid, "xms_edov": True}
            assert arrive(site, provider).headers["location"] == "/account/login"
        provider.told = {"iss": f"{provider.issuer}/{OURS}/v2.0", "tid": OURS}
        arrive(site, provider)  # Its administrators may write any address (nOAuth).
        assert subjects(site) == []
        for edov in (False, "false", 0, "0", None):
            provider.told["xms_edov"] = edov
            arrive(site, provider)
            assert subjects(site) == []
        provider.told["xms_edov"] = "1"
        assert arrive(site, provider).headers["location"] == "/"
        assert subjects(site) == [(f"{provider.issuer}/{OURS}/v2.0", "zoe-7")]
        page = site.client.get("/account/external", headers={"accept": "text/html"}).text
        assert "<strong>Microsoft</strong>" in page and "ticket=" not in page


def arrive(site: Site, provider: Provider) -> Any:
    back = provider.visit(begin(site, name="microsoft").headers["location"])
    return finish(site, re.sub(r"&iss=[^&]*", "", back))


def test_microsoft_for_ones_own_tenant(provider: Provider) -> None:
    own = f"{provider.issuer}/{OURS}/v2.0"
    provider.description |= {"issuer": own, "authorization_response_iss_parameter_supported": None}
    provider.told["iss"] = own
    plugin = microsoft(OURS, url=provider.issuer, trusts_email=True, verifies_email=True, **KNOWN)
    with Site().running(plugin) as site:
        site.make()
        assert arrive(site, provider).headers["location"] == "/" and subjects(site) == [(own, "zoe-7")]
    assert "9188040d-6c67-4c5b-b112-36a304b66dad" in microsoft("consumers", **KNOWN).issuer


@pytest.mark.parametrize("plugin", [
    microsoft("contoso.com", **KNOWN),
    microsoft("common", verifies_email=True, **KNOWN),
    microsoft("organizations", verifies_email=True, **KNOWN),
])  # fmt: skip
def test_microsoft_settings_that_are_wrong(plugin: OpenIDConnect) -> None:
    site = Site()
    site.app.use(site.database, site.mailing, site.auth, plugin)
    with pytest.raises(SetupError, match="bad-provider"):
        site.app.seal()


def test_apple_is_shown_a_token_of_ours(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ECKey.generate_key("P-256")
    monkeypatch.setenv("APPLE_PRIVATE_KEY", key.as_pem(private=True).decode())
    provider._knows = lambda form, authorization: form["client_id"] == CLIENT and not authorization  # type: ignore[method-assign]
    provider.person |= {"email": "x7@privaterelay.appleid.com", "email_verified": "true"}
    try:
        with Site().running(at(provider, apple("TEAM", "KEY", client_id=CLIENT, private_addresses=True))) as site:
            assert come(site, provider, name="apple").headers["location"] == "/"
            assert asked(provider)["response_mode"] == "form_post" and asked(provider)["scope"] == "openid email name"
            shown = jwt.decode(provider.forms("/token")[-1]["client_secret"], key, algorithms=["ES256"])
            assert shown.header["kid"] == "KEY" and shown.claims["exp"] - shown.claims["iat"] == 300
            assert (shown.claims["iss"], shown.claims["sub"]) == ("TEAM", CLIENT)
            assert shown.claims["aud"] == provider.issuer
            assert site.find("x7@privaterelay.appleid.com")
            provider.person |= {"sub": "other", "email": EMAIL}
            assert "Look at your mail" in come(site, provider, site.other(), name="apple").text
    finally:
        del provider._knows


def test_gitlab_and_keycloak(site: Site, provider: Provider) -> None:
    assert repr(keycloak("https://login.example/auth/", "staff", **KNOWN)).endswith("login.example/auth/realms/staff>")
    site.grant(site.make(), "editor")
    provider.userinfo["groups"] = ["group"]
    come(site, provider, name="gitlab")
    assert provider.forms("/userinfo") and "roles-changed" not in site.events()
    page = site.other().get("/account/login", headers={"accept": "text/html"}).text
    assert "Log in with GitLab" in page and "Log in with Staff" in page


def test_github_by_its_api(site: Site, provider: Provider) -> None:
    assert come(site, provider, name="github", next="/x").headers["location"] == "/x"
    there = dict(parse_qsl(urlsplit(begin(site, site.other(), name="github").headers["location"]).query))
    assert there["scope"] == "read:user user:email" and there["code_challenge_method"] == "S256"
    assert subjects(site) == [(provider.issuer, "4711")] and site.find(EMAIL).nickname == "zoe"
    assert provider.forms("/token")[-1]["client_secret"] == SECRET
    assert site.client.get("/account/external", headers={"accept": "text/html"}).status == 200
    assert site.send("/account/external/logout").headers["location"] == "/account/login"
    ended = site.client.post("/account/external/github/ended", data={"logout_token": "a.b.c"})
    assert ended.status == 400


def test_L6_github_takes_the_primary_address_and_only_if_it_is_verified(site: Site, provider: Provider) -> None:
    site.make("boss@example.org")  # What the profile says is whatever its owner has written.
    site.make()
    for emails in (
        [],
        [{"email": EMAIL, "primary": True, "verified": False}],
        [{"email": EMAIL, "primary": False, "verified": True}],
        [{"email": EMAIL, "primary": "true", "verified": "true"}],
        [{"email": "no address", "primary": True, "verified": True}, "odd"],
    ):
        provider.emails = emails
        assert come(site, provider, name="github").headers["location"] == "/account/login"
        assert "not linked with an account" in said(site)
    for path, answer in (
        ("/user", JSON({"login": "zoe"})),
        ("/user", JSON({"id": "4711"})),
        ("/user", JSON({"id": True})),
        ("/user", JSON({}, status=401)),
        ("/user", JSON({}, status=500)),
        ("/user", JSON([])),
        ("/token", JSON({"error": "bad_verification_code"})),
        ("/token", JSON({"access_token": "with space"})),
        ("/token", JSON({})),
    ):
        provider.answers = {path: answer}
        assert come(site, provider, name="github").headers["location"] == "/account/login"
    provider.answers, provider.emails = {}, {"message": "no list"}
    assert come(site, provider, name="github").headers["location"] == "/account/login"
    assert subjects(site) == []


def test_where_githubs_api_is() -> None:
    for url, api in (
        ("https://github.com", "https://api.github.com"),
        ("https://git.example", "https://git.example/api/v3"),
    ):
        assert vars(github(url, **KNOWN))["api"] == api


def test_names_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORK_CLIENT_ID", CLIENT)
    monkeypatch.setenv("WORK_CLIENT_SECRET", SECRET)
    for made in (google(name="work"), gitlab(name="work"), github(name="work"), microsoft(OURS, name="work")):
        assert made.provider().name == "work"
