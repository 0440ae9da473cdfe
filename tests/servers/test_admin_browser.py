"""A work day in the admin in a real browser: with and without JavaScript, by the keyboard, on a phone, for everybody."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from admin.furnished import Authors, Tags, furnish
from admin.shelf import Colour, Portrait, Specimen
from admin.site import BROWSER, Author, Book, Books, Genre, Person, Review, Site, Stock, Tag, login
from apps.clients.tools import with_node_modules
from browsing import serving
from servers.form_pages_app import PAYLOADS
from servers.test_auth_browser import FROM_THE_RIGHT, SEEN, SERIOUS, Keyboard
from wholestack.admin import AdminView, Inline
from wholestack.files import Files, LocalStorage, StoredFile
from wholestack.languages import Languages
from wholestack.middleware import SecurityHeaders

EMAIL, PASSWORD = "ann@example.org", "a good long password"
ROWS = 60
PAGES = ("/admin/", "/admin/book", "/admin/book?genre=poems&q=one", "/admin/book/new", "/admin/book/1", "/admin/book/1/history",
         "/admin/author/1/delete", "/admin/search?q=one", "/admin/stock", "/admin/person", "/admin/reports", "/admin/book/-/export",
         "/admin/book/-/import", "/admin/history")  # fmt: skip
FULL = ("/admin/", "/admin/book", "/admin/book/1", "/admin/search?q=one")
"""What is looked at in dark and from the right, too."""
ALIKE = {"/admin/stock", "/admin/person", "/admin/book?genre=poems&q=one", "/admin/book/new"}
WIDEST = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
COVERED = """() => {
    const bar = document.querySelector('.admin-save'), held = document.activeElement, place = held.getBoundingClientRect();
    // Of a text of several lines a browser brings the line into sight where one types.
    const bottom = held.matches("textarea") ? Math.min(place.bottom, place.top + 36) : place.bottom;
    const over = held === document.body ? 0 : bottom - bar.getBoundingClientRect().top;
    return [bar.contains(held), over, held.outerHTML.slice(0, 80)];
}"""
"""Whether the bar that saves has the focus, and by how much it covers what has it."""

pytestmark = pytest.mark.services("chromium")


class Shelf(AdminView[Book]):
    columns = ("title", "author", "genre", "price", "published", "in_print")
    search = ("title", "author.name")
    filters = ("genre", "author_id", "price")
    orders = ("title",)
    group = "The shop"
    fields = {
        "": ("title", "author_id", "genre"),
        "For sale": ("price", "published", "in_print"),
        "More": ("summary", "tags"),
    }
    inlines = (Inline(Review, fields=("stars", "text"), extra=1),)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, attacked: dict[str, str]
) -> Iterator[Site]:  # no site begins beside a browser
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    site = Site(Shelf, Authors, Tags, Review, Stock, Person, url=url)
    furnish(site.admin)
    with site.running(Languages("en", "ar"), SecurityHeaders()):
        hashed = site.auth.passwords.hash(PASSWORD)
        moment = datetime.datetime.now(datetime.UTC)
        site.add(Person(email=EMAIL, password=hashed, email_confirmed_at=moment, is_staff=True, is_superuser=True))
        author = site.author("Ann Able")
        site.add(*(Book(title=f"Number {number:02}", author_id=author.id, genre=Genre.NOVEL) for number in range(ROWS)))
        site.book("One in verse", author, genre=Genre.POEMS, price=decimal.Decimal("9.50"), summary="Short.")
        site.add(Tag(name="red"), Stock(shop="a/b", code="c,d", pieces=3))
        yield site


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with serving(site.app) as address:
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture
def tab(address: str, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """`tab(javascript=False)`: a page of somebody who has logged in, of which nothing may be wrong in the console."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(*, javascript: bool = True, **options: Any) -> Any:
        context = browser(service("chromium")).new_context(java_script_enabled=javascript, **options)
        opened.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
        )
        page.goto(f"{address}/admin/")
        page.locator("[name=email]").fill(EMAIL)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form:has([name=password]) button[type=submit]").click()
        page.wait_for_url(f"{address}/admin/")
        return page

    yield open_tab
    for context in opened:
        context.close()
    assert [each for each in said if "the server responded with a status of" not in each] == []


