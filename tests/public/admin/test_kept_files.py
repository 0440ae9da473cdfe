"""Files in the history: kept while it refers to them, had back with their rows, and gone when it forgets them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest

from admin.archive import Album, AlbumLeaf
from admin.shelf import Portrait, Portraits
from admin.site import Person, Site, login, post, seen
from admin.test_form_files import PDF, names, one, picture, send
from wholestack.auth import Identity
from wholestack.db import select, update
from wholestack.files import Files, MemoryStorage, StoredFile, sweep

PNG = picture()
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture(scope="module")
def kept(storage: MemoryStorage) -> Iterator[Site]:
    with Site(Portraits, Person, keep=30).running(Files(storage)) as site:
        yield site


@pytest.fixture
def site(kept: Site, storage: MemoryStorage) -> Site:
    return begun(kept, storage)


def begun(site: Site, storage: MemoryStorage) -> Site:
    site.anew()
    for each in list(storage.names()):
        storage.delete(each.name)
    login(site.client, "*")
    return site


def made(site: Site) -> tuple[str, Portrait]:
    """A portrait with a picture and a paper, and its page."""
    files = {"picture": ("me.png", PNG), "paper": ("a.pdf", PDF)}
    where = send(site, "/admin/portrait/new", files, title="One", form_then="stay").headers["location"]
    return where, one(site)


def bytes_of(site: Site, stored: StoredFile | None, variant: str | None = None) -> bytes:
    assert stored is not None
    return site.app.plugin(Files).store().read(stored, variant=variant)


def pruned(site: Site) -> int:
    """Let the history be old, and forget it."""
    grown_old(site)
    with site.app.session() as db:
        return site.admin.history.sweep(db)


def grown_old(site: Site) -> None:
    history = site.admin.history
    assert history.files.rows is not None
    with site.app.session() as db:
        for table in (history.rows, history.files.rows):
            db.execute(update(table).values(at=LONG_AGO))


def test_a_deleted_row_comes_back_with_its_files(site: Site, storage: MemoryStorage) -> None:
    where, row = made(site)
    before = bytes_of(site, row.picture), bytes_of(site, row.picture, "small"), bytes_of(site, row.paper)
    assert post(site.client, f"{where}/delete").status == 303
    assert site.all(Portrait) == []
    assert len(names(storage)) == 3
    assert "do not come back" not in site.client.get(f"{where}/history").text
    assert post(site.client, f"{where}/restore").status == 303
    back = one(site)
    assert (back.picture, back.paper) == (row.picture, row.paper)
    assert (bytes_of(site, back.picture), bytes_of(site, back.picture, "small"), bytes_of(site, back.paper)) == before
    source = re.findall(r'<img class="admin-thumbnail" src="([^"]+)"', site.client.get(where).text)[0]
    assert site.client.get(source.replace("&amp;", "&")).body == before[1]


def test_an_old_version_comes_back_with_its_file(site: Site, storage: MemoryStorage) -> None:
    where, row = made(site)
    send(site, where, {"paper": ("b.pdf", PDF + b"2")}, title="Two", form_seen=seen(site.client.get(where)))
    assert len(names(storage)) == 4
    first = re.findall(rf'{where}/history/(\d+)"', site.client.get(f"{where}/history").text)[0]
    page = site.client.get(f"{where}/history/{first}")
    assert (">Take the earlier file: <bdi>a.pdf</bdi>" in page.text, "me.png" in page.text) == (True, True)
    assert row.paper is not None
    data: dict[str, Any] = {"title": "One", "form_seen": seen(page), "form_earlier_paper": row.paper.name}
    # What is wrong is told, and the box is still there.
    wrong = send(site, where, **{**data, "title": ""})
    assert (wrong.status, f'value="{row.paper.name}" checked' in wrong.text) == (422, True)
    # A copy gets a file of its own.
    assert send(site, where, **data, form_then="copy").status == 303
    with site.app.session() as db:
        copy = db.scalars(select(Portrait).order_by(Portrait.id.desc())).first()
        assert copy is not None
        assert copy.paper is not None
        assert (copy.paper.name != row.paper.name, bytes_of(site, copy.paper)) == (True, PDF)
        db.delete(copy)
    assert send(site, where, **data).status == 303
    assert (one(site).title, one(site).paper, bytes_of(site, one(site).paper)) == ("One", row.paper, PDF)


def test_no_row_gets_the_file_of_another_row_or_field(site: Site) -> None:
    where, row = made(site)
    send(site, where, title="One", form_remove_paper="true", form_remove_picture="true")
    other = send(site, "/admin/portrait/new", title="Other", form_then="stay").headers["location"]
    assert row.paper is not None
    assert row.picture is not None
    assert send(site, other, title="Other", form_earlier_paper=row.paper.name).status == 303
    assert send(site, where, title="One", form_earlier_paper=row.picture.name).status == 303
    assert [(each.paper, each.picture) for each in site.all(Portrait)] == [(None, None)] * 2
    assert send(site, where, title="One", form_earlier_paper=row.paper.name).status == 303
    assert site.all(Portrait)[0].paper == row.paper


def test_the_files_go_when_the_history_forgets_them(site: Site, storage: MemoryStorage) -> None:
    where, row = made(site)
    send(site, where, {"paper": ("b.pdf", PDF + b"2")}, title="Two", form_seen=seen(site.client.get(where)))
    assert sweep(site.app, older=datetime.timedelta(0)) == []
    assert pruned(site) == 2
    now = one(site)
    assert row.picture is not None
    assert now.paper is not None
    assert names(storage) == {*row.picture.names(), *now.paper.names()}


def test_more_files_than_changes_go_as_well(site: Site, storage: MemoryStorage) -> None:
    where, _ = made(site)
    files = {"picture": ("b.png", PNG), "paper": ("b.pdf", PDF + b"2")}
    for title in ("Two", "Three"):
        assert send(site, where, files, title=title, form_seen=seen(site.client.get(where))).status == 303
    post(site.client, f"{where}/delete")
    assert len(names(storage)) == 9
    grown_old(site)
    with site.app.session() as db:
        while site.admin.history.sweep(db, most=1) == 1:
            pass
    assert names(storage) == set()


def test_a_row_that_came_back_has_its_file_after_the_history_is_gone(site: Site, storage: MemoryStorage) -> None:
    where, row = made(site)
    post(site.client, f"{where}/delete")
    post(site.client, f"{where}/restore")
    pruned(site)
    assert (bytes_of(site, one(site).paper), len(names(storage))) == (PDF, 3)
    # And then it goes with its row, for whom nothing speaks any more.
    post(site.client, f"{where}/delete")
    pruned(site)
    assert names(storage) == set()


def test_what_is_rolled_back_keeps_and_forgets_nothing(
    site: Site, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, row = made(site)

    def fails(_view: Portraits, _row: Portrait, _identity: Identity[Person], *, new: bool) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(Portraits, "before_save", fails)
    with pytest.raises(RuntimeError, match="not today"):
        send(site, where, {"paper": ("b.pdf", PDF + b"2")}, title="Two", form_seen=seen(site.client.get(where)))
    assert (one(site).paper, len(names(storage))) == (row.paper, 3)
    files = site.admin.history.files.rows
    assert files is not None
    with site.app.session() as db:
        assert db.execute(select(files)).all() == []
    with pytest.raises(RuntimeError, match="at the end"), site.app.session() as db:
        site.admin.history.files.keep(db, LONG_AGO, [("portrait", "1", "paper", row.paper)] if row.paper else [])
        site.admin.history.sweep(db)
        raise RuntimeError("at the end")
    assert len(names(storage)) == 3


def test_by_name_none_is_kept_and_the_page_says_so(storage: MemoryStorage) -> None:
    with Site(Portraits, Person, keep_files=False).running(Files(storage)) as found:
        site = begun(found, storage)
        where, row = made(site)
        send(site, where, {"paper": ("b.pdf", PDF + b"2")}, title="Two", form_seen=seen(site.client.get(where)))
        first = re.findall(rf'{where}/history/(\d+)"', site.client.get(f"{where}/history").text)[0]
        assert "do not come back: <bdi>a.pdf</bdi></p>" in site.client.get(f"{where}/history/{first}").text
        post(site.client, f"{where}/delete")
        assert names(storage) == set()
        page = site.client.get(f"{where}/history").text
        assert "do not come back: <bdi>me.png</bdi>, <bdi>b.pdf</bdi></p>" in page
        assert post(site.client, f"{where}/restore").status == 303
        assert (one(site).title, one(site).picture, row.title) == ("Two", None, "One")


def test_what_is_tracked_keeps_its_files_too(storage: MemoryStorage) -> None:
    site = Site(Portraits, Person)
    site.admin.track(Portrait)
    with site.running(Files(storage)):
        begun(site, storage)
        where, row = made(site)
        with site.app.session() as db:
            there = db.scalars(select(Portrait)).one()
            there.paper = None
        with site.app.session() as db:
            db.delete(db.scalars(select(Portrait)).one())
        assert len(names(storage)) == 3
        history = site.admin.history.files.of
        assert row.picture is not None
        assert row.paper is not None
        with site.app.session() as db:
            kept = history(db, "portrait", str(row.id))
        assert kept == {("paper", row.paper.name): row.paper, ("picture", row.picture.name): row.picture}
        assert post(site.client, f"{where}/restore").status == 303
        assert (one(site).paper, bytes_of(site, one(site).picture)) == (None, bytes_of(site, row.picture))


def album(site: Site) -> StoredFile:
    """An album with a leaf that has a scan."""
    with site.app.session() as db:
        stored = site.app.plugin(Files).store(db).save(PDF, filename="leaf.pdf")
        db.add(Album(id=1, title="A", leaves=[AlbumLeaf(id=7, text="leaf", scan=stored)]))
    return stored


@pytest.mark.parametrize("keep_files", [True, False])
def test_the_files_of_what_went_with_a_row_come_back_or_are_named_before(
    storage: MemoryStorage, keep_files: bool
) -> None:
    with Site(Album, AlbumLeaf, Person, keep_files=keep_files).running(Files(storage)) as found:
        site = begun(found, storage)
        stored = album(site)
        post(site.client, "/admin/album/1/delete")
        assert (site.all(AlbumLeaf), names(storage)) == ([], {stored.name} if keep_files else set())
        page = site.client.get("/admin/album/1/history").text
        assert ("do not come back: <bdi>leaf.pdf</bdi></p>" in page) is not keep_files
        # Nobody is told a file's name of rows that they may not see.
        login(site.client, "album.view", "album.add")
        assert "leaf.pdf" not in site.client.get("/admin/album/1/history").text
        login(site.client, "*")
        assert post(site.client, "/admin/album/1/restore").status == 303
        (leaf,) = site.all(AlbumLeaf)
        assert (leaf.text, leaf.scan) == ("leaf", stored if keep_files else None)
        if keep_files:
            assert bytes_of(site, leaf.scan) == PDF


def test_a_row_with_the_key_of_a_deleted_one_has_nothing_of_it(site: Site) -> None:
    """SQLite gives the key of a last row again; so may a program that chooses its keys."""
    where, first = made(site)
    post(site.client, f"{where}/delete")
    with site.app.session() as db:
        old = db.execute(select(site.admin.history.rows).order_by(site.admin.history.rows.c.id)).all()
    assert "me.png" in site.client.get(f"{where}/history").text  # For who may have the first one back.
    site.add(Portrait(id=first.id, title="Another"))
    shown = site.client.get(f"{where}/history").text
    assert "me.png" not in shown and "One" not in shown
    assert {site.client.get(f"{where}/history/{each.id}").status for each in old} == {404}
    history = site.admin.history
    with site.app.session() as db:
        assert history.files.of(db, "portrait", str(first.id))
        assert history.files.of(db, "portrait", str(first.id), history.begun(db, "portrait", str(first.id))[1]) == {}
