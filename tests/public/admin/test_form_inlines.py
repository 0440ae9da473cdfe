"""Rows of other models in a form: added, changed, removed, moved, within each other, and what nobody may do there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from admin.shelf import BooksWithRows, Chapter, Contribution, Footnote, OnlyReviews
from admin.site import Author, Book, Review, Site, Tag, errors, login, post
from wholestack.admin import AdminView, FieldRule, Inline
from wholestack.db import assert_queries, select
from wholestack.testing import Answer

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)"(?: id="[^"]*")? value="([^"]*)"')
BOOK = {"title": "One", "genre": "novel", "in_print": "true"}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(BooksWithRows, Author, Review, Tag, Chapter).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def filled(answer: Answer, **more: Any) -> dict[str, Any]:
    """What a browser would send of a form's hidden fields, and what somebody types."""
    return {name: value for name, value in HIDDEN.findall(answer.text) if name != "csrf_token"} | more


def a_book(site: Site, *stars: int) -> tuple[Book, str]:
    book = site.book()
    site.add(*(Review(book_id=book.id, stars=each, position=index) for index, each in enumerate(stars)))
    return book, f"/admin/book/{book.id}"


def reviews(site: Site) -> list[tuple[int, int, str]]:
    found = sorted(site.all(Review), key=lambda each: each.position)
    return [(each.position, each.stars, each.text) for each in found]


def test_rows_are_made_with_their_parent(site: Site) -> None:
    login(site.client, "*")
    author = site.author()
    shown = site.client.get("/admin/book/new").text
    assert 'name="reviews[0].stars"' in shown
    assert 'name="chapters[0].title"' not in shown
    rows = {
        "reviews[0].stars": "5",
        "reviews[0].text": "good",
        "chapters[0].title": "Begin",
        "chapters[0].pages": "3",
        "chapters[0].notes[0].text": "see there",
        "contributions[0].author_id": author.id,
        "contributions[0].role": "drew",
    }
    answer = post(site.client, "/admin/book/new", {**BOOK, "author_id": author.id, **rows})
    assert answer.status == 303, errors(answer)
    (book,), (chapter,), (note,), (other,) = map(site.all, (Book, Chapter, Footnote, Contribution))
    assert reviews(site) == [(0, 5, "good")]
    assert (chapter.book_id, chapter.title, chapter.pages) == (book.id, "Begin", 3)
    assert (note.chapter_id, note.text) == (chapter.id, "see there")
    assert (other.book_id, other.author_id, other.role) == (book.id, author.id, "drew")


def test_rows_are_changed_removed_added_and_put_in_order(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site, 1, 2, 3)
    first, second, third = (each.id for each in site.all(Review))
    shown = site.client.get(path)
    data = filled(shown, **BOOK, author_id=book.author_id)
    assert data["reviews[0].form_key"] == str(first)
    for name in [name for name in data if name.startswith("reviews[")]:
        del data[name]
    data |= {"reviews[4].form_key": third, "reviews[4].stars": "3", "reviews[4].text": "last first"}
    data |= {"reviews[5].form_key": first, "reviews[5].stars": "1"}
    data |= {"reviews[9].stars": "4", "reviews[9].text": "new"}
    answer = post(site.client, path, data)
    assert answer.status == 303, errors(answer)
    assert reviews(site) == [(0, 3, "last first"), (1, 1, ""), (2, 4, "new")]
    assert second not in [each.id for each in site.all(Review)]
    text = site.client.get(f"{path}/history").text
    assert "Reviews" in text or "reviews" in text


def test_empty_rows_are_not_saved(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site)
    data = {
        **BOOK,
        "author_id": book.author_id,
        "reviews[0].stars": "",
        "reviews[0].text": "",
        "reviews[0].form_key": "",
    }
    assert post(site.client, path, data).status == 303
    assert reviews(site) == []


def test_a_fault_is_told_beside_the_field_in_its_row(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site, 1)
    data = filled(site.client.get(path), **BOOK, author_id=book.author_id)
    data |= {
        "reviews[0].stars": "many",
        "chapters[0].title": "",
        "chapters[0].pages": "2",
        "chapters[0].notes[0].text": "x" * 201,
    }
    answer = post(site.client, path, data)
    assert answer.status == 422
    for name in ("reviews-0-stars", "chapters-0-title", "chapters-0-notes-0-text"):
        assert f'id="f-{name}-error"' in answer.text
    assert 'value="many"' in answer.text
    assert (reviews(site), site.all(Chapter)) == ([(0, 1, "")], [])


