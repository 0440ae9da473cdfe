"""Every kind of answer is the same on every server, from a `def` handler and from its `async def` twin."""

from __future__ import annotations

import uuid

import pytest

from servers.app import CONTENT
from servers.matrix import Server
from servers.wire import request

COLOURS = ("d", "a")
colours = pytest.mark.parametrize("colour", COLOURS)


@colours
def test_plain_answers(server: Server, colour: str) -> None:
    text = server.ask(f"/{colour}/text")
    assert (text.status, text["content-type"], text.text) == (200, "text/plain; charset=utf-8", "Grüße")
    assert text["content-length"] == str(len(text.body))
    json = server.ask(f"/{colour}/json/3?q=%C3%A9%20e")
    assert (json.status, json["content-type"], json.json()) == (200, "application/json", {"id": 3, "q": "é e"})
    raw = server.ask(f"/{colour}/bytes")
    assert (raw.status, raw["content-type"], raw.body) == (200, "application/octet-stream", b"\x00\xff")
    page = server.ask(f"/{colour}/page")
    assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
    made = server.ask(f"/{colour}/made")
    assert (made.status, made["location"], made.json()) == (201, "/made/1", {"made": True})
    for answer in (text, json, raw, page, made):
        assert len(answer["x-request-id"]) == 16
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["x-frame-options"] == "DENY"
        assert answer["x-middleware"] == "GET"


@colours
def test_none_is_204_without_a_body(server: Server, colour: str) -> None:
    with_nothing = server.ask(f"/{colour}/none")
    assert (with_nothing.status, with_nothing.body) == (204, b"")
    assert with_nothing.get("content-length") is None
    assert with_nothing.get("content-type") is None


@colours
def test_redirect(server: Server, colour: str) -> None:
    answer = server.ask(f"/{colour}/redirect")
    assert (answer.status, answer["location"], answer.body) == (303, f"/{colour}/text", b"")
    slash = server.ask(f"/{colour}/text/?q=1")
    assert (slash.status, slash["location"]) == (308, f"/{colour}/text?q=1")


