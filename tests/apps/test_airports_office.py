"""The back office of the richest example: its three roles in this process, and served over ASGI and WSGI, on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from airport_tables import Club, Flight, Member, Report, Row
from examples.airports.app import app

import databases
from servers.serving import Serving
from wholestack.db import delete, select
from wholestack.testing import Client, log_in

HTML = {"accept": "text/html", "sec-fetch-site": "same-origin"}
LISTS = ("airport", "airport-report", "airport-club", "airport-flight", "airport-member", "airport-member-auth-role")
SEEN = {
    "boss": [200] * 6,
    "tower": [*[200] * 5, 403],
    "editor": [200, 200, 403, 403, 403, 403],
    "reader": [200, 200, 200, 403, 403, 403],
}
CARDS = {"boss": 7, "tower": 7, "editor": 6, "reader": 6}
DAY = datetime.date(2026, 2, 1)
SERVERS = {"asgi": (), "wsgi": ("--server", "granian", "--interface", "wsgi")}


@pytest.fixture(params=["asgi", "wsgi"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(app, interface=request.param, headers=HTML) as client:
        make_people()
        yield client


def make_people() -> str:
    """Run the command that lets people in."""
    (command,) = (each for each in app.commands if each.__name__ == "office_people")
    return str(command())


def member(name: str) -> Member:
    with app.session() as db:
        return db.scalars(select(Member).where(Member.email == f"{name}@airports.example")).one()


def test_each_role_sees_its_part(client: Client) -> None:
    assert len(make_people().splitlines()) == 4  # It can be run again.
    for name, statuses in SEEN.items():
        log_in(client, member(name))
        assert [client.get(f"/admin/{each}").status for each in LISTS] == statuses, name
        assert client.get("/admin/").text.count('<section class="card') == CARDS[name], name
        assert client.get("/admin/states").status == 200
    client.cookies.clear()
    assert client.get("/admin/", follow=False).status == 303


def test_who_may_change_what(client: Client) -> None:
    report = {"airport_code": "JFK", "name": "Bo", "stars": "4", "text": "Short ways, good coffee."}
    for name, status in (("reader", 403), ("editor", 303)):
        log_in(client, member(name))
        assert client.post("/admin/airport-report/new", data=report, follow=False).status == status
    log_in(client, member("reader"))
    assert client.get("/admin/search?q=coffee").text.count('href="/admin/airport-report/1"') == 1
    log_in(client, member("tower"))
    made_by_tower = client.post(
        f"/admin/airport-member/{member('reader').id}", data={"is_superuser": "true"}, follow=False
    )
    assert made_by_tower.status == 403 and not member("reader").is_superuser


def test_a_relation_by_a_text_is_told_with_the_other_faults(client: Client) -> None:
    log_in(client, member("boss"))
    answer = client.post("/admin/airport-report/new", data={"airport_code": "", "name": "", "stars": "4"}, follow=False)
    told = re.findall(r'<a href="#f-(\w+)">[^<]*This field is required', answer.text)
    assert (answer.status, told) == (422, ["airport_code", "name", "text"])
    choice = re.search(r'<select[^>]*name="airport_code"[^>]*>', answer.text)
    assert choice is not None and "minlength" not in choice[0]


def test_flights_are_those_of_the_own_club(client: Client) -> None:
    with app.session() as db:
        other = Club(name="Others")
        db.add(other)
        db.flush()
        mine = db.scalars(select(Club).where(Club.id != other.id)).first()
        for club in (mine, other):
            db.add(Flight(club_id=club.id, member_id=None, origin="JFK", destination="HNL", flown=DAY))  # type: ignore[union-attr]
    log_in(client, member("tower"))
    text = client.get("/admin/airport-flight").text
    assert text.count('href="/admin/airport-flight/') >= 1 and "/admin/airport-flight/2" not in text
    assert client.get("/admin/airport-flight/2").status == 404


def test_an_airport_with_flights_of_another_club_stays(client: Client) -> None:
    """Of these is told that there are some, and no more; rows C18 and C20: deleting an airport deletes no flight of theirs."""
    with app.session() as db:
        mine = db.scalars(select(Club).where(Club.name == "Sunday Flyers")).one()
        db.add(other := Club(name="Owls"))
        db.flush()
        for club, day in ((mine, 3), (other, 4)):
            flight = Flight(club_id=club.id, origin="BHM", destination="HNL", flown=datetime.date(2026, 2, day))
            flight.member_id = None
            db.add(flight)
    log_in(client, member("tower"))
    page = client.get("/admin/airport/BHM/delete").text
    assert ("BHM – HNL, 2026-02-03" in page, "2026-02-04" in page) == (True, False)
    assert "and some that you may not see" in page and '<button class="danger">' not in page
    assert client.post("/admin/airport/BHM/delete", follow=False).headers["location"].endswith("/BHM/delete")
    asked = client.post("/admin/airport/-/actions", data={"action": "delete", "keys": "BHM"}, follow=False)
    question = asked.headers["location"]
    assert '<button class="danger">' not in client.get(question).text
    refused = client.post(question, data={"counted": "1"}, follow=False)
    assert refused.status == 422 and "Something stands in the way" in refused.text
    with app.session() as db:
        db.execute(delete(Flight).where(Flight.club_id == other.id))
    assert client.post("/admin/airport/BHM/delete", follow=False).status == 303
    with app.session() as db:
        assert db.get(Row, "BHM") is None


@pytest.mark.parametrize(("interface", "kind"), [("asgi", "sqlite"), ("wsgi", "postgresql")])
def test_it_is_served(service: Any, tmp_path: Path, interface: str, kind: str) -> None:
    with databases.fresh(kind, tmp_path) as url:
        own = {
            "DATABASE_URL": url,
            "SECRET_KEY": "a long text that nobody can guess, for a test",
            "MAIL_URL": "console:",
        }
        own["AIRPORTS_UPLOADS"] = str(tmp_path / "uploads")
        with Serving("db", "migrate", "examples/airports/app.py", environment=own) as migrating:
            assert migrating.process.wait(60) == 0, migrating.output
        with Serving("run", "examples/airports/app.py", "office-people", environment=own) as making:
            assert making.process.wait(60) == 0, making.output
            making.said("reader@")
            found = re.search(r"boss@airports\.example  (\S+)", making.output)
        assert found is not None, making.output
        words = ("serve", "examples/airports/app.py", "--port", "0", *SERVERS[interface])
        with Serving(*words, environment=own) as server, contextlib.closing(Visitor(server.ready().port)) as visitor:
            visitor.log_in("boss@airports.example", found[1])
            page = visitor.ask("/admin/")[1]
            import_many(visitor)
    assert "Airports, inside" in page and "3,364" in page


class Visitor:
    """A browser with a person at it, as far as this wants one."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookies = ""

    def ask(self, path: str, body: bytes | None = None, content_type: str = "") -> tuple[int, str]:
        """The status of a page, and what is on it, or where it leads to."""
        kind = {"Content-Type": content_type} if body is not None else {}
        sent = {"Cookie": self._cookies, "Sec-Fetch-Site": "same-origin", "Accept": "text/html", **kind}
        self._connection.request("GET" if body is None else "POST", path, body, sent)
        answer = self._connection.getresponse()
        cookies = [each.partition(";")[0] for each in answer.headers.get_all("set-cookie") or []]
        self._cookies = "; ".join(cookies) or self._cookies
        text = answer.read().decode()
        return answer.status, answer.headers.get("location") or text

    def send(self, path: str, **fields: Any) -> str:
        """Send a form, and tell where it leads to."""
        body = urlencode(fields, doseq=True).encode()
        status, where = self.ask(path, body, "application/x-www-form-urlencoded")
        assert status == 303, where
        return where

    def close(self) -> None:
        self._connection.close()

    def log_in(self, email: str, password: str) -> None:
        self.send("/account/login", email=email, password=password)