def test_what_may_be_there_once_only_is_told_in_its_row(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site)
    site.add(Chapter(book_id=book.id, title="Begin"))
    (chapter,) = site.all(Chapter)
    data = {**BOOK, "author_id": book.author_id, "chapters[0].title": "Begin", "chapters[0].pages": "2"}
    answer = post(site.client, path, data)
    assert errors(answer) == ["This value is taken already."]
    assert 'id="f-chapters-0-title-error"' in answer.text
    data |= {"chapters[0].title": "Twice", "chapters[1].title": "Twice", "chapters[1].pages": "1"}
    assert errors(post(site.client, path, data)) == ["Another row has the same."]
    # One that goes makes room for another of its name.
    data = {**BOOK, "author_id": book.author_id, "form_shown_chapters": chapter.id}
    answer = post(site.client, path, {**data, "chapters[0].title": "Begin", "chapters[0].pages": "9"})
    assert answer.status == 303, errors(answer)
    assert [(each.title, each.pages) for each in site.all(Chapter)] == [("Begin", 9)]


def test_buttons_add_and_move_rows_without_a_script(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site, 1, 2)
    data = filled(site.client.get(path), **BOOK, author_id=book.author_id)
    data |= {"reviews[0].stars": "1", "reviews[1].stars": "2"}
    answer = post(site.client, path, {**data, "_add": "chapters"})
    assert (answer.status, 'name="chapters[0].title"' in answer.text) == (200, True)
    assert 'value="1"' in answer.text
    moved = post(site.client, path, {**data, "_up": "reviews[1]"}).text
    keys = re.findall(r'name="reviews\[\d\]\.form_key"[^>]*value="(\d+)"', moved)
    assert keys == [str(each.id) for each in reversed(site.all(Review))]
    gone = post(site.client, path, {**data, "_remove": "reviews[0]"})
    assert data["reviews[0].form_key"] not in re.findall(r'name="reviews\[\d\]\.form_key"[^>]*value="(\d+)"', gone.text)
    inner = post(site.client, path, {**data, "chapters[0].title": "x", "_add": "chapters[0].notes"})
    assert 'name="chapters[0].notes[0].text"' in inner.text
    assert len(site.all(Review)) == 2


def test_rows_that_somebody_else_has_added_stay(site: Site) -> None:
    login(site.client, "*")
    book, path = a_book(site, 1)
    data = filled(site.client.get(path), **BOOK, author_id=book.author_id) | {"reviews[0].stars": "1"}
    site.add(Review(book_id=book.id, stars=5, position=9))
    assert post(site.client, path, data).status == 303
    assert [each.stars for each in site.all(Review)] == [1, 5]


def test_a_row_of_another_parent_is_not_taken(site: Site) -> None:
    login(site.client, "*")
    _, _ = a_book(site, 1)
    other = site.book("Other")
    (theirs,) = site.all(Review)
    data = {**BOOK, "author_id": other.author_id, "reviews[0].form_key": theirs.id, "reviews[0].stars": "9"}
    data |= {"form_shown_reviews": theirs.id}
    answer = post(site.client, f"/admin/book/{other.id}", data)
    assert (answer.status, len(errors(answer))) == (422, 1)
    data = {**BOOK, "author_id": other.author_id, "reviews": "", "form_shown_reviews": theirs.id}
    post(site.client, f"/admin/book/{other.id}", data)
    assert [(each.book_id != other.id, each.stars) for each in site.all(Review)] == [(True, 1)]


@pytest.mark.parametrize(
    ("held", "added", "changed", "removed"),
    [
        (("review.view", "review.add", "review.change", "review.delete"), True, True, True),
        (("review.view", "review.change", "review.delete"), False, True, True),
        (("review.view", "review.add", "review.delete"), True, False, False),
        (("review.view", "review.add", "review.change"), True, True, False),
        (("review.view",), False, False, False),
        ((), False, False, False),
    ],
)
def test_rows_obey_the_permissions_over_their_own_model(
    site: Site, held: tuple[str, ...], added: bool, changed: bool, removed: bool
) -> None:
    book, path = a_book(site, 1, 2)
    first, second = site.all(Review)
    login(site.client, "book.change", "author.view", *held)
    shown = site.client.get(path)
    assert ("Reviews" in shown.text) == bool(held)
    assert ('value="reviews" class="quiet"' in shown.text) == added
    base = {**BOOK, "author_id": book.author_id, "form_shown_reviews": f"{first.id} {second.id}"}
    keep = {
        "reviews[0].form_key": first.id,
        "reviews[0].stars": 1,
        "reviews[1].form_key": second.id,
        "reviews[1].stars": 2,
    }
    keep = keep if {"review.change"} <= {*held} else {}
    post(site.client, path, {**base, **keep, "reviews[7].stars": "7"})
    assert (7 in {each.stars for each in site.all(Review)}) == added
    keys = {"reviews[0].form_key": first.id, "reviews[1].form_key": second.id}
    post(site.client, path, {**base, **keys, "reviews[0].stars": 5, "reviews[1].stars": 2})
    assert (5 in {each.stars for each in site.all(Review)}) == changed
    post(site.client, path, {**base, **keep, "reviews[1].form_key": "", "reviews[1].stars": ""})
    assert (second.id not in {each.id for each in site.all(Review)}) == removed


