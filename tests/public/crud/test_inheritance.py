"""Models of several kinds: each row is found by its key, and nobody but the server says of which kind it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData

from wholestack import App, Query, SetupError
from wholestack.crud import Listing, Page, Pager, attributes, crud, listing, schema
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, Table, mapped_column, select
from wholestack.forms import form_of
from wholestack.testing import Client


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Animal(Base):
    name: Mapped[str]
    kind: Mapped[str] = mapped_column()
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


class Dog(Animal):
    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    tail: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "dog"}


class Cat(Animal):
    """Its key has a name of its own, and stands in both tables under different ones."""

    cat_id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    lives: Mapped[int] = mapped_column(default=9)
    __mapper_args__ = {"polymorphic_identity": "cat"}


class Puppy(Dog):
    """In the table of its parent."""

    __tablename__ = None
    __mapper_args__ = {"polymorphic_identity": "puppy"}


class Dogs(Listing, of=Dog, orders=("name",)):
    """Dogs by their names."""


@pytest.fixture
def app() -> App:
    app = App()
    database = Database("sqlite://", models=Base, migrations=None)
    app.use(database)
    database.create_tables()
    for model, path in ((Animal, "/animals"), (Dog, "/dogs"), (Cat, "/cats"), (Puppy, "/puppies")):
        app.include(crud(model, path, orders=("name",)))
    return app


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with Client(app) as client:
        yield client


@pytest.mark.parametrize("model", [Dog, Cat, Puppy])
def test_a_subclass_has_its_key(model: Any) -> None:
    paths = {(*route.methods, route.path) for route in crud(model, "/x").routes}
    assert {("GET", "/{id}"), ("PUT", "/{id}"), ("PATCH", "/{id}"), ("DELETE", "/{id}")} <= paths
    assert ("DELETE", "") not in paths
    assert [(each.name, each.made) for each in attributes(model).values() if each.key] == [("id", True)]


@pytest.mark.parametrize(("path", "field"), [("/dogs", "tail"), ("/cats", "lives"), ("/puppies", "tail")])
def test_a_row_of_a_subclass_from_its_making_to_its_end(client: Client, path: str, field: str) -> None:
    first, second = (client.post(path, json={"name": name, field: 3}).expect(201) for name in ("a", "b"))
    assert second.headers["location"] == f"{path}/{second.json()['id']}"
    place = first.headers["location"]
    client.patch(place, json={field: 4, "name": "c"}).expect(200)
    client.put(place, json={field: 5, "name": "d", "id": 77, "cat_id": 77, "kind": "animal"}).expect(200)
    shown = client.get(place).expect(200).json()
    assert (shown["id"], shown["name"], shown[field]) == (first.json()["id"], "d", 5)
    client.delete(path).expect(405)
    client.delete(place).expect(204)
    client.get(place).expect(404)
    assert [each["name"] for each in client.get(path).json()["items"]] == ["b"]


def test_a_key_that_two_tables_have_is_made_once(client: Client) -> None:
    assert list(schema(Dog, new=True).model_fields) == ["name", "tail"]
    assert list(schema(Cat, new=True).model_fields) == ["name", "lives"]
    made = client.post("/cats", json={"name": "a", "cat_id": 40, "id": 40}).expect(201).json()
    assert (made["cat_id"], made["lives"]) == (made["id"], 9)


def test_pages_of_a_subclass_skip_no_row_of_the_same_name(app: App) -> None:
    @app.get("/all")
    def dogs(db: Session, asked: Query[Dogs], pages: Pager) -> Page[int]:
        page = pages(db, select(Dog), asked)
        return Page([each.id for each in page.items], page.next)

    with Client(app) as client:
        with app.session() as db:
            db.add_all([*(Dog(name="same", tail=1) for _ in range(5)), Dog(name="z", tail=1)])
        seen: list[int] = []
        place = "/all?limit=2"
        while place:
            page = client.get(place).json()
            seen, place = seen + page["items"], page["next"]
    assert seen == [1, 2, 3, 4, 5, 6]


def test_rows_without_a_key_get_no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: each for name, each in attributes(Dog).items() if not each.key}
    monkeypatch.setattr("wholestack.crud._columns.attributes", lambda _model: known)
    for make in (lambda: crud(Dog, "/dogs"), lambda: listing(Dog, orders=("name",))):
        with pytest.raises(SetupError) as caught:
            make()
        assert [each.code for each in caught.value.faults] == ["bad-crud"]


def test_nobody_says_of_which_kind_a_row_is(client: Client) -> None:
    assert "kind" in schema(Animal).model_fields
    for options in ({"new": True}, {"partial": True}):
        assert list(schema(Animal, **options).model_fields) == ["name"]  # type: ignore[arg-type]
    for kind in ("zzz", "dog"):
        made = client.post("/animals", json={"name": "x", "kind": kind}).expect(201)
        assert made.json()["kind"] == "animal"
        place = made.headers["location"]
        for changed in (client.patch(place, json={"kind": kind}), client.put(place, json={"name": "y", "kind": kind})):
            assert changed.expect(200).json()["kind"] == "animal"
    assert [each["name"] for each in client.get("/animals").expect(200).json()["items"]] == ["y", "y"]


def test_forms_of_models_ask_for_no_kind() -> None:
    for model in (Animal, Dog, Puppy):
        assert "kind" not in form_of(model).model_fields


class Country(Table):
    """A key that the client sends."""

    metadata = Base.metadata
    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column()
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "country"}


class Island(Country):
    metadata = Base.metadata
    code: Mapped[str] = mapped_column(ForeignKey("country.code"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "island"}


class Realm(Country):
    metadata = Base.metadata
    realm_code: Mapped[str] = mapped_column(ForeignKey("country.code"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "realm"}


@pytest.mark.parametrize("model", [Island, Realm])
def test_a_key_that_the_client_sends_is_sent_for_a_subclass_too(model: Any) -> None:
    assert [(each.name, each.made) for each in attributes(model).values() if each.key] == [("code", False)]
    assert list(schema(model, new=True).model_fields) == ["code"]


def test_a_handler_may_take_the_kind_by_name() -> None:
    assert list(schema(Animal, new=True, only=("name", "kind")).model_fields) == ["name", "kind"]
