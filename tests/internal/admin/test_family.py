"""Rows of classes below another: what is told of them by rules, in histories of several rows, and by what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, String
from sqlalchemy import Table as Rows
from sqlalchemy.orm import WriteOnlyMapped

from admin.site import BROWSER, Base, Person, Site, login, post
from wholestack.admin import AdminView, FieldRule, Inline, Selection, action
from wholestack.admin._history import Author, Change
from wholestack.auth import policy
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship, select


class Wharf(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    craft: Mapped[list[Craft]] = relationship(cascade="all, delete-orphan", order_by="Craft.id")


class Craft(Model, Base):
    """Somebody's; its subclasses have tables of their own."""

    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    owner: Mapped[str] = mapped_column(String(80), default="me")
    wharf_id: Mapped[int | None] = mapped_column(ForeignKey("wharf.id"))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "craft"}


class Tug(Craft):
    id: Mapped[int] = mapped_column(ForeignKey("craft.id"), primary_key=True)
    power: Mapped[int]
    pulls_id: Mapped[int | None] = mapped_column(ForeignKey("craft.id"))
    hawsers: Mapped[list[Hawser]] = relationship(cascade="all, delete-orphan", order_by="Hawser.id")
    __mapper_args__ = {"polymorphic_identity": "tug", "inherit_condition": id == Craft.id}  # noqa: A003


