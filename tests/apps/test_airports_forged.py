"""C19, mass assignment: each route of the richest example that writes is sent more than it shows, and no row takes any of it.

The routes are those that the sealed app has, and what is sent beside is every column that it has in any table.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from airport_tables import Club, Flight, Member, Report, Row
from examples.airports.app import app
from sqlalchemy import Boolean, DateTime, Float, Integer, Uuid
from sqlalchemy import Date as Day

from wholestack.auth import Auth, add_to_role, role_called
from wholestack.db import Database
from wholestack.testing import Answer, Client, log_in

HTML = {"accept": "text/html", "sec-fetch-site": "same-origin"}
FIELDS = re.compile(r'<(?:input|select|textarea)[^>]* name="([^"]+)"')
KEY = "00000000-0000-4000-8000-00000f0a6ed0"
AIRPORT = {"name": "Zoë's field", "city": "Zed", "state": "NY", "latitude": 40.5, "longitude": -74.5}
REPORT = {"name": "Mallory", "stars": "5", "text": "Long enough to be one."}
FLIGHT = {"origin": "JFK", "destination": "HNL", "flown": "2026-02-01"}
SIGN_UP = {"email": "new@flyers.example", "password": "a wholly new password", "name": "Nina"}
SIGNED_UP = {"airport_member", "airport_member_auth_link", "login_tries", "outbox_mail"}
CSV = "code,name,city,state,latitude,longitude"


class Forger:
    """A member of a club, whom staff of it let in; what others have is there as well."""

    def __init__(self, client: Client) -> None:
        self.client = client
        auth = app.plugin(Auth)
        with app.session() as db:
            accounts = auth.accounts(app, db)
            db.add_all(clubs := [Club(name="Mallory's own"), Club(name="Quite another")])
            db.flush()
            people = [
                accounts.create(f"{name}@flyers.example", name=name, club_id=club)
                for name, club in (("mallory", clubs[0].id), ("victim", clubs[1].id), ("alone", None))
            ]
            for each in people:
                each.email_confirmed_at = accounts.now()
            role_called(accounts, "writers").permissions = ["airport.write", "airport_report.delete"]
            add_to_role(accounts, people[0], "writers")
            db.add(Report(airport_code="JFK", name="Vic", stars=3, text="What the victim says."))
            db.add(Flight(club_id=clubs[1].id, member_id=people[1].id, origin="BHM", destination="HNL",
                          flown=datetime.date(2026, 1, 1)))  # fmt: skip
            db.flush()
            self.known = {"club_id": clubs[1].id, "member_id": people[1].id, "user_id": people[1].id}
        self.mallory, _, self.alone = people
        log_in(client, self.mallory)
        self.tables = [each for each in app.plugin(Database).metadata.sorted_tables if "session" not in each.name]

    def forged(self) -> dict[str, Any]:
        """A value for every column of every table, such as no route gives it."""
        found: dict[str, Any] = {"role": "writers", "roles": "writers", "permissions": "*", "club": "Quite another"}
        for column in (column for table in self.tables for column in table.columns):
            known = {
                "is_active": False,
                "airport_code": "BHM",
                "origin": "BHM",
                "destination": "BHM",
                "code": "BHM",
                **self.known,
            }
            found[column.name] = known.get(column.name, forged_value(column.type))
        return found

    def rows(self) -> dict[tuple[Any, ...], Mapping[str, Any]]:
        with app.session() as db:
            return {
                (table.name, *(row[each.name] for each in table.primary_key)): dict(row)
                for table in self.tables
                for row in db.execute(table.select()).mappings()
            }

    def sent(self, send: Callable[..., Answer], shown: set[str]) -> tuple[Answer, set[str]]:
        """Send it with all that is not shown beside it; gives the tables of which rows were made or changed."""
        forged = {name: each for name, each in self.forged().items() if name not in shown}
        before = self.rows()
        answer = send({name: plain(each) for name, each in forged.items()})
        after = self.rows()
        touched = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        for key in touched & {*after}:
            for name, value in after[key].items():
                if name in forged and before.get(key, {}).get(name) != value:
                    assert plain(value) != plain(forged[name]), (key, name, value)
        return answer, {key[0] for key in touched} - {"airport_member_auth_event"}


def forged_value(kind: Any) -> Any:
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Integer):
        return 90_909
    if isinstance(kind, Float):
        return 9.09
    if isinstance(kind, DateTime):
        return datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    if isinstance(kind, Day):
        return datetime.date(2001, 1, 1)
    return KEY if isinstance(kind, Uuid) else "forged"


def plain(value: Any) -> str:
    """As a form has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def nested(forged: Mapping[str, str]) -> dict[str, str]:
    """As forms have what is inside of something."""
    inside = ("member", "user")
    return {f"{each}{sign.format(name)}": value for each in inside for name, value in forged.items()
            for sign in (".{}", "[{}]")}  # fmt: skip


