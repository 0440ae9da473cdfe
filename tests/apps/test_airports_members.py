"""The members of the richest example in a real browser, served over ASGI and WSGI, on SQLite and PostgreSQL: from sign-up to a
program that writes with a token.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import databases
from auth.factors import SECRET, PhoneApp
from servers.serving import Serving, until

EMAIL, PASSWORD = "zoe@flyers.example", "green tea at half past four"
LINK = re.compile(r"http://localhost:8000(/account/confirm/\S+)")
APP = "examples/airports/app.py"
SERVERS = {"asgi": (), "wsgi": ("--server", "granian", "--interface", "wsgi")}
WIDE = {"width": 1100, "height": 900}

pytestmark = pytest.mark.services("chromium")


class Now:
    """The clock on the wall."""

    @property
    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)


@contextmanager
def served(folder: Path, interface: str, kind: str) -> Iterator[tuple[Serving, dict[str, str]]]:
    """The example on a database of its own, which its migrations have made, and its environment; mails are printed."""
    with databases.fresh(kind, folder) as url:
        own = {
            "DATABASE_URL": url,
            "SECRET_KEY": "a long text that nobody can guess, for a test",
            "MAIL_URL": "console:",
        }
        own |= {"AIRPORTS_UPLOADS": str(folder / "uploads")}
        command(own, "db", "migrate", APP)
        with Serving("serve", APP, "--port", "0", *SERVERS[interface], environment=own) as server:
            yield server.ready(), own


@pytest.mark.parametrize(("interface", "kind"), [("asgi", "sqlite"), ("wsgi", "postgresql")])
def test_from_sign_up_to_a_program_with_a_token(
    service: Callable[[str], str], browser: Callable[[str], Any], tmp_path: Path, interface: str, kind: str
) -> None:
    wrong: list[str] = []
    with served(tmp_path, interface, kind) as (server, own):
        # Passkeys are for no address of numbers.
        address = f"http://localhost:{server.port}"
        context = browser(service("chromium")).new_context(base_url=address, viewport=WIDE, locale="en")
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        with_authenticator(page)
        try:
            sign_up(page, server)
            come_in_by_passkey(page)
            set_up_codes(page)
            keep_a_book(page)
            command(own, "user", "role", "--app", APP, "writers", "airport.write")
            command(own, "user", "grant", APP, EMAIL, "--role", "writers")
            token = make_token(page)
        finally:
            context.close()
        assert [added(address, each) for each in (None, f"{token}x")] == [401, 401]
        assert added(address, token) == 201
        with urllib.request.urlopen(f"{address}/airports/ZZ9", timeout=20) as answer:
            assert json.load(answer)["name"] == "Zoë's field"
    assert [text for text in wrong if "the server responded with a status of" not in text] == []


def with_authenticator(page: Any) -> None:
    """Put a virtual authenticator into the page's browser."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    told = {**kind, "isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": told})


def command(own: dict[str, str], *words: str) -> None:
    """Run a command of the framework on the example."""
    with Serving(*words, environment=own) as running:
        assert running.process.wait(60) == 0, running.output


# -- what a member does ------------------------------------------------------------------------------------------------


def sign_up(page: Any, server: Serving) -> None:
    """Make an account, and prove its address by the link of the mail, in the same browser."""
    page.goto("/account/sign-up")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Your name").fill("Zoë")
    page.get_by_role("button", name="Make an account").click()
    page.get_by_role("heading", name="Look at your mail").wait_for()
    found = until(lambda: LINK.search(server.output), what="the mail")
    page.goto(found[1])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("your e-mail address is confirmed").wait_for()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("heading", name="Found a flying club").wait_for()


def come_in_by_passkey(page: Any) -> None:
    """Make a passkey, log out, and come back with nothing else."""
    page.goto("/account/factors")
    page.get_by_label("What this passkey is to be called").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    page.goto("/account")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url("**/account/login")
    page.goto("/account/login?next=/account/factors")  # The browser offers it where the name is typed.
    page.get_by_text("This laptop", exact=True).wait_for()


def set_up_codes(page: Any) -> None:
    """Set an app for codes up, by the secret beside the picture."""
    page.get_by_role("button", name="Set up an app for codes").click()
    secret = SECRET.search(page.content())
    assert secret is not None
    phone = PhoneApp(base64.b32decode(secret[1].replace(" ", "")), Now())  # type: ignore[arg-type]
    page.get_by_label("Code", exact=True).fill(phone.code())
    page.get_by_role("button", name="Set it up").click()
    page.get_by_text("Your app for codes is set up.").wait_for()


def keep_a_book(page: Any) -> None:
    """Found a club, and write a flight into its book."""
    page.goto("/club/")
    page.get_by_label("Name of the club").fill("Early Birds")
    page.get_by_role("button", name="Found it").click()
    page.get_by_text("No flights yet.").wait_for()
    page.get_by_label("From").fill("jfk")
    page.get_by_label("To", exact=True).fill("QQQ")
    page.get_by_label("Day").fill("2026-03-04")
    page.get_by_role("button", name="Add the flight").click()
    page.get_by_text("No airport has this code.").first.wait_for()
    page.get_by_label("To", exact=True).fill("HNL")
    page.get_by_role("button", name="Add the flight").click()
    page.get_by_text("The flight is in the book.").wait_for()
    assert page.get_by_role("row").all_inner_texts()[-1].split() == ["2026-03-04", "JFK", "HNL"]


def make_token(page: Any) -> str:
    """Make a token that changes airports; its text, which is shown this once."""
    page.goto("/account/tokens")
    page.get_by_role("link", name="Make a token").click()
    page.get_by_label("Name", exact=True).fill("The weather station")
    page.get_by_label("Change airports").check()
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("heading", name="Your new token").wait_for()
    return str(page.locator("#token").input_value())


def added(address: str, token: str | None) -> int:
    """The status of a program's wish to add an airport."""
    place = {"name": "Zoë's field", "city": "Nowhere", "state": "AK", "latitude": 60.5, "longitude": -150.25}
    shown = {} if token is None else {"authorization": f"Bearer {token}"}
    headers = {"content-type": "application/json", **shown}
    body = json.dumps({"code": "ZZ9", **place}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{address}/airports", body, headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
