"""Models whose rows come with lists of others in one statement (`lazy="joined"`): such rows are read, once each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from sqlalchemy import ForeignKey, MetaData, String

from admin.site import BROWSER, login, post
from wholestack import App
from wholestack.admin import Admin, AdminView
from wholestack.auth import Auth, Passwords, UserMixin
from wholestack.crud import CRUD
from wholestack.db import Database, Mapped, Model, Table, UUIDModel, mapped_column, relationship, select
from wholestack.testing import Client


class JoinedBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Person(UserMixin, UUIDModel, JoinedBase):
    nickname: Mapped[str] = mapped_column(String(40), default="")


class Crate(Model, JoinedBase):
    label: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(String(40), default="")
    pieces: Mapped[list[Piece]] = relationship(lazy="joined", cascade="all, delete-orphan", order_by="Piece.id")


class Piece(Model, JoinedBase):
    name: Mapped[str] = mapped_column(String(40))
    crate_id: Mapped[int] = mapped_column(ForeignKey("crate.id"))
    crate: Mapped[Crate] = relationship(overlaps="pieces")


class Crates(AdminView[Crate]):
    columns = ("label", "note", "pieces")
    editable = ("note",)
    search = ("label",)


@pytest.fixture
def client() -> Iterator[Client]:
    app = App(docs=False)
    database = Database("sqlite://", models=JoinedBase, migrations=None)
    admin = Admin(Crates, Piece, Person)
    app.use(database, Auth(Person, passwords=Passwords(memory=8, passes=1)), admin)
    app.include(CRUD(Crate, "/crates", orders=("label",), size=2))
    app.include(CRUD(Crate, "/numbered", paging="offset", orders=("label",), size=2))
    with Client(app) as client:
        database.create_tables()
        with app.session() as db:
            db.add_all(
                Crate(label=f"crate {number}", pieces=[Piece(name=f"piece {number}.{each}") for each in range(3)])
                for number in range(5)
            )
        login(client, "*")
        yield client


def labels(client: Client) -> list[str]:
    with client.app.session() as db:
        return [*db.scalars(select(Crate.label).order_by(Crate.id))]


@pytest.mark.parametrize("path", ["/crates", "/numbered"])
def test_a_list_has_whole_pages(client: Client, path: str) -> None:
    found, where = [], f"{path}?limit=2&order=label"
    while where:
        answer = client.get(where)
        assert answer.status == 200
        found += [each["label"] for each in answer.json()["items"]]
        where = answer.json()["next"]
    assert found == [f"crate {number}" for number in range(5)]


def test_one_row_is_read_changed_and_deleted(client: Client) -> None:
    assert client.get("/crates/1").json()["label"] == "crate 0"
    assert client.patch("/crates/1", json={"label": "first"}).status == 200
    assert client.delete("/crates/2").status == 204
    assert labels(client) == ["first", "crate 2", "crate 3", "crate 4"]


@pytest.mark.parametrize(
    "path",
    [
        "crate",
        "crate?q=crate",
        "crate/1",
        "crate/1/history",
        "crate/1/delete",
        "crate/-/export/file",
        "crate/-/export/file?format=xlsx",
        "piece/1",
        "piece/new",
        "?q=crate",
    ],
)
def test_pages_of_the_admin(client: Client, path: str) -> None:
    answer = client.get(f"/admin/{path}", headers=BROWSER)
    assert answer.status == 200, answer.text[-2000:]
    assert answer.text.count(">crate 3<") <= 1


def test_work_in_the_admin(client: Client) -> None:
    assert post(client, "/admin/crate/1", {"label": "first"}).status == 303
    assert post(client, "/admin/piece/1", {"name": "p", "crate_id": "2"}).status == 303
    assert post(client, "/admin/crate/3/delete").status == 303
    assert labels(client) == ["first", "crate 1", "crate 3", "crate 4"]
