"""Take the pictures of pages that the guides show: docs/_pictures.py [program of Chromium [kinds of pages]].

Each is taken from an app on a server of its own, so that it shows what the code makes today: an app of the examples (for
the admin the richest one, with a fortnight of reports), and for login the site of its tests. Every kind of page of the admin is
taken in light and dark colours and on a phone (`_admin_pictures`). Look at them before they are committed.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

TOP = Path(__file__).parent.parent
FOLDER = TOP / "docs" / "pictures"
AIRPORTS = TOP / "examples" / "airports"
sys.path[:0] = [str(TOP), str(TOP / "docs"), str(TOP / "tests"), str(TOP / "tests" / "public"), str(AIRPORTS)]
os.environ.setdefault("WHOLESTACK_STAGE", "test")  # So that it needs no secret.

import _admin_pictures as office  # noqa: E402
from airport_tables import Club, Flight, Member, Report  # noqa: E402
from examples.airports.app import app as airports  # noqa: E402
from examples.style.app import app  # noqa: E402

import admin.site as bookshop  # noqa: E402
from auth.factors import set_up_totp  # noqa: E402
from auth.site import BROWSER, EMAIL, PASSWORD, Site  # noqa: E402  (found on the path above)
from browsing import ARGUMENTS, serving  # noqa: E402
from wholestack.auth import TOTP, Auth, MagicLink, Passkeys, Tokens  # noqa: E402
from wholestack.db import Database, Session, select  # noqa: E402
from wholestack.languages import Languages  # noqa: E402
from wholestack.testing import Client  # noqa: E402

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
FACTOR = "factor@example.org"
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


def open_palette(page: Any) -> None:
    """Search from the palette."""
    page.keyboard.press("Control+k")
    page.keyboard.type("kennedy")
    page.wait_for_selector(".admin-palette a")
    page.keyboard.press("ArrowDown")


def choose_compact(page: Any) -> None:
    """Choose compact rows."""
    page.click(".admin-you")
    page.select_option("#admin-density", "compact")
    page.click(".admin-menu form:has(select) button")
    page.wait_for_selector("header[data-density=compact]")


def change_a_row(page: Any) -> None:
    """Change a row, and go on to its history."""
    page.fill("#f-city", "New York City")
    page.click("button[value=stay]")
    page.wait_for_selector(".message.success")
    page.click("text=History")
    page.wait_for_selector("td")


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

ADMIN = (
    Picture("admin", "/admin/", width=1200, height=900, logged_in=True),
    Picture("admin-dark", "/admin/", width=1200, height=900, colours="dark", logged_in=True),
    Picture("admin-list", "/admin/airport?state=NY", width=1200, height=800, logged_in=True),
    Picture("admin-form", "/admin/airport/JFK", width=1200, height=800, logged_in=True),
    Picture("admin-palette", "/admin/airport", width=1200, height=700, logged_in=True, prepare=open_palette),
    Picture("admin-history", "/admin/airport/JFK", width=1200, height=600, logged_in=True, prepare=change_a_row),
    Picture("admin-delete", "/admin/airport/HNL/delete", width=1200, height=800, logged_in=True),
    Picture("admin-compact", "/admin/airport-report", width=1200, height=800, logged_in=True, prepare=choose_compact),
    Picture("admin-phone", "/admin/airport-report", width=360, height=740, logged_in=True),
    Picture("admin-form-phone", "/admin/airport/JFK", width=360, height=740, colours="dark", logged_in=True),
)
FROM_THE_RIGHT = (
    Picture("admin-from-the-right", "/admin/book", width=1200, height=800, language="ar", logged_in=True),
)
SAID = (
    *(
        "Short ways, good coffee.",
        "Long lines in the morning, and nobody who says why.",
        "Friendly people, and a view.",
    ),
    *("The last train is gone by midnight.", "Plenty of room for small planes.", "Everything closed on a Sunday."),
)


@contextlib.contextmanager
def back_office() -> Iterator[str]:
    """The back office of the richest example, with people and rows; its address."""
    with tempfile.TemporaryDirectory() as folder:
        airports.plugin(Database).move(f"sqlite:///{folder}/airports.db")
        airports.seal()
        airports.plugin(Database).create_tables()
        with Client(airports):  # Fills an empty table with the airports that are shipped.
            next(each for each in airports.commands if each.__name__ == "office_people")()
            with airports.session() as db:
                fill(db)
            with serving(airports) as address:
                yield address.replace("127.0.0.1", "localhost")


def fill(db: Session) -> None:
    """Reports of a fortnight, flights, and somebody whose password is known."""
    chance, now = random.Random(7), datetime.datetime.now(datetime.UTC)
    boss = db.scalars(select(Member).where(Member.email == "boss@airports.example")).one()
    boss.email, boss.password = EMAIL, airports.plugin(Auth).passwords.hash(PASSWORD)
    for each in db.scalars(select(Member).where(Member.email.in_([office.READER, office.TOWER]))):
        each.password = boss.password
    for code in ("JFK", "HNL", "DEN", "SEA", "GRR") * 12:
        at = now - datetime.timedelta(days=chance.randrange(14), hours=chance.randrange(20))
        name, stars = chance.choice(("Ann", "Bo", "Cem", "Dana")), chance.choice((2, 3, 4, 4, 5, 5))
        db.add(Report(airport_code=code, name=name, stars=stars, text=chance.choice(SAID), created_at=at))
    for origin, destination in (("JFK", "DEN"), ("DEN", "SEA"), ("SEA", "HNL")):
        club = db.scalars(select(Club.id)).one()
        ends = {"origin": origin, "destination": destination, "flown": now.date()}
        db.add(Flight(club_id=club, member_id=boss.id, **ends))


@contextlib.contextmanager
def shop_from_the_right() -> Iterator[str]:
    """The bookshop of the admin's tests, in Arabic where a browser asks for it; its address."""
    with tempfile.TemporaryDirectory() as folder:
        shop = bookshop.Site(url=f"sqlite:///{folder}/shop.db", accent="#7a1f5c")
        with shop.running(Languages("en", "ar")), serving(shop.app) as address:
            hashed, moment = shop.auth.passwords.hash(PASSWORD), datetime.datetime.now(datetime.UTC)
            staff = {"is_staff": True, "is_superuser": True}
            shop.add(bookshop.Person(email=EMAIL, password=hashed, email_confirmed_at=moment, **staff))
            author = shop.author("نجيب محفوظ")
            for title in ("زقاق المدق", "ثرثرة فوق النيل", "بين القصرين", "قصر الشوق", "السكرية"):
                shop.book(title, author)
            yield address.replace("127.0.0.1", "localhost")


