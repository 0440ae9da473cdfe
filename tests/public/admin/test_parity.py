"""What Django's admin is told by an option, and ours in another way: docs/admin-parity.md names the ways, which are tried here."""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from admin.site import BROWSER, Author, Book, Genre, Person, Review, Site, Stock, Tag, login, post
from wholestack.admin import Access, Action, AdminView, Inline, Selection, action, column, link
from wholestack.auth import Identity
from wholestack.templates import Templates
from wholestack.testing import Client


class HouseView(AdminView[Any]):
    """What all views of a house have in common."""

    @action("Note", permission="view")
    def note(self, rows: Selection[Any]) -> str:
        return "It is noted."

    def offered(self, access: Access) -> list[Action]:
        """No row of this house is deleted from a list."""
        return [each for each in super().offered(access) if each.name != "delete"]


class NotedBooks(HouseView, AdminView[Book]):
    columns = ("title", "price")
    cells = {"price": lambda price: "on request" if price is None else price}
    fields = ("title", "summary", "genre", "author_id", "at_the_shop")
    read_only = ("at_the_shop",)
    inlines = (
        Inline(Review, relation="reviews", title="What people say", fields=("stars",), read_only=("alone",), extra=2),
    )

    @column("At the shop")
    def at_the_shop(self, book: Book) -> object:
        return link(f"/books/{book.id}", "See it")

    def before_save(self, row: Book, identity: Identity[Any], *, new: bool) -> None:
        """A summary that nobody has written is made of the title, as a slug would be."""
        row.summary = row.summary or row.title.lower().replace(" ", "-")


class NotedTags(HouseView, AdminView[Tag]):
    columns = ("name",)


class Reviews(AdminView[Review]):
    columns = ("text", "stars")

    @column("Alone")
    def alone(self, review: Review) -> object:
        return link(f"/admin/review/{review.id}", "Open it")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "admin" / "tag").mkdir(parents=True)
    templates = {
        "base.html": '{% extends "wholestack/admin/base.html" %}{% block head %}{{ super() }}<script src="/house.js"></script>{% endblock %}',
        "home.html": '{% extends "admin/base.html" %}{% block content %}<h1>{{ frame.title }} at home</h1>{% endblock %}',
        "tag/form.html": "one tag",
        "tag/action.html": "really?",
        "tag/delete.html": "shall {{ frame.title }} let it go?",
        "tag/history.html": "what became of it",
    }
    for name, text in templates.items():
        (folder / "admin" / name).write_text(text, encoding="utf-8")
    site = Site(NotedBooks, NotedTags, Author, Reviews, Stock, Person)

    @site.app.get("/", name="front")
    def front() -> str:
        return "the shop"

    with site.running(Templates(str(folder))) as running:
        yield running


@pytest.fixture
def site(house: Site) -> Site:
    house.anew()
    login(house.client, "*")
    return house


def page(client: Client, path: str) -> str:
    answer = client.get(path, headers=BROWSER)
    assert answer.status == 200, answer.text
    return answer.text


def sent(site: Site, **more: str) -> dict[str, Any]:
    return {"title": "A Long Way", "genre": "novel", "author_id": site.author().id, **more}


def test_a_field_is_filled_out_of_another(site: Site) -> None:
    assert post(site.client, "/admin/book/new", sent(site)).status == 303
    assert post(site.client, "/admin/book/new", sent(site, summary="Mine.")).status == 303
    assert [each.summary for each in site.all(Book)] == ["a-long-way", "Mine."]


def test_a_row_links_to_its_place_on_the_site(site: Site) -> None:
    book = site.book()
    assert f'<a href="/books/{book.id}" rel="noopener noreferrer">See it</a>' in page(
        site.client, f"/admin/book/{book.id}"
    )


def test_nothing_is_called_as_the_view_says(site: Site) -> None:
    site.book(price=None)
    site.book(price=decimal.Decimal("2.50"))
    text = page(site.client, "/admin/book")
    assert re.findall(r'<td data-title="Price"[^>]*>(?:<bdi>)?([^<]*)', text) == ["2.5000", "on request"]


def test_rows_of_a_relation_have_a_title_and_a_link_to_their_own_page(site: Site) -> None:
    book = site.book()
    site.add(review := Review(book_id=book.id, stars=3))
    text = page(site.client, f"/admin/book/{book.id}")
    assert "<legend>What people say</legend>" in text
    assert f'href="/admin/review/{review.id}"' in text
    assert len(re.findall(r'name="reviews\[\d+\]\.stars"', text)) == 3