def list_filter_and_edit(page: Any, title: str) -> None:
    """From the first page to a row that is changed, and its history."""
    page.get_by_role("navigation", name="Models").get_by_role("link", name="Books").click()
    page.get_by_role("search").get_by_label("Genre").select_option("poems")
    page.get_by_role("button", name="Show", exact=True).first.click()
    page.get_by_text("1 row", exact=True).wait_for()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_label("Title", exact=True).fill(title)
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("status").filter(has_text=f"{title} is saved.").wait_for()
    page.get_by_role("link", name="History").click()
    page.get_by_role("cell", name=title, exact=True).first.wait_for()


def test_a_day_with_javascript(tab: Callable[..., Any], address: str) -> None:
    page = tab()
    page.get_by_role("heading", name="By genre").wait_for()
    list_filter_and_edit(page, "One in prose")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog")
    palette.get_by_role("searchbox").press_sequentially("prose")
    palette.get_by_role("link", name="One in prose").wait_for()
    page.keyboard.press("ArrowDown")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "One in prose"
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    assert not palette.is_visible()


def test_a_day_without_javascript(tab: Callable[..., Any], address: str) -> None:
    page = tab(javascript=False)
    list_filter_and_edit(page, "One in verse")
    page.get_by_role("searchbox", name="Search everything").fill("verse")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name="One in verse").click()
    page.get_by_role("button", name="You").click()
    page.get_by_label("Rows", exact=True).select_option("compact")
    page.get_by_role("button", name="Show it so").click()
    assert page.locator("header[data-density=compact]").count() == 1
    page.goto(f"{address}/admin/tag/new")
    page.get_by_label("Name").fill("blue")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="blue").first.click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("blue is deleted.").wait_for()


def test_by_the_keyboard_alone(tab: Callable[..., Any], address: str) -> None:
    page = tab()
    keys = Keyboard(page)
    page.goto(f"{address}/admin/book")
    keys.press("link", "Tags")
    keys.press("link", "Add")
    keys.type("Name", "green")
    keys.press("button", "Save")
    page.get_by_text("green is saved.").wait_for()
    keys.press("link", "green")
    keys.press("link", "Delete")
    keys.press("button", "Delete", "Space")
    page.get_by_text("green is deleted.").wait_for()


def test_on_a_phone(tab: Callable[..., Any], address: str) -> None:
    page = tab(viewport={"width": 360, "height": 740}, has_touch=True)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Models").get_by_role("link", name="Tags").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Tags"
    wide = {}
    for path in PAGES:
        page.goto(address + path)
        if (by := page.evaluate(WIDEST)) > 0:
            wide[path] = by
    assert wide == {}
    page.goto(f"{address}/admin/book/1")
    assert page.get_by_role("button", name="Save", exact=True).bounding_box()["y"] < 740


