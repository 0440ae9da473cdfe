"""Versions: documents apart, and what tells clients that an old one is on its way out."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from wholestack import App, NotFound, Response, Router
from wholestack.openapi import Deprecated, OpenAPI, document

Serve = Callable[[App], Any]
DAY = datetime.date(2026, 1, 1)


def two(*, versions: dict[str, str] | None = None) -> App:
    """Two versions with a model of one name each, and a path that only begins like one."""
    app = App(title="Notes")
    app.use(OpenAPI(versions={"/v1": "1.2", "/v2": "2.0"} if versions is None else versions))
    for number, kind in ((1, int), (2, str)):
        router = Router(f"/v{number}")
        note = type("Note", (BaseModel,), {"__annotations__": {"text": kind}, "__module__": f"shop.v{number}"})
        router.get("/notes", returns=note)(lambda: None)
        router.get("", returns=str)(lambda: "")
        app.include(router)
    app.get("/v10/notes")(lambda: "ten")
    return app


def test_each_version_has_a_document_of_its_own(serve: Serve) -> None:
    client = serve(two())
    first, second = (client.get(f"/v{number}/openapi.json").json() for number in (1, 2))
    assert list(first["paths"]) == ["/v1/notes", "/v1"]
    assert first["info"] == {"title": "Notes", "version": "1.2"}
    assert second["info"]["version"] == "2.0"
    assert [each["components"]["schemas"]["Note"]["properties"]["text"]["type"] for each in (first, second)] == [
        "integer",
        "string",
    ]
    assert client.get("/v1/openapi.json").headers["etag"] != client.get("/v2/openapi.json").headers["etag"]
    whole = client.get("/openapi.json").json()
    assert list(whole["paths"]) == ["/v10/notes", "/v1/notes", "/v1", "/v2/notes", "/v2"]
    assert document(two(), below="/v1") == first


def test_each_version_has_a_page_that_leads_to_the_others(serve_one: Serve) -> None:
    client = serve_one(two())
    page = client.get("/v1/docs").text
    assert "<title>Notes 1.2</title>" in page
    assert 'data-document="openapi.json"' in page
    assert '<a href="../docs">All</a>\n<a href="docs" aria-current=page>1.2</a>\n<a href="../v2/docs">2.0</a>' in page
    assert client.get("/v1/docs/init.js").status == 200
    assert '<a href="docs" aria-current=page>All</a>' in client.get("/docs").text
    assert "<nav" not in serve_one(two(versions={})).get("/docs").text


@pytest.mark.parametrize("prefix", ["v1", "/v1/", ""])
def test_what_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="is no prefix of a path"):
        OpenAPI(versions={prefix: "1"})


# -- on its way out --------------------------------------------------------------------------------------------------

KEPT = Response(b"kept")


def old_and_new(going: Deprecated) -> App:
    app = App()
    shared = Router()

    @shared.get("/kept")
    def kept() -> Response:
        return KEPT

    @shared.get("/gone", errors=(NotFound,))
    def gone() -> None:
        """Not here.

        It was.
        """
        raise NotFound("Gone.")

    old = Router("/old")
    old.middleware(going)
    old.include(shared)
    app.include(old)
    app.include(shared, at="/new")
    return app


def told(answer: Any) -> dict[str, list[str]]:
    return {name: answer.all(name) for name in ("deprecation", "sunset", "link") if answer.all(name)}


def test_every_answer_below_an_old_router_says_so_and_no_other(serve: Serve) -> None:
    going = Deprecated(DAY, sunset=datetime.date(2027, 1, 1), successor="/new", link="https://example.org/moving")
    client = serve(old_and_new(going))
    expected = {
        "deprecation": ["@1767225600"],
        "sunset": ["Fri, 01 Jan 2027 00:00:00 GMT"],
        "link": [
            '</new>; rel="successor-version"',
            '<https://example.org/moving>; rel="deprecation"',
            '<https://example.org/moving>; rel="sunset"',
        ],
    }
    for path, status in (("kept", 200), ("gone", 404), ("kept", 200)):
        old, new = client.get(f"/old/{path}"), client.get(f"/new/{path}")
        assert (old.status, told(old)) == (status, expected)
        assert (new.status, told(new)) == (status, {})


def test_only_what_is_known_is_said(serve_one: Serve) -> None:
    assert told(serve_one(old_and_new(Deprecated(DAY))).get("/old/kept")) == {"deprecation": ["@1767225600"]}
    app = App()
    app.use(Deprecated(DAY, link="/moving"))
    found = {"deprecation": ["@1767225600"], "link": ['</moving>; rel="deprecation"']}
    assert told(serve_one(app).get("/nothing")) == found


def test_moments_are_told_in_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    going = Deprecated(
        datetime.datetime(2026, 1, 1, 1, 59, 59, 5, tzinfo=zone),
        sunset=datetime.datetime.fromisoformat("2026-06-01T12:00"),
    )
    assert going.headers == (("deprecation", "@1767225599"), ("sunset", "Mon, 01 Jun 2026 12:00:00 GMT"))


def test_a_sunset_before_the_deprecation_is_refused() -> None:
    with pytest.raises(ValueError, match="the sunset lies before"):
        Deprecated(DAY, sunset=datetime.date(2025, 12, 31))
    assert Deprecated(DAY, sunset=DAY).sunset == Deprecated(DAY).since


def test_no_field_is_smuggled_in() -> None:
    with pytest.raises(Exception, match="link"):
        Deprecated(DAY, link="/a\r\nset-cookie: a=b")


def test_the_document_shows_it() -> None:
    made = document(old_and_new(Deprecated(DAY, sunset=datetime.date(2027, 1, 1), successor="/new", link="/moving")))
    gone = made["paths"]["/old/gone"]["get"]
    assert gone["deprecated"] is True
    assert gone["x-sunset"] == "2027-01-01"
    assert gone["description"] == (
        "Deprecated since 2026-01-01. It is likely to stop at 2027-01-01. Use [/new](/new) instead. "
        "[How to move](/moving).\n\nIt was."
    )
    assert not {"deprecated", "x-sunset"} & set(made["paths"]["/new/gone"]["get"])
    assert made["paths"]["/new/gone"]["get"]["description"] == "It was."


def test_the_nearest_one_counts(serve_one: Serve) -> None:
    app, inner = App(), Router()
    app.middleware(Deprecated(datetime.date(2020, 1, 1), link="/old"))
    inner.middleware(Deprecated(DAY))
    inner.get("/notes")(lambda: "milk")
    app.include(inner)
    assert document(app)["paths"]["/notes"]["get"]["description"] == "Deprecated since 2026-01-01."
    assert told(serve_one(app).get("/notes")) == {"deprecation": ["@1767225600"]}