@pytest.fixture
def forger() -> Iterator[Forger]:
    with Client(app, headers=HTML) as client:
        yield Forger(client)


def own_routes() -> set[str]:
    """What writes, of the example's own; a sign-up has a form of it."""
    return {
        f"{method} {view.path}"
        for view in app.describe().routes
        for method in view.methods
        if method in {"POST", "PUT", "PATCH", "DELETE"} and "examples/airports" in view.where
    } | {"POST /account/sign-up"}


FORMS: dict[str, tuple[str, str, dict[str, str], set[str]]] = {
    "POST /visit/{code}": ("/visit/JFK", "/visit/JFK", REPORT, {"airport_report"}),
    "POST /club/join": ("/club/", "/club/join", {"name": "A new club"}, {"airport_club", "airport_member"}),
    "POST /club/flights": ("/club/flights", "/club/flights", FLIGHT, {"airport_flight"}),
    "POST /club/reports/{id}/remove": ("", "/club/reports/1/remove", {}, {"airport_report"}),
    "POST /account/sign-up": ("/account/sign-up", "/account/sign-up", SIGN_UP, SIGNED_UP),
}
"""Each with its page, where it is sent, what is typed, and the tables that it writes."""
BODIES = {
    "POST /airports": ("/airports", {"code": "ZZ8", **AIRPORT}),
    "PATCH /airports/{code}": ("/airports/JFK", {"city": "New York City"}),
}
OTHERS = {"POST /import", "DELETE /airports/{code}"}
"""A file, and what takes nothing."""


def test_c19_no_route_is_left_out(forger: Forger) -> None:
    assert own_routes() == {*FORMS, *BODIES, *OTHERS}


@pytest.mark.parametrize("route", FORMS)
def test_c19_a_form_takes_no_more_than_it_shows(forger: Forger, route: str) -> None:
    page, path, typed, tables = FORMS[route]
    if route == "POST /club/join":
        log_in(forger.client, forger.alone)
    if route == "POST /account/sign-up":
        forger.client.cookies.clear()
    text = forger.client.get(page).text if page else ""
    form = re.search(r'<form class="form".*?</form>', text, re.DOTALL)
    shown = {*FIELDS.findall(form[0])} if form is not None else set()
    assert {*typed} <= shown if page else not shown
    answer, touched = forger.sent(
        lambda forged: forger.client.post(path, data={**nested(forged), **forged, **typed}, follow=False), shown
    )
    assert answer.status in {200, 303}, answer.text
    assert touched - {"outbox"} == tables  # A mail waits there, until it is sent.


@pytest.mark.parametrize("route", BODIES)
def test_c19_a_body_takes_no_more_than_its_schema_says(forger: Forger, route: str) -> None:
    path, typed = BODIES[route]
    method = route.partition(" ")[0]
    send = getattr(forger.client, method.lower())
    answer, touched = forger.sent(lambda forged: send(path, json={**forged, **typed}), {*typed, *AIRPORT})
    assert (answer.status, touched) == (422, set()), "what is not in it is refused"
    assert send(path, json=typed).status in {200, 201}


def test_c19_a_file_takes_no_more_columns_than_it_has(forger: Forger) -> None:
    row = ",".join(["ZZ7", *map(str, list(AIRPORT.values()))])

    def send(forged: Mapping[str, str]) -> Answer:
        content = f"{CSV},{','.join(forged)}\n{row},{','.join(forged.values())}\n"
        return forger.client.post("/import", files={"file": ("a.csv", content.encode(), "text/csv")})

    answer, touched = forger.sent(send, {"code", *AIRPORT})
    assert (answer.status, touched) == (422, set())
    assert forger.client.post("/import", files={"file": ("a.csv", f"{CSV}\n{row}\n".encode(), "text/csv")}).json() == {
        "added": 1, "replaced": 0,
    }  # fmt: skip


def test_what_is_forged_would_be_seen(forger: Forger) -> None:
    """The test is one: a row that takes such a value fails it."""

    def takes(forged: Mapping[str, str]) -> Any:
        with app.session() as db:
            db.get_one(Member, forger.mallory.id).is_staff = True

    with pytest.raises(AssertionError, match="is_staff"):
        forger.sent(takes, set())

    def goes_to_another(forged: Mapping[str, str]) -> Any:
        with app.session() as db:
            db.get_one(Member, forger.mallory.id).club_id = int(forged["club_id"])

    with pytest.raises(AssertionError, match="club_id"):
        forger.sent(goes_to_another, set())
    with app.session() as db:
        assert db.get_one(Row, "JFK").city == "New York"
