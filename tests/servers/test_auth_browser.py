"""The pages of login in a real browser: by the keyboard alone, without JavaScript, and for everybody."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wholestack.auth
from apps.clients.tools import with_node_modules
from auth.factors import SECRET, PhoneApp, easy
from auth.site import EMAIL, LINK, PASSWORD, Site, User
from browsing import serving
from servers.serving import until
from wholestack.auth import TOTP, MagicLink, OpenIDConnect, Passkeys, Tokens
from wholestack.languages import Languages
from wholestack.middleware import SecurityHeaders

SERIOUS = """
rules => axe.run(rules ? {runOnly: rules} : {}).then(found => found.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary}`)))
"""
SEEN = [
    "color-contrast",
    "target-size",
    "link-in-text-block",
    "scrollable-region-focusable",
    "valid-lang",
    "html-has-lang",
]
"""What can be another thing in other colours, or from the right."""
TITLE = re.compile(r'{% block title %}{{ text\("([^"]+)"\)')
CURRENT = "current-password"
COPY = """
text => {
    const field = document.body.appendChild(document.createElement("textarea"))
    field.value = text
    field.select()
    document.execCommand("copy")
    field.remove()
}
"""
FROM_THE_RIGHT = "() => { document.documentElement.dir = 'rtl'; document.documentElement.lang = 'ar' }"
ELSEWHERE = {"You are logged out"}
"""A line and two links, for who has come in at a provider that can log out, too."""
NEW = "a wholly new password"
PASSWORDS = "form.form input[type=password]"
ANNS = [f"ann{number}@example.org" for number in range(6)]
"""One for each try of a test: what she sets up stays."""

pytestmark = pytest.mark.services("chromium")


class Now:
    """The clock on the wall."""

    @property
    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)


class Served:
    """The site, and where it is."""

    def __init__(self, site: Site, address: str) -> None:
        self.site = site
        self.address = address
        self.anns = iter(ANNS)

    def mailed(self, kind: str, to: str) -> str:
        """The path of the link of a kind that was mailed to somebody; mail goes out after the answer."""

        def found() -> str:
            texts = (each.text for each in self.site.mails if str(each.to[0].address) == to)
            links = [path for text in texts for path in LINK.findall(text) if path.startswith(f"/account/{kind}/")]
            return links[-1] if links else ""

        return str(until(found, what=f"a mail to {to}"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    site = Site(url=f"sqlite:///{tmp_path_factory.mktemp('site')}/site.db", throttle=easy())

    @site.app.get("/me")
    def me(user: User) -> str:
        return user.email

    external = OpenIDConnect("example", "https://id.example.org", client_id="site", client_secret="s" * 32)
    plugins = (TOTP(), Passkeys(rp_id="localhost"), MagicLink(code=True), Tokens(), external)
    with site.running(*plugins, SecurityHeaders(), Languages("en", "ar")), serving(site.app) as address:
        for each in ANNS:
            site.make(each)
        yield Served(site, address.replace("127.0.0.1", "localhost"))


@pytest.fixture
def tab(served: Served, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """`tab(javascript=False)`: a page, of which nothing may be wrong in the console."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(*, javascript: bool = True, **options: Any) -> Any:
        context = browser(service("chromium")).new_context(java_script_enabled=javascript, **options)
        opened.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
        )
        return page

    yield open_tab
    for context in opened:
        context.close()
    # The browser itself says that an answer was an error, which some of these are.
    assert [each for each in said if "the server responded with a status of" not in each] == []


class Keyboard:
    """Somebody who has no mouse."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def reach(self, what: Any) -> None:
        """Go on with the tabulator until this has the focus, and is seen to have it."""
        for _ in range(60):
            if what.evaluate("each => each === document.activeElement"):
                ring = what.evaluate("each => parseFloat(getComputedStyle(each).outlineWidth)")
                assert ring >= 2, what
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{what} is never reached")

    def type(self, label: str, text: str) -> None:
        self.reach(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)

    def press(self, role: str, name: str, key: str = "Enter") -> None:
        self.reach(self.page.get_by_role(role, name=name, exact=True))
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def heading(self) -> str:
        return str(self.page.get_by_role("heading", level=1).inner_text())


def test_from_sign_up_to_logout_by_the_keyboard_and_without_javascript(tab: Callable[..., Any], served: Served) -> None:
    page = tab(javascript=False)
    keys = Keyboard(page)
    page.goto(f"{served.address}/account/login?next=/me")
    keys.press("link", "Make an account")
    keys.type("E-mail address", EMAIL)
    keys.type("Password", "short")
    keys.press("button", "Make an account")
    assert page.get_by_label("Password").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("E-mail address").input_value() == EMAIL
    keys.type("Password", PASSWORD)
    keys.press("button", "Make an account")
    assert keys.heading() == "Look at your mail"
    page.goto(served.address + served.mailed("confirm", EMAIL))
    keys.press("button", "Confirm", "Space")
    assert keys.heading() == "Log in"
    page.get_by_text("your e-mail address is confirmed").wait_for()
    keys.type("E-mail address", EMAIL)
    keys.type("Password", PASSWORD)
    keys.reach(page.get_by_label("Stay logged in on this device"))
    page.keyboard.press("Space")
    keys.press("button", "Log in")
    page.goto(f"{served.address}/me")
    assert page.locator("body").inner_text() == EMAIL
    page.goto(f"{served.address}/account")
    keys.press("link", "Change the password")
    keys.type("Old password", "not this one")
    keys.type("New password", NEW)
    keys.press("button", "Change the password")
    page.get_by_text("This is not your password.").first.wait_for()
    keys.type("Old password", PASSWORD)
    keys.type("New password", NEW)
    keys.press("button", "Change the password")
    page.get_by_text("Your password is changed.").wait_for()
    keys.press("button", "Log out")
    page.get_by_text("You are logged out.").wait_for()
    page.goto(f"{served.address}/account")
    assert keys.heading() == "Log in"
    keys.type("E-mail address", EMAIL)
    keys.type("Password", NEW)
    keys.press("button", "Log in")
    assert keys.heading() == "Your account"


class Everybody:
    """Looks at pages for everybody, and says on which of them there is something serious."""

    def __init__(self, page: Any, served: Served) -> None:
        self.page = page
        self.address = served.address
        self.ann = next(served.anns)
        self.axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
        self.found: dict[str, list[str]] = {}
        self.seen: set[str] = set()

    def look(self, path: str = "") -> None:
        """In light and in dark, and from the right."""
        page = self.page
        if path:
            page.goto(self.address + path)
        title = page.title()
        self.seen.add(title)
        page.evaluate(self.axe)
        wrong = page.evaluate(SERIOUS)
        page.emulate_media(color_scheme="dark")
        wrong += page.evaluate(SERIOUS, SEEN)
        page.evaluate(FROM_THE_RIGHT)
        wrong += page.evaluate(SERIOUS, SEEN)
        page.emulate_media(color_scheme="light")
        if wrong:
            self.found[title] = wrong

    def fill(self, *texts: str) -> None:
        """Send a form, with these texts in its fields."""
        fields = self.page.locator("form.form input:is([type=text], [type=email], [type=password])")
        for index, text in enumerate(texts):
            fields.nth(index).fill(text)
        with self.page.expect_navigation():
            self.page.locator("form.form button[type=submit]").click()


def look_from_outside(them: Everybody, served: Served) -> None:
    them.look("/account/login?next=/me")
    them.fill(them.ann, "wrong")
    them.look()
    them.look("/account/sign-up")
    them.fill("new@example.org", "short")
    them.look()
    them.fill("new@example.org", PASSWORD)
    them.look()
    link = served.mailed("confirm", "new@example.org")
    them.look(link)
    them.page.context.clear_cookies()
    them.look(link)  # As another browser: with a field.
    them.look("/account/confirm/used")
    them.look("/account/forgotten")
    them.look("/account/reset/used")
    them.look("/account/mail-login")
    them.fill(them.ann)
    them.look()
    them.look("/account/external/example/proof/used")


def look_from_inside(them: Everybody, served: Served) -> None:
    page = them.page
    page.goto(f"{them.address}/account/login")
    them.fill(them.ann, PASSWORD)
    for path in (
        "",
        "/password",
        "/password/remove",
        "/email",
        "/close",
        "/logout",
        "/confirm-login",
        "/external",
        "/tokens",
        "/tokens/new",
    ):
        them.look(f"/account{path}")
    them.fill("A program")
    them.look()
    them.look("/account/tokens")
    page.goto(f"{them.address}/account/email")
    them.fill("else@example.org", PASSWORD)
    them.look(served.mailed("new-email", "else@example.org"))
    them.look("/account/factors")
    page.get_by_role("button", name="Set up an app for codes").click()
    them.look()


def titles() -> set[str]:
    """Of all pages of login that there are."""
    top = Path(wholestack.auth.__file__).parent
    found = (TITLE.search(page.read_text("utf-8")) for page in top.glob("pages*/account/*.html"))
    return {each[1] for each in found if each is not None}


def test_axe_finds_nothing_serious_on_any_page(tab: Callable[..., Any], served: Served) -> None:
    page = tab(viewport={"width": 400, "height": 800}, reduced_motion="reduce")  # No colour is on its way to another.
    them = Everybody(page, served)
    look_from_outside(them, served)
    look_from_inside(them, served)
    secret = SECRET.search(page.content())
    assert secret is not None
    app = PhoneApp(base64.b32decode(secret[1].replace(" ", "")), Now())  # type: ignore[arg-type]
    them.fill(app.code())
    them.look()
    them.look("/account/factors")
    page.context.clear_cookies()
    page.goto(f"{them.address}/account/login")
    them.fill(them.ann, PASSWORD)
    them.look()
    them.look("/account/second-factor/recovery")
    assert titles() - them.seen == ELSEWHERE
    them.page = tab(locale="ar", reduced_motion="reduce")
    them.look("/account/login")
    assert them.page.locator("html[dir=rtl][lang=ar]").count() == 1
    assert them.found == {}


def test_passwords_may_be_pasted_into_every_field(tab: Callable[..., Any], served: Served) -> None:
    """ASVS 6.2.7, with JavaScript on: by the keyboard, from the clipboard, as long as anybody's manager makes one, over
    what stands there; and each field says to a manager which password it asks for.
    """
    page = tab()
    long = "Zoë's " + "very long passphrase " * 20

    def pasted(path: str) -> list[str]:
        page.goto(served.address + path)
        fields = page.locator(PASSWORDS).all()
        for field in fields:
            field.fill("typed before")
            field.focus()
            page.keyboard.press("Control+A")
            page.keyboard.press("Control+V")
            assert field.input_value() == long, path
        return [each.get_attribute("autocomplete") for each in fields]

    def sent(path: str, email: str) -> None:
        assert pasted(path) in ([], ["new-password"]), path
        page.locator("form.form input[name=email]").fill(email)
        with page.expect_navigation():
            page.locator("form.form button[type=submit]").click()

    ann = next(served.anns)
    page.goto(served.address + "/account/login")
    page.evaluate(COPY, long)
    assert pasted("/account/login") == [CURRENT]
    sent("/account/sign-up", "pasted@example.org")
    sent("/account/forgotten", ann)
    page.context.clear_cookies()  # Who opens the link in another browser is asked for the password.
    assert pasted(served.mailed("confirm", "pasted@example.org")) == [CURRENT]
    assert pasted(served.mailed("reset", ann)) == ["new-password"]
    with page.expect_navigation():  # What was pasted is the password then.
        page.locator("form.form button[type=submit]").click()
    page.get_by_label("E-mail address").fill(ann)
    page.locator(PASSWORDS).focus()
    page.keyboard.press("Control+V")
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(f"{served.address}/")
    assert pasted("/account/password") == [CURRENT, "new-password"]
    for path in ("password/remove", "email", "close", "confirm-login"):
        assert pasted(f"/account/{path}") == [CURRENT], path
