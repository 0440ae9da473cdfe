"""What was done: kept whole, read by who may, compared, and had back."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest

from admin.archive import VIEWS, Manuscript, Notebook, tenant_of
from admin.site import BROWSER, Book, Genre, Person, Review, Site, Tag, login, post, seen
from wholestack.auth import Identity, Tenants
from wholestack.db import Session, select

BOOK = {"title": "One", "genre": "novel", "in_print": "true"}
ALL = ("view", "add", "change", "delete")
NEAR = ("author.view", "tag.view")
"""What a book refers to: it takes sight of them to choose one."""


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(keep=30).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.fixture(scope="module")
def archive() -> Iterator[Site]:
    found = Site(*VIEWS)
    found.admin.track(Manuscript, Book)
    found.app.provide(tenant_of)

    @found.app.post("/api/book/{id}")
    def change(id: int, identity: Identity[Person], db: Session) -> str:
        book = db.get(Book, id)
        identity.required()
        assert book is not None
        book.title = "By the API"
        book.tags.append(Tag(name="api"))
        return "done"

    @found.app.post("/api/nobody/{id}")
    def change_unread(id: int, db: Session) -> None:
        book = db.get(Book, id)
        db.expire(book)
        book.title = "By nobody"  # type: ignore[union-attr]

    with found.running(Tenants()) as site:
        yield site


def of(*names: str, models: tuple[str, ...] = ("book",)) -> list[str]:
    return [f"{model}.{name}" for model in models for name in names or ALL]


def history(site: Site) -> list[Any]:
    rows = site.admin.history.rows
    with site.app.session() as db:
        return list(db.execute(select(rows).order_by(rows.c.id)))


def changed(site: Site, **values: Any) -> Book:
    """A book that was changed once through the admin, from "One" to "Two"."""
    author, old, new = site.author("Ann"), Tag(name="old"), Tag(name="new")
    site.add(old, new)
    first = {**BOOK, "author_id": author.id, "tags": [old.id]}
    post(site.client, "/admin/book/new", first)
    (book,) = site.all(Book)
    shown = site.client.get(f"/admin/book/{book.id}")
    sent = {**first, "title": "Two", "tags": [new.id], "form_seen": seen(shown), **values}
    assert post(site.client, f"/admin/book/{book.id}", sent).status == 303
    return book


def test_a_change_has_each_value_who_when_and_from_where(site: Site) -> None:
    person = login(site.client, *of(), *NEAR, email="eve@example.org")
    book = changed(site)
    _, change = history(site)
    old, new = site.all(Tag)
    assert change.values == {"title": ["One", "Two"], "tags": [[old.id], [new.id]]}
    assert change.labels == {"tags": {str(old.id): "old", str(new.id): "new"}}
    assert (change.user, change.name, change.impersonator) == (str(person.id), "eve@example.org", None)
    assert (change.place, bool(change.address)) == (f"POST /admin/book/{book.id}", True)
    assert datetime.datetime.now(datetime.UTC) - change.at < datetime.timedelta(minutes=1)
    page = site.client.get(f"/admin/book/{book.id}/history").text
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td>', page)
    assert ("Tags", "<bdi>old</bdi>", "<bdi>new</bdi>") in rows
    assert ("Title", "<bdi>One</bdi>", "<bdi>Two</bdi>") in rows
    assert ("Author", '<span class="muted">-</span>', "<bdi>Ann</bdi>") in rows


def test_related_rows_are_called_by_name_for_who_may_see_them_only(site: Site) -> None:
    login(site.client, *of(), *NEAR)
    book = changed(site)
    login(site.client, "book.view")
    page = site.client.get(f"/admin/book/{book.id}/history").text
    assert "Ann" not in page
    assert ("<bdi>old</bdi>" in page, f"<bdi>#{site.all(Tag)[0].id}</bdi>" in page) == (False, True)


def test_two_versions_are_compared(site: Site) -> None:
    login(site.client, *of(), *NEAR)
    book = changed(site)
    shown = site.client.get(f"/admin/book/{book.id}")
    third = {
        **BOOK,
        "title": "Three",
        "author_id": book.author_id,
        "tags": [],
        "form_seen": seen(shown),
        "in_print": "false",
    }
    post(site.client, f"/admin/book/{book.id}", third)
    first, _, last = (each.id for each in history(site))
    page = site.client.get(f"/admin/book/{book.id}/history?from={last}&to={first}").text
    compared = page[page.index('id="compared"') : page.index('class="admin-history"')]
    assert re.findall(r'<th scope="row">(.*?)</th>', compared) == ["Title", "In print", "Tags"]
    assert "<td><bdi>One</bdi></td><td><bdi>Three</bdi></td>" in compared
    assert 'id="compared"' not in site.client.get(f"/admin/book/{book.id}/history?from={last}&to=x").text


def test_an_old_version_is_had_back_as_a_change(site: Site) -> None:
    login(site.client, *of(), *NEAR)
    book = changed(site)
    first = history(site)[0].id
    form = site.client.get(f"/admin/book/{book.id}/history/{first}").text
    assert 'value="One"' in form
    assert "Nothing is changed until you save it." in form
    assert "Nothing is changed until you save it." not in site.client.get(f"/admin/book/{book.id}").text
    assert f'action="/admin/book/{book.id}"' in form
    assert [each.title for each in site.all(Book)] == ["Two"]
    old = site.all(Tag)[0].id
    state = re.search(r'name="form_seen" value="([^"]+)"', form)
    assert state is not None
    assert re.search(rf'value="{old}"[^>]*(checked|selected)', form)
    sent = {**BOOK, "author_id": book.author_id, "tags": [old], "form_seen": state[1]}
    assert post(site.client, f"/admin/book/{book.id}", sent).status == 303
    assert history(site)[-1].values == {"title": ["Two", "One"], "tags": [[site.all(Tag)[1].id], [old]]}
    other = site.book("Another")
    assert site.client.get(f"/admin/book/{other.id}/history/{first}").status == 404


def test_a_deleted_row_is_had_back_with_its_key_and_what_it_owned(site: Site) -> None:
    login(site.client, *of(), *of(models=("review",)), *NEAR)
    book = changed(site)
    site.add(Review(book_id=book.id, stars=3, text="good"))
    gone = post(site.client, f"/admin/book/{book.id}/delete")
    assert gone.headers["location"] == f"/admin/book?undo={book.id}"
    assert site.all(Book) == site.all(Review) == []
    assert f'action="/admin/book/{book.id}/restore"' in site.client.get(gone.headers["location"]).text
    page = site.client.get(f"/admin/book/{book.id}/history")
    assert (page.status, "Have it back" in page.text) == (200, True)
    back = post(site.client, f"/admin/book/{book.id}/restore")
    assert back.headers["location"] == f"/admin/book/{book.id}"
    (found,) = site.all(Book)
    assert (found.id, found.title, found.genre) == (book.id, "Two", Genre.NOVEL)
    with site.app.session() as db:
        assert [each.name for each in db.get_one(Book, book.id).tags] == ["new"]
    assert [(each.book_id, each.stars, each.text) for each in site.all(Review)] == [(book.id, 3, "good")]
    assert post(site.client, f"/admin/book/{book.id}/restore").status == 404


def test_what_cannot_be_had_back_says_why_and_leaves_nothing(site: Site) -> None:
    login(site.client, "*")
    book = changed(site)
    post(site.client, f"/admin/book/{book.id}/delete")
    post(site.client, f"/admin/author/{book.author_id}/delete")
    refused = post(site.client, f"/admin/book/{book.id}/restore")
    assert "cannot be had back" in site.client.get(refused.headers["location"]).text
    assert site.all(Book) == []
    assert [each.action for each in history(site)].count("restore") == 0


def test_secrets_are_in_no_history(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, "*")
    mine = Manuscript(title="A", owner_id=person.id, access_token="first-secret")
    site.add(mine)
    with site.app.session() as db:
        db.get_one(Manuscript, mine.id).access_token = "second-secret"
    added, change = history(site)
    assert (added.values["access_token"], change.values) == ([], {"access_token": []})
    assert "secret" not in str([added, change])
    page = site.client.get(f"/admin/manuscript/{mine.id}/history").text
    assert ("changed</td>" in page, "-secret" in page) == (True, False)
    post(site.client, f"/admin/person/{login(site.other(), '*').id}/delete")
    assert history(site)[-1].values["password"] == []


def test_changes_by_an_api_are_tracked_with_who_made_them(archive: Site) -> None:
    site = archive.anew()
    site.book("One", id=7)
    person = login(site.client)
    assert post(site.client, "/api/book/7").status == 200
    added, *changes = (each for each in history(site) if each.model == "book")
    (tag,) = site.all(Tag)
    assert added.action == "add"
    assert [each.values for each in changes] == [{"title": ["One", "By the API"]}, {"tags": [[], [tag.id]]}]
    change = changes[0]
    assert (change.user, change.place, change.action) == (str(person.id), "POST /api/book/7", "change")
    assert post(site.other(), "/api/nobody/7").status == 204
    change = history(site)[-1]
    assert (change.values, change.user) == ({"title": ["By the API", "By nobody"]}, "")
    with site.app.session() as db:
        db.delete(db.get_one(Book, 7))
    assert (history(site)[-1].action, history(site)[-1].values["title"]) == ("delete", ["By nobody", None])


def test_what_the_admin_does_to_a_tracked_model_is_written_once(archive: Site) -> None:
    site = archive.anew()
    login(site.client, *of(), *NEAR)
    changed(site)
    assert [each.action for each in history(site)] == ["add", "change"]


def test_what_was_rolled_back_is_in_no_history(archive: Site) -> None:
    site = archive.anew()
    book = site.book("One")
    before = len(history(site))
    with pytest.raises(ZeroDivisionError), site.app.session() as db:
        db.get_one(Book, book.id).title = "Two"
        db.flush()
        raise ZeroDivisionError
    assert len(history(site)) == before


def test_the_page_of_all_is_for_who_may_read_it_and_can_be_filtered(site: Site) -> None:
    login(site.client, *of(), *NEAR, email="ann@example.org")
    changed(site)
    assert site.client.get("/admin/history", headers=BROWSER).status == 403
    boss = site.other()
    login(boss, *of(), "author.view", "author.add", "admin_change.view", email="zoe@example.org")
    post(boss, "/admin/author/new", {"name": "Zed"})

    def told(query: str) -> list[str]:
        page = boss.get(f"/admin/history?{query}").text
        return re.findall(r'<bdi>(\w+)@example.org</bdi>\s*<span class="badge">(\w+)', page)

    assert told("") == [("zoe", "added"), ("ann", "changed"), ("ann", "added")]
    assert told("model=author") == told("user=zoe") == [("zoe", "added")]
    today = datetime.datetime.now(datetime.UTC).date()
    assert len(told(f"from={today}&to={today}")) == 3
    assert told(f"from={today + datetime.timedelta(days=2)}") == told("to=1999-01-01") == told("model=tag") == []
    assert len(told("from=nonsense&to=&before=x")) == 3
    assert told(f"before={history(site)[-1].id}") == [("ann", "changed"), ("ann", "added")]
    mine = boss.get("/admin/history/mine").text
    assert ("zoe@" in mine, re.search(r"<bdi>ann@", mine)) == (True, None)
    login(boss, "tag.view", "admin_change.view")
    assert told("") == []


def test_nobody_reads_of_rows_that_are_not_theirs(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, "manuscript.view", "admin_change.view")
    other = login(site.other(), email="other@example.org")
    site.add(Manuscript(id=1, title="Mine", owner_id=person.id), Manuscript(id=2, title="Theirs", owner_id=other.id))
    page = site.client.get("/admin/history").text
    assert ("Mine" in page, "Theirs" in page) == (True, False)
    with site.app.session() as db:
        db.delete(db.get_one(Manuscript, 2))
        db.delete(db.get_one(Manuscript, 1))
    for path in ("/admin/history", "/admin/"):
        assert "Theirs" not in site.client.get(path).text
    statuses = [site.client.get(f"/admin/manuscript/{key}/history", headers=BROWSER).status for key in (1, 2, 3)]
    assert statuses == [200, 404, 404]
    site.add(Manuscript(id=2, title="A second", owner_id=person.id))  # It has the key of another's that is gone.
    for path in ("/admin/history", "/admin/"):
        page = site.client.get(path).text
        assert ("A second" in page, "Theirs" in page) == (True, False)


def test_fields_that_somebody_may_not_see_are_not_in_their_history(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, "manuscript.view")
    site.add(mine := Manuscript(title="Mine", owner_id=person.id, worth=987654))
    page = site.client.get(f"/admin/manuscript/{mine.id}/history").text
    assert ("Mine" in page, "987654" in page) == (True, False)


def test_a_tenants_history_is_read_by_no_other(archive: Site) -> None:
    site = archive.anew()
    login(site.client, "notebook.view", "notebook.add", "notebook.delete", "admin_change.view")
    firm = {**BROWSER, "x-firm": "1"}
    post(site.client, "/admin/notebook/new", {"text": "Ours", "tenant_id": "1"}, headers=firm)
    (row,) = site.all(Notebook)
    for gone in (False, True):
        if gone:
            post(site.client, f"/admin/notebook/{row.id}/delete", headers=firm)
        assert "Ours" in site.client.get("/admin/history", headers=firm).text
        assert site.client.get(f"/admin/notebook/{row.id}/history", headers=firm).status == 200
        foreign = {**BROWSER, "x-firm": "2"}
        assert "Ours" not in site.client.get("/admin/history", headers=foreign).text
        assert site.client.get(f"/admin/notebook/{row.id}/history", headers=foreign).status == 404
        assert post(site.client, f"/admin/notebook/{row.id}/restore", headers=foreign).status == 404


def test_what_is_too_old_is_forgotten(site: Site) -> None:
    login(site.client, "*")
    site.author()
    rows = site.admin.history.rows
    post(site.client, "/admin/tag/new", {"name": "a"})
    with site.app.session() as db:
        old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=31)
        db.execute(rows.update().values(at=old))
    post(site.client, "/admin/tag/new", {"name": "b"})
    with site.app.session() as db:
        assert site.admin.history.sweep(db) == 1
    assert [each.label for each in history(site)] == ["b"]


def test_who_acted_as_somebody_is_named(site: Site) -> None:
    person = login(site.client, *of(), *NEAR)
    book = changed(site)
    rows = site.admin.history.rows
    with site.app.session() as db:
        db.execute(rows.update().values(impersonator="the helper"))
    assert "the helper" in site.client.get(f"/admin/book/{book.id}/history").text
    assert person.email in site.client.get("/admin/history/mine").text
