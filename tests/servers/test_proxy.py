"""SECURITY's row A16: nginx in front of every server, with connections that are used again for other requests."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from conftest import find
from servers import known, wire
from servers.app import CONTENT
from servers.boundary import settled
from servers.matrix import BY_NAME, KINDS, Kind, Server, free_port
from servers.wire import Answer, Connection, Gone, chunked, request

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    merge_slashes off;
    upstream app {{ server 127.0.0.1:{port}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{front};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering {buffering};
            proxy_next_upstream off;
        }}
    }}
}}
"""


@pytest.fixture(scope="module", params=[kind for kind in KINDS if not kind.http2], ids=str)
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of each kind that is asked over HTTP/1.1."""
    kind: Kind = request.param
    server = Server(BY_NAME[kind.name], tmp_path_factory.mktemp(f"behind-{kind.name}"))
    server.ask("/d/text")
    yield server
    server.end()


@pytest.fixture(scope="module", params=["on", "off"], ids=["whole", "as-it-comes"])
def front(request: pytest.FixtureRequest, behind: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx before it, which sends bodies on when they are whole, or as they come."""
    program, port, folder = find("nginx"), free_port(), tmp_path_factory.mktemp("nginx")
    file, errors = folder / "nginx.conf", folder / "stderr"
    file.write_text(CONFIG.format(folder=folder, port=behind.port, front=port, buffering=request.param))
    with errors.open("wb") as output:
        process = subprocess.Popen([program, "-p", str(folder), "-c", str(file)], stderr=output, cwd=folder)
    try:
        assert settled(lambda: reachable(port)), errors.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(wire.PATIENCE)


def reachable(port: int) -> bool:
    try:
        Connection(port).close()
    except OSError:
        return False
    return True


# -- requests of which each knows its answer ---------------------------------------------------------------------


def number_of(answer: Answer, number: int) -> bool:
    return answer.status == 200 and answer.json()["id"] == number


def digest_of(answer: Answer, number: int) -> bool:
    return answer.status == 200 and answer.json()["digest"] == hashlib.sha256(body(number)).hexdigest()


def range_of(answer: Answer, number: int) -> bool:
    return answer.status == 206 and answer.body == CONTENT[number : number + 100]


def refused_with(status: int) -> Callable[[Answer, int], bool]:
    """The answer to a request whose number is in the key that the problem or the field shows."""
    return lambda answer, number: answer.status == status


def body(number: int) -> bytes:
    return b"%d GET /d/json/666 HTTP/1.1\r\nHost: example.org\r\n\r\n" % number * (1 + number % 40)


def mixed(number: int) -> tuple[bytes, str, Callable[[Answer, int], bool]]:
    """The request of this number, its method, and whether an answer is the right one."""
    colour, json = "da"[number // 9 % 2], [("Content-Type", "application/json")]
    coded = [("Transfer-Encoding", "chunked")]
    kinds: list[tuple[bytes, str, Callable[[Answer, int], bool]]] = [
        (request(f"/{colour}/json/{number}"), "GET", number_of),
        (request(f"/{colour}/echo", "POST", body=body(number)), "POST", digest_of),
        (request(f"/{colour}/echo", "POST", coded) + chunked(body(number), 333), "POST", digest_of),
        (request(f"/{colour}/file", headers=[("Range", f"bytes={number}-{number + 99}")]), "GET", range_of),
        (request(f"/{colour}/nowhere", "POST", body=body(number)), "POST", refused_with(404)),
        (request(f"/{colour}/nowhere", "POST", coded) + chunked(body(number)), "POST", refused_with(404)),
        (request(f"/{colour}/json/{number}", "HEAD"), "HEAD", refused_with(200)),
        (request(f"/{colour}/none"), "GET", refused_with(204)),
        (request(f"/{colour}/order", "POST", json, b'{"name": "a", "count": 0}'), "POST", refused_with(422)),
        (request(f"/{colour}/error/409"), "GET", refused_with(409)),
    ]
    return kinds[number % len(kinds)]


def pipeline(port: int, numbers: range, wrong: list[str], lost: list[int] | None = None) -> None:
    """All of these on one connection, sent without waiting; each answer must be that of its own request.

    Where `lost` is given it takes the numbers of those that nginx could not deliver and has said so (502).
    """
    with Connection(port) as connection:
        sender = threading.Thread(target=lambda: [connection.send(mixed(number)[0]) for number in numbers], daemon=True)
        sender.start()
        number = numbers.start
        try:
            for number in numbers:
                raw, method, right = mixed(number)
                answer = connection.answer(method)
                if lost is not None and answer.status == 502:
                    lost.append(number)
                elif not answer.whole or not right(answer, number):
                    wrong.append(f"{number}: {raw[:60]!r} was answered {answer.status} {answer.body[:100]!r}")
                    return
        except (Gone, OSError) as error:
            wrong.append(f"{number}: {error!r}")
        finally:
            connection.close()
            sender.join(wire.PATIENCE)


def test_A16_answers_match_requests(front: int, behind: Server, long: bool) -> None:
    """Pipelined requests of every kind, over connections that nginx shares among clients: each gets its own answer."""
    count, clients = (10_000, 4) if long else (400, 4)
    wrong: list[str] = []
    lost: list[int] = []
    share = count // clients
    threads = [
        threading.Thread(target=pipeline, args=(front, range(start, start + share), wrong, lost))
        for start in range(0, count, share)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20 * wire.PATIENCE)
    assert wrong == []
    # A connection that ends as nginx takes it again: whoever ends it after an unread body must say so in the answer.
    if known.outcome(behind.kind, "A16", "an unread body", "kept") == "kept":
        assert lost == []
    assert len(lost) <= count // 100
    assert behind.alive()


SMUGGLED = {
    "both": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, coding first": b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n",
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 60\r\n\r\n",
    "xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a tab before chunked": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "0x": b"Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
    "a chunk that overflows": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\nx\r\n0\r\n\r\n",
    "too long a chunk": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
    "an underscore": b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
}
ALLOWED = {"an underscore"}
"""Nothing hidden: nginx drops the field, and what is left is a request with an honest length."""


@pytest.mark.parametrize("name", SMUGGLED)
def test_A16_nothing_is_smuggled_past_nginx(front: int, behind: Server, name: str) -> None:
    """A1 to A3 through nginx: the request behind the malformed one never reaches the app, and others get their own answers."""
    key = uuid.uuid4().hex
    hidden = request("/d/echo", "POST", [("X-Key", f"{key}-second")], b"x")
    raw = b"POST /d/echo HTTP/1.1\r\nHost: example.org\r\nX-Key: %s\r\n" % key.encode() + SMUGGLED[name] + hidden
    with Connection(front) as connection:
        connection.send(raw)
        connection.rest(0.2)
    wrong: list[str] = []
    pipeline(front, range(1000, 1010), wrong)
    assert wrong == []
    events = behind.events(f"{key}-second")
    assert events == ([] if name not in ALLOWED else ["called"])
