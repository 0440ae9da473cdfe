"""What counts once counts once on each database: codes, recovery codes, passkeys and links, shown at the same moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth.authenticator import Authenticator
from auth.factors import at_once, rows, set_up_totp, site_with
from auth.site import Site
from wholestack.auth import TOTP, MagicLink, Passkeys
from wholestack.testing import Client

OPTIONS = {"accept": "application/json"}


@pytest.fixture(scope="module")
def site(url: str) -> Iterator[Site]:
    site, _ = site_with("wsgi", url=url)
    with site.running(TOTP(), Passkeys(), MagicLink()):
        yield site


def clients(site: Site, cookies: dict[str, str] | None = None) -> list[Client]:
    made = [site.other() for _ in range(4)]
    for each in made:
        each.cookies.update(cookies or {})
    return made


def let_in(browsers: list[Client]) -> int:
    return sum(bool(browser.get("/methods").json()) for browser in browsers)


def test_codes_and_recovery_codes(site: Site) -> None:
    clock = site.auth.terms.clock
    site.make("codes@example.org")
    site.log_in("codes@example.org", client=(browser := site.other()))
    app, codes = set_up_totp(site, clock, browser)  # type: ignore[arg-type]

    def show(path: str, code: str) -> int:
        browsers = clients(site)
        for each in browsers:
            site.log_in("codes@example.org", client=each)
        at_once(*(lambda each=each: site.send(path, each, code=code) for each in browsers))
        return let_in(browsers)

    assert show("/account/second-factor", app.fresh()) == 1
    assert show("/account/second-factor/recovery", codes[0]) == 1
    assert site.events().count("recovery-code-used") == 1


def test_passkeys(site: Site) -> None:
    site.make("key@example.org")
    site.log_in("key@example.org", client=(browser := site.other()))
    key = Authenticator()
    key.id = b"x" * 1023  # As long as they may be.
    asked = browser.post("/account/passkeys/options", headers=OPTIONS).json()
    sent = key.create(asked)
    site.send("/account/passkeys", browser, name="🗝 A key", credential=sent)
    assert [name for (name,) in rows(site, "passkey", "name")] == ["🗝 A key"]
    visitor = site.other()
    sent = key.show(visitor.post("/account/passkey/options", headers=OPTIONS).json())
    browsers = clients(site, dict(visitor.cookies))
    at_once(*(lambda each=each: site.send("/account/passkey", each, credential=sent) for each in browsers))
    assert let_in(browsers) == 1


def test_links(site: Site) -> None:
    site.make("link@example.org")
    site.send("/account/mail-login", (visitor := site.other()), email="link@example.org")
    browsers = clients(site, dict(visitor.cookies))
    at_once(*(lambda each=each: site.send(site.link(), each) for each in browsers))
    assert let_in(browsers) == 1
