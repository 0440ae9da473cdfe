"""The list of the admin in a real browser: a relation that is searched, and rows as cards on a phone."""

from __future__ import annotations

import concurrent.futures
import decimal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from admin.site import Author, Book, Genre, Site, Tag, login
from browsing import serving
from wholestack.admin import AdminView, Selection, action
from wholestack.languages import Languages
from wholestack.middleware import SecurityHeaders

pytestmark = pytest.mark.services("chromium")
SIDEWAYS = """() => [...document.querySelectorAll('.scroll, html')]
    .filter(each => each.scrollWidth > each.clientWidth).map(each => each.className || each.tagName)"""
NAMES = "() => [...document.querySelectorAll('td[data-title]')].map(each => getComputedStyle(each, '::before').content)"


class Shelf(AdminView[Book]):
    columns = ("title", "author", "genre", "price", "published", "in_print", "summary")
    filters = ("genre", "author", "tags")
    search = ("title",)
    orders = ("title",)
    editable = ("price", "in_print")

    @action("Put out of print", permission="change", confirm="Really?")
    def put_out(self, books: Selection[Book]) -> str:
        return f"{len(books)} books."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    with Site(Shelf, Author, Tag, url=url).running(Languages("en", "ar", "de"), SecurityHeaders()) as site:
        authors = [Author(name=f"Ann {number:03}") for number in range(205)]
        site.add(*authors, Author(name="Bo Bell"))
        site.add(Tag(name="old"))
        for number in range(6):
            site.book(
                f"A book with a rather long title, number {number}",
                authors[number],
                genre=Genre.POEMS if number else Genre.NOVEL,
                price=decimal.Decimal(number),
                summary="Some words of what it is about, and a verylongwordthatisnowheretobebrokenbyanybody@example.org",
            )
        site.add(Book(title="By Bo", author_id=206, genre=Genre.NOVEL))
        login(site.client, "*")
        yield site


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with serving(site.app) as address:
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture
def tab(site: Site, address: str, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Any]:
    """`tab(path, java_script_enabled=False)`: a page of who has logged in, of which nothing is wrong in the console."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(path: str, **options: Any) -> Any:
        context = browser(service("chromium")).new_context(**options)
        opened.append(context)
        context.set_default_timeout(10_000)
        context.add_cookies(
            [{"name": name, "value": value, "url": address} for name, value in site.client.cookies.items()]
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}{path}")
        return page

    yield open_tab
    for context in opened:
        context.close()
    assert said == []


def prices(site: Site) -> list[Any]:
    """The prices, asked for in a thread: in this one the browser has its loop."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return [each.price for each in pool.submit(site.all, Book).result()]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_a_filter_by_a_relation_is_searched(tab: Callable[..., Any], javascript: bool) -> None:
    page = tab("/admin/book", java_script_enabled=javascript)
    page.get_by_label("Find Author").press_sequentially("bell")
    if not javascript:
        page.get_by_role("button", name="Find", exact=True).click()
    page.locator("#filter-author").get_by_role("option", name="Bo Bell").wait_for(state="attached")
    page.locator("#filter-author").select_option(label="Bo Bell")
    page.get_by_role("button", name="Show", exact=True).first.click()
    page.get_by_text("1 row", exact=True).wait_for()
    assert page.locator("#filter-author option:checked").inner_text() == "Bo Bell"
    assert page.get_by_role("rowheader").all_inner_texts() == ["By Bo"]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_rows_are_cards_on_a_phone(site: Site, tab: Callable[..., Any], language: str) -> None:
    page = tab("/admin/book", viewport={"width": 360, "height": 740}, has_touch=True, locale=language)
    assert page.evaluate(SIDEWAYS) == []
    assert '"Author"' in " ".join(page.evaluate(NAMES))
    # Who hears the page has a table with headings, as on a wide screen.
    assert page.get_by_role("columnheader").count() == 8
    assert page.get_by_role("cell").count() == 7 * 7
    price = page.locator("[name='rows[0].price']")
    now = str(int(float(prices(site)[0])) + 1)
    price.fill(now)
    page.locator(".admin-save button").click()
    page.wait_for_load_state()
    assert prices(site)[0] == decimal.Decimal(now)
    page.locator("[name=keys]").first.check()
    page.locator("#bulk-action").select_option(index=1)
    page.locator("#bulk button").click()
    page.wait_for_url("**/-/actions**")
    assert "number 0" in page.locator("main").inner_text()
