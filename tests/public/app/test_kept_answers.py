"""An answer that a handler, an error handler or a middleware keeps for many requests: what one adds no other sends."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from wholestack import JSON, App, HTTPError, Redirect, Request, Response, Text
from wholestack.middleware import Nonce, SecurityHeaders
from wholestack.templates import Page, Templates
from wholestack.testing import Client

KEPT = {
    "text": Text("kept"),
    "json": JSON({"kept": True}),
    "redirect": Redirect("/"),
    "page": Page("kept.html"),
    "error": Text("error", 418),
    "closed": Text("closed", 503),
}


class Visitor:
    pass


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    (tmp_path / "kept.html").write_text('{{ request.query["who"][0] }} <script nonce="{{ nonce }}"></script>')
    app = App(docs=False)
    app.use(SecurityHeaders(), Templates(str(tmp_path)))
    told: list[str] = []

    @app.provide
    def visitor(request: Request) -> Generator[Visitor, Response, None]:
        response = yield Visitor()
        response.set_cookie("who", request.query["who"][0])
        response.after(told.append, request.query["who"][0])

    @app.middleware
    def by(request: Request) -> Generator[None, Response, Response]:
        if request.path == "/closed":
            return KEPT["closed"]
        response = yield
        response.headers.set("x-who", request.query["who"][0])
        response.headers.vary(request.query["who"][0])
        return response

    @app.middleware
    def inner(request: Request) -> Generator[None, Response, Response]:
        response = yield
        return KEPT["closed"] if request.path == "/late" else response

    def answering(name: str) -> Any:
        def handler(visitor: Visitor) -> Response:
            return KEPT[name]

        return handler

    for name in ("text", "json", "redirect"):
        app.get(f"/{name}")(answering(name))

    @app.get("/page")
    def page(visitor: Visitor) -> Page:
        return KEPT["page"]  # type: ignore[return-value]

    @app.get("/error")
    def error() -> str:
        raise HTTPError(status=418)

    @app.on_error(HTTPError)
    def shown(error: HTTPError) -> Response:
        return KEPT["error"]

    app.get("/late")(lambda: "late")
    app.get("/told")(lambda: told)
    return Client(app, interface=request.param, raise_errors=False)


@pytest.mark.parametrize("path", ["text", "json", "redirect", "page", "error", "late"])
def test_what_one_request_adds_no_other_sends(client: Client, path: str) -> None:
    for who in ("ann", "bob", "ann"):
        client.cookies.clear()
        answer = client.get(f"/{path}?who={who}")
        assert answer.headers.get_all("x-who") == [who]
        assert who in answer.headers["vary"] and {"ann": "bob", "bob": "ann"}[who] not in answer.headers["vary"]
        cookies = answer.headers.get_all("set-cookie")
        assert [each.partition(";")[0] for each in cookies] == ([] if path in {"error", "late"} else [f"who={who}"])
        if path == "page":
            word = answer.text.partition('nonce="')[2].partition('"')[0]
            assert answer.text.startswith(who)
            assert f"'nonce-{word}'" in answer.headers["content-security-policy"]
    assert client.get("/closed?who=cy").headers.get_all("x-who") == []


def test_what_is_done_afterwards_is_done_once(client: Client) -> None:
    with client:
        for who in ("ann", "bob"):
            client.get(f"/text?who={who}")
    with client:
        assert client.get("/told?who=cy").json() == ["ann", "bob"]


def test_the_kept_ones_are_as_they_were(client: Client) -> None:
    for name in ("text", "json", "redirect", "page", "error"):
        client.get(f"/{name}?who=ann")
    assert all(set(dict(each.headers.pairs)) <= {"location"} for each in KEPT.values())


def test_a_nonce_of_the_handler_and_of_its_page_is_one(client: Client, tmp_path: Path) -> None:
    app = App(docs=False)
    (tmp_path / "one.html").write_text("{{ nonce }} {{ own }}")
    app.use(SecurityHeaders(), Templates(str(tmp_path)))

    @app.get("/")
    def one(nonce: Nonce) -> Page:
        return Page("one.html", own=nonce)

    first, second = Client(app).get("/").text.split()
    assert first == second
