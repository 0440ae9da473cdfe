"""Rows of classes that inherit from others: one row, whichever page of the admin it is met on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ColumnElement, String

from admin.site import BROWSER, Base, Person, Site, login, post, seen
from wholestack.admin import AdminView
from wholestack.admin._history import Author, Change
from wholestack.auth import policy
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship, select
from wholestack.files import StoredFile


class Kennel(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    beasts: Mapped[list[Beast]] = relationship(cascade="all, delete-orphan", order_by="Beast.id")


class Beast(Model, Base):
    """Somebody's; its subclasses have tables of their own."""

    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    owner: Mapped[str] = mapped_column(String(80), default="me")
    kennel_id: Mapped[int | None] = mapped_column(ForeignKey("kennel.id"))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "beast"}


class Hound(Beast):
    id: Mapped[int] = mapped_column(ForeignKey("beast.id"), primary_key=True)
    breed: Mapped[str] = mapped_column(String(40))
    __mapper_args__ = {"polymorphic_identity": "hound"}


class Outing(Model, Base):
    beast_id: Mapped[int] = mapped_column(ForeignKey("beast.id"))
    beast: Mapped[Beast] = relationship(foreign_keys="Outing.beast_id")
    hound_id: Mapped[int | None] = mapped_column(ForeignKey("hound.id"))
    hound: Mapped[Hound | None] = relationship(foreign_keys="Outing.hound_id")
    note: Mapped[str] = mapped_column(String(40))


@policy
def is_mine(person: Person, beast: Beast) -> bool:
    return beast.owner == person.nickname


@is_mine.where
def _(person: Person) -> ColumnElement[bool]:
    return Beast.owner == person.nickname


class Beasts(AdminView[Beast]):
    rows = is_mine


class Outings(AdminView[Outing]):
    columns = ("note", "beast", "beast.name", "hound", "hound.breed")
    filters = ("beast", "hound")
    search = ("beast.name", "hound.breed")


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(Beasts, Outings, Kennel, Person).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


# -- whose a row is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/admin/outing",
        "/admin/outing/1",
        "/admin/outing/new",
        "/admin/outing/-/export/file?_format=csv&_columns=note&_columns=beast&_columns=beast.name&_columns=hound.breed",
    ],
)
def test_the_policy_of_a_model_holds_for_rows_of_its_subclasses(site: Site, path: str) -> None:
    """The admin does not show the subclass: what guards the model guards it."""
    site.add(Hound(id=1, name="THEIRS", breed="THEIR BREED", owner="x"), Hound(id=2, name="MINE", breed="MY BREED"))
    site.add(*(Outing(id=each, beast_id=each, hound_id=each, note=f"note {each}") for each in (1, 2)))
    permissions = [f"outing.{each}" for each in ("view", "change", "add", "export")]
    login(site.client, *permissions, "beast.view", nickname="me")
    page = site.client.get(path, headers=BROWSER)
    assert page.status == 200
    assert "THEIR" not in page.text
    if path != "/admin/outing/1":
        assert "MINE" in page.text
    login(site.client, *permissions, nickname="me")
    page = site.client.get(path, headers=BROWSER)
    assert "THEIR" not in page.text and "MINE" not in page.text, "who may see no beast sees no hound"


def test_no_filter_and_no_search_leads_through_a_row_of_a_subclass_that_is_somebody_elses(site: Site) -> None:
    site.add(Hound(id=1, name="THEIRS", breed="pug", owner="x"), Hound(id=2, name="MINE", breed="pug"))
    site.add(*(Outing(id=each, beast_id=each, hound_id=each, note=f"note {each}") for each in (1, 2)))
    login(site.client, "outing.view", "beast.view", nickname="me")
    for query in ("q=pug", "hound=1&hound=2", "beast=1&beast=2", "q=theirs"):
        page = site.client.get(f"/admin/outing?{query}", headers=BROWSER).text
        assert ("note 2" in page) is (query != "q=theirs") and "note 1" not in page, query
        assert "THEIRS" not in page, query


def test_nobody_chooses_a_row_of_a_subclass_that_is_somebody_elses(site: Site) -> None:
    site.add(Hound(id=1, name="THEIRS", breed="pug", owner="x"), Hound(id=2, name="MINE", breed="pug"))
    login(site.client, "outing.view", "outing.add", "beast.view", nickname="me")

    def add(beast: int, hound: int) -> Any:
        data = {"beast_id": str(beast), "hound_id": str(hound), "note": "n"}
        return site.client.post("/admin/outing/new", data=data, headers=BROWSER, follow=False)

    assert [add(2, 1).status, add(1, 2).status, add(2, 2).status] == [422, 422, 303]


