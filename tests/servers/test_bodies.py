"""Bodies of every kind and framing reach a handler of either colour whole, or not at all."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from servers.matrix import Server
from servers.wire import Pairs, chunked, request

colours = pytest.mark.parametrize("colour", ["d", "a"])
framings = pytest.mark.parametrize("framing", ["length", "chunked"])
JSON: Pairs = [("Content-Type", "application/json")]
BIG = bytes(range(256)) * 20_000  # 5 MB


def send(server: Server, path: str, headers: Pairs, body: bytes, framing: str) -> dict[str, object]:
    """Ask with the body under its length, or in small chunks; over HTTP/2 there is only one framing."""
    if framing == "length" or server.kind.http2:
        answer = server.ask(path, "POST", headers, body)
    else:
        with server.open() as connection:
            connection.send(request(path, "POST", [*headers, ("Transfer-Encoding", "chunked")]))
            connection.send(chunked(body, 1000 if len(body) < 100_000 else 50_000))
            answer = connection.answer()
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()  # type: ignore[no-any-return]


@colours
@framings
def test_json(server: Server, colour: str, framing: str) -> None:
    order = {"name": "ü" * 3000, "count": 2, "tags": ["a", "b"]}
    text = b'{"name":"' + ("ü" * 3000).encode() + b'","count":2,"tags":["a","b"]}'
    assert send(server, f"/{colour}/order", JSON, text, framing) == order


@colours
@framings
@pytest.mark.parametrize("path", ["echo", "arriving/bytes"])
@pytest.mark.parametrize("body", [b"", b"x", BIG], ids=["empty", "one", "5MB"])
def test_bytes(server: Server, colour: str, framing: str, path: str, body: bytes) -> None:
    told = send(server, f"/{colour}/{path}", [], body, framing)
    assert (told["size"], told["digest"]) == (len(body), hashlib.sha256(body).hexdigest())


@colours
@framings
def test_forms(server: Server, colour: str, framing: str) -> None:
    headers: Pairs = [("Content-Type", "application/x-www-form-urlencoded")]
    told = send(server, f"/{colour}/form", headers, b"name=a%20b+c&tags=1&tags=%C3%A9", framing)
    assert told == {"name": "a b c", "tags": ["1", "é"]}


@colours
@framings
def test_large_upload(server: Server, colour: str, framing: str) -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="title"\r\n\r\nT\xc3\xa4\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n'
        + BIG
        + b"\r\n--xyz--\r\n"
    )
    told = send(server, f"/{colour}/upload", [("Content-Type", "multipart/form-data; boundary=xyz")], body, framing)
    assert (told["size"], told["digest"]) == (len(BIG), hashlib.sha256(BIG).hexdigest())
    assert told["fields"] == {"title": "Tä", "filename": "a.bin", "type": "image/png"}


@colours
def test_a_body_byte_by_byte(server: Server, colour: str) -> None:
    """The head and the body each in pieces of one byte, with the body's in chunks of one byte."""
    if server.kind.http2:
        pytest.skip("bytes of HTTP/1.1")
    with server.open() as connection:
        for byte in request(f"/{colour}/echo", "POST", body=b"hello"):
            connection.send(bytes([byte]))
        assert connection.answer().json()["digest"] == hashlib.sha256(b"hello").hexdigest()
    with server.open() as connection:
        connection.send(request(f"/{colour}/echo", "POST", [("Transfer-Encoding", "chunked")]))
        for byte in chunked(b"hello" * 4, 1):
            connection.send(bytes([byte]))
        assert connection.answer().json()["digest"] == hashlib.sha256(b"hello" * 4).hexdigest()


@colours
def test_faults_of_bodies_are_4xx(server: Server, colour: str) -> None:
    cases: list[tuple[str, Pairs, bytes, int]] = [
        ("order", JSON, b'{"name": "a", "count": 0, "tags": 3}', 422),
        ("order", JSON, b'{"name": ', 400),
        ("order", JSON, b"", 422),
        ("order", [("Content-Type", "text/plain")], b'{"name": "a", "count": 1}', 415),
        ("order", [], b'{"name": "a", "count": 1}', 415),
        ("order", [("Content-Type", "application/json; charset=utf-16")], b"{}", 415),
        ("form", JSON, b"{}", 415),
        ("upload", [("Content-Type", "multipart/form-data; boundary=xyz")], b"--xyz\r\n", 400),
    ]
    for path, headers, body, status in cases:
        answer = server.ask(f"/{colour}/{path}", "POST", headers, body)
        assert answer.status == status, (path, headers, body, answer.status, answer.body)
        assert answer["content-type"] == "application/problem+json"


@colours
@framings
def test_over_the_limit_is_413_and_the_handler_is_not_called(server: Server, colour: str, framing: str) -> None:
    if server.kind.http2:
        pytest.skip("test_B6 asks the same over HTTP/2")
    key = uuid.uuid4().hex
    body = b"x" * (10 * 1024 * 1024 + 1)
    with server.open() as connection:
        headers: Pairs = [("X-Key", key)]
        if framing == "length":
            connection.send(request(f"/{colour}/echo", "POST", [*headers, ("Content-Length", str(len(body)))]))
            connection.push(body)
        else:
            connection.send(request(f"/{colour}/echo", "POST", [*headers, ("Transfer-Encoding", "chunked")]))
            connection.push(chunked(body, 100_000))
        answer = connection.answer()
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert server.events(key) == []