def import_many(visitor: Visitor) -> None:
    """So many rows that the outbox reads them, while a page shows how far it is; and writes them when it is told to."""
    names = ["code", "name", "city", "state", "latitude", "longitude"]
    rows = [f"{number:04},Field {number},Nowhere,AK,60.5,-150.25" for number in range(1_200)]
    file = "\r\n".join([",".join(names), *rows])
    part = 'Content-Disposition: form-data; name="file"; filename="fields.csv"\r\nContent-Type: text/csv'
    body = f"--edge\r\n{part}\r\n\r\n{file}\r\n--edge--\r\n".encode()
    status, where = visitor.ask("/admin/airport/-/import", body, "multipart/form-data; boundary=edge")
    assert status == 303, where
    assert "It is done." not in waited(visitor, visitor.send(where, columns=names, keys="code"))
    assert "<dd>1200</dd>" in visitor.ask(f"{where}/preview")[1].replace(",", "")
    assert visitor.ask("/admin/airport/1199")[0] == 404
    assert "It is done." in waited(visitor, visitor.send(f"{where}/run"))
    assert visitor.ask("/admin/airport/1199")[0] == 200


def waited(visitor: Visitor, page: str) -> str:
    """What the page of a job says once it goes on no more."""
    end, text = time.monotonic() + 30, ""
    while "What has come of it" not in text and time.monotonic() < end:
        time.sleep(0.05)
        text = visitor.ask(page)[1]
    return text


def test_an_empty_office_is_filled_so_that_there_is_something_to_see(client: Client) -> None:
    """As `scripts/demo` does; and once only."""
    (command,) = (each for each in app.commands if each.__name__ == "office_samples")
    assert command() == "40 reports, two clubs and their flights."
    assert command() == "There are reports already."
    log_in(client, member("tower"))
    home = client.get("/admin/").text
    assert "Nothing yet" not in home and "★ " in home
    for path in ("airport/-/export", "airport/-/import", "airport-report/-/export", "history"):
        assert client.get(f"/admin/{path}").status == 200, path
    with app.session() as db:
        photo = db.scalars(select(Report.photo).where(Report.photo.is_not(None))).first()
        assert photo is not None and photo.media_type == "image/png"