class Boat(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80))


class Ferry(Boat):
    """With all its columns in a table of its own, which no condition over the boats' columns knows."""

    __tablename__ = "ferry"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80))
    __mapper_args__ = {"concrete": True}


class Crossing(Model, Base):
    ferry_id: Mapped[int] = mapped_column(ForeignKey("ferry.id"))
    ferry: Mapped[Ferry] = relationship()


@policy
def is_my_boat(person: Person, boat: Boat) -> bool:
    return boat.owner == person.nickname


@is_my_boat.where
def _of_boats(person: Person) -> ColumnElement[bool]:
    return Boat.owner == person.nickname


class Boats(AdminView[Boat]):
    rows = is_my_boat


class Crossings(AdminView[Crossing]):
    columns = ("id", "ferry", "ferry.name")


def test_a_subclass_whose_table_the_policy_does_not_know_is_for_nobody_to_choose() -> None:
    with Site(Boats, Crossings, Person).running() as site:
        site.add(Boat(id=1, name="boat", owner="me"), Ferry(id=1, name="THEIRS", owner="x"))
        site.add(Crossing(id=1, ferry_id=1))
        login(site.client, "crossing.view", "crossing.change", "boat.view", nickname="me")
        for path in ("/admin/crossing", "/admin/crossing/1", "/admin/crossing/-/export/file?_columns=ferry.name"):
            assert "THEIRS" not in site.client.get(path, headers=BROWSER).text, path


# -- its history, and having it back -----------------------------------------------------------------------------------


class Cart(Model, Base):
    """Its subclasses are in its table."""

    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    next_id: Mapped[int | None] = mapped_column(ForeignKey("cart.id"))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "cart"}


class Sledge(Cart):
    __tablename__ = None
    runners: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "sledge"}


class Hounds(AdminView[Hound]):
    field_rules = {"breed": "hound.see_breed"}


@pytest.fixture(scope="module")
def kept_both() -> Iterator[Site]:
    site = Site(Kennel, Beast, Hounds, Cart, Sledge, Person)
    site.admin.track(Cart)
    with site.running():
        yield site


@pytest.fixture
def both(kept_both: Site) -> Site:
    """A site that shows models and their subclasses."""
    return kept_both.anew()


def rows_of(site: Site, model: type[Any], *names: str) -> list[tuple[Any, ...]]:
    """The rows of a model: of which class each is, and its values."""
    with site.app.session() as db:
        return [
            (type(each), *(getattr(each, name, None) for name in names))
            for each in db.scalars(select(model).order_by(model.id))
        ]


def words(site: Site, path: str) -> str:
    answer = site.client.get(path, headers=BROWSER)
    assert answer.status == 200, path
    return answer.text.partition("<main")[2]


def save(site: Site, path: str, **values: Any) -> None:
    answer = post(site.client, path, {**values, "form_seen": seen(site.client.get(path, headers=BROWSER))})
    assert answer.status == 303, answer.text


def had_back(site: Site, path: str) -> None:
    assert post(site.client, f"{path}/delete").headers["location"].startswith(f"{path.rpartition('/')[0]}?")
    assert post(site.client, f"{path}/restore").headers["location"] == path


@pytest.mark.parametrize("path", ["/admin/beast/1", "/admin/hound/1", "/admin/kennel/1"])
def test_a_row_comes_back_as_what_it_was_whichever_page_deleted_it(both: Site, path: str) -> None:
    both.add(Kennel(id=1, name="k"))
    both.add(Hound(id=1, name="Rex", breed="pug", kennel_id=1), Beast(id=2, name="Tom"))
    login(both.client, "*")
    had_back(both, path)
    assert rows_of(both, Beast, "name", "breed") == [(Hound, "Rex", "pug"), (Beast, "Tom", None)]


@pytest.mark.parametrize("path", ["/admin/cart/1", "/admin/cart-sledge/1"])
def test_a_row_in_its_parents_table_comes_back_whole(both: Site, path: str) -> None:
    both.add(Sledge(id=1, name="s", runners=2))
    login(both.client, "*")
    had_back(both, path)
    assert rows_of(both, Cart, "runners") == [(Sledge, 2)]


def test_a_subclass_that_the_admin_does_not_show_comes_back_too(site: Site) -> None:
    site.add(Hound(id=1, name="Rex", breed="pug"))
    login(site.client, "*", nickname="me")
    had_back(site, "/admin/beast/1")
    assert rows_of(site, Beast, "breed") == [(Hound, "pug")]
    assert all("Rex" in words(site, path) for path in ("/admin/", "/admin/history", "/admin/beast/1/history"))


