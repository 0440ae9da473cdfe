"""Row C22: none of login's ways back leads to another site, however the address is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from auth.factors import Clock, PhoneApp, begun_anew, set_up_totp, site_with
from auth.site import BROWSER, EMAIL, PASSWORD, Site, User
from elsewhere import ELSEWHERE
from wholestack.auth import TOTP
from wholestack.testing import Answer, log_in

TOO_LONG = {414, 431}
"""What an address of nine thousand characters is answered with in a query: it leads nowhere, either."""


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with()

    @site.app.get("/me")
    def me(user: User) -> str:
        return user.email

    @site.app.post("/me")
    def change(user: User) -> None:
        raise AssertionError(user)

    with site.running(TOTP()):
        yield site, clock


@pytest.fixture
def here(kept: tuple[Site, Clock]) -> tuple[Site, Clock]:
    return begun_anew(*kept)


def stays(answer: Answer, target: str, *places: str) -> None:
    """An answer leads to one of these places, or was refused for its length alone."""
    if answer.status in TOO_LONG:
        assert len(target) > 8192 and answer.headers.get("location") is None
        return
    assert answer.status == 303 and answer.headers["location"] in places, (target, answer.headers["location"])


@pytest.mark.parametrize("way", ["login", "logged in", "login by post", "logout", "confirm"])
def test_C22_a_password_leads_back_to_this_site_only(way: str, here: tuple[Site, Clock]) -> None:
    site, _ = here
    user = site.make()
    for target in ELSEWHERE:
        asked: dict[str, Any] = {"query": {"next": target}, "headers": BROWSER, "follow": False}
        word = {"email": EMAIL, "password": PASSWORD}
        if way != "login" and way != "login by post":
            log_in(site.client, user)
        if way == "login":
            answer = site.other().post("/account/login", data=word, **asked)
        elif way == "login by post":
            answer = site.other().post("/account/login", data={**word, "next": target}, headers=BROWSER, follow=False)
        elif way == "logged in":
            answer = site.client.get("/account/login", **asked)
        elif way == "logout":
            answer = site.client.post("/account/logout", data={"next": target}, **asked)
        else:
            answer = site.client.post("/account/confirm-login", data={"password": PASSWORD}, **asked)
        stays(answer, target, "/account/login" if way == "logout" else "/")
    fine = site.other().post("/account/login?next=/me", data={"email": EMAIL, "password": PASSWORD}, follow=False)
    assert fine.headers["location"] == "/me"


def test_C22_the_second_factor_s_way_on(here: tuple[Site, Clock]) -> None:
    site, clock = here
    site.make()
    site.log_in()
    app, _ = set_up_totp(site, clock)
    for target in [*ELSEWHERE, "/me"]:
        stays(*_two_factors(site, app, target), "/me" if target == "/me" else "/")


def _two_factors(site: Site, app: PhoneApp, target: str) -> tuple[Answer, str]:
    """The answer to a code that is right, and the address it was sent with."""
    browser = site.other()
    asked: dict[str, Any] = {"query": {"next": target}, "headers": BROWSER, "follow": False}
    step = browser.post("/account/login", data={"email": EMAIL, "password": PASSWORD}, **asked)
    stays(step, target, "/account/second-factor" + ("?next=%2Fme" if target == "/me" else ""))
    if step.status in TOO_LONG:
        return step, target
    return browser.post("/account/second-factor", data={"code": app.fresh()}, **asked), target


def test_C22_a_session_that_has_ended_leads_back_to_this_site_only(here: tuple[Site, Clock]) -> None:
    """Who was logged out meanwhile is sent to login with the page before: what that says is the browser's word."""
    site, _ = here
    for target in ELSEWHERE:
        if any(not " " <= each < "\x7f" for each in target):
            continue  # No header carries those.
        for referer in (target, f"https://evil.example{target}", f"http://testserver/{target.lstrip('/')}"):
            headers = BROWSER | {"referer": referer}
            answer = site.client.post("/me", data={}, headers=headers, follow=False)
            assert answer.status == 303 and answer.headers["location"].startswith("/account/login"), referer
            for inner in [*answer.headers["location"].partition("?next=")[2:]]:
                assert not inner or (inner.startswith("%2F") and not inner.startswith(("%2F%2F", "%2F%5C"))), referer
    for path in ("//evil.example/..//me", "/me?next=//evil.example"):
        answer = site.client.get(path, headers=BROWSER, follow=False)
        assert not (answer.headers.get("location") or "/").startswith("//"), path
