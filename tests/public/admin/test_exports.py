"""Exports: the rows of the list as it was, as files that no spreadsheet runs anything of."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from admin.bulk import VIEWS, BulkBooks, books
from admin.site import BROWSER, Genre, Site, Tag, login
from wholestack.admin import FieldRule

FILE = "/admin/book/-/export/file"
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "'=1", "＝1"]


class PricedBooks(BulkBooks):
    field_rules = {"price": FieldRule(view="book.see_price")}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(PricedBooks, *VIEWS[1:]).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def table(site: Site, query: str = "") -> list[list[str]]:
    answer = site.client.get(f"{FILE}?_format=csv&{query}", headers=BROWSER)
    assert answer.status == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def sheet(site: Site, query: str = "") -> list[list[Any]]:
    answer = site.client.get(f"{FILE}?_format=xlsx&{query}", headers=BROWSER)
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]


def test_it_has_the_rows_of_the_list_filtered_searched_and_ordered(site: Site) -> None:
    login(site.client, "*")
    books(site, 12)
    site.book("Book 100", genre=Genre.POEMS)
    site.book("Hidden", summary="hidden")
    first, *rows = table(site, "q=Book+1&genre=novel&order=-title&_columns=title&_columns=genre")
    assert first == ["Title", "Genre"]
    assert rows == [["Book 11", "novel"], ["Book 10", "novel"], ["Book 1", "novel"]]
    assert len(table(site)) == 14
    page = site.client.get("/admin/book/-/export?q=Book+1&genre=novel&cursor=x", headers=BROWSER).text
    assert '<input type="hidden" name="genre" value="novel">' in page
    assert '<input type="checkbox" name="_columns" value="title" checked>' in page
    assert '<input type="checkbox" name="_columns" value="words">' in page


def test_every_kind_of_file(site: Site) -> None:
    login(site.client, "*")
    tag = Tag(name="old")
    site.add(tag)
    book = site.book(
        "Ünïcode", price=decimal.Decimal("-1.5"), published=datetime.date(2026, 11, 27), tags=[tag], in_print=False
    )
    columns = "&".join(f"_columns={each}" for each in ("title", "price", "published", "in_print", "tags", "author"))
    value = {"title": "Ünïcode", "price": "-1.5000", "published": "2026-11-27", "in_print": False}
    value |= {"tags": [tag.id], "author": "Ann"}
    assert table(site, columns)[1] == ["Ünïcode", "-1.5000", "2026-11-27", "false", str(tag.id), "Ann"]
    assert json.loads(site.client.get(f"{FILE}?_format=json&{columns}").text) == [value]
    assert json.loads(site.client.get(f"{FILE}?_format=jsonl&{columns}").text) == value
    found = sheet(site, columns)
    assert found[0] == ["Title", "Price", "Published", "In print", "Tags", "Author"]
    found[1][2] = found[1][2].isoformat()
    assert found[1] == ["Ünïcode", -1.5, "2026-11-27T00:00:00", False, str(tag.id), "Ann"]
    assert site.client.get(f"{FILE}?_format=json&q=none").text == "[]\n"
    assert book.id


def test_d4_no_cell_of_a_csv_is_a_formula(site: Site) -> None:
    login(site.client, "*")
    for each in FORMULAS:
        site.book(each, price=decimal.Decimal(-7))
    rows = table(site, "_columns=title&_columns=price")[1:]
    assert {title for title, _ in rows} == {f"'{each}" for each in FORMULAS}
    assert {price for _, price in rows} == {"-7.0000"}, "a number is none"


def test_d4_no_cell_of_a_spreadsheet_is_a_formula(site: Site) -> None:
    login(site.client, "*")
    for each in [*FORMULAS, "\x01bad"]:
        site.book(each)
    answer = site.client.get(f"{FILE}?_format=xlsx&_columns=title", headers=BROWSER)
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0].iter_rows()]
    assert {cell.data_type for cell in cells} == {"s"}
    found = {cell.value.replace("\n", "\r") for cell in cells[1:]}  # XML has one kind of line end
    assert found == {"bad", *(f"'{each}" for each in FORMULAS)}


def test_the_name_of_a_file_and_its_mark(site: Site) -> None:
    login(site.client, "*")
    answer = site.client.get(f"{FILE}?_format=csv&_mark=1", headers=BROWSER)
    day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    assert answer.headers["content-disposition"] == f'attachment; filename="book-{day}.csv"'
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert answer.headers["cache-control"] == "no-store"
    assert not site.client.get(f"{FILE}?_format=csv").body.startswith(b"\xef")


@pytest.mark.parametrize("missing", ["view", "export"])
def test_who_lacks_a_permission_gets_nothing(site: Site, missing: str) -> None:
    login(site.client, *{"book.view", "book.export"} - {f"book.{missing}"})
    books(site, 1)
    for path in ("/admin/book/-/export", FILE):
        assert site.client.get(path, headers=BROWSER).status == 403


def test_no_field_that_they_may_not_see(site: Site) -> None:
    login(site.client, "book.view", "book.export")
    site.book("One", price=decimal.Decimal(7))
    assert "Price" not in table(site)[0]
    assert site.client.get(f"{FILE}?_columns=price", headers=BROWSER).status == 400
    assert len(table(site, "price__ge=8")) == 2, "what they may not see is no filter either"
    # The author is of a model that they may not see.
    assert "Ann" not in str(table(site, "_columns=author&_columns=title"))
    login(site.client, "*")
    assert "Price" in table(site)[0]
    assert not {"Password", "Password hash"} & set(next(csv.reader([person_head(site)])))


def person_head(site: Site) -> str:
    text: str = site.client.get("/admin/person/-/export/file?_format=csv", headers=BROWSER).text
    return text.partition("\r\n")[0]


def test_what_makes_no_sense_is_refused(site: Site) -> None:
    login(site.client, "*")
    for query in ("_format=exe", "_columns=nothing", "_columns=__class__", "_columns=author.password"):
        assert site.client.get(f"{FILE}?{query}", headers=BROWSER).status == 400


def test_without_openpyxl_the_command_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    login(site.client, "*")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    answer = site.client.get(f"{FILE}?_format=xlsx", headers={"accept": "application/json"})
    assert (answer.status, 'pip install "wholestack[xlsx]"' in answer.json()["detail"]) == (400, True)
