"""The code of docs/guides/admin-forms.md, run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

# [imports]
from sqlalchemy import ColumnElement

from wholestack import App
from wholestack.admin import Admin, AdminView, Inline, column
from wholestack.auth import Auth, Identity, UserMixin
from wholestack.db import Database, ForeignKey, Mapped, Model, UUIDModel, mapped_column, relationship
from wholestack.files import Files, MemoryStorage, StoredFile
from wholestack.forms import FormError
from wholestack.testing import AsUser, Client

# [/imports]


# [models]
class Registrar(UserMixin, UUIDModel): ...


class Region(Model):
    name: Mapped[str]


class Harbour(Model):
    name: Mapped[str]
    region_id: Mapped[int] = mapped_column(ForeignKey(Region.id))
    region: Mapped[Region] = relationship()


class Voyage(Model):
    vessel_id: Mapped[int] = mapped_column(ForeignKey("vessel.id"))
    destination: Mapped[str]
    days: Mapped[int] = mapped_column(default=1)
    place: Mapped[int] = mapped_column(default=0)


class Vessel(Model):
    name: Mapped[str]
    registered_by: Mapped[str] = mapped_column(default="")
    region_id: Mapped[int] = mapped_column(ForeignKey(Region.id))
    region: Mapped[Region] = relationship()
    harbour_id: Mapped[int | None] = mapped_column(ForeignKey(Harbour.id))
    harbour: Mapped[Harbour | None] = relationship()
    certificate: Mapped[StoredFile | None]
    voyages: Mapped[list[Voyage]] = relationship(cascade="all, delete-orphan")


# [/models]


# [view]
class Vessels(AdminView[Vessel]):
    fields = {"": ("name", "region_id", "harbour_id", "days_at_sea"), "Papers": ("certificate", "registered_by")}
    read_only = ("registered_by",)
    file_types = {"certificate": ("application/pdf",)}
    inlines = (Inline(Voyage, fields=("destination", "days"), extra=1, order="place"),)
    autocomplete = ("region",)
    depends = {"harbour_id": ("region_id",)}

    @column("Days at sea")
    def days_at_sea(self, vessel: Vessel) -> int:
        return sum(voyage.days for voyage in vessel.voyages)

    def choices_of(self, name: str, values: Mapping[str, Any]) -> ColumnElement[bool] | None:
        region = values.get("region_id", "")
        return Harbour.region_id == (int(region) if region.isdigit() else 0) if name == "harbour_id" else None

    def before_save(self, vessel: Vessel, identity: Identity[Any], *, new: bool) -> None:
        if vessel.name.lower() == "titanic":
            raise FormError("name", "Not again.")
        if new:
            vessel.registered_by = identity.required().email


# [/view]


# [app]
app = App()
app.use(Database("sqlite://", migrations=None), Auth(Registrar), Files(MemoryStorage()))
app.use(Admin(Vessels, Region, Harbour, Voyage))
# [/app]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        with app.session() as db:
            db.add(north := Region(name="North"))
            db.add(south := Region(name="South"))
            db.flush()
            db.add_all([Harbour(name="Tromsø", region_id=north.id), Harbour(name="Palermo", region_id=south.id)])
        yield client


# [form]
def test_a_vessel_with_its_voyages(client: Client) -> None:
    may = ("vessel.add", "vessel.view", "voyage.add", "voyage.view", "region.view", "harbour.view")
    clerk = AsUser(lambda: Client(app))(is_staff=True, permissions=may)
    page = {"accept": "text/html"}
    vessel = {"name": "Fram", "region_id": "1", "harbour_id": "1"}
    voyages = {"voyages[0].destination": "the ice", "voyages[0].days": "1055"}
    made = clerk.post("/admin/vessel/new", data=vessel | voyages | {"form_then": "stay"}, headers=page, follow=True)
    assert "1055" in made.text  # Days at sea, as the view computes them.
    # Palermo is not in the north.
    wrong = clerk.post("/admin/vessel/new", data=vessel | {"harbour_id": "2"}, headers=page)
    assert wrong.status == 422
    # A vessel of this clerk's is one that nobody else is said to have registered.
    assert "user1@example.org" in made.text


# [/form]


def test_what_the_guide_says_besides(client: Client) -> None:
    root = AsUser(lambda: Client(app))(is_staff=True, is_superuser=True)
    page = {"accept": "text/html"}
    refused = root.post("/admin/vessel/new", data={"name": "Titanic", "region_id": "1"}, headers=page)
    assert "Not again." in refused.text
    assert [each["text"] for each in root.get("/admin/vessel/choices/region_id?q=nor").json()] == ["North"]
    shown = root.get("/admin/vessel/new?name=Fram&region_id=2").text
    assert 'value="Fram"' in shown
    assert "Palermo" in shown
    assert "Tromsø" not in shown
