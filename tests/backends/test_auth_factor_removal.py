"""Second factors that are taken away from who has lost them, on each database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from auth.authenticator import Authenticator
from auth.factors import Clock, rows, set_up_totp, site_with
from auth.site import BROWSER, Site
from wholestack.auth import TOTP, Accounts, Passkeys, held_factors, remove_factors
from wholestack.db import select
from wholestack.testing import Client

OPTIONS = {"accept": "application/json"}


@pytest.fixture(scope="module")
def running(url: str) -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with("wsgi", url=url)

    @site.app.post("/support/{email}/factors/remove")
    def take_away(email: str, kind: Any, accounts: Accounts[Any]) -> list[Any]:
        """As an app's own page for its support; who may is not what is tested."""
        gone = remove_factors(accounts, accounts.find(email), *([kind] if kind else []))
        return [gone.totp is not None, [each.name for each in gone.passkeys], gone.recovery]

    with site.running(TOTP(), Passkeys()):
        yield site, clock


@pytest.fixture
def ann(running: tuple[Site, Clock]) -> Iterator[str]:
    """A user whom no other test has, and who is gone afterwards."""
    site, _ = running
    user = site.make("ann@example.org")
    yield user.email
    with site.app.session() as db:
        db.delete(db.merge(user))
        event = site.auth.tables.event
        for each in db.scalars(select(event)):
            db.delete(each)


def come_in(site: Site, email: str) -> Client:
    site.log_in(email, client=(browser := site.other()))
    return browser


def add_passkey(site: Site, browser: Client, name: str) -> None:
    sent = Authenticator().create(browser.post("/account/passkeys/options", headers=OPTIONS).json())
    site.send("/account/passkeys", browser, name=name, credential=sent)


def take_away(site: Site, email: str, kind: str = "") -> list[Any]:
    found: list[Any] = site.client.post(f"/support/{email}/factors/remove?kind={kind}").expect(200).json()
    return found


def test_an_app_for_codes_and_all_that_hangs_on_it(running: tuple[Site, Clock], ann: str) -> None:
    site, clock = running
    browser = come_in(site, ann)
    set_up_totp(site, clock, browser)
    half = come_in(site, ann)
    assert half.get("/methods").json() == [] and browser.get("/methods").json()
    before, mails = Counter(site.events()), len(site.mails)
    assert take_away(site, ann, "totp") == [True, [], 10]
    assert Counter(site.events()) - before == Counter(["totp-removed", "recovery-codes-removed"])
    assert rows(site, "totp", "id") == [] and rows(site, "recovery_code", "id") == []
    assert browser.get("/methods").json() == [], "its session is over"
    # Who was half way in is no further by that.
    assert half.get("/account/second-factor", headers=BROWSER, follow=False).headers["location"] == "/account/login"
    (mail,) = site.mails[mails:]
    assert [str(each) for each in mail.to] == [ann]
    assert "- App for codes" in mail.text and "- Recovery codes" in mail.text and "Passkeys" not in mail.text
    assert "/account/factors" in mail.text
    assert site.log_in(ann, client=(again := site.other())).headers["location"] == "/"
    assert again.get("/methods").json() == ["pwd"]
    mails = len(site.mails)
    assert take_away(site, ann) == [False, [], 0] and len(site.mails) == mails, "there was nothing"
    assert again.get("/methods").json() == ["pwd"]


def test_one_kind_goes_and_the_others_stay(running: tuple[Site, Clock], ann: str) -> None:
    site, clock = running
    browser = come_in(site, ann)
    app, codes = set_up_totp(site, clock, browser)
    for name in ("Laptop", "Phone 🗝"):
        add_passkey(site, browser, name)
    with site.app.session() as db:
        held = held_factors(site.auth.accounts(site.app, db), site.find(ann))
        assert (held.totp is not None, [each.name for each in held.passkeys]) == (True, ["Laptop", "Phone 🗝"])
        assert held.recovery == 10 and held
    assert take_away(site, ann, "passkeys") == [False, ["Laptop", "Phone 🗝"], 0]
    assert rows(site, "passkey", "id") == [] and len(rows(site, "recovery_code", "id")) == 10
    assert site.events().count("passkey-removed") == 2
    assert "- Passkeys: Laptop, Phone 🗝" in site.mails[-1].text and "App" not in site.mails[-1].text
    half = come_in(site, ann)
    assert half.get("/methods").json() == []
    site.send("/account/second-factor", half, code=app.fresh())
    assert half.get("/methods").json() == ["mfa", "otp", "pwd"]
    assert take_away(site, ann, "recovery") == [False, [], 10]
    assert half.get("/methods").json() == []
    site.send("/account/second-factor/recovery", (half := come_in(site, ann)), code=codes[0])
    assert half.get("/methods").json() == [], "a recovery code that is gone lets nobody in"
    assert take_away(site, ann) == [True, [], 0]


def test_what_is_used_up_goes_too(running: tuple[Site, Clock], ann: str) -> None:
    site, clock = running
    _, codes = set_up_totp(site, clock, come_in(site, ann))
    for code in codes:
        site.send("/account/second-factor/recovery", come_in(site, ann), code=code)
    assert len(rows(site, "recovery_code", "id")) == 10
    assert take_away(site, ann, "totp") == [True, [], 0]
    assert rows(site, "recovery_code", "id") == []


def test_another_users_stay(running: tuple[Site, Clock], ann: str) -> None:
    site, clock = running
    bo = site.make("bo@example.org")
    set_up_totp(site, clock, come_in(site, ann))
    set_up_totp(site, clock, (browser := come_in(site, "bo@example.org")))
    take_away(site, ann)
    assert rows(site, "totp", "user_id") == [(bo.id,)] and browser.get("/methods").json() != []
    assert len(rows(site, "recovery_code", "id")) == 10
