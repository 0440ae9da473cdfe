"""Bulk work where rows belong to tenants: nobody's actions, exports and imports reach those of another."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import String

from admin.site import BROWSER, login, post
from admin.site import Base as ShopBase
from admin.site import Person as Clerk
from wholestack import App, Request
from wholestack.admin import Admin, AdminView, Selection, action
from wholestack.auth import Auth, OfTenant, Passwords, Tenant, Tenants
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, func, mapped_column, relationship, select
from wholestack.outbox import Outbox, settle
from wholestack.testing import Client


class FirmShelf(OfTenant, Model, ShopBase):
    __tablename__ = "firm_shelf"
    tenant_id: Mapped[int] = mapped_column(default=None)
    name: Mapped[str] = mapped_column(String(80))
    open: Mapped[bool] = mapped_column(default=False)


class FirmBox(OfTenant, Model, ShopBase):
    __tablename__ = "firm_box"
    tenant_id: Mapped[int] = mapped_column(default=None)
    name: Mapped[str] = mapped_column(String(80))
    shelf_id: Mapped[int] = mapped_column(ForeignKey("firm_shelf.id"))


class HouseShelf(OfTenant, Model, ShopBase):
    """Its tenants have keys that JSON has not."""

    __tablename__ = "house_shelf"
    tenant_id: Mapped[uuid.UUID] = mapped_column(default=None)
    name: Mapped[str] = mapped_column(String(80))


class ShelfLabel(Model, ShopBase):
    """Everybody's, and what it is on is one tenant's."""

    __tablename__ = "firm_shelf_label"
    text: Mapped[str] = mapped_column(String(80))
    shelf_id: Mapped[int] = mapped_column(ForeignKey("firm_shelf.id"))
    shelf: Mapped[FirmShelf] = relationship()


class Labels(AdminView[ShelfLabel]):
    columns = ("text", "shelf")
    filters = ("shelf",)

    @action("Count shelves", permission="count")
    def count(self, labels: Selection[ShelfLabel], db: Session) -> None:
        """Note which shelves a program's own action comes to see."""
        shelves = ",".join(sorted({name[0] for name in db.scalars(select(FirmShelf.name))}))
        for label in labels.rows():
            label.text = f"sees {shelves}"


class Shelves(AdminView[FirmShelf]):
    fields = ("name", "open")

    @action("Open", permission="open")
    def open_all(self, shelves: Selection[FirmShelf]) -> None:
        for shelf in shelves.rows():
            shelf.open = True


class Boxes(AdminView[FirmBox]):
    fields = ("name", "shelf_id")


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    found = App(docs=False)
    database = Database("sqlite://", models=ShopBase, migrations=None)
    found.use(database, Auth(Clerk, passwords=Passwords(memory=8, passes=1)), Tenants(), Outbox(embedded=False))
    found.use(Admin(Shelves, Boxes, HouseShelf, Labels))

    @found.provide
    def tenant(request: Request) -> Tenant:
        if house := request.headers.get("x-house"):
            return Tenant(uuid.UUID(house))
        return Tenant(int(request.headers.get("x-firm") or 0) or None)

    with Client(found):
        database.create_tables()
        yield found


@pytest.fixture
def client(app: App) -> Client:
    with app.session() as db:
        for table in reversed(ShopBase.metadata.sorted_tables):
            db.execute(table.delete())
        for firm in (1, 2):
            db.add_all(FirmShelf(tenant_id=firm, name=f"{firm}-{each}") for each in range(250))
    client = Client(app, headers={"x-firm": "1"})
    login(client, "*")
    return client


def shelves(app: App, firm: int) -> list[FirmShelf]:
    with app.session() as db:
        return list(db.scalars(select(FirmShelf).where(FirmShelf.tenant_id == firm).order_by(FirmShelf.id)))


def words(page: str) -> str:
    """What a page says, without its tags: a token in them may hold anything."""
    return re.sub(r"<[^>]+>", " ", page)


def test_an_action_on_all_reaches_one_tenant_s_rows(app: App, client: Client) -> None:
    where = post(client, "/admin/firm-shelf/-/actions", {"action": "open_all", "scope": "all"}).headers["location"]
    assert "<strong>250</strong>" in client.get(where, headers=BROWSER).text
    assert post(client, where, {"counted": 250}).status == 303
    settle(app)
    assert {each.open for each in shelves(app, 1)} == {True}
    assert {each.open for each in shelves(app, 2)} == {False}
    theirs = shelves(app, 2)[0].id
    where = post(client, "/admin/firm-shelf/-/actions", {"action": "delete", "keys": theirs}).headers["location"]
    assert "2-0" not in words(client.get(where, headers=BROWSER).text)
    assert post(client, where, {"counted": 1}).status == 422
    assert len(shelves(app, 2)) == 250


def test_tenants_may_have_keys_that_json_has_not(app: App) -> None:
    mine, theirs = uuid.uuid4(), uuid.uuid4()
    with app.session() as db:
        db.add_all(HouseShelf(tenant_id=house, name=str(each)) for house in (mine, theirs) for each in range(250))
    client = Client(app, headers={"x-house": str(mine)})
    login(client, "*")
    where = post(client, "/admin/house-shelf/-/actions", {"action": "delete", "scope": "all"}).headers["location"]
    assert post(client, where, {"counted": 250}).status == 303
    settle(app)
    with app.session() as db:
        assert {*db.scalars(select(HouseShelf.tenant_id))} == {theirs}
        assert db.scalar(select(func.count()).select_from(HouseShelf)) == 250


