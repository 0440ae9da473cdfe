"""A list is found again as it was left: after saving, deleting, an action, a history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote, urlencode

import pytest

from admin.site import Book, Genre, Review, Site, login, post, seen

QUERY = "genre=novel&q=One&order=-title&page=1"
FIELDS = {"title": "One more", "genre": "novel", "in_print": "true"}


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with Site().running() as site:
        yield site


@pytest.fixture
def site(shop: Site) -> Site:
    shop.anew()
    login(shop.client, "*")
    return shop


def kept(query: str = QUERY) -> str:
    return urlencode({"form_list": query})


def opened(site: Site, book: Book) -> str:
    """The address to which the list leads, of the row."""
    answer = site.client.get(f"/admin/book?{QUERY}")
    (found,) = re.findall(r'<th scope="row"><a href="([^"]*)"', answer.text)
    assert found.startswith(f"/admin/book/{book.id}?")
    return unescape(found)


def fields(site: Site, path: str, book: Book, **more: str) -> dict[str, object]:
    state = seen(site.client.get(path))
    return {**FIELDS, "author_id": book.author_id, "form_seen": state, **more}


def test_after_saving(site: Site) -> None:
    book = site.book("One")
    path = opened(site, book)
    answer = post(site.client, path, fields(site, path, book))
    assert (answer.status, answer.headers["location"]) == (303, f"/admin/book?{QUERY}")
    assert site.all(Book)[0].title == "One more"


@pytest.mark.parametrize(("then", "where"), [("stay", "/admin/book/{}"), ("new", "/admin/book/new")])
def test_while_going_on(site: Site, then: str, where: str) -> None:
    book = site.book("One")
    path = opened(site, book)
    answer = post(site.client, path, fields(site, path, book, form_then=then))
    assert answer.headers["location"] == f"{where.format(book.id)}?{kept()}"
    page = site.client.get(answer.headers["location"])
    assert f'href="/admin/book?{QUERY.replace("&", "&amp;")}"' in page.text


def test_after_a_deletion(site: Site) -> None:
    book = site.book("One")
    page = site.client.get(opened(site, book))
    (question,) = re.findall(r'href="([^"]*/delete[^"]*)"', page.text)
    answer = post(site.client, unescape(question))
    assert answer.headers["location"] == f"/admin/book?{QUERY}&undo={book.id}"
    assert site.all(Book) == []


def test_on_the_way_through_the_history(site: Site) -> None:
    book = site.book("One")
    page = site.client.get(opened(site, book))
    (history,) = re.findall(r'href="(/admin/book/[^"]*/history[^"]*)"', page.text)
    shown = site.client.get(unescape(history)).text
    assert f'href="/admin/book?{QUERY.replace("&", "&amp;")}"' in shown


def test_after_an_action(site: Site) -> None:
    book = site.book("One")
    sent = post(site.client, f"/admin/book/-/actions?{QUERY}", {"action": "delete", "keys": [str(book.id)]})
    question = sent.headers["location"]
    assert question.endswith(f"?{kept()}")
    assert f'href="/admin/book?{QUERY.replace("&", "&amp;")}">Leave it' in site.client.get(question).text
    done = post(site.client, question, {"counted": "1"})
    assert done.headers["location"] == f"/admin/book?{QUERY}"


@pytest.mark.parametrize(
    "query",
    ["https://evil.example/", "//evil.example", "next=https://evil.example", "a\r\nx: y", "q=" + "x" * 3_000, "%ff&=&"],
)
def test_nothing_but_the_query_of_the_list_is_taken(site: Site, query: str) -> None:
    book = site.book("One")
    path = f"/admin/book/{book.id}?form_list={quote(query)}"
    answer = post(site.client, path, fields(site, path, book))
    assert (answer.status, answer.headers["location"]) == (303, "/admin/book")


def test_a_value_stays_a_value(site: Site) -> None:
    book = site.book("One")
    path = f"/admin/book/{book.id}?{kept('q=' + quote('<script>&#/@evil.example'))}"
    answer = post(site.client, path, fields(site, path, book))
    assert answer.headers["location"] == "/admin/book?q=%3Cscript%3E%26%23%2F%40evil.example"


def test_htmx_is_sent_the_columns_and_views_with_the_rows(site: Site) -> None:
    site.book("One")
    answer = site.client.get("/admin/book?genre=novel&limit=20&page=x", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert '<details class="admin-looks">' in answer.text
    assert '<input type="hidden" name="query" value="genre=novel&amp;limit=20">' in answer.text
    assert "left out" in answer.text


def test_a_deletion_of_very_many_says_what_goes_with_some(site: Site) -> None:
    author = site.author()
    site.add(*[Book(title=f"{each}", genre=Genre.NOVEL, author_id=author.id) for each in range(501)])
    site.add(*[Review(book_id=each.id, stars=1) for each in site.all(Book)])
    sent = post(site.client, "/admin/book/-/actions?", {"action": "delete", "scope": "all"})
    page = site.client.get(sent.headers["location"]).text
    assert "<li>Reviews: 100+</li>" in page
