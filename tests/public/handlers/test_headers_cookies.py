"""Rule 3: values marked as read from header fields and cookies."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from wholestack import App, Cookie, Header, Limits, Request


class Trace(pydantic.BaseModel):
    x_trace: str
    x_hop: list[int] = []
    agent: str = pydantic.Field("", alias="user-agent")


class Choice(pydantic.BaseModel):
    theme: str = "light"
    size: Annotated[int, pydantic.Field(ge=8)] = 12


def test_header_fields(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(
        x_token: Header[str],
        x_count: Header[int] = 0,
        accept_language: Header[str | None] = None,
        key: Header[Annotated[str, pydantic.Field(alias="X-API-Key", min_length=3)]] = "none",
    ) -> list[object]:
        return [x_token, x_count, accept_language, key]

    client = serve(app)
    assert client.get(
        "/", headers={"X-Token": "t", "x-count": "2", "Accept-Language": "de", "x-api-key": "abc"}
    ).json() == [*("t", 2, "de", "abc")]
    assert client.get("/", headers={"x-token": "t"}).json() == ["t", 0, None, "none"]
    assert client.get("/", headers={"x-count": "many", "x-api-key": "a"}).faults == [
        ("header", "/x-token", "missing"),
        ("header", "/x-count", "int_parsing"),
        ("header", "/x-api-key", "string_too_short"),
    ]


def test_a_header_field_given_twice(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/one")
    def one(x_user: Header[str]) -> str:
        return x_user

    @app.get("/many")
    def many(x_tag: Header[list[str]] = []) -> list[str]:  # noqa: B006
        return x_tag

    client = serve_one(app)
    assert client.get("/one", headers=[("x-user", "a"), ("x-user", "b")]).faults == [
        ("header", "/x-user", "string_type")
    ]
    assert client.get("/many", headers=[("x-tag", "a"), ("x-tag", "b")]).json() == ["a", "b"]
    assert client.get("/many").json() == []


def test_a_model_of_header_fields(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(trace: Header[Trace]) -> Trace:
        return trace

    client = serve(app)
    assert client.get("/", headers={"x-trace": "a", "x-hop": "3", "user-agent": "curl"}).json() == {
        "x_trace": "a",
        "x_hop": [3],
        "user-agent": "curl",
    }
    assert client.get("/", headers={"x-hop": "x"}).faults == [
        ("header", "/x_trace", "missing"),
        ("header", "/x_hop/0", "int_parsing"),
    ]


def test_cookies(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(theme: Cookie[str] = "light", visits: Cookie[int] = 0) -> list[object]:
        return [theme, visits]

    client = serve(app)
    assert client.get("/").json() == ["light", 0]
    assert client.get("/", headers={"cookie": "theme=dark; visits=3; other=1"}).json() == ["dark", 3]
    assert client.get("/", headers={"cookie": "visits=many; visits=4"}).faults == [("cookie", "/visits", "int_parsing")]


def test_a_model_of_cookies(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(choice: Cookie[Choice]) -> Choice:
        return choice

    client = serve(app)
    assert client.get("/", headers={"cookie": "theme=dark"}).json() == {"theme": "dark", "size": 12}
    assert client.get("/", headers={"cookie": "size=7"}).faults == [("cookie", "/size", "greater_than_equal")]


def test_the_apps_own_limits_hold_for_cookies(serve: Any) -> None:
    app = App(docs=False, limits=Limits(cookies=2))

    @app.get("/typed")
    def typed(a: Cookie[str] = "") -> str:
        return a

    @app.get("/raw")
    def raw(request: Request) -> int:
        return len(request.cookies)

    client = serve(app)
    for path in ("/typed", "/raw"):
        assert client.get(path, headers={"cookie": "a=1; b=2"}).status == 200
        assert client.get(path, headers={"cookie": "a=1; b=2; c=3"}).status in {400, 431}
