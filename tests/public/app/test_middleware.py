"""Middleware: one-`yield` generators around every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from wholestack import JSON, App, Conflict, File, HTTPError, Request, Response, Router, Stream, Text

Around = Generator[None, Response, Response]


def marking(log: list[str], name: str) -> Any:
    def middleware(request: Request) -> Around:
        log.append(f"{name} in")
        response = yield
        log.append(f"{name} out {response.status}")
        response.headers.add("x-passed", name)
        return response

    return middleware


def test_in_order_and_back(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app, outer, inner = App(docs=False), Router(), Router()

    @colour
    def handler() -> str:
        log.append("handler")
        return "done"

    app.middleware(marking(log, "app one"))
    outer.middleware(marking(log, "outer"))
    inner.middleware(marking(log, "inner"))
    app.middleware(marking(log, "app two"))
    inner.get("/inner")(handler)
    outer.get("/outer")(handler)
    app.get("/app")(handler)
    outer.include(inner)
    app.include(outer)
    client = serve(app)
    answer = client.get("/inner")
    assert answer.text == "done"
    assert answer.all("x-passed") == ["inner", "outer", "app two", "app one"]
    assert log == [
        *("app one in", "app two in", "outer in", "inner in", "handler"),
        *("inner out 200", "outer out 200", "app two out 200", "app one out 200"),
    ]
    assert client.get("/outer").all("x-passed") == ["outer", "app two", "app one"]
    assert client.get("/app").all("x-passed") == ["app two", "app one"]


def test_an_answer_before_the_yield_answers_at_once(serve: Any, colour: Any) -> None:
    log: list[str] = []
    app = App(docs=False)
    app.middleware(marking(log, "outer"))

    @app.middleware
    def guard(request: Request) -> Around:
        if request.headers.get("x-key") != "k":
            return Text("go away", status=403)
        return (yield)

    app.middleware(marking(log, "inner"))

    @app.get("/")
    @colour
    def handler() -> str:
        log.append("handler")
        return "in"

    client = serve(app)
    refused = client.get("/")
    assert (refused.status, refused.text, refused.all("x-passed")) == (403, "go away", ["outer"])
    assert log == ["outer in", "outer out 403"]
    assert client.get("/", headers={"x-key": "k"}).text == "in"


def test_another_response_in_its_place(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.middleware
    def replaced(request: Request) -> Around:
        response = yield
        return JSON({"was": response.status}, status=418) if response.status == 404 else response

    assert serve(app).get("/").status == 418


def test_the_apps_runs_for_every_answer(serve: Any) -> None:
    log: list[str] = []
    app, router = App(docs=False), Router()
    app.middleware(marking(log, "app"))
    router.middleware(marking(log, "router"))

    @router.get("/item/{id}")
    def show(id: int) -> str:
        return "x"

    def other(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"mounted"]

    app.include(router)
    app.mount("/old", other)
    client = serve(app)
    for target, method, status, passed in [
        ("/nothing", "GET", 404, ["app"]),
        ("/item/1/", "GET", 308, ["app"]),
        ("/item/1", "POST", 405, ["router", "app"]),
        ("/item/1", "OPTIONS", 204, ["router", "app"]),
        ("/item/x", "GET", 422, ["router", "app"]),
        ("/a/../b", "GET", 400, ["app"]),
        ("/item/%00", "GET", 400, ["app"]),
        ("/old/x", "GET", 200, ["app"]),
    ]:
        answer = client.request(method, target)
        assert (answer.status, answer.all("x-passed")) == (status, passed), target
    assert client.get("/item/1", headers={"host": "a b"}).all("x-passed") == ["app"]
    assert client.request("GET", "/item/1", headers=[("host", "")]).all("x-passed") == ["app"]


def test_an_error_is_a_response_by_the_time_it_gets_there(serve: Any, colour: Any, caplog: Any) -> None:
    log: list[str] = []
    app = App(docs=False)
    app.middleware(marking(log, "app"))

    @app.get("/{kind}")
    @colour
    def handler(kind: str) -> str:
        raise Conflict("no") if kind == "known" else ZeroDivisionError("s3cret")

    client = serve(app)
    assert (client.get("/known").status, client.get("/unknown").status) == (409, 500)
    assert log == ["app in", "app out 409", "app in", "app out 500"]
    assert "s3cret" in caplog.text
    assert "s3cret" not in client.get("/unknown").text


@pytest.mark.parametrize("when", ["before", "after", "twice", "neither", "not a generator"])
def test_an_error_in_a_middleware_is_a_500_and_the_outer_ones_still_run(serve: Any, when: str, caplog: Any) -> None:
    log: list[str] = []
    app = App(docs=False)
    app.middleware(marking(log, "outer"))

    def broken(request: Request) -> Around:
        if when == "before":
            raise ZeroDivisionError
        if when == "neither":
            return None  # type: ignore[return-value]
        response = yield
        if when == "after":
            raise ZeroDivisionError
        if when == "twice":
            yield
        return response

    app.middleware(broken if when != "not a generator" else lambda request: Text("x"))  # type: ignore[arg-type,return-value]
    app.middleware(marking(log, "inner"))
    reached: list[int] = []

    @app.get("/")
    def handler() -> str:
        reached.append(1)
        return "x"

    answer = serve(app).get("/")
    assert (answer.status, answer.json()["code"]) == (500, "internal-error")
    assert answer.all("x-passed")[-1] == "outer"
    assert log[-1] == "outer out 500"
    assert bool(reached) == (when in {"after", "twice"})


def test_an_http_error_from_a_middleware_is_its_answer(serve: Any) -> None:
    app = App(docs=False)

    @app.middleware
    def guard(request: Request) -> Around:
        raise HTTPError("Tea only.", status=418, code="teapot")
        yield

    answer = serve(app).get("/")
    assert (answer.status, answer.json()["code"]) == (418, "teapot")


def test_filters_change_each_chunk(serve: Any, colour: Any, tmp_path: Any) -> None:
    app = App(docs=False)
    (tmp_path / "file.txt").write_text("file")

    @app.middleware
    def loud(request: Request) -> Around:
        response = yield
        return response.filter(bytes.upper).filter(lambda chunk: b"<" + chunk + b">" if chunk else chunk)

    @app.get("/whole")
    @colour
    def whole() -> str:
        return "abc"

    @app.get("/stream")
    @colour
    def stream() -> Stream:
        return Stream(iter(["ab", b"c"]), media_type="text/plain")

    @app.get("/file")
    @colour
    def file() -> File:
        return File(tmp_path / "file.txt", inline=True)

    client = serve(app)
    assert client.get("/whole").text == "<ABC>"
    assert client.get("/whole").headers["content-length"] == "5"
    assert client.get("/stream").chunks == [b"<AB>", b"<C>"]
    answer = client.get("/file")
    assert answer.text == "<FILE>"
    assert answer.headers.get("content-length") in {None, "6"}


def test_what_wraps_the_app_from_outside(serve: Any) -> None:
    """Foreign ASGI and WSGI middleware takes the app as it is."""
    app = App(docs=False)

    @app.get("/")
    def show() -> str:
        return "inside"

    class Outside:
        sealed = None

        def __call__(self, *arguments: Any) -> Any:
            self.sealed = app.seal()
            return app(*arguments)

    client = serve(app)
    if client.interface == "rsgi":
        pytest.skip("RSGI middleware is the server's own kind")
    client.app = Outside()
    client.app.sealed = app.seal()
    assert client.get("/").text == "inside"


def test_a_json_of_its_own_has_its_body(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.middleware
    def closed(request: Request) -> Any:
        if request.path == "/early":
            return JSON({"closed": "early"}, 503)
        response = yield
        return JSON({"closed": response.status}, 503)

    app.get("/late", returns=JSON)(colour(lambda: JSON({"kept": True})))
    client = serve(app)
    assert client.get("/early").json() == {"closed": "early"}
    assert client.get("/late").json() == {"closed": 200}


def test_the_middleware_of_a_request_that_a_time_limit_ends_is_closed_and_no_error_hides_the_limit(
    serve: Any, caplog: Any
) -> None:
    log: list[str] = []
    app = App(docs=False)

    def noting(name: str) -> Any:
        def middleware(request: Request) -> Around:
            try:
                response = yield
            except GeneratorExit:
                log.append(f"{name} closed")
                if name == "inner":
                    raise ValueError("broken while it was closed") from None
                raise
            log.append(f"{name} {response.status}")
            return response

        return middleware

    app.middleware(noting("outer"))
    app.middleware(noting("inner"))

    @app.get("/slow", timeout=0.05)
    async def slow() -> None:
        await asyncio.sleep(60)

    assert serve(app).get("/slow").status == 503
    assert log == ["inner closed", "outer closed", "inner 503", "outer 503"], "the last two are of the answer itself"
    assert "broken while it was closed" in caplog.text
