"""Second factors in a real browser: passkeys of Chromium's virtual authenticator, and pages without JavaScript."""

from __future__ import annotations

import base64
import datetime
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from auth.factors import SECRET, PhoneApp, easy
from auth.site import PASSWORD, Site
from browsing import serving
from wholestack import HTML
from wholestack.auth import TOTP, Identity, MagicLink, Passkeys, mfa
from wholestack.middleware import SecurityHeaders


class Now:
    """The clock on the wall."""

    @property
    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)


class Place:
    """The served site's address, and users who have nothing but a password: a new one for each test, and each try."""

    def __init__(self, address: str, emails: list[str]) -> None:
        self.address = address
        self.emails = emails


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site with every second factor, at `localhost`: passkeys are for no address of numbers."""
    site = Site(url=f"sqlite:///{tmp_path_factory.mktemp('site')}/site.db", throttle=easy())

    @site.app.get("/strong", needs=mfa())
    def strong(identity: Identity[Any]) -> HTML:
        # With an icon, which the browser would ask for otherwise.
        return HTML(f'<!doctype html><link rel="icon" href="data:,"><p>{" ".join(sorted(identity.methods))}</p>')

    emails = [f"user{number}@example.org" for number in range(9)]
    plugins = (TOTP(), Passkeys(rp_id="localhost"), MagicLink(), SecurityHeaders())
    with site.running(*plugins), serving(site.app) as address:
        for email in emails:
            site.make(email)
        yield Place(address.replace("127.0.0.1", "localhost"), emails)


@pytest.fixture
def email(place: Place) -> str:
    """The address of a user."""
    return place.emails.pop()


@pytest.fixture
def tab(place: Place, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """`tab(javascript=False)`: a page, of which nothing may be wrong in the console; `fills` says whether its browser
    offers passkeys where a name is typed. The virtual authenticator takes such an offer at once.
    """
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(*, javascript: bool = True, fills: bool = True) -> Any:
        context = browser(service("chromium")).new_context(java_script_enabled=javascript, base_url=place.address)
        opened.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
        )
        if not fills:
            page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
        return page

    yield open_tab
    for context in opened:
        context.close()
    assert [text for text in said if "422" not in text and "403" not in text] == []


def log_in(page: Any, email: str, next: str = "/account/factors") -> None:
    page.goto(f"/account/login?next={next}")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def with_authenticator(page: Any) -> tuple[Any, str]:
    """Put a virtual authenticator into a page's browser; what speaks to it, and its name."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    told = {**kind, "isUserVerified": True, "automaticPresenceSimulation": True}
    return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": told})["authenticatorId"]


def add_passkey(page: Any, name: str) -> None:
    page.get_by_label("What this passkey is to be called").fill(name)
    page.get_by_role("button", name="Add a passkey").click()


def test_a_passkey_instead_of_a_password(tab: Callable[..., Any], email: str) -> None:
    page = tab()
    devtools, key = with_authenticator(page)
    log_in(page, email)
    add_passkey(page, "This laptop")
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_text("This laptop", exact=True).wait_for()
    [kept] = devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
    assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)
    add_passkey(page, "The same")  # An authenticator holds one for each user.
    page.get_by_role("alert").filter(has_text="That did not work").wait_for()
    page.context.clear_cookies()
    page.goto("/account/login?next=/strong")  # The browser offers it where the name is typed.
    page.get_by_text("hwk user", exact=True).wait_for()
    # Without a finger or a code it is none of its own.
    page.context.clear_cookies()
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    page.goto("/account/login?next=/strong")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.get_by_role("alert").filter(has_text="That did not work").wait_for()
    assert page.url.endswith("/account/login?next=/strong")


def test_a_passkey_after_a_password(tab: Callable[..., Any], email: str) -> None:
    page = tab(fills=False)
    with_authenticator(page)
    log_in(page, email)
    add_passkey(page, "A key")
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    page.context.clear_cookies()
    log_in(page, email, "/strong")
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_text("hwk mfa pwd", exact=True).wait_for()
    page.context.clear_cookies()
    page.goto("/account/login?next=/strong")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.get_by_text("hwk user", exact=True).wait_for()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_picture_is_read_as_a_camera_does(
    tab: Callable[..., Any], email: str, service: Callable[[str], str], tmp_path: Path, colours: str
) -> None:
    """Of the pixels that are seen, by a reader of its own (ZBar): what stands beside them in letters."""
    reader = service("zbarimg")
    page = tab(javascript=False)
    page.emulate_media(color_scheme=colours)
    log_in(page, email)
    page.get_by_role("button", name="Set up an app for codes").click()
    page.get_by_role("img", name="QR code").screenshot(path=tmp_path / "seen.png")
    read = subprocess.run(
        [reader, "--quiet", "--raw", tmp_path / "seen.png"], capture_output=True, text=True, check=True
    )
    address = urlsplit(read.stdout.strip())
    secret = SECRET.search(page.content())
    assert secret is not None
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path).endswith(f":{email}")
    assert parse_qs(address.query)["secret"] == [secret[1].replace(" ", "")]


def test_an_app_for_codes_without_javascript(tab: Callable[..., Any], email: str) -> None:
    page = tab(javascript=False)
    log_in(page, email)
    page.get_by_role("button", name="Set up an app for codes").click()
    picture = page.get_by_role("img", name="QR code").bounding_box()
    assert picture["width"] == picture["height"] > 200
    secret = SECRET.search(page.content())
    assert secret is not None
    app = PhoneApp(base64.b32decode(secret[1].replace(" ", "")), Now())  # type: ignore[arg-type]
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Set it up").click()
    codes = page.locator("code").all_inner_texts()
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download").click()
    with open(loading.value.path(), encoding="utf-8") as file:
        assert (loading.value.suggested_filename, file.read().split()[2:]) == ("recovery-codes.txt", codes)
    page.context.clear_cookies()
    log_in(page, email, "/strong")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("mfa otp pwd", exact=True).wait_for()
    page.context.clear_cookies()
    log_in(page, email, "/strong")
    page.get_by_label("Code", exact=True).fill(app.code(30))
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("mfa otp pwd", exact=True).wait_for()
