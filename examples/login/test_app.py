"""The tests of the diary; docs/learn/login.md shows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples.login.app import Writer, app

from wholestack.auth import Auth
from wholestack.db import Database, Session
from wholestack.mail import Mailing
from wholestack.testing import Client, log_in

BROWSER = {"accept": "text/html"}


@pytest.fixture(autouse=True, scope="module")
def elsewhere() -> Iterator[None]:
    """The diary of these tests lies in memory, and its hashes are cheap."""
    app.plugin(Database).move("sqlite://")
    yield


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(app) as client:
        yield client


# [test]
def writer_called(name: str) -> Writer:
    with app.session() as db:
        db.add(writer := Writer(email=f"{name}@example.org", nickname=name))
    return writer


def test_everybody_has_a_diary_of_their_own(client: Client) -> None:
    log_in(client, writer_called("Ann"))
    client.post("/", data={"text": "It has rained."}, follow=True)
    assert "It has rained." in client.get("/").text
    log_in(client, writer_called("Bo"))
    assert "It has rained." not in client.get("/").text
    assert client.post("/1/tear").status == 404


# [/test]
def test_from_the_door_to_the_desk(client: Client) -> None:
    # [visit]
    page = client.get("/", headers=BROWSER, follow=True)
    assert page.url.endswith("/account/login?next=%2F")
    client.post(
        "/account/sign-up", data={"email": "cem@example.org", "password": "a bird in the hand"}, headers=BROWSER
    )
    link = app.plugin(Mailing).backend.letters[-1].message.text.split("http://127.0.0.1:8000")[1].split()[0]
    client.post(link, data={}, headers=BROWSER)
    client.post("/account/login", data={"email": "cem@example.org", "password": "a bird in the hand"}, headers=BROWSER)
    assert "Dear diary" in client.get("/").text
    # [/visit]
    client.post("/", data={"text": "A first page."})
    page = client.get("/").text
    assert "cem@example.org" in page and "Tear out" in page and "Statistics" not in page
    number = page.partition("/tear")[0].rpartition("/")[2]
    client.post(f"/{number}/tear")
    assert "A first page." not in client.get("/").text


def test_who_may_see_statistics(client: Client) -> None:
    assert client.get("/about").text == "A diary for everybody."
    writer = writer_called("Dee")
    log_in(client, writer)
    assert client.get("/about").text == "Hello, Dee."
    assert client.get("/statistics").status == 403

    def grant(db: Session) -> None:
        tables = app.plugin(Auth).tables
        db.add(role := tables.role(name="counters", permissions=["diary.statistics"]))
        db.flush()
        db.add(tables.membership(user_id=writer.id, role_id=role.id))

    with app.session() as db:
        grant(db)
    assert client.get("/statistics").json()["entries"] >= 0
