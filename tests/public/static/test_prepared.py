"""Files in memory are answered without a plan, where nobody else has a say in it: and no other than with one."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, Limits, Request, Response, Router, Text, rule
from wholestack.middleware import CORS
from wholestack.sessions import CookieSessions, Sessions
from wholestack.static import Static, build
from wholestack.testing import Client

SHEET = "body { margin: 0 }\n" * 100
TAG = "{tag}"


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of static files that is packed in `out`, beside it."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "app.css").write_text(SHEET)
    (files / "a.png").write_bytes(b"\x89PNG" * 100)
    (files / "empty.txt").write_bytes(b"")
    build(Static(str(files)), str(tmp_path / "out"))
    return files


def app_of(folder: Path, **options: Any) -> tuple[App, Static]:
    app, static = App(docs=False, **options), Static(str(folder), built=str(folder.parent / "out"))
    app.use(static)
    return app, static


def by_plan(folder: Path, **options: Any) -> App:
    """The same app with a middleware that changes nothing, so that each request goes its ordinary way."""
    app, _ = app_of(folder, **options)

    @app.middleware
    def nothing(request: Request) -> Generator[None, Response, Response]:
        return (yield)

    return app


REQUESTS: list[tuple[str, list[tuple[str, str]]]] = [
    ("GET", []),
    ("HEAD", []),
    ("GET", [("accept-encoding", "gzip")]),
    ("HEAD", [("accept-encoding", "br, gzip;q=0.5")]),
    ("GET", [("accept-encoding", "identity")]),
    ("GET", [("accept-encoding", "gzip;q=0, *")]),
    ("GET", [("accept-encoding", "gzip, " + "x" * 300)]),
    ("GET", [("if-none-match", TAG)]),
    ("HEAD", [("if-none-match", TAG)]),
    ("GET", [("if-none-match", TAG), ("accept-encoding", "gzip")]),
    ("GET", [("if-none-match", f"W/{TAG}")]),
    ("GET", [("if-none-match", f'"other", {TAG}')]),
    ("GET", [("if-none-match", '"other"')]),
    ("GET", [("if-none-match", "*")]),
    ("GET", [("if-match", '"other"')]),
    ("GET", [("if-match", TAG)]),
    ("GET", [("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]),
    ("GET", [("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT")]),
    ("GET", [("range", "bytes=2-5")]),
    ("GET", [("range", "bytes=9000-")]),
    ("GET", [("range", "bytes=2-5"), ("if-range", '"other"')]),
    ("POST", []),
    ("POST", [("if-none-match", TAG)]),
    ("OPTIONS", []),
]


def test_both_ways_answer_alike(folder: Path, interface: Any) -> None:
    """Each request, to each kind of path: status, fields and body."""
    headers = {"x-frame-options": None, "permissions-policy": "camera=()"}
    ordinary, (app, static) = by_plan(folder, headers=headers), app_of(folder, headers=headers)
    paths = [static.url(name) for name in ("app.css", "a.png", "empty.txt")]
    paths += ["/static/app.css", "/static/a.png?v=1", "/static/nothing.css"]
    with Client(app, interface=interface) as one, Client(ordinary, interface=interface) as other:
        assert app.seal().prepared.keys() >= {*paths[:4]} and ordinary.seal().prepared == {}
        for path in paths:
            tag = other.get(path).headers.get("etag", '""')
            for method, fields in REQUESTS:
                asked = [(name, value.replace(TAG, tag)) for name, value in fields]
                left, right = (each.request(method, path, headers=asked) for each in (one, other))
                assert left.status == right.status, (path, method, asked)
                assert left.status >= 400 or left.body == right.body, (path, method, asked)
                assert fields_of(left) == fields_of(right), (path, method, asked)


def fields_of(answer: Any) -> list[tuple[str, str]]:
    """All but what differs from request to request."""
    pairs = sorted((name.lower(), value) for name, value in answer.headers.pairs)
    return [pair for pair in pairs if pair[0] not in {"x-request-id", "date"}]


def test_what_is_unchanged_is_said_with_few_words(folder: Path, interface: Any) -> None:
    """A 304 has the fields that a cache needs, and none that tell of the content (RFC 9110 §15.4.5)."""
    app, static = app_of(folder)
    with Client(app, interface=interface) as client:
        first = client.get(static.url("app.css"), headers={"accept-encoding": "gzip"})
        assert (first.headers["content-encoding"], first.headers["content-disposition"]) == ("gzip", "inline")
        known = {"accept-encoding": "gzip", "if-none-match": first.headers["etag"]}
        again = client.get(static.url("app.css"), headers=known)
        assert (again.status, again.body) == (304, b"")
        for name in ("etag", "cache-control", "vary", "x-content-type-options"):
            assert again.headers[name] == first.headers[name]
        for name in ("content-encoding", "content-disposition", "content-type", "content-length"):
            assert name not in again.headers
        ids = {client.get(static.url("app.css")).headers["x-request-id"] for _ in range(3)}
        assert len(ids) == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([("host", "a b")], "bad-host"),
        ([("x-long", "x" * 5000)], "headers-too-large"),
        ([(f"x-{number}", "") for number in range(30)], "too-many-headers"),
    ],
)
def test_the_gate_comes_first(folder: Path, interface: Any, fields: list[tuple[str, str]], code: str) -> None:
    app, static = app_of(folder, limits=Limits(header=4000, headers=20))
    with Client(app, interface=interface) as client:
        answer = client.get(static.url("app.css"), headers=fields)
        assert answer.json()["code"] == code
        target = f"{static.url('app.css')}?{'x' * 9000}"
        assert client.get(target).json()["code"] == "target-too-long"
        assert client.get(static.url("app.css")).status == 200


@rule
def nobody() -> bool:
    """Lets no request pass."""
    return False


def test_who_has_a_say_in_it_is_asked(folder: Path, interface: Any) -> None:
    """Rules and middleware of the app, a route of its own, a mounted app, another host."""
    guarded, static = app_of(folder)
    guarded.needs = nobody
    assert Client(guarded, interface=interface).get(static.url("app.css")).status == 403

    shared, static = app_of(folder)
    shared.use(CORS(origins=["https://a.example"]))
    answer = Client(shared, interface=interface).get(static.url("app.css"), headers={"origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"

    own, _ = app_of(folder)
    own.get("/static/app.css")(lambda: Text("of its own"))
    mounted = App(docs=False)
    mounted.get("/b.css")(lambda: Text("mounted"))
    (folder / "inner").mkdir()
    (folder / "inner" / "b.css").write_text("b")
    own.mount("/static/inner", mounted)
    with Client(own, interface=interface) as client:
        assert client.get("/static/app.css").text == "of its own"
        assert client.get("/static/inner/b.css").text == "mounted"
        assert client.get("/static/a.png").body == b"\x89PNG" * 100

    hosts, static = app_of(folder)
    there = Router(host="other.example")
    there.get(static.url("app.css"))(lambda: Text("of another host"))
    hosts.include(there)
    with Client(hosts, interface=interface) as client:
        assert client.get(static.url("app.css"), headers={"host": "other.example"}).text == "of another host"
        assert client.get(static.url("app.css")).text == SHEET


def test_sessions_have_none(folder: Path, interface: Any) -> None:
    """What ends a visit has nothing to do with such an answer, and does not keep it from being prepared."""
    app, static = app_of(folder)
    app.use(Sessions(CookieSessions(), secret="a secret of enough letters for a test"))
    with Client(app, interface=interface) as client:
        assert static.url("app.css") in app.seal().prepared
        assert client.get(static.url("app.css")).text == SHEET


def test_a_plain_name_follows_its_file(folder: Path, interface: Any) -> None:
    """In memory as it was under the unique name; under its own, what is there."""
    app, static = App(docs=False), Static(str(folder))
    app.use(static)
    with Client(app, interface=interface) as client:
        before = os.stat(folder / "app.css").st_mtime_ns
        (folder / "app.css").write_text("other")
        os.utime(folder / "app.css", ns=(before + 10**9, before + 10**9))
        assert client.get("/static/app.css").text == "other"
        assert client.get(static.url("app.css")).text == SHEET
        (folder / "app.css").unlink()
        assert client.get("/static/app.css").status == 404


def test_below_a_mount(folder: Path, interface: Any) -> None:
    inner, static = app_of(folder)
    outer = App(docs=False)
    outer.mount("/shop", inner)
    with Client(outer, interface=interface) as client:
        assert client.get(f"/shop{static.url('app.css')}").text == SHEET
        assert client.get(static.url("app.css")).status == 404
