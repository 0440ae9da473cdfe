"""What the guide to versions shows."""

from examples.versions import by_header
from examples.versions.app import app

from wholestack.openapi import compare, document
from wholestack.testing import Client


def test_each_version_has_a_document_and_a_page():
    client = Client(app)
    # [documents]
    assert list(client.get("/v1/openapi.json").json()["paths"]) == ["/v1/films"]
    assert client.get("/v2/openapi.json").json()["info"] == {"title": "Cinema", "version": "2.0.0"}
    assert list(client.get("/openapi.json").json()["paths"]) == ["/v1/films", "/v2/films"]
    assert "Cinema 1.4.0" in client.get("/v1/docs").text
    # [/documents]
    assert list(document(app, below="/v2")["components"]["schemas"]) == ["Film"]


def test_the_old_one_says_so():
    answer = Client(app).get("/v1/films")
    # [headers]
    assert answer.headers["deprecation"] == "@1767225600"
    assert answer.headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer.headers.get_all("link") == [
        '</v2>; rel="successor-version"',
        '<https://cinema.example.org/moving-to-2>; rel="deprecation"',
        '<https://cinema.example.org/moving-to-2>; rel="sunset"',
    ]
    # [/headers]
    operation = document(app)["paths"]["/v1/films"]["get"]
    # [shown]
    assert operation["deprecated"] is True
    assert operation["x-sunset"] == "2027-01-01"
    assert operation["description"].startswith("Deprecated since 2026-01-01. It is likely to stop at 2027-01-01.")
    # [/shown]
    assert "deprecation" not in Client(app).get("/v2/films").headers


def test_what_breaks():
    # [compare]
    old, new = document(app), document(app)
    film = new["components"]["schemas"]["Film"]
    del film["properties"]["year"]
    film["required"].remove("year")
    (change,) = [each for each in compare(old, new) if each.breaks]
    assert change.kind == "field-removed"
    assert change.pointer == "/components/schemas/Film/properties/year"
    assert change.text == "What a client gets: The field `year` is gone."
    assert change.operations == ("GET /v2/films",)
    # [/compare]


def test_a_header_field_says_which():
    client = Client(by_header.app)
    # [by-header]
    assert client.get("/films", headers={"api-version": "1"}).json() == [{"name": "The Sea"}]
    answer = client.get("/films")
    assert answer.json() == [{"title": "The Sea", "year": 2026}]
    assert (answer.headers["api-version"], answer.headers["vary"]) == ("2", "API-Version")
    assert client.get("/films", headers={"api-version": "3"}).expect(400).json()["code"] == "unknown-version"
    (field,) = client.get("/v1/openapi.json").json()["paths"]["/films"]["get"]["parameters"]
    assert (field["name"], field["required"], field["schema"]["const"]) == ("API-Version", True, "1")
    # [/by-header]
    assert client.get("/v1/films").json() == [{"name": "The Sea"}]