def test_one_action_for_all_views_and_one_for_none(site: Site) -> None:
    book = site.book()
    for path in ("/admin/book", "/admin/tag"):
        site.add(Tag(name=path))
        names = re.findall(r'<option value="(\w+)"', page(site.client, path).partition('name="action"')[2])
        assert "note" in names and "delete" not in names
    chosen = {"action": "delete", "scope": "chosen", "keys": [book.id]}
    assert post(site.client, "/admin/book/-/actions", chosen).status == 403
    asked = post(site.client, "/admin/book/-/actions", {**chosen, "action": "note"}).headers["location"]
    assert post(site.client, asked, {"counted": 1}).status == 303
    assert "It is noted." in page(site.client, "/admin/book")


def test_pages_are_templates_of_the_house(site: Site) -> None:
    site.add(tag := Tag(name="old"))
    assert "<h1>The bookshop at home</h1>" in page(site.client, "/admin/")
    assert '<script src="/house.js"></script>' in page(site.client, "/admin/book")
    where = f"/admin/tag/{tag.id}"
    assert page(site.client, where) == page(site.client, "/admin/tag/new") == "one tag"
    assert page(site.client, f"{where}/delete") == "shall The bookshop let it go?"
    assert page(site.client, f"{where}/history") == "what became of it"


def test_links_to_the_site_and_to_the_own_account(site: Site) -> None:
    text = page(site.client, "/admin/book")
    assert '<a href="/">To the site</a>' in text and '<a href="/account">Your account</a>' in text
    assert 'action="/account/logout"' in text
    assert 'autocomplete="new-password"' in page(site.client, "/account/password")


def test_where_one_goes_after_saving(site: Site) -> None:
    for then, place in ((None, "/admin/book"), ("stay", r"/admin/book/\d+"), ("new", "/admin/book/new")):
        data = sent(site) | ({} if then is None else {"form_then": then})
        where = post(site.client, "/admin/book/new", data).headers["location"]
        assert re.fullmatch(place, where), where
    book = site.all(Book)[0]
    gone = post(site.client, f"/admin/book/{book.id}/delete").headers["location"]
    assert gone.partition("?")[0] == "/admin/book"


def test_a_page_is_of_500_rows_at_most(site: Site) -> None:
    text = page(site.client, "/admin/book?limit=100000")
    assert "100000</option>" not in text and "<option>500</option>" in text
    assert "This was not understood, and left out:" in text


def test_an_address_that_is_none_is_found_by_nobody(site: Site) -> None:
    found = site.client.get("/admin/nothing-of-the-kind", headers=BROWSER, follow=False)
    assert found.status == 404 and 'href="/admin/book"' in found.text
    for path in ("/admin/nothing-of-the-kind", "/admin/book"):
        stranger = site.other().get(path, headers=BROWSER, follow=False)
        assert stranger.headers["location"].startswith("/account/login?next=")


def test_views_are_found_by_their_models(site: Site) -> None:
    found = site.admin.resource_of(Book)
    assert found is not None and type(found.view) is NotedBooks
    assert site.admin.resource_of(Path) is None


def test_choices_are_a_list(site: Site) -> None:
    text = page(site.client, "/admin/book/new")
    options = re.findall(r'<option value="(\w+)"', text[text.index('name="genre"') :].partition("</select>")[0])
    assert options == [each.value for each in Genre]


def test_the_question_is_a_template(site: Site) -> None:
    site.add(tag := Tag(name="old"))
    chosen = {"action": "note", "scope": "chosen", "keys": [tag.id]}
    asked = post(site.client, "/admin/tag/-/actions", chosen).headers["location"]
    assert page(site.client, asked) == "really?"


def test_a_form_takes_1000_fields_and_no_more(site: Site) -> None:
    rows = {f"reviews[{number}].stars": "1" for number in range(1_001)}
    answer = post(site.client, "/admin/book/new", sent(site) | rows)
    assert (answer.status, site.all(Review)) == (413, [])
    few = dict(list(rows.items())[:200])
    assert post(site.client, "/admin/book/new", sent(site) | few).status == 303
    assert len(site.all(Review)) == 200
