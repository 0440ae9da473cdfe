"""Second factors by an app for codes: set up, asked for, and attacked."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from auth.factors import SECRET, Clock, PhoneApp, at_once, begun_anew, rows, set_up_totp, shown, site_with, waiting_app
from auth.site import BROWSER, EMAIL, PASSWORD, Site, each_once, errors
from wholestack import App, SetupError
from wholestack.auth import TOTP, Throttle, Tokens, logged_in, mfa, permission, staff, superuser
from wholestack.db import update
from wholestack.testing import log_in

WRONG = "This code is wrong, or was used already."
OTHER = "bo@example.org"


Sites = Callable[[str], tuple[Site, Clock]]


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    @contextmanager
    def running(interface: str) -> Iterator[tuple[Site, Clock]]:
        site, clock = site_with(interface)
        with site.running(TOTP(issuer="A & B")):
            yield site, clock

    with each_once(running) as sites:
        yield sites


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def asked(sites: Sites, request: pytest.FixtureRequest) -> tuple[Site, Clock]:
    site, clock = begun_anew(*sites(request.param))
    site.make()
    return site, clock


@pytest.fixture
def site_and_clock(sites: Sites) -> tuple[Site, Clock]:
    site, clock = begun_anew(*sites("asgi"))
    site.make()
    site.log_in()
    return site, clock


# -- the whole way ---------------------------------------------------------------------------------------------------


def test_set_up_and_asked_for_at_each_login(asked: tuple[Site, Clock]) -> None:
    site, clock = asked
    assert site.log_in().headers["location"] == "/"
    answer = site.client.get("/strong", headers=BROWSER, follow=False)
    assert answer.headers["location"] == "/account/second-factor?next=%2Fstrong"
    assert "Please set one up" in shown(site.client, answer)  # Where there is none it leads on to where one is made.
    app, codes = set_up_totp(site, clock)
    assert len(codes) == 10 and site.client.get("/strong").json() == ["otp", "pwd"]
    assert [mail.subject for mail in site.mails] == ["A second factor was added"]
    browser = site.other()
    answer = site.log_in(client=browser)
    assert answer.headers["location"] == "/account/second-factor"
    assert browser.get("/methods").json() == []  # The password alone is nobody.
    page = browser.get(answer.headers["location"], headers=BROWSER)
    assert page.headers["cache-control"] == "no-store" and 'autocomplete="one-time-code"' in page.text
    assert errors(site.send("/account/second-factor", browser, code=app.code(90)))[0].endswith(WRONG)
    answer = site.send("/account/second-factor?next=/strong", browser, code=f" {app.fresh()[:3]} {app.code()[3:]} ")
    assert (answer.status, answer.headers["location"]) == (303, "/strong")
    assert browser.get("/strong").json() == ["mfa", "otp", "pwd"]
    assert site.events()[-2:] == ["second-factor-failed", "login"]


def test_C22_the_second_factor_leads_back_to_this_site_only(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    for to in ("https://evil.example", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        browser = site.other()
        browser.post("/account/login", query={"next": to}, data={"email": EMAIL, "password": PASSWORD}, headers=BROWSER)
        answer = browser.post(
            "/account/second-factor", query={"next": to}, data={"code": app.fresh()}, headers=BROWSER, follow=False
        )
        assert (answer.headers["location"], browser.get("/strong").status) == ("/", 200), to


def test_recovery_codes_lead_on_to_this_site_only(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    for to, link in (("/strong", 'href="/strong"'), ("javascript:alert(1)", 'href="/account/factors"')):
        app = waiting_app(site, clock)
        page = site.client.post(
            "/account/factors/totp", query={"next": to}, data={"code": app.code()}, headers=BROWSER
        ).text
        assert link in page and "javascript:" not in page
        site.send("/account/factors/totp/remove")


def test_the_picture_and_the_secret_say_the_same(site_and_clock: tuple[Site, Clock]) -> None:
    site, _ = site_and_clock
    site.send("/account/factors/totp/begin")
    page = site.client.get("/account/factors/totp", headers=BROWSER).text
    found = re.search(r'href="(otpauth:[^"]+)"', page)
    assert found is not None
    uri = urlsplit(html.unescape(found[1]))
    told = parse_qs(uri.query)
    secret = SECRET.search(page)
    assert secret is not None and told["secret"] == [secret[1].replace(" ", "")] and len(told["secret"][0]) == 32
    assert (told["issuer"], unquote(uri.path)) == (["A & B"], f"/A & B:{EMAIL}")
    assert (told["algorithm"], told["digits"], told["period"]) == (["SHA1"], ["6"], ["30"])
    drawing = re.search(r"<svg .*?</svg>", page, re.DOTALL)
    assert drawing is not None and ElementTree.fromstring(drawing[0]).attrib["aria-label"] == "QR code"
    assert "style=" not in page and "<script" not in page  # Nothing that the policy would stop.
    # Shown again until it counts, and then never more.
    assert secret[1] in site.client.get("/account/factors/totp", headers=BROWSER).text


def test_a_secret_counts_with_its_first_code(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    site.send("/account/factors/totp/begin")
    assert errors(site.send("/account/factors/totp", code="000000"))[0].endswith(
        "Is your phone's clock right?".replace("'", "&#39;")
    )
    assert site.log_in(client=site.other()).headers["location"] == "/"
    clock.go_on(3601)  # A secret does not wait for ever.
    site.log_in(client=(late := site.other()))
    assert late.get("/account/factors/totp", headers=BROWSER, follow=False).headers["location"] == "/account/factors"
    app, _ = set_up_totp(site, clock, late)
    assert late.get("/account/factors/totp", headers=BROWSER, follow=False).headers["location"] == "/account/factors"
    assert site.send("/account/factors/totp/begin", late).headers["location"] == "/account/factors"
    before = rows(site, "totp", "secret", "last_step")
    assert site.send("/account/factors/totp", late, code=app.fresh()).headers["location"] == "/account/factors"
    assert rows(site, "totp", "secret", "last_step") == before  # It stays as it is.


def test_the_first_one_ends_sessions_that_have_shown_one_factor(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    elsewhere = site.other()
    site.log_in(client=elsewhere)
    set_up_totp(site, clock)
    assert (elsewhere.get("/methods").json(), site.client.get("/strong").status) == ([], 200)


def test_removed_by_who_has_shown_it(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    clock.go_on(3600)
    answer = site.send("/account/factors/totp/remove")
    assert answer.headers["location"].startswith("/account/confirm-login")  # Not by who finds a browser open.
    assert "Use your second factor" in shown(site.client, answer)
    assert site.send("/account/second-factor?next=/fresh", code=app.code()).headers["location"] == "/fresh"
    assert site.client.get("/fresh").text == "fresh"
    assert site.send("/account/factors/totp/remove").headers["location"] == "/account/factors"
    assert site.send("/account/factors/totp/remove").headers["location"] == "/account/factors"
    assert [mail.subject for mail in site.mails][-1] == "A second factor was removed"
    assert site.events().count("totp-removed") == 1
    assert rows(site, "recovery_code", "id") == []  # They are of no use without it.
    assert site.log_in(client=site.other()).headers["location"] == "/"


def test_who_has_no_password_confirms_by_a_code(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    with site.app.session() as db:
        db.execute(update(site.user).values(password=None))
    clock.go_on(3600)
    page = site.client.get("/account/confirm-login?next=/fresh", headers=BROWSER).text
    assert 'type="password"' not in page and 'href="/account/second-factor?next=%2Ffresh"' in page
    site.send("/account/second-factor", code=app.code())
    assert site.client.get("/fresh").text == "fresh"


def test_a_password_alone_changes_no_second_factor(site_and_clock: tuple[Site, Clock]) -> None:
    """A session of before, which has shown the password a moment ago."""
    site, clock = site_and_clock
    set_up_totp(site, clock)
    with site.app.session() as db:
        db.execute(update(site.auth.tables.totp).values(confirmed_at=None))
    site.log_in(client=(thief := site.other()))
    with site.app.session() as db:
        db.execute(update(site.auth.tables.totp).values(confirmed_at=clock.now))
    for path in ("/account/factors/totp/remove", "/account/factors/totp/begin", "/account/factors/recovery-codes"):
        assert site.send(path, thief).headers["location"].startswith("/account/second-factor"), path


def test_a_password_alone_makes_no_token_beside_a_second_factor() -> None:
    site, clock = site_with()
    with site.running(Tokens(), TOTP()):
        site.make()
        site.log_in()
        assert site.client.post("/account/tokens", json={"name": "before"}).status == 201  # There is none yet.
        set_up_totp(site, clock)
        assert site.client.post("/account/tokens", json={"name": "both"}).status == 201
        log_in(thief := site.other(), site.find(), "pwd")
        site.send("/account/confirm-login", thief, password=PASSWORD)
        refused = thief.post("/account/tokens", json={"name": "thief"})
        assert (refused.status, refused.json()["code"]) == (403, "second-factor-required")
        assert thief.get("/account/tokens/new").status == 403


# -- the codes -------------------------------------------------------------------------------------------------------


def test_codes_of_the_standard() -> None:
    """RFC 6238, appendix B, for SHA-1; six of the eight digits there. With this app all of ours must agree."""
    app = PhoneApp(b"12345678901234567890", clock := Clock())
    known = {59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924"}
    for moment, code in {**known, 2000000000: "69279037", 20000000000: "65353130"}.items():
        clock.now = datetime.datetime.fromtimestamp(moment, datetime.UTC)
        assert app.code() == code[2:], moment


def test_clocks_may_be_a_step_off(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    taken = {}
    for off in (-60, -30, 0, 30, 60):
        clock.go_on(600)
        browser = site.other()
        site.log_in(client=browser)
        taken[off] = site.send("/account/second-factor", browser, code=app.code(off)).status == 303
    assert taken == {-60: False, -30: True, 0: True, 30: True, 60: False}


def test_a_code_is_taken_once(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    first, second = site.other(), site.other()
    for browser in (first, second):
        site.log_in(client=browser)
    early, code = app.code(30), app.fresh()
    assert early == code and site.send("/account/second-factor", first, code=code).status == 303
    assert site.send("/account/second-factor", second, code=code).status == 422
    assert site.send("/account/second-factor", second, code=app.code(-30)).status == 422  # Nor one from before it.
    assert second.get("/methods").json() == []


def test_of_two_who_show_a_code_at_once_one_passes(tmp_path: object) -> None:
    site, clock = site_with("wsgi", url=f"sqlite:///{tmp_path}/totp.db")
    with site.running(TOTP()):
        site.make()
        site.log_in()
        app, _ = set_up_totp(site, clock)
        browsers = [site.other() for _ in range(4)]
        for browser in browsers:
            site.log_in(client=browser)
        code = app.fresh()
        calls = [lambda each=each: site.send("/account/second-factor", each, code=code).status for each in browsers]
        assert sorted(at_once(*calls)) == [303, 422, 422, 422]
        assert [browser.get("/strong").status for browser in browsers].count(200) == 1


def test_what_is_no_code_is_refused(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    set_up_totp(site, clock)
    site.log_in(client=(browser := site.other()))
    for code in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 41, "💥" * 6):
        assert site.send("/account/second-factor", browser, code=code).status == 422, code


# -- attacked --------------------------------------------------------------------------------------------------------


def test_C12_codes_are_not_found_by_trying() -> None:
    site, clock = site_with(throttle=Throttle())
    with site.running(TOTP()):
        site.make()
        site.log_in()
        app, _ = set_up_totp(site, clock)
        site.log_in(client=(thief := site.other()))
        statuses = [site.send("/account/second-factor", thief, code=f"{number:06}").status for number in range(40)]
        assert statuses[-1] == 429 and statuses.count(422) <= 10
        assert site.send("/account/second-factor", thief, code=app.fresh()).status == 429
        # The owner, in a browser that has been let in before, is not kept waiting.
        site.send("/account/logout")
        site.log_in()
        assert site.send("/account/second-factor", code=app.code()).status == 303


def test_C12_wrong_codes_are_told_and_at_last_end_it(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, codes = set_up_totp(site, clock)
    site.log_in(client=(thief := site.other()))
    before = len(site.mails)
    answers = [site.send("/account/second-factor", thief, code="000000") for _ in range(10)]
    assert [each.status for each in answers] == [422] * 9 + [303] and WRONG in shown(thief, answers[-1])
    told = site.mails[before:]
    assert [mail.subject for mail in told] == ["Somebody tries to get into your account"] and "10 wrong" in told[0].text
    with site.app.session() as db:
        db.execute(update(site.auth.tables.totp).values(failures=99))
    site.send("/account/second-factor", thief, code="000000")
    assert "No code of your app is taken any more" in site.mails[-1].text
    assert site.send("/account/second-factor", thief, code=app.fresh()).status == 422
    # A recovery code opens the account, and the app counts again.
    assert site.send("/account/second-factor/recovery", thief, code=codes[0]).status == 303
    site.log_in(client=(browser := site.other()))
    assert site.send("/account/second-factor", browser, code=app.fresh()).status == 303


def test_C4_a_login_that_is_half_done_is_nobody_else_s(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    victim, thief = site.other(), site.other()
    # Whoever knows the session of before the password has nothing of what comes after it.
    site.log_in(client=victim)
    first = dict(victim.cookies)
    site.log_in(client=victim)
    thief.cookies.update(first)
    assert thief.get("/account/second-factor", headers=BROWSER, follow=False).headers["location"] == "/account/login"
    half = dict(victim.cookies)
    assert site.send("/account/second-factor", victim, code=app.fresh()).status == 303
    thief.cookies.update(half)
    assert thief.get("/methods").json() == []


def test_a_login_that_is_half_done_ends(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    late, changed, closed = site.other(), site.other(), site.other()
    site.log_in(client=late)
    clock.go_on(601)
    answer = site.send("/account/second-factor?next=/strong", late, code=app.code())
    assert answer.headers["location"] == "/account/login?next=%2Fstrong"
    assert "too long ago" in shown(late, answer)
    assert site.send("/account/second-factor/recovery", late, code="x").headers["location"] == "/account/login"
    assert late.get("/account/second-factor/recovery", headers=BROWSER, follow=False).status == 303
    site.log_in(client=changed)
    site.send("/account/password", old=PASSWORD, new="a wholly new password")
    assert site.send("/account/second-factor", changed, code=app.fresh()).headers["location"] == "/account/login"
    site.log_in(password="a wholly new password", client=closed)
    with site.app.session() as db:
        db.execute(update(site.user).values(is_active=False))
    assert site.send("/account/second-factor", closed, code=app.fresh()).headers["location"] == "/account/login"


def test_a_code_of_somebody_else_is_none(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    mine, _ = set_up_totp(site, clock)
    site.make(OTHER)
    site.log_in(OTHER, client=(other := site.other()))
    theirs, _ = set_up_totp(site, clock, other)
    site.log_in(client=(browser := site.other()))
    assert site.send("/account/second-factor", browser, code=theirs.fresh()).status == 422
    assert site.send("/account/second-factor", browser, code=mine.code()).status == 303


def test_secrets_are_encrypted_and_bound_to_their_user(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    app, _ = set_up_totp(site, clock)
    site.make(OTHER)
    site.log_in(OTHER, client=(other := site.other()))
    theirs, _ = set_up_totp(site, clock, other)
    kept = dict(rows(site, "totp", "user_id", "secret"))
    assert not any(app.secret in each or theirs.secret in each for each in kept.values())
    # Who can write to the database copies their own into another's row, and still has no code for it.
    table = site.auth.tables.totp
    with site.app.session() as db:
        own = kept[site.find(OTHER).id]
        db.execute(update(table).where(table.user_id == site.find().id).values(secret=own))
    site.log_in(client=(browser := site.other()))
    assert site.send("/account/second-factor", browser, code=theirs.fresh()).status == 422


def test_secrets_of_the_app_are_rotated(tmp_path: object, caplog: pytest.LogCaptureFixture) -> None:
    url, old, new = f"sqlite:///{tmp_path}/rotated.db", "o" * 40, "n" * 40
    site, clock = site_with(url=url, secret=old)
    with site.running(TOTP()):
        site.make()
        site.log_in()
        app, _ = set_up_totp(site, clock)
    for secret, taken in (([new, old], True), (new, True), ("x" * 40, False)):
        site, later = site_with(url=url, secret=secret)
        later.now = clock.now
        app.clock = clock = later
        with site.running(TOTP()):
            site.log_in()
            status = site.send("/account/second-factor", code=app.fresh()).status
        assert (status == 303) is taken, secret  # With the first login it is kept under the new one.
    assert "cannot be read" in caplog.text


# -- setting up the app ----------------------------------------------------------------------------------------------


def test_it_needs_login_and_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.use(TOTP())
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()
    with pytest.raises(RuntimeError, match="before its app is sealed"):
        TOTP().is_set_up(None, None)  # type: ignore[arg-type]
    import sys

    monkeypatch.setitem(sys.modules, "segno", None)
    site, _ = site_with()
    with pytest.raises(SetupError, match="package-missing"), site.running(TOTP()):
        pass
    assert repr(TOTP()) == "<TOTP>"


def test_programs_are_told_what_they_need(site_and_clock: tuple[Site, Clock]) -> None:
    site, _ = site_and_clock
    answer = site.client.get("/strong")
    assert (answer.status, answer.json()["code"]) == (403, "second-factor-required")


def test_the_page_of_the_account_says_how_it_stands(site_and_clock: tuple[Site, Clock]) -> None:
    site, clock = site_and_clock
    line = r"<strong>Second factor</strong><br>(\w+)<br>"
    assert re.findall(line, site.client.get("/account", headers=BROWSER).text) == ["Off"]
    set_up_totp(site, clock)
    page = site.client.get("/account", headers=BROWSER).text
    assert re.findall(line, page) == ["On"] and "App for codes added" in page


def test_production_is_told_of_routes_for_staff_without_any_second_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s" * 40)

    def found(needs: Any, stage: str = "production", *plugins: Any) -> list[str]:
        site = Site()
        site.app.get("/office", needs=needs)(lambda: "office")
        with site.running(*plugins):
            monkeypatch.setenv("WHOLESTACK_STAGE", stage)
            faults = [fault for check in site.app.checks if "auth" in check.__module__ for fault in check()]
            monkeypatch.setenv("WHOLESTACK_STAGE", "test")
        return [each.message for each in faults if each.code == "staff-without-mfa"]

    begun = "Routes for staff are open by a password alone"
    assert found(staff) == [f"{begun}, and there is no second factor: GET /office."]
    assert found(superuser | permission("office.enter")) != []
    assert found(staff, "development") == found(staff & mfa()) == found(logged_in) == []
    assert found(staff, "production", TOTP()) == [f"{begun}: GET /office."]  # Once.


def test_check_tells_of_staff_with_a_password_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("SECRET_KEY", "s" * 40)
    site, clock = site_with(url=f"sqlite:///{tmp_path}/check.db")

    @site.app.get("/office", needs=staff)
    def office() -> str:
        return "office"

    @site.app.get("/vault", needs=staff & mfa())
    def vault() -> str:
        return "vault"

    def found() -> list[tuple[str, str]]:
        ours = [check for check in site.app.checks if check.__module__.startswith("wholestack.auth._factor")]
        faults = [fault for check in ours for fault in check()]
        return [(each.code, each.message) for each in faults if each.code.startswith("staff-")]

    with site.running(TOTP()):
        site.make(is_staff=True)
        site.make(OTHER)
        assert found() == []  # In development nobody is told.
        monkeypatch.setenv("WHOLESTACK_STAGE", "production")
        [(route, names), (account, count)] = found()
        assert (route, account) == ("staff-without-mfa", "staff-without-factor")
        assert "GET /office" in names and "/vault" not in names and count.startswith("1 of the staff")
        monkeypatch.setenv("WHOLESTACK_STAGE", "test")
        site.log_in()
        set_up_totp(site, clock)
        monkeypatch.setenv("WHOLESTACK_STAGE", "production")
        assert [code for code, _ in found()] == ["staff-without-mfa"]