@pytest.mark.parametrize("firm", ["1", "2", "0"])
def test_what_hangs_on_everybodys_rows_is_one_tenant_s(app: App, client: Client, firm: str) -> None:
    """Cells, filters, choices, exports: also where the rows themselves belong to no tenant."""
    labels = [ShelfLabel(text=f"Label {each}", shelf_id=shelves(app, each)[0].id) for each in (1, 2)]
    with app.session() as db:
        db.add_all(labels)
        db.flush()
        keys = [each.id for each in labels]
    client = Client(app, headers={"x-firm": firm})
    login(client, "*")
    pages = ["/admin/firm-shelf-label", *(f"/admin/firm-shelf-label/{key}" for key in keys)]
    pages.append("/admin/firm-shelf-label/-/export/file?_columns=text&_columns=shelf")
    for page in pages:
        answer = client.get(page, headers=BROWSER)
        assert answer.status == 200
        assert {each for each in ("1", "2") if re.search(rf"\b{each}-\d+\b", _words(answer.text))} <= {firm}
    assert "Label 1" in client.get(pages[0], headers=BROWSER).text
    assert ("1-0" in client.get(pages[0], headers=BROWSER).text) is (firm == "1")


@pytest.mark.parametrize("number", [2, 250])
@pytest.mark.parametrize("firm", ["1", "0"])
def test_an_action_on_everybodys_rows_sees_one_tenant_s(app: App, client: Client, firm: str, number: int) -> None:
    """At once, and behind the scenes."""
    with app.session() as db:
        db.add_all(ShelfLabel(text="?", shelf_id=shelves(app, 1)[0].id) for _ in range(number))
    client = Client(app, headers={"x-firm": firm})
    login(client, "*")
    where = post(client, "/admin/firm-shelf-label/-/actions", {"action": "count", "scope": "all"}).headers["location"]
    assert post(client, where, {"counted": number}).status == 303
    settle(app)
    with app.session() as db:
        assert {*db.scalars(select(ShelfLabel.text))} == {"sees 1" if firm == "1" else "sees "}


@pytest.mark.parametrize("firm", ["1", "0"])
def test_an_import_of_everybodys_rows_refers_to_one_tenant_s(app: App, client: Client, firm: str) -> None:
    """Behind the scenes as in a request: nobody learns which keys another tenant has, or hangs something on them."""
    mine, theirs = shelves(app, 1)[0].id, shelves(app, 2)[0].id
    client = Client(app, headers={"x-firm": firm})
    login(client, "*")
    text = "text,shelf_id\n" + "".join(f"a,{theirs if each % 2 else mine}\n" for each in range(1_100))
    page = preview(app, client, "firm-shelf-label", text, ["text", "shelf_id"], [])
    faults = 550 if firm == "1" else 1_100
    assert [int(each.replace(",", "")) for each in re.findall(r"<dd>([\d,]+)</dd>", page)][3] == faults
    with app.session() as db:
        assert db.scalar(select(func.count()).select_from(ShelfLabel)) == 0


def _words(text: str) -> str:
    return re.sub(r"<[^>]*>", " ", text)


def test_an_export_has_one_tenant_s_rows(client: Client) -> None:
    text = client.get("/admin/firm-shelf/-/export/file?_columns=name", headers=BROWSER).text
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    assert (len(rows), {name[0] for (name,) in rows}) == (250, {"1"})


def test_an_import_writes_one_tenant_s_rows(app: App, client: Client) -> None:
    theirs, mine = shelves(app, 2)[0].id, shelves(app, 1)[0].id
    text = f"id,name\n{mine},Mine\n{theirs},Taken\n"
    page = preview(app, client, "firm-shelf", text, ["id", "name"], ["id"])
    assert "There is no such row, or it is not yours to see." in page
    page = preview(app, client, "firm-box", f"name,shelf_id\na,{theirs}\n", ["name", "shelf_id"], [])
    assert "There is no such row, or it is not yours to see." in page
    many = "name\n" + "new\n" * 1_100
    page = preview(app, client, "firm-shelf", many, ["name"], [])
    assert "Import all of it" in page
    with app.session() as db:
        rows = app.plugin(Admin).runs.jobs.rows
        number = max(db.scalars(select(rows.c.id)))
    post(client, f"/admin/firm-shelf/-/import/{number}/run")
    settle(app)
    assert (len(shelves(app, 1)), len(shelves(app, 2))) == (1_350, 250)
    assert client.get("/admin/firm-shelf/-/export", headers={**BROWSER, "x-firm": "0"}).status == 403


def preview(app: App, client: Client, model: str, text: str, columns: list[str], keys: list[str]) -> str:
    files = {"file": ("a.csv", text.encode(), "text/csv")}
    answer = client.post(f"/admin/{model}/-/import", files=files, headers=BROWSER, follow=False)
    assert answer.status == 303, answer.text
    where = answer.headers["location"]
    assert post(client, where, {"columns": columns, "keys": keys}).status == 303
    settle(app)
    page: str = client.get(f"{where}/preview", headers=BROWSER).text
    return page


def test_the_history_of_an_action_says_whose_the_rows_were(app: App, client: Client) -> None:
    mine = shelves(app, 1)[0]
    where = post(client, "/admin/firm-shelf/-/actions", {"action": "open_all", "keys": mine.id}).headers["location"]
    assert post(client, where, {"counted": 1}).status == 303
    assert "1-0" in client.get("/admin/history", headers=BROWSER).text
    rows = app.plugin(Admin).history.rows
    with app.session() as db:
        assert db.scalars(select(rows.c.tenant).where(rows.c.key == str(mine.id))).all() == ["1"]
    other = Client(app, headers={"x-firm": "2"})
    login(other, "*")
    assert "1-0" not in words(other.get("/admin/history", headers=BROWSER).text)
