"""What ASVS 5.0 asks of login as a whole: of each form that takes a password, and of what is made by chance."""

from __future__ import annotations

import random
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from auth.factors import Clock, begun_anew, rows, set_up_totp, site_with
from auth.site import BROWSER, EMAIL, PASSWORD, Site
from wholestack.auth import TOTP, MagicLink, OpenIDConnect, Passkeys, Tokens
from wholestack.openapi import document
from wholestack.testing import Client, log_in

NEVER = {"readonly", "disabled", "pattern", "inputmode", "data-no-paste"}
"""What keeps a password from a field, or a password manager out."""
TEN_YEARS = 10 * 365 * 86_400


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Site, Clock]]:
    site, clock = site_with()
    elsewhere = OpenIDConnect("example", "https://id.example.org", client_id="site", client_secret="s" * 32)
    with site.running(TOTP(), Passkeys(rp_id="localhost"), MagicLink(code=True), Tokens(), elsewhere):
        yield site, clock


@pytest.fixture
def here(kept: tuple[Site, Clock]) -> tuple[Site, Clock]:
    return begun_anew(*kept)


class Fields(HTMLParser):
    """The forms of a page: for each of its fields what it says, and what its form says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.form: dict[str, str | None] = {}
        self.found: dict[str, dict[str, str | None]] = {}
        self.forms: dict[str, dict[str, str | None]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.form = dict(attrs)
        elif tag == "input":
            told = dict(attrs)
            self.found[str(told.get("name"))] = told
            self.forms[str(told.get("name"))] = self.form


def forms_of(site: Site) -> dict[str, dict[str, Any]]:
    """What each form of login takes, by its path: as the app's own document says, so that none is left out."""
    told = document(site.app)
    found: dict[str, dict[str, Any]] = {}
    for path, ways in told["paths"].items():
        body = ways.get("post", {}).get("requestBody", {}).get("content", {})
        schema = body.get("application/x-www-form-urlencoded", {}).get("schema")
        if path.startswith("/account") and schema is not None:
            name = str(schema.get("$ref", "")).rpartition("/")[2]
            found[path] = told["components"]["schemas"].get(name, schema)["properties"]
    return found


def is_password(schema: dict[str, Any]) -> bool:
    return any(each.get("format") == "password" for each in [schema, *schema.get("anyOf", ())])


def pages(site: Site) -> dict[str, str]:
    """The page of each form that takes a password."""
    user = site.make()
    site.send("/account/sign-up", email="new@example.org", password=PASSWORD)
    confirm = site.link()
    site.send("/account/forgotten", email=EMAIL)
    links = {"/account/confirm/{token}": confirm, "/account/reset/{token}": site.link()}
    inside = site.other()
    log_in(inside, user)
    found = {}
    for path, fields in forms_of(site).items():
        if any(map(is_password, fields.values())):
            visitor = path in {"/account/login", "/account/sign-up"} or path in links
            client: Client = site.other() if visitor else inside
            found[path] = client.get(links.get(path, path), headers=BROWSER, follow=False).expect(200).text
    return found


def test_every_password_is_hidden_may_be_pasted_and_is_known_to_password_managers(here: tuple[Site, Clock]) -> None:
    """ASVS 6.2.6 and 6.2.7, by the attributes of each field: 5.1.1.2 of NIST SP 800-63B asks the same."""
    site, _ = here
    told, found = forms_of(site), pages(site)
    assert len(found) == 9
    for path, page in found.items():
        shown = Fields(page)
        for name in (name for name, schema in told[path].items() if is_password(schema)):
            field, form = shown.found[name], shown.forms[name]
            assert field["type"] == "password", path
            fresh = name == "new" or path in {"/account/sign-up", "/account/reset/{token}"}
            assert field["autocomplete"] == ("new-password" if fresh else "current-password"), path
            assert not NEVER & set(field) and form.get("autocomplete", "on") == "on", path
            assert not [each for each in [*field, *form] if each.startswith("on")], path
            assert "maxlength" not in field, path  # A browser would cut what is pasted, without a word.
    for path in ("/account/login", "/account/sign-up"):  # Under which name a manager keeps it.
        assert Fields(found[path]).found["email"]["autocomplete"] == "username"


def test_no_form_asks_for_a_hint_or_a_secret_question(here: tuple[Site, Clock]) -> None:
    """ASVS 6.4.2: all that any form of login asks for, by its name. Who adds one has thought about it."""
    site, _ = here
    asked = {name for fields in forms_of(site).values() for name in fields}
    by_others = {"credential", "state", "iss", "error", "logout_token"}
    assert asked - by_others == {
        *("email", "password", "old", "new", "remember", "sure", "code", "name", "scopes", "days")
    }
    site.make()
    page = site.client.get("/account/forgotten", headers=BROWSER).text
    assert {*Fields(page).found} == {"csrf_token", "email"}


def test_a_password_is_good_for_as_long_as_its_owner_likes(here: tuple[Site, Clock]) -> None:
    """ASVS 6.2.10: after ten years nobody is asked for another."""
    site, clock = here
    site.make()
    assert site.log_in().headers["location"] == "/"
    before = site.find().password
    clock.go_on(TEN_YEARS)
    browser = site.other()
    assert site.log_in(client=browser).headers["location"] == "/"
    assert browser.get("/methods").json() == ["pwd"] and browser.get("/fresh").text == "fresh"
    assert site.find().password == before and site.find().login_version == 1


def test_there_is_no_account_that_nobody_has_made() -> None:
    """ASVS 6.3.2: of a database that is new, and after an app has begun on it."""
    site, _ = site_with()
    with site.running(TOTP(), Tokens()):
        site.client.get("/account/login", headers=BROWSER).expect(200)
        tables = {table.name: table for table in site.tables}
        with site.app.session() as db:
            kept = {name: db.execute(table.select()).all() for name, table in tables.items() if "session" not in name}
        assert len(kept) > 5 and not any(kept.values())
        for name in ("admin", "root", "user", "test", "guest", "sa", "admin@example.org"):
            assert site.log_in(f"{name}@testserver" if "@" not in name else name, name).status == 422


def test_what_is_secret_comes_from_no_source_that_can_be_wound_back(here: tuple[Site, Clock]) -> None:
    """ASVS 6.5.3: links, codes, seeds and tokens of two worlds in which Python's own source of chance is the same."""
    site, clock = here
    made: list[set[str]] = []
    for _ in range(2):
        site.anew()
        random.seed(1)
        made.append(secrets_of(site, clock))
    assert len(made[0]) == len(made[1]) == 15
    assert not made[0] & made[1]


def secrets_of(site: Site, clock: Clock) -> set[str]:
    """A link, a mailed code, a seed, ten recovery codes, the text of a token, and a session."""
    site.make()
    site.send("/account/forgotten", email=EMAIL)
    link = site.link()
    site.send("/account/mail-login", email=EMAIL)
    mailed = next(each for each in site.mails[-1].text.split() if each.isdigit() and len(each) == 8)
    site.log_in()
    app, codes = set_up_totp(site, clock)
    assert len(app.secret) == 20 and len(link.rpartition("/")[2]) == 43
    token = site.client.post("/account/tokens", json={"name": "A program"}).expect(201).json()["token"]
    assert rows(site, "token", "name") == [("A program",)]
    return {link, mailed, str(app.secret), *codes, token, site.client.cookies["session"]}
