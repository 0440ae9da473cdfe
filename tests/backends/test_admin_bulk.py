"""Bulk work of the admin on each database: actions behind the scenes, exports from a cursor, imports in one transaction."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select

from admin.bulk import books, bulk_site, choose, confirm
from admin.site import BROWSER, Book, Site, Stock, login, post
from wholestack.outbox import Outbox, settle


@pytest.fixture(scope="module")
def kept(url: str) -> Iterator[Site]:
    with bulk_site(url=url).running(Outbox(embedded=False)) as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def job(site: Site) -> Any:
    rows = site.admin.runs.jobs.rows
    with site.app.session() as db:
        return db.execute(select(rows).order_by(rows.c.id.desc())).first()


def changes(site: Site) -> int:
    with site.app.session() as db:
        return len(db.execute(select(site.admin.history.rows.c.id)).all())


def checked(site: Site, text: str, model: str, columns: list[str], keys: list[str]) -> str:
    files = {"file": ("a.csv", text.encode(), "text/csv")}
    where: str = site.client.post(f"/admin/{model}/-/import", files=files, headers=BROWSER, follow=False).headers[
        "location"
    ]
    assert post(site.client, where, {"columns": columns, "keys": keys}).status == 303
    settle(site.app)
    return where


def test_an_action_goes_on_batch_by_batch(site: Site) -> None:
    login(site.client, "*")
    books(site, 450)
    at = confirm(site, choose(site, "take")).headers["location"]
    settle(site.app)
    assert (job(site).state, job(site).done, changes(site)) == ("done", 450, 450)
    assert {each.in_print for each in site.all(Book)} == {False}
    assert "450 / 450" in site.client.get(at, headers=BROWSER).text


def test_one_forbidden_of_500_and_nothing_happens(site: Site) -> None:
    login(site.client, "*")
    rows = books(site, 500)
    with site.app.session() as db:
        db.get(Book, rows[250].id).summary = "locked"
    where = choose(site, "take", [each.id for each in rows])
    refused = post(site.client, where, {"counted": 500})
    assert (refused.status, "Book 250" in refused.text) == (422, True)
    assert {each.in_print for each in site.all(Book)} == {True}


def test_an_export_of_columns_and_of_relations(site: Site) -> None:
    login(site.client, "*")
    books(site, 1_200)
    for columns, first in (("_columns=title", ["Title"]), ("_columns=title&_columns=author", ["Title", "Author"])):
        answer = site.client.get(f"/admin/book/-/export/file?{columns}", headers=BROWSER)
        head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert (head, len(rows)) == (first, 1_200)


def test_rows_are_added_and_changed_by_a_key_of_two_columns(site: Site) -> None:
    login(site.client, "*")
    site.add(*(Stock(shop="a", code=f"{each:03}", pieces=1) for each in range(600)))
    text = "shop,code,pieces\n" + "".join(f"a,{each:03},{each}\n" for each in range(1_200))
    where = checked(site, text, "stock", ["shop", "code", "pieces"], ["shop", "code"])
    assert (job(site).settings["counts"], changes(site)) == ({"add": 600, "change": 599, "same": 1, "fault": 0}, 0)
    post(site.client, f"{where}/run")
    settle(site.app)
    assert (job(site).state, changes(site)) == ("done", 1_199)
    assert sorted(each.pieces for each in site.all(Stock)) == list(range(1_200))


def test_what_the_database_refuses_is_told_by_row_and_takes_nothing_with_it(site: Site) -> None:
    login(site.client, "*")
    text = "name\n" + "".join(f"{each}\n" for each in range(700)) + "7\n"
    where = checked(site, text, "tag", ["name"], [])
    assert job(site).settings["counts"] == {"add": 700, "change": 0, "same": 0, "fault": 1}
    assert "There is such a row already" in site.client.get(f"{where}/preview?faults=1", headers=BROWSER).text
    assert changes(site) == 0


@pytest.mark.parametrize(
    "kind", ["postgresql", "mariadb"], indirect=True
)  # SQLite takes rows one by one, without a way
def test_an_import_takes_few_statements(site: Site, kept: Site) -> None:
    login(site.client, "*")
    author = site.author()

    def statements(rows: int) -> int:
        seen: list[str] = []

        def count(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
            seen.append(sql)

        text = "title,genre,author_id\n" + f"x,novel,{author.id}\n" * rows
        engine = kept.database.engine_for("write")
        event.listen(engine, "before_cursor_execute", count)
        try:
            checked(site, text, "book", ["title", "genre", "author_id"], [])
        finally:
            event.remove(engine, "before_cursor_execute", count)
        assert job(site).settings["counts"]["add"] == rows
        return len(seen)

    few, many = statements(1_500), statements(3_000)
    assert many - few <= 3 * 8, "so many more for three batches of 500 rows"
