"""Errors for programs in the language of the request: titles, details and faults; codes stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pydantic

from wholestack import App, Body, HTTPError, NotFound
from wholestack.languages import Languages
from wholestack.testing import Client


class Plain:
    """A format of the app's own."""

    media_type = "application/json"
    model = dict

    def body(self, error: HTTPError, request_id: str) -> Any:
        return [error.status, error.title] if error.status == 404 else {"title": error.title, "why": error.detail}


class Order(pydantic.BaseModel):
    pieces: Annotated[int, pydantic.Field(ge=1)]
    name: str


def app_with(folder: str, **options: Any) -> App:
    app = App(**options)
    app.use(Languages("en", "de", folder=folder))

    @app.get("/notes/{id}")
    def show(id: int) -> None:
        raise NotFound(
            "There is no such note." if id == 1 else f"There is no note {id}.", extra={"title2": "Not Found"}
        )

    @app.post("/orders")
    def order(new: Body[Order]) -> None:
        """Take an order."""

    return app


def test_problems_in_the_language_of_the_request(write: Callable[..., str], interface: Any) -> None:
    app = app_with(write(de='msgid "There is no such note."\nmsgstr "Diese Notiz gibt es nicht."\n'))
    with Client(app, interface=interface, headers={"accept-language": "de"}) as client:
        answer = client.get("/notes/1")
        problem = answer.json()
        assert (problem["title"], problem["detail"]) == ("Nicht gefunden", "Diese Notiz gibt es nicht.")
        assert (problem["code"], problem["status"], problem["title2"]) == ("not-found", 404, "Not Found")
        assert answer.headers["content-language"] == "de" and "accept-language" in answer.headers["vary"]
        assert client.get("/notes/2").json()["detail"] == "There is no note 2."
        faults = client.post("/orders", json={"pieces": 0}).json()["errors"]
        assert [(each["code"], each["pointer"]) for each in faults] == [
            ("greater_than_equal", "/pieces"),
            ("missing", "/name"),
        ]
        assert faults[1]["detail"] == "Dieses Feld muss ausgefüllt werden."
        assert client.get("/nowhere").json()["title"] == "Nicht gefunden"
        english = client.get("/nowhere", headers={"accept-language": "en"})
        assert english.json()["title"] == "Not Found" and english.headers["content-language"] == "en"


def test_in_english_all_is_as_it_was_without_languages(write: Callable[..., str]) -> None:
    with Client(app_with(write(de=""))) as client, Client(app_with(write(de=""), title="x")) as other:
        plain = App()
        plain.post("/orders")(next(r.handler for r in other.app.routes if r.path == "/orders"))
        with Client(plain) as without:
            found, bare = (each.post("/orders", json={"pieces": 0}).json() for each in (client, without))
            assert {**found, "request_id": ""} == {**bare, "request_id": ""}


def test_a_format_of_the_apps_own_and_the_document(write: Callable[..., str]) -> None:
    folder = write(de="")
    with Client(app_with(folder, errors=Plain()), headers={"accept-language": "de"}) as client:
        assert client.get("/notes/1").json() == [404, "Not Found"], "what is no document is left alone"
        assert client.post("/orders", body=b"{", headers={"content-type": "application/json"}).json()["title"] in {
            "Fehlerhafte Anfrage",
            "Unverarbeitbarer Inhalt",
        }
    with Client(app_with(folder), headers={"accept-language": "de"}) as client:
        document = client.get("/openapi.json").text
        assert '"title":"Bad Request"' in document and "Fehlerhafte" not in document
