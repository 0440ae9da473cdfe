"""Models for what the bookshop has not: rows that are somebody's, or a tenant's, that are marked as deleted, and a secret."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, String, true

from admin.site import Base, Book, Person
from wholestack import Request
from wholestack.admin import AdminView, FieldRule
from wholestack.auth import Identity, OfTenant, Tenant, policy
from wholestack.db import ForeignKey, Mapped, Model, Moment, mapped_column, relationship
from wholestack.files import StoredFile


class Manuscript(Model, Base):
    """Somebody's own, and marked as deleted."""

    title: Mapped[str] = mapped_column(String(80))
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    owner: Mapped[Person] = relationship()
    worth: Mapped[decimal.Decimal | None]
    note: Mapped[str] = mapped_column(String(80), default="")
    access_token: Mapped[str] = mapped_column(String(80), default="")
    deleted_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)


class Notebook(OfTenant, Model, Base):
    """A tenant's."""

    tenant_id: Mapped[int]
    text: Mapped[str] = mapped_column(String(80))


class Deed(Model, Base):
    """With a file."""

    title: Mapped[str] = mapped_column(String(80))
    scan: Mapped[StoredFile | None]


class Album(Model, Base):
    """Its leaves, which have files, go with it."""

    title: Mapped[str] = mapped_column(String(80))
    leaves: Mapped[list[AlbumLeaf]] = relationship(cascade="all, delete-orphan")


class AlbumLeaf(Model, Base):
    album_id: Mapped[int] = mapped_column(ForeignKey("album.id"))
    text: Mapped[str] = mapped_column(String(80))
    scan: Mapped[StoredFile | None]


class Shelf(Model, Base):
    """What hangs on it goes with it, stays, or stands in the way."""

    name: Mapped[str] = mapped_column(String(40))


class ShelfLabel(Model, Base):
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(40))
    scan: Mapped[bytes | None] = mapped_column(LargeBinary())


class ShelfLamp(Model, Base):
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id", ondelete="SET NULL"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("shelf_label.id", ondelete="CASCADE"))


class ShelfLoan(Model, Base):
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))


@policy
def is_theirs(person: Person, manuscript: Manuscript) -> bool:
    return person.is_superuser or manuscript.owner_id == person.id


@is_theirs.where
def _(person: Person) -> ColumnElement[bool]:
    return true() if person.is_superuser else Manuscript.owner_id == person.id


def may_set_worth(identity: Identity[Any], manuscript: Any) -> bool:
    return identity.can("manuscript.set_worth")


class Manuscripts(AdminView[Manuscript]):
    columns = ("title", "worth")
    fields = ("title", "owner_id", "worth", "note")
    search = ("title",)
    rows = is_theirs
    field_rules = {"worth": FieldRule(view="manuscript.see_worth", change=may_set_worth), "note": "manuscript.note"}


class Shelves(AdminView[Shelf]):
    most_deleted = 3


VIEWS: tuple[type[Any], ...] = (Manuscripts, Notebook, Shelves, ShelfLabel, Book, Person)


def tenant_of(request: Request) -> Tenant:
    """The tenant of a request, as the test says."""
    return Tenant(int(request.headers.get("x-firm") or 0) or None)
