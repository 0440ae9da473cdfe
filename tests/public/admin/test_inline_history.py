"""What was done to rows in a form is on the history of the row that they belong to, for who may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ColumnElement, update

from admin.shelf import BooksWithRows, Chapter, Contribution, Footnote
from admin.site import BROWSER, Author, Book, Person, Review, Site, Tag, login, post
from admin.test_form_inlines import BOOK, filled
from wholestack.admin import AdminView, FieldRule
from wholestack.auth import Identity, policy
from wholestack.testing import Client


@policy
def is_good(person: Person, review: Review) -> bool:
    return review.stars > 2


@is_good.where
def _(person: Person) -> ColumnElement[bool]:
    return Review.stars > 2


class GoodReviews(AdminView[Review]):
    rows = is_good
    field_rules = {"text": FieldRule(view="review.read_text")}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(BooksWithRows, Author, GoodReviews, Tag, Chapter, Footnote, Contribution).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    login(kept.anew().client, "*")
    return kept


def made(site: Site) -> tuple[Book, str]:
    """A book with two reviews and a chapter with a note."""
    author = site.author()
    rows = {f"reviews[{index}].stars": str(index + 3) for index in range(2)}
    rows |= {"chapters[0].title": "Begin", "chapters[0].pages": "3", "chapters[0].notes[0].text": "see there"}
    assert post(site.client, "/admin/book/new", {**BOOK, "author_id": author.id, **rows}).status == 303
    (book,) = site.all(Book)
    return book, f"/admin/book/{book.id}"


def save(site: Site, path: str, book: Book, *without: str, **changed: Any) -> None:
    shown = site.client.get(path)
    data = filled(shown, **BOOK, author_id=book.author_id)
    for name, value in re.findall(
        r'name="((?:reviews|chapters)[^"]*\.(?:stars|text|title|pages))"[^>]*value="([^"]*)"', shown.text
    ):
        data[name] = value
    data = {name: value for name, value in {**data, **changed}.items() if not name.startswith(without or "-")}
    answer = post(site.client, path, data)
    assert answer.status == 303, answer.text


def entries(client: Client, path: str) -> list[str]:
    """What the history tells, each as a text of its own: the latest first."""
    text = client.get(f"{path}/history", headers=BROWSER).text.partition('<ol class="list">')[2].partition("</ol>")[0]
    parts = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", each)).strip() for each in text.split("<li>")[1:]]
    return [re.sub(r"^.*UTC ", "", each) for each in parts]


def test_what_was_done_in_the_form_is_told_field_by_field(site: Site) -> None:
    book, path = made(site)
    save(site, path, book, **{"reviews[0].stars": "5", "reviews[0].text": "better"})
    changed, first = entries(site.client, path)
    assert "@x.org" in changed and f"POST {path}" in changed
    assert re.search(r"changed Reviews Review \d+ Field Before After Stars 3 5 Text - better$", changed), changed
    assert "added Chapters" in first and "Title - Begin" in first and "Text - see there" in first
    assert first.count("added") == 5 and "Book id" not in first


def test_rows_that_were_removed_and_rows_of_rows(site: Site) -> None:
    book, path = made(site)
    save(site, path, book, "reviews[1]")
    save(site, path, book, **{"chapters[0].notes[0].text": "see here"})
    noted, removed, _ = entries(site.client, path)
    assert re.search(r"changed Notes Footnote \d+ Field Before After Text see there see here$", noted), noted
    assert "deleted Reviews" in removed and "Stars 4 -" in removed
    # What was deleted with the book is told of the deletion.
    assert post(site.client, f"{path}/delete").status == 303
    gone = entries(site.client, path)[0]
    assert "deleted Chapters Begin" in gone and "deleted Notes" in gone and "Stars 3 -" in gone


def test_what_was_done_elsewhere_while_it_belonged_there(site: Site) -> None:
    book, path = made(site)
    other = site.book("Other", Author(id=book.author_id))
    first, second = site.all(Review)
    row = {"stars": "5", "text": "", "position": "0", "book_id": book.id}
    assert post(site.client, f"/admin/review/{first.id}", row).status == 303
    assert post(site.client, f"/admin/review/{first.id}", {**row, "book_id": other.id}).status == 303
    assert post(site.client, f"/admin/review/{first.id}", {**row, "book_id": other.id, "stars": "3"}).status == 303
    moved, changed, _ = entries(site.client, path)
    assert "Stars 3 5" in changed and f"POST /admin/review/{first.id}" in changed
    assert "Book One Other" in moved and "Stars" not in moved
    again, came = entries(site.client, f"/admin/book/{other.id}")
    assert "Stars 5 3" in again and "Book One Other" in came


def test_versions_and_what_is_had_back_are_of_the_row_itself(site: Site) -> None:
    book, path = made(site)
    save(site, path, book, title="Two")
    save(site, path, book, title="Two", **{"reviews[0].stars": "5"})
    text = site.client.get(f"{path}/history", headers=BROWSER).text
    versions = re.findall(r'name="from" value="(\d+)"', text)
    assert len(versions) == 2 and text.count("<li>") >= 3 and text.count("Have this version back") == 1
    old = site.client.get(f"{path}/history/{versions[1]}", headers=BROWSER)
    assert old.status == 200 and 'value="One"' in old.text
    data = filled(old, **BOOK, author_id=book.author_id) | {"reviews[0].stars": "5", "reviews[1].stars": "4"}
    data |= {"chapters[0].title": "Begin", "chapters[0].pages": "3", "chapters[0].notes[0].text": "see there"}
    assert post(site.client, path, data).status == 303
    assert [each.title for each in site.all(Book)] == ["One"]
    assert sorted(each.stars for each in site.all(Review)) == [4, 5]
    assert "Title Two One" in entries(site.client, path)[0]


def test_nobody_reads_there_of_rows_and_fields_that_are_not_theirs(site: Site) -> None:
    book, path = made(site)
    save(site, path, book, **{"reviews[0].text": "secret word", "reviews[1].text": "bad one"})
    with site.app.session() as db:
        db.execute(update(Review).where(Review.text == "bad one").values(stars=1))
    reader = site.other()
    login(reader, "book.view", "author.view")
    assert not any("Reviews" in each or "Chapters" in each for each in entries(reader, path))
    login(reader, "book.view", "author.view", "review.view")
    changed, _ = entries(reader, path)
    assert "changed Reviews" in changed and "secret word" not in changed and "bad one" not in changed
    login(reader, "book.view", "author.view", "review.view", "review.read_text")
    changed, _ = entries(reader, path)
    assert "secret word" in changed and "bad one" not in changed


def test_another_row_of_the_same_key_has_a_history_of_its_own(site: Site) -> None:
    book, path = made(site)
    assert post(site.client, f"{path}/delete").status == 303
    again, where = made(site)
    assert (again.id, where) == (book.id, path)  # SQLite gives the key of the last row again.
    (first,) = entries(site.client, path)
    assert "deleted" not in first and first.count("added") == 5


def is_open(identity: Identity[Any], review: Review | None) -> bool:
    return identity.required().is_superuser or review is None or review.stars > 4


class OpenReviews(AdminView[Review]):
    field_rules = {"text": FieldRule(view=is_open)}


def test_a_rule_over_rows_is_asked_with_the_row_that_was_changed() -> None:
    """Also with one that is gone, as it was; of a change that does not tell what it was nothing is shown."""
    with Site(BooksWithRows, Author, OpenReviews, Tag, Chapter, Footnote, Contribution).running() as site:
        login(site.client, "*")
        book, path = made(site)
        save(site, path, book, **{"reviews[0].stars": "5", "reviews[0].text": "open word", "reviews[1].text": "secret"})
        reader = site.other()
        login(reader, "book.view", "author.view", "review.view", "admin_change.view")

        def read() -> str:
            return " ".join(entries(reader, path)) + reader.get("/admin/history").text

        assert ("open word" in read(), "secret" in read()) == (True, False)
        opened, closed = sorted(site.all(Review), key=lambda each: -each.stars)
        for each in (opened, closed):
            assert post(site.client, f"/admin/review/{each.id}/delete").status == 303
        assert ("open word" in read(), "secret" in read()) == (True, False)
        histories = [reader.get(f"/admin/review/{each.id}/history").text for each in (opened, closed)]
        assert ["open word" in histories[0], "secret" in histories[1]] == [True, False]
