"""Take the pictures of pages that the guides show: docs/_pictures.py [program of Chromium].

Each is taken from an app on a server of its own, so that it shows what the code makes today: an app of the examples, and
for login the site of its tests. Look at them before they are committed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

TOP = Path(__file__).parent.parent
FOLDER = TOP / "docs" / "pictures"
sys.path[:0] = [str(TOP), str(TOP / "tests"), str(TOP / "tests" / "public")]
os.environ.setdefault("WHOLESTACK_STAGE", "test")  # So that it needs no secret.

from examples.style.app import app  # noqa: E402

from auth.site import BROWSER, EMAIL, PASSWORD, Site  # noqa: E402  (found on the path above)
from browsing import ARGUMENTS, serving  # noqa: E402
from wholestack.auth import TOTP, MagicLink, Passkeys, Tokens  # noqa: E402
from wholestack.languages import Languages  # noqa: E402

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def as_it_is(page: Any) -> None:
    """Show it as it comes."""


def begin_codes(page: Any) -> None:
    """Go on to the picture of the secret."""
    page.click("form[action*='/totp/begin'] button")


def make_token(page: Any) -> None:
    """Make a token, and go back to the list."""
    page.fill("[name=name]", "Backup at night")
    page.check("[type=checkbox]")
    page.click("form button[type=submit]")
    page.click("main a")


@dataclass
class Picture:
    name: str
    path: str
    width: int = 820
    height: int = 600
    colours: str = "light"
    language: str = "en"
    logged_in: bool = False
    prepare: Callable[[Any], None] = as_it_is


PICTURES = (
    Picture("style-light", "/#repairs"),
    Picture("style-form", "/#form", colours="dark"),
    Picture("style-narrow", "/", width=360, height=640, colours="dark"),
    Picture("style-from-the-right", "/?language=ar"),
    Picture("style-error", "/nowhere", width=640, height=300),
)
LOGIN = (
    Picture("login", "/account/login", height=640),
    Picture("login-from-the-right", "/account/login", height=640, language="ar"),
    Picture("login-tokens", "/account/tokens/new", height=480, logged_in=True, prepare=make_token),
    Picture("login-account", "/account", height=910, logged_in=True),
    Picture("login-codes", "/account/factors", height=900, colours="dark", logged_in=True, prepare=begin_codes),
    Picture("login-narrow", "/account/factors", width=360, height=720, logged_in=True),
)


@contextlib.contextmanager
def site_with_login() -> Iterator[str]:
    """A site with login, and somebody who has logged in on a phone; its address."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(url=f"sqlite:///{folder}/site.db")
        plugins = TOTP(), Passkeys(rp_id="localhost"), MagicLink(), Tokens(), Languages("en", "ar")
        with site.running(*plugins), serving(site.app) as address:
            site.make()
            form = {"email": EMAIL, "password": PASSWORD}
            site.other().post("/account/login", data=form, headers={**BROWSER, "user-agent": PHONE})
            yield address.replace("127.0.0.1", "localhost")


def log_in(page: Any, address: str) -> None:
    """Log in by the page."""
    page.goto(f"{address}/account/login")
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password]", PASSWORD)
    page.click("form:has([name=password]) button")
    page.wait_for_url(f"{address}/")


def take(program: str) -> int:
    """Take them all; how many bytes they have."""
    FOLDER.mkdir(exist_ok=True)
    for places, pictures in ((serving(app), PICTURES), (site_with_login(), LOGIN)):
        with places as address, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
            for each in pictures:
                size = {"width": each.width, "height": each.height}
                options: Any = {"color_scheme": each.colours, "locale": each.language, "user_agent": LAPTOP}
                page = browser.new_page(viewport=size, reduced_motion="reduce", **options)
                if each.logged_in:
                    log_in(page, address)
                page.goto(address + each.path)
                each.prepare(page)
                page.screenshot(path=FOLDER / f"{each.name}.png")
                if each.logged_in:
                    page.goto(f"{address}/account/logout")
                    page.click("form button[type=submit]")
                page.close()
            browser.close()
    return sum(file.stat().st_size for file in FOLDER.glob("*.png"))


if __name__ == "__main__":
    found = sys.argv[1] if sys.argv[1:] else shutil.which("chromium")
    if found is None:
        sys.exit("docs: Chromium is not on this machine: docs/_pictures.py /path/to/chromium")
    print(f"docs: {take(found) // 1024} KB of pictures in {FOLDER}")
