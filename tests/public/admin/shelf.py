"""More tables of the bookshop, for the tests of forms: every kind of column, rows in rows, classes in one table."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

from sqlalchemy import JSON, ColumnElement, String, Text
from sqlalchemy.orm import validates

from admin.site import Author, Base, Book, Review
from wholestack.admin import AdminView, Inline, column
from wholestack.auth import Identity
from wholestack.crud import Versioned
from wholestack.db import ForeignKey, Mapped, Model, Moment, UniqueConstraint, UUIDModel, mapped_column, relationship
from wholestack.files import StoredFile
from wholestack.forms import FormError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Specimen(UUIDModel, Base):
    """A column of each kind, once with a value and once without."""

    name: Mapped[str] = mapped_column(String(40), unique=True)
    nickname: Mapped[str | None] = mapped_column(String(40))
    story: Mapped[str] = mapped_column(Text(), default="")
    colour: Mapped[Colour]
    other_colour: Mapped[Colour | None]
    number: Mapped[int]
    ratio: Mapped[float | None]
    price: Mapped[decimal.Decimal | None]
    is_ready: Mapped[bool] = mapped_column(default=True)
    is_old: Mapped[bool | None]
    day: Mapped[datetime.date | None]
    hour: Mapped[datetime.time | None]
    moment: Mapped[datetime.datetime | None] = mapped_column(Moment())
    span: Mapped[datetime.timedelta | None]
    code: Mapped[uuid.UUID | None]
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON())
    counts: Mapped[dict[str, int]] = mapped_column(JSON(), default=dict)


class Chapter(Model, Base):
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    title: Mapped[str] = mapped_column(String(80))
    pages: Mapped[int] = mapped_column(default=1)
    position: Mapped[int] = mapped_column(default=0)
    notes: Mapped[list[Footnote]] = relationship(cascade="all, delete-orphan")
    __table_args__ = (UniqueConstraint("book_id", "title"),)


class Footnote(Model, Base):
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapter.id"))
    text: Mapped[str] = mapped_column(String(200))


class Contribution(Base):
    """An association with a column of its own."""

    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True)
    author: Mapped[Author] = relationship()
    role: Mapped[str] = mapped_column(String(40))


Book.chapters = relationship(Chapter, cascade="all, delete-orphan", order_by=Chapter.position)  # type: ignore[attr-defined]
Book.contributions = relationship(Contribution, cascade="all, delete-orphan")  # type: ignore[attr-defined]


class Country(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


class City(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    country_id: Mapped[int] = mapped_column(ForeignKey("country.id"))
    country: Mapped[Country] = relationship()


class Shop(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    country_id: Mapped[int] = mapped_column(ForeignKey("country.id"))
    city_id: Mapped[int | None] = mapped_column(ForeignKey("city.id"))


class Ledger(Versioned, Model, Base):
    title: Mapped[str] = mapped_column(String(40))
    secret: Mapped[str] = mapped_column(String(40), default="")


class Animal(Model, Base):
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


class Dog(Animal):
    """In a table of its own beside its parent's."""

    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    tricks: Mapped[int] = mapped_column(default=0)
    __mapper_args__ = {"polymorphic_identity": "dog"}


class Cat(Animal):
    """In its parent's table."""

    __tablename__ = None  # type: ignore[assignment]
    lives: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "cat"}


class Portrait(Model, Base):
    title: Mapped[str] = mapped_column(String(40))
    picture: Mapped[StoredFile | None]
    paper: Mapped[StoredFile | None]


class Careful(Model, Base):
    title: Mapped[str] = mapped_column(String(40))
    made_by: Mapped[str] = mapped_column(String(80))

    @validates("title")
    def not_rude(self, name: str, title: str) -> str:
        if "rude" in title:
            raise ValueError("Be kind.")
        return title


class CarefulOnes(AdminView[Careful]):
    fields = ("title",)

    def before_save(self, row: Careful, identity: Identity[Any], *, new: bool) -> None:
        if new:
            row.made_by = identity.required().email
        if row.title == "no":
            raise FormError("title", "Not this one.")


class BooksWithRows(AdminView[Book]):
    fields = {"": ("title", "author_id", "genre"), "More": ("price", "in_print", "tags", "words")}
    read_only = ("words",)
    inlines = (
        Inline(Review, fields=("stars", "text"), extra=1, order="position"),
        Inline(Chapter, fields=("title", "pages"), style="stacked", order="position", inlines=(Inline(Footnote),)),
        Inline(Contribution),
    )

    @column("Words")
    def words(self, book: Book) -> int:
        return len(book.title.split())


class OnlyReviews(AdminView[Book]):
    inlines = (Inline(Review, extra=1),)


class Shops(AdminView[Shop]):
    depends = {"city_id": ("country_id",)}

    def choices_of(self, name: str, values: Any) -> ColumnElement[bool] | None:
        country = values.get("country_id") or ""
        return City.country_id == (int(country) if country.isdigit() else 0) if name == "city_id" else None


class Portraits(AdminView[Portrait]):
    images = ("picture",)
    file_types = {"paper": ("application/pdf",)}
