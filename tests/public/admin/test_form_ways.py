"""Beside the field of a relation: the row that it refers to, and a new one, as far as the person may."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from admin.site import Author, Book, Person, Review, Site, Stock, Tag, login
from wholestack.admin import AdminView, Inline
from wholestack.auth import policy


@policy
def sees(user: Person, author: Author) -> bool:
    return author.name != "Hidden"


@sees.where
def _seen(user: Person) -> object:
    return Author.name != "Hidden"


class Writers(AdminView[Author]):
    rows = sees


class Volumes(AdminView[Book]):
    inlines = (Inline(Review),)


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with Site(Volumes, Writers, Tag, Review, Stock, Person).running() as site:
        yield site


@pytest.fixture
def site(shop: Site) -> Site:
    return shop.anew()


def ways(site: Site, path: str) -> list[tuple[str, str]]:
    """Where the links beside fields lead, and their words."""
    text = site.client.get(path).text
    found = re.findall(r'<a href="([^"]*)" target="_blank">(.*?)</a>', text)
    return [(url, " ".join(re.sub(r"<[^>]*>", "", words).split())) for url, words in found]


def test_the_row_and_a_new_one(site: Site) -> None:
    login(site.client, "*")
    book = site.book("One", site.author("<Ann>"))
    key = book.author_id
    assert ways(site, f"/admin/book/{book.id}") == [
        (f"/admin/author/{key}", "Open: &lt;Ann&gt; (new tab)"),
        ("/admin/author/new", "Add: Author (new tab)"),
        ("/admin/tag/new", "Add: Tag (new tab)"),
    ]
    assert ("/admin/author/new", "Add: Author (new tab)") in ways(site, "/admin/book/new")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ((), []),
        (("author.view",), ["Open:"]),
        (("author.add",), ["Add:"]),
        (("author.view", "author.add"), ["Open:", "Add:"]),
    ],
)
def test_by_permission(site: Site, more: tuple[str, ...], found: list[str]) -> None:
    login(site.client, "book.view", "book.change", *more)
    book = site.book("One")
    words = [each.split()[0] for _, each in ways(site, f"/admin/book/{book.id}")]
    assert words == found


def test_a_row_that_one_may_not_see_is_not_led_to(site: Site) -> None:
    login(site.client, "book.view", "book.change", "author.view")
    book = site.book("One", site.author("Hidden"))
    answer = site.client.get(f"/admin/book/{book.id}")
    assert "Hidden" not in answer.text
    assert ways(site, f"/admin/book/{book.id}") == []


def test_from_a_form_that_is_only_shown(site: Site) -> None:
    login(site.client, "book.view", "author.view")
    book = site.book("One", site.author("Ann"))
    assert ways(site, f"/admin/book/{book.id}") == [(f"/admin/author/{book.author_id}", "Open: Ann (new tab)")]


def test_they_cost_no_query(site: Site) -> None:
    login(site.client, "*")
    book = site.book("One")
    site.add(*[Review(book_id=book.id, stars=1) for _ in range(20)])
    asked: list[str] = []

    def listen(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        assert site.client.get(f"/admin/book/{book.id}").status == 200
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert len(asked) <= 8, asked