class Hawser(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    tug_id: Mapped[int] = mapped_column(ForeignKey("tug.id"))


class Tow(Model, Base):
    tug_id: Mapped[int | None] = mapped_column(ForeignKey("tug.id"))
    tug: Mapped[Tug | None] = relationship()


@policy
def is_my_craft(person: Person, craft: Craft) -> bool:
    return craft.owner == person.nickname


@is_my_craft.where
def _(person: Person) -> ColumnElement[bool]:
    return Craft.owner == person.nickname


class OwnCraft(AdminView[Craft]):
    rows = is_my_craft
    field_rules = {"name": FieldRule(view="craft.see_name")}


class AllCraft(AdminView[Craft]):
    columns = ("name",)

    @action("Paint", permission="change")
    def paint(self, rows: Selection[Craft]) -> None:
        for each in rows.rows():
            each.name = f"{each.name} in red"
            if isinstance(each, Tug):
                each.power += 1


class Tows(AdminView[Tow]):
    columns = ("id", "tug", "tug.name")
    search = ("tug.name",)


class Wharves(AdminView[Wharf]):
    inlines = (Inline(Craft, fields=("name",)),)


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(OwnCraft, Tows, Wharf, Person).running() as site:
        yield site


@pytest.fixture
def guarded(kept: Site) -> Site:
    """A site that does not show the subclass."""
    return kept.anew()


@pytest.fixture(scope="module")
def kept_all() -> Iterator[Site]:
    with Site(AllCraft, Tug, Hawser, Wharves, Person).running() as site:
        yield site


@pytest.fixture
def site(kept_all: Site) -> Site:
    return kept_all.anew()


def words(site: Site, path: str) -> str:
    answer = site.client.get(path, headers=BROWSER)
    assert answer.status == 200, path
    return answer.text.partition("<main")[2]


def changes(site: Site) -> list[Any]:
    rows = site.admin.history.rows
    with site.app.session() as db:
        return list(db.execute(rows.select().order_by(rows.c.id)))


# -- rules -------------------------------------------------------------------------------------------------------------


def test_the_rules_over_fields_of_a_model_hold_for_its_subclasses(guarded: Site) -> None:
    guarded.add(Tug(id=1, name="SECRET", power=9), Tow(id=1, tug_id=1))
    permissions = ("tow.view", "tow.export", "craft.view")
    for more, is_seen in (("craft.nothing", False), ("craft.see_name", True)):
        login(guarded.client, *permissions, more, nickname="me")
        for path in ("/admin/tow", "/admin/tow/-/export/file?_format=csv&_columns=id&_columns=tug.name"):
            assert ("SECRET" in guarded.client.get(path, headers=BROWSER).text) is is_seen, path


def test_a_row_of_a_subclass_leads_to_the_page_of_the_model_above(guarded: Site) -> None:
    guarded.add(Tug(id=1, name="Anna", power=9), Tow(id=1, tug_id=1))
    login(guarded.client, "*", nickname="me")
    assert 'href="/admin/craft/1"' in words(guarded, "/admin/tow")
    form = words(guarded, "/admin/tow/1")
    assert 'href="/admin/craft/1"' in form and 'href="/admin/craft/new"' not in form


def test_nothing_goes_along_that_is_of_a_subclass_and_somebody_elses(guarded: Site) -> None:
    guarded.add(Wharf(id=1, name="w"))
    guarded.add(Tug(id=1, name="THEIRS", power=9, owner="x", wharf_id=1))
    login(guarded.client, "*", nickname="me")
    assert "THEIRS" not in words(guarded, "/admin/wharf/1/delete")
    post(guarded.client, "/admin/wharf/1/delete")
    assert len(guarded.all(Wharf)) == len(guarded.all(Craft)) == 1


# -- histories of several ----------------------------------------------------------------------------------------------


def test_an_action_is_recorded_by_the_class_of_each_row(site: Site) -> None:
    site.add(Craft(id=1, name="Raft"), Tug(id=2, name="Anna", power=9))
    login(site.client, "*")
    chosen = {"action": "paint", "scope": "chosen", "keys": ["1", "2"]}
    where = post(site.client, "/admin/craft/-/actions", chosen).headers["location"]
    assert post(site.client, where, {"counted": 2}).status == 303
    found = {each.model: each.values for each in changes(site)}
    assert found == {
        "craft": {"name": ["Raft", "Raft in red"]},
        "tug": {"name": ["Anna", "Anna in red"], "power": [9, 10]},
    }


def test_what_was_done_to_a_row_of_a_subclass_in_a_form_is_told_there(site: Site) -> None:
    site.add(Wharf(id=1, name="w"))
    site.add(Tug(id=1, name="Anna", power=9, wharf_id=1))
    login(site.client, "*")
    data = {"name": "w", "craft[0].form_key": "1", "craft[0].name": "Bertha"}
    assert post(site.client, "/admin/wharf/1", data).status == 303
    assert [each.model for each in changes(site)] == ["tug"]
    assert "Bertha" in words(site, "/admin/wharf/1/history")


def test_the_page_of_all_changes_has_those_of_subclasses_under_the_model_above(site: Site) -> None:
    site.add(Tug(id=1, name="Anna", power=9))
    login(site.client, "*")
    assert post(site.client, "/admin/tug/1", {"name": "Bertha", "power": "12", "owner": "me"}).status == 303
    assert "Bertha" in words(site, "/admin/history?model=craft")
    assert "Bertha" in words(site, "/admin/history?model=tug")
    login(site.client, "craft.view", "admin_change.view")
    page = words(site, "/admin/history")
    assert "Bertha" in page and "Power" not in page and 'href="/admin/craft/1/history"' in page
    assert "Bertha" in words(site, "/admin/")


def test_a_gone_row_has_nothing_of_one_of_another_class_that_had_its_key(site: Site) -> None:
    login(site.client, "*")
    for row, page in ((Craft(id=1, name="RAFT"), "craft"), (Tug(id=1, name="Anna", power=9), "tug")):
        site.add(row)
        assert post(site.client, f"/admin/{page}/1/delete").status == 303
    words(site, "/admin/")  # Where it is told that both are deleted.
    assert "RAFT" not in words(site, "/admin/tug/1/history")
    assert "Anna" in words(site, "/admin/tug/1/history")


# -- what hangs on them ------------------------------------------------------------------------------------------------


def test_what_belongs_to_a_row_of_a_subclass_goes_and_comes_back_with_it(site: Site) -> None:
    """Also where the row goes with another."""
    site.add(Wharf(id=1, name="w"))
    site.add(Tug(id=1, name="Anna", power=9, wharf_id=1, hawsers=[Hawser(name="long")]))
    login(site.client, "*")
    for path in ("/admin/craft/1", "/admin/wharf/1"):
        assert "long" in words(site, f"{path}/delete"), path
        assert post(site.client, f"{path}/delete").status == 303
        assert site.all(Craft) == site.all(Hawser) == [], path
        assert post(site.client, f"{path}/restore").headers["location"] == path
        assert [each.name for each in site.all(Hawser)] == ["long"], path
        with site.app.session() as db:
            assert db.scalars(select(Tug)).one().power == 9


def test_a_row_of_a_subclass_that_refers_to_another_stands_in_its_way(site: Site) -> None:
    site.add(Tug(id=1, name="Anna", power=9), Tug(id=2, name="Bertha", power=8))
    with site.app.session() as db:
        db.get_one(Tug, 2).pulls_id = 1
    login(site.client, "*")
    assert "Bertha" in words(site, "/admin/craft/1/delete")
    post(site.client, "/admin/craft/1/delete")
    assert len(site.all(Craft)) == 2
    with site.app.session() as db:
        db.get_one(Tug, 2).pulls_id = 2
    post(site.client, "/admin/craft/2/delete")
    assert [each.name for each in site.all(Craft)] == ["Anna"]


# -- models of other shapes --------------------------------------------------------------------------------------------


class Kite(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    tail: Mapped[int]

    def __init__(self, tail: int, name: str = "") -> None:
        self.tail, self.name = tail, name


def test_what_a_constructor_lacks_is_told() -> None:
    with Site(Kite, Person).running() as kites:
        login(kites.client, "*")
        with kites.app.session() as db:
            old = Change("delete", "kite", "1", "Red", {"id": [1, None], "name": ["Red", None]})
            kites.admin.history.write(db, Author(), [old])
        post(kites.client, "/admin/kite/1/restore")
        assert "It cannot be had back." in words(kites, "/admin/kite/1/history")
        assert kites.all(Kite) == []


class Gull(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


flock_gull = Rows(
    "flock_gull",
    Base.metadata,
    Column("flock_id", ForeignKey("flock.id"), primary_key=True),
    Column("gull_id", ForeignKey("gull.id"), primary_key=True),
)


class Flock(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    gulls: WriteOnlyMapped[Gull] = relationship(secondary=flock_gull)


class Flocks(AdminView[Flock]):
    fields = ("name", "gulls")


def test_a_relation_that_is_not_read_as_a_whole_is_left_out_where_it_is_named() -> None:
    with Site(Flocks, Gull, Person).running() as site:
        with site.app.session() as db:
            flock = Flock(id=1, name="grey")
            db.add(flock)
            flock.gulls.add(Gull(id=1, name="GULL"))
        login(site.client, "*")
        form = words(site, "/admin/flock/1")
        assert 'name="name"' in form and "Gulls" not in form
        assert "Gulls" not in words(site, "/admin/flock")
        assert post(site.client, "/admin/flock/1", {"name": "white"}).status == 303
        assert [each.values for each in changes(site)] == [{"name": ["grey", "white"]}]
        with site.app.session() as db:
            assert [each.name for each in db.scalars(db.get_one(Flock, 1).gulls.select())] == ["GULL"]
