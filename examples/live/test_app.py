"""The tests of docs/learn/live-data.md."""

from typing import Any

from examples.live.app import Note, Notes, Typing, app

from wholestack.testing import Client


def test_the_page_may_run_its_script() -> None:
    with Client(app) as client:
        answer = client.get("/", headers={"accept": "text/html"}).expect(200)
        assert "/page.js" in answer.text
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        assert "EventSource" in client.get("/page.js").expect(200).text


# [events]
def test_who_comes_back_gets_what_was_added_meanwhile() -> None:
    with app.replace(Notes, Notes) as twin, Client(twin) as client:
        client.post("/notes", json={"text": "buy milk"}).expect(201)
        events = client.events("/notes/added", Note, after="0")
        assert next(events).event == "reset"  # An id that is not known: begin anew.
        client.post("/notes", json={"text": "drink it"}).expect(201)
        assert next(events).data == Note(id=2, text="drink it")


# [/events]


# [socket]
def test_everybody_sees_who_types() -> None:
    with Client(app) as client, client.socket("/typing") as ann, client.socket("/typing") as bob:
        ann.send(Typing(name="Ann", typing=True))
        assert bob.receive(Typing) == Typing(name="Ann", typing=True)
        bob.send({"name": "", "typing": False})
        ann.receive(Typing)
        problem = bob.receive(Typing | dict[str, Any])
        problem = bob.receive(dict[str, Any]) if isinstance(problem, Typing) else problem
        assert problem["errors"][0]["pointer"] == "/name"


# [/socket]
