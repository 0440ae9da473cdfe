"""SECURITY's rows B on every server: bodies, files and fields that cost more than they should.

Sizes are short, and full under --long. Memory is that of all the server's processes, over what they held before.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from servers import known, wire, wire2
from servers.app import CONTENT
from servers.boundary import MIB, Kept, Seen, cost, head, send, settled, spooled
from servers.matrix import Server
from servers.serving import pace
from servers.wire import Answer, Gone, Pairs, chunked, request

colours = pytest.mark.parametrize("colour", ["d", "a"])
framings = pytest.mark.parametrize("framing", ["length", "chunked"])
FORM: Pairs = [("Content-Type", "application/x-www-form-urlencoded")]
PARTS: Pairs = [("Content-Type", "multipart/form-data; boundary=xyz")]
JSON: Pairs = [("Content-Type", "application/json")]
BOUND = 64 * MIB


@pytest.fixture
def server1(server: Server) -> Server:
    """The servers that are asked by bytes of HTTP/1.1."""
    if server.kind.http2:
        pytest.skip("bytes of HTTP/1.1")
    return server


def post(server: Server, path: str, headers: Pairs, body: bytes, framing: str = "length") -> Answer | None:
    """The answer to a body that is sent until it comes; None where the server closed without one."""
    with server.open() as connection:
        if framing == "length":
            connection.send(request(path, "POST", [*headers, ("Content-Length", str(len(body)))]))
            connection.push(body)
        else:
            connection.send(request(path, "POST", [*headers, ("Transfer-Encoding", "chunked")]))
            connection.push(chunked(body, 60_000))
        try:
            return connection.answer()
        except Gone:
            return None


def refused(server: Server, path: str, headers: Pairs, body: bytes, framing: str, codes: set[str]) -> None:
    """The body is refused with one of these codes, and costs no more memory than it may."""
    with cost(server) as spent:
        answer = post(server, path, headers, body, framing)
    assert answer is not None
    assert answer.status in {400, 413} and answer.code in codes, (answer.status, answer.body[:300])
    in_memory = known.outcome(server.kind, "B7", "an upload", "flat") != "flat"
    assert spent.grown < BOUND + (3 * len(body) if in_memory else 0), spent.grown // MIB
    most = 0.5 + len(body) / (20 * MIB)
    twice = headers in (PARTS, FORM) and known.outcome(server.kind, "B4", "multipart", "cheap") == "costly"
    assert spent.seconds < most * (5 if twice else 1), spent.seconds
    assert settled(lambda: not spooled(server)), spooled(server)


# -- B1, B2: forms -----------------------------------------------------------------------------------------------


@colours
@framings
def test_B1_many_or_huge_urlencoded_fields(server1: Server, colour: str, framing: str, long: bool) -> None:
    count = 1_000_000 if long else 100_000
    refused(
        server1,
        f"/{colour}/form",
        FORM,
        b"name=a&" + b"tags=1&" * count,
        framing,
        {"too-many-fields", "body-too-large"},
    )
    size = (50 if long else 3) * MIB
    refused(server1, f"/{colour}/form", FORM, b"name=" + b"a" * size, framing, {"field-too-large", "body-too-large"})


def part(name: str, body: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"' if filename is not None else ""
    return f'--xyz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + body + b"\r\n"


@colours
@framings
def test_B2_many_or_huge_parts(server1: Server, colour: str, framing: str, long: bool) -> None:
    fields, files = (100_000, 20_000) if long else (10_000, 2_000)
    path, size = f"/{colour}/upload", (50 if long else 3) * MIB
    refused(server1, path, PARTS, part("title", b"a") * fields, framing, {"too-many-fields", "body-too-large"})
    refused(server1, path, PARTS, part("file", b"a", "a.txt") * files, framing, {"too-many-files", "body-too-large"})
    refused(server1, path, PARTS, part("title", b"a" * size), framing, {"field-too-large", "body-too-large"})
    broken = part("file", b"a" * (2 * MIB), "a.txt") + b"--xyz"
    refused(server1, path, PARTS, broken, framing, {"malformed-form"})


# -- B5, B6: lengths that lie ------------------------------------------------------------------------------------


@colours
def test_B5_chunks_over_the_limit(server1: Server, colour: str, long: bool) -> None:
    """The answer comes at the limit, not at the end; the handler is not called."""
    key, size = uuid.uuid4().hex, (1000 if long else 64) * MIB  # From 1 GiB on Waitress refuses it by itself.
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with cost(server1) as spent, server1.open() as connection:
        connection.send(request(f"/{colour}/echo", "POST", [("X-Key", key), ("Transfer-Encoding", "chunked")]))
        sent = 0
        while sent < size and connection.push(chunk) == len(chunk):
            sent += len(chunk)
        connection.send(b"0\r\n\r\n")
        answer = connection.answer()
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert server1.events(key) == []
    # Beyond the limit: what lies in the sockets' buffers.
    seen = "cut" if sent < 10 * MIB + 20 * MIB else "read whole"
    assert seen == known.outcome(server1.kind, "B5", "over the limit", "cut"), sent // MIB
    in_memory = known.outcome(server1.kind, "B7", "an upload", "flat") != "flat"
    assert spent.grown < (2 * size if in_memory else BOUND), spent.grown // MIB


@colours
def test_B6_http_2_counts_what_comes(server: Server, colour: str, long: bool) -> None:
    """Over HTTP/2 the limit is the same with no length, and a length that lies is refused, whatever comes."""
    if not server.kind.http2:
        pytest.skip("HTTP/2")
    size = (1024 if long else 40) * MIB
    for length in (None, "1000"):
        key = uuid.uuid4().hex
        headers: Pairs = [("x-key", key), *([("content-length", length)] if length else [])]
        with cost(server) as spent, wire2.Connection2(server.port) as connection:
            stream = connection.begin(f"/{colour}/echo", "POST", headers, more=True)
            sent = 0
            while sent < size and connection.data(stream, b"x" * 65536, end=False):
                sent += 65536
            try:
                status = connection.answer(stream).status
            except Gone:
                status = 0
        assert status in ({413} if length is None else {0, 400, 413})
        assert server.events(key) == []
        assert sent < 30 * MIB
        assert spent.grown < BOUND


# -- B7: an upload beside others ---------------------------------------------------------------------------------


def upload(server: Server, colour: str, size: int) -> wire.Answer:
    piece = bytes(range(256)) * 256
    first, last = part("file", b"", "a.bin")[:-2], b"\r\n--xyz--\r\n"
    with server.open() as connection:
        length = len(first) + size + len(last)
        connection.send(request(f"/{colour}/big", "POST", [*PARTS, ("Content-Length", str(length))]) + first)
        for _ in range(size // len(piece)):
            connection.send(piece)
        connection.send(last)
        return connection.answer()


def ping(server: Server, colour: str, over: threading.Event, times: list[float]) -> None:
    """Ask again and again, and note how long each answer took."""
    with Kept(server) as kept:
        while not over.is_set():
            began = time.monotonic()
            assert kept.ask(request(f"/{colour}/text")).status == 200
            times.append(time.monotonic() - began)
            time.sleep(0.02)


@colours
def test_B7_an_upload_holds_nobody_up(server1: Server, colour: str, long: bool) -> None:
    if server1.kind.workers == 1:
        pytest.skip("one worker answers one request at a time")
    size, clients = (200 * MIB, 20) if long else (30 * MIB, 5)
    times: list[float] = []
    over = threading.Event()
    with cost(server1) as spent:
        threads = [threading.Thread(target=ping, args=(server1, colour, over, times)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        answer = upload(server1, colour, size)
        over.set()
        for thread in threads:
            thread.join(wire.PATIENCE)
    assert answer.json() == size
    times.sort()
    # The row's 50 ms, and what two cores need for the clients, which are threads of this process.
    # Daphne takes a body in whole before it calls us, and holds everybody up by itself meanwhile: ours is the rest.
    share = 0.5 if server1.kind.name.startswith("daphne") else 0.9
    assert times[int(len(times) * share)] < 0.15 * pace(), times[-20:]
    memory = "flat" if spent.grown < BOUND else "all in memory"
    # Memory that was used once stays with the process, so that the second upload may cost nothing.
    assert memory in {"flat", known.outcome(server1.kind, "B7", "an upload", "flat")}, spent.grown // MIB
    assert settled(lambda: not spooled(server1)), spooled(server1)


# -- B11, B12: JSON ----------------------------------------------------------------------------------------------


@colours
def test_B11_json_that_costs(server1: Server, colour: str, long: bool) -> None:
    """Deep, huge, and numbers of many digits are refused, fast and flat; of a name that is there twice the last counts."""
    deep, digits = (100_000, 100_000) if long else (10_000, 10_000)
    cases: list[tuple[bytes, set[int]]] = [
        (b"[" * deep, {400}),
        (b"[" * deep + b"]" * deep, {400}),
        (b'{"a":' * deep + b"1" + b"}" * deep, {400}),
        (b"1" * digits, {400}),
        (b'{"a": -' + b"9" * digits + b"}", {400}),
        (b'["' + b"a" * ((100 if long else 12) * MIB) + b'"]', {413}),
    ]
    for body, statuses in cases:
        with cost(server1) as spent:
            answer = post(server1, f"/{colour}/any", JSON, body)
        assert answer is not None and answer.status in statuses, (body[:20], answer)
        assert spent.grown < BOUND
        assert spent.seconds < 0.5
    keys = 1_000_000 if long else 50_000
    many = json.dumps(dict.fromkeys(map(str, range(keys)), 1)).encode()
    answer = post(server1, f"/{colour}/order", JSON, many)
    assert answer is not None and answer.status in {413, 422}
    twice = post(server1, f"/{colour}/any", JSON, b'{"a": 1, "a": 2}')
    assert twice is not None and (twice.status, twice.json()) == (200, {"a": 2})


BAD_JSON = [
    b"NaN", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]", b"nul", b"01", b"1.", b".5", b"+1", b"[1,]", b'{"a":1,}', b"{'a':1}",
    b'"\x00"', b'"a\nb"', b"\xff", b'"\xff"', b'"\xc3("', b'"\xed\xa0\x80"', "\ufeff{}".encode(), "{}".encode("utf-16"),
    "{}".encode("utf-32"), b'"\\ud800"', b'{"\\udc00": 1}', b"{} {}", b"//x\n1", b'"\\x41"', b" ", b"1e", b"[" , b'"',
]  # fmt: skip


@colours
def test_B12_no_json_is_refused_and_none_comes_out(server1: Server, colour: str) -> None:
    with Kept(server1) as kept:
        for body in BAD_JSON:
            answer = kept.ask(request(f"/{colour}/any", "POST", JSON, body))
            assert answer.status in {400, 422}, body
            answer.json()
        for body in (b"1e999", b"[-1e999]", b'{"a": 1e400}'):
            answer = kept.ask(request(f"/{colour}/any", "POST", JSON, body))
            assert answer.status in {200, 400, 422}
            json.loads(answer.body, parse_constant=lambda constant: pytest.fail(constant))


# -- B15, B16, B17: fields ---------------------------------------------------------------------------------------

OWN_LIMIT = 8_100
"""A field of this size is taken by every server in its own settings but Gunicorn."""


def large(server: Server, statuses: set[int]) -> set[int]:
    """What a field over OWN_LIMIT is answered with: by us, or by the server before us."""
    return {431} if known.outcome(server.kind, "B15", "a field of 9 kB", "taken") == "431" else statuses


@colours
def test_B15_absurd_ranges(server1: Server, colour: str) -> None:
    """At most one file's size goes out, and working it out is cheap."""
    size = len(CONTENT)
    ranges = {
        "bytes=" + ",".join(f"{start}-" for start in range(1200)): {200, 416},
        "bytes=" + ",".join("0-" for _ in range(3000)): {200, 416},
        "bytes=" + ",".join(f"{start * 3}-{start * 3}" for start in range(1000)): {200, 416},
        "bytes=0-,0-,0-,0-": {200, 206, 416},
        f"bytes=0-{size * 9}": {206},
        f"bytes=-{size * 9}": {200, 206},
        "bytes=--": {200},
        "bytes=-": {200},
        "bytes=5-1": {200},
        "bytes=a-b": {200},
        "bytes=1-1x": {200},
        "bytes=0-1, -": {200},
        "bytes=" + "9" * 5000 + "-": {200, 416},
        "items=0-1": {200},
        "bytes=-0": {200, 416},
        "bytes = 0-1": {200, 206},
        "": {200},
    }
    with cost(server1) as spent, Kept(server1) as kept:
        for text, statuses in ranges.items():
            answer = kept.ask(request(f"/{colour}/file", headers=[("Range", text)]))
            assert answer.status in (statuses if len(text) < OWN_LIMIT else large(server1, statuses)), text[:40]
            assert len(answer.body) <= size + 2000
    assert spent.grown < BOUND
    assert spent.seconds < 1.0
    text = server1.ask(f"/{colour}/text", headers=[("Range", "bytes=0-1")])
    assert (text.status, text.text) == (200, "Grüße")


