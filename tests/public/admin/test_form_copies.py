"""Files in copies of a row: what may be had of the row that is copied, and of those within it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import String

from admin.site import BROWSER, Base, Person, Site, login
from wholestack.admin import AdminView, FieldRule, Inline
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship
from wholestack.files import Files, MemoryStorage, StoredFile


class Annex(Model, Base):
    charter_id: Mapped[int] = mapped_column(ForeignKey("charter.id"))
    note: Mapped[str] = mapped_column(String(40), default="")
    scan: Mapped[StoredFile | None]


class Charter(Model, Base):
    title: Mapped[str] = mapped_column(String(40))
    signed: Mapped[StoredFile | None]
    draft: Mapped[StoredFile | None]
    annexes: Mapped[list[Annex]] = relationship(cascade="all, delete-orphan", order_by="Annex.id")


class Charters(AdminView[Charter]):
    field_rules = {"signed": FieldRule(change="charter.sign")}
    inlines = (Inline(Annex, fields=("note", "scan")),)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(Charters, Annex, Person).running(Files(MemoryStorage())) as found:
        login(found.client, "*")
        files = {"signed": ("signed.txt", b"signed"), "draft": ("draft.txt", b"draft")}
        files |= {"annexes[0].scan": ("one.txt", b"one"), "annexes[1].scan": ("two.txt", b"two")}
        data = {"title": "One", "annexes[0].note": "one", "annexes[1].note": "two"}
        assert send(found, "/admin/charter/new", data, files).status == 303
        yield found


def send(site: Site, path: str, data: dict[str, str], files: dict[str, Any] | None = None) -> Any:
    return site.client.post(path, data=data, files=files or {}, headers=BROWSER, follow=False)


def names(rows: Any, *fields: str) -> list[list[str]]:
    return [[file.filename if (file := getattr(row, name)) else "" for name in fields] for row in rows]


HELD = [f"{model}.{act}" for model in ("charter", "annex") for act in ("view", "add", "change")]
COPY = {"title": "Two", "form_then": "copy"}


def test_a_copy_sets_no_file_that_its_maker_could_not_set(site: Site) -> None:
    login(site.client, *HELD)
    assert send(site, "/admin/charter/1", COPY).status == 303
    login(site.client, *HELD, "charter.sign")
    assert send(site, "/admin/charter/1", COPY).status == 303
    found = names(site.all(Charter), "signed", "draft")
    assert found == [["signed.txt", "draft.txt"], ["", "draft.txt"], ["signed.txt", "draft.txt"]]


def test_a_copy_has_the_files_of_the_rows_that_are_sent_with_it(site: Site) -> None:
    """Not of those that were taken out, not those that are removed, and of no row of another."""
    login(site.client, *HELD)
    assert send(site, "/admin/charter/new", {"title": "Other", "annexes[0].note": "other"}).status == 303
    first = {"annexes[0].form_key": "2", "annexes[0].note": "two again"}
    second = {"annexes[1].form_key": "1", "annexes[1].note": "one again", "annexes[1].form_remove_scan": "true"}
    assert send(site, "/admin/charter/1", {**COPY, **first, **second}).status == 303
    assert send(site, "/admin/charter/2", {**COPY, **first}).status == 303
    rows = [(each.charter_id, each.note, *names([each], "scan")[0]) for each in site.all(Annex)]
    assert rows[3:] == [(3, "two again", "two.txt"), (3, "one again", ""), (4, "two again", "")]
    assert names(site.all(Annex), "scan")[:2] == [["one.txt"], ["two.txt"]]
    assert len({each.scan.name for each in site.all(Annex) if each.scan}) == 3
