"""What happens on one connection after another request: kept alive, pipelined, after errors and unread bodies."""

from __future__ import annotations

import pytest

from servers import known
from servers.matrix import Server
from servers.wire import Answer, Connection, Gone, Pairs, request

colours = pytest.mark.parametrize("colour", ["d", "a"])
JSON: Pairs = [("Content-Type", "application/json")]


@pytest.fixture
def server1(server: Server) -> Server:
    """The servers that are asked by bytes of HTTP/1.1."""
    if server.kind.http2:
        pytest.skip("bytes of HTTP/1.1")
    return server


def next_answer(connection: Connection) -> Answer | None:
    """A further request's answer on this connection, or None where the server has closed it."""
    try:
        return connection.ask("/a/json/7")
    except Gone:
        return None


@colours
def test_many_requests_on_one_connection(server1: Server, colour: str) -> None:
    """After every kind of answer the next one is right; a server that ends each connection says so."""
    asked: list[tuple[str, str, Pairs, bytes | None, int]] = [
        ("GET", f"/{colour}/text", [], None, 200),
        ("GET", f"/{colour}/json/x", [], None, 422),
        ("GET", f"/{colour}/none", [], None, 204),
        ("HEAD", f"/{colour}/file", [], None, 200),
        ("GET", f"/{colour}/file", [("Range", "bytes=0-9")], None, 206),
        ("GET", f"/{colour}/stream/kept", [], None, 200),
        ("GET", f"/{colour}/error/500", [], None, 500),
        ("POST", f"/{colour}/echo", [], b"x" * 70_000, 200),
        ("POST", f"/{colour}/order", JSON, b"{", 400),
        ("OPTIONS", f"/{colour}/text", [], None, 204),
        ("GET", f"/{colour}/json/5", [], None, 200),
    ]
    keeps = known.outcome(server1.kind, "keep-alive", "", "kept") == "kept"
    connection = server1.open()
    for method, path, headers, body, status in asked:
        answer = connection.ask(path, method, headers, body)
        assert (answer.status, answer.whole) == (status, True), (method, path)
        ends = (answer.get("connection") or "").lower() == "close"
        no_length = answer.get("content-length") is None
        kept = "kept" if not no_length else known.outcome(server1.kind, "keep-alive", "no length", "kept")
        assert ends is not (keeps and kept == "kept"), (method, path)
        if ends:
            assert connection.ended()
            connection.close()
            connection = server1.open()
    assert answer.json() == {"id": 5, "q": None}
    connection.close()


@colours
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_unread_body_is_no_request(server1: Server, colour: str, framing: str) -> None:
    """Whoever answers without reading a body reads it away or ends the connection."""
    hidden = request(f"/{colour}/json/666")
    body = hidden * 300
    for method, path, status in (("POST", f"/{colour}/nowhere", 404), ("DELETE", f"/{colour}/text", 405)):
        with server1.open() as connection:
            if framing == "length":
                connection.send(request(path, method, body=body))
            else:
                head = request(path, method, [("Transfer-Encoding", "chunked")])
                connection.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            assert connection.answer().status == status
            then = next_answer(connection)
            assert then is None or then.json() == {"id": 7, "q": None}
            assert not connection.rest(0.05)


@colours
def test_pipelined_requests_are_answered_in_order(server1: Server, colour: str) -> None:
    count = 20
    sent = b"".join(request(f"/{colour if number % 3 else 'a'}/json/{number}") for number in range(count))
    with server1.open() as connection:
        connection.send(sent)
        seen = []
        try:
            while len(seen) < count:
                seen.append(connection.answer().json()["id"])
        except Gone:
            pass
    expected = 1 if known.outcome(server1.kind, "keep-alive", "", "kept") == "closed" else count
    assert seen == list(range(expected))


@colours
def test_http_1_0(server1: Server, colour: str) -> None:
    """An old client without a Host: the answer is whole, has no chunks, and its end is the connection's."""
    for path, body in ((f"/{colour}/text", "Grüße".encode()), (f"/{colour}/stream/old", None)):
        with server1.open() as connection:
            connection.send(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = connection.answer()
            framing = "chunks" if answer.get("transfer-encoding") else "plain"
            assert framing == ("plain" if body else known.outcome(server1.kind, "HTTP/1.0", "stream", "plain"))
            assert answer.status == 200
            assert answer.body == body if body else len(answer.body) == 3000
            assert connection.ended()
