"""Files and pictures in a form: sent, shown, replaced, removed, copied; nothing of them runs, and none stays behind."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from admin.shelf import Portrait, Portraits
from admin.site import BROWSER, Person, Site, errors, login, seen
from wholestack.db import select
from wholestack.files import Files, MemoryStorage
from wholestack.testing import Answer

PIL = pytest.importorskip("PIL.Image")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def picture(colour: str = "red", kind: str = "png") -> bytes:
    written = io.BytesIO()
    PIL.new("RGB", (640, 480), colour).save(written, kind)
    return written.getvalue()


@pytest.fixture(scope="module")
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def kept(request: pytest.FixtureRequest, storage: MemoryStorage) -> Iterator[Site]:
    with Site(Portraits, Person, interface=request.param, keep_files=False).running(Files(storage)) as site:
        yield site


@pytest.fixture
def site(kept: Site, storage: MemoryStorage) -> Site:
    kept.anew()
    for each in list(storage.names()):
        storage.delete(each.name)
    login(kept.client, "*")
    return kept


def send(site: Site, path: str, files: dict[str, Any] | None = None, **data: str) -> Answer:
    """Send a form with files as a browser does."""
    return site.client.post(path, data=data, files=files or {}, headers=BROWSER, follow=False)


def one(site: Site) -> Portrait:
    (found,) = site.all(Portrait)
    assert isinstance(found, Portrait)
    return found


def names(storage: MemoryStorage) -> set[str]:
    return {each.name for each in storage.names()}


def test_a_picture_from_its_upload_to_its_end(site: Site, storage: MemoryStorage) -> None:
    form = site.client.get("/admin/portrait/new").text
    assert 'enctype="multipart/form-data"' in form
    assert 'accept="application/pdf"' in form
    files = {"picture": ("me.png", picture()), "paper": ("a.pdf", PDF)}
    made = send(site, "/admin/portrait/new", files, title="One", form_then="stay")
    assert made.status == 303, errors(made)
    row, where = one(site), made.headers["location"]
    assert row.picture is not None
    assert row.paper is not None
    assert (row.picture.filename, row.picture.width, row.picture.variants) == ("me.png", 640, ("small",))
    shown = site.client.get(where)
    assert "me.png" in shown.text
    assert "<img" in shown.text
    # To save without a file leaves both.
    assert send(site, where, title="Two", form_seen=seen(shown)).status == 303
    assert one(site).picture == row.picture
    # Another one in its place, and the one before goes.
    before = row.picture.name
    assert send(site, where, {"picture": ("new.png", picture("blue"))}, title="Two").status == 303
    new = one(site).picture
    assert new is not None
    assert before not in names(storage)
    assert new.filename == "new.png"
    assert send(site, where, title="Two", form_remove_picture="true", form_remove_paper="true").status == 303
    assert (one(site).picture, one(site).paper, names(storage)) == (None, None, set())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("picture", b"<script>alert(1)</script>"),
        ("picture", PDF),
        ("paper", b"<svg onload=alert(1)>"),
        ("paper", b"MZ"),
    ],
)
def test_what_is_no_such_file_is_refused_beside_its_field(
    site: Site, storage: MemoryStorage, name: str, content: bytes
) -> None:
    answer = send(site, "/admin/portrait/new", {name: ("<b>.png", content)}, title="One")
    assert (answer.status, site.all(Portrait), names(storage)) == (422, [], set())
    assert f'id="f-{name}-error"' in answer.text


def test_a_file_name_is_text(site: Site) -> None:
    made = send(
        site, "/admin/portrait/new", {"paper": ('"><script>x</script>.pdf', PDF)}, title="One", form_then="stay"
    )
    shown = site.client.get(made.headers["location"]).text
    assert "<script>x" not in shown
    assert "&lt;script&gt;x" in shown


def test_a_link_saves_the_file_and_does_not_show_it(site: Site) -> None:
    made = send(site, "/admin/portrait/new", {"paper": ("a.pdf", PDF)}, title="One", form_then="stay")
    shown = site.client.get(made.headers["location"]).text
    address = re.findall(r'href="(/files/[^"]+)"', shown)[0].replace("&amp;", "&")
    answer = site.client.get(address)
    assert (answer.body, answer.headers["content-disposition"].split(";")[0]) == (PDF, "attachment")
    assert site.other().get(address.split("?")[0]).status in {403, 404}


def test_a_stored_name_cannot_be_typed(site: Site, storage: MemoryStorage) -> None:
    send(site, "/admin/portrait/new", {"paper": ("a.pdf", PDF)}, title="One")
    stored = one(site).paper
    assert stored is not None
    answer = send(site, "/admin/portrait/new", title="Two", paper=stored.name)
    assert (answer.status, len(site.all(Portrait)), len(names(storage))) == (422, 1, 1)


def test_a_copy_has_files_of_its_own(site: Site, storage: MemoryStorage) -> None:
    files = {"picture": ("me.png", picture()), "paper": ("a.pdf", PDF)}
    made = send(site, "/admin/portrait/new", files, title="One", form_then="stay")
    send(site, made.headers["location"], title="Two", form_then="copy")
    first, second = site.all(Portrait)
    assert second.title == "Two"
    assert (second.paper.digest, second.picture.filename) == (first.paper.digest, "me.png")
    assert not set(first.picture.names()) & set(second.picture.names())
    assert len(names(storage)) == 6


def replaced(site: Site, filename: str | None) -> None:
    """Somebody else's paper in the place of the one that is there."""
    with site.app.session() as db:
        store = site.app.plugin(Files).store(db)
        row = db.scalars(select(Portrait)).one()
        row.paper = None if filename is None else store.save(PDF + b"theirs", filename=filename)


