"""The form of a row in a real browser: rows of inlines, choices that are searched, files; with and without JavaScript."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from admin.shelf import City, Contribution, Country, Shops
from admin.site import Author, Book, Review, Site, Tag, login
from browsing import serving
from wholestack.admin import AdminView, Inline
from wholestack.middleware import SecurityHeaders

pytestmark = pytest.mark.services("chromium")


class Shelf(AdminView[Book]):
    fields = ("title", "author_id", "genre")
    autocomplete = ("author",)
    inlines = (
        Inline(Review, fields=("stars", "text"), order="position"),
        Inline(Contribution, autocomplete=("author",)),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    with Site(Shelf, Author, Tag, Shops, Country, City, url=url).running(SecurityHeaders()) as site:
        site.add(*(Author(name=f"Ann {number:02}") for number in range(30)), Author(name="Bo Bell"))
        site.add(Country(id=1, name="Aland"), Country(id=2, name="Bland"))
        site.add(City(id=1, name="Aton", country_id=1), City(id=2, name="Bton", country_id=2))
        login(site.client, "*")
        yield site


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with serving(site.app) as address:
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture
def tab(site: Site, address: str, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Any]:
    """`tab(path, javascript=False)`: a page of somebody who has logged in, of which nothing may be wrong in the console."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(path: str, *, javascript: bool = True) -> Any:
        context = browser(service("chromium")).new_context(java_script_enabled=javascript)
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
    assert [each for each in said if "the server responded with a status of" not in each] == []


def rows(site: Site, model: type[Any]) -> list[Any]:
    """All rows of a model, asked for in a thread: in this one the browser has its loop."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return list(pool.submit(site.all, model).result())


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_a_book_with_its_rows(site: Site, tab: Callable[..., Any], javascript: bool) -> None:
    page = tab("/admin/book/new", javascript=javascript)
    page.get_by_label("Title", exact=True).first.fill("By hand")
    page.get_by_label("Genre").select_option("poems")
    page.get_by_label("Find Author").first.press_sequentially("bell")
    if not javascript:
        page.get_by_role("button", name="Find: Author").first.click()
    page.locator("[name=author_id]").get_by_role("option", name="Bo Bell").wait_for(state="attached")
    page.locator("[name=author_id]").select_option(label="Bo Bell")
    reviews = page.get_by_role("group", name="Reviews")
    for number, stars in enumerate(("1", "2")):
        reviews.get_by_role("button", name="Add").click()
        page.locator(f"[name='reviews[{number}].stars']").fill(stars)
    reviews.get_by_role("button", name="Up 2").click()
    page.locator("[name='reviews[0].stars'][value='2']").wait_for()
    reviews.get_by_role("button", name="Add").click()
    page.locator("[name='reviews[2].stars']").fill("3")
    reviews.get_by_role("button", name="Remove 3").click()
    page.locator("[name='reviews[2].stars']").wait_for(state="detached")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").filter(has_text="By hand is saved.").wait_for()
    book = max(rows(site, Book), key=lambda each: each.id)
    assert [(each.stars, each.position) for each in rows(site, Review) if each.book_id == book.id] == [(2, 0), (1, 1)]


def test_enter_in_a_search_finds_and_saves_nothing(site: Site, tab: Callable[..., Any]) -> None:
    page = tab("/admin/book/new")
    before = len(rows(site, Book))
    page.get_by_label("Title", exact=True).first.fill("Not yet")
    page.get_by_label("Find Author").first.fill("bell")
    page.keyboard.press("Enter")
    page.get_by_text("Found: 1").first.wait_for()
    assert (page.url.endswith("/admin/book/new"), len(rows(site, Book))) == (True, before)


def test_choices_follow_another_field(tab: Callable[..., Any]) -> None:
    page = tab("/admin/shop/new")
    page.get_by_label("Country", exact=True).select_option(label="Bland")
    page.locator("[name=city_id]").get_by_role("option", name="Bton").wait_for(state="attached")
    page.locator("[name=city_id]").select_option(label="Bton")
    page.get_by_label("Country", exact=True).select_option(label="Aland")
    page.locator("[name=city_id]").get_by_role("option", name="Aton").wait_for(state="attached")
    assert page.locator("[name=city_id]").input_value() == ""
