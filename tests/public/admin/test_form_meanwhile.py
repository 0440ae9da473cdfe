"""Two people with one row: the second is told what the first has saved, and decides; a row that has gone meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from admin.shelf import BooksWithRows, Chapter, Contribution, Footnote, Ledger
from admin.site import Author, Book, Genre, Review, Site, Tag, errors, login, post, seen
from admin.test_form_inlines import filled
from wholestack.admin import AdminView, FieldRule
from wholestack.db import select
from wholestack.testing import Answer

TOLD = re.compile(r'name="form_told" value="([^"]+)"')
LINE = re.compile(
    r'<tr><th scope="row">([^<]*)</th><td><bdi>([^<]*)</bdi></td><td><bdi>([^<]*)</bdi></td>\s*<td>(.*?)</td>'
)


class Ledgers(AdminView[Ledger]):
    field_rules = {"secret": FieldRule("ledger.secrets", "ledger.secrets")}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(BooksWithRows, Author, Review, Tag, Ledgers).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    kept.anew()
    login(kept.client, "*")
    return kept


@pytest.fixture(scope="module")
def kept_nested() -> Iterator[Site]:
    with Site(BooksWithRows, Author, Review, Tag, Chapter, Footnote, Contribution).running() as site:
        yield site


@pytest.fixture
def nested(kept_nested: Site) -> Site:
    login(kept_nested.anew().client, "*")
    return kept_nested


def change(site: Site, model: type[Book | Review | Ledger], **columns: object) -> None:
    with site.app.session() as db:
        row = db.scalars(select(model).order_by(model.id)).first()
        for name, value in columns.items():
            setattr(row, name, value)


def lines(answer: Answer) -> dict[str, tuple[str, str, bool]]:
    """The fields of which a page says that somebody else has changed them: theirs, yours, and whether theirs is taken."""
    found = LINE.findall(answer.text)
    return {name: (theirs, yours, "checked" in box) for name, theirs, yours, box in found}


def test_the_second_is_told_and_decides_for_each_field(site: Site) -> None:
    book = site.book("One", price=1)
    path = f"/admin/book/{book.id}"
    data = filled(
        site.client.get(path), title="Mine", genre="novel", author_id=book.author_id, price="1.0000", in_print="true"
    )
    change(site, Book, title="Theirs", genre=Genre.POEMS, price=2)
    told = post(site.client, path, data)
    assert told.status == 422
    assert site.all(Book)[0].title == "Theirs"
    # What was not touched here is proposed as they have it; what both have changed is asked.
    assert lines(told) == {
        "Title": ("Theirs", "Mine", False),
        "Genre": ("Poems", "Novel", True),
        "Price": ("2.0000", "1.0000", True),
    }
    assert 'value="Mine"' in told.text
    data |= {"form_told": TOLD.findall(told.text)[0], "form_theirs": ["genre"]}
    assert post(site.client, path, data).status == 303
    (row,) = site.all(Book)
    assert (row.title, row.genre.value, row.price) == ("Mine", "poems", 1)


def test_a_third_change_is_told_again(site: Site) -> None:
    book = site.book("One")
    path = f"/admin/book/{book.id}"
    data = filled(site.client.get(path), title="Mine", genre="novel", author_id=book.author_id)
    change(site, Book, title="Theirs")
    data |= {"form_told": TOLD.findall(post(site.client, path, data).text)[0]}
    change(site, Book, title="Of a third")
    told = post(site.client, path, data)
    assert lines(told)["Title"][:2] == ("Of a third", "Mine")
    assert site.all(Book)[0].title == "Of a third"


def test_the_same_change_twice_is_no_conflict(site: Site) -> None:
    book = site.book("One")
    path = f"/admin/book/{book.id}"
    data = filled(site.client.get(path), title="Same", genre="novel", author_id=book.author_id)
    change(site, Book, title="Same")
    assert post(site.client, path, data).status == 303


def test_rows_of_inlines_are_compared_too(site: Site) -> None:
    book = site.book("One")
    site.add(Review(book_id=book.id, stars=1, text="a"))
    path = f"/admin/book/{book.id}"
    data = filled(site.client.get(path), title="One", genre="novel", author_id=book.author_id, in_print="true")
    data |= {"reviews[0].stars": "5", "reviews[0].text": "a"}
    change(site, Review, stars=3, text="b")
    told = post(site.client, path, data)
    assert lines(told) == {"Reviews 1, Stars": ("3", "5", False), "Reviews 1, Text": ("b", "a", True)}
    data |= {"form_told": TOLD.findall(told.text)[0], "form_theirs": ["reviews[0].text", "reviews[0].stars", "title"]}
    assert post(site.client, path, data).status == 303
    (review,) = site.all(Review)
    assert (review.stars, review.text) == (3, "b")


def test_a_version_tells_of_what_the_form_does_not_show(site: Site) -> None:
    ledger = Ledger(title="One")
    site.add(ledger)
    path = f"/admin/ledger/{ledger.id}"
    other = site.other()
    login(other, "ledger.change")
    shown = other.get(path)
    assert "secret" not in shown.text
    change(site, Ledger, secret="theirs")
    data = {"title": "Mine", "form_seen": seen(shown)}
    told = post(other, path, data)
    assert (told.status, lines(told)) == (422, {})
    assert "theirs" not in told.text
    data |= {"form_told": TOLD.findall(told.text)[0]}
    assert post(other, path, data).status == 303
    (row,) = site.all(Ledger)
    assert (row.title, row.secret) == ("Mine", "theirs")


def test_a_row_that_has_gone_keeps_what_was_typed(site: Site) -> None:
    book = site.book("One")
    path = f"/admin/book/{book.id}"
    data = filled(site.client.get(path), title="Long work", genre="poems", author_id=book.author_id, price="3")
    data |= {"reviews[0].stars": "4", "reviews[0].text": "typed"}
    with site.app.session() as db:
        db.delete(db.get(Book, book.id))
    gone = post(site.client, path, data)
    assert gone.status == 404
    for text in ('value="Long work"', ">\ntyped</textarea>", "somebody has deleted it", 'action="/admin/book/new"'):
        assert text in gone.text
    assert post(site.client, "/admin/book/new", data).status == 303
    (row,) = site.all(Book)
    assert (row.title, [each.text for each in site.all(Review)]) == ("Long work", ["typed"])


def test_who_may_not_see_a_row_is_told_no_more(site: Site) -> None:
    book = site.book("One")
    other = site.other()
    login(other, "tag.change")
    answer = post(other, f"/admin/book/{book.id}", {"title": "Mine", "form_seen": "title:0"})
    assert answer.status in {403, 404}
    assert "One" not in answer.text
    assert errors(answer) == []


def test_a_program_is_told_that_a_row_has_gone(site: Site) -> None:
    answer = site.client.post("/admin/book/99", data={"title": "x"}, headers={"accept": "application/json"})
    assert answer.status == 404


def test_rows_of_rows_are_compared_too(nested: Site) -> None:
    site = nested
    book = site.book("One")
    site.add(Chapter(id=1, book_id=book.id, title="Begin", notes=[Footnote(text="first"), Footnote(text="second")]))
    path = f"/admin/book/{book.id}"
    data = filled(site.client.get(path), title="One", genre="novel", author_id=book.author_id, in_print="true")
    data |= {"chapters[0].title": "Begin", "chapters[0].pages": "1"}
    data |= {"chapters[0].notes[0].text": "mine", "chapters[0].notes[1].text": "second"}
    with site.app.session() as db:
        for note in db.scalars(select(Footnote)):
            note.text = f"their {note.text}"
    told = post(site.client, path, data)
    assert lines(told) == {
        "Chapters 1, Notes 1, Text": ("their first", "mine", False),
        "Chapters 1, Notes 2, Text": ("their second", "second", True),
    }
    assert sorted(each.text for each in site.all(Footnote)) == ["their first", "their second"]
    data |= {"form_told": TOLD.findall(told.text)[0], "form_theirs": ["chapters[0].notes[1].text"]}
    with site.app.session() as db:
        db.scalars(select(Footnote).where(Footnote.text == "their first")).one().text = "another"
    told = post(site.client, path, data)
    assert lines(told)["Chapters 1, Notes 1, Text"] == ("another", "mine", False)
    assert post(site.client, path, data | {"form_told": TOLD.findall(told.text)[0]}).status == 303
    assert sorted(each.text for each in site.all(Footnote)) == ["mine", "their second"]