class Ruled(AdminView[Book]):
    fields = ("title", "author_id", "genre")
    inlines = (Inline(Review, fields=("stars",)), Inline(Chapter, fields=("title",)))
    field_rules = {"reviews": FieldRule(change="book.reviews"), "chapters": "book.chapters"}


def test_a_field_rule_of_the_relation_holds_for_its_rows() -> None:
    with Site(Ruled, Author, Review, Tag, Chapter).running() as site:
        book, path = a_book(site, 1)
        login(site.client, "book.change", "author.view", "review.change", "review.add", "chapter.add", "chapter.view")
        shown = site.client.get(path).text
        assert ('id="f-reviews"' in shown, 'id="f-chapters"' in shown, 'name="reviews[0].stars"' in shown) == (
            True,
            False,
            False,
        )
        data = {
            **BOOK,
            "author_id": book.author_id,
            "reviews[0].form_key": site.all(Review)[0].id,
            "reviews[0].stars": "5",
        }
        data |= {"reviews[1].stars": "4", "chapters[0].title": "forged"}
        assert post(site.client, path, data).status == 303
        assert ([each.stars for each in site.all(Review)], site.all(Chapter)) == ([1], [])


def test_a_page_with_fifty_rows_asks_little(site: Site) -> None:
    """The session, the row, the rows of three inlines and those within, the tags it has, and two lists to choose from."""
    login(site.client, "*")
    book, path = a_book(site, *range(50))
    site.add(*(Chapter(book_id=book.id, title=str(each), position=each) for each in range(50)))
    notes = [Footnote(chapter_id=each.id, text="x") for each in site.all(Chapter)]
    site.add(*notes, *(Contribution(book_id=book.id, author_id=site.author().id, role="drew") for _ in range(50)))
    site.client.get(path)
    with assert_queries(9):
        shown = site.client.get(path)
    assert shown.text.count(".stars") >= 50


@pytest.fixture(scope="module")
def plain() -> Iterator[Site]:
    with Site(OnlyReviews, Author, Review, Tag).running() as site:
        yield site


def test_a_page_with_fifty_rows_of_one_inline_asks_less(plain: Site) -> None:
    plain.anew()
    login(plain.client, "book.change", "author.view", "tag.view", "review.change")
    _, path = a_book(plain, *range(50))
    with assert_queries(7):
        shown = plain.client.get(path)
    assert shown.text.count(".stars") >= 50


def test_what_hangs_on_a_row_that_is_removed_is_asked_about_and_noted() -> None:
    """As on the row's own page: what goes with it must be theirs to delete, and the history has all of it."""
    with Site(BooksWithRows, Author, Review, Tag, Chapter, Footnote).running() as site:
        book, path = a_book(site)
        site.add(chapter := Chapter(book_id=book.id, title="Begin"))
        site.add(Footnote(chapter_id=chapter.id, text="see there"))
        rights = [f"{model}.{each}" for model in ("book", "chapter") for each in ("view", "change", "delete")]
        data = {**BOOK, "author_id": book.author_id, "form_shown_chapters": chapter.id}
        login(site.client, *rights, "footnote.view", "author.view", "tag.view")
        answer = post(site.client, path, data)
        assert errors(answer) == ["Begin cannot be deleted. Something else stands in the way."]
        assert 'id="f-chapters-error"' in answer.text or answer.status == 422
        assert [len(site.all(each)) for each in (Chapter, Footnote)] == [1, 1]
        site.client = site.other()
        login(site.client, *rights, "footnote.view", "footnote.delete", "author.view", "tag.view")
        assert post(site.client, path, data).status == 303
        assert [site.all(each) for each in (Chapter, Footnote)] == [[], []]
        rows = site.admin.history.rows
        with site.app.session() as db:
            told = [(each.action, each.model, each.batch) for each in db.execute(select(rows).order_by(rows.c.id))]
        assert sorted(each[:2] for each in told) == [("change", "book"), ("delete", "chapter"), ("delete", "footnote")]
        assert len({each[2] for each in told}) == 1


