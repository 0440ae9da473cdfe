"""Login at a provider: the way there and back, over a real socket to a provider of the tests' own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.provider import CLIENT, SECRET, Provider, begin, changed, come, finish, plugin, said
from auth.site import BROWSER, EMAIL, Site, User
from elsewhere import ELSEWHERE
from wholestack import JSON, App, Response, SetupError
from wholestack.auth import OpenIDConnect, Tokens
from wholestack.mail import Mailing
from wholestack.testing import AsyncClient, Client, log_in


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture(scope="module")
def shared(running: Provider) -> Iterator[Site]:
    running.reset()
    known: Any = {"client_id": CLIENT, "client_secret": SECRET, "title": "Example", "private_addresses": True}
    with made().running(
        plugin(running, trusts_email=True),
        plugin(running, "other"),
        *(plugin(running, name, trusts_email=True) for name in ("headed", "posted")),
        plugin(running, "basic", authentication="basic", trusts_email=True),
        plugin(running, "public", client_secret=None, public=True, trusts_email=True),
        plugin(running, "informed", userinfo=True, trusts_email=True),
        OpenIDConnect("dead", "http://127.0.0.1:9", **known),
    ) as found:
        yield found


@pytest.fixture
def site(shared: Site, provider: Provider) -> Site:
    return shared.anew()


def made(interface: str = "asgi", **options: Any) -> Site:
    found = Site(interface, **options)

    @found.app.get("/me")
    async def me(user: User) -> str:
        return user.email

    return found


def asked(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


# -- the way -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_login_and_back_to_where_one_was_going(interface: str, provider: Provider) -> None:
    with made(interface).running(plugin(provider, title="Example Inc.", trusts_email=True)) as site:
        page = site.client.get("/account/login", query={"next": "/me"}, headers=BROWSER).text
        assert 'href="/account/external/example?next=%2Fme">Log in with Example Inc.</a>' in page
        assert come(site, provider, next="/me").headers["location"] == "/me"
        assert site.client.get("/me").text == EMAIL
        assert site.events() == ["account-made", "external-linked", "login"]
        there = provider.forms("/authorize")[0]
        assert (there["response_type"], there["client_id"], there["scope"]) == ("code", CLIENT, "openid email profile")
        other = site.other()
        assert come(site, provider, other).headers["location"] == "/"  # The same account, by its subject.
        assert other.get("/me").text == EMAIL and site.events()[-1] == "login"


def test_the_secret_is_shown_as_the_provider_says(site: Site, provider: Provider) -> None:
    for name, methods, way in (
        ("headed", None, "authorization"),
        ("posted", ["client_secret_post"], "client_secret"),
        ("basic", ["client_secret_post"], "authorization"),
    ):
        provider.description["token_endpoint_auth_methods_supported"] = methods
        assert come(site, provider, site.other(), name).headers["location"] == "/"
        shown = provider.forms("/token")[-1]
        assert {name for name in ("authorization", "client_secret") if shown.get(name)} == {way}


def test_an_app_without_a_secret(site: Site, provider: Provider) -> None:
    provider._knows = lambda form, authorization: form == {**form, "client_id": CLIENT} and not authorization  # type: ignore[method-assign]
    try:
        assert come(site, provider, name="public").headers["location"] == "/"
        assert "client_secret" not in provider.forms("/token")[-1]
    finally:
        del provider._knows


def test_who_is_logged_in_proves_it_once_more(site: Site, provider: Provider) -> None:
    come(site, provider)
    address = begin(site, next="/me").headers["location"]
    assert asked(address)["prompt"] == "login" and asked(address)["max_age"] == "0"
    assert finish(site, provider.visit(address)).headers["location"] == "/me"
    assert site.events()[-1] == "login-confirmed"
    provider.told["auth_time"] = int(time.time()) - 3600  # The provider has asked for nothing.
    assert come(site, provider, next="/me").headers["location"] == "/account/confirm-login?next=%2Fme"
    provider.told["auth_time"] = None
    assert come(site, provider).headers["location"] == "/account/confirm-login"
    provider.told.clear()
    provider.person["sub"] = "somebody-else"
    assert come(site, provider).headers["location"] == "/account/confirm-login"
    assert "not linked with your account" in site.client.get("/account", headers=BROWSER).text
    assert site.events().count("login-confirmed") == 1


def test_who_shows_a_token_proves_nothing_for_the_session_beside_it(provider: Provider) -> None:
    with made().running(plugin(provider, trusts_email=True), Tokens()) as site:
        come(site, provider)
        held = {"name": "x"}
        token = site.client.post("/account/tokens", json=held, headers={"sec-fetch-site": "same-origin"}).json()
        theirs = site.make("else@example.org")
        stolen = Client(site.app, headers={"authorization": f"Bearer {token['token']}"})
        log_in(stolen, theirs)
        assert come(site, provider, stolen).status == 403
        assert "login-confirmed" not in site.events()


def test_a_provider_that_says_no_is_heard(site: Site, provider: Provider) -> None:
    back = changed(provider.visit(begin(site).headers["location"]), code=None, error="access_denied")
    assert finish(site, back).headers["location"] == "/account/login"
    assert "Example: The login was cancelled there." in said(site)
    for error, shown in (("server_error", "(server_error)"), ("<b>x</b>", "(?)")):
        back = changed(provider.visit(begin(site).headers["location"]), code=None, error=error)
        assert finish(site, back).status == 303
        assert f"Example: The login was refused there {shown}." in said(site)
    assert not provider.forms("/token") and site.events() == ["external-refused"] * 3
    back = changed(provider.visit(begin(site).headers["location"]), code=None)
    assert finish(site, back).status == 303 and "could not be checked" in said(site)


def test_an_answer_that_comes_as_a_form(site: Site, provider: Provider) -> None:
    back = urlsplit(provider.visit(begin(site).headers["location"]))
    form = dict(parse_qsl(back.query))
    stranger = site.other()  # The form is sent by the provider's page, so that no cookie comes with it.
    answer = stranger.post(
        back.path, data=form, headers={"sec-fetch-site": "cross-site", "origin": "null"}, follow=False
    )
    assert answer.status == 303
    assert finish(site, f"http://testserver{answer.headers['location']}").headers["location"] == "/"


def test_what_nobody_knows_of_is_not_found(site: Site) -> None:
    assert begin(site, name="nobody").status == 404
    assert site.client.get("/account/external/nobody/callback", headers=BROWSER).status == 404


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_L1_no_state_but_this_browsers_and_once(site: Site, provider: Provider) -> None:
    back = provider.visit(begin(site).headers["location"])
    for wrong in (changed(back, state=None), changed(back, state=""), changed(back, state="A" * 43)):
        assert finish(site, wrong).headers["location"] == "/account/login"
        assert "begun in another browser" in said(site)
    thief = site.other()
    begin(site, thief)
    assert finish(site, back, thief).headers["location"] == "/account/login"  # The victim's answer in another browser.
    assert finish(site, back, site.other()).headers["location"] == "/account/login"  # In one that has begun nothing.
    assert not provider.forms("/token") and site.events() == []
    assert finish(site, back).headers["location"] == "/"
    assert finish(site, back).headers["location"] == "/account"  # Once more: it says so,
    assert len(provider.forms("/token")) == 1 and site.events().count("login") == 1  # and nothing happens.


def test_L1_a_state_ends(provider: Provider) -> None:
    import datetime

    moments = [datetime.datetime.now(datetime.UTC)]
    with made(clock=lambda: moments[-1]).running(plugin(provider)) as site:
        back = provider.visit(begin(site).headers["location"])
        moments.append(moments[0] + datetime.timedelta(minutes=10, seconds=1))
        finish(site, back)
        assert "too long ago" in said(site) and not provider.forms("/token")


def test_L1_a_state_of_another_provider(site: Site, provider: Provider) -> None:
    back = provider.visit(begin(site).headers["location"])
    assert finish(site, back.replace("/example/", "/other/")).headers["location"] == "/account/login"
    assert not provider.forms("/token")


def test_L2_the_nonce_is_this_browsers(site: Site, provider: Provider) -> None:
    for nonce in (None, "", "another", 7):
        provider.told["nonce"] = nonce
        assert come(site, provider).headers["location"] == "/account/login"
    assert "could not be checked" in said(site) and site.client.get("/me").status == 401
    assert site.events() == ["external-refused"] * 4


def test_L3_a_mix_up_of_providers(site: Site, provider: Provider) -> None:
    for iss in (None, "", "https://attacker.example"):
        back = changed(provider.visit(begin(site).headers["location"]), iss=iss)
        assert finish(site, back).headers["location"] == "/account/login"
    back = changed(
        provider.visit(begin(site).headers["location"]), code=None, error="access_denied", iss="https://a.example"
    )
    finish(site, back)
    assert "cancelled" not in said(site)
    assert not provider.forms("/token")  # The code goes to nobody.
    provider.description["issuer"] = "https://honest.example"
    with made().running(plugin(provider)) as other:
        assert begin(other).headers["location"] == "/account/login"  # One provider does not speak for another.
        assert "does not answer" in said(other)


def test_L4_another_browsers_code(site: Site, provider: Provider) -> None:
    stolen = asked(provider.visit(begin(site, site.other()).headers["location"]))["code"]
    back = changed(provider.visit(begin(site).headers["location"]), code=stolen)
    assert finish(site, back).headers["location"] == "/account/login"  # PKCE: it was asked for with another challenge.
    assert site.client.get("/me").status == 401


def test_L5_no_login_without_pkce(site: Site, provider: Provider) -> None:
    provider.description["code_challenge_methods_supported"] = ["plain"]
    address = begin(site).headers["location"]
    assert asked(address)["code_challenge_method"] == "S256" and len(asked(address)["code_challenge"]) == 43
    stripped = changed(address, code_challenge=None, code_challenge_method=None)
    assert finish(site, provider.visit(stripped)).headers["location"] == "/account/login"
    again = asked(begin(site).headers["location"])
    assert not [name for name in ("state", "nonce", "code_challenge") if again[name] == asked(address)[name]]
    sent = provider.forms("/token")[-1]
    assert len(sent["code_verifier"]) == 64  # It is always shown, and so a provider sees the downgrade.
    assert sent["code_verifier"] not in address


def test_L7_the_redirect_uri_is_the_apps_own(provider: Provider) -> None:
    site = made()
    site.mailing = Mailing("site@example.org", "memory:", base_url="https://site.example/below/")
    with site.running(plugin(provider)):
        for host in ("attacker.example", "testserver"):
            answer = site.client.get(
                "/account/external/example",
                headers={**BROWSER, "host": host, "x-forwarded-host": "attacker.example"},
                follow=False,
            )
            there = asked(answer.headers["location"])
            assert there["redirect_uri"] == "https://site.example/below/account/external/example/callback"


def test_L8_userinfo_of_somebody_else(site: Site, provider: Provider) -> None:
    for sub in ("the-boss", None, 7):
        provider.userinfo = {"sub": sub, "email": "boss@example.org", "email_verified": True}
        assert come(site, provider, name="informed").headers["location"] == "/account/login"
    provider.userinfo, provider.told = {}, {"at_hash": "A" * 22}
    assert come(site, provider, name="informed").headers["location"] == "/account/login"
    provider.told = {"at_hash": None, "email": None, "email_verified": None}
    assert come(site, provider, name="informed").headers["location"] == "/" and site.find(EMAIL)


def test_L8_userinfo_only_where_the_token_has_no_address(site: Site, provider: Provider) -> None:
    come(site, provider)
    assert not provider.forms("/userinfo")
    provider.told = {"email": None}
    come(site, provider, site.other())
    assert provider.forms("/userinfo")
    provider.answers["/userinfo"] = JSON({"error": "invalid_token"}, status=401)
    assert come(site, provider, site.other()).headers["location"] == "/account/login"
    provider.answers["/userinfo"] = JSON({}, status=502)
    assert come(site, provider, site.other()).headers["location"] == "/account/login"


def test_C22_next_leads_nowhere_else(site: Site, provider: Provider, long: bool) -> None:
    for target in ELSEWHERE if long else ELSEWHERE[::4]:
        if len(target) > 8192:
            assert begin(site, site.other(), next=target).status == 414
            continue
        browser = site.other()
        assert come(site, provider, browser, next=target).headers["location"] == "/", target
        assert come(site, provider, browser, next=target).headers["location"] == "/", target  # Proven once more.
    assert come(site, provider, site.other(), next="/me").headers["location"] == "/me"


def test_C4_the_session_is_another_after_the_login(site: Site, provider: Provider) -> None:
    back = provider.visit(begin(site).headers["location"])
    planted = site.client.cookies["session"]
    finish(site, back)
    assert site.client.cookies["session"] != planted
    thief = site.other()
    assert thief.get("/me", headers={"cookie": f"session={planted}"}).status == 401


# -- providers that do not answer --------------------------------------------------------------------------------------


def test_L9_a_dead_provider_is_a_message(site: Site, provider: Provider) -> None:
    assert begin(site, name="dead", next="/me").headers["location"] == "/account/login?next=%2Fme"
    assert "Example does not answer at the moment" in said(site)
    broken: list[Response] = [
        JSON({}, status=503),
        JSON({}, status=429),
        Response(b"<html>", media_type="text/html"),
        JSON(["no object"]),
        Response(b"x" * 1_000_001),
        Response(b"[" * 100_000, media_type="application/json"),
    ]
    for answer in broken:
        back = provider.visit(begin(site).headers["location"])
        provider.answers["/token"] = answer
        assert finish(site, back).headers["location"] == "/account/login"
        assert "does not answer at the moment" in said(site)
    provider.answers["/token"] = JSON({"error": "invalid_client"}, status=401)
    finish(site, provider.visit(begin(site).headers["location"]))
    assert "could not be checked" in said(site)
    for odd in ({"access_token": "a"}, {"id_token": "a.b.c", "token_type": "mac"}, {"id_token": "a.b.c"}):
        provider.answers["/token"] = JSON(odd)
        finish(site, provider.visit(begin(site).headers["location"]))
        assert "could not be checked" in said(site)


def test_L9_a_slow_provider_holds_nobody_up(provider: Provider) -> None:
    let_go = threading.Event()

    def slow() -> Response:
        assert let_go.wait(30)
        return JSON({"error": "invalid_grant"}, status=400)

    site = made()

    async def main() -> None:
        site.app.use(site.database, site.mailing, site.auth, plugin(provider))
        async with AsyncClient(site.app) as client:
            await asyncio.to_thread(site.database.create_tables)
            begun = await client.get("/account/external/example", headers=BROWSER, follow=False)
            back = urlsplit(await asyncio.to_thread(provider.visit, begun.headers["location"]))
            provider.answers["/token"] = slow
            waiting = asyncio.ensure_future(client.get(f"{back.path}?{back.query}", headers=BROWSER, follow=False))
            while not provider.forms("/token"):
                await asyncio.sleep(0.005)
            assert (await client.get("/me")).status == 401  # The loop goes on, and the database is free.
            assert not waiting.done()
            let_go.set()
            assert (await waiting).headers["location"] == "/account/login"

    try:
        asyncio.run(main())
    finally:
        let_go.set()


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "issuer", "options"),
    [
        ("Example", "https://a.example", {}),
        ("logout", "https://a.example", {}),
        ("a/b", "https://a.example", {}),
        ("example", "http://a.example", {}),
        ("example", "a.example", {}),
        ("example", "http://127.0.0.1:8080", {}),
        ("example", "https://localhost", {}),
        ("example", "https://10.0.0.7/realm", {}),
        ("example", "https://[::ffff:192.168.0.7]", {"private_addresses": False}),
        ("example", f"https://a.example/{'x' * 300}", {}),
        ("example", "https://a.example", {"algorithm": "HS256"}),
        ("example", "https://a.example", {"algorithm": "none"}),
    ],
)
def test_settings_that_are_wrong(name: str, issuer: str, options: Any) -> None:
    with pytest.raises(SetupError, match="bad-provider"):
        OpenIDConnect(name, issuer, client_id="a", client_secret="b", **options)


def test_what_must_be_said(provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def fault(*plugins: Any, mailing: Mailing | None = None) -> str:
        found = Site()
        found.mailing = mailing or found.mailing
        found.app.use(found.database, found.mailing, found.auth, *plugins)
        with pytest.raises(SetupError) as caught:
            found.app.seal()
        return str(caught.value)

    assert "[no-client]" in fault(plugin(provider, "my-firm", client_id=None, client_secret=None))
    assert "MY_FIRM_CLIENT_SECRET" in fault(plugin(provider, "my-firm", client_secret=None))
    assert "[bad-provider]" in fault(plugin(provider), plugin(provider))
    assert "[no-base-url]" in fault(plugin(provider), mailing=Mailing("a@example.org", "memory:"))
    alone = App()
    alone.use(plugin(provider))
    with pytest.raises(SetupError, match="no-plugin"):
        alone.seal()
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("MY_FIRM_CLIENT_ID", CLIENT)
    monkeypatch.setenv("MY_FIRM_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    with made().running(plugin(provider, "my-firm", client_id=None, client_secret=None, trusts_email=True)) as site:
        assert come(site, provider, name="my-firm").headers["location"] == "/"


def test_no_secret_is_shown(provider: Provider) -> None:
    made_plugin = plugin(provider)
    assert SECRET not in repr(made_plugin) and SECRET not in repr(vars(made_plugin).get("_registration"))
    assert SECRET not in repr(made_plugin.provider())


def test_no_token_of_a_provider_is_seen_by_a_browser(site: Site, provider: Provider) -> None:
    """ASVS 10.1.1: nor what the app shows at the provider: the secret, and the verifier of PKCE."""
    signed: list[str] = []

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed.append(provider._signed(header, claims))
        return signed[-1]

    provider.sign = sign
    answers = [begin(site, name="informed", next="/me")]
    back = provider.visit(answers[0].headers["location"])
    answers.append(finish(site, back))
    answers += [site.client.get(path, headers=BROWSER) for path in ("/me", "/account", "/account/external")]
    assert answers[2].text == EMAIL and len(signed) == 1 and len(provider.tokens) == 1
    exchange = provider.forms("/token")[-1]
    secrets = {*signed, *provider.tokens, SECRET, exchange["code_verifier"]}
    seen = " ".join(f"{[*answer.headers.items()]} {answer.text}" for answer in answers)
    assert not [each for each in secrets if each in seen or each in str(dict(site.client.cookies))]


def test_without_mailing_the_address_is_that_of_the_environment(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_URL", "https://notes.example")
    found = made()
    found.app.use(found.database, plugin(provider), found.auth)  # In any order.
    from wholestack.testing import Client

    with Client(found.app) as client:
        found.database.create_tables()
        address = client.get("/account/external/example", follow=False).headers["location"]
        assert asked(address)["redirect_uri"] == "https://notes.example/account/external/example/callback"
