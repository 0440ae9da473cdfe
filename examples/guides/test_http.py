"""What docs/guides/http.md shows, and the tests that hold it."""

from __future__ import annotations

import pytest

from wholestack import App, Request, Response, Text
from wholestack.http import (
    FormParser,
    HeaderFault,
    Headers,
    Limits,
    MutableHeaders,
    Refused,
    etag_of,
    http_date,
    negotiate,
    parse_query,
    parse_ranges,
    preconditions,
    safe_redirect,
)
from wholestack.testing import Client

app = App(docs=False)


# [request]
@app.get("/echo/{name}")
def echo(request: Request) -> dict[str, object]:
    return {
        "method": request.method,
        "path": request.path,
        "params": request.params,
        "query": request.query,
        "url": request.url,
        "agent": request.headers.get("user-agent"),
        "theme": request.cookies.get("theme"),
        "client": request.client,
    }


# [/request]
def test_request() -> None:
    headers = {"user-agent": "test", "cookie": "theme=dark"}
    assert Client(app).get("/echo/ada?tag=a&tag=b", headers=headers).json() == {
        "method": "GET",
        "path": "/echo/ada",
        "params": {"name": "ada"},
        "query": {"tag": ["a", "b"]},
        "url": "http://testserver/echo/ada?tag=a&tag=b",
        "agent": "test",
        "theme": "dark",
        "client": "127.0.0.1",
    }


def test_headers() -> None:
    # [headers]
    received = Headers([("Accept", "text/html"), ("X-Tag", "a"), ("X-Tag", "b")])
    assert received["accept"] == "text/html"
    assert received.get_all("x-tag") == ["a", "b"]

    sent = MutableHeaders()
    sent.set("Cache-Control", "no-store")
    sent.vary("Cookie")
    assert sent.pairs == (("cache-control", "no-store"), ("vary", "Cookie"))
    with pytest.raises(HeaderFault):
        sent.set("X-Name", "a\r\nSet-Cookie: stolen=1")
    # [/headers]


# [negotiate]
@app.get("/report")
def report(request: Request) -> Response:
    if negotiate(request.headers.get("accept"), ["text/plain", "text/csv"]) == "text/csv":
        response: Response = Response("a,b\n1,2\n", media_type="text/csv")
    else:
        response = Text("a is 1, b is 2")
    response.headers.vary("accept")
    return response


# [/negotiate]
def test_negotiation() -> None:
    client = Client(app)
    assert client.get("/report", headers={"accept": "text/csv, text/plain;q=0.5"}).text == "a,b\n1,2\n"
    assert client.get("/report").headers["vary"] == "accept"


def test_values() -> None:
    # [values]
    assert parse_query("tag=a&tag=b&q=two+words") == {"tag": ["a", "b"], "q": ["two words"]}
    assert parse_ranges("bytes=0-99, 50-149", 1000, limit=16) == [(0, 150)]
    assert safe_redirect("/basket")
    assert not safe_redirect("//evil.example")
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"

    tag = etag_of(b"content")
    assert preconditions("GET", Headers([("if-none-match", tag)]), tag, None) == 304

    parser = FormParser("application/x-www-form-urlencoded", Limits())
    parser.feed(b"name=Zo%C3")  # however the bytes are cut
    parser.feed(b"%AB&age=36")
    assert parser.close().fields == [("name", "Zoë"), ("age", "36")]
    # [/values]


def test_refusals() -> None:
    # [refused]
    with pytest.raises(Refused) as raised:
        parse_query("q=100%")
    assert (raised.value.status, raised.value.code) == (400, "malformed-query")
    # [/refused]
