"""Login by mail: links and codes, bound to the browser that has asked, and attacked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from auth.factors import Clock, at_once, begun_anew, rows, set_up_totp, shown, site_with
from auth.site import BROWSER, EMAIL, PASSWORD, Site, each_once, errors
from wholestack import App, SetupError
from wholestack.auth import TOTP, MagicLink, Throttle
from wholestack.db import update
from wholestack.testing import Answer, Client

ASK, NOBODY = "/account/mail-login", "nobody@example.org"
CODE = re.compile(r"^(\d{8})$", re.MULTILINE)


Sites = Callable[[str], tuple[Site, Clock]]


@pytest.fixture(scope="module")
def with_links() -> Iterator[Sites]:
    @contextmanager
    def running(interface: str) -> Iterator[tuple[Site, Clock]]:
        site, clock = site_with(interface)
        with site.running(MagicLink(), TOTP()):
            yield site, clock

    with each_once(running) as sites:
        yield sites


@pytest.fixture(scope="module")
def with_codes() -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with()
    with site.running(MagicLink(code=True)):
        yield site, clock


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def each(with_links: Sites, request: pytest.FixtureRequest) -> tuple[Site, Clock]:
    site, clock = begun_anew(*with_links(request.param))
    site.make()
    return site, clock


@pytest.fixture
def by_link(with_links: Sites) -> tuple[Site, Clock]:
    site, clock = begun_anew(*with_links("asgi"))
    site.make()
    return site, clock


@pytest.fixture
def by_code(with_codes: tuple[Site, Clock]) -> tuple[Site, Clock]:
    site, clock = begun_anew(*with_codes)
    site.make()
    return site, clock


def code(site: Site) -> str:
    found = CODE.search(site.mails[-1].text)
    assert found is not None
    return found[1]


def show(site: Site, text: str, client: Client | None = None) -> Answer:
    return site.send(f"{ASK}/code", client, code=text)


# -- links -----------------------------------------------------------------------------------------------------------


def test_a_link_lets_in_the_browser_that_has_asked(each: tuple[Site, Clock]) -> None:
    site, _ = each
    assert f'href="{ASK}?next=%2Fmethods"' in site.client.get("/account/login?next=/methods", headers=BROWSER).text
    assert "Send me a mail" in site.client.get(ASK, headers=BROWSER).text
    assert "Look at your mail" in site.send(f"{ASK}?next=/methods", email=EMAIL, remember="true").text
    link = site.link()
    page = site.client.get(link, headers=BROWSER).expect(200)
    assert page.headers["referrer-policy"] == "no-referrer" and "Press the button" in page.text
    assert site.client.get("/methods").json() == []  # Programs that look at mails follow links, and press nothing.
    assert site.send(link).headers["location"] == "/methods"
    assert site.client.get("/methods").json() == ["mca"]
    assert site.send(link).status == 410  # Once.
    assert site.client.get("/strong").status == 403  # A mail is one factor.
    assert site.events() == ["mail-login-asked", "login"]


def test_a_link_is_of_no_use_elsewhere(by_link: tuple[Site, Clock]) -> None:
    """Whoever has read the mail, or a program that presses buttons as well."""
    site, _ = by_link
    site.send(ASK, email=EMAIL)
    thief = site.other()
    assert "has asked for it" in thief.get(site.link(), headers=BROWSER).text
    assert site.send(site.link(), thief).status == 403 and thief.get("/methods").json() == []
    site.send(ASK, thief, email=NOBODY)  # A browser that has asked for another one.
    assert site.send(site.link(), thief).status == 403 and thief.get("/methods").json() == []
    assert site.send(site.link()).status == 303  # It stays good where it belongs.


def test_a_link_ends(by_link: tuple[Site, Clock]) -> None:
    site, clock = by_link
    site.send(ASK, email=EMAIL)
    clock.go_on(901)
    assert "has ended" in site.client.get(site.link(), headers=BROWSER).text
    assert site.send(site.link()).status == 410
    site.send(ASK, email=EMAIL)
    with site.app.session() as db:
        db.execute(update(site.user).values(is_active=False))
    assert site.send(site.link()).headers["location"] == "/account/login"
    before = len(site.mails)
    site.send(ASK, email=EMAIL)  # Nothing goes to who may not come in.
    assert (len(site.mails), site.client.get("/methods").json()) == (before, [])


def test_of_two_who_press_at_once_one_is_let_in(tmp_path: object) -> None:
    site, _ = site_with("wsgi", url=f"sqlite:///{tmp_path}/links.db")
    with site.running(MagicLink()):
        site.make()
        site.send(ASK, email=EMAIL)
        twins = [site.other() for _ in range(3)]
        for twin in twins:
            twin.cookies.update(dict(site.client.cookies))
        assert sorted(at_once(*(lambda each=each: site.send(site.link(), each).status for each in twins))) == [
            303,
            410,
            410,
        ]


def test_a_second_factor_is_asked_for_after_a_mail(by_link: tuple[Site, Clock]) -> None:
    site, clock = by_link
    site.log_in()
    app, _ = set_up_totp(site, clock)
    browser = site.other()
    site.send(f"{ASK}?next=/strong", browser, email=EMAIL)
    answer = site.send(site.link(), browser)
    assert answer.headers["location"] == "/account/second-factor?next=%2Fstrong"
    assert browser.get("/methods").json() == []
    assert site.send("/account/second-factor?next=/strong", browser, code=app.fresh()).headers["location"] == "/strong"
    assert browser.get("/strong").json() == ["mca", "mfa", "otp"]
    # To read a mail is no proof beside a second factor, for who is in.
    clock.go_on(3600)
    site.send(ASK, browser, email=EMAIL)
    assert site.send(site.link(), browser).headers["location"] == "/account/second-factor"
    assert browser.get("/fresh").status == 403


def test_who_has_no_password_confirms_by_mail(by_link: tuple[Site, Clock]) -> None:
    site, clock = by_link
    site.make("zoe2@example.org", None)
    site.send(ASK, email="zoe2@example.org")
    site.send(site.link())
    clock.go_on(3600)
    page = site.client.get("/account/confirm-login?next=/fresh", headers=BROWSER).text
    assert 'type="password"' not in page and f'href="{ASK}?next=%2Ffresh"' in page
    assert 'value="zoe2@example.org"' in site.client.get(ASK, headers=BROWSER).text
    site.send(f"{ASK}?next=/fresh", email="zoe2@example.org")
    assert site.send(site.link()).headers["location"] == "/fresh"
    assert site.client.get("/fresh").text == "fresh"
    assert site.client.get("/strong").status == 403  # Two mails are no two factors.


def test_a_password_and_a_mail_are_no_two_factors(by_link: tuple[Site, Clock]) -> None:
    """Whoever reads the mail has both: a password is set by it."""
    site, _ = by_link
    site.log_in()
    site.send(ASK, email=EMAIL)
    site.send(site.link())
    assert site.client.get("/methods").json() == ["mca", "pwd"] and site.client.get("/strong").status == 403


def test_an_account_that_somebody_else_has_made_is_its_owner_s_alone(by_link: tuple[Site, Clock]) -> None:
    """Made with the address of another, before they come (account pre-hijacking)."""
    site, clock = by_link
    site.send("/account/sign-up", email="victim@example.org", password=PASSWORD)
    site.send(ASK, email="victim@example.org")
    assert site.send(site.link()).headers["location"] == "/"
    victim = site.find("victim@example.org")
    assert (victim.password, victim.email_confirmed_at) == (None, clock.now)
    assert site.log_in("victim@example.org", client=site.other()).status == 422
    assert "unproven-removed" in site.events()


# -- codes -----------------------------------------------------------------------------------------------------------


def test_a_code_lets_in_the_browser_that_has_asked(by_code: tuple[Site, Clock]) -> None:
    site, _ = by_code
    answer = site.send(f"{ASK}?next=/methods", email=EMAIL)
    assert answer.headers["location"] == f"{ASK}/code?next=%2Fmethods" and "Type it here" in shown(site.client, answer)
    [(digest,)] = rows(site, "link", "digest")
    assert len(digest) == 64 and code(site) not in digest
    thief = site.other()
    assert show(site, code(site), thief).status == 422  # Read by somebody else.
    site.send(ASK, thief, email=NOBODY)
    assert show(site, code(site), thief).status == 422
    assert show(site, f"{code(site)[:4]} {code(site)[4:]}").headers["location"] == "/methods"
    assert site.client.get("/methods").json() == ["mca"]
    assert show(site, code(site)).status == 422  # Once.


def test_C12_a_code_is_not_found_by_trying(by_code: tuple[Site, Clock]) -> None:
    site, clock = by_code
    site.send(ASK, email=EMAIL)
    wrong = [show(site, f"{number:08}") for number in range(5)]
    assert {answer.status for answer in wrong} == {422} and "ask for another one" in errors(wrong[0])[0]
    assert show(site, code(site)).status == 422  # After five it has ended.
    site.send(ASK, email=EMAIL)
    clock.go_on(901)
    assert show(site, code(site)).status == 422
    site.send(ASK, email=EMAIL)
    assert show(site, code(site)).status == 303


def test_C12_mails_are_not_asked_for_without_end() -> None:
    site, _ = site_with(throttle=Throttle(clock=lambda: 0.0))  # However slow the machine is, no try comes back.
    with site.running(MagicLink()):
        site.make()
        statuses = [site.send(ASK, site.other(), email=EMAIL).status for _ in range(12)]
        assert statuses[-1] == 429 and len(site.mails) <= 6
        assert [site.send(ASK, site.other(), email=NOBODY).status for _ in range(12)] == statuses


def test_C12_visitors_do_not_fill_the_trail_with_codes() -> None:
    site, _ = site_with(throttle=Throttle(clock=lambda: 0.0, address={"free": 2}))
    with site.running(MagicLink(code=True)):
        site.make()
        for _ in range(6):  # One that is right is taken back, and its mail is counted apart.
            browser = site.other()
            site.send(ASK, browser, email=EMAIL)
            assert show(site, code(site), browser).status == 303
        statuses = [show(site, "00000000", site.other()).status for _ in range(6)]
        assert statuses == [422] * 2 + [429] * 4 and site.events().count("login-failed") == 2


# -- nobody learns who has an account --------------------------------------------------------------------------------


def test_C11_asking_does_not_tell_who_has_an_account(by_link: tuple[Site, Clock]) -> None:
    nobody_learns(by_link[0])


def test_C11_asking_for_a_code_does_not_tell_it_either(by_code: tuple[Site, Clock]) -> None:
    site, _ = by_code
    nobody_learns(site)
    for to in (EMAIL, NOBODY):
        site.send(ASK, (browser := site.other()), email=to)
        assert [show(site, "00000000", browser).status for _ in range(6)] == [422] * 6


def nobody_learns(site: Site) -> None:
    site.make("closed@example.org", is_active=False)
    pages = [site.send(ASK, site.other(), email=to) for to in (EMAIL, NOBODY, "closed@example.org")]
    assert len({(page.status, tuple(page.headers)) for page in pages}) == 1
    assert len({re.sub(r"\S+@example.org", "", page.text) for page in pages}) == 1
    assert [str(mail.to[0].address) for mail in site.mails] == [EMAIL]


def test_C11_asking_takes_as_long_for_nobody(by_link: tuple[Site, Clock]) -> None:
    site, _ = by_link
    times: dict[str, list[float]] = {EMAIL: [], NOBODY: []}
    for _ in range(30):
        for to, found in times.items():
            site.client.cookies.clear()
            begun = time.process_time()
            site.send(ASK, email=to)
            found.append(time.process_time() - begun)
    known, unknown = median(times[EMAIL]), median(times[NOBODY])
    assert abs(known - unknown) < 0.2 * unknown, (known, unknown)


def test_it_needs_login() -> None:
    app = App()
    app.use(MagicLink())
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()
