"""Rows through the pages of the admin: made, shown, changed, deleted; what is refused leaves them as they are."""

from __future__ import annotations

import decimal
from collections.abc import Iterator

import pytest
from sqlalchemy import String

from admin.site import BROWSER, Author, Base, Book, Person, Site, Stock, Tag, errors, login, post, seen
from wholestack.db import Mapped, mapped_column

NEW = {"title": "A new one", "genre": "poems", "price": "2.50", "in_print": "true"}


@pytest.fixture(scope="module", params=["asgi", "wsgi", "rsgi"])
def kept(request: pytest.FixtureRequest) -> Iterator[Site]:
    with Site(interface=request.param).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def test_a_row_from_its_beginning_to_its_end(site: Site) -> None:
    login(site.client, "book.view", "book.add", "book.change", "book.delete", "author.view", "tag.view")
    author, tag = site.author(), Tag(name="old")
    site.add(tag)
    assert "author_id" in site.client.get("/admin/book/new").text
    made = post(site.client, "/admin/book/new", {**NEW, "author_id": author.id, "tags": tag.id, "form_then": "stay"})
    (book,) = site.all(Book)
    assert (made.status, made.headers["location"]) == (303, f"/admin/book/{book.id}")
    assert (book.title, book.price, book.genre.value) == ("A new one", decimal.Decimal("2.50"), "poems")
    shown = site.client.get(f"/admin/book/{book.id}")
    assert 'value="A new one"' in shown.text
    data = {**NEW, "title": "Changed", "author_id": author.id, "form_seen": seen(shown)}
    assert post(site.client, f"/admin/book/{book.id}", data).headers["location"] == "/admin/book"
    assert [each.title for each in site.all(Book)] == ["Changed"]
    assert "Delete this?" in site.client.get(f"/admin/book/{book.id}/delete").text
    assert post(site.client, f"/admin/book/{book.id}/delete").status == 303
    assert site.all(Book) == []


def test_a_form_from_another_site_is_refused(site: Site) -> None:
    login(site.client, "*")
    author = site.author()
    data = {**NEW, "author_id": author.id}
    foreign = {**BROWSER, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    for path in ("/admin/book/new", f"/admin/author/{author.id}", f"/admin/author/{author.id}/delete"):
        assert post(site.client, path, {**data, "name": "Theirs"}, headers=foreign).status == 403
    assert (site.all(Book), [each.name for each in site.all(Author)]) == ([], ["Ann"])


def test_a_fault_is_told_beside_its_field_and_nothing_is_saved(site: Site) -> None:
    login(site.client, "*")
    answer = post(site.client, "/admin/book/new", {**NEW, "title": "", "price": "much", "author_id": ""})
    assert answer.status == 422
    assert len(errors(answer)) == 3
    assert 'value="much"' in answer.text
    assert site.all(Book) == []


def test_a_key_of_two_columns(site: Site) -> None:
    login(site.client, "*")
    made = post(site.client, "/admin/stock/new", {"shop": "a/b", "code": "x,y", "pieces": "3", "form_then": "stay"})
    where = made.headers["location"]
    assert where == "/admin/stock/a%252Fb%2Cx%252Cy"
    shown = site.client.get(where)
    assert shown.status == 200
    post(site.client, where, {"pieces": "4", "form_seen": seen(shown)})
    assert [(each.shop, each.code, each.pieces) for each in site.all(Stock)] == [("a/b", "x,y", 4)]


class Sign(Base):
    """By a key that people type."""

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    words: Mapped[str] = mapped_column(String(40), default="")


@pytest.mark.parametrize("code", ["new", ".", "..", "choices", "-", "%6Eew", "a/../b"])
def test_a_key_that_is_a_way_in_addresses_has_pages_as_any_other(code: str) -> None:
    with Site(Sign, Person).running() as site:
        login(site.client, "*")
        made = post(site.client, "/admin/sign/new", {"code": code, "words": "before", "form_then": "stay"})
        where = made.headers["location"]
        shown = site.client.get(where, headers=BROWSER)
        assert 'value="before"' in shown.text
        assert f'href="{where}"' in site.client.get("/admin/sign", headers=BROWSER).text
        assert post(site.client, where, {"code": code, "words": "after", "form_seen": seen(shown)}).status == 303
        assert "after" in site.client.get(f"{where}/history", headers=BROWSER).text
        assert "Delete this?" in site.client.get(f"{where}/delete", headers=BROWSER).text
        assert post(site.client, f"{where}/delete").status == 303 and site.all(Sign) == []
        assert post(site.client, f"{where}/restore").status == 303
        assert [(each.code, each.words) for each in site.all(Sign)] == [(code, "after")]


@pytest.mark.parametrize("path", ["", "/new", "/1", "/1/delete", "/1/history"])
def test_who_has_no_permission_sees_nothing(site: Site, path: str) -> None:
    site.add(Author(id=1, name="Ann"))
    site.book(author=site.all(Author)[0], id=1)
    login(site.client, "tag.view")
    answer = site.client.get(f"/admin/book{path}", headers=BROWSER)
    assert answer.status in {403, 404}
    assert "One" not in answer.text
