"""Members: login with a second factor or a passkey, a flying club that keeps its flights to itself, tokens for programs."""

import datetime
import os
from typing import Annotated

from airport_office import office
from airport_pages import airport_of
from airport_tables import Club, Flight, Member, Report
from pydantic import BaseModel, Field, StringConstraints

from wholestack import App, Form, NotFound, Redirect, Router
from wholestack.auth import (
    TOTP,
    Auth,
    Impersonation,
    Passkeys,
    Scoped,
    SignUp,
    Tenant,
    Tenants,
    Tokens,
    confirmed,
    permission,
)
from wholestack.db import Session, select
from wholestack.forms import FormError, FormView, Widget
from wholestack.languages import gettext, lazy
from wholestack.mail import Mailing
from wholestack.sessions import Messages
from wholestack.templates import Page

Code = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]{3,4}$", to_upper=True), Widget(size=4)]


class NewMember(SignUp):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] = Field(
        title=lazy("Your name")
    )


class NewClub(BaseModel):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=60)] = Field(
        title=lazy("Name of the club")
    )


class NewFlight(BaseModel):
    origin: Annotated[Code, Field(title=lazy("From"))]
    destination: Annotated[Code, Field(title=lazy("To"))]
    flown: Annotated[datetime.date, Field(title=lazy("Day"))]


def use_members(app: App) -> None:
    """Login and all that goes with it."""
    base_url = os.environ.get("BASE_URL") or "http://localhost:8000"
    mailing = Mailing(
        "Airports <airports@localhost.localdomain>", os.environ.get("MAIL_URL") or "console:", base_url=base_url
    )
    auth = Auth(Member, sign_up="open", form=NewMember, home="/club/")
    app.use(mailing, auth)
    app.use(TOTP(), Passkeys(), Tokens("air", scopes={"airport.write": "Change airports"}), Impersonation(), Tenants())
    app.provide(tenant_of)
    app.include(members, at="/club")
    office(app, auth)


def tenant_of(member: Member) -> Tenant:
    """A club's flights are for its members; who is in none has none."""
    return Tenant(member.club_id)


members = Router(tags=("members",), needs=confirmed)


@members.get("/", hidden=True)
def show_club(member: Member, form: FormView[NewClub]) -> Page | Redirect:
    if member.club_id is None:
        form.submit = gettext("Found it")
        return Page("club/join.html", form=form)
    return Redirect("/club/flights")


@members.post("/join", again=show_club, hidden=True)
def join(new: Form[NewClub], member: Member, db: Session, messages: Messages) -> Redirect:
    if db.scalar(select(Club).where(Club.name == new.name)) is not None:
        raise FormError("name", gettext("There is a club of this name; its members can take you in."))
    club = Club(name=new.name)
    db.add(club)
    db.flush()
    member.club_id = club.id
    messages.success(gettext("Welcome to your club."))
    return Redirect("/club/flights")


@members.get("/flights", hidden=True)
def list_flights(member: Member, db: Scoped[Session], form: FormView[NewFlight]) -> Page:
    flights = db.scalars(select(Flight).order_by(Flight.flown.desc(), Flight.id.desc()).limit(100)).all()
    form.submit = gettext("Add the flight")
    return Page("club/flights.html", club=db.get_one(Club, member.club_id), flights=flights, form=form)


@members.post("/flights", hidden=True)
def add_flight(new: Form[NewFlight], member: Member, db: Scoped[Session], messages: Messages) -> Redirect:
    for field, code in (("origin", new.origin), ("destination", new.destination)):
        try:
            airport_of(db, code)
        except NotFound as error:
            raise FormError(field, error.detail) from None
    db.add(Flight(club_id=member.club_id, member_id=member.id, **new.model_dump()))
    messages.success(gettext("The flight is in the book."))
    return Redirect("/club/flights")


@members.post("/reports/{id}/remove", needs=permission("airport_report.delete"), hidden=True)
def remove_report(id: int, db: Session, messages: Messages) -> Redirect:
    """Editors take out what visitors should not have said."""
    report = db.get(Report, id)
    if report is None:
        raise NotFound(gettext("There is no such report."))
    db.delete(report)
    messages.success(gettext("The report is gone."))
    return Redirect(f"/visit/{report.airport_code}")
