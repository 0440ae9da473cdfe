"""What goes with a row that is deleted, what stands in the way, marks, and undoing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, ClassVar

import pytest
from sqlalchemy import Computed, Integer, MetaData, String, func
from sqlalchemy.orm import column_property

from admin.archive import VIEWS, Manuscript, Shelf, ShelfLabel, ShelfLamp, ShelfLoan, tenant_of
from admin.site import BROWSER, Author, Base, Book, Person, Review, Site, Tag, login, post
from wholestack import App
from wholestack.admin import Admin, AdminView, Inline
from wholestack.auth import Auth, ClosingRefused, Passwords, Tenants, UserMixin
from wholestack.db import Database, ForeignKey, Mapped, Model, Table, UUIDModel, mapped_column, relationship, select
from wholestack.testing import Answer, AsUser, Client


def namesake(number: int) -> type[Any]:
    """A model of another base with a `metadata` of its own, whose table has the name of another's."""

    class Other(Table):
        __abstract__ = True
        metadata: ClassVar[MetaData] = MetaData()

    columns = {"__tablename__": "shelf", "id": mapped_column(Integer(), primary_key=True)}
    return type(f"Namesake{number}", (Other,), columns)


# Several, since the models of a registry come in no order.
NAMESAKES = [namesake(number) for number in range(4)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with Site().running() as site:
        yield site


@pytest.fixture(scope="module")
def archive() -> Iterator[Site]:
    site = Site(*VIEWS)
    site.app.provide(tenant_of)
    with site.running(Tenants()) as site:
        yield site


def text(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def with_books(site: Site, *titles: str) -> Author:
    author = site.author("Ann")
    for title in titles:
        book = site.book(title, author)
        site.add(Review(book_id=book.id, stars=1, text=f"on {title}"))
    return author


def actions(site: Site) -> list[str]:
    rows = site.admin.history.rows
    with site.app.session() as db:
        return [f"{each.action} {each.model}" for each in db.execute(select(rows).order_by(rows.c.id))]


def test_all_that_would_go_is_counted_and_named(shop: Site) -> None:
    site = shop.anew()
    login(site.client, *(f"{model}.{each}" for model in ("author", "book", "review") for each in ("view", "delete")))
    author = with_books(site, "One", "Two")
    site.add(tag := Tag(name="x"))
    with site.app.session() as db:
        book = db.scalars(select(Book)).all()[0]
        book.tags.append(db.get_one(Tag, tag.id))
    page = text(site.client.get(f"/admin/author/{author.id}/delete").text)
    assert "Books: 2 One Two" in page
    assert "Reviews: 2" in page
    assert "Links to other rows that are cut: 1" in page
    assert post(site.client, f"/admin/author/{author.id}/delete").status == 303
    assert (site.all(Author), site.all(Book), site.all(Review), len(site.all(Tag))) == ([], [], [], 1)
    assert sorted(actions(site)) == ["delete author", *["delete book"] * 2, *["delete review"] * 2]


@pytest.mark.parametrize("lacking", ["book.delete", "review.delete"])
def test_what_somebody_may_not_delete_stands_in_the_way(shop: Site, lacking: str) -> None:
    site = shop.anew()
    held = {f"{model}.{each}" for model in ("author", "book", "review") for each in ("view", "delete")}
    login(site.client, *(held - {lacking}))
    author = with_books(site, "One")
    page = site.client.get(f"/admin/author/{author.id}/delete").text
    assert "You may not delete what would go with it" in page
    assert ("Books" if lacking == "book.delete" else "Reviews") in text(page)
    assert 'class="danger"' not in page
    assert post(site.client, f"/admin/author/{author.id}/delete").headers["location"].endswith("/delete")
    assert (len(site.all(Author)), len(site.all(Book)), len(site.all(Review))) == (1, 1, 1)
    assert actions(site) == []


def test_of_rows_that_somebody_may_not_see_nothing_is_told(shop: Site) -> None:
    site = shop.anew()
    login(site.client, "author.view", "author.delete")
    author = with_books(site, "Hidden one", "Hidden two")
    page = text(site.client.get(f"/admin/author/{author.id}/delete").text)
    assert "Books: some that you may not see" in page
    assert "Hidden" not in page


def test_what_the_database_deletes_and_frees_is_counted_too(archive: Site) -> None:
    site = archive.anew()
    login(site.client, "*")
    site.add(Shelf(id=1, name="A"))
    site.add(ShelfLabel(id=1, shelf_id=1, text="label", scan=b"\0\xff"))
    site.add(ShelfLamp(id=1, label_id=1), ShelfLamp(id=2, shelf_id=1))
    page = text(site.client.get("/admin/shelf/1/delete").text)
    assert "These go with it Shelf labels: 1 Shelf label 1 Shelf lamps: 1 Shelf lamp 1" in page
    assert "These stay, and refer to nothing then Shelf lamps: 1 Shelf lamp 2" in page
    assert post(site.client, "/admin/shelf/1/delete").status == 303
    assert [(each.id, each.shelf_id) for each in site.all(ShelfLamp)] == [(2, None)]
    assert post(site.client, "/admin/shelf/1/restore").headers["location"] == "/admin/shelf/1"
    assert [(each.text, each.scan) for each in site.all(ShelfLabel)] == [("label", b"\0\xff")]
    assert [each.label_id for each in site.all(ShelfLamp)] == [1, None]


def test_a_row_comes_back_where_another_base_has_a_table_of_its_name(archive: Site) -> None:
    site = archive.anew()
    login(site.client, "*")
    assert {(each.__table__.name, each.metadata is Shelf.metadata) for each in NAMESAKES} == {("shelf", False)}
    site.add(Shelf(id=1, name="A"))
    assert post(site.client, "/admin/shelf/1/delete").status == 303
    assert post(site.client, "/admin/shelf/1/restore").headers["location"] == "/admin/shelf/1"
    assert [(type(each), each.name) for each in site.all(Shelf)] == [(Shelf, "A")]


def test_what_refers_to_a_row_stands_in_the_way(archive: Site) -> None:
    site = archive.anew()
    login(site.client, "*")
    site.add(Shelf(id=1, name="A"))
    site.add(ShelfLoan(id=5, shelf_id=1))
    page = site.client.get("/admin/shelf/1/delete").text
    assert "These stand in the way, since they refer to it Shelf loans: 1 Shelf loan 5" in text(page)
    assert 'class="danger"' not in page
    assert post(site.client, "/admin/shelf/1/delete").status == 303
    assert (len(site.all(Shelf)), actions(site)) == (1, [])


def test_more_than_the_view_allows_does_not_go(archive: Site) -> None:
    site = archive.anew()
    login(site.client, "*")
    site.add(Shelf(id=1, name="A"))
    site.add(*(ShelfLabel(shelf_id=1, text="x") for _ in range(4)))
    assert "Too much would go with it" in site.client.get("/admin/shelf/1/delete").text
    post(site.client, "/admin/shelf/1/delete")
    assert (len(site.all(Shelf)), len(site.all(ShelfLabel))) == (1, 4)
    with site.app.session() as db:
        db.delete(db.get_one(ShelfLabel, site.all(ShelfLabel)[0].id))
    post(site.client, "/admin/shelf/1/delete")
    assert (site.all(Shelf), site.all(ShelfLabel)) == ([], [])


def test_a_row_is_marked_hidden_and_had_back(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, *(f"manuscript.{each}" for each in ("view", "change", "delete")))
    site.add(Manuscript(id=1, title="Kept one", owner_id=person.id), Manuscript(id=2, title="Lost", owner_id=person.id))
    assert "can be had back" in site.client.get("/admin/manuscript/2/delete").text
    after = post(site.client, "/admin/manuscript/2/delete").headers["location"]
    assert [each.deleted_at is None for each in site.all(Manuscript)] == [True, False]
    page = site.client.get(after).text
    assert ("Kept one" in page, "Lost</" in page, "Undo" in page) == (True, False, True)
    page = site.client.get("/admin/manuscript?deleted=1").text
    assert ("Kept one" in page, "Lost" in page, "Those that are there" in page) == (False, True, True)
    assert post(site.client, "/admin/manuscript/2", {"title": "Forged", "owner_id": str(person.id)}).status == 403
    assert post(site.client, "/admin/manuscript/2/restore").status == 303
    assert [(each.title, each.deleted_at) for each in site.all(Manuscript)] == [("Kept one", None), ("Lost", None)]
    assert post(site.client, "/admin/manuscript/2/restore").status == 404
    assert actions(site) == ["delete manuscript", "restore manuscript"]


def test_the_list_of_marked_rows_stays_theirs(archive: Site) -> None:
    """Whatever one clicks there: no action begins that would take the rows that are there."""
    site = archive.anew()
    person = login(site.client, "*")
    site.add(*(Manuscript(id=each, title=f"M{each}", owner_id=person.id) for each in range(1, 30)))
    for each in range(1, 27):
        post(site.client, f"/admin/manuscript/{each}/delete")
    page = site.client.get("/admin/manuscript?deleted=1&limit=20&order=title").text
    links = re.findall(r'href="(\?[^"]*|/admin/manuscript/-/export[^"]*)"', page)
    ways = [unescape(each) for each in links if "view=all" not in each]
    assert len(ways) > 3 and not [each for each in ways if "deleted=1" not in each]
    assert '<input type="hidden" name="deleted" value="1">' in page
    second = next(each for each in ways if "cursor=" in each)
    assert len(set(re.findall(r"<bdi>(M\d+)", site.client.get(f"/admin/manuscript{second}").text))) == 6
    file = site.client.get("/admin/manuscript/-/export/file?_format=csv&_columns=title&deleted=1").text.split()
    assert sorted(file[1:]) == sorted(f"M{each}" for each in range(1, 27))
    assert 'id="bulk"' not in page and 'id="bulk"' in site.client.get("/admin/manuscript").text
    sent = post(site.client, "/admin/manuscript/-/actions?deleted=1", {"action": "delete", "scope": "all"})
    assert "/-/actions/" not in sent.headers["location"].partition("?")[0]
    assert sum(each.deleted_at is None for each in site.all(Manuscript)) == 3


def test_a_marked_row_that_is_deleted_again_is_gone(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, "manuscript.view", "manuscript.delete")
    site.add(Manuscript(id=1, title="A", owner_id=person.id))
    for left in (1, 0):
        post(site.client, "/admin/manuscript/1/delete")
        assert len(site.all(Manuscript)) == left
    assert post(site.client, "/admin/manuscript/1/restore").status == 403  # They may not add one.
    assert site.all(Manuscript) == []


def test_who_may_not_delete_has_nothing_back(archive: Site) -> None:
    site = archive.anew()
    person = login(site.client, "manuscript.view", "manuscript.change")
    site.add(Manuscript(id=1, title="A", owner_id=person.id))
    with site.app.session() as db:
        db.get_one(Manuscript, 1).deleted_at = person.created_at
    assert post(site.client, "/admin/manuscript/1/restore").status == 403
    assert site.client.get("/admin/manuscript/1/delete", headers=BROWSER).status == 403
    assert site.all(Manuscript)[0].deleted_at is not None


# -- accounts --------------------------------------------------------------------------------------------------------


def delete_people(site: Site, *keys: Any) -> Answer:
    """By the action over rows of the list, and its question."""
    data = {"action": "delete", "scope": "chosen", "keys": list(keys)}
    where = post(site.client, "/admin/person/-/actions", data).headers["location"]
    return post(site.client, where, {"counted": len(keys)})


def test_the_app_is_asked_before_an_account_goes() -> None:
    """As its owner's page asks: by the page, by the action over rows, and with another row."""
    asked: list[tuple[str, str]] = []

    def closing(accounts: Any, user: Any) -> None:
        asked.append((user.email, accounts.identity.user.email))
        accounts.db.add(Tag(name=f"left by {user.email}"))
        if user.nickname == "leader":
            raise ClosingRefused("A club is led by them.")

    site = Site()
    site.auth = Auth(Person, passwords=Passwords(memory=8, passes=1), closing=closing)
    with site.running():
        login(site.client, "person.view", "person.delete", email="boss@example.org")
        with site.app.session() as db:
            people = [Person(email=f"{name}@example.org", nickname=name) for name in ("leader", "zoe", "bo")]
            db.add_all(people)
        leader, zoe, bo = (each.id for each in people)
        assert post(site.client, f"/admin/person/{leader}/delete").status == 303
        page = text(site.client.get("/admin/person", headers=BROWSER).text)
        assert "leader@example.org cannot be deleted. A club is led by them." in page
        assert asked == [("leader@example.org", "boss@example.org")] and site.all(Tag) == [], "undone with it"
        assert post(site.client, f"/admin/person/{zoe}/delete").status == 303
        assert [each.name for each in site.all(Tag)] == ["left by zoe@example.org"]
        assert "A club is led by them." in unescape(delete_people(site, leader, bo).text)
        assert {each.email for each in site.all(Person)} == {f"{name}@example.org" for name in ("leader", "bo", "boss")}
        assert delete_people(site, bo).status == 303
        assert {each.email for each in site.all(Person)} == {f"{name}@example.org" for name in ("leader", "boss")}
        assert asked[-1] == ("bo@example.org", "boss@example.org")


class CrewBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Sailor(UserMixin, UUIDModel, CrewBase):
    boat_id: Mapped[int | None] = mapped_column(ForeignKey("boat.id"))


class Boat(Model, CrewBase):
    name: Mapped[str]
    crew: Mapped[list[Sailor]] = relationship(cascade="all, delete-orphan", order_by="Sailor.email")


class Boats(AdminView[Boat]):
    inlines = (Inline(Sailor, fields=("email",)),)


def test_rows_of_an_inline_stand_as_their_relation_says() -> None:
    app = App(docs=False)
    database = Database("sqlite://", models=CrewBase, migrations=None)
    app.use(database, Auth(Sailor, passwords=Passwords(memory=8, passes=1)), Admin(Boats, Sailor))
    names = [f"{letter}@example.org" for letter in "hcfaegbd"]  # Their keys are drawn by chance.
    with Client(app) as client:
        database.create_tables()
        AsUser(lambda: client)(is_staff=True, is_superuser=True, email="boss@example.org")
        with app.session() as db:
            db.add(Boat(name="Anna", crew=[Sailor(email=name) for name in names]))
        page = client.get("/admin/boat/1").text
        assert re.findall(r'value="(\w@example.org)"', page) == sorted(names)


def test_the_app_is_asked_where_an_account_goes_with_another_row_or_out_of_a_form() -> None:
    def closing(accounts: Any, user: Any) -> None:
        if user.email.startswith("captain"):
            raise ClosingRefused("A ship needs them.")

    app = App(docs=False)
    database = Database("sqlite://", models=CrewBase, migrations=None)
    app.use(database, Auth(Sailor, passwords=Passwords(memory=8, passes=1), closing=closing), Admin(Boats, Sailor))
    with Client(app) as client:
        database.create_tables()
        AsUser(lambda: client)(is_staff=True, is_superuser=True, email="boss@example.org")

        def crew() -> list[str]:
            with app.session() as db:
                return [*db.scalars(select(Sailor.email).where(Sailor.boat_id.is_not(None)).order_by(Sailor.email))]

        with app.session() as db:
            db.add(Boat(name="Anna", crew=[Sailor(email=f"{name}@example.org") for name in ("captain", "mate")]))
        hidden = re.compile(r'<input type="hidden" name="([^"]+)"(?: id="[^"]*")? value="([^"]*)"')
        sent = {name: value for name, value in hidden.findall(client.get("/admin/boat/1").text) if name != "csrf_token"}
        kept = {name: value for name, value in sent.items() if not name.startswith("crew[0]")}
        answer = post(client, "/admin/boat/1", {**kept, "name": "Anna", "crew[1].email": "mate@example.org"})
        assert answer.status == 422 and "A ship needs them." in answer.text and len(crew()) == 2
        kept = {name: value for name, value in sent.items() if not name.startswith("crew[1]")}
        answer = post(client, "/admin/boat/1", {**kept, "name": "Anna", "crew[0].email": "captain@example.org"})
        assert answer.status == 303 and crew() == ["captain@example.org"]
        assert post(client, "/admin/boat/1/delete").status == 303
        assert "A ship needs them." in client.get("/admin/boat", headers=BROWSER).text and len(crew()) == 1


class Parcel(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    weight: Mapped[int] = mapped_column(default=2)
    double: Mapped[int | None] = mapped_column(Computed("weight * 2", persisted=True))


Parcel.words = column_property(func.length(Parcel.name))  # type: ignore[attr-defined]


def test_a_row_of_a_model_with_computed_attributes_comes_back() -> None:
    with Site(Parcel, Person).running() as site:
        site.add(Parcel(id=1, name="three", weight=4))
        login(site.client, "*")
        assert post(site.client, "/admin/parcel/1/delete").status == 303
        assert post(site.client, "/admin/parcel/1/restore").status == 303
        (parcel,) = site.all(Parcel)
        assert (parcel.name, parcel.weight, parcel.double, parcel.words) == ("three", 4, 8, 5)  # type: ignore[attr-defined]
