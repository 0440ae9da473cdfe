"""A user is a type: who asks for one gets who is logged in, in either colour and on every interface."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from auth.site import BROWSER, EMAIL, Numbered, NumberedBase, Site, User
from wholestack.auth import (
    Identity,
    by_session,
    confirmed,
    logged_in,
    mfa,
    permission,
    permission_name,
    recent_login,
    role,
    staff,
    superuser,
)
from wholestack.db import assert_queries
from wholestack.templates import Page
from wholestack.testing import log_in

RULES = {
    "logged-in": logged_in,
    "staff": staff,
    "superuser": superuser,
    "confirmed": confirmed,
    "by-session": by_session,
    "publish": permission("blog.publish"),
    "editor": role("editor"),
    "either": permission("blog.publish") | staff,
    "not-staff": logged_in & ~staff,
    "recent": recent_login(minutes=10),
    "mfa": mfa(),
}


@pytest.fixture(scope="module", params=["asgi", "wsgi", "rsgi"])
def kept(request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(request.param)
    app = made.app

    @app.get("/me")
    def me(user: User) -> str:
        return user.email

    @app.get("/async-me")
    async def async_me(user: User) -> str:
        return user.email

    @app.get("/anybody")
    async def anybody(user: User | None) -> str:
        return "nobody" if user is None else user.email

    @app.get("/identity")
    def identity(identity: Identity[User]) -> dict[str, Any]:
        user = identity.user
        return {
            "user": user and user.email,
            "methods": sorted(identity.methods),
            "roles": sorted(identity.roles),
            "publishes": identity.can("blog.publish"),
        }

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    for name, needs in RULES.items():
        app.get(f"/rules/{name}", name=name, needs=needs)(lambda: "in")
    with made.running():
        yield made


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def test_nobody_gets_a_401_or_the_page_of_login(site: Site) -> None:
    for path in ("/me", "/async-me", "/rules/logged-in"):
        answer = site.client.get(path)
        assert (answer.status, answer.json()["code"]) == (401, "login-required")
        assert answer.headers["www-authenticate"] == "Bearer"
    page = site.client.get("/me?x=1&y=2", headers=BROWSER, follow=False)
    assert (page.status, page.headers["location"]) == (303, "/account/login?next=%2Fme%3Fx%3D1%26y%3D2")
    part = site.client.get("/me", headers={"hx-request": "true"}, follow=False)
    assert (part.status, part.headers["hx-redirect"]) == (401, "/account/login?next=%2Fme")
    assert site.client.get("/anybody").text == "nobody"


def test_who_is_logged_in_is_the_user(site: Site) -> None:
    log_in(site.client, site.make())
    assert [site.client.get(path).text for path in ("/me", "/async-me", "/anybody")] == [EMAIL] * 3
    assert site.client.get("/identity").json() == {"user": EMAIL, "methods": ["pwd"], "roles": [], "publishes": False}


def test_who_is_closed_out_is_nobody_at_once(site: Site) -> None:
    user = site.make()
    log_in(site.client, user)
    assert site.client.get("/me").status == 200
    with site.app.session() as db:
        db.get_one(User, user.id).is_active = False
    assert site.client.get("/me").status == 401
    with site.app.session() as db:
        db.get_one(User, user.id).is_active = True
    assert site.client.get("/me").status == 401  # The session is over, and not asleep.


def test_a_raised_login_version_ends_sessions(site: Site) -> None:
    user = site.make()
    log_in(site.client, user)
    with site.app.session() as db:
        db.get_one(User, user.id).login_version += 1
    assert site.client.get("/me").status == 401


def test_a_user_who_is_gone_is_nobody(site: Site) -> None:
    user = site.make()
    log_in(site.client, user)
    with site.app.session() as db:
        db.delete(db.get_one(User, user.id))
    assert site.client.get("/anybody").text == "nobody"


def test_rules_say_who_may_come_in(site: Site) -> None:
    plain, editor, chief = site.make(), site.make("ed@example.org"), site.make("chief@example.org", is_superuser=True)
    site.grant(editor, "editor", "blog.publish")
    member = site.make("staff@example.org", is_staff=True)
    passing = {
        plain.key: {"logged-in", "confirmed", "by-session", "not-staff", "recent"},
        editor.key: {"logged-in", "confirmed", "by-session", "not-staff", "recent", "publish", "editor", "either"},
        member.key: {"logged-in", "confirmed", "by-session", "staff", "recent", "either"},
        chief.key: {"logged-in", "confirmed", "by-session", "staff", "superuser", "recent", "publish", "either"},
    }
    for user in (plain, editor, member, chief):
        log_in(site.client, user)
        found = {name: site.client.get(f"/rules/{name}").status for name in RULES}
        assert {name for name, status in found.items() if status == 200} == passing[user.key]
        assert {status for status in found.values() if status != 200} == {403}
    log_in(site.client, plain, "pwd", "otp")
    assert site.client.get("/rules/mfa").status == 200
    log_in(site.client, plain, "hwk")
    assert site.client.get("/rules/mfa").status == 200


def test_an_address_that_is_not_confirmed(site: Site) -> None:
    log_in(site.client, site.make(email_confirmed_at=None))
    assert site.client.get("/rules/confirmed").status == 403


def test_a_handler_that_asks_for_nobody_pays_nothing(site: Site) -> None:
    log_in(site.client, site.make())
    with assert_queries(0):
        assert site.client.get("/plain").text == "plain"


def test_a_user_and_their_session_are_one_query(site: Site) -> None:
    log_in(site.client, site.make())
    for path in ("/me", "/async-me", "/anybody", "/rules/logged-in"):
        with assert_queries(1):
            assert site.client.get(path).status == 200
    with assert_queries(1):
        assert site.client.get("/rules/publish").status == 403  # Their roles come with them, where a rule asks.


def test_a_login_that_is_not_remembered_ends_with_the_day() -> None:
    moment = datetime.datetime(2026, 11, 1, 8, tzinfo=datetime.UTC)
    site = Site(clock=lambda: moment)

    @site.app.get("/me")
    def me(user: User) -> str:
        return user.email

    @site.app.get("/recent", needs=recent_login(minutes=10))
    def recent() -> str:
        return "recent"

    with site.running():
        site.make()
        other = site.other()
        assert site.log_in().status == 303
        assert site.log_in(client=other, remember="true").status == 303
        assert (site.client.get("/recent").status, other.get("/recent").status) == (200, 200)
        moment += datetime.timedelta(minutes=11)
        answer = site.client.get("/recent")
        assert (answer.status, answer.json()["code"]) == (403, "login-too-old")
        page = site.client.get("/recent", headers=BROWSER, follow=False)
        assert page.headers["location"] == "/account/confirm-login?next=%2Frecent"
        moment += datetime.timedelta(hours=24)
        assert (site.client.get("/me").status, other.get("/me").status) == (401, 200)


def test_templates_know_the_user(tmp_path: Any) -> None:
    (tmp_path / "who.html").write_text(
        '{{ user.email if user else "nobody" }} {{ can("blog.publish") }} {{ account("/login") }}'
    )
    from wholestack.templates import Templates

    site = Site()

    @site.app.get("/who")
    async def who() -> Page:
        return Page("who.html")

    with site.running(Templates(str(tmp_path))):
        assert site.client.get("/who").text == "nobody False /account/login"
        user = site.make()
        site.grant(user, "editor", "*")
        log_in(site.client, user)
        assert site.client.get("/who").text == f"{EMAIL} True /account/login"


def test_templates_ask_the_rules_that_handlers_have(tmp_path: Any) -> None:
    (tmp_path / "may.html").write_text("{% for each in rules %}{{ can(each) }} {% endfor %}")
    from wholestack.auth import mfa, permission, staff, superuser
    from wholestack.templates import Templates

    site = Site()
    rules: list[Any] = [
        staff,
        ~staff,
        permission("blog.publish") | staff,
        permission("blog.publish") & staff,
        mfa(),
        ~superuser,
    ]

    @site.app.get("/may")
    async def may() -> Page:
        return Page("may.html", rules=rules)

    @site.app.get("/wrong")
    async def wrong() -> Page:
        return Page("may.html", rules=[7])

    for number, each in enumerate(rules):
        site.app.get(f"/{number}", needs=each)(lambda: "in")

    def asked() -> list[bool]:
        found = [word == "True" for word in site.client.get("/may").text.split()]
        assert found == [site.client.get(f"/{number}").status == 200 for number in range(len(rules))]
        return found

    with site.running(Templates(str(tmp_path))):
        assert asked() == [False, True, False, False, False, True]
        log_in(site.client, site.make("staff@example.org", is_staff=True))
        assert asked() == [True, False, True, False, False, True]
        site.client.cookies.clear()
        log_in(site.client, site.make("boss@example.org", is_superuser=True))
        assert asked() == [True, False, True, True, False, False]
        with pytest.raises(TypeError, match=r"can\(\) takes the name of a permission, a rule or a policy"):
            site.client.get("/wrong")


def test_users_by_numbers() -> None:
    site = Site(user=Numbered)
    assert site.database.metadata is NumberedBase.metadata

    @site.app.get("/me")
    def me(user: Numbered) -> int:
        return user.id

    with site.running():
        log_in(site.client, site.make())
        assert site.client.get("/me").json() == 1


def test_the_names_of_permissions() -> None:
    assert permission_name(User, "view") == "user.view"
