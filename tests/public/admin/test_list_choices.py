"""What a list's filters offer: rows of relations in one query, a search where there are many, numbers beside choices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import Engine, Select, event

from admin.shelf import Chapter, Footnote
from admin.site import Author, Book, Genre, Person, Review, Site, Tag, login
from wholestack.admin import AdminView, FieldRule, Filter
from wholestack.auth import policy
from wholestack.db import Session
from wholestack.testing import Answer


@policy
def not_hidden(identity: Person | None, author: Author) -> bool:
    return not author.name.startswith("Hidden")


@not_hidden.where
def _(identity: Person | None) -> Any:
    return Author.name.notlike("Hidden%")


class Odd(Filter):
    title = "Odd ones"

    def choices(self, db: Session) -> Iterable[tuple[str, str]]:
        return [("yes", "Odd"), ("no", "Even")]

    def where(self, statement: Select[Any], value: str) -> Select[Any]:
        return statement.join(Book.author).where(Book.id % 2 == (1 if value == "yes" else 0))


class SixWays(AdminView[Book]):
    columns = ("title", "author", "tags", "price")
    filters = ("author", "tags", "reviews", "author.books", "chapters", "chapters.notes")
    date_drill = "published"
    search = ("title",)
    orders = ("title",)


class Reviews(AdminView[Review]):
    columns = ("text",)
    filters = ("book.author", "book.genre", "stars")


class Authors(AdminView[Author]):
    rows = not_hidden
    search = ("name__begins", "email__is")
    field_rules = {"email": FieldRule(view="author.change")}


@pytest.fixture(scope="module")
def six() -> Iterator[Site]:
    with Site(SixWays, Authors, Tag, Reviews, Chapter, Footnote, Person).running() as site:
        yield site


@pytest.fixture
def site(six: Site) -> Site:
    six.anew()
    login(six.client, "*")
    return six


def selects(site: Site, address: str) -> tuple[Answer, list[str]]:
    """The answer of an address, and the queries that it took."""
    heard: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        answer = site.client.get(address)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert answer.status == 200, answer.text
    return answer, [each for each in heard if each.lstrip().upper().startswith(("SELECT", "WITH"))]


def options(answer: Answer, name: str) -> list[str]:
    found = re.search(rf'<select name="{re.escape(name)}".*?</select>', answer.text, re.DOTALL)
    assert found is not None, name
    return [unescape(each) for each in re.findall(r"<option[^>]*>([^<]*)", found[0])]


def chosen(answer: Answer, name: str) -> list[str]:
    found = re.search(rf'<select name="{re.escape(name)}".*?</select>', answer.text, re.DOTALL)
    assert found is not None, name
    return re.findall(r"<option[^>]* selected>([^<]*)", found[0])


def titles(answer: Answer) -> list[str]:
    return [unescape(each) for each in re.findall(r'<th scope="row"><a href="[^"]*"><bdi>([^<]*)', answer.text)]


# -- one query for all of them -----------------------------------------------------------------------------------------


def test_six_relations_are_offered_in_one_query(site: Site) -> None:
    ann, bo = site.author("Ann"), site.author("Bo")
    one, _ = site.book("One", ann), site.book("Two", bo)
    chapter = Chapter(book_id=one.id, title="First")
    site.add(Tag(name="old"), Review(book_id=one.id, stars=5, text="Good"), chapter)
    site.add(Footnote(chapter_id=chapter.id, text="See"))
    site.client.get("/admin/book")
    answer, asked = selects(site, "/admin/book")
    assert len(asked) <= 8, "\n\n".join(asked)
    assert options(answer, "author") == ["All", "Ann", "Bo"]
    assert options(answer, "tags") == ["All", "old", "Nothing"]
    assert options(answer, "author.books") == ["All", "One", "Two", "Nothing"]
    assert options(answer, "chapters") == ["All", "First", "Nothing"]
    assert len(options(answer, "reviews")) == len(options(answer, "chapters.notes")) == 3
    query = f"author={ann.id}&author.books={one.id}&chapters={chapter.id}&tags=~"
    answer, asked = selects(site, f"/admin/book?{query}")
    assert (titles(answer), chosen(answer, "author.books")) == (["One"], ["One"])
    assert len(asked) <= 8, "\n\n".join(asked)


def test_each_relation_has_the_rules_of_its_own_rows(site: Site) -> None:
    site.add(Author(name="Ann"), Author(name="Hidden one"), Tag(name="old"))
    client = site.other()
    login(client, "book.view", "author.view", "review.view")
    answer = client.get("/admin/book")
    assert options(answer, "author") == ["All", "Ann"]
    assert 'name="tags"' not in answer.text and ">old<" not in answer.text
    assert "Hidden" not in answer.text


# -- a search where there are many -------------------------------------------------------------------------------------


@pytest.fixture
def many(site: Site) -> list[Author]:
    authors = [Author(name=f"Author {number:03}", email=f"mail{number}@x.org") for number in range(203)]
    site.add(*authors, Author(name="Bo <b>", email="bo@x.org"), Author(name="Hidden Bo"))
    return authors


def test_a_relation_with_many_rows_is_searched_without_a_script(site: Site, many: list[Author]) -> None:
    site.book("One", many[7])
    site.book("Two", many[8])
    answer, asked = selects(site, "/admin/book")
    assert options(answer, "author") == ["All"]
    assert len(asked) <= 8
    found = site.client.get("/admin/book?author__find=bo")
    assert options(found, "author") == ["All", "Bo <b>"]
    assert titles(found) == ["One", "Two"]
    answer, asked = selects(site, f"/admin/book?author={many[7].id}&author__find=bo")
    assert titles(answer) == ["One"]
    assert (options(answer, "author"), chosen(answer, "author")) == (["All", "Author 007", "Bo <b>"], ["Author 007"])
    assert len(asked) <= 8
    assert len(options(site.client.get("/admin/book?author__find=author"), "author")) == 21


def test_the_route_of_the_script_is_for_who_sees_the_list(site: Site, many: list[Author]) -> None:
    client = site.other()
    login(client, "book.view", "author.view")
    assert client.get("/admin/book/-/choices/author?q=bo").json() == [{"value": str(len(many) + 1), "text": "Bo <b>"}]
    assert client.get("/admin/book/-/choices/author?q=hidden").json() == []
    assert client.get("/admin/book/-/choices/author?q=").json() == []
    assert len(client.get("/admin/book/-/choices/author?q=author").json()) == 20
    for name in ("title", "tags", "author.email", "none"):
        assert client.get(f"/admin/book/-/choices/{name}?q=a").status == 404
    # An address that one may not see finds nobody.
    assert client.get("/admin/book/-/choices/author?q=bo@x.org").json() == []
    assert site.client.get("/admin/book/-/choices/author?q=bo@x.org").json()[0]["text"] == "Bo <b>"
    # A form's search is the same.
    assert site.client.get("/admin/book/choices/author_id?q=bo").json()[0]["text"] == "Bo <b>"
    other = site.other()
    login(other, "author.view")
    assert other.get("/admin/book/-/choices/author?q=bo").status == 403


def test_a_row_that_somebody_may_not_see_is_not_named(site: Site, many: list[Author]) -> None:
    hidden = site.all(Author)[-1]
    answer = site.client.get(f"/admin/book?author={hidden.id}&author__find=hidden")
    assert (options(answer, "author"), titles(answer)) == (["All"], [])


# -- numbers beside choices --------------------------------------------------------------------------------------------


class Counted(AdminView[Book]):
    columns = ("title",)
    filters = ("genre", "author", "tags", "in_print", "published", "summary__empty", Odd())
    facets = True
    search = ("title",)


class NeverCounted(AdminView[Tag]):
    filters = ("name__empty",)
    facets = False


@pytest.fixture(scope="module")
def counted() -> Iterator[Site]:
    with Site(Counted, NeverCounted, Authors, Review, Person).running() as site:
        yield site


def test_numbers_are_asked_for(site: Site) -> None:
    ann = site.author("Ann")
    site.book("One", ann)
    plain, asked = selects(site, "/admin/book")
    assert options(plain, "author") == ["All", "Ann"]
    assert ">Show numbers</a>" in plain.text
    numbered, more = selects(site, "/admin/book?facets=true")
    assert options(numbered, "author") == ["All", "Ann (1)"]
    assert options(numbered, "tags") == ["All", "Nothing (1)"]
    assert len(more) <= len(asked) + 1
    assert ">Hide numbers</a>" in numbered.text


def test_a_number_is_of_what_the_other_filters_leave(counted: Site) -> None:
    site = counted.anew()
    login(site.client, "*")
    ann, bo = site.author("Ann"), site.author("Bo")
    for number in range(6):
        genre = Genre.NOVEL if number < 4 else Genre.POEMS
        site.book(f"B{number}", ann if number % 2 else bo, genre=genre, in_print=number > 0, summary="x" * (number > 4))
    first = site.client.get("/admin/book")
    assert options(first, "genre") == ["All", "Novel (4)", "Poems (2)", "Cookery (0)"]
    assert options(first, "author") == ["All", "Ann (3)", "Bo (3)"]
    assert options(first, "in_print") == ["All", "Yes (5)", "No (1)"]
    assert options(first, "summary__empty") == ["All", "Empty (5)", "Not empty (1)"]
    assert options(first, "odd") == ["All", "Odd (3)", "Even (3)"]
    assert "Today (0)" in first.text and "numbers</a>" not in first.text
    answer, asked = selects(site, "/admin/book?genre=poems")
    # Of itself it counts as though it were not set, of the others with it.
    assert options(answer, "genre") == ["All", "Novel (4)", "Poems (2)", "Cookery (0)"]
    assert options(answer, "author") == ["All", "Ann (1)", "Bo (1)"]
    assert options(answer, "in_print") == ["All", "Yes (2)", "No (0)"]
    assert len(asked) <= 8
    assert options(site.client.get("/admin/book?q=B5"), "genre") == ["All", "Novel (0)", "Poems (1)", "Cookery (0)"]
    assert "numbers</a>" not in site.client.get("/admin/tag?facets=true").text


def test_numbers_count_no_row_that_somebody_may_not_see(counted: Site) -> None:
    site = counted.anew()
    login(site.client, "book.view", "author.view")
    site.book("One", site.author("Ann"))
    site.book("Two", site.author("Hidden"))
    assert options(site.client.get("/admin/book"), "author") == ["All", "Ann (1)"]
    site.client = site.other()
    login(site.client, "author.view", "review.view")
    assert site.client.get("/admin/book").status == 403


def test_a_long_list_is_not_counted_whole(counted: Site) -> None:
    site = counted.anew()
    login(site.client, "*")
    ann = site.author("Ann")
    rows = [
        {"title": f"B{number}", "genre": Genre.NOVEL, "author_id": ann.id, "in_print": True} for number in range(10_002)
    ]
    with site.app.session() as db:
        db.execute(Book.__table__.insert(), rows)
    answer, asked = selects(site, "/admin/book")
    assert options(answer, "genre")[1:] == ["Novel (10,000+)", "Poems (0+)", "Cookery (0+)"]
    for each in asked:
        assert "count(" not in each.lower() or " LIMIT " in each


def test_a_filter_that_says_only_half_is_no_filter() -> None:
    class Half(Filter):
        def choices(self, db: Session) -> Iterable[tuple[str, str]]:
            return []

    with pytest.raises(TypeError, match="where"):
        Half()  # type: ignore[abstract]  # what is tried