@contextlib.contextmanager
def site_with_login() -> Iterator[str]:
    """A site with login, and somebody who has logged in on a phone; its address."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(url=f"sqlite:///{folder}/site.db")
        plugins = TOTP(), Passkeys(rp_id="localhost"), MagicLink(), Tokens(), Languages("en", "ar")
        with site.running(*plugins), serving(site.app) as address:
            site.make()
            site.make(FACTOR)
            site.log_in(FACTOR, client=(phone := site.other()))
            clock: Any = SimpleNamespace(now=datetime.datetime.now(datetime.UTC))
            set_up_totp(site, clock, phone)
            form = {"email": EMAIL, "password": PASSWORD}
            site.other().post("/account/login", data=form, headers={**BROWSER, "user-agent": PHONE})
            yield address.replace("127.0.0.1", "localhost")


def log_in(page: Any, address: str, email: str = EMAIL) -> None:
    """Log in by the page."""
    page.goto(f"{address}/account/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("form:has([name=password]) button")
    page.wait_for_url(lambda url: "/login" not in url)


# -- taken -----------------------------------------------------------------------------------------------------------


def keep(name: str, taken: bytes) -> None:
    """Write a picture with as few colours as it needs: these are pages, not photographs."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def looks(name: str, page: Any, again: Callable[[], None] | None = None) -> None:
    """A page of the admin as it is in each of its looks."""
    for look, (size, colours) in office.LOOKS.items():
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        if again:
            again()
        page.wait_for_timeout(60)
        keep(f"office-{name}-{look}", page.screenshot())


@contextlib.contextmanager
def chromium(program: str) -> Iterator[Any]:
    """A browser, which begins after the site: beside it no app begins in this thread."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


def anew(browser: Any, address: str = "", email: str = EMAIL) -> Any:
    """A page of a browser of its own, logged in where there is an address."""
    page = browser.new_page(viewport=office.WIDE, reduced_motion="reduce", locale="en", user_agent=LAPTOP)
    page.set_default_timeout(10_000)
    if address:
        log_in(page, address, email)
    return page


def every_kind(program: str, only: set[str]) -> None:
    """Every kind of page of the example's back office, and of two other sites what that has not."""
    with back_office() as address, chromium(program) as browser:
        people = [anew(browser, address, each) for each in (EMAIL, office.TOWER, office.READER)]
        for name, (_, step) in office.KINDS.items():
            if not only or name in only:
                again = step(at := office.Office(*people, address, airports))
                looks(name, at.page, again)
                for each in people:
                    each.set_viewport_size(office.WIDE)
        page = anew(browser)
        page.goto(f"{address}/admin/")
        looks("login", page)
    with office.shop(EMAIL, PASSWORD, serving) as address, chromium(program) as browser:
        office.a_form_of_an_action(page := anew(browser, address), address)
        looks("action-form", page)
    with site_with_login() as address, chromium(program) as browser:
        log_in(page := anew(browser), address, FACTOR)
        looks("second-factor", page)


def taken(browser: Any, pictures: tuple[Picture, ...], address: str) -> None:
    """Pictures of one site."""
    for each in pictures:
        size = {"width": each.width, "height": each.height}
        options: Any = {"color_scheme": each.colours, "locale": each.language, "user_agent": LAPTOP}
        page = browser.new_page(viewport=size, reduced_motion="reduce", **options)
        if each.logged_in:
            log_in(page, address)
        page.goto(address + each.path)
        each.prepare(page)
        keep(each.name, page.screenshot())
        if each.logged_in:
            page.goto(f"{address}/account/logout")
            page.click("form button[type=submit]")
        page.close()


def take(program: str, only: set[str]) -> int:
    """Take them all, or those kinds of pages of the admin that are named; how many bytes they have."""
    FOLDER.mkdir(exist_ok=True)
    sets = (
        *((serving(app), PICTURES), (site_with_login(), LOGIN)),
        *((back_office(), ADMIN), (shop_from_the_right(), FROM_THE_RIGHT)),
    )
    for places, pictures in () if only else sets:
        with places as address, chromium(program) as browser:
            taken(browser, pictures, address)
    every_kind(program, only)
    (TOP / "docs" / "guides" / "admin-pictures.md").write_text(office.page_of_all(), encoding="utf-8")
    return sum(file.stat().st_size for file in FOLDER.glob("*.png"))


if __name__ == "__main__":
    found = sys.argv[1] if sys.argv[1:] else shutil.which("chromium")
    if found is None:
        sys.exit("docs: Chromium is not on this machine: docs/_pictures.py /path/to/chromium")
    print(f"docs: {take(found, {*sys.argv[2:]}) // 1024} KB of pictures in {FOLDER}")
