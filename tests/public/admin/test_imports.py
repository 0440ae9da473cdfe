"""Imports: a file, its columns, what would become of each row, and all of it or nothing."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, event, select

from admin.bulk import VIEWS, BulkBooks, books
from admin.shelf import City, Country, Shop, Shops
from admin.site import BROWSER, Author, Book, Genre, Site, Stock, Tag, login, post
from wholestack.admin import FieldRule
from wholestack.db import Session
from wholestack.outbox import Outbox, settle
from wholestack.testing import Answer

ALL = ("book.view", "book.add", "book.change", "book.import", "author.view", "tag.view")


class ImportedBooks(BulkBooks):
    field_rules = {"price": FieldRule(change="book.set_price")}
    import_rows = 3_000
    import_size = "1 MB"


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(ImportedBooks, *VIEWS[1:]).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def upload(site: Site, data: bytes, name: str = "books.csv", model: str = "book") -> Answer:
    files = {"file": (name, data, "application/octet-stream")}
    return site.client.post(f"/admin/{model}/-/import", files=files, headers=BROWSER, follow=False)


def begun(site: Site, data: bytes, name: str = "books.csv", model: str = "book") -> str:
    """The address of the columns of an import."""
    answer = upload(site, data, name, model)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def checked(site: Site, where: str, columns: Sequence[str] | None = None, keys: Sequence[str] = ()) -> Answer:
    """Say what the columns are for, and see what would become of each row."""
    page = site.client.get(where, headers=BROWSER)
    assert page.status == 200, page.text
    guessed = [re.findall(r'value="([^"]*)" selected', each) for each in page.text.split('name="columns"')[1:]]
    chosen = [each[0] if each else "-" for each in guessed] if columns is None else list(columns)
    answer = post(site.client, where, {"columns": chosen, "keys": list(keys)})
    assert answer.status == 303, answer.text
    return site.client.get(answer.headers["location"], headers=BROWSER)


def imported(site: Site, where: str) -> Answer:
    return post(site.client, f"{where}/run")


def counts(page: Answer) -> list[int]:
    """How many are new, changed, the same, faulty."""
    return [int(each.replace(",", "")) for each in re.findall(r"<dd>([\d,]+)</dd>", page.text)]


def changes(site: Site) -> list[Any]:
    with site.app.session() as db:
        return list(db.execute(select(site.admin.history.rows).order_by(site.admin.history.rows.c.id)))


# -- from a file to rows -----------------------------------------------------------------------------------------------


def test_new_rows_from_a_csv_after_a_dry_run(site: Site) -> None:
    person = login(site.client, *ALL)
    author = site.author()
    tags = [Tag(name="a"), Tag(name="b")]
    site.add(*tags)
    data = as_csv(
        [
            ["Title", "genre", "In Print", "Author", "Published", "Tags", "Something"],
            ["One", "Novel", "yes", author.id, "2026-11-27", f"{tags[0].id}, {tags[1].id}", "x"],
            ["Two", "poems", "", author.id, "", "", "y"],
        ]
    )
    where = begun(site, data)
    shown = site.client.get(where, headers=BROWSER).text
    assert '<option value="author_id" selected>' in shown
    page = checked(site, where)
    assert counts(page) == [2, 0, 0, 0]
    assert "One" in page.text
    assert (site.all(Book), changes(site)) == ([], [])
    answer = imported(site, where)
    assert answer.headers["location"] == f"{where}/preview"
    one, two = site.all(Book)
    assert (one.title, one.genre, one.in_print, one.published) == (
        "One",
        Genre.NOVEL,
        True,
        datetime.date(2026, 11, 27),
    )
    assert (two.genre, two.in_print, two.published) == (Genre.POEMS, True, None)
    with site.app.session() as db:
        assert {each.name for each in db.get(Book, one.id).tags} == {"a", "b"}
    noted = changes(site)
    assert [(each.action, each.label, each.user) for each in noted] == [
        ("add", "One", person.key),
        ("add", "Two", person.key),
    ]
    assert noted[0].values["tags"] == [None, [each.id for each in tags]]
    assert "2 rows are imported." in site.client.get(f"{where}/preview", headers=BROWSER).text
    assert imported(site, where).status == 303
    assert len(site.all(Book)) == 2, "it is imported once"


@pytest.mark.parametrize("kind", ["csv", "semicolons", "utf-16", "xlsx", "json", "jsonl"])
def test_every_kind_of_file(site: Site, kind: str) -> None:
    login(site.client, *ALL)
    author = site.author()
    rows = [["title", "genre", "author_id", "published"], ["Ünï", "novel", author.id, "2026-11-27"]]
    values = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    data = {
        "csv": lambda: b"\xef\xbb\xbf" + as_csv(rows),
        "semicolons": lambda: as_csv(rows).replace(b",", b";"),
        "utf-16": lambda: as_csv(rows).decode().encode("utf-16"),
        "xlsx": lambda: as_xlsx([rows[0], [*rows[1][:3], datetime.date(2026, 11, 27)]]),
        "json": lambda: json.dumps(values).encode(),
        "jsonl": lambda: b"\n".join(json.dumps(each).encode() for each in values),
    }[kind]()
    where = begun(site, data, "a file")
    assert counts(checked(site, where)) == [1, 0, 0, 0]
    imported(site, where)
    (book,) = site.all(Book)
    assert (book.title, book.author_id, book.published) == ("Ünï", author.id, datetime.date(2026, 11, 27))


def test_what_stands_in_quotes_parts_no_columns(site: Site) -> None:
    login(site.client, *ALL)
    author = site.author()
    rows = [
        ["title", "genre", "author_id", 'of "this";\tthat; and; more; besides; too'],
        ["One; two", "novel", author.id, ";"],
    ]
    where = begun(site, as_csv(rows))
    assert counts(checked(site, where)) == [1, 0, 0, 0]
    imported(site, where)
    assert [each.title for each in site.all(Book)] == ["One; two"]


def test_what_was_exported_is_the_same_again(site: Site) -> None:
    login(site.client, "*")
    tag = Tag(name="t")
    site.add(tag)
    site.book("=1+1", tags=[tag], published=datetime.date(2026, 1, 2))
    site.book("'=x", summary='two\nlines, "quoted"', in_print=False)
    for kind in ("csv", "xlsx", "json", "jsonl"):
        data = site.client.get(f"/admin/book/-/export/file?_format={kind}", headers=BROWSER).body
        page = checked(site, begun(site, data, f"books.{kind}"), keys=["id"])
        assert (kind, counts(page)) == (kind, [0, 0, 2, 0])


def test_rows_that_are_there_are_changed_by_chosen_columns(site: Site) -> None:
    login(site.client, *ALL)
    one, two = books(site, 2)
    data = as_csv(
        [
            ["title", "summary", "genre", "author_id"],
            ["Book 0", "told", "novel", one.author_id],
            ["Book 1", "", "novel", two.author_id],
            ["Book 2", "new", "novel", two.author_id],
        ]
    )
    where = begun(site, data)
    page = checked(site, where, keys=["title"])
    assert counts(page) == [1, 1, 1, 0]
    assert "<ins>told</ins>" in page.text
    imported(site, where)
    assert [(each.title, each.summary) for each in site.all(Book)] == [
        ("Book 0", "told"),
        ("Book 1", None),
        ("Book 2", "new"),
    ]
    assert [(each.action, each.values.get("summary")) for each in changes(site)] == [
        ("change", [None, "told"]),
        ("add", [None, "new"]),
    ]


def test_rows_by_a_key_of_two_columns(site: Site) -> None:
    login(site.client, "*")
    site.add(Stock(shop="a", code="x", pieces=1))
    data = as_csv([["shop", "code", "pieces"], ["a", "x", 5], ["a", "007", 6]])
    where = begun(site, data, model="stock")
    page = site.client.get(where, headers=BROWSER).text
    assert 'value="shop" checked' in page, "the key is what rows are found by"
    assert counts(checked(site, where, keys=["shop", "code"])) == [1, 1, 0, 0]
    imported(site, where)
    assert [(each.code, each.pieces) for each in site.all(Stock)] == [("007", 6), ("x", 5)]


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_broken_file_is_mended_and_imported_again(site: Site) -> None:
    login(site.client, *ALL)
    author = site.author()
    head = ["title", "genre", "author_id", "published"]
    data = as_csv([head, ["Good", "novel", author.id, ""], ["", "soap", 99, "soon"], ["=Bad" * 51, "novel", "x", ""]])
    where = begun(site, data)
    page = checked(site, where)
    assert counts(page)[3] == 2
    assert "Choose one of the options." in page.text
    assert 'action="' + where + '/run"' not in page.text
    only = site.client.get(f"{where}/preview?faults=1", headers=BROWSER).text
    assert ("Good" in only, "Choose one of the options." in only) == (False, True)
    assert imported(site, where).status == 303
    assert site.all(Book) == []
    told = site.client.get(f"{where}/faults.csv", headers=BROWSER)
    lines = list(csv.reader(io.StringIO(told.text)))
    assert lines[0] == ["Line", "Column", "Fault"]
    assert ["3", "title", "This field is required."] in lines, "as the form says it"
    assert ["4", "title", "At most 200 characters."] in lines
    assert {(line[0], line[1]) for line in lines[1:]} == {
        ("3", "title"),
        ("3", "genre"),
        ("3", "published"),
        ("4", "title"),
        ("4", "author_id"),
    }
    mended = as_csv([head, ["Good", "novel", author.id, ""], ["Better", "poems", author.id, "2026-01-01"]])
    where = begun(site, mended)
    assert counts(checked(site, where)) == [2, 0, 0, 0]
    imported(site, where)
    assert [each.title for each in site.all(Book)] == ["Good", "Better"]


HEAD = '"title","genre","author_id"\n'
IN_FILES = {
    # A cell of two lines and a line with nothing in it: a program for tables counts the first as one row.
    "csv": ((HEAD + 'A,"novel",1\n"B\nb","soap",1\n\n"C","soap",1\n').encode(), "Line", ["3", "6 (Row 5)"]),
    "xlsx": ([["title", "genre", "author_id"], ["A", "novel", 1], [], ["B", "soap", 1]], "Row", ["4"]),
    "json": (b'[\n{"title": "A", "genre": "soap"}, {"title": "B", "genre": "novel", "author_id": 1},\n{"title": "C", "genre": 1}]', "Row", ["1", "3"]),
    "json, each on a line": (b'[\n\n {"title": "A",\n "genre": "soap"},\n {"title": "C", "genre": 1}]', "Line", ["3", "5"]),
    "jsonl": ('{"title": "A\u2028", "genre": "soap"}\n\n{"title": "C", "genre": 1}\n'.encode(), "Line", ["1", "3"]),
}  # fmt: skip
"""What is in a file, what its rows are counted by, and where its faults are."""


@pytest.mark.parametrize("kind", IN_FILES)
def test_faults_are_told_by_the_lines_or_rows_of_the_file(site: Site, kind: str) -> None:
    login(site.client, *ALL)
    site.add(Author(id=1, name="Ann"))
    data, counted, places = IN_FILES[kind]
    where = begun(site, as_xlsx(data) if isinstance(data, list) else data)
    checked(site, where)
    text = site.client.get(f"{where}/preview?faults=1", headers=BROWSER).text
    assert f'<th scope="col" class="number">{counted}</th>' in text
    shown = re.findall(r'<th scope="row" class="number">(.*?)</th>', text)
    assert [re.sub("<[^>]+>", "", each) for each in shown] == places
    assert "<bdi>Genre</bdi>: " in text, "by what the field is called"
    told = list(csv.reader(io.StringIO(site.client.get(f"{where}/faults.csv", headers=BROWSER).text)))
    assert told[0][0] == counted
    assert list(dict.fromkeys(each[0] for each in told[1:])) == [each.partition(" ")[0] for each in places]


def test_related_rows_are_called_by_name_in_the_history_of_an_import(site: Site) -> None:
    login(site.client, "*")
    ann, bo, tag = site.author("Ann"), site.author("Bo"), Tag(name="red")
    site.add(tag)
    head = ["title", "genre", "author_id", "tags"]
    where = begun(site, as_csv([head, ["One", "novel", ann.id, tag.id]]))
    checked(site, where)
    imported(site, where)
    (book,) = site.all(Book)
    text = site.client.get(f"/admin/book/{book.id}/history", headers=BROWSER).text
    assert "Ann" in text and "red" in text and "#" not in re.sub("<[^>]+>|&#", "", text.partition("<ol")[2])
    where = begun(site, as_csv([["id", "author_id"], [book.id, bo.id]]))
    checked(site, where, keys=["id"])
    imported(site, where)
    text = site.client.get(f"/admin/book/{book.id}/history", headers=BROWSER).text
    assert re.search(r"Author</th><td>(<[^>]+>)*Ann(<[^>]+>)*<td>(<[^>]+>)*Bo", text), text


def test_all_or_nothing_where_the_database_refuses_one(site: Site) -> None:
    login(site.client, "*")
    site.add(Tag(name="there"))
    data = as_csv([["name"], *([f"tag {each}"] for each in range(600)), ["there"], ["tag 7"]])
    where = begun(site, data, model="tag")
    page = checked(site, where)
    assert counts(page)[3] == 2
    only = site.client.get(f"{where}/preview?faults=1", headers=BROWSER).text
    assert only.count("There is such a row already") == 2
    assert len(site.all(Tag)) == 1


def test_faults_are_found_by_halves(site: Site) -> None:
    """A savepoint that is kept costs PostgreSQL a lock until the transaction ends: a large file must not take them all."""
    login(site.client, "*")
    site.add(Tag(name="there"))
    where = begun(site, as_csv([["name"], *([f"tag {each}"] for each in range(499)), ["there"]]), model="tag")
    savepoints: list[str] = []
    noted = lambda connection, name: savepoints.append(name)  # noqa: E731  (taken off again below)
    event.listen(Engine, "savepoint", noted)
    try:
        page = checked(site, where)
    finally:
        event.remove(Engine, "savepoint", noted)
    assert counts(page)[3] == 1
    assert len(savepoints) < 30


def test_what_changed_since_the_dry_run_stops_the_import(site: Site) -> None:
    login(site.client, "*")
    where = begun(site, as_csv([["name"], ["a"], ["b"]]), model="tag")
    checked(site, where)
    site.add(Tag(name="b"))
    answer = imported(site, where)
    page = site.client.get(answer.headers["location"], headers=BROWSER).text
    assert "nothing was imported" in page
    assert [each.name for each in site.all(Tag)] == ["b"]


@pytest.mark.parametrize("kind", ["array", "lines"])
def test_what_an_object_does_not_name_stays_as_it_is(site: Site, kind: str) -> None:
    """In JSON, absent is not null: of the second nothing is said of its summary, of the third that it has none."""
    login(site.client, *ALL)
    one, *_ = books(site, 3)
    with site.app.session() as db:
        for book in db.scalars(select(Book)):
            book.summary = "kept"
    rows: list[dict[str, Any]] = [
        {"title": "Book 0", "summary": "said"},
        {"title": "Book 1", "genre": "poems"},
        {"title": "Book 2", "summary": None},
        {"title": "Book 3", "genre": "novel", "author_id": one.author_id},
    ]
    text = json.dumps(rows) if kind == "array" else "\n".join(map(json.dumps, rows))
    where = begun(site, text.encode(), "a.json")
    assert counts(checked(site, where, keys=["title"])) == [1, 3, 0, 0]
    imported(site, where)
    assert [(each.title, each.summary) for each in sorted(site.all(Book), key=lambda each: each.title)] == [
        ("Book 0", "said"),
        ("Book 1", "kept"),
        ("Book 2", None),
        ("Book 3", None),
    ]


def test_one_key_twice_and_a_key_that_is_nobody_s(site: Site) -> None:
    login(site.client, *ALL)
    one, _ = books(site, 2)
    data = as_csv([["id", "title"], [one.id, "A"], [one.id, "B"], [999_999, "C"], ["x", "D"]])
    page = checked(site, begun(site, data), keys=["id"])
    assert counts(page) == [0, 1, 0, 3]
    assert "Line 2 has the same." in page.text
    assert "There is no such row" in page.text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The first line has to name the columns."),
        (b"a,b\n1,2,3\n", "Line 2 has more cells"),
        (b'a,b\n1,"2\n', "This CSV file is broken"),
        (b"a,b\n\xff\xfe\xff,2\n", "is not UTF-8"),
        (b"a\0b\n", "no table that can be read"),
        (b"[1, 2]", "an array of objects"),
        (b'[{"a": 1},', "This JSON file is broken"),
        (b"PK\x03\x04 nonsense", "is refused"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old or encrypted"),
        (b"a,b\n" + b"1,2\n" * 3_001, "more than 3,000 rows"),
        (b"a\n" + b"\n" * 9_000, "more than 3,000 rows"),
        (b",".join(b"c%d" % each for each in range(201)), "too many columns"),
        (b"a\n" + b"x" * 100_001, "too long"),
    ],
)
def test_a_file_that_is_none_is_refused(site: Site, data: bytes, told: str) -> None:
    login(site.client, *ALL)
    answer = upload(site, data)
    assert answer.status == 422
    assert told in answer.text


def test_a_file_that_is_too_large_is_refused(site: Site) -> None:
    login(site.client, *ALL)
    assert upload(site, b"a\n" + b"x\n" * 520_000).status == 422
    assert upload(site, b"a\n" + b"x\n" * 600_000).status == 413


# -- hostile files -----------------------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def with_sheet(data: bytes) -> bytes:
    """A spreadsheet with another first sheet."""
    with zipfile.ZipFile(io.BytesIO(as_xlsx([["title"], ["x"]]))) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    return zipped({**files, "xl/worksheets/sheet1.xml": data})


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="str"><v>&b;</v></c>
</row></sheetData></worksheet>"""
FAR = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="str"><v>title</v>
</c></row><row r="1048576"><c r="XFD1048576" t="str"><v>x</v></c></row></sheetData></worksheet>"""


@pytest.mark.parametrize(
    "data",
    [
        zipped({"xl/worksheets/sheet1.xml": b"\0" * 70_000_000}),
        zipped({"xl/worksheets/sheet1.xml": b"a" * 60_000_000}),
        zipped({"../../etc/passwd": b"x"}),
        zipped({f"{each}.xml": b"x" for each in range(600)}),
        with_sheet(ENTITIES),
        with_sheet(ENTITIES.decode().encode("utf-16")),
        with_sheet(b'<?xml version="1.0" encoding="cp037"?><worksheet/>'),
        with_sheet(FAR),
        with_sheet(b"<worksheet><not closed"),
    ],
    ids=["bomb", "ratio", "path", "many", "entities", "entities-16", "encoding", "far", "broken"],
)
def test_a_hostile_spreadsheet_is_refused(site: Site, data: bytes) -> None:
    login(site.client, *ALL)
    assert upload(site, data, "books.xlsx").status == 422


def test_the_key_of_a_row_that_is_there_stays(site: Site) -> None:
    login(site.client, "*")
    site.add(Stock(shop="a", code="c", pieces=1))
    where = begun(site, b"shop,code,pieces\nz,c,2\n", model="stock")
    page = checked(site, where, keys=["code"])
    assert counts(page) == [0, 0, 0, 1] and "This value cannot be changed." in page.text
    where = begun(site, b"shop,code,pieces\na,c,2\n", model="stock")
    assert counts(checked(site, where, keys=["code"])) == [0, 1, 0, 0]


def test_a_text_that_a_spreadsheet_has_cut_is_not_brought_back(site: Site) -> None:
    login(site.client, *ALL, "book.export")
    book = site.book("One")
    with site.app.session() as db:
        db.get_one(Book, book.id).summary = "long " * 10_000
    exported = site.client.get("/admin/book/-/export/file?_format=xlsx&_columns=id&_columns=summary", headers=BROWSER)
    answer = upload(site, exported.body, "books.xlsx")
    assert answer.status == 422 and "Row 2 has a cell that is full" in answer.text
    assert site.all(Book)[0].summary == "long " * 10_000


def test_cells_and_names_are_text_and_nothing_else(site: Site) -> None:
    login(site.client, *ALL)
    author = site.author()
    script = "<script>alert(1)</script>"
    data = as_csv(
        [["title", "genre", "author_id", script], [script, "novel", author.id, script], [script, script, "1", ""]]
    )
    where = begun(site, data, f'"{script}.csv')
    pages = [site.client.get(where, headers=BROWSER), checked(site, where)]
    pages.append(site.client.get(f"/admin/book/-/jobs/{where.rpartition('/')[2]}", headers=BROWSER))
    for page in pages:
        assert (page.status, script in page.text, "&lt;script&gt;" in page.text) == (200, False, True)


def test_d4_faults_as_csv_have_no_formula(site: Site) -> None:
    login(site.client, *ALL)
    where = begun(site, as_csv([["title", "=cmd()"], ["x", "y"]]))
    checked(site, where, columns=["title", "genre"])
    text = site.client.get(f"{where}/faults.csv", headers=BROWSER).text
    assert "'=cmd()" in text
    assert ",=cmd()" not in text


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["view", "import"])
def test_who_lacks_a_permission_is_refused_everywhere(site: Site, missing: str) -> None:
    login(site.client, *ALL)
    author = site.author()
    where = begun(site, as_csv([["title", "genre", "author_id"], ["One", "novel", author.id]]))
    checked(site, where)
    rest = {*ALL} - {"book.change", f"book.{missing}"}
    login(site.client, *rest)
    for path in ("/admin/book/-/import", where, f"{where}/preview", f"{where}/faults.csv"):
        assert site.client.get(path, headers=BROWSER).status == 403
    assert upload(site, b"title\nx\n").status == 403
    assert post(site.client, where, {"columns": ["title", "-", "-"]}).status == 403
    assert imported(site, where).status == 403
    assert site.all(Book) == []


def test_import_alone_neither_adds_nor_changes(site: Site) -> None:
    login(site.client, "book.view", "book.import")
    assert site.client.get("/admin/book/-/import", headers=BROWSER).status == 403
    (one,) = books(site, 1)
    data = as_csv(
        [
            ["id", "title", "genre", "author_id"],
            [one.id, "A", "novel", one.author_id],
            ["", "B", "novel", one.author_id],
        ]
    )
    login(site.client, "book.view", "book.import", "book.add", "author.view")
    page = checked(site, begun(site, data), keys=["id"])
    assert (counts(page), "You may not change this row." in page.text) == ([1, 0, 0, 1], True)
    login(site.client, "book.view", "book.import", "book.change", "author.view")
    page = checked(site, begun(site, data), keys=["id"])
    assert (counts(page), "You may not add rows." in page.text) == ([0, 1, 0, 1], True)


def test_rows_that_are_not_theirs_stay_as_they_are(site: Site) -> None:
    login(site.client, *ALL)
    author = site.author()
    site.book("Locked", author, summary="locked")
    site.book("Hidden", author, summary="hidden")
    site.book("Open", author)
    ids = {each.title: each.id for each in site.all(Book)}
    data = as_csv(
        [
            ["id", "title", "summary", "genre", "author_id"],
            [ids["Locked"], "Taken", "mine", "novel", author.id],
            [ids["Hidden"], "Taken", "mine", "novel", author.id],
            [ids["Open"], "Given away", "locked", "novel", author.id],
            ["", "New", "hidden", "novel", author.id],
        ]
    )
    page = checked(site, begun(site, data), keys=["id"])
    assert counts(page)[3] == 4
    assert "You may not change this row." in page.text
    assert page.text.count("You may not save a row like this.") == 2
    assert "Hidden" not in page.text
    assert {each.title for each in site.all(Book)} == set(ids)


def test_fields_that_they_may_not_change_are_no_columns(site: Site) -> None:
    login(site.client, *ALL)
    author = site.author()
    data = as_csv([["title", "genre", "author_id", "price"], ["One", "novel", author.id, "9"]])
    where = begun(site, data)
    assert '<option value="price"' not in site.client.get(where, headers=BROWSER).text
    refused = post(site.client, where, {"columns": ["title", "genre", "author_id", "price"]})
    assert refused.headers["location"] == where
    assert "There is no such column." in site.client.get(where, headers=BROWSER).text
    checked(site, where)
    imported(site, where)
    assert site.all(Book)[0].price is None


def test_columns_that_make_no_sense_are_refused(site: Site) -> None:
    login(site.client, *ALL)
    where = begun(site, as_csv([["title", "summary"], ["One", "x"]]))
    for columns, keys in (
        ([], []),
        (["title"], []),
        (["title", "title"], []),
        (["-", "-"], []),
        (["title", "-"], ["id"]),
    ):
        post(site.client, where, {"columns": columns, "keys": keys})
    assert "Nothing is changed yet." not in site.client.get(f"{where}/preview", headers=BROWSER).text
    assert imported(site, where).status == 303
    assert site.all(Book) == []


def test_an_import_is_its_owner_s_alone(site: Site) -> None:
    login(site.client, *ALL)
    where = begun(site, as_csv([["title"], ["One"]]))
    other = site.other()
    login(other, *ALL)
    for path in (where, f"{where}/preview", f"{where}/faults.csv"):
        assert other.get(path, headers=BROWSER).status == 404
    assert post(other, f"{where}/run").status == 404


# -- many --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept_later() -> Iterator[Site]:
    with Site(ImportedBooks, *VIEWS[1:]).running(Outbox(embedded=False)) as site:
        yield site


@pytest.fixture
def later(kept_later: Site) -> Site:
    return kept_later.anew()


def many(site: Site, number: int) -> str:
    author = site.author()
    rows = [[f"Book {each}", "novel", author.id] for each in range(number)]
    return begun(site, as_csv([["title", "genre", "author_id"], *rows]))


def test_many_through_the_outbox(later: Site) -> None:
    login(later.client, *ALL)
    where = many(later, 1_200)
    page = checked(later, where)
    assert "It is about to begin." in page.text
    settle(later.app)
    page = later.client.get(f"{where}/preview", headers=BROWSER)
    assert counts(page) == [1_200, 0, 0, 0]
    assert "page=1" in page.text
    assert later.all(Book) == []
    assert imported(later, where).headers["location"].startswith("/admin/book/-/jobs/")
    settle(later.app)
    assert (len(later.all(Book)), len(changes(later))) == (1_200, 1_200)
    assert "It is imported." in later.client.get(f"{where}/preview", headers=BROWSER).text


def test_a_crash_in_the_middle_leaves_nothing(later: Site) -> None:
    login(later.client, *ALL)
    where = many(later, 1_200)
    checked(later, where)
    settle(later.app)
    imported(later, where)

    def crash(db: Any, *_: Any) -> None:
        if any(isinstance(each, Book) and each.title == "Book 900" for each in db.new):
            raise SystemError("the process is gone")

    event.listen(Session, "before_flush", crash)
    try:
        settle(later.app)
    finally:
        event.remove(Session, "before_flush", crash)
    assert (later.all(Book), changes(later)) == ([], [])
    settle(later.app, datetime.timedelta(days=1))
    assert (len(later.all(Book)), len(changes(later))) == (1_200, 1_200)


def test_cancelled_in_the_middle_it_leaves_nothing(later: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from wholestack.outbox import Progress

    login(later.client, *ALL)
    where = many(later, 1_200)
    checked(later, where)
    settle(later.app)
    at = imported(later, where).headers["location"]
    said = Progress.__call__

    def cancelled(self: Progress, done: float, of: float = 1.0, note: str = "") -> None:
        if done >= 1_000:  # What the runner does once somebody has cancelled.
            self.end = "cancelled"
        said(self, done, of, note)

    monkeypatch.setattr(Progress, "__call__", cancelled)
    settle(later.app)
    assert (later.all(Book), changes(later)) == ([], [])
    assert "It was cancelled." in later.client.get(at, headers=BROWSER).text


def test_what_may_be_chosen_is_narrowed_as_on_the_row_s_own_page() -> None:
    rights = [f"{model}.view" for model in ("shop", "country", "city")]
    with Site(Shops, Country, City).running() as site:
        site.add(Country(id=1, name="A"), Country(id=2, name="B"))
        site.add(City(id=1, name="Aa", country_id=1), City(id=2, name="Bb", country_id=2))
        site.add(Shop(id=7, name="Old", country_id=1, city_id=2))
        login(site.client, *rights, "shop.add", "shop.change", "shop.import")
        lines = ["id,name,country_id,city_id", ",In A,1,1", ",In B,2,2", ",Wrong,1,2", "7,Kept,1,2", ",None,1,"]
        where = begun(site, "\n".join(lines).encode(), "shops.csv", "shop")
        page = checked(site, where, ["id", "name", "country_id", "city_id"], ["id"])
        assert counts(page)[-1] == 1
        assert page.text.count("There is no such row, or it is not yours to see.") == 1
