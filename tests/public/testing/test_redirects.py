"""Redirects are followed where the test says so, by the rules of RFC 9110 §15.4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wholestack import App, Body, Redirect, Request, Response
from wholestack.testing import Client, ClientFault

ClientOf = Callable[..., Client]


def app() -> App:
    app = App(docs=False)

    @app.route("/to/{status:int}", methods=["GET", "POST", "PUT", "DELETE"])
    def lead(status: int, to: str = "/end") -> Response:
        return Response(b"", status, headers={"location": to})

    @app.get("/end")
    @app.route("/end", methods=["DELETE"])
    def end(request: Request) -> dict[str, Any]:
        return {"method": request.method, "url": request.url, "headers": dict(request.headers), "body": ""}

    @app.post("/end")
    @app.put("/end")
    def end_with_body(request: Request, body: Body[bytes]) -> dict[str, Any]:
        return {"method": request.method, "headers": dict(request.headers), "body": body.decode()}

    @app.get("/round")
    def again(n: int = 0) -> Redirect:
        return Redirect(f"/round?n={n + 1}")

    @app.get("/login")
    def login() -> Redirect:
        answer = Redirect("/end")
        answer.set_cookie("id", "7")
        return answer

    @app.get("/nowhere")
    def nowhere() -> Response:
        return Response(b"", 300)

    return app


def test_only_where_it_is_said(client_of: ClientOf) -> None:
    client = client_of(app())
    assert client.get("/to/303").status == 303
    answer = client.get("/to/303", follow=True).expect(200)
    assert [each.status for each in answer.history] == [303]
    assert (answer.url, answer.history[0].url) == ("http://testserver/end", "http://testserver/to/303")
    assert client.get("/nowhere", follow=True).status == 300
    assert client.get("/end", follow=True).history == ()


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "POST", "GET", ""),
        (307, "POST", "POST", "text"),
        (308, "POST", "POST", "text"),
        (301, "PUT", "PUT", "text"),
        (303, "PUT", "GET", ""),
        (301, "DELETE", "DELETE", ""),
        (307, "GET", "GET", ""),
    ],
)
def test_methods_and_bodies(client_of: ClientOf, status: int, method: str, then: str, body: str) -> None:
    options = {"body": "text", "headers": {"content-type": "text/plain"}} if method in {"POST", "PUT"} else {}
    seen = client_of(app()).request(method, f"/to/{status}", follow=True, **options).expect(200).json()  # type: ignore[arg-type]
    assert (seen["method"], seen["body"]) == (then, body)
    assert ("content-length" in seen["headers"], "content-type" in seen["headers"]) == (bool(body), bool(body))


def test_head_stays_head(client_of: ClientOf) -> None:
    answer = client_of(app()).head("/to/303", follow=True).expect(200)
    assert (answer.request.method, answer.body) == ("HEAD", b"")


@pytest.mark.parametrize(
    ("to", "url"),
    [
        ("end?x=1", "http://testserver/to/end?x=1"),
        ("../end#part", "http://testserver/end"),
        ("//testserver/end", "http://testserver/end"),
        ("https://testserver/end", "https://testserver/end"),
        ("http://www.testserver/end", "http://www.testserver/end"),
        ("/ä", "http://testserver/%C3%A4"),
    ],
)
def test_where_it_leads(client_of: ClientOf, to: str, url: str) -> None:
    location = to.encode("latin-1").decode("latin-1")
    answer = client_of(app()).get("/to/302", query={"to": location}, follow=True)
    assert answer.url == url


def test_cookies_on_the_way(client_of: ClientOf) -> None:
    seen = client_of(app()).get("/login", cookies={"own": "1"}, follow=True).json()
    assert seen["headers"]["cookie"] == "id=7; own=1"


def test_credentials_stay_at_their_origin(client_of: ClientOf) -> None:
    client = client_of(app(), headers={"authorization": "Bearer x"})
    assert "authorization" in client.get("/to/302", follow=True).json()["headers"]
    away = client.get("/to/302", query={"to": "https://testserver/end"}, follow=True).json()
    assert "authorization" not in away["headers"]


def test_a_host_where_the_app_is_not(client_of: ClientOf) -> None:
    client = client_of(app())
    with pytest.raises(ClientFault, match=r"other\.example"):
        client.get("/to/302", query={"to": "https://other.example/"}, follow=True)
    assert client.get("/to/302", query={"to": "https://other.example/"}).headers["location"] == "https://other.example/"


def test_no_end(client_of: ClientOf) -> None:
    with pytest.raises(ClientFault, match="10 redirects"):
        client_of(app()).get("/round", follow=True)


def test_ten_are_not_too_many(client_of: ClientOf) -> None:
    app = App(docs=False)

    @app.get("/{n:int}")
    def count(n: int) -> Response:
        return Redirect(f"/{n - 1}") if n else Response(b"there")

    answer = client_of(app).get("/10", follow=True).expect(200)
    assert len(answer.history) == 10
    with pytest.raises(ClientFault):
        Client(app, interface=client_of(app).interface).get("/11", follow=True)


def test_a_stream_is_sent_once(client_of: ClientOf) -> None:
    client = client_of(app())
    with pytest.raises(ClientFault, match="sent once"):
        client.post("/to/307", body=iter([b"a"]), follow=True)
    assert client.post("/to/307", body=[b"a", b"b"], follow=True).json()["body"] == "ab"


def test_a_stream_is_followed(client_of: ClientOf) -> None:
    with client_of(app()).stream("GET", "/to/302", follow=True) as answer:
        assert (answer.status, len(answer.history)) == (200, 1)
        assert b'"GET"' in answer.read()