@colours
def test_B16_absurd_cookies(server1: Server, colour: str) -> None:
    """Read in one pass; nameless is no name, the first of a name counts, and too many are refused."""
    cases: list[tuple[str, int, str | None]] = [
        ("=yes", 200, "none 0"),
        ("; ;;=; =seen", 200, "none 0"),
        ("seen", 200, "none 0"),
        ("seen=a; seen=b", 200, "a 1"),
        ('seen="a b"', 200, None),
        ('seen="a; other=1', 200, None),
        ("__Host-seen=a; __host-seen=b; __Host-seen=c", 200, "none 2"),
        ("; ".join(f"c{number}=1" for number in range(1500)), 400, None),
        ("seen=" + "a" * 5000, 400, None),
        ("seen=" + "a" * 15_000, 400, None),
        ("a" * 15_000, 400, None),
        ("a" * 4_000, 200, "none 0"),
        (";" * 15_000, 200, "none 0"),
        ('"' * 15_000, 400, None),
        ("seen=" + "\\" * 3_000, 200, None),
        ("seen=Zoë", 200, None),
    ]
    with cost(server1) as spent, Kept(server1) as kept:
        for cookie, status, text in cases:
            answer = kept.ask(request(f"/{colour}/cookies", headers=[("Cookie", cookie)]))
            expected = {status} if len(cookie) < OWN_LIMIT else large(server1, {status})
            assert answer.status in expected, (cookie[:30], answer.status, answer.body[:200])
            assert text is None or answer.status >= 400 or answer.text == text, cookie[:30]
    assert spent.seconds < 0.5
    huge = send(server1, head(f"/{colour}/cookies", "Cookie: a=" + "b" * 65_536, method="GET"), ends=False)
    assert huge.refused and all(status < 500 for status in huge.statuses)


