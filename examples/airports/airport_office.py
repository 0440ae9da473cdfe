"""The back office, at /admin: all tables, a dashboard, and three roles for those who work there."""

import datetime
import os
import random
import secrets
import struct
import zlib
from collections.abc import Callable
from typing import Any

from airport_tables import Club, Flight, Member, Report, Row
from sqlalchemy import func, select

from wholestack import App
from wholestack.admin import (
    Admin,
    AdminView,
    Bars,
    Donut,
    FieldRule,
    Inline,
    Line,
    Number,
    Selection,
    TableOf,
    action,
    column,
)
from wholestack.auth import Auth, add_to_role, mfa, permission, permissions_of, role_called
from wholestack.db import Session
from wholestack.files import Files
from wholestack.languages import lazy
from wholestack.templates import Page

ROLES = {
    "tower": [
        *permissions_of(Row, Report, Club, Flight),
        *("airport.import", "airport.export", "airport_report.import", "airport_report.export"),
        *("airport_member.view", "airport_report.praise", "admin_change.view"),
    ],
    "editor": [
        *permissions_of(Report),
        *("airport.view", "airport.change", "airport_report.praise", "airport_report.export"),
    ],
    "reader": ["airport.view", "airport_report.view", "airport_club.view"],
}
"""The roles of the back office, each with what it may; over members and roles superusers decide alone."""
PEOPLE = {"boss": "", "tower": "tower", "editor": "editor", "reader": "reader"}
"""Who works in the demonstration, each with a role; the first may everything."""
DAYS = 14


class Airports(AdminView[Row]):
    title = lazy("Airports")
    singular = lazy("Airport")
    group = lazy("Places")
    icon = "✈"
    columns = ("name", "code", "city", "state")
    search = ("code__is", "name", "city")
    filters = ("state",)
    orders = ("name",)
    fields = {"": ("code", "name", "city", "state"), lazy("Place"): ("latitude", "longitude")}
    inlines = (Inline(Report, fields=("name", "stars", "text", "visited"), style="stacked", title=lazy("Reports")),)


class Reports(AdminView[Report]):
    title = lazy("Reports")
    group = lazy("Places")
    icon = "★"
    columns = ("name", "airport", "stars", "beginning", "created_at")
    search = ("name", "text", "airport.name")
    filters = ("stars", "visited")
    date_drill = "created_at"
    orders = ("-created_at",)
    images = ("photo",)

    @column(lazy("Report"))
    def beginning(self, report: Report) -> str:
        return report.text if len(report.text) <= 40 else f"{report.text[:40]}…"

    @action(lazy("Give five stars"), permission="praise", confirm=lazy("The mean of the airport goes up."))
    def praise(self, reports: Selection[Report], db: Session) -> None:
        for report in reports.rows():
            report.stars = 5


class Clubs(AdminView[Club]):
    title = lazy("Clubs")
    group = lazy("People")
    icon = "◈"
    search = ("name",)
    orders = ("name",)


class Flights(AdminView[Flight]):
    """Of the club of whoever looks: flights are kept apart by club here as everywhere."""

    title = lazy("Flights")
    group = lazy("People")
    icon = "⇢"
    columns = ("start", "end", "flown", "member")
    search = ("origin__is", "destination__is")
    orders = ("-flown",)
    autocomplete = ("origin", "destination")
    fields = ("club_id", "member_id", "origin", "destination", "flown")


def only_superusers(identity: object, row: object) -> bool:
    """Who may hand out keys."""
    return bool(getattr(getattr(identity, "user", None), "is_superuser", False))


class Members(AdminView[Member]):
    title = lazy("Members")
    group = lazy("People")
    icon = "☺"
    columns = ("email", "name", "club", "is_staff", "is_active")
    search = ("email", "name")
    filters = ("is_staff", "is_active", "club_id")
    fields = {"": ("email", "name", "club_id"), lazy("What they may"): ("is_active", "is_staff", "is_superuser")}
    field_rules = {"is_staff": FieldRule(change=only_superusers), "is_superuser": FieldRule(change=only_superusers)}


def office(app: App, auth: Auth) -> None:
    """The back office, and a command that lets somebody in: ``wholestack run app.py office-people``."""

    class Roles(AdminView[Any]):
        model = auth.tables.role
        title = lazy("Roles")
        group = lazy("People")
        icon = "§"
        columns = ("name", "permissions")
        search = ("name",)
        orders = ("name",)

    admin = Admin(
        Airports,
        Reports,
        Clubs,
        Flights,
        Members,
        Roles,
        title="Airports, inside",
        logo="icon.svg",
        accent="#0b6e99",
        needs=mfa() if os.environ.get("AIRPORTS_MFA") else (),
    )
    dashboard(admin)
    app.use(admin)
    app.command(back_office(app, auth))
    app.command(samples(app))


