"""The back office of Wholestack: a member of staff who is logged in, with the permissions of a role."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from typing import Any

from sqlalchemy import Engine, String

from apps.admin.asked import Asgi
from apps.admin.data import SIZE
from apps.admin.tables import Counter
from wholestack import App
from wholestack.admin import Admin, AdminView, Inline
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, ForeignKey, Mapped, Model, UUIDModel, mapped_column, relationship
from wholestack.testing import AsUser, Client

PATHS = {
    "first": "/admin/item",
    "page 10,000": "/admin/item?page=10000",
    "filtered": "/admin/item?category=7&state=held",
    "searched": "/admin/item?q=amber",
    "a row with 50 inline": "/admin/item/1",
}


class Clerk(UserMixin, UUIDModel): ...


class Category(Model):
    name: Mapped[str] = mapped_column(String(80))


class Brand(Model):
    name: Mapped[str] = mapped_column(String(80))


class Supplier(Model):
    name: Mapped[str] = mapped_column(String(80))


class Country(Model):
    name: Mapped[str] = mapped_column(String(80))


class Owner(Model):
    name: Mapped[str] = mapped_column(String(80))


class Item(Model):
    title: Mapped[str] = mapped_column(String(200))
    sku: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10))
    cents: Mapped[int]
    added: Mapped[datetime.date]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    brand_id: Mapped[int] = mapped_column(ForeignKey("brand.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    country_id: Mapped[int] = mapped_column(ForeignKey("country.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
    category: Mapped[Category] = relationship()
    brand: Mapped[Brand] = relationship()
    supplier: Mapped[Supplier] = relationship()
    country: Mapped[Country] = relationship()
    owner: Mapped[Owner] = relationship()
    parts: Mapped[list[Part]] = relationship(back_populates="item", cascade="all, delete-orphan")


class Part(Model):
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    item: Mapped[Item] = relationship(back_populates="parts")
    sku: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(80))
    pieces: Mapped[int]


class Items(AdminView[Item]):
    columns = ("title", "sku", "state", "cents", "added", "category", "brand", "supplier", "country", "owner")
    filters = ("state", "category")
    search = ("title",)
    size = SIZE
    autocomplete = ("category", "brand", "supplier", "country", "owner")
    inlines = (Inline(Part),)


def open_site(url: str) -> Asgi:
    """The site, asked by who may see all models."""
    app = App(title="Items", docs=False)
    database = Database(url, migrations=None)
    app.use(database, Auth(Clerk), Admin(Items, Category, Brand, Supplier, Country, Owner, Clerk))
    with Client(app) as client:
        database.create_tables()
        names = [f"{each}.view" for each in ("item", "part", "category", "brand", "supplier", "country", "owner")]
        names += [f"{model}.{action}" for model in ("item", "part") for action in ("add", "change", "delete")]
        AsUser(lambda: client)(permissions=names, is_staff=True, email=f"{uuid.uuid4().hex}@example.org")
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    counter = Counter(Engine)
    site = Asgi(app, lambda: counter.number, cookie)
    _begin(site, app)
    return site


def _begin(site: Asgi, app: Any) -> None:
    """The lifespan, as a server begins it."""

    async def started() -> None:
        begun = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if begun.is_set():
                await asyncio.sleep(1e6)
            return {"type": "lifespan.startup"}

        async def send(message: dict[str, Any]) -> None:
            begun.set()

        site.life = asyncio.ensure_future(
            app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        )  # type: ignore[attr-defined]
        await begun.wait()

    site.run(started())