@pytest.mark.parametrize("javascript", [True, False])
def test_the_bar_that_saves_covers_nothing_that_has_the_focus(
    tab: Callable[..., Any], address: str, *, javascript: bool
) -> None:
    page = tab(javascript=javascript, reduced_motion="reduce")
    covered = []
    for width, height in ((1280, 500), (620, 560), (360, 640)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{address}/admin/book/1")
        page.locator("#f-title").focus()
        for _ in range(40):
            page.keyboard.press("Tab")
            at_bar, over, name = page.evaluate(COVERED)
            if at_bar:
                break
            if over > 1:
                covered.append((width, name, over))
        else:
            pytest.fail("nobody comes to the bar")
    assert covered == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_job_is_told_of_while_it_goes_on(
    tab: Callable[..., Any], site: Site, address: str, *, javascript: bool
) -> None:
    jobs = site.admin.runs.jobs.rows

    def change(**values: Any) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(written, values).result()

    def written(values: dict[str, Any]) -> None:
        with site.app.session() as db:
            db.execute(jobs.update().values(**values))

    page = tab(javascript=javascript)
    page.goto(f"{address}/admin/tag")
    page.get_by_label("With", exact=True).select_option("page")
    page.get_by_label("do", exact=True).select_option("delete")
    page.get_by_role("button", name="Go on").click()
    number = page.url.rpartition("/")[2]
    change(state="running", total=20_000, done=7_400)
    page.goto(f"{address}/admin/tag/-/jobs/{number}")
    page.get_by_text("7,400 / 20,000").wait_for()
    if javascript:
        page.evaluate("window.same = true")
    page.get_by_role("button", name="Cancel").focus()
    change(done=12_345)
    page.get_by_text("12,345 / 20,000").wait_for()
    if javascript:
        assert page.evaluate("document.activeElement.textContent") == "Cancel"
    change(state="done", done=20_000, note="All of them.")
    page.get_by_text("All of them.").wait_for()
    assert page.get_by_role("button", name="Cancel").count() == 0
    if javascript:  # It was never loaded anew, and asks no more.
        assert page.evaluate("window.same") is True
        assert page.evaluate("document.activeElement.textContent") == "Tags"
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(2_500)
        assert asked == []


def test_axe_finds_nothing_serious(tab: Callable[..., Any], address: str) -> None:
    axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page = tab(reduced_motion="reduce")
    wrong = {}
    for path in set(PAGES) - ALIKE:
        page.goto(address + path)
        page.evaluate(axe)
        found = page.evaluate(SERIOUS)
        if path in FULL:
            page.emulate_media(color_scheme="dark")
            page.evaluate(FROM_THE_RIGHT)
            found += page.evaluate(SERIOUS, SEEN)
            page.emulate_media(color_scheme="light")
        if found:
            wrong[path] = found
    page.goto(f"{address}/admin/")
    page.evaluate(axe)
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("searchbox").press_sequentially("one")
    page.get_by_role("dialog").get_by_role("link").first.wait_for()
    wrong |= {"palette": found} if (found := page.evaluate(SERIOUS)) else {}
    assert wrong == {}


# -- C10 -------------------------------------------------------------------------------------------------------------

MORE = ("/admin/book/1/delete", "/admin/book?columns=title&order=-title", "/admin/book/nothing", "/admin/nowhere", "/admin/author/new",
        "/admin/tag/1", "/admin/review", "/admin/person/1", "/account/login", "/account/sessions", "/docs")  # fmt: skip


def test_C10_pages_of_the_admin_keep_to_a_strict_policy(tab: Callable[..., Any], address: str) -> None:
    """Nothing inline, nothing of another origin: the console would tell (see `tab`), and so does what was asked for."""
    page = tab()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    seen = set()
    for path in (*PAGES, *MORE):
        answer = page.goto(f"{address}{path}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy, path
        assert "unsafe-eval" not in policy and "unsafe-inline" not in policy.partition("style-src")[0], path
        if path != "/docs":
            assert "unsafe-inline" not in policy, path
        seen.add(answer.status)
        page.wait_for_load_state("networkidle")
    page.goto(f"{address}/admin/book/1")
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("searchbox").press_sequentially("one")
    page.get_by_role("dialog").get_by_role("link").first.wait_for()
    assert seen == {200, 404}
    assert [each for each in asked if not each.startswith((f"{address}/", "data:"))] == []
    assert {each.rpartition(".")[2] for each in asked} >= {"js", "css"}, "scripts and styles are asked for"


# -- C21 -------------------------------------------------------------------------------------------------------------


class Specimens(AdminView[Specimen]):
    columns = ("name", "nickname", "story", "facts", "colour")
    search = ("name", "nickname")
    filters = ("nickname",)


class Portraits(AdminView[Portrait]):
    columns = ("title", "picture", "paper")
    search = ("title",)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Pages of a site with 20 payloads in every field that takes text, by their paths."""
    folder = tmp_path_factory.mktemp("attacked")
    site = Site(Books, Author, Tag, Review, Specimens, Portraits, Person, url=f"sqlite:///{folder}/shop.db")
    with site.running(Files(LocalStorage(folder / "files"))):
        write_payloads(site)
        login(site.client, "*")
        pages = {path: site.client.get(path, headers=BROWSER) for path in dangerous_paths()}
    assert {path: each.status for path, each in pages.items() if each.status >= 500} == {}
    assert sum(each.status == 200 for each in pages.values()) >= 100
    return {path: each.text for path, each in pages.items()}


def test_C21_what_somebody_has_typed_never_runs(
    attacked: dict[str, str], service: Callable[[str], str], browser: Callable[[str], Any]
) -> None:
    """Row C21: each payload in each kind of field, on every kind of page, shown without any policy."""
    alarms: list[str] = []
    page = browser(service("chromium")).new_page()
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    for path, text in attacked.items():
        page.set_content(text, wait_until="commit")
        assert (alarms, page.evaluate(LINKS)) == ([], []), path
    # It would have been heard: what is written into such a page as HTML runs.
    page.set_content("<img src=x onerror=alert(1)>")
    page.wait_for_function("() => document.images[0].complete")
    page.close()
    assert alarms == ["1"]


def write_payloads(site: Site) -> None:
    """Each payload in each field, and in the history of them."""
    moment = datetime.datetime.now(datetime.UTC)
    for number, payload in enumerate(PAYLOADS):
        short = payload[:36] + f"{number:04}" if len(payload) > 40 else payload
        author = site.author(payload)
        book = site.book(payload, author, summary=payload)
        file = StoredFile(f"{number:032x}.png", payload, "image/png", 1, "")
        site.add(
            Tag(name=short),
            Review(book_id=book.id, stars=1, text=payload),
            Specimen(
                id=uuid.UUID(int=number + 1),
                name=short,
                nickname=short,
                story=payload,
                colour=Colour.RED,
                number=1,
                facts={payload: payload},
            ),
            Portrait(title=short, picture=file, paper=file),
        )
        with site.app.session() as db:
            db.execute(
                site.admin.history.rows.insert().values(
                    at=moment, user=payload, name=payload, address=payload[:64], place=payload, model="book", key=str(book.id),
                    label=payload, action=payload[:40], values={"title": [payload, payload], payload: [payload, None]}, labels={}, batch="b",
                )
            )  # fmt: skip


def dangerous_paths() -> Iterator[str]:
    """Every kind of page, and the pages of each row."""
    yield from ("/admin/", "/admin/history", "/nowhere/%3Cscript%3Ealert(1)%3C/script%3E")
    for slug in ("author", "book", "tag", "review", "specimen", "portrait", "person"):
        yield from (f"/admin/{slug}", f"/admin/{slug}/new", f"/admin/{slug}/-/export", f"/admin/{slug}/-/import")
    for number, payload in enumerate(PAYLOADS, 1):
        yield from (f"/admin/book/{number}", f"/admin/book/{number}/history", f"/admin/author/{number}/delete")
        yield from (f"/admin/specimen/{uuid.UUID(int=number)}", f"/admin/portrait/{number}")
        asked = quote(payload)
        yield f"/admin/search?q={asked}"
        yield f"/admin/book?q={asked}&{asked}={asked}&genre={asked}&order={asked}&page={asked}"


LINKS = (
    "[...document.querySelectorAll('a[href]')].map(each => each.href).filter(each => /^(javascript|data):/i.test(each))"
)
