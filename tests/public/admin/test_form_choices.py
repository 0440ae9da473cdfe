"""What may be chosen in a form: lists, searches, choices that depend on others; nobody chooses what they may not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from admin.shelf import City, Contribution, Country, Shop, Shops
from admin.site import Author, Book, Person, Review, Site, Tag, errors, login, post, seen
from wholestack.admin import AdminView, Inline
from wholestack.auth import policy
from wholestack.db import assert_queries

NEW = {"title": "A new one", "genre": "poems"}


@policy
def not_hidden(identity: Person | None, author: Author) -> bool:
    return author.email is None or "hidden" not in author.email


@not_hidden.where
def _(identity: Person | None) -> object:
    return Author.email.is_(None) | Author.email.notlike("%hidden%")


class Authors(AdminView[Author]):
    rows = not_hidden
    search = ("name",)


class Searched(AdminView[Book]):
    inlines = (Inline(Review, fields=("stars",)), Inline(Contribution, autocomplete=("author",)))
    autocomplete = ("author",)
    most_choices = 3


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(Searched, Authors, Review, Tag, Shops, Country, City).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    kept.anew()
    login(kept.client, "*")
    return kept


def options(text: str, name: str) -> list[str]:
    """What a field offers, in words."""
    found = re.search(rf'<select name="{re.escape(name)}".*?</select>', text, re.DOTALL)
    assert found is not None, name
    return [each for each in re.findall(r"<option[^>]*>([^<]*)", found[0]) if each not in {"-", "Choose…"}]


# -- searched ----------------------------------------------------------------------------------------------------------


def test_a_relation_is_searched_without_a_script(site: Site) -> None:
    site.add(*(Author(name=f"Ann {number}") for number in range(30)), Author(name="Bo"))
    shown = site.client.get("/admin/book/new").text
    assert options(shown, "author_id") == []
    assert 'name="form_find_author_id"' in shown
    found = post(site.client, "/admin/book/new", {**NEW, "form_find_author_id": "bo", "_again": "author_id"})
    assert (found.status, options(found.text, "author_id")) == (200, ["Bo"])
    assert 'value="A new one"' in found.text
    assert site.all(Book) == []
    many = post(site.client, "/admin/book/new", {**NEW, "form_find_author_id": "ann", "_again": "author_id"})
    assert len(options(many.text, "author_id")) == 20


def test_the_row_that_is_referred_to_comes_with_its_own(site: Site) -> None:
    author = site.author("Ann")
    site.add(*(Author(name=f"Other {each}") for each in range(4)))
    book = site.book("Of Ann", author)
    site.client.get(f"/admin/book/{book.id}")
    with assert_queries(6):  # The session, the row with its author, two inlines, the tags it has, and all tags.
        shown = site.client.get(f"/admin/book/{book.id}")
    assert options(shown.text, "author_id") == ["Ann"]


def test_what_is_chosen_stays_while_others_are_searched(site: Site) -> None:
    ann, bo = Author(name="Ann"), Author(name="Bo")
    site.add(ann, bo)
    data = {**NEW, "author_id": ann.id, "form_find_author_id": "bo", "_again": "author_id"}
    assert options(post(site.client, "/admin/book/new", data).text, "author_id") == ["Ann", "Bo"]
    book = site.book("One", ann)
    assert options(site.client.get(f"/admin/book/{book.id}").text, "author_id") == ["Ann"]


def test_a_list_becomes_a_search_where_there_are_many(site: Site) -> None:
    site.add(*(Tag(name=f"tag {number}") for number in range(3)))
    assert 'name="form_find_tags"' not in site.client.get("/admin/book/new").text
    site.add(Tag(name="one more"))
    shown = site.client.get("/admin/book/new").text
    assert 'name="form_find_tags"' in shown
    first = site.all(Tag)[0]
    data = {**NEW, "tags": [first.id], "form_find_tags": "more", "_again": "tags"}
    assert options(post(site.client, "/admin/book/new", data).text, "tags") == ["tag 0", "one more"]


def test_a_search_in_the_row_of_an_inline(site: Site) -> None:
    site.add(*(Author(name=f"Ann {number}") for number in range(4)), Author(name="Bo"))
    data = {**NEW, "contributions[0].role": "drew", "contributions[0].form_find_author_id": "Bo"}
    found = post(site.client, "/admin/book/new", {**data, "_again": "contributions[0].author_id"}).text
    assert options(found, "contributions[0].author_id") == ["Bo"]


def test_the_route_of_the_script(site: Site) -> None:
    site.add(Author(name="<b>Bo"), Author(name="Ann"), *(Author(name=f"Cy {number}") for number in range(25)))
    found = site.client.get("/admin/book/choices/author_id?q=bo")
    assert [each["text"] for each in found.json()] == ["<b>Bo"]
    assert found.headers["content-type"].startswith("application/json")
    assert len(site.client.get("/admin/book/choices/author_id?q=cy").json()) == 20
    assert site.client.get("/admin/book/choices/author_id?q=%25").json() == []
    assert site.client.get("/admin/book/choices/contributions.author_id?q=ann").json()[0]["text"] == "Ann"
    for name in ("title", "password", "reviews.password", "no.no", "contributions.role", "author"):
        assert site.client.get(f"/admin/book/choices/{name}?q=a").status == 404


@pytest.mark.parametrize("held", [(), ("book.view",), ("author.view",), ("tag.change",)])
def test_who_may_not_choose_is_told_nothing(site: Site, held: tuple[str, ...]) -> None:
    site.author("Ann")
    other = site.other()
    login(other, *held)
    answer = other.get("/admin/book/choices/author_id?q=ann")
    assert answer.status in {403, 404}
    assert "Ann" not in answer.text


# -- what nobody may choose --------------------------------------------------------------------------------------------


def test_rows_that_somebody_may_not_see_are_not_offered_and_not_taken(site: Site) -> None:
    site.add(Author(id=1, name="Ann"), Author(id=2, name="Secret", email="hidden@x.org"))
    other = site.other()
    login(other, "book.add", "book.change", "book.view", "author.view")
    for text in ("Secret", "Ann"):
        found = post(other, "/admin/book/new", {**NEW, "form_find_author_id": text, "_again": "author_id"})
        assert options(found.text, "author_id") == [text] * (text == "Ann")
    assert other.get("/admin/book/choices/author_id?q=secret").json() == []
    for key in (2, 99):
        refused = post(other, "/admin/book/new", {**NEW, "author_id": key})
        assert errors(refused) == ["There is no such row, or it is not yours to see."]
        assert "Secret" not in refused.text
    assert post(other, "/admin/book/new", {**NEW, "author_id": 1}).status == 303


def test_a_reference_that_somebody_may_not_see_stays_as_it_is(site: Site) -> None:
    site.add(Author(id=1, name="Ann"), Author(id=2, name="Secret", email="hidden@x.org"))
    book = site.book("One", site.all(Author)[1])
    other = site.other()
    login(other, "book.change", "author.view")
    shown = other.get(f"/admin/book/{book.id}")
    assert options(shown.text, "author_id") == ["Author, not yours to see"]
    data = {**NEW, "author_id": 2, "form_seen": seen(shown)}
    assert post(other, f"/admin/book/{book.id}", data).status == 303
    assert [(each.title, each.author_id) for each in site.all(Book)] == [("A new one", 2)]


def test_related_rows_that_somebody_may_not_see_stay(site: Site) -> None:
    tag = Tag(name="kept")
    site.add(tag)
    author = site.author()
    with site.app.session() as db:
        db.add(Book(title="One", genre="novel", author_id=author.id, tags=[db.merge(tag)]))
    (book,) = site.all(Book)
    other = site.other()
    login(other, "book.change", "author.view")
    shown = other.get(f"/admin/book/{book.id}")
    assert "kept" not in shown.text
    data = {**NEW, "author_id": author.id, "form_seen": seen(shown), "tags": [""]}
    assert post(other, f"/admin/book/{book.id}", data).status == 303
    with site.app.session() as db:
        assert [each.name for each in db.merge(book).tags] == ["kept"]


# -- choices that depend on others -------------------------------------------------------------------------------------


def test_choices_depend_on_another_field(site: Site) -> None:
    site.add(Country(id=1, name="A"), Country(id=2, name="B"))
    site.add(City(id=1, name="Aa", country_id=1), City(id=2, name="Bb", country_id=2))
    shown = site.client.get("/admin/shop/new").text
    assert options(shown, "city_id") == []
    again = post(site.client, "/admin/shop/new", {"name": "x", "country_id": 2, "_again": "city_id"})
    assert (again.status, options(again.text, "city_id")) == (200, ["Bb"])
    found = site.client.get("/admin/shop/choices/city_id?country_id=1").json()
    assert [each["text"] for each in found] == ["Aa"]
    wrong = post(site.client, "/admin/shop/new", {"name": "x", "country_id": 2, "city_id": 1})
    assert (wrong.status, len(errors(wrong)), site.all(Shop)) == (422, 1, [])
    assert post(site.client, "/admin/shop/new", {"name": "x", "country_id": 2, "city_id": 2}).status == 303
