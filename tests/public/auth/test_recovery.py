"""Recovery codes: shown once, each good once, and told of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from auth.factors import CODES, Clock, at_once, begun_anew, rows, set_up_totp, shown, site_with
from auth.site import BROWSER, PASSWORD, Site
from wholestack.auth import TOTP

OTHER = "bo@example.org"
SENT = "/account/second-factor/recovery"


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with()
    with site.running(TOTP()):
        yield site, clock


@pytest.fixture
def made(kept: tuple[Site, Clock]) -> tuple[Site, Clock, list[str]]:
    site, clock = begun_anew(*kept)
    site.make()
    site.log_in()
    return site, clock, set_up_totp(site, clock)[1]


def test_a_code_lets_in_once_and_its_owner_is_told(made: tuple[Site, Clock, list[str]]) -> None:
    site, _, codes = made
    assert len({*codes}) == 10
    browser = site.other()
    page = shown(browser, site.log_in(client=browser))
    assert "/account/second-factor/recovery" in page
    assert 'name="code"' in browser.get(SENT, headers=BROWSER).text
    answer = site.send(f"{SENT}?next=/strong", browser, code=f" {codes[3].upper().replace('-', ' ')}")
    assert answer.headers["location"] == "/strong" and browser.get("/strong").json() == ["mfa", "otp", "pwd"]
    assert "You have 9 left" in browser.get("/account", headers=BROWSER).text
    [told] = [mail for mail in site.mails if mail.subject == "A recovery code was used"]
    assert "left: 9" in told.text and codes[3] not in told.text
    site.log_in(client=(again := site.other()))
    assert site.send(SENT, again, code=codes[3]).status == 422
    assert site.send(SENT, again, code="").status == 422 and again.get("/strong").status == 401
    assert site.send(SENT, again, code=codes[4]).status == 303
    assert site.events().count("recovery-code-used") == 2
    assert f"<strong>{8}</strong>" in again.get("/account/factors", headers=BROWSER).text


def test_of_two_who_show_a_code_at_once_one_passes(tmp_path: object) -> None:
    site, clock = site_with("wsgi", url=f"sqlite:///{tmp_path}/recovery.db")
    with site.running(TOTP()):
        site.make()
        site.log_in()
        _, codes = set_up_totp(site, clock)
        browsers = [site.other() for _ in range(4)]
        for browser in browsers:
            site.log_in(client=browser)
        calls = [lambda each=each: site.send(SENT, each, code=codes[0]).status for each in browsers]
        assert sorted(at_once(*calls)) == [303, 422, 422, 422]
        assert site.events().count("recovery-code-used") == 1


def test_a_new_set_ends_the_one_before(made: tuple[Site, Clock, list[str]]) -> None:
    site, clock, codes = made
    answer = site.send("/account/factors/recovery-codes")
    fresh = CODES.findall(answer.text)
    assert len(fresh) == 10 and not {*fresh} & {*codes} and answer.headers["cache-control"] == "no-store"
    download = re.search(r'href="data:text/plain;charset=utf-8,([^"]+)" download="recovery-codes.txt"', answer.text)
    assert download is not None and unquote(download[1]).split()[2:] == fresh
    assert site.mails[-1].subject == "You have new recovery codes"
    site.log_in(client=(browser := site.other()))
    assert site.send(SENT, browser, code=codes[0]).status == 422
    assert site.send(SENT, browser, code=fresh[0]).status == 303
    clock.go_on(3600)  # Not by who finds a browser open.
    assert site.send("/account/factors/recovery-codes").headers["location"].startswith("/account/confirm-login")


def test_what_is_kept_opens_nothing(made: tuple[Site, Clock, list[str]]) -> None:
    """HMACs, under a key that is not in the database, over whose they are."""
    site, clock, codes = made
    kept = [digest for (digest,) in rows(site, "recovery_code", "digest")]
    assert len({*kept}) == 10 and not any(code.replace("-", "") in each for code in codes for each in kept)
    site.make(OTHER)
    site.log_in(OTHER, client=(other := site.other()))
    set_up_totp(site, clock, other)
    site.log_in(OTHER, client=(thief := site.other()))
    assert site.send(SENT, thief, code=codes[0]).status == 422  # Somebody else's.
    assert site.send(SENT, thief, code=kept[0]).status == 422


def test_codes_stay_when_the_app_s_secret_is_rotated(tmp_path: object) -> None:
    url, old, new = f"sqlite:///{tmp_path}/rotated.db", "o" * 40, "n" * 40
    site, clock = site_with(url=url, secret=old)
    with site.running(TOTP()):
        site.make()
        site.log_in()
        _, codes = set_up_totp(site, clock)
    for secret, status in (([new, old], 303), (new, 422)):
        site, _ = site_with(url=url, secret=secret)
        with site.running(TOTP()):
            site.log_in()
            assert site.send(SENT, code=codes.pop()).status == status


def test_who_has_no_second_factor_has_no_codes(kept: tuple[Site, Clock]) -> None:
    site, _ = begun_anew(*kept)
    site.make()
    site.log_in()
    assert site.send("/account/factors/recovery-codes").headers["location"] == "/account/factors"
    assert site.send(SENT, code="aaaaa-aaaaa").status == 422
    assert rows(site, "recovery_code", "id") == []
    assert site.log_in(password=PASSWORD, client=site.other()).headers["location"] == "/"