def differing(answer: Answer) -> list[tuple[str, str]]:
    """The files of which a page says that somebody else has put others there: theirs and yours."""
    return re.findall(r"<td><bdi>([^<]*)</bdi></td><td><bdi>([^<]*)</bdi></td>", answer.text)


@pytest.mark.parametrize(
    ("theirs", "mine", "told"),
    [
        ("theirs.pdf", {"files": {"paper": ("mine.pdf", PDF + b"mine")}}, ("theirs.pdf", "mine.pdf")),
        ("theirs.pdf", {"form_remove_paper": "true"}, ("theirs.pdf", "–")),
        (None, {"files": {"paper": ("mine.pdf", PDF + b"mine")}}, ("–", "mine.pdf")),
        ("theirs.pdf", {}, None),
        (None, {"form_remove_paper": "true"}, None),
    ],
)
def test_who_sends_a_file_is_told_of_one_that_somebody_else_has_put_there(
    site: Site, storage: MemoryStorage, theirs: str | None, mine: dict[str, Any], told: tuple[str, str] | None
) -> None:
    made = send(site, "/admin/portrait/new", {"paper": ("a.pdf", PDF)}, title="One", form_then="stay")
    where = made.headers["location"]
    data = {"title": "Mine", "form_seen": seen(site.client.get(where)), **mine}
    replaced(site, theirs)
    answer = send(site, where, **data)
    if told is None:
        assert answer.status == 303
        assert (one(site).paper.filename if one(site).paper else None) == theirs
        return
    assert (answer.status, differing(answer)) == (422, [told])
    assert "Choose a file of yours again" in answer.text
    assert len(names(storage)) == (theirs is not None)
    data["form_told"] = re.findall(r'name="form_told" value="([^"]+)"', answer.text)[0]
    # Who takes theirs keeps it; who does not has their own way.
    assert send(site, where, **data, form_theirs="paper").status == 303
    assert (one(site).paper.filename if one(site).paper else None) == theirs
    data["form_seen"] = seen(site.client.get(where))
    assert send(site, where, **data).status == 303
    assert (one(site).paper.filename if one(site).paper else "–") == told[1]
    assert len(names(storage)) == (told[1] != "–")


def test_a_file_is_called_by_its_name_in_a_list_and_an_export(site: Site) -> None:
    send(site, "/admin/portrait/new", {"picture": ("me.png", picture()), "paper": ("=a.pdf", PDF)}, title="One")
    listed = site.client.get("/admin/portrait?columns=title&columns=picture&columns=paper").text
    assert "<bdi>me.png</bdi>" in listed and "StoredFile" not in listed and "digest" not in listed
    columns = "_columns=title&_columns=picture&_columns=paper"
    file = site.client.get(f"/admin/portrait/-/export/file?_format=csv&{columns}", headers=BROWSER).text
    assert file.splitlines()[1] == "One,me.png,'=a.pdf"