def test_a_row_that_an_older_release_recorded_by_its_base_comes_back_as_far_as_it_was_recorded(both: Site) -> None:
    """Not as a row that nothing can read."""
    login(both.client, "*")
    with both.app.session() as db:
        for key, model, kind in (("1", "beast", "hound"), ("2", "cart", "sledge")):
            values = {"id": [int(key), None], "name": ["Rex", None], "kind": [kind, None], "owner": ["me", None]}
            both.admin.history.write(db, Author(), [Change("delete", model, key, "Rex", values)])
    post(both.client, "/admin/beast/1/restore")
    assert "It cannot be had back." in words(both, "/admin/beast/1/history"), "of what breed it was nobody knows"
    post(both.client, "/admin/cart/2/restore")
    assert both.all(Beast) == [] and [type(each) for each in both.all(Cart)] == [Sledge]


def test_a_row_has_one_history_on_whichever_page_it_was_changed(both: Site) -> None:
    both.add(Hound(id=1, name="One", breed="pug"), Sledge(id=1, name="One", runners=2))
    login(both.client, "*")
    for base, sub, more in (("beast", "hound", {"breed": "pug"}), ("cart", "cart-sledge", {"runners": 2})):
        with both.app.session() as db:
            old = [Change("change", base, "1", "x", {"name": ["Nought", "One"]})]
            both.admin.history.write(db, Author(), old)  # As it was written before its class was looked at.
        owner = {"owner": "me"} if base == "beast" else {}
        save(both, f"/admin/{base}/1", name="Two", **owner)
        save(both, f"/admin/{sub}/1", name="Three", **owner, **more)
        for page in (base, sub):
            history = words(both, f"/admin/{page}/1/history")
            assert all(f"<bdi>{each}" in history for each in ("Nought", "One", "Two", "Three")), page
        last = [each.model for each in changes(both)][-2:]
        assert last[0] == last[1] == sub.replace("-", "_")


def changes(site: Site) -> list[Any]:
    rows = site.admin.history.rows
    with site.app.session() as db:
        return list(db.execute(rows.select().order_by(rows.c.id)))


def test_an_old_version_is_had_back_on_the_page_of_the_base_too(both: Site) -> None:
    both.add(Hound(id=1, name="One", breed="pug"))
    login(both.client, "*")
    save(both, "/admin/hound/1", name="Two", breed="lab", owner="me")
    save(both, "/admin/hound/1", name="Two", breed="lab mix", owner="me")
    first, last = changes(both)
    assert 'value="Two"' in words(both, f"/admin/beast/1/history/{first.id}")
    compared = words(both, f"/admin/hound/1/history?from={first.id}&to={last.id}")
    assert "lab mix" in compared
    assert "Breed" in words(both, f"/admin/beast/1/history?from={first.id}&to={last.id}")


def test_the_history_on_the_page_of_the_base_keeps_what_the_subclass_hides(both: Site) -> None:
    both.add(Hound(id=1, name="One", breed="pug"))
    login(both.client, "*")
    save(both, "/admin/hound/1", name="Two", breed="THEIR BREED", owner="me")
    login(both.client, "beast.view", "hound.view", "admin_change.view")
    pages = ("/admin/beast/1/history", "/admin/hound/1/history", "/admin/history")
    assert all("Two" in (page := words(both, path)) and "THEIR BREED" not in page for path in pages)
    login(both.client, "beast.view", "admin_change.view")
    assert "THEIR BREED" not in words(both, "/admin/beast/1/history")
    login(both.client, "beast.view", "hound.view", "hound.see_breed", "admin_change.view")
    assert all("THEIR BREED" in words(both, path) for path in pages)


def test_the_page_of_a_subclass_has_no_history_of_its_siblings(both: Site) -> None:
    both.add(Beast(id=1, name="SIBLING"))
    login(both.client, "*")
    assert post(both.client, "/admin/beast/1/delete").status == 303
    assert "SIBLING" in words(both, "/admin/beast/1/history")
    assert both.client.get("/admin/hound/1/history", headers=BROWSER).status == 404
    both.add(Hound(id=1, name="Rex", breed="pug"))
    assert "SIBLING" not in words(both, "/admin/hound/1/history")


