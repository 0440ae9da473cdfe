"""C19, mass assignment: each form of login is sent as it should be, and with more than it shows; no row takes any of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest

from auth.factors import Clock, PhoneApp, easy, set_up_totp
from auth.site import BROWSER, PASSWORD, Site
from auth.test_asvs import forms_of
from wholestack.auth import TOTP, MagicLink, OpenIDConnect, Passkeys, Tokens
from wholestack.db import update
from wholestack.testing import Answer, Client

NEW, NEWER = "a wholly new password", "one that is newer yet"
FORGED_KEY = "00000000-0000-4000-8000-00000f0a6ed0"
FORGED: dict[str, Any] = {
    **dict.fromkeys(("is_superuser", "is_staff", "remember_me", "admin"), "true"),
    **dict.fromkeys(("is_active", "confirmed"), "false"),
    **dict.fromkeys(("id", "user_id", "user", "owner_id", "key"), FORGED_KEY),
    **dict.fromkeys(("login_version", "version", "failures", "counter", "sign_count"), "909"),
    **dict.fromkeys(("nickname", "hint", "digest", "hashed", "roles", "permissions", "purpose", "kind"), "forged"),
    **dict.fromkeys(("secret", "address", "subject", "issuer", "data", "agent", "pair", "methods"), "forged"),
    **dict.fromkeys(
        ("created_at", "expires_at", "used_at", "confirmed_at", "email_confirmed_at"), "2001-01-01T00:00:00Z"
    ),
    **dict.fromkeys(("last_login_at", "last_used_at"), "2001-01-01T00:00:00Z"),
}
NESTED = {name: dict(FORGED) for name in ("user", "account", "form", "data", "__dict__")}
"""As JSON has it; a form has it by points and by brackets."""
SIGNED = {
    *("/account/passkey", "/account/passkeys", "/account/passkeys/{key}/rename", "/account/second-factor/passkey"),
    *("/account/external/{name}/callback", "/account/external/{name}/ended"),
}
"""What is sent there is signed by somebody else, or is a name alone; `test_passkeys` and `test_oidc` send it."""


class Forging(Site):
    """A site whose visitors send more than they are asked for, and which looks at its rows each time."""

    kind = "form"
    paths: set[str] = set()

    def send(self, path: str, client: Client | None = None, /, **data: Any) -> Answer:
        sent: dict[str, Any]
        if self.kind == "json":
            sent = {"json": {**NESTED, **FORGED, **data}}
            sent["json"] |= {"user": NESTED["user"]}
        else:
            beside = {f"user.{name}": each for name, each in FORGED.items()}
            beside |= {f"user[{name}]": each for name, each in FORGED.items()}
            sent = {"data": {**FORGED, **beside, **data}}
        answer = (client or self.client).post(path, headers=BROWSER, follow=False, **sent)
        assert answer.status in {200, 201, 303}, (path, answer.status, answer.text)
        self.paths.add(re.sub(r"/[\w-]{43}$", "/{token}", path.partition("?")[0]))
        self.untouched(path)
        return answer

    def untouched(self, path: str) -> None:
        with self.app.session() as db:
            for table in self.tables:
                for row in db.execute(table.select()).mappings():
                    for name, value in row.items():
                        assert not is_forged(name, value), (path, table.name, name, value)


def is_forged(name: str, value: Any) -> bool:
    if isinstance(value, datetime.datetime | datetime.date):
        return value.year == 2001
    if isinstance(value, bool):
        return (value and name in {"is_staff", "is_superuser"}) or (not value and name == "is_active")
    return "forged" in str(value) or str(value) in {FORGED_KEY, FORGED_KEY.replace("-", ""), "909"} or value == 909


@pytest.fixture(scope="module")
def kept() -> Iterator[Forging]:
    elsewhere = OpenIDConnect("example", "https://id.example.org", client_id="site", client_secret="s" * 32)
    site = Forging(clock=Clock(), throttle=easy())
    with site.running(TOTP(), Passkeys(rp_id="localhost"), MagicLink(code=True), Tokens(), elsewhere):
        yield site


@pytest.mark.parametrize("kind", ["form", "json"])
def test_C19_through_the_whole_life_of_an_account(kept: Forging, kind: str) -> None:
    site: Any = kept.anew()
    site.kind, site.paths = kind, set()
    begin(site)
    app, codes = change(site)
    second(site, app, codes)
    end(site)
    assert {*forms_of(site)} - site.paths == SIGNED


def begin(site: Any) -> None:
    site.send("/account/sign-up", email="mallory@example.org", password=PASSWORD)
    site.send(site.link())
    site.send("/account/login", email="mallory@example.org", password=PASSWORD)
    site.send("/account/logout")
    site.send("/account/forgotten", email="mallory@example.org")
    site.send(site.link(), password=NEW)
    site.send("/account/login", email="mallory@example.org", password=NEW, remember="true")
    site.send("/account/confirm-login", password=NEW)


def change(site: Any) -> tuple[PhoneApp, list[str]]:
    site.send("/account/password", old=NEW, new=NEWER)
    site.send("/account/email", email="second@example.org", password=NEWER)
    for link in (site.link(-2), site.link(-1)):
        site.send(link)
    assert site.find("second@example.org") is not None
    token = site.send("/account/tokens", name="A program")
    assert token.status == 201
    return set_up_totp(site, site.auth.terms.clock)


def second(site: Any, app: PhoneApp, codes: list[str]) -> None:
    for path, code in (("/account/second-factor", app.fresh), ("/account/second-factor/recovery", codes.pop)):
        browser = site.other()
        site.send("/account/login", browser, email="second@example.org", password=NEWER)
        site.send(path, browser, code=code())
    browser = site.other()
    site.send("/account/mail-login", browser, email="second@example.org")
    mailed = next(each for each in site.mails[-1].text.split() if each.isdigit() and len(each) == 8)
    site.send("/account/mail-login/code", browser, code=mailed)


def end(site: Any) -> None:
    site.send("/account/password/remove", password=NEWER)
    site.send("/account/close", sure="true")
    assert site.find("second@example.org") is None


def test_what_is_forged_would_be_seen(kept: Forging) -> None:
    site: Any = kept.anew()
    site.make()
    for column, value in (("is_staff", True), ("nickname", "a forged one"), ("login_version", 909)):
        with site.app.session() as db:
            before = getattr(site.find(), column)
            db.execute(update(site.user).values({column: value}))
        with pytest.raises(AssertionError):
            site.untouched("/")
        with site.app.session() as db:
            db.execute(update(site.user).values({column: before}))
    site.untouched("/")
