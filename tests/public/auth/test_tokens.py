"""Tokens for programs: made once, carried by what they were given, dead at once; and what must not get in by them."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import re
import string
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from auth.site import BROWSER, EMAIL, Numbered, Site, User, errors
from servers.serving import until
from wholestack import App, SetupError
from wholestack.auth import Identity, Tokens, logged_in, permission
from wholestack.db import assert_queries, select
from wholestack.testing import Client

TOKEN = re.compile(r"wst_[0-9A-Za-z]{49}")
SCOPES = {"blog.publish": "Publish posts", "blog.read": "Read drafts", "shop.close": "Close the shop"}


@dataclasses.dataclass
class Clock:
    now: datetime.datetime = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def on(self, **times: float) -> None:
        self.now += datetime.timedelta(**times)


def made(interface: str = "asgi", user: Any = User) -> tuple[Site, Clock]:
    clock = Clock()
    site = Site(interface, user, clock=clock)
    app = site.app

    @app.get("/me")
    def me(user: user) -> str:  # type: ignore[valid-type]
        return user.email  # type: ignore[attr-defined, no-any-return]

    @app.get("/async-me")
    async def async_me(user: user) -> str:  # type: ignore[valid-type]
        return user.email  # type: ignore[attr-defined, no-any-return]

    @app.get("/anybody")
    def anybody(identity: Identity[Any]) -> str:
        return "nobody" if identity.user is None else "somebody"

    @app.post("/publish", needs=permission("blog.publish"))
    def publish() -> str:
        return "published"

    @app.get("/hint", needs=logged_in)
    def hint(identity: Identity[Any]) -> dict[str, Any]:
        return {"token": identity.token and identity.token.hint, "by_token": identity.by_token}

    return site, clock


@pytest.fixture(scope="module", params=["asgi", "wsgi", "rsgi"])
def each_kept(request: pytest.FixtureRequest) -> Iterator[tuple[Site, Clock]]:
    found, clock = made(request.param)
    with found.running(Tokens()):
        yield found, clock


@pytest.fixture
def each_site(each_kept: tuple[Site, Clock]) -> Site:
    return begun_anew(*each_kept)


@pytest.fixture
def site(here: tuple[Site, Clock, Tokens]) -> Site:
    return here[0]


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Site, Clock, Tokens]]:
    found, clock = made()
    tokens = Tokens(scopes=SCOPES, most=3)
    with found.running(tokens):
        yield found, clock, tokens


@pytest.fixture
def here(kept: tuple[Site, Clock, Tokens]) -> tuple[Site, Clock, Tokens]:
    begun_anew(*kept[:2])
    return kept


def begun_anew(site: Site, clock: Clock) -> Site:
    """The site on its first day, with an editor."""
    clock.now = Clock.now
    site.anew().grant(site.make(), "editor", "blog.publish", "blog.read")
    return site


def token_of(site: Site, tokens: Tokens | None = None, email: str = EMAIL, **options: Any) -> str:
    """A token that was made in Python."""
    with site.app.session() as db:
        user = db.scalar(select(site.user).where(site.user.email == email))
        return (tokens or site.app.plugin(Tokens)).make(user, "ci", **options)


def shown(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


def status(client: Client, token: str, path: str = "/me") -> int:
    return client.get(path, headers=shown(token)).status


def row(site: Site) -> Any:
    with site.app.session() as db:
        return db.scalar(select(site.auth.tables.token))


# -- making ----------------------------------------------------------------------------------------------------------


def test_a_person_makes_one_on_a_page_and_sees_it_once(each_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site = each_site
    caplog.set_level(logging.DEBUG)
    site.log_in()
    assert "You have no tokens." in site.client.get("/account/tokens", headers=BROWSER).text
    form = site.client.get("/account/tokens/new", headers=BROWSER).text
    assert 'value="blog.publish"' in form and 'name="days" id="f-days" min="1" max="36500" value="90"' in form
    answer = site.send("/account/tokens", name="ci", scopes="blog.publish", days=30)
    assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
    (token,) = {*TOKEN.findall(answer.text)}
    page = site.client.get("/account/tokens", headers=BROWSER).text
    assert token not in page and token[:8] in page and "2030-01-31" in page and "blog.publish" in page
    other = site.other()
    for path in ("/me", "/async-me"):
        assert other.get(path, headers=shown(token)).text == EMAIL
    assert other.get("/hint", headers=shown(token)).json() == {"token": token[:8], "by_token": True}
    mail = site.mails[-1]
    assert mail.subject == "A token for programs was made" and token[:8] in mail.text and "2030-01-31" in mail.text
    assert site.events() == ["login", "token-made"]
    assert ">1<br>" in site.client.get("/account", headers=BROWSER).text.replace("\n", "")  # The line of the account.
    # Nothing that is kept, mailed or logged opens anything.
    kept = row(site)
    assert (len(kept.digest), kept.hint) == (64, token[:8])
    assert token not in mail.text + caplog.text + repr(vars(kept)) + site.client.get("/account/export").text


def test_a_program_that_is_logged_in_gets_the_same_as_json(here: tuple[Site, Clock, Tokens]) -> None:
    site, clock, _ = here
    site.log_in()
    new = site.client.post("/account/tokens", json={"name": "ci", "scopes": ["blog.read"]}).expect(201).json()
    assert TOKEN.fullmatch(new.pop("token"))
    assert new["expires_at"] == "2030-04-01T12:00:00Z"  # 90 days, where nobody says so.
    assert site.client.get("/account/tokens").json() == [new]
    assert site.client.delete(f"/account/tokens/{new['id']}").status == 204
    assert site.client.delete(f"/account/tokens/{new['id']}").status == 404
    assert site.client.get("/account/tokens").json() == []
    assert site.events()[-1] == "token-revoked"


def test_one_is_made_in_python_for_a_service(here: tuple[Site, Clock, Tokens]) -> None:
    site, clock, tokens = here
    with site.app.session() as db:
        robot = User(email="deploy@service.invalid")
        db.add(robot)
        forever = tokens.make(robot, "deploy", days=None)
        short = tokens.make(robot, "deploy", days=1)
    clock.on(days=2)
    assert site.client.get("/me", headers=shown(forever)).text == "deploy@service.invalid"
    assert status(site.client, short) == 401
    assert site.events() == ["token-made", "token-made"] and site.mails == []
    clock.on(days=40_000)
    assert status(site.client, forever) == 200


def test_users_by_numbers_have_them_too() -> None:
    site, _ = made(user=Numbered)
    with site.running(Tokens("acme")):
        site.make()
        token = token_of(site)
        assert token.startswith("acme_") and status(site.client, token) == 200


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_a_name_that_cannot_be(here: tuple[Site, Clock, Tokens], name: str) -> None:
    site, _, tokens = here
    with site.app.session() as db, pytest.raises(ValueError, match="1 to 255"):
        tokens.make(db.merge(site.find()), name)


@pytest.mark.parametrize("days", [0, -1, float("nan")])
def test_days_that_are_none(here: tuple[Site, Clock, Tokens], days: float) -> None:
    site, _, tokens = here
    with site.app.session() as db, pytest.raises(ValueError, match="more days"):
        tokens.make(db.merge(site.find()), "ci", days=days)


def test_a_user_in_no_session(here: tuple[Site, Clock, Tokens]) -> None:
    _, _, tokens = here
    for call in (lambda: tokens.make(User(email="a@example.org"), "ci"), lambda: tokens.revoke(User(email="a@b.org"))):
        with pytest.raises(ValueError, match="session"):
            call()


def test_the_text_is_one_that_scanners_know(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, tokens = here
    token = token_of(site)
    assert TOKEN.fullmatch(token) and token != token_of(site)
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    number = 0
    for each in token[-6:]:
        number = number * 62 + digits.index(each)
    assert number == zlib.crc32(token[:-6].encode())
    assert repr(tokens) == "<Tokens wst_…>"


@pytest.mark.parametrize("prefix", ["", "w", "Wst", "9st", "a_b", "a b", "x" * 17])
def test_a_prefix_that_is_none(prefix: str) -> None:
    with pytest.raises(SetupError, match="bad-token-prefix"):
        Tokens(prefix)


def test_without_login_there_are_none() -> None:
    app = App()
    app.use(Tokens())
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()


# -- what may be asked for -------------------------------------------------------------------------------------------


def test_one_may_choose_what_one_has(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, _ = here
    site.log_in()
    form = site.client.get("/account/tokens/new", headers=BROWSER).text
    assert "Publish posts" in form and "Read drafts" in form and "Close the shop" not in form
    refused = site.send("/account/tokens", name="ci", scopes="shop.close")
    assert refused.status == 422 and "Choose one of the options." in errors(refused)
    assert site.client.post("/account/tokens", json={"name": "ci", "scopes": ["*", "shop.close"]}).status == 422
    assert "At most 365 days." in errors(site.send("/account/tokens", name="ci", days=366))
    assert site.send("/account/tokens", name="", days=1).status == 422
    assert row(site) is None
    for _ in range(3):
        assert site.send("/account/tokens", name="ci", scopes="").status == 201
    assert "as many tokens" in "".join(errors(site.send("/account/tokens", name="ci")))


def test_a_superuser_may_give_all_that_has_a_name(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, _ = here
    site.make("root@example.org", is_superuser=True)
    site.log_in("root@example.org")
    assert "Close the shop" in site.client.get("/account/tokens/new", headers=BROWSER).text


# -- attacks ---------------------------------------------------------------------------------------------------------


def test_C18_it_never_carries_more_than_its_owner_has(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, _ = here
    client = site.client

    def publishes(token: str) -> int:
        return client.post("/publish", headers=shown(token)).status

    some, all_, none = token_of(site, scopes=["blog.publish"]), token_of(site, scopes=["*"]), token_of(site)
    assert [publishes(each) for each in (some, all_, none)] == [200, 200, 403]
    assert publishes(token_of(site, scopes=["shop.close"])) == 403
    tables = site.auth.tables
    with site.app.session() as db:
        db.execute(update(tables.role).values(permissions=["blog.read"]))
    assert [publishes(each) for each in (some, all_)] == [403, 403]
    with site.app.session() as db:
        db.execute(update(User).values(is_superuser=True))
    assert [publishes(each) for each in (some, all_, none)] == [200, 200, 403]


def test_C18_nobody_ends_or_sees_anothers(site: Site) -> None:
    token = token_of(site)
    site.make("eve@example.org")
    eve = site.other()
    site.log_in("eve@example.org", client=eve)
    key = row(site).id
    assert eve.delete(f"/account/tokens/{key}").status == 404
    assert site.send(f"/account/tokens/{key}/revoke", eve).status == 404
    assert eve.get("/account/tokens").json() == []
    assert status(eve, token) == 200


def test_C5_a_revoked_one_is_dead_with_the_next_request(site: Site) -> None:
    site.log_in()
    token = token_of(site)
    assert status(site.other(), token) == 200
    answer = site.send(f"/account/tokens/{row(site).id}/revoke")
    assert (answer.status, answer.headers["location"]) == (303, "/account/tokens")
    assert "The token is revoked." in site.client.get("/account/tokens", headers=BROWSER).text
    assert status(site.other(), token) == 401


def test_C5_a_user_who_is_closed_out_has_no_tokens(each_site: Site) -> None:
    site = each_site
    token = token_of(site)
    for active, expected in ((False, 401), (True, 200)):
        with site.app.session() as db:
            db.execute(update(User).values(is_active=active))
        assert [status(site.client, token, path) for path in ("/me", "/async-me", "/anybody")] == [expected] * 3
    with site.app.session() as db:
        assert site.app.plugin(Tokens).revoke(db.merge(site.find())) == 1
    assert status(site.client, token) == 401


def test_the_trail_has_the_end_of_each_wherever_it_came_from(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, tokens = here
    token_of(site)
    one = row(site).id
    for _ in range(2):
        token_of(site)
    site.make("eve@example.org")
    token_of(site, email="eve@example.org")
    with site.app.session() as db:
        user = db.merge(site.find())
        assert [tokens.revoke(user, key=one) for _ in range(2)] == [1, 0]
        assert tokens.revoke(user) == 2 and tokens.revoke(user) == 0
    event = site.auth.tables.event
    with site.app.session() as db:
        ended = db.execute(select(event.user, event.details).where(event.kind == "token-revoked")).all()
    assert [user for user, _ in ended] == [site.find().key] * 3
    assert {details["name"] for _, details in ended} == {"ci"} and all(details["hint"] for _, details in ended)


def test_an_expired_one_is_dead_and_says_so_on_the_page(here: tuple[Site, Clock, Tokens]) -> None:
    site, clock, _ = here
    token = token_of(site, days=1)
    clock.on(hours=23, minutes=59)
    assert status(site.client, token) == 200
    clock.on(minutes=1)
    refused = site.client.get("/me", headers=shown(token))
    assert (refused.status, refused.json()["code"]) == (401, "token-refused")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    site.log_in()
    assert ">ended<" in site.client.get("/account/tokens", headers=BROWSER).text


def test_what_is_no_token_is_refused_and_the_database_not_asked(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, _ = here
    token = token_of(site)
    forged = [
        token[:-1],
        token + "A",
        token[:-1] + ("a" if token[-1] != "a" else "b"),
        token[:10] + ("a" if token[10] != "a" else "b") + token[11:],
        token.swapcase(),
        token.upper(),
        "wst_",
        "wst_" + "0" * 49,
        "wst_" + "é" * 49,
        f"{token} {token}",
        token[4:],
        "",
        "x" * 6_000,
        "null",
    ]
    with assert_queries(0):
        answers = [site.client.get("/anybody", headers={"authorization": f"Bearer {each}"}) for each in forged]
    assert {each.status for each in answers} == {401}


def test_a_bad_token_beside_a_good_session_is_refused(site: Site) -> None:
    site.log_in()
    assert site.client.get("/me").status == 200
    for path in ("/me", "/async-me", "/anybody"):
        assert status(site.client, "wst_" + "0" * 49, path) == 401


def test_C1_a_token_needs_no_guard_and_a_cookie_does(site: Site) -> None:
    site.log_in()
    token, elsewhere = token_of(site, scopes=["*"]), {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert site.client.post("/publish", headers=elsewhere).status == 403
    assert site.other().post("/publish", headers=shown(token, **elsewhere)).status == 200
    assert site.client.post("/publish", headers=shown(token)).status == 200


def test_no_token_makes_or_ends_tokens(site: Site) -> None:
    token = token_of(site, scopes=["*"])
    client, key = site.other(), row(site).id
    assert client.post("/account/tokens", json={"name": "more"}, headers=shown(token)).status == 403
    assert client.delete(f"/account/tokens/{key}", headers=shown(token)).status == 403
    assert [status(client, token, path) for path in ("/account/tokens", "/account/tokens/new", "/account")] == [403] * 3
    assert status(client, token) == 200


def test_making_one_needs_a_recent_login(here: tuple[Site, Clock, Tokens]) -> None:
    site, clock, _ = here
    site.log_in()
    clock.on(minutes=11)
    refused = site.client.post("/account/tokens", json={"name": "ci"})
    assert (refused.status, refused.json()["code"]) == (403, "login-too-old")
    asked = site.client.get("/account/tokens/new", headers=BROWSER, follow=False)
    assert asked.headers["location"] == "/account/confirm-login?next=%2Faccount%2Ftokens%2Fnew"
    assert row(site) is None
    assert site.client.get("/account/tokens").status == 200


def test_whoever_has_not_proven_the_address_leaves_no_token_there() -> None:
    site, _ = made()
    site.auth.must_confirm = False
    with site.running(Tokens()):
        site.make(email_confirmed_at=None)
        with site.app.session() as db:
            db.execute(update(User).values(email_confirmed_at=None))
        site.log_in()
        assert site.client.get("/me").status == 200
        assert site.client.post("/account/tokens", json={"name": "ci"}).status == 403
        assert row(site) is None


# -- what it costs ---------------------------------------------------------------------------------------------------


def test_one_query_finds_token_and_user_and_a_use_is_noted_each_minute(here: tuple[Site, Clock, Tokens]) -> None:
    site, clock, _ = here
    token = token_of(site)
    before = clock.now
    assert status(site.client, token) == 200
    assert until(lambda: row(site).last_used_at == before, 5)
    assert row(site).last_used_address == "127.0.0.1"
    clock.on(seconds=59)
    for path in ("/me", "/async-me"):
        with assert_queries(1):
            assert status(site.client, token, path) == 200
    assert row(site).last_used_at == before
    clock.on(seconds=1)
    assert status(site.client, token) == 200
    assert until(lambda: row(site).last_used_at == before + datetime.timedelta(minutes=1), 5)


def test_many_at_once_write_once(here: tuple[Site, Clock, Tokens]) -> None:
    site, _, _ = here
    token = token_of(site)
    with assert_queries(1000) as watch, ThreadPoolExecutor(8) as threads:
        found = [*threads.map(lambda _: status(site.other(), token), range(40))]
        assert until(lambda: row(site).last_used_at is not None, 5)
        assert until(lambda: site.app.seal().after.pending == 0, 5)
    assert found == [200] * 40
    assert len([text for text, *_ in watch.statements if text.startswith("UPDATE")]) == 1
