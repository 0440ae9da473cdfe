"""Acting as somebody else: who may, whom, and what is seen of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wholestack
from auth.site import BROWSER, EMAIL, PASSWORD, Site, User
from wholestack import Forbidden
from wholestack.auth import TOTP, Identity, Impersonation, Tokens, recent_login
from wholestack.db import assert_queries
from wholestack.languages import Languages
from wholestack.sessions import CookieSessions, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import log_in

NEW = "a wholly new password"
NOTED = re.compile(r'\bnote\(f?"([a-z-]+|\{kind\}-[a-z]+)", (?!None)')


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site()

    @site.app.get("/me")
    def me(identity: Identity[User]) -> list[str | None]:
        return [identity.required().email, identity.impersonator]

    @site.app.get("/danger", needs=recent_login(minutes=10))
    def danger() -> str:
        return "in"

    @site.app.get("/page")
    def page() -> Page:
        return Page("page.html")

    @site.app.get("/streamed")
    def streamed() -> Page:
        return Page("page.html", stream=True)

    @site.app.get("/refused")
    def refused() -> Page:
        raise Forbidden("Not for you.")

    folder = tmp_path_factory.mktemp("pages")
    (folder / "page.html").write_text('{% extends "wholestack/base.html" %}{% block main %}A page.{% endblock %}')
    plugins = (TOTP(), Tokens(), Languages("en", "de", "ar"), Templates(str(folder)))
    with site.running(*plugins, Impersonation()):
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def test_staff_act_as_a_user_and_end_it(site: Site) -> None:
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    site.grant(helper, "helpers", "user.impersonate")
    log_in(site.client, helper)
    assert site.send("/account/impersonate-end").status == 404
    assert site.send(f"/account/impersonate/{user.key}").status == 303
    assert site.client.get("/me").json() == [EMAIL, helper.key]
    assert site.client.get("/danger").json()["code"] == "login-too-old"
    assert site.send("/account/impersonate-end").headers["location"] == "/account/login"
    assert site.client.get("/me").status == 401
    event = site.auth.tables.event
    with site.app.session() as db:
        trail = {row.kind: (row.user, row.actor) for row in db.query(event)}
    assert trail["impersonation-begun"] == trail["impersonation-ended"] == (user.key, helper.key)


def test_nobody_acts_as_staff_or_without_permission(site: Site) -> None:
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    chief = site.make("chief@example.org", is_superuser=True)
    closed = site.make("closed@example.org", is_active=False)
    log_in(site.client, helper)
    assert site.send(f"/account/impersonate/{user.key}").status == 403
    site.grant(helper, "helpers", "user.impersonate")
    for other, status in ((chief, 403), (helper, 403), (closed, 404)):
        assert site.send(f"/account/impersonate/{other.key}").status == status
    assert site.send("/account/impersonate/nobody").status == 404
    log_in(site.client, user)
    assert site.send(f"/account/impersonate/{helper.key}").status == 403


# -- what is seen of it ----------------------------------------------------------------------------------------------


def acting(site: Site) -> tuple[Any, Any]:
    """The site's client acts as somebody: they, and who does."""
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    site.grant(helper, "helpers", "user.impersonate")
    log_in(site.client, helper)
    assert site.send(f"/account/impersonate/{user.key}").status == 303
    return user, helper


BANNER = '<aside class="acting"'


@pytest.mark.parametrize("path", ["/page", "/streamed", "/account", "/account/factors", "/refused", "/nowhere"])
def test_each_page_says_whom_one_acts_as_and_how_it_ends(site: Site, path: str) -> None:
    user, helper = site.make("else@example.org"), site.make("chief@example.org", is_staff=True)
    for somebody in (user, helper):
        log_in(site.client, somebody)
        assert BANNER not in site.client.get(path, headers=BROWSER).text
    site.client.cookies.clear()
    assert BANNER not in site.client.get(path, headers=BROWSER).text
    acting(site)
    page = site.client.get(path, headers=BROWSER).text
    banner = page[page.index(BANNER) : page.index("</aside>")]
    assert f"You act as: <strong><bdi>{EMAIL}</bdi></strong>" in banner
    assert '<form method="post" action="/account/impersonate-end">' in banner and 'name="csrf_token"' in banner
    site.send("/account/impersonate-end")
    assert BANNER not in site.client.get(path, headers=BROWSER).text


@pytest.mark.parametrize(("tag", "said"), [("de", "Sie handeln als:"), ("ar", "أنت تتصرف باسم:")])
def test_it_is_said_in_the_language_of_the_page(site: Site, tag: str, said: str) -> None:
    acting(site)
    assert said in site.client.get("/page", headers={**BROWSER, "accept-language": tag}).text


def test_a_page_without_it_asks_for_no_more_than_its_session(site: Site) -> None:
    """Which it has asked for its messages before there was this."""
    with assert_queries(0):
        site.client.get("/page")
    log_in(site.client, site.make())
    with assert_queries(1):
        site.client.get("/page")


def test_with_sessions_in_cookies_it_is_said_as_well() -> None:
    site = Site()
    with site.running(Sessions(CookieSessions(), secret="s" * 32), Impersonation()):
        acting(site)
        assert BANNER in site.client.get("/account", headers=BROWSER).text


