"""The admin's history and deletions on each database: keys, cascades, moments and JSON as each has them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from admin.archive import VIEWS, Deed, Manuscript, Shelf, ShelfLabel, ShelfLamp, ShelfLoan, tenant_of
from admin.site import Author, Book, Review, Site, Tag, login, post
from wholestack.auth import Tenants
from wholestack.db import select, update
from wholestack.files import Files, MemoryStorage


@pytest.fixture(scope="module")
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture(scope="module")
def site(url: str, storage: MemoryStorage) -> Iterator[Site]:
    site = Site(*VIEWS, Deed, Author, Tag, Review, url=url, keep=30)
    site.app.provide(tenant_of)
    site.admin.track(Tag)
    with site.running(Tenants(), Files(storage)):
        yield site


def test_a_row_is_written_changed_deleted_and_had_back(site: Site) -> None:
    login(site.anew().client, "*")
    author = site.author()
    site.add(tag := Tag(name="old"))
    form = {"title": "Größe 😀", "genre": "novel", "price": "1.50", "published": "2026-11-27", "in_print": "true"}
    sent = {**form, "author_id": author.id, "tags": [tag.id]}
    assert post(site.client, "/admin/book/new", sent).status == 303
    (book,) = site.all(Book)
    site.add(Review(book_id=book.id, stars=3, text="good"))
    assert post(site.client, f"/admin/author/{author.id}/delete").status == 303
    assert (site.all(Author), site.all(Book), site.all(Review)) == ([], [], [])
    back = post(site.client, f"/admin/author/{author.id}/restore")
    assert back.headers["location"] == f"/admin/author/{author.id}"
    (again,) = site.all(Book)
    assert (again.id, again.title, again.price, again.published) == (book.id, book.title, book.price, book.published)
    assert [each.text for each in site.all(Review)] == ["good"]
    assert post(site.client, "/admin/book/new", {**sent, "title": "Another"}).status == 303  # Its key is a new one.
    assert len(site.all(Book)) == 2
    page = site.client.get(f"/admin/book/{book.id}/history").text
    assert ("Größe 😀" in page, "2026-11-27" in page, "had back" in page) == (True, True, True)


def test_cascades_of_the_database(site: Site) -> None:
    login(site.anew().client, "*")
    site.add(Shelf(id=1, name="A"), Shelf(id=2, name="B"))
    site.add(ShelfLabel(id=1, shelf_id=1, text="label", scan=b"\0\xff"), ShelfLamp(id=2, shelf_id=1))
    site.add(ShelfLamp(id=1, label_id=1), ShelfLoan(id=1, shelf_id=2))
    post(site.client, "/admin/shelf/1/delete")
    post(site.client, "/admin/shelf/2/delete")
    assert [each.id for each in site.all(Shelf)] == [2]
    assert [(each.id, each.shelf_id) for each in site.all(ShelfLamp)] == [(2, None)]
    assert post(site.client, "/admin/shelf/1/restore").status == 303
    assert [each.scan for each in site.all(ShelfLabel)] == [b"\0\xff"]


def test_files_come_back_and_go_with_the_history(site: Site, storage: MemoryStorage) -> None:
    login(site.anew().client, "*")
    with site.app.session() as db:
        stored = site.app.plugin(Files).store(db).save(b"the scan", filename="größe.txt")
        db.add(Deed(id=1, title="A", scan=stored))
    post(site.client, "/admin/deed/1/delete")
    assert (site.all(Deed), storage.exists(stored.name)) == ([], True)
    assert post(site.client, "/admin/deed/1/restore").status == 303
    assert site.all(Deed)[0].scan == stored
    assert site.app.plugin(Files).store().read(stored) == b"the scan"
    post(site.client, "/admin/deed/1/delete")
    history = site.admin.history
    for table in (history.rows, history.files.rows):
        assert table is not None
        with site.app.session() as db:
            db.execute(update(table).values(at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)))
    with site.app.session() as db:
        history.sweep(db)
        assert storage.exists(stored.name)  # Only a commit says that it may go.
    assert not storage.exists(stored.name)


def test_marks_and_days(site: Site) -> None:
    person = login(site.anew().client, "*")
    site.add(Manuscript(id=1, title="A", owner_id=person.id))
    post(site.client, "/admin/manuscript/1/delete")
    today = datetime.datetime.now(datetime.UTC).date()
    for query, told in ((f"from={today}", True), (f"to={today - datetime.timedelta(days=2)}", False)):
        assert ("deleted</span>" in site.client.get(f"/admin/history?{query}").text) == told
    assert post(site.client, "/admin/manuscript/1/restore").status == 303
    assert site.all(Manuscript)[0].deleted_at is None


def test_what_is_tracked_goes_with_its_transaction(site: Site) -> None:
    site.anew()
    site.add(Tag(name="a"))
    with pytest.raises(ZeroDivisionError), site.app.session() as db:
        db.scalars(select(Tag)).one().name = "b"
        db.flush()
        raise ZeroDivisionError
    rows = site.admin.history.rows
    with site.app.session() as db:
        db.scalars(select(Tag)).one().name = "c"
        db.flush()
        assert [each.values for each in db.execute(select(rows).order_by(rows.c.id.desc()).limit(1))] == [
            {"name": ["a", "c"]}
        ]
        assert len(db.execute(select(rows)).all()) == 2
