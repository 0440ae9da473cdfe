"""Rows of relations that are not read as a whole: no field of a form, and rows in it all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import String
from sqlalchemy.orm import DynamicMapped, WriteOnlyMapped

from admin.site import BROWSER, Base, Person, Site, login, post, seen
from wholestack.admin import AdminView, Inline
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship


class Leaf(Model, Base):
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    name: Mapped[str] = mapped_column(String(40))


class Branch(Model, Base):
    oak_id: Mapped[int | None] = mapped_column(ForeignKey("oak.id"))
    name: Mapped[str] = mapped_column(String(40))
    leaves: WriteOnlyMapped[Leaf] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Oak(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    branches: DynamicMapped[Branch] = relationship(cascade="all, delete-orphan")


class Oaks(AdminView[Oak]):
    inlines = (Inline(Branch, fields=("name",), inlines=(Inline(Leaf, fields=("name",), minimum=1),)),)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(Oaks, Branch, Leaf, Person).running() as found:
        login(found.client, "*")
        found.add(Oak(id=1, name="Old"))
        found.add(Branch(id=1, oak_id=1, name="long"))
        found.add(Leaf(id=1, branch_id=1, name="green"), Leaf(id=2, name="ELSEWHERE"))
        yield found


def test_they_are_rows_within_rows(site: Site) -> None:
    shown = site.client.get("/admin/oak/1", headers=BROWSER)
    assert 'value="green"' in shown.text and "ELSEWHERE" not in shown.text
    row = {"branches[0].form_key": "1", "branches[0].name": "short"}
    leaves = {"branches[0].leaves[0].form_key": "1", "branches[0].leaves[0].name": "red"}
    more = {"branches[0].leaves[1].name": "brown", "branches[1].name": "new", "branches[1].leaves[0].name": "first"}
    sent = {"name": "Old", "form_seen": seen(shown), **row, **leaves, **more}
    assert post(site.client, "/admin/oak/1", sent).status == 303
    assert [(each.oak_id, each.name) for each in site.all(Branch)] == [(1, "short"), (1, "new")]
    found = {(each.branch_id, each.name) for each in site.all(Leaf)}
    assert found == {(1, "red"), (None, "ELSEWHERE"), (1, "brown"), (2, "first")}


@pytest.mark.parametrize("path", ["", "/1", "/new", "/1/history", "/1/delete", "/-/export/file"])
def test_every_page_is_there(site: Site, path: str) -> None:
    assert site.client.get(f"/admin/oak{path}", headers=BROWSER).status == 200
