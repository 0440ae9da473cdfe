"""Each page of login as somebody sees it, for the checker of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wholestack.auth
from auth.factors import Clock, set_up_totp, site_with
from auth.site import BROWSER, EMAIL, PASSWORD, Site
from wholestack.auth import TOTP, MagicLink, OpenIDConnect, Passkeys, Tokens
from wholestack.languages import Languages
from wholestack.testing import Client

TITLE = re.compile(r"<title>(.*?)</title>")
WRITTEN = re.compile(r"""{% block title %}{{ text\("(.*?)"\) }}""")
ELSEWHERE = {"You are logged out"}
"""Shown by a provider that ends its own session, too: by tests of providers."""


class Seen:
    """The pages that were asked for, by name."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}

    def look(self, client: Client, path: str, language: str = "en", **form: Any) -> str:
        """Ask for a page, or send its form; where it leads on, that page."""
        headers = {**BROWSER, "accept-language": language}
        answer = (
            client.post(path, data=form, headers=headers, follow=True)
            if form
            else client.get(path, headers=headers, follow=True)
        )
        assert (answer.headers["content-type"] or "").startswith("text/html") and answer.status < 500, (
            f"{path} {answer.status}"
        )
        self.pages[f"login-{language}-{'post' if form else 'get'}-{path}-{answer.status}-{len(self.pages)}"] = (
            answer.text
        )
        return answer.text


def from_outside(seen: Seen, site: Site) -> None:
    here, other = site.other(), site.other()
    for path in ("login", "sign-up", "forgotten", "mail-login"):
        seen.look(here, f"/account/{path}")
    seen.look(here, "/account/login", email=EMAIL, password="wrong")
    seen.look(here, "/account/login", "ar", email="x", password="")
    seen.look(here, "/account/sign-up", email="x", password="short")
    seen.look(here, "/account/sign-up", email="new@example.org", password=PASSWORD)
    link = site.link()
    seen.look(here, link)
    seen.look(other, link)  # With a field for the password.
    for path in ("confirm/used", "reset/used", "new-email/used", "mail-login/used", "external/example/proof/used"):
        seen.look(here, f"/account/{path}")
    seen.look(here, "/account/forgotten", email=EMAIL)
    seen.look(here, site.link())
    seen.look(here, "/account/mail-login", email=EMAIL)
    seen.look(here, site.link())
    seen.look(other, site.link())


def from_inside(seen: Seen, site: Site, clock: Clock) -> None:
    site.log_in()
    here, tables, user = site.client, site.auth.tables, site.find()
    paths = ("", "/password", "/password/remove", "/email", "/close", "/logout", "/confirm-login", "/external")
    for path in (*paths, "/factors", "/tokens/new"):
        seen.look(here, f"/account{path}")
    seen.look(here, "/account", "ar")
    seen.look(here, "/account/tokens", name="A & <program>", scopes="*", days="7")
    seen.look(here, "/account/tokens", name="", days="0")
    seen.look(here, "/account/tokens")
    seen.look(here, "/account/password", old="wrong", new="short")
    seen.look(here, "/account/email", email="else@example.org", password=PASSWORD)
    seen.look(here, site.link())
    site.send("/account/factors/totp/begin")
    seen.look(here, "/account/factors/totp")
    set_up_totp(site, clock)
    with site.app.session() as db:
        held = {"verifies": False, "copyable": True, "backed_up": True}
        db.add(tables.passkey(user_id=user.id, name="Key & <ring>", credential="a", public_key=b"", **held))
    seen.look(here, "/account/factors", "ar")
    seen.look(here, "/account/factors/recovery-codes", sent="again")
    site.log_in(client=(half := site.other()))
    seen.look(half, "/account/second-factor")
    seen.look(half, "/account/second-factor", code="000000")
    seen.look(half, "/account/second-factor/recovery")


def pages_of_login() -> Iterator[tuple[str, str]]:
    """All of them, each in English and some from the right."""
    seen = Seen()
    site, clock = site_with()
    external = OpenIDConnect("example", "https://id.example.org", client_id="site", client_secret="s" * 32)
    with site.running(TOTP(), Passkeys(rp_id="testserver"), MagicLink(), Tokens(), external, Languages("en", "ar")):
        site.make()
        from_outside(seen, site)
        from_inside(seen, site, clock)
    site, clock = site_with()
    with site.running(MagicLink(code=True)):
        seen.look(site.client, "/account/mail-login", email=EMAIL)
    titles = {found[1] for text in seen.pages.values() for found in TITLE.finditer(text)}
    folder = Path(wholestack.auth.__file__).parent
    there = {each for page in folder.glob("pages*/account/*.html") for each in WRITTEN.findall(page.read_text("utf-8"))}
    assert there - {each.replace("&#39;", "'") for each in titles} == ELSEWHERE
    yield from seen.pages.items()
