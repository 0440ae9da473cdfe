"""Errors: what each one answers, in which shape, and who else may answer for it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import wholestack.errors
from wholestack import (
    JSON,
    App,
    BadRequest,
    Conflict,
    Gone,
    Header,
    HTTPError,
    NotFound,
    Request,
    Router,
    ServiceUnavailable,
    Text,
    TooManyRequests,
    Unauthorized,
)
from wholestack.errors import FieldFault, InternalError, TargetTooLong, ValidationFailed, http_error
from wholestack.http import Refused

KINDS = sorted(
    {
        kind
        for kind in vars(wholestack.errors).values()
        if inspect.isclass(kind) and issubclass(kind, HTTPError) and kind not in {HTTPError, ValidationFailed}
    },
    key=lambda kind: kind.status,
)


class Teapot(HTTPError):
    code, status, detail = "teapot", 418, "Short and stout."


class SmallTeapot(Teapot):
    code = "small-teapot"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_class_is_an_answer(serve_one: Any, kind: type[HTTPError]) -> None:
    app = App(docs=False)

    @app.get("/")
    def show() -> str:
        raise kind("What happened.", headers={"x-more": "1"}, extra={"balance": 30})

    answer = serve_one(app).get("/")
    assert (answer.status, answer.headers["x-more"]) == (kind.status, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem == {
        "balance": 30,
        "type": "about:blank",
        "title": problem["title"],
        "status": kind.status,
        "detail": "What happened.",
        "code": kind.code,
        "request_id": answer.headers["x-request-id"],
    }
    assert problem["title"]
    assert kind.code == kind.code.lower()


def test_no_two_classes_share_a_code_or_a_status() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert len({kind.status for kind in KINDS}) == len(KINDS)


def test_ones_own_class(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/{size}")
    @colour
    def show(size: str) -> str:
        raise SmallTeapot if size == "small" else Teapot("Really.", code="big-teapot", status=419)

    client = serve(app)
    small = client.get("/small")
    assert (small.status, small.json()["code"], small.json()["detail"]) == (418, "small-teapot", "Short and stout.")
    assert small.json()["title"] == "I'm a Teapot"
    big = client.get("/big")
    assert (big.status, big.json()["code"], big.json()["detail"], big.json()["title"]) == (
        419,
        "big-teapot",
        "Really.",
        "Error",
    )


def test_extra_never_overwrites_what_is_ours(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show() -> str:
        raise NotFound(extra={"status": 200, "code": "fine", "more": 1})

    problem = serve_one(app).get("/").json()
    assert (problem["status"], problem["code"], problem["more"]) == (404, "not-found", 1)


def test_headers_that_belong_to_a_status() -> None:
    assert Unauthorized().headers == {"www-authenticate": "Bearer"}
    assert Unauthorized(challenge="Basic").headers == {"www-authenticate": "Basic"}
    assert ServiceUnavailable(retry_after=7).headers == {"retry-after": "7"}
    assert Unauthorized(headers={"www-authenticate": "x"}).headers == {"www-authenticate": "x"}


def test_a_browser_gets_a_page(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/{id}")
    @colour
    def show(id: int) -> str:
        raise NotFound("There is no <b>note</b> & never was.")

    client = serve(app)
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = client.get("/7", headers=browser)
    assert (page.status, page.headers["content-type"], page.headers["vary"]) == (
        404,
        "text/html; charset=utf-8",
        "accept",
    )
    assert "<h1>404 Not Found</h1>" in page.text
    assert "&lt;b&gt;note&lt;/b&gt; &amp; never" in page.text
    assert page.headers["x-request-id"] in page.text
    assert "<script" not in page.text
    faults = client.get("/%3Cscript%3E", headers=browser)
    assert faults.status == 422
    assert "path /id" in faults.text
    assert "<script" not in faults.text
    assert client.get("/7", headers={"accept": "application/json, text/html;q=0.9"}).headers["content-type"] == (
        "application/problem+json"
    )
    assert client.get("/7").headers["vary"] == "accept"


class Ours(pydantic.BaseModel):
    error: str
    where: list[str] = []


class OurErrors:
    media_type = "application/vnd.ours+json"
    model: type = Ours

    def body(self, error: HTTPError, request_id: str) -> dict[str, object]:
        return {"error": error.code, "where": [fault.pointer for fault in error.faults], "id": request_id}


def test_the_shape_is_one_setting(serve: Any, colour: Any) -> None:
    app = App(docs=False, errors=OurErrors())

    @app.get("/{id}")
    @colour
    def show(id: int) -> str:
        raise Conflict

    client = serve(app)
    for target, code, where in [
        ("/1", "conflict", []),
        ("/x", "validation-failed", ["/id"]),
        ("/a/b", "not-found", []),
    ]:
        answer = client.get(target)
        assert answer.headers["content-type"] == "application/vnd.ours+json"
        assert answer.json() == {"error": code, "where": where, "id": answer.headers["x-request-id"]}


def test_a_fault_in_the_shape_itself_is_a_plain_500(serve: Any, caplog: Any) -> None:
    class Broken(OurErrors):
        def body(self, error: HTTPError, request_id: str) -> Any:
            raise ZeroDivisionError("in the format")

    answer = serve(App(docs=False, errors=Broken())).get("/")
    assert answer.status == 500
    assert answer.headers["x-request-id"]
    assert "in the format" in caplog.text


def test_an_error_handler_by_kind_the_nearest_in_the_tree_of_classes(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.on_error(LookupError)
    def looked_up(error: LookupError, request: Request) -> Text:
        return Text(f"lookup {error.args[0]} at {request.path}", status=400)

    @app.on_error(KeyError)
    def no_key(error: KeyError) -> dict[str, str]:
        return {"key": error.args[0]}

    @app.on_error(Exception)
    def anything() -> JSON:
        return JSON({"any": True}, status=502)

    @app.on_error(Teapot)
    def teapot(error: Teapot) -> dict[str, str]:
        return {"pot": error.code}

    @app.get("/{kind}")
    @colour
    def show(kind: str) -> str:
        errors = {
            "index": IndexError("i"),
            "key": KeyError("k"),
            "value": ValueError(),
            "tea": Teapot(),
            "small": SmallTeapot(),
        }
        raise errors[kind]

    client = serve(app)
    index = client.get("/index")
    assert (index.status, index.text) == (400, "lookup i at /index")
    assert (client.get("/key").status, client.get("/key").json()) == (500, {"key": "k"})
    assert (client.get("/value").status, client.get("/value").json()) == (502, {"any": True})
    assert (client.get("/tea").status, client.get("/tea").json()) == (418, {"pot": "teapot"})
    assert (client.get("/small").status, client.get("/small").json()) == (418, {"pot": "small-teapot"})
    assert (client.get("/a/b").status, client.get("/a/b").json()) == (502, {"any": True})


def test_a_routers_own_goes_before_the_apps(serve: Any, colour: Any) -> None:
    app, router = App(docs=False), Router()
    app.on_error(Conflict)(lambda: JSON("app", status=409))
    router.on_error(Conflict)(lambda: JSON("router", status=409))

    @colour
    def show() -> str:
        raise Conflict

    app.get("/app")(show)
    router.get("/router")(show)
    app.include(router)
    client = serve(app)
    assert client.get("/app").json() == "app"
    assert client.get("/router").json() == "router"


def test_an_async_error_handler_in_either_colour(serve: Any, colour: Any) -> None:
    import asyncio

    app = App(docs=False)

    @app.on_error(Conflict)
    async def later(error: Conflict) -> dict[str, str]:
        await asyncio.sleep(0.001)
        return {"later": error.detail}

    @app.on_error(NotFound)
    async def missing() -> JSON:
        await asyncio.sleep(0.001)
        return JSON("nowhere", status=404)

    @app.get("/")
    @colour
    def show() -> str:
        raise Conflict("x")

    client = serve(app)
    assert (client.get("/").status, client.get("/").json()) == (409, {"later": "x"})
    assert client.get("/nowhere").json() == "nowhere"


def test_an_error_handler_with_an_app_lifetime_value_and_one_that_fails(serve: Any, colour: Any, caplog: Any) -> None:
    class Translator:
        def __call__(self, text: str) -> str:
            return text[::-1]

    app = App(docs=False)
    app.provide(Translator, scope="app")

    @app.on_error(Conflict)
    def translated(error: Conflict, translate: Translator) -> dict[str, str]:
        return {"detail": translate(error.detail)}

    @app.on_error(KeyError)
    def fails(error: KeyError) -> str:
        raise BadRequest("from the error handler")

    @app.on_error(IndexError)
    def breaks(error: IndexError) -> str:
        raise ZeroDivisionError("in the error handler")

    @app.get("/{kind}")
    @colour
    def show(kind: str) -> str:
        raise {"conflict": Conflict("abc"), "key": KeyError(), "index": IndexError()}[kind]

    client = serve(app)
    assert client.get("/conflict").json() == {"detail": "cba"}
    assert (client.get("/key").status, client.get("/key").json()["detail"]) == (400, "from the error handler")
    assert client.get("/index").status == 500
    assert "in the error handler" in caplog.text


def test_validation_and_refusals_are_errors_like_others(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.on_error(ValidationFailed)
    def invalid(error: ValidationFailed) -> dict[str, object]:
        return {"wrong": [fault.pointer for fault in error.faults]}

    @app.on_error(BadRequest)
    def bad(error: BadRequest) -> dict[str, str]:
        return {"bad": error.code}

    @app.get("/{id}")
    @colour
    def show(id: int, q: str = "") -> str:
        return ""

    client = serve(app)
    assert (client.get("/x").status, client.get("/x").json()) == (422, {"wrong": ["/id"]})
    assert client.get("/1?q=%ff").json() == {"bad": "malformed-query"}
    assert client.get("/1/../2").json() == {"bad": "malformed-path"}


def test_an_unknown_error_says_nothing_but_the_requests_id(serve: Any, colour: Any, caplog: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(authorization: Header[str] = "") -> str:
        raise RuntimeError(f"the password is {authorization}")

    answer = serve(app).get("/", headers={"authorization": "s3cret"})
    assert (answer.status, answer.json()["code"]) == (500, "internal-error")
    assert "s3cret" not in answer.text
    assert "RuntimeError" not in answer.text
    record = next(record for record in caplog.records if record.message == "unhandled error")
    assert record.request_id == answer.headers["x-request-id"] == answer.json()["request_id"]


@pytest.mark.parametrize(
    "value", ["a\r\nset-cookie: x=1", "a\nb", "a\rb", "a\0b", "\u20ac", "a\x0bb", "\x7f", "\ud800"]
)
def test_a14_a_header_that_would_break_the_answer_is_a_clean_500(
    serve: Any, colour: Any, value: str, caplog: Any
) -> None:
    app = App(docs=False)

    @app.get("/response")
    @colour
    def response() -> Text:
        return Text("x", headers={"x-name": value})

    @app.get("/error")
    @colour
    def error() -> str:
        raise NotFound(headers={"x-name": value})

    @app.get("/set")
    @colour
    def setting() -> Text:
        answer = Text("x")
        answer.headers.set("x-name", value)
        return answer

    @app.get("/name")
    @colour
    def name() -> Text:
        return Text("x", headers={f"x-{value}": "1"})

    @app.get("/cookie")
    @colour
    def cookie() -> Text:
        answer = Text("x")
        answer.set_cookie("name", value)
        return answer

    @app.get("/media")
    @colour
    def media() -> JSON:
        return JSON(1, media_type=f"text/{value}")

    with pytest.raises(ValueError, match="content-type"):
        app.get("/media-option", media=f"text/{value}")

    client = serve(app)
    for path in ("/response", "/error", "/set", "/name", "/cookie", "/media"):
        answer = client.get(path)
        assert (answer.status, answer.json()["code"]) == (500, "internal-error"), path
        assert answer.headers["x-request-id"]
        assert "set-cookie" not in answer.headers
        for pair in answer.pairs:
            assert not set("".join(pair)) & set("\r\n\0")


def test_what_http_refuses_is_the_error_of_its_status() -> None:
    assert isinstance(http_error(Refused(400, "x", "y")), BadRequest)
    assert isinstance(http_error(Refused(429, "x", "y")), TooManyRequests)
    assert isinstance(http_error(Refused(414, "x", "y")), TargetTooLong)
    odd = http_error(Refused(417, "expectation-failed", "y", (("a", "b"),)))
    assert (type(odd), odd.status, odd.code, odd.title, odd.headers) == (
        HTTPError,
        417,
        "expectation-failed",
        "Expectation Failed",
        {"a": "b"},
    )
    assert str(Refused(400, "x", "y"))


def test_the_words_of_a_validation_error() -> None:
    fault = FieldFault("query", "/a", "missing", "Field required")
    assert ValidationFailed([fault]).detail == "1 field is wrong."
    assert ValidationFailed([fault, fault]).detail == "2 fields are wrong."
    assert InternalError().faults == ()


def test_one_for_a_wider_kind_keeps_the_errors_own_status(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.on_error(HTTPError)
    def shown(error: HTTPError) -> dict[str, str]:
        return {"code": error.code}

    @app.get("/gone")
    @colour
    def gone() -> None:
        raise Gone("It was here.")

    client = serve(app)
    assert [(each.status, each.json()) for each in (client.get("/gone"), client.get("/nothing"))] == [
        (410, {"code": "gone"}),
        (404, {"code": "not-found"}),
    ]


@pytest.mark.parametrize(
    "kind", [SystemExit, StopIteration, StopAsyncIteration, RecursionError, MemoryError, asyncio.CancelledError]
)
def test_no_error_of_a_handler_ends_the_server(serve: Any, colour: Any, kind: type[BaseException], caplog: Any) -> None:
    app = App(docs=False)
    closed: list[str] = []

    def row() -> Iterator[Ours]:
        try:
            yield Ours(error="x")
        finally:
            closed.append("closed")

    app.provide(row)

    @app.get("/bad")
    @colour
    def bad() -> str:
        raise kind

    @app.get("/worse")
    @colour
    def worse(row: Ours) -> str:
        raise kind

    @app.get("/good")
    @colour
    def good() -> str:
        return "good"

    client = serve(app)
    assert (client.get("/bad").status, client.get("/bad").json()["code"]) == (500, "internal-error")
    assert client.get("/worse").status == 500
    assert closed == ["closed"]
    assert client.get("/good").text == "good"
