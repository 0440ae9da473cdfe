"""What goes out: plain values, the kinds of `Response`, cookies, conditions, and what is done afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pydantic
import pytest

from wholestack import HTML, JSON, App, Conflict, HTTPError, Redirect, Request, Response, Stream, Text
from wholestack.http import HeaderFault

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


class Note(pydantic.BaseModel):
    id: int
    text: str = "milk"


@dataclasses.dataclass
class Row:
    id: int
    text: str
    secret: str


@pytest.mark.parametrize(
    ("kind", "value", "status", "media_type", "body"),
    [
        (str, "héllo", 200, "text/plain; charset=utf-8", "héllo".encode()),
        (bytes, b"\0\1", 200, "application/octet-stream", b"\0\1"),
        (None, None, 204, None, b""),
        (int, 3, 200, "application/json", b"3"),
        (Note, Note(id=1), 200, "application/json", b'{"id":1,"text":"milk"}'),
        (list[Note], [Note(id=1)], 200, "application/json", b'[{"id":1,"text":"milk"}]'),
        (dict[str, int], {"a": 1}, 200, "application/json", b'{"a":1}'),
        (Any, {"a": [1, None, True, "\u20ac"]}, 200, "application/json", '{"a":[1,null,true,"\u20ac"]}'.encode()),
        (Note | None, None, 200, "application/json", b"null"),
        (object, Text("own", status=202), 202, "text/plain; charset=utf-8", b"own"),
        (Response, Response("own", 201), 201, "text/plain; charset=utf-8", b"own"),
        (Response, Response(b"own"), 200, "application/octet-stream", b"own"),
        (Response, Response(), 200, None, b""),
        (HTML, HTML("<p>"), 200, "text/html; charset=utf-8", b"<p>"),
        (JSON, JSON({"a": 1}, 201), 201, "application/json", b'{"a":1}'),
        (JSON, JSON(None), 200, "application/json", b"null"),
        (JSON, JSON([1], media_type="application/geo+json"), 200, "application/geo+json", b"[1]"),
        (Note | Redirect, Note(id=2), 200, "application/json", b'{"id":2,"text":"milk"}'),
        (str | Redirect, Redirect("/x"), 303, None, b""),
        (Response | None, None, 204, None, b""),
    ],
)
def test_plain_values_and_kinds(
    serve: Any, colour: Any, kind: Any, value: object, status: int, media_type: str | None, body: bytes
) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show() -> kind:
        return value

    answer = serve(app).get("/")
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (status, media_type, body)
    if status == 204:
        assert "content-length" not in answer.headers
    else:
        assert answer.headers["content-length"] == str(len(body))


def test_the_wire_shows_what_returns_names(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/", returns=list[Note], status=203)
    @colour
    def show() -> list[Row]:
        return [Row(1, "tea", "s3cret")]

    @app.get("/none", returns=None)
    @colour
    def none() -> None:
        return None

    @app.post("/made", returns=Note)
    @colour
    def made() -> JSON:
        return JSON(Row(1, "tea", "s3cret"), status=201, headers={"location": "/1"})

    client = serve(app)
    answer = client.get("/")
    assert (answer.status, answer.json()) == (203, [{"id": 1, "text": "tea"}])
    assert client.get("/none").status == 204
    made_one = client.post("/made")
    assert (made_one.status, made_one.headers["location"], made_one.json()) == (201, "/1", {"id": 1, "text": "tea"})


def test_an_answer_of_another_type_is_an_error_of_ours_that_shows_nothing(serve: Any, colour: Any, caplog: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show() -> Note:
        return {"id": "s3cret"}  # type: ignore[return-value]

    answer = serve(app).get("/")
    assert answer.status == 500
    assert "s3cret" not in answer.text
    assert "AnswerMismatch" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, "\ud800", {"\udc00": 1}])
@pytest.mark.parametrize("kind", [Any, object, dict, JSON, str])
def test_b12_nothing_but_json_goes_out(serve_one: Any, value: Any, kind: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show() -> kind:
        return JSON(value) if kind is JSON else value

    answer = serve_one(app).get("/")
    assert answer.status in {200, 500}
    if answer.headers["content-type"] == "application/json":
        answer.json()
    answer.body.decode()  # never bytes that are no UTF-8


def test_constant_headers_and_the_requests_id(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    ids: list[str] = []

    @app.get("/")
    @colour
    def show(request: Request) -> str:
        ids.append(request.id)
        return "x"

    @app.get("/own")
    @colour
    def own() -> Text:
        return Text("x", headers={"X-Frame-Options": "SAMEORIGIN"})

    client = serve(app)
    for target in ("/", "/nothing", "/own", "/a/../b"):
        answer = client.get(target)
        for name, value in SECURITY.items():
            assert answer.all(name) == [value if target != "/own" or name != "x-frame-options" else "SAMEORIGIN"]
    first, second = client.get("/"), client.get("/")
    assert [first.headers["x-request-id"], second.headers["x-request-id"]] == ids[-2:]
    assert ids[-1] != ids[-2]
    assert "server" not in first.headers
    assert "x-powered-by" not in first.headers


def test_constant_headers_are_a_setting(serve: Any) -> None:
    app = App(
        docs=False,
        headers={"X-Frame-Options": None, "referrer-policy": "no-referrer", "Strict-Transport-Security": "max-age=1"},
    )
    headers = serve(app).get("/").headers
    assert "x-frame-options" not in headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=1"
    assert headers["x-content-type-options"] == "nosniff"
    with pytest.raises(HeaderFault):
        App(docs=False, headers={"x-a": "b\r\nc: d"}).seal()


def test_cookies(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show() -> Text:
        answer = Text("x")
        answer.set_cookie("a", "1")
        answer.set_cookie("__Host-b", "2", max_age=60, samesite="strict")
        answer.delete_cookie("c")
        return answer

    cookies = serve(app).get("/").all("set-cookie")
    assert len(cookies) == 3
    assert all("Secure" in each and "HttpOnly" in each and "Path=/" in each for each in cookies)
    assert "SameSite=Lax" in cookies[0]
    assert "Max-Age=60" in cookies[1]
    assert "Max-Age=0" in cookies[2]


def test_redirects_stay_on_this_site(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/go")
    @colour
    def go(to: str) -> Redirect:
        return Redirect(to, otherwise="/home")

    @app.get("/strict")
    @colour
    def strict(to: str) -> Redirect:
        return Redirect(to)

    @app.get("/host")
    @colour
    def host(to: str) -> Redirect:
        return Redirect(to, 307, hosts=["shop.example"])

    client = serve(app)
    assert client.get("/go?to=/a?b=c").headers["location"] == "/a?b=c"
    assert client.get("/go?to=/caf%C3%A9").headers["location"] == "/caf%C3%A9"
    for evil in (
        "https://evil.example",
        "//evil.example",
        "javascript:alert(1)",
        "/%5Cevil.example",
        "%09//evil.example",
        "",
    ):
        assert client.get(f"/go?to={evil}").headers["location"] == "/home"
        assert client.get(f"/strict?to={evil}").status == 500
    shop = client.get("/host?to=https://shop.example/x")
    assert (shop.status, shop.headers["location"]) == (307, "https://shop.example/x")
    with pytest.raises(ValueError, match="status"):
        Redirect("/", 200)
    with pytest.raises(HeaderFault):
        Redirect("https://evil.example", otherwise="//evil.example")


def test_streams_in_either_colour(serve: Any, colour: Any) -> None:
    closed: list[str] = []

    def plain() -> Iterator[bytes | str]:
        try:
            for number in range(3):
                yield f"{number};"
        finally:
            closed.append("plain")

    async def later() -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                await asyncio.sleep(0.001)
                yield b"%d;" % number
        finally:
            closed.append("async")

    class Lines:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            if len(closed) == 3:
                raise StopAsyncIteration
            closed.append("line")
            return b"line;"

    app = App(docs=False)

    @app.get("/{kind}")
    @colour
    def show(kind: str) -> Stream:
        chunks = {
            "plain": plain,
            "async": later,
            "list": lambda: ["a", b"b"],
            "iter": lambda: iter(("a", b"b")),
            "lines": Lines,
        }[kind]()
        return Stream(chunks, media_type="text/plain", headers={"x-own": "1"})

    client = serve(app)
    for kind in ("plain", "async"):
        answer = client.get(f"/{kind}")
        assert answer.chunks == [b"0;", b"1;", b"2;"]
        assert answer.headers["x-own"] == "1"
        assert "content-length" not in answer.headers
        assert "content-length" not in client.head(f"/{kind}").headers
        assert client.head(f"/{kind}").body == b""
    assert client.get("/list").body == client.get("/iter").body == b"ab"
    assert closed[:2].count("plain") + closed.count("async") >= 2
    closed[:] = []
    assert client.get("/lines").body == b"line;" * 3


def test_a_stream_that_breaks_is_cut_off_and_cleaned_up(serve: Any, colour: Any, caplog: Any) -> None:
    closed: list[str] = []

    def broken() -> Iterator[bytes]:
        try:
            yield b"begun"
            raise ZeroDivisionError
        finally:
            closed.append("closed")

    app = App(docs=False)

    @app.get("/")
    @colour
    def show() -> Stream:
        return Stream(broken())

    client = serve(app)
    with pytest.raises(ZeroDivisionError):
        client.get("/")  # the server sees it, and must not end the answer cleanly
    assert closed == ["closed"]


def test_work_after_the_answer(serve: Any, colour: Any, caplog: Any) -> None:
    done: list[object] = []
    app = App(docs=False)

    async def later(word: str) -> None:
        await asyncio.sleep(0.001)
        done.append(word)

    def fails() -> None:
        raise ZeroDivisionError("in an action")

    @app.get("/")
    @colour
    def show() -> Response:
        return Text("x").after(done.append, "plain").after(fails).after(later, word="async")

    @app.get("/stream")
    @colour
    def stream() -> Response:
        return Stream(["x"]).after(done.append, "streamed")

    @app.get("/headers")
    @colour
    def headers() -> Response:
        return Text("x", headers={"x-a": "b"}).after(done.append, "headers")

    client = serve(app)
    assert client.get("/").text == "x"
    assert client.head("/stream").status == 200
    assert client.get("/headers").text == "x"
    client.stop()  # what was begun is finished before the stop
    assert sorted(map(str, done)) == ["async", "headers", "plain", "streamed"]
    assert "in an action" in caplog.text


def test_etags_and_conditions(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    text = ["one"]

    @app.get("/tagged", etag=True)
    @colour
    def tagged() -> str:
        return text[0]

    @app.get("/own")
    @colour
    def own() -> Text:
        return Text(text[0], headers={"etag": '"v1"', "cache-control": "no-cache"})

    @app.put("/own")
    @colour
    def change(request: Request) -> str:
        request.precondition('"v1"')
        return "changed"

    @app.put("/dated")
    @colour
    def dated(request: Request) -> str:
        request.precondition(last_modified=1_000_000_000)
        return "changed"

    @app.get("/missing", etag=True)
    @colour
    def missing() -> JSON:
        return JSON({}, status=404)

    client = serve(app)
    first = client.get("/tagged")
    tag = first.headers["etag"]
    again = client.get("/tagged", headers={"if-none-match": tag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert "content-length" not in again.headers
    assert "content-type" not in again.headers
    assert client.head("/tagged", headers={"if-none-match": tag}).status == 304
    assert client.get("/tagged", headers={"if-none-match": '"x", *'}).status in {200, 304}
    assert client.get("/tagged", headers={"if-match": '"other"'}).status == 412
    text[0] = "two"
    assert client.get("/tagged", headers={"if-none-match": tag}).text == "two"
    assert client.get("/own", headers={"if-none-match": 'W/"v1"'}).status == 304
    assert client.get("/own", headers={"if-none-match": 'W/"v1"'}).headers["cache-control"] == "no-cache"
    assert client.put("/own", headers={"if-match": '"v1"'}).text == "changed"
    stale = client.put("/own", headers={"if-match": '"v0"'})
    assert (stale.status, stale.json()["code"]) == (412, "precondition-failed")
    assert client.put("/dated", headers={"if-unmodified-since": "Sat, 08 Sep 2001 00:00:00 GMT"}).status == 412
    assert client.put("/dated", headers={"if-unmodified-since": "Mon, 10 Sep 2001 00:00:00 GMT"}).status == 200
    assert "etag" not in client.get("/missing").headers


def test_a_time_limit(serve: Any) -> None:
    seen: list[str] = []
    app = App(docs=False)

    @app.get("/slow", timeout=0.05)
    async def slow() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    @app.get("/own", timeout=5)
    async def own() -> str:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
        return "never"

    @app.get("/fast", timeout=None)
    async def fast() -> str:
        return "fast"

    client = serve(app)
    started = time.monotonic()
    answer = client.get("/slow")
    assert (answer.status, answer.json()["code"]) == (503, "time-limit")
    assert answer.headers["retry-after"]
    assert time.monotonic() - started < 3
    assert seen == ["cancelled"]
    assert client.get("/fast").text == "fast"
    assert client.get("/own").status == 500  # a handler's own time-out is its own error
    assert client.get("/fast").text == "fast"


def test_a_plain_handler_runs_in_one_thread_from_start_to_end(serve: Any) -> None:
    app = App(docs=False)
    threads: list[int] = []

    def provided() -> Iterator[Note]:
        threads.append(threading.get_ident())
        yield Note(id=1)
        threads.append(threading.get_ident())

    app.provide(provided)

    @app.get("/")
    def show(note: Note) -> int:
        threads.append(threading.get_ident())
        return note.id

    assert serve(app).get("/").text == "1"
    assert len(threads) == 3
    assert len(set(threads)) == 1


def test_values_of_a_response() -> None:
    with pytest.raises(ValueError, match="status"):
        Response(status=99)
    with pytest.raises(ValueError, match="status"):
        JSON(1, status=600)
    assert repr(Text("x", status=404)) == "<Text 404>"
    answer = Response("x", headers=[("a", "1"), ("a", "2")])
    assert answer.headers.get_all("a") == ["1", "2"]
    later = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    answer.set_cookie("n", "v", expires=later)
    assert "2030" in answer.headers["set-cookie"]
    assert issubclass(HTTPError, Exception)


@pytest.mark.parametrize("place", ["handler", "provider", "middleware", "error handler"])
def test_a_media_type_that_would_break_the_header_is_a_clean_500(serve: Any, colour: Any, place: str) -> None:
    class Noted:
        pass

    app = App(docs=False)

    def spoil(where: str, response: Response) -> Response:
        if where == place:
            response.media_type = "text/plain\r\nset-cookie: stolen=1"
        return response

    @app.middleware
    def spoils(request: Request) -> Generator[None, Response, Response]:
        response = yield
        return spoil("middleware", response)

    @app.provide
    def noted() -> Generator[Noted, Response, None]:
        response = yield Noted()
        spoil("provider", response)

    @app.on_error(Conflict)
    def conflict(error: Conflict) -> Response:
        return spoil("error handler", Text("conflict", 409))

    @app.get("/")
    @colour
    def show(noted: Noted) -> Response:
        if place == "error handler":
            raise Conflict("No.")
        return spoil("handler", Text("shown"))

    answer = serve(app).get("/")
    assert answer.status == 500
    assert answer.json()["code"] == "internal-error"
    assert "set-cookie" not in answer.headers


def test_a_media_type_that_is_set_later_is_sent(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show() -> Response:
        response = Text("a;b")
        response.media_type = "text/csv"
        return response

    assert serve(app).get("/").headers["content-type"] == "text/csv"


def test_an_answer_that_takes_its_media_type_away_is_sent_without_one(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show() -> Response:
        response = Text("as it is")
        response.media_type = None
        return response

    answer = serve(app).get("/")
    assert (answer.text, answer.headers.get("content-type")) == ("as it is", None)