SHAPES = [
    "a",
    ",",
    ";",
    "a,",
    "a;q=",
    '"',
    '\\"',
    "*/*,",
    "en-",
    "/",
    "=",
    "a/b;x=",
    " ",
    "W/",
    '"a",',
    "%",
    "(",
    "text/html;q=0.1,",
]
NAMES = ["Accept", "Accept-Language", "Accept-Encoding", "Content-Type", "If-None-Match", "If-Match", "If-Range",
         "If-Modified-Since", "Cookie", "Forwarded", "Authorization"]  # fmt: skip


@colours
def test_B17_long_fields_are_read_in_linear_time(server1: Server, colour: str, long: bool) -> None:
    """4 kB, 8 kB and 16 kB of each shape: never a 5xx, and what costs most stays cheap."""
    names = NAMES if long else NAMES[:: 2 if colour == "d" else 3]
    if known.outcome(server1.kind, "B17", "Content-Type", "linear") != "linear":
        names = [name for name in names if name != "Content-Type"]
    seen: Seen | None = None
    with cost(server1) as spent, Kept(server1) as kept:
        count = 0
        for name, shape, size in itertools.product(names, SHAPES, (4_000, 16_000)):
            value = (shape * (size // len(shape) + 1))[:size].strip() or "x"
            answer = kept.ask(probe(colour, name, value))
            assert answer.status < 500, (name, shape)
            count += 1
    assert spent.seconds / count < 0.02, spent.seconds / count
    for name in NAMES:
        seen = send(server1, probe(colour, name, "a" * 60_000), ends=False)
        assert seen.refused and all(status < 500 for status in seen.statuses), name


def probe(colour: str, name: str, value: str) -> bytes:
    """A request with a long field, to where it is read."""
    if name == "Content-Type":
        return request(f"/{colour}/order", "POST", [(name, value)], b"{}")
    if name.startswith("If-"):
        return request(f"/{colour}/file", "HEAD", [(name, value), ("Range", "bytes=0-1")])
    if name == "Cookie":
        return request(f"/{colour}/cookies", headers=[(name, value)])
    return request(f"/{colour}/error/404", headers=[(name, value)])


def test_a_flood_of_bad_requests_leaves_memory_flat(server1: Server, long: bool) -> None:
    """Refusals hold nothing back: not the body, not the error, not the request."""
    rounds = 3_000 if long else 300

    def bad() -> Iterator[bytes]:
        for number in range(rounds):
            yield request("/d/order", "POST", JSON, b'{"name": "' + b"a" * 20_000)
            yield request("/a/order", "POST", JSON, b'{"count": %d}' % number)
            yield request(f"/d/json/{'x' * 500}{number}")
            yield request("/a/nowhere", headers=[("Host", "a/b")])

    with cost(server1) as spent, Kept(server1) as kept:
        for raw in bad():
            assert 400 <= kept.ask(raw).status < 500
    assert spent.grown < 32 * MIB


def test_B17_a_content_type_that_a_server_parses_itself(server1: Server) -> None:
    """Sixteen thousand semicolons: a server whose own parser is quadratic is known for it."""
    with cost(server1) as spent:
        answer = server1.ask("/d/order", "POST", [("Content-Type", ";" * 16_000)], b"{}")
    assert answer.status in large(server1, {415})
    seen = "linear" if spent.seconds < 0.15 else "quadratic"
    assert seen == known.outcome(server1.kind, "B17", "Content-Type", "linear"), spent.seconds
