"""The tables of `data` as SQLAlchemy's models, for who is given nothing else; and the queries that an engine is sent."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Engine, ForeignKey, String, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The models of this benchmark."""


class Named:
    """A table of names."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))

    def __str__(self) -> str:
        return self.name


class Category(Named, Base):
    __tablename__ = "category"


class Brand(Named, Base):
    __tablename__ = "brand"


class Supplier(Named, Base):
    __tablename__ = "supplier"


class Country(Named, Base):
    __tablename__ = "country"


class Owner(Named, Base):
    __tablename__ = "owner"


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
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


class Counter:
    """Counts the queries that engines are sent."""

    def __init__(self, engine: type[Engine]) -> None:
        self.number = 0
        event.listen(engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.number += 1
