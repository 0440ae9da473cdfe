"""The header fields of a request are the same on each interface, whichever way and in whichever order they are asked."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from wholestack import App, Request
from wholestack.http import AskedHeaders, Headers


def told(headers: Headers) -> dict[str, Any]:
    return {
        "get": [headers.get(name) for name in ("X-Tag", "x-empty", "content-type", "x_tag", "no", "é", "\ud800")],
        "default": [headers.get("no", "none"), headers.get("x-empty", "none"), headers.get("content-length", "none")],
        "all": [headers.get_all(name) for name in ("X-Tag", "x-empty", "no")],
        "in": [name in headers for name in ("X-Tag", "x-empty", "x_tag", "content-length", 1)],  # type: ignore[operator]
        "host": headers["Host"],
        "names": sorted(headers),
        "count": len(headers),
        "pairs": sorted(headers.pairs),
    }


@pytest.mark.parametrize("twice", [False, True])
def test_fields_are_the_same_whichever_way_they_are_asked(serve: Any, twice: bool) -> None:
    app, seen = App(docs=False), []

    @app.get("/")
    def handler(request: Request) -> str:
        headers = request.headers
        with pytest.raises(KeyError):
            headers["no"]
        first = told(headers)
        assert first == told(copy.copy(headers)) == told(Headers(headers.pairs))
        seen.append(first)
        return repr(headers)

    sent = [("x-tag", "Zoë"), ("x-empty", ""), *([("x-more", "1"), ("x-more", "2")] if twice else [])]
    client = serve(app)
    answer = client.get("/", headers=sent)
    assert answer.status == 200, answer.text
    assert "Zo" not in answer.text
    (found,) = seen
    assert found["get"] == ["Zoë", "", None, None, None, None, None]
    assert found["default"] == ["none", "", "none"]
    assert found["all"] == [["Zoë"], [""], []]
    assert found["in"] == [True, True, False, False, False]
    assert found["host"] == "example.org"
    assert found["names"] == ["host", "x-empty", *(["x-more"] if twice else []), "x-tag"]
    assert found["count"] == len(found["names"])


def test_of_a_field_that_came_twice_both_are_there(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def handler(request: Request) -> list[str]:
        return [*request.headers.get_all("x-tag"), str(request.headers.get("x-tag"))]

    client = serve(app)
    found = client.get("/", headers=[("x-tag", "a"), ("x-tag", "b")]).json()
    # A WSGI server has joined them before anybody sees them (PEP 3333).
    assert found in (["a", "b", "a"], ["a,b", "a,b"], ["a, b", "a, b"])
    assert (found[0] == "a") == (client.interface != "wsgi")


def test_asked_headers_have_no_other_attributes() -> None:
    headers = AskedHeaders({"host": "a"}.get, {"host": "a"}.items)
    with pytest.raises(AttributeError):
        headers.nothing  # type: ignore[attr-defined]  # noqa: B018
