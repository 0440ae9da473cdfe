"""What a test reads of an answer, over each interface."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import BaseModel

from wholestack import App, NotFound, Redirect, Response, Text
from wholestack.errors import WholestackError
from wholestack.testing import BrokenAnswer, Client, UnexpectedAnswer

ClientOf = Callable[..., Client]


class Order(BaseModel):
    name: str
    count: int


def shop() -> App:
    app = App(docs=False)

    @app.get("/text")
    def text() -> Response:
        answer = Text("Zoë")
        answer.set_cookie("id", "7", max_age=60)
        answer.set_cookie("theme", "dark")
        answer.headers.add("x-tag", "a")
        answer.headers.add("x-tag", "b")
        return answer

    @app.get("/latin")
    def latin() -> Response:
        return Response("Zoë".encode("latin-1"), media_type="text/plain; charset=latin-1")

    @app.get("/odd")
    def odd() -> Response:
        return Response(b"odd", media_type="text/plain; charset=no-such")

    @app.get("/bytes")
    def raw() -> bytes:
        return b"\xff\x00"

    @app.get("/missing")
    def missing() -> None:
        raise NotFound("There is no note 7.", code="note-gone")

    @app.get("/nothing")
    def nothing() -> None:
        return None

    @app.get("/away")
    def away() -> Redirect:
        return Redirect("/text")

    @app.get("/list")
    def values() -> list[int]:
        return [1, 2]

    @app.get("/strange")
    def strange() -> Response:
        return Response(b"{", 299, "application/json")

    @app.post("/orders")
    def order(new: Order) -> Order:
        return new

    return app


def test_text_bytes_and_headers(client_of: ClientOf) -> None:
    client = client_of(shop())
    answer = client.get("/text")
    assert (answer.status, answer.text, answer.body, answer.media_type) == (200, "Zoë", "Zoë".encode(), "text/plain")
    assert (answer.headers["X-Tag"], answer.headers.get_all("x-tag")) == ("a", ["a", "b"])
    assert answer.cookies == {"id": "7", "theme": "dark"}
    assert answer.url == "http://testserver/text"
    assert (answer.history, answer.request.method) == ((), "GET")
    assert len(answer.request_id) == 16
    assert client.get("/latin").text == "Zoë"
    assert client.get("/odd").text == "odd"
    assert client.get("/bytes").body == b"\xff\x00"
    assert client.get("/list").json() == [1, 2]
    assert (client.get("/nothing").status, client.get("/nothing").body) == (204, b"")
    assert repr(answer) == "<Answer 200 OK to GET http://testserver/text>"
    assert repr(client.get("/strange")) == "<Answer 299 to GET http://testserver/strange>"


def test_what_is_not_json(client_of: ClientOf) -> None:
    with pytest.raises(BrokenAnswer, match=r"text/plain, 4 bytes"):
        client_of(shop()).get("/text").json()


def test_expect(client_of: ClientOf) -> None:
    client = client_of(shop())
    answer = client.get("/text")
    assert answer.expect(200) is answer
    assert answer.expect(404, 200) is answer
    with pytest.raises(AssertionError) as raised:
        client.get("/missing?x=1").expect(200, 204)
    assert isinstance(raised.value, UnexpectedAnswer) and isinstance(raised.value, WholestackError)
    lines = str(raised.value).splitlines()
    assert lines[0] == "GET http://testserver/missing?x=1 was answered 404 Not Found, not 200 or 204."
    assert lines[1] == "    note-gone: There is no note 7."
    assert "request id: " in lines[-1]


def test_expect_shows_every_fault_and_no_value(client_of: ClientOf) -> None:
    client = client_of(shop(), headers={"authorization": "Bearer hidden"})
    with pytest.raises(UnexpectedAnswer) as raised:
        client.post("/orders", json={"count": "hidden"}).expect(200)
    report = str(raised.value)
    assert "body /name: missing: " in report
    assert "body /count: int_parsing: " in report
    assert "authorization" in report
    assert "a body of 18 bytes" in report
    assert "hidden" not in report


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/text", "Zoë"),
        ("/bytes", "application/octet-stream, 2 bytes"),
        ("/away", "location: /text"),
        ("/list", "[1, 2]"),
        ("/strange", "{"),
        ("/nothing", "no media type, 0 bytes"),
    ],
)
def test_expect_shows_what_came(client_of: ClientOf, path: str, shown: str) -> None:
    with pytest.raises(UnexpectedAnswer) as raised:
        client_of(shop()).get(path).expect(500)
    assert str(raised.value).splitlines()[1] == f"    {shown}"


def test_expect_shows_the_way(client_of: ClientOf) -> None:
    with pytest.raises(UnexpectedAnswer) as raised:
        client_of(shop()).get("/away", follow=True).expect(500)
    assert "after: GET http://testserver/away was answered 303" in str(raised.value)
