"""The live page of the richest example: events and a typed socket, from tests and from a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.airports.app import Change, Here, Line, Said, app

from browsing import serving
from servers.serving import Serving
from wholestack.testing import Client, SocketRefused

KEY = {"x-api-key": "demo"}


@pytest.fixture
def client() -> Iterator[Client]:
    """The app with the data that is shipped: it lies in memory, and ends with the client."""
    with Client(app) as client:
        yield client


def test_changes_come_as_events_and_again_to_who_comes_back(client: Client) -> None:
    events = client.events("/changes", Change)
    assert client.patch("/airports/GRR", json={"city": "Grand Rapids"}, headers=KEY).status == 200
    first = next(events)
    assert first.data == Change(code="GRR", action="changed")
    events.close()
    assert client.delete("/airports/GRR", headers=KEY).status == 204
    again = client.events("/changes", Change, after=first.id)
    assert next(again).data == Change(code="GRR", action="removed")
    again.close()


def test_talk_with_presence(client: Client) -> None:
    with client.socket("/airports/JFK/talk?name=Ann") as ann:
        assert ann.receive(Line) == Here(names=["Ann"])
        with client.socket("/airports/JFK/talk?name=Bob") as bob:
            assert ann.receive(Line) == bob.receive(Line) == Here(names=["Ann", "Bob"])
            bob.send({"text": " Hello! "})
            assert ann.receive(Line) == bob.receive(Line) == Said(name="Bob", text="Hello!")
            bob.send({"text": ""})
            problem = bob.receive(dict[str, Any])
            assert problem["status"] == 422 and problem["errors"][0]["pointer"] == "/text"
        assert ann.receive(Line) == Here(names=["Ann"])


def test_a_socket_of_no_airport_is_refused_before_it_opens(client: Client) -> None:
    with pytest.raises(SocketRefused) as refused, client.socket("/airports/ZZZZ/talk?name=Ann"):
        pass
    assert refused.value.answer.json()["code"] == "no-such-airport"


def test_two_browsers_talk_and_see_changes(service: Any, browser: Any, tmp_path: Path) -> None:
    chromium, said, pages = browser(service("chromium")), list[str](), []
    own = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'airports.db'}",
        "SECRET_KEY": "a long text for a test, and nobody's",
    }
    with Serving("db", "migrate", "examples/airports/app.py", environment=own) as migrating:
        assert migrating.process.wait(60) == 0, migrating.output
    with Serving("serve", "examples/airports/app.py", "--port", "0", environment=own) as server:
        address = f"http://127.0.0.1:{server.ready().port}"
        for name in ("Ann", "Bob"):
            page = chromium.new_context(viewport={"width": 360, "height": 700}).new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(f"{address}/live")
            page.get_by_text("Connected.").wait_for()
            page.get_by_label("Your name").fill(name)
            page.get_by_role("button", name="Join").click()
            page.get_by_label("Say something").wait_for()
            pages.append(page)
        ann, bob = pages
        ann.get_by_text("Here: Ann, Bob").wait_for()
        bob.get_by_label("Say something").fill("<b>Hello</b>")
        bob.get_by_role("button", name="Say it").click()
        ann.get_by_text("Bob: <b>Hello</b>").wait_for()
        assert ann.request.patch(f"{address}/airports/GRR", data={"city": "GR"}, headers=KEY).status == 200
        for page in pages:
            page.get_by_text("GRR was changed").wait_for()
        assert ann.evaluate("document.documentElement.scrollWidth") <= 360
        bob.close()
        ann.get_by_text("Here: Ann", exact=True).wait_for()
        ann.close()
    assert said == []


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_of_sockets_and_events_fits(service: Any, browser: Any, width: int) -> None:
    said: list[str] = []
    with serving(app) as address:
        page = browser(service("chromium")).new_page(viewport={"width": width, "height": 700})
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{address}/asyncapi")
        assert page.get_by_text("/airports/{code}/talk").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()
    assert said == []
