"""Bulk work at its limits, which are set lower here than they are."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from admin.bulk import books, bulk_site, choose, confirm, may_change
from admin.site import BROWSER, Book, Genre, Person, Site, login, post
from wholestack import Request
from wholestack.admin import Access, Selection, _action_pages, _exports, _job_runs
from wholestack.auth import Identity, Login
from wholestack.db import Session, insert_many

FILE = "/admin/book/-/export/file"


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with bulk_site().running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def access_of(site: Site, db: Session, person: Person) -> Access:
    """What somebody may do with books, outside of a request."""
    session: Any = SimpleNamespace(data=Login())
    identity: Identity[Person] = Identity(site.auth.terms, Request("GET", "/"), session, db)
    identity.became(db.get(Person, person.id))
    return Access(site.admin.resources[0], identity)


def test_without_an_outbox_there_is_a_limit_and_it_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    login(site.client, "*")
    books(site, 30)
    for module in (_job_runs, _action_pages):
        monkeypatch.setattr(module, "MOST_WITHOUT_OUTBOX", 20)
    where = choose(site, "take")
    assert "at most 20 rows" in site.client.get(where, headers=BROWSER).text
    assert post(site.client, where, {"counted": 30}).status == 422
    assert {each.in_print for each in site.all(Book)} == {True}
    assert confirm(site, choose(site, "take", query="?q=Book+1")).status == 303


def test_a_spreadsheet_goes_on_in_a_second_sheet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_exports, "_MOST_ROWS", 4)
    login(site.client, "*")
    books(site, 5)
    answer = site.client.get(f"{FILE}?_format=xlsx&_columns=title", headers=BROWSER)
    sheets = openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets
    assert [each.max_row for each in sheets] == [4, 3]
    assert {each["A1"].value for each in sheets} == {"Title"}


def test_a_selection_is_never_more_than_the_person_may(site: Site) -> None:
    person = login(site.client, "book.view", "book.take")
    books(site, 2)
    site.book("Locked", summary="locked")
    site.book("Hidden", summary="hidden")
    with site.app.session() as db:
        access = access_of(site, db, person)
        chosen: Selection[Book] = Selection(access, "take", db, access.rows())
        assert (len(chosen), [each.title for each in chosen.rows()]) == (2, ["Book 0", "Book 1"])
        assert [each.title for each in chosen.refused()] == ["Locked"]
        nothing: Selection[Book] = Selection(access, "price", db, access.rows())
        assert (nothing.count, list(nothing.rows())) == (0, [])
        may_change.check_agreement(db, [db.get(Person, person.id)], db.scalars(select(Book)).all())


@pytest.mark.parametrize(("names", "most"), [({"title", "author_id"}, 1.5), ({"title", "author"}, 4)])
def test_rows_are_let_go_as_they_are_written(site: Site, names: set[str], most: float) -> None:
    person = login(site.client, "*")
    author = site.author()
    values = {"genre": Genre.NOVEL, "author_id": author.id, "in_print": True}
    with site.app.session() as db:
        insert_many(db, Book, ({"title": f"The title of {each}", **values} for each in range(8_000)))
    with site.app.session() as db:
        access = access_of(site, db, person)
        columns = [each for each in _exports.export_columns(access) if each.name in names]
        rows = _exports.rows_of(db, access, access.rows(), columns)
        tracemalloc.start()
        try:
            number = sum(len(piece.splitlines()) for piece in _exports.FORMATS["csv"].write(columns, rows, False))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert number == 8_001
    assert peak < most * 1024**2, "all of them would be 2 MiB as tuples, 10 as objects"