def test_the_user_is_told_by_mail_and_reads_of_it(site: Site) -> None:
    user, _ = acting(site)
    (mail,) = site.mails
    assert (str(mail.to[0].address), mail.subject) == (EMAIL, "A member of staff acts as you")
    assert "http://testserver/account" in mail.text and "help@example.org" not in mail.text
    site.send("/account/impersonate-end")
    log_in(site.client, user)
    page = site.client.get("/account", headers=BROWSER).text
    for said in ("A member of staff has begun to act as you", "A member of staff has stopped acting as you"):
        assert f'{said} <span class="badge">by somebody else</span>' in page


def test_nobody_is_told_of_what_was_refused(site: Site) -> None:
    site.make("help@example.org", is_staff=True)
    log_in(site.client, site.find("help@example.org"))
    assert site.send(f"/account/impersonate/{site.make().key}").status == 403
    assert site.mails == []


def test_each_line_of_the_trail_is_in_words(site: Site) -> None:
    """What login and its commands note of somebody's account, as their own page calls it."""
    folder = Path(wholestack.__file__).parent
    sources = [each.read_text("utf-8") for part in ("auth", "cli") for each in (folder / part).glob("*.py")]
    kinds = {kind for source in sources for kind in NOTED.findall(source)} - {"{kind}-added", "{kind}-removed"}
    assert {"impersonation-begun", "role-given", "account-changed", "email-asked"} <= kinds
    user, event = site.make(), site.auth.tables.event
    with site.app.session() as db:
        db.add_all(event(kind=kind, user=user.key) for kind in kinds)
    log_in(site.client, user)
    page = site.client.get("/account", headers=BROWSER).text
    assert [kind for kind in sorted(kinds) if f"<li>{kind}<" in page] == []


# -- what may not be done meanwhile ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("password", {"old": PASSWORD, "new": NEW}),
        ("email", {"email": "mine@example.org", "password": PASSWORD}),
        ("close", {"sure": "true", "password": PASSWORD}),
        ("confirm-login", {"password": PASSWORD}),
        ("tokens", {"name": "mine", "scopes": "*"}),
        ("tokens/{token}/revoke", {}),
        ("factors/totp/begin", {}),
        ("factors/recovery-codes", {}),
        ("devices/end", {}),
        ("second-factor", {"code": "123456"}),
    ],
)
def test_who_acts_changes_nothing_of_how_the_user_logs_in(site: Site, path: str, sent: dict[str, str]) -> None:
    """Also where they know the password."""
    user, _ = acting(site)
    tables = site.auth.tables
    with site.app.session() as db:
        db.add(token := tables.token(user_id=user.id, name="A program", digest="0" * 64))
    before, mails = state(site), len(site.mails)
    answer = site.client.post(f"/account/{path.format(token=token.id)}", data=sent, follow=False)
    assert answer.status == 403, answer.text
    assert (state(site), len(site.mails)) == (before, mails)


def state(site: Site) -> list[Any]:
    """The rows of accounts as they are; the trail is none of them."""
    tables = site.auth.tables
    kept = [each for each in site.tables if each.name.startswith("user") and each is not tables.event.__table__]
    with site.app.session() as db:
        return [[tuple(row) for row in db.execute(each.select().order_by(*each.primary_key))] for each in kept]


def test_a_token_is_not_revoked_by_who_acts(site: Site) -> None:
    user, _ = acting(site)
    with site.app.session() as db:
        db.add(token := site.auth.tables.token(user_id=user.id, name="A program", digest="0" * 64))
    assert site.client.delete(f"/account/tokens/{token.id}").status == 403
    log_in(site.client, user)
    assert site.client.delete(f"/account/tokens/{token.id}").status == 204


def test_a_browser_is_told_why_and_is_not_asked_for_the_users_password(site: Site) -> None:
    acting(site)
    page = site.client.get("/danger", headers=BROWSER, follow=True)
    assert page.status == 403 and "it is for the owner of the account" in page.text and BANNER in page.text


# -- who may begin ---------------------------------------------------------------------------------------------------


def test_templates_know_whom_the_reader_may_act_as(tmp_path: Path) -> None:
    (tmp_path / "may.html").write_text(
        "{% for each in people %}{{ each.email }} {{ may_impersonate(each) }}, {% endfor %}{{ may_impersonate(7) }}"
    )
    site = Site()

    @site.app.get("/may")
    def may() -> Page:
        with site.app.session() as db:
            return Page("may.html", people=db.query(site.user).order_by(site.user.email).all())

    with site.running(Templates(str(tmp_path)), Impersonation()):
        user, helper = site.make("ann@example.org"), site.make("help@example.org", is_staff=True)
        site.grant(helper, "helpers", "user.impersonate")
        site.grant(site.make("mighty@example.org"), "mighty", "*")
        site.make("gone@example.org", is_active=False)
        told = "ann@example.org {}, gone@example.org False, help@example.org False, mighty@example.org False, False"
        log_in(site.client, user)
        assert site.client.get("/may").text == told.format(False)
        log_in(site.client, helper)
        assert site.client.get("/may").text == told.format(True)
        site.send(f"/account/impersonate/{user.key}")
        assert site.client.get("/may").text == told.format(False)
