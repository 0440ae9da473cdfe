"""Each guard over real sockets: bytes in, bytes out, behind a server of each interface."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest

from servers.matrix import BY_NAME, Server
from servers.wire import Answer, Connection, request

HOST = ("Host", "example.org")
JSON_TYPE = ("Content-Type", "application/json")


@pytest.fixture(scope="module", params=["uvicorn", "granian-rsgi", "gunicorn-gthread"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Uvicorn would take X-Forwarded-For from 127.0.0.1 by itself.
    folder = tmp_path_factory.mktemp("guards")
    running = Server(BY_NAME[request.param], folder, "middleware.sockets_app:app", {"FORWARDED_ALLOW_IPS": "10.9.9.9"})
    yield running
    running.end()


def ask(server: Server, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes | None = None) -> Answer:
    names = {name.lower() for name, _ in headers}
    return server.ask(path, method, [*([] if "host" in names else [HOST]), *headers], body)


HTTPS = ("X-Forwarded-Proto", "https")


def test_hosts(server: Server) -> None:
    refused = ask(server, "/", ("Host", "evil.example"), HTTPS)
    assert (refused.status, refused.code) == (400, "host-not-allowed")
    assert "evil" not in refused.text
    assert ask(server, "/", ("Host", "a/b"), HTTPS).status == 400


def test_https_and_proxies(server: Server) -> None:
    sent = ask(server, "/seen?a=b")
    assert (sent.status, sent["location"]) == (308, "https://example.org/seen?a=b")
    told = ask(server, "/seen", HTTPS, ("X-Forwarded-For", "6.6.6.6, 192.0.2.1"), ("X-Forwarded-Prefix", "/shop"))
    assert told.json() == {"client": "192.0.2.1", "url": "https://example.org/shop/seen"}
    assert told["strict-transport-security"] == "max-age=31536000"
    assert ask(server, "/seen", HTTPS, ("X-Forwarded-For", "nonsense")).code == "bad-forwarded"


def test_security_headers(server: Server) -> None:
    for path, method in (("/", "GET"), ("/nowhere", "GET"), ("/", "DELETE"), ("/stream", "GET")):
        answer = ask(server, path, HTTPS, method=method)
        assert "default-src 'self'" in answer["content-security-policy"]
        assert answer["x-content-type-options"] == "nosniff"


def test_cors(server: Server) -> None:
    origin = ("Origin", "https://shop.example")
    asked = ask(server, "/", HTTPS, origin, ("Access-Control-Request-Method", "PUT"), method="OPTIONS")
    assert (asked.status, asked["access-control-allow-origin"]) == (204, origin[1])
    assert ask(server, "/", HTTPS, origin)["access-control-allow-origin"] == origin[1]
    assert ask(server, "/", HTTPS, ("Origin", "null")).get("access-control-allow-origin") is None


def test_compression(server: Server) -> None:
    answer = ask(server, "/long", HTTPS, ("Accept-Encoding", "gzip"))
    assert answer["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"eggs " * 50_000
    assert int(answer.get("content-length") or len(answer.body)) == len(answer.body)
    assert answer.whole


def test_a_live_stream_is_compressed_chunk_by_chunk(server: Server) -> None:
    """The first line can be read while the handler waits with the second."""
    reader = zlib.decompressobj(31)
    with Connection(server.port) as connection:
        connection.send(request("/stream", headers=[HOST, HTTPS, ("Accept-Encoding", "gzip")]))
        assert connection.head()["content-encoding"] == "gzip"
        seen = b""
        while not seen.endswith(b"first\n"):
            size = int((connection._until(b"\r\n") or b"0").split(b";")[0], 16)
            seen += reader.decompress(connection._exactly(size + 2)[:-2])
        assert ask(server, "/go-on", HTTPS).status == 200
        rest = b""
        while size := int((connection._until(b"\r\n") or b"0").split(b";")[0], 16):
            rest += reader.decompress(connection._exactly(size + 2)[:-2])
        assert (rest, reader.eof) == (b"second\n", True)


def test_a_rate_limit(server: Server) -> None:
    address = ("X-Forwarded-For", "192.0.2.50")
    answers = [ask(server, "/limited", HTTPS, address) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0]["ratelimit"].startswith('"2/hour";r=1;t=')
    assert int(answers[2]["retry-after"]) > 1700
    assert ask(server, "/limited", HTTPS, ("X-Forwarded-For", "192.0.2.51")).status == 200


def test_an_idempotency_key(server: Server) -> None:
    key = ("Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324")
    first, again = (ask(server, "/pay", HTTPS, key, JSON_TYPE, method="POST", body=b"5") for _ in range(2))
    assert first.status == again.status == 201
    assert first.body == again.body
    assert again["idempotent-replayed"] == "true"
    assert ask(server, "/pay", HTTPS, key, JSON_TYPE, method="POST", body=b"6").code == "idempotency-key-reused"
