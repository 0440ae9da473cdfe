"""The tables of the airports' database."""

import datetime
import uuid

from sqlalchemy import ForeignKey, Text

from wholestack.auth import OfTenant, UserMixin
from wholestack.db import Mapped, Model, Table, Timestamps, UUIDModel, mapped_column, relationship
from wholestack.files import StoredFile


class Row(Table):
    """An airport in the database."""

    __tablename__ = "airport"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    reports: Mapped[list["Report"]] = relationship(
        back_populates="airport", cascade="all, delete-orphan", passive_deletes=True
    )


class Report(Timestamps, Model):
    """What a visitor says of an airport; it goes with the airport, and its photo with it."""

    __tablename__ = "airport_report"

    airport_code: Mapped[str] = mapped_column(ForeignKey("airport.code", ondelete="CASCADE"), index=True)
    airport: Mapped[Row] = relationship(back_populates="reports")
    name: Mapped[str]
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(Text())
    visited: Mapped[datetime.date | None] = mapped_column(default=None)
    photo: Mapped[StoredFile | None] = mapped_column(default=None)


class Club(Timestamps, Model):
    """A flying club: its flights are its own."""

    __tablename__ = "airport_club"

    name: Mapped[str] = mapped_column(unique=True)


class Member(UserMixin, UUIDModel):
    """Who logs in."""

    __tablename__ = "airport_member"

    name: Mapped[str] = mapped_column(default="")
    club_id: Mapped[int | None] = mapped_column(
        ForeignKey("airport_club.id", ondelete="SET NULL"), index=True, default=None
    )
    club: Mapped[Club | None] = relationship()


class Flight(OfTenant, Timestamps, Model):
    """A flight in a club's book."""

    __tablename__ = "airport_flight"
    __tenant__ = "club_id"

    club_id: Mapped[int] = mapped_column(ForeignKey("airport_club.id", ondelete="CASCADE"), index=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("airport_member.id", ondelete="SET NULL"), index=True
    )
    member: Mapped[Member | None] = relationship()
    origin: Mapped[str] = mapped_column(ForeignKey("airport.code", ondelete="CASCADE"), index=True)
    start: Mapped[Row] = relationship(foreign_keys=[origin])
    destination: Mapped[str] = mapped_column(ForeignKey("airport.code", ondelete="CASCADE"), index=True)
    end: Mapped[Row] = relationship(foreign_keys=[destination])
    flown: Mapped[datetime.date]

    def __str__(self) -> str:
        return f"{self.origin} – {self.destination}, {self.flown}"