# -- how many ----------------------------------------------------------------------------------------------------------


class TwoToThree(AdminView[Book]):
    fields = ("title", "author_id", "genre", "in_print")
    inlines = (Inline(Review, fields=("stars",), minimum=2, maximum=3, most=2),)


@pytest.fixture(scope="module")
def numbered() -> Iterator[Site]:
    with Site(TwoToThree, Author, Review).running() as site:
        yield site


@pytest.fixture
def few(numbered: Site) -> Site:
    return numbered.anew()


ADD = 'name="_add" value="reviews"'


def test_a_new_row_shows_as_many_rows_as_there_must_be_at_least(few: Site) -> None:
    login(few.client, "*")
    shown = few.client.get("/admin/book/new").text
    assert 'name="reviews[1].stars"' in shown and 'name="reviews[2].stars"' not in shown and ADD in shown
    data = {**BOOK, "author_id": few.author().id, "reviews[0].stars": "1", "reviews[1].stars": ""}
    answer = post(few.client, "/admin/book/new", data)
    assert (answer.status, errors(answer)) == (422, ["There must be 2 of these at least."])
    assert few.all(Book) == []
    assert post(few.client, "/admin/book/new", {**data, "reviews[1].stars": "2"}).status == 303
    assert len(few.all(Review)) == 2


def test_the_button_to_add_goes_where_there_is_no_room(few: Site) -> None:
    login(few.client, "*")
    book, path = a_book(few, 1, 2)
    data = filled(shown := few.client.get(path), **BOOK, author_id=book.author_id)
    data |= {"reviews[0].stars": "1", "reviews[1].stars": "2"}
    assert ADD in shown.text
    added = post(few.client, path, {**data, "_add": "reviews"}).text
    assert 'name="reviews[2].stars"' in added and ADD not in added
    data |= {f"reviews[{index}].stars": str(index) for index in (2, 3)}
    assert errors(post(few.client, path, data)) == ["There may be 3 of these at most."]
    del data["reviews[3].stars"]
    assert (post(few.client, path, data).status, len(few.all(Review))) == (303, 3)


def test_rows_that_are_not_shown_are_counted_and_those_too_many_stay(few: Site) -> None:
    login(few.client, "*")
    book, path = a_book(few, 1, 2, 3, 4)
    shown = few.client.get(path)
    assert 'name="reviews[1].stars"' in shown.text and 'name="reviews[2].stars"' not in shown.text
    assert "There are more rows" in shown.text and ADD not in shown.text
    data = filled(shown, **BOOK, author_id=book.author_id)
    data |= {"reviews[0].stars": "5", "reviews[1].stars": "2"}
    assert post(few.client, path, data).status == 303
    assert sorted(each.stars for each in few.all(Review)) == [2, 3, 4, 5]
    data = filled(few.client.get(path), **BOOK, author_id=book.author_id)
    data |= {"reviews[0].stars": "5", "reviews[1].stars": "2", "reviews[2].stars": "7"}
    assert errors(post(few.client, path, data)) == ["There may be 3 of these at most."]


def test_who_may_not_add_is_asked_for_no_more_and_removes_no_more_than_may_go(few: Site) -> None:
    book, path = a_book(few, 1)
    login(few.client, "book.view", "book.change", "author.view", "review.change", "review.delete")
    shown = few.client.get(path)
    assert 'name="reviews[1].stars"' not in shown.text
    data = filled(shown, **BOOK, author_id=book.author_id) | {"reviews[0].stars": "4"}
    assert post(few.client, path, data).status == 303
    data = filled(few.client.get(path), **BOOK, author_id=book.author_id)
    data = {name: value for name, value in data.items() if not name.startswith("reviews[")}
    assert errors(post(few.client, path, data)) == ["There must be 2 of these at least."]
    assert [each.stars for each in few.all(Review)] == [4]


def test_no_number_is_less_than_none() -> None:
    for wrong in ({"minimum": 4, "maximum": 3}, {"minimum": -1}, {"maximum": -1}):
        with pytest.raises(ValueError, match="No number of rows"):
            Inline(Review, **wrong)
