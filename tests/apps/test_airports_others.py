"""C18: each route of the richest example, its admin and its pages of login, asked with what is somebody's by everybody else.

The requests are made from the routes that the sealed app has, so that none is left out.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from airport_office import ROLES
from airport_tables import Club, Flight, Member
from examples.airports.app import app
from sqlalchemy import text

from wholestack.auth import Auth, add_to_role, role_called
from wholestack.testing import Answer, Client, Intruder, World, log_in

DAY = datetime.date(1999, 12, 31)
FLIGHT = re.compile(r"1999-12-31|31, 1999|12/31/1999|31\.12\.1999")
OWNER = "owner@flyers.example"
SHARED = "GET /club/flights"
"""What the members of a club see together."""
NOT_ASKED = ("/-/", "/static/", "/docs", "/openapi.json", "/asyncapi", "/changes")
"""Files and documents, and news that never end, which are for everybody."""
PEOPLE = ("nobody", "neighbour", "stranger", "colleague")
"""A visitor; a member of the owner's club; one of another club; one of the staff, of another club, who may what the owner may."""
NOBODYS = {
    *(f"{method} /airports/{{code}}" for method in ("GET", "PATCH", "DELETE")),
    *("GET /airports/{code}/nearest", "GET /distance", "POST /airports", "POST /import"),
    *("GET /visit/{code}", "POST /visit/{code}", "POST /club/flights", "POST /club/reports/{id}/remove"),
    *("GET /admin/states", "WEBSOCKET /airports/{code}/talk"),
}
"""What the owner of the first test comes to nothing by."""
KEEPING = ("airport_flight", "airport_member", "airport_club", "airport_member_auth_", "admin_")


def member(db: Any, name: str, club: Club, *roles: str) -> Member:
    accounts = app.plugin(Auth).accounts(app, db)
    found: Member = accounts.create(f"{name}@flyers.example", name=name.title(), club_id=club.id, is_staff=bool(roles))
    found.email_confirmed_at = accounts.now()
    for role in roles:
        role_called(accounts, role).permissions = [*ROLES[role], "airport_flight.export", "airport_flight.import"]
        add_to_role(accounts, found, role)
    return found


def clubs(db: Any) -> tuple[Club, Club]:
    db.add_all(made := (Club(name="The owner's own club"), Club(name="Quite another club")))
    db.flush()
    return made


# -- the example's own routes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["neighbour", "stranger"])
def test_c18_no_route_of_the_example_gives_another_what_is_the_owners(other: str) -> None:
    def world(db: Any) -> World:
        mine, theirs = clubs(db)
        owner = member(db, "owner", mine)
        db.add(flight := Flight(club_id=mine.id, member_id=owner.id, origin="JFK", destination="HNL", flown=DAY))
        db.flush()
        return World(owner, member(db, other, mine if other == "neighbour" else theirs), (owner, mine, flight))

    found = Intruder(app, world=world, allow=[*([SHARED] if other == "neighbour" else []), "GET /changes"]).run()
    assert found.holes == ()
    assert {"GET /club/", "GET /visit/"} <= {*found.asked}
    assert (SHARED in found.asked) == (other == "stranger")
    # Airports, reports and keys for writing are nobody's, and what is made of types alone is no airport.
    assert {*found.unasked} == NOBODYS


# -- the admin, and the pages of login ---------------------------------------------------------------------------------