def dashboard(admin: Admin) -> None:
    """What everybody sees first."""

    @admin.card(lazy("Airports"), needs=permission("airport.view"))
    def airports(db: Session) -> Number:
        return Number(counted(db, Row), url="/admin/airport")

    @admin.card(lazy("Reports"), needs=permission("airport_report.view"))
    def reports(db: Session) -> Number:
        mean = db.scalar(select(func.avg(Report.stars)))
        return Number(counted(db, Report), note=f"★ {mean:.1f}" if mean else "", url="/admin/airport-report")

    @admin.card(lazy("Members"), needs=permission("airport_member.view"))
    def members(db: Session) -> Number:
        return Number(counted(db, Member), url="/admin/airport-member")

    @admin.card(lazy("Reports by day"), wide=True, needs=permission("airport_report.view"))
    def by_day(db: Session) -> Line:
        today = datetime.datetime.now(datetime.UTC).date()
        days = [today - datetime.timedelta(days=back) for back in reversed(range(DAYS))]
        since = datetime.datetime.combine(days[0], datetime.time(), datetime.UTC)
        made = [
            at.date() for at in db.scalars(select(Report.created_at).where(Report.created_at >= since).limit(10_000))
        ]
        return Line([(f"{day:%d.%m.}", made.count(day)) for day in days])

    @admin.card(lazy("Stars"), needs=permission("airport_report.view"))
    def stars(db: Session) -> Donut:
        given = db.execute(select(Report.stars, func.count()).group_by(Report.stars).order_by(Report.stars.desc()))
        return Donut([("★" * number, count) for number, count in given])

    @admin.card(lazy("States with most airports"), wide=True, needs=permission("airport.view"))
    def states(db: Session) -> Bars:
        number = func.count().label("number")
        most = select(Row.state, number).group_by(Row.state).order_by(number.desc()).limit(12)
        return Bars([(state, count) for state, count in db.execute(most)])

    @admin.card(lazy("Latest reports"), needs=permission("airport_report.view"))
    def latest(db: Session) -> TableOf:
        found = db.scalars(select(Report).order_by(Report.id.desc()).limit(5))
        return TableOf([str(lazy("Airport")), "★"], [[each.airport_code, each.stars] for each in found])

    @admin.page("/states", title=lazy("States"), icon="#", group=lazy("Places"), needs=permission("airport.view"))
    def by_state(db: Session) -> Page:
        counts = db.execute(select(Row.state, func.count()).group_by(Row.state).order_by(Row.state)).all()
        return Page("office/states.html", counts=counts)

    admin.link(lazy("The API"), "/docs", icon="{", group=lazy("Places"))


def counted(db: Session, model: type) -> int:
    return db.scalar(select(func.count()).select_from(model)) or 0


def back_office(app: App, auth: Auth) -> Callable[..., str]:
    """The command that lets people in."""

    def office_people(domain: str = "airports.example") -> str:
        """Make the roles of the back office and somebody in each, and say how they log in: each time with new passwords."""
        lines = []
        with app.session() as db:
            accounts = auth.accounts(app, db)
            for name, permissions in ROLES.items():
                role = role_called(accounts, name)
                role.permissions = role.permissions or permissions
            club = db.scalar(select(Club)) or Club(name="Sunday Flyers")
            db.add(club)
            db.flush()
            for name, role_name in PEOPLE.items():
                email, password = f"{name}@{domain}", secrets.token_urlsafe(9)
                member = accounts.find(email) or accounts.create(email, name=name.title())
                member.password = auth.passwords.hash(password)
                member.login_version += 1  # Who came in with the last one is out.
                member.is_staff, member.is_superuser, member.club_id = True, not role_name, club.id
                member.email_confirmed_at = member.email_confirmed_at or accounts.now()
                if role_name:
                    add_to_role(accounts, member, role_name)
                lines.append(f"{email}  {password}  {role_name or 'may everything'}")
        return "\n".join(lines)

    return office_people


SAID = (
    (5, "Short ways, good coffee, and a view of the runway from the terrace."),
    (4, "Friendly people at the desk. The shuttle was late."),
    (3, "It is an airport. The sandwiches are better outside."),
    (5, "Landed at dusk; the mountains were red."),
    (2, "An hour for one suitcase."),
)
VISITORS = ("Ann Able", "Bo Bell", "Cy Young", "Di Drew", "Ed East", "Flo Frost", "Gus Grey")


def samples(app: App) -> Callable[..., str]:
    """The command that fills an empty office, so that there is something to look at."""

    def office_samples(reports: int = 40) -> str:
        """Make reports of the last two weeks, some with a picture, and flights of two clubs, where there are no reports yet."""
        with app.session() as db:
            if counted(db, Report):
                return "There are reports already."
            dice, now = random.Random(7), datetime.datetime.now(datetime.UTC)
            codes = [*db.scalars(select(Row.code).order_by(Row.code))]
            files = app.plugin(Files).store(db)
            for number in range(reports):
                stars, text = dice.choice(SAID)
                at = now - datetime.timedelta(days=dice.randrange(DAYS), minutes=dice.randrange(600))
                report = Report(airport_code=dice.choice(codes), name=dice.choice(VISITORS), stars=stars, text=text)
                report.created_at, report.visited = at, at.date()
                if number % 5 == 0:
                    sky = (90 + dice.randrange(120), 150, 220)
                    report.photo = files.save(picture(sky), filename="sky.png", types={"image/*"})
                db.add(report)
            for name in ("Sunday Flyers", "Night Owls"):
                club = db.scalar(select(Club).where(Club.name == name)) or Club(name=name)
                db.add(club)
                db.flush()
                for back in range(6):
                    origin, destination = dice.sample(codes, 2)
                    flown = now.date() - datetime.timedelta(days=back * 2)
                    db.add(Flight(club_id=club.id, origin=origin, destination=destination, flown=flown))
            return f"{reports} reports, two clubs and their flights."

    return office_samples


def picture(colour: tuple[int, int, int], width: int = 96, height: int = 64) -> bytes:
    """A PNG (RFC 2083) of a sky above a runway."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = [bytes([0]) + bytes(colour if line < height * 2 // 3 else (70, 74, 80)) * width for line in range(height)]
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"".join(lines)))
        + chunk(b"IEND", b"")
    )