def test_a_model_that_is_tracked_is_tracked_with_its_subclasses(both: Site) -> None:
    both.add(Cart(id=1, name="c"), Sledge(id=2, name="s", runners=2))
    with both.app.session() as db:
        db.get_one(Sledge, 2).runners = 3
    found = [(each.action, each.model, each.key, each.values.get("runners")) for each in changes(both)]
    assert sorted(found[:2]) == [("add", "cart", "1", None), ("add", "cart_sledge", "2", [None, 2])]
    assert found[2:] == [("change", "cart_sledge", "2", [2, 3])]
    login(both.client, "*")
    assert "Runners" in words(both, "/admin/cart/2/history")


def test_a_file_of_a_row_in_its_parents_table_is_kept(both: Site) -> None:
    file = StoredFile(name=f"{'f' * 32}.txt", filename="f.txt", media_type="text/plain", size=1, digest="d")
    with both.app.session() as db:
        change = Change("delete", "cart_sledge", "1", "s", {}, files={"scan": file}, table="cart")
        both.admin.history.write(db, Author(), [change])
        assert list(both.admin.history.files.of(db, ["cart", "cart_sledge"], "1")) == [("scan", file.name)]


# -- what stands in the way of its end ---------------------------------------------------------------------------------


def test_a_row_does_not_stand_in_its_own_way(both: Site) -> None:
    """Its other table refers to the first; or it refers to itself."""
    both.add(Hound(id=1, name="Rex", breed="pug"), Cart(id=1, name="c", next_id=1), Sledge(id=2, name="s", next_id=2))
    login(both.client, "*")
    for path in ("/admin/beast/1", "/admin/cart/1", "/admin/cart/2"):
        assert "stand in the way" not in words(both, f"{path}/delete"), path
        assert post(both.client, f"{path}/delete").headers["location"].startswith(f"{path.rpartition('/')[0]}?")
    assert both.all(Beast) == both.all(Cart) == []


def test_what_refers_to_the_table_of_a_subclass_stands_in_the_way_on_the_page_of_the_base_too(site: Site) -> None:
    site.add(Hound(id=1, name="Rex", breed="pug"), Beast(id=2, name="Tom"))
    site.add(Outing(id=1, beast_id=2, hound_id=1, note="of the hound"))
    login(site.client, "*", nickname="me")
    assert "of the hound" in words(site, "/admin/beast/1/delete") or "Outings: 1" in words(
        site, "/admin/beast/1/delete"
    )


def test_who_may_not_delete_the_rows_of_a_subclass_deletes_nothing_that_takes_them_along(both: Site) -> None:
    both.add(Kennel(id=1, name="k"))
    both.add(Hound(id=1, name="Rex", breed="pug", kennel_id=1))
    login(both.client, "kennel.view", "kennel.delete", "beast.view", "beast.delete")
    post(both.client, "/admin/kennel/1/delete")
    assert len(both.all(Beast)) == 1
    login(both.client, "kennel.view", "kennel.delete", "beast.view", "beast.delete", "hound.view", "hound.delete")
    post(both.client, "/admin/kennel/1/delete")
    assert both.all(Beast) == []


# -- keys of rows in a table that several classes share ----------------------------------------------------------------


class Coach(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(80), default="me")
    kind: Mapped[str] = mapped_column(String(20))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "coach"}


# Several, since the models of a registry come in no order.
COACHES = [
    type(f"Coach{number}", (Coach,), {"__tablename__": None, "__mapper_args__": {"polymorphic_identity": str(number)}})
    for number in range(5)
]


class Fare(Model, Base):
    coach_id: Mapped[int] = mapped_column(ForeignKey("coach.id"))


@policy
def is_my_coach(person: Person, coach: Coach) -> bool:
    return coach.owner == person.nickname


@is_my_coach.where
def _of_coaches(person: Person) -> ColumnElement[bool]:
    return Coach.owner == person.nickname


class Coaches(AdminView[Coach]):
    rows = is_my_coach


def test_a_key_without_a_relation_is_of_a_row_of_any_class_of_its_table() -> None:
    with Site(Coaches, *COACHES, Fare, Person).running() as site:
        site.add(Coach(name="PLAIN"), *(each(name=f"OF {each.__name__}") for each in COACHES))
        site.add(COACHES[0](name="THEIRS", owner="x"))
        login(site.client, "*", nickname="me")
        page = words(site, "/admin/fare/new")
        assert all(f">{name}<" in page for name in ("PLAIN", *(f"OF {each.__name__}" for each in COACHES)))
        login(site.client, "fare.view", "fare.add", "coach.view", nickname="me")
        assert "PLAIN" in (page := words(site, "/admin/fare/new")) and "THEIRS" not in page