class Place:
    """The example at work: what is the owner's, and a browser for everybody else."""

    def __init__(self) -> None:
        with app.session() as db:
            mine, theirs = clubs(db)
            self.people = {
                "owner": member(db, "owner", mine, "tower"),
                "neighbour": member(db, "neighbour", mine),
                "stranger": member(db, "stranger", theirs),
                "colleague": member(db, "colleague", theirs, "tower"),
            }
            owner, tables = self.people["owner"], app.plugin(Auth).tables
            db.add(flight := Flight(club_id=mine.id, member_id=owner.id, origin="JFK", destination="BHM", flown=DAY))
            db.add(token := tables.token(user_id=owner.id, name="Mine", digest="0" * 64))
            db.add(passkey := tables.passkey(user_id=owner.id, name="Mine", credential="x", public_key=b""))
            db.flush()
            self.owner, self.token, self.passkey = owner.key, token.id, passkey.id
            self.flight, self.club = flight.id, mine.id
        self.client = self.browser("owner")
        self.made_in_the_admin()
        self.device = re.findall(r"/account/devices/([^/]+)/end", self.other_device())[0]

    def browser(self, who: str) -> Client:
        client = Client(app)
        if who in self.people:
            log_in(client, self.people[who])
        return client

    def other_device(self) -> str:
        self.away = self.browser("owner")
        return self.client.get("/account", headers={"accept": "text/html"}).text

    def made_in_the_admin(self) -> None:
        """A change of the flight, a list that is kept, and a deletion that is asked about: all of them the owner's."""
        at = "/admin/airport-flight"
        assert self.post(f"{at}/{self.flight}", flown=str(DAY)).status == 303
        assert self.post(f"{at}/-/views", name="My own list").status == 303
        asked = self.post(f"{at}/-/actions")
        self.job = (asked.headers["location"] or "").rpartition("/")[2]
        with app.session() as db:
            self.change = db.scalar(text("SELECT max(id) FROM admin_change"))
            self.number = db.scalar(text("SELECT max(id) FROM admin_saved_view"))

    def post(self, path: str, client: Client | None = None, **more: str) -> Answer:
        """Send what any of the forms may ask for; what one does not ask for it does not take."""
        flight = {
            "club_id": self.club,
            "member_id": self.owner,
            "origin": "JFK",
            "destination": "HNL",
            "flown": "2001-01-01",
        }
        sent = {**flight, "action": "delete", "keys": self.flight, "counted": 1, "key": self.flight, **more}
        data = {name: str(value) for name, value in sent.items()}
        return (client or self.client).post(path, data=data, follow=False)

    def path(self, route: str) -> str:
        """The path of a route, with the owner's own keys."""
        own: dict[str, Any] = {"key": self.flight, "job": self.job, "number": self.number, "change": self.change}
        if route.startswith("/account"):
            keys = {"devices": self.device, "passkeys": self.passkey, "impersonate": self.owner}
            own["key"] = next((key for name, key in keys.items() if f"/{name}/" in route), "")
        if route.startswith("/admin/airport-member/"):
            own["key"] = self.owner
        is_report = route.startswith("/club/reports")
        own |= {
            "id": 1 if is_report else self.token,
            "token": "x" * 43,
            "field": "origin",
            "code": "JFK",
            "name": "x",
            "version": "x",
            "rest": "nothing/there",
        }
        return re.sub(r"\{(\w+)\}", lambda found: str(own[found[1]]), route)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is the owner's, as the database has it."""
        with app.session() as db:
            return {
                table.name: [tuple(row) for row in db.execute(table.select()) if self.is_mine(table.name, row)]
                for table in Member.metadata.sorted_tables
                if table.name.startswith(KEEPING) and not table.name.endswith("_event")
            }

    def is_mine(self, table: str, row: Any) -> bool:
        columns = row._mapping
        if table in {"airport_club", "airport_flight"}:
            return bool(columns["id" if table == "airport_club" else "club_id"] == self.club)
        return not {self.owner, uuid.UUID(self.owner)}.isdisjoint(
            each for each in row if isinstance(each, str | uuid.UUID)
        )


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with Client(app):
        yield Place()


def routes() -> list[tuple[str, str]]:
    """Method and path of each, in their order."""
    app.seal()
    found = [(method, view.path) for view in app.describe().routes for method in view.methods]
    return [each for each in found if each[0] != "WEBSOCKET" and not each[1].startswith(NOT_ASKED)]


ADMIN = [each for each in routes() if each[1].startswith("/admin")]
FLIGHTS = [each for each in ADMIN if each[1].startswith("/admin/airport-flight")]


def asked(place: Place, who: str, method: str, route: str) -> Answer:
    client = place.browser(who)
    if method == "POST":
        return place.post(place.path(route), client)
    return client.request(method, place.path(route), follow=False)


def test_the_owner_comes_to_all_of_it(place: Place) -> None:
    """Else it would tell nothing that others do not."""
    for method, route in FLIGHTS:
        if method == "GET" and not re.search(r"import/|/jobs/|/-/choices/", route):
            assert asked(place, "owner", method, route).status == 200, route
    for key in ("tokens", "factors"):
        assert "Mine" in place.browser("owner").get(f"/account/{key}", headers={"accept": "text/html"}).text


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("neighbour", 403), ("stranger", 403)])
def test_c18_the_admin_is_closed_to_who_is_none_of_the_staff(place: Place, who: str, status: int) -> None:
    before = place.rows()
    found = {f"{method} {route}": asked(place, who, method, route).status for method, route in ADMIN}
    assert len(found) > 150 and {route: each for route, each in found.items() if each != status} == {}
    assert place.rows() == before


def test_c18_staff_of_another_club_come_to_none_of_the_flights(place: Place) -> None:
    before = place.rows()
    for method, route in ADMIN:
        own = "{key}" in route and (method, route) in FLIGHTS
        if (method, route) in FLIGHTS or "{job}" in route or "{number}" in route or method == "GET":
            answer = asked(place, "colleague", method, route)
            assert FLIGHT.search(answer.text) is None, route
            if own or "{job}" in route or "{change}" in route:
                assert answer.status in {403, 404}, f"{method} {route} {answer.status}"
            assert place.rows() == before, route


@pytest.mark.parametrize("who", PEOPLE)
def test_c18_pages_of_login_are_each_ones_own(place: Place, who: str) -> None:
    before = place.rows()
    for method, route in routes():
        if route.startswith("/admin"):
            continue
        answer = asked(place, who, method, route)
        is_shared = who == "neighbour" and f"{method} {route}" in {SHARED, "POST /club/flights"}
        assert OWNER not in answer.text and (is_shared or FLIGHT.search(answer.text) is None), route
        if "{key}" in route or "{id}" in route:
            assert answer.status in {303, 401, 403, 404}, f"{method} {route} {answer.status}"
    after = place.rows()
    if who == "neighbour":  # They have written a flight of their own into the club's book.
        mine, before["airport_flight"] = after.pop("airport_flight"), before.pop("airport_flight")
        assert mine[: len(before["airport_flight"])] == before.pop("airport_flight")
    assert after == before
    for client in (place.client, place.away):
        assert client.get("/account").status == 200