@colours
def test_file_with_ranges_and_conditions(server: Server, colour: str) -> None:
    path = f"/{colour}/file"
    whole = server.ask(path)
    assert whole.status == 200 and whole.whole and whole.body == CONTENT
    assert whole["content-length"] == str(len(CONTENT))
    assert whole["accept-ranges"] == "bytes"
    assert whole["content-disposition"] == 'attachment; filename="content.bin"'
    part = server.ask(path, headers=[("Range", "bytes=255-511")])
    assert (part.status, part["content-range"]) == (206, f"bytes 255-511/{len(CONTENT)}")
    assert part.body == CONTENT[255:512]
    last = server.ask(path, headers=[("Range", "bytes=-10")])
    assert (last.status, last.body) == (206, CONTENT[-10:])
    two = server.ask(path, headers=[("Range", "bytes=0-1,100000-100002")])
    assert two.status == 206 and two["content-type"].startswith("multipart/byteranges; boundary=")
    assert CONTENT[:2] in two.body and CONTENT[100000:100003] in two.body
    assert two["content-length"] == str(len(two.body))
    past = server.ask(path, headers=[("Range", "bytes=99999999-")])
    assert (past.status, past["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    same = server.ask(path, headers=[("If-None-Match", whole["etag"])])
    assert (same.status, same.body, same["etag"]) == (304, b"", whole["etag"])
    since = server.ask(path, headers=[("If-Modified-Since", whole["last-modified"])])
    assert since.status == 304
    old = server.ask(path, headers=[("If-Range", '"other"'), ("Range", "bytes=0-1")])
    assert (old.status, len(old.body)) == (200, len(CONTENT))


@colours
@pytest.mark.parametrize("kind_of_stream", ["stream", "crossed"])
def test_stream(server: Server, colour: str, kind_of_stream: str) -> None:
    """A plain and an async iterable, each from a handler of either colour."""
    key = uuid.uuid4().hex
    answer = server.ask(f"/{colour}/{kind_of_stream}/{key}?count=20&size=5000")
    assert answer.status == 200 and answer.whole
    assert answer.body == b"".join(b"%08d" % number + b"." * 4992 for number in range(20))
    assert answer.get("content-length") is None
    assert server.wait_for(key, "closed")[-3:] == ["began", "came to its end", "closed"]


@colours
def test_a_stream_arrives_as_it_is_made(server: Server, colour: str) -> None:
    if server.kind.http2:
        pytest.skip("one client for chunks as they come is enough: HTTP/1.1 on the same server")
    key = f"gate-{uuid.uuid4().hex}"
    with server.open() as connection:
        connection.send(request(f"/{colour}/gated/{key}"))
        came = b""
        while b"first" not in came:
            piece = connection.more()
            assert piece, came
            came += piece
        assert b"second" not in came
        (server.folder / key).touch()
        while b"second" not in came:
            piece = connection.more()
            assert piece, came
            came += piece


@colours
def test_cookies(server: Server, colour: str) -> None:
    answer = server.ask(f"/{colour}/cookies", headers=[("Cookie", "seen=yes; other=1; seen=no")])
    assert answer.text == "yes 2"
    assert answer.all("set-cookie") == [
        "seen=yes; Path=/; Secure; HttpOnly; SameSite=Lax",
        "theme=dark; Path=/; Secure; SameSite=Lax",
    ]


@colours
def test_errors_are_problems(server: Server, colour: str) -> None:
    expected = {
        f"/{colour}/error/404": (404, "not-found"),
        f"/{colour}/error/409": (409, "conflict"),
        f"/{colour}/error/500": (500, "internal-error"),
        f"/{colour}/json/x": (422, "validation-failed"),
        f"/{colour}/nowhere": (404, "not-found"),
    }
    for path, (status, code) in expected.items():
        answer = server.ask(path)
        assert (answer.status, answer["content-type"], answer.code) == (status, "application/problem+json", code), path
        assert answer.json()["request_id"] == answer["x-request-id"]
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["x-middleware"] == "GET"
    assert b"asked for" not in server.ask(f"/{colour}/error/500").body
    page = server.ask(f"/{colour}/error/404", headers=[("Accept", "text/html")])
    assert (page.status, page["content-type"]) == (404, "text/html; charset=utf-8")


@colours
def test_method_not_allowed(server: Server, colour: str) -> None:
    answer = server.ask(f"/{colour}/text", "DELETE")
    assert (answer.status, answer["allow"], answer.code) == (405, "GET, HEAD, OPTIONS", "method-not-allowed")
    options = server.ask(f"/{colour}/text", "OPTIONS")
    assert (options.status, options["allow"], options.body) == (204, "GET, HEAD, OPTIONS", b"")


@colours
def test_providers(server: Server, colour: str) -> None:
    key = uuid.uuid4().hex
    answer = server.ask(f"/{colour}/provided/{key}")
    assert (answer.text, answer["x-provided"]) == (key, "yes")
    assert server.events(key) == ["provided", "handler", "provider closed"]
    failed = server.ask(f"/{colour}/provided/{key}2?fail=true")
    assert failed.status == 409
    assert server.events(f"{key}2") == ["provided", "handler", "provider saw Conflict", "provider closed"]


@colours
def test_waiting_provider(server: Server, colour: str) -> None:
    assert server.ask(f"/{colour}/waited").json() == 2.5


@colours
def test_after_send(server: Server, colour: str) -> None:
    key = uuid.uuid4().hex
    answer = server.ask(f"/{colour}/after/{key}?seconds=0.2")
    assert answer.text == "answered"
    assert server.wait_for(key, "after", "second") == ["after", "second"]


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_mounts(server: Server, interface: str) -> None:
    at = f"/mounted-{interface}"
    answer = server.ask(f"{at}/deep/er%20e?q=1", "POST", body=b"x" * 100_000)
    shown = f"{at}/deep/er e" if interface == "asgi" else "/deep/er e"
    assert answer.json() == {"method": "POST", "root": at, "path": shown, "body": 100_000}
    assert (answer.status, answer["x-foreign"], answer["x-middleware"]) == (203, interface, "POST")
    assert answer["x-content-type-options"] == "nosniff"
    assert server.ask(at, "PATCH", body=b"").json()["root"] == at
    head = server.ask(f"{at}/x", "HEAD")
    assert (head.status, head.body) == (203, b"")
