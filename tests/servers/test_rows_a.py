"""SECURITY's rows A on every server: malformed and smuggled requests.

What the gate decides holds on all of them; what a server hides or does itself stands in `known.py`.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote, urlsplit

import pytest

from servers import known
from servers.app import app
from servers.boundary import MIB, SECOND, Kept, Seen, cost, head, ready, send
from servers.matrix import Server
from servers.wire import PATIENCE, Connection, request

colours = pytest.mark.parametrize("colour", ["d", "a"])


@pytest.fixture
def server1(server: Server) -> Server:
    """The servers that are asked by bytes of HTTP/1.1."""
    if server.kind.http2:
        pytest.skip("bytes of HTTP/1.1")
    return server


# -- A1, A2, A3: where a request ends ----------------------------------------------------------------------------

BOTH = ("Content-Length: 5", "Transfer-Encoding: chunked")


@colours
@pytest.mark.parametrize("order", [1, -1], ids=["length-first", "coding-first"])
def test_A1_a_length_and_a_coding(server1: Server, colour: str, order: int) -> None:
    """Both are refused and the connection ends: what comes behind never reaches the app."""
    seen = send(server1, head(f"/{colour}/echo", "X-Key: KEY", *BOTH[::order]) + b"0\r\n\r\n" + SECOND)
    assert seen.words == known.outcome(server1.kind, "A1", "Content-Length with Transfer-Encoding", "refused, closed")


@pytest.mark.parametrize("length", ["+1", "-1", "1, 2", "0x1", "1 1", "", "99999999999999999999"])
def test_A1_a_length_that_is_no_number(server1: Server, length: str) -> None:
    usual = "answered" if len(length) < 20 else known.outcome(server1.kind, "A1", "a length of 20 digits", "answered")
    raw = head("/d/echo", "X-Key: KEY", f"Content-Length: {length}") + b"x" + SECOND
    seen = send(server1, raw, patience=PATIENCE if usual == "answered" else 3)
    assert seen.refused and not seen.second
    assert set(seen.statuses) <= {400, 413}
    assert seen.statuses or seen.closed or usual == "nothing"


def test_A1_two_lengths(server1: Server) -> None:
    seen = send(server1, head("/d/echo", "X-Key: KEY", "Content-Length: 1", "Content-Length: 2") + b"x" + SECOND)
    assert seen.words == "refused, closed"


CODINGS = ["xchunked", "chunked, identity", "\x0bchunked", "identity", "gzip, chunked", "chunked, chunked"]


@colours
@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.strip("\x0b").replace(", ", "-"))
def test_A2_a_coding_that_is_not_chunked(server1: Server, colour: str, coding: str) -> None:
    seen = send(server1, head(f"/{colour}/echo", "X-Key: KEY", f"Transfer-Encoding: {coding}") + b"1\r\nx\r\n0\r\n\r\n")
    found = "refused" if seen.refused and seen.statuses[:1] in ([400], [501]) else "answered"
    assert found == known.outcome(server1.kind, "A2", coding, "refused")


def test_A2_a_coding_twice_or_with_a_space(server1: Server) -> None:
    body = b"1\r\nx\r\n0\r\n\r\n"
    for lines in (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), ("Transfer-Encoding : chunked",)):
        seen = send(server1, head("/d/echo", "X-Key: KEY", *lines) + body)
        assert seen.refused and seen.statuses[0] in {400, 501}


@colours
def test_A2_a_coding_on_http_1_0(server1: Server, colour: str) -> None:
    raw = head(f"/{colour}/echo", "X-Key: KEY", "Transfer-Encoding: chunked", version="1.0") + b"1\r\nx\r\n0\r\n\r\n"
    seen = send(server1, raw + SECOND)
    assert seen.refused and seen.statuses[0] in {400, 501} and seen.closed and not seen.second


CHUNKS = {
    "negative": b"5\r\nhello\r\n-5\r\nworld\r\n0\r\n\r\n",
    "0x": b"5\r\nhello\r\n0x5\r\nworld\r\n0\r\n\r\n",
    "underscore": b"5\r\nhello\r\n0_5\r\nworld\r\n0\r\n\r\n",
    "plus": b"5\r\nhello\r\n+5\r\nworld\r\n0\r\n\r\n",
    "empty": b"5\r\nhello\r\n\r\nworld\r\n0\r\n\r\n",
    "overflow": b"5\r\nhello\r\nFFFFFFFFFFFFFFFFF5\r\nworld\r\n0\r\n\r\n",
    "bare-LF": b"5\r\nhello\r\n5\nworld\r\n0\r\n\r\n",
    "too-long": b"5\r\nhello\r\n5\r\nworldXX0\r\n\r\n",
    "cut": b"5\r\nhello\r\n5\r\nwor",
    "no-end": b"5\r\nhello\r\n",
}


@pytest.mark.parametrize(
    "path",
    [
        "d/echo",
        "a/arriving/KEY",
        pytest.param("a/echo", marks=pytest.mark.long),
        pytest.param("d/arriving/KEY", marks=pytest.mark.long),
    ],
    ids=["d-whole", "a-stream", "a-whole", "d-stream"],
)
@pytest.mark.parametrize("chunks", CHUNKS)
def test_A3_broken_chunks(server1: Server, path: str, chunks: str) -> None:
    """A handler never gets a part of a body as if it were the whole."""
    raw = head(f"/{path}", "X-Key: KEY", "Transfer-Encoding: chunked") + CHUNKS[chunks]
    seen = send(server1, raw + (SECOND if chunks not in {"cut", "no-end"} else b""), half_close=True)
    found = "refused" if seen.refused and not seen.second else "a part as the whole"
    assert found == known.outcome(server1.kind, "A3", chunks, "refused")
    assert all(status < 500 for status in seen.statuses)


# -- A4, A6, A7: who is asked, and for what ----------------------------------------------------------------------

HOSTS = ["a/b", "a?b", "a#b", "u@b", "a b", "a\\b", "a.com/x?y=@b", "a,b", "a:b", "[::1", "é.org", "", "a\tb", ":80"]


@colours
def test_A4_a_host_that_is_none(server1: Server, colour: str) -> None:
    with Kept(server1) as kept:
        for host in HOSTS:
            raw = head(f"/{colour}/fields", method="GET", host=f"Host: {host}")
            assert kept.ask(raw).status == 400, host
    for hosts in ((), ("Host: a.org", "Host: b.org"), ("Host: a.org", "Host: a.org"), ("Host: a.org", "host: b.org")):
        seen = send(server1, head(f"/{colour}/fields", *hosts, method="GET", host=None), ends=False)
        assert seen.statuses == [400], hosts
    good = server1.ask(f"/{colour}/fields", headers=[("Host", "[::1]:8000")]).json()
    assert good["url"] == f"http://[::1]:8000/{colour}/fields"


@pytest.mark.parametrize("target", ["@google.com", "*", "d/fields", "?x", "google.com:80", "\\\\evil\\d\\fields"])
def test_A6_a_target_that_is_no_path(server1: Server, target: str) -> None:
    seen = send(server1, head(target, method="GET"), ends=False)
    assert seen.statuses == [400]


@colours
def test_A6_a_target_with_another_host(server1: Server, colour: str) -> None:
    """Of a whole URL the path may count; the host is the Host field's, whatever the target says."""
    for target in (
        f"http://evil.org/{colour}/fields",
        f"//evil.org/{colour}/fields",
        f"http://u@evil.org/{colour}/fields",
    ):
        with server1.open() as connection:
            connection.send(head(target, method="GET"))
            answer = connection.answer()
        if answer.status == 200:
            told = answer.json()
            assert (told["host"], told["url"]) == ("example.org", f"http://example.org/{colour}/fields")
        assert answer.status in {200, 400, 404}
        assert b"evil" not in answer.body.replace(target.encode(), b"") or answer.status == 400


SPELLINGS = {
    "/below/open.txt": 200,
    "/below/%6fpen.txt": 200,
    "%2fbelow%2fopen.txt": 200,
    "/below/nothing": 404,
    "/below/open.txt%00": 400,
    "/below/%00": 400,
    "/below/../content.bin": 400,
    "/below/%2e%2e/content.bin": 400,
    "/below/..%2fcontent.bin": 400,
    "/below/%2e%2e%2fcontent.bin": 400,
    "/below/./open.txt": 400,
    "/%2e/below/open.txt": 400,
    "/below/..\\content.bin": 404,
    "/below/..%5ccontent.bin": 404,
    "/below/%252e%252e%252fcontent.bin": 404,
    "/below/%252e%252e/content.bin": 404,
    "/below//open.txt": 200,
    "//below/open.txt": 404,
    "/BELOW/open.txt": 404,
    "/below/open.txt;x": 404,
    "/below/%c0%ae%c0%ae/content.bin": 400,
    "/below/%C3%28": 400,
    "/below/%ff": 400,
    "/below/%zz": 404,
    "/below/%": 404,
    "/below/%u002e": 404,
    "/below/" + "x" * 3000: 404,
    "/below/.hidden": 404,
}


@colours
def test_A7_every_spelling_of_a_path_is_decided_alike(server1: Server, colour: str) -> None:
    """One table for all servers; nothing outside the folder, and never a 500."""
    (server1.folder / "below" / ".hidden").write_text("hidden")
    found = {}
    with Kept(server1) as kept:
        for spelling in SPELLINGS:
            answer = kept.ask(head(f"/{colour}{spelling}", method="GET"))
            found[spelling] = answer.status
            assert answer.status != 200 or answer.body == b"open"
    wrong = {spelling: (found[spelling], wanted) for spelling, wanted in SPELLINGS.items() if found[spelling] != wanted}
    assert not wrong
    raw = head(f"/{colour}/below/", method="GET").replace(b"below/", b"below/\xff")
    assert send(server1, raw, ends=False).statuses == [400]


# -- A9, A10, A11, A12 -------------------------------------------------------------------------------------------

LARGE = {
    "200 fields": [f"X-{number}: y" for number in range(200)],
    "5000 fields": [f"X-{number}: y" for number in range(5000)],
    "one name 200 times": ["X-A: y"] * 200,
    "a field of 20 kB": ["X-A: " + "y" * 20_000],
    "fields of 80 kB": [f"X-{number}: " + "y" * 8_000 for number in range(10)],
    "a field of 1 MB": ["X-A: " + "y" * 1_000_000],
}


@pytest.mark.parametrize("case", LARGE)
def test_A9_fields_over_the_limits(server1: Server, case: str) -> None:
    with cost(server1) as spent:
        seen = send(server1, head("/d/fields", *LARGE[case], method="GET"), ends=False)
    assert verdict(seen, 431) == known.outcome(server1.kind, "A9", case, "431")
    assert spent.grown < 64 * MIB
    assert spent.seconds < 0.3


def test_A9_a_target_over_the_limit(server1: Server) -> None:
    for case, target in {"a path of 64 kB": "/d/" + "p" * 65536, "a query of 10 kB": "/d/text?" + "q" * 10_000}.items():
        seen = send(server1, head(target, method="GET"), ends=False)
        assert verdict(seen, 414) == known.outcome(server1.kind, "A9", case, "414")


def verdict(seen: Seen, status: int) -> str:
    """The status that is due, or whether it was refused in another way: another 4xx, or the connection's end."""
    if seen.statuses == [status]:
        return str(status)
    return "refused otherwise" if seen.refused and all(each < 500 for each in seen.statuses) else "answered"


METHODS = ["TRACE", "get", "Get", "A" * 300, "__init__", "dispatch", "CONNECT", "PROPFIND", "OPTION"]


@colours
def test_A10_other_methods(server1: Server, colour: str) -> None:
    """405 with the right Allow from us, or the server's own refusal; nothing is called by its name."""
    for method in METHODS:
        seen = send(server1, head(f"/{colour}/text", method=method), ends=False)
        found = "refused" if seen.refused and seen.statuses[0] in {400, 405, 501} else "answered"
        assert found == known.outcome(server1.kind, "A10", "get" if method.upper() == "GET" else "", "refused"), method
        if seen.code == "method-not-allowed":
            assert seen.allow == "GET, HEAD, OPTIONS"


@colours
def test_A11_less_than_declared_then_the_end(server1: Server, colour: str) -> None:
    """No handler takes what came for the whole, and a provider that was entered sees the error."""
    for path in ("echo", "order", "upload"):
        types = {"order": "application/json", "upload": "multipart/form-data; boundary=x"}
        raw = head(f"/{colour}/{path}", "X-Key: KEY", f"Content-Type: {types.get(path, 'x/y')}", "Content-Length: 300")
        seen = send(server1, raw + b'{"name": "a", "count": 1}', half_close=True)
        assert seen.refused
        assert all(status == 400 for status in seen.statuses)
    key = uuid.uuid4().hex
    with server1.open() as connection:
        connection.send(head(f"/{colour}/arriving/{key}", "Content-Length: 200000") + b"x" * 100_000)
        ready(connection, 0.3)
    expected = known.outcome(server1.kind, "A11", "a stream that is cut", "the error")
    events = server1.wait_for(key, "provider closed", seconds=PATIENCE if expected != "nothing" else 2)
    assert "called" not in events
    found = "the error" if "provider saw ClientDisconnected" in events else "nothing" if not events else str(events)
    assert found == expected


def test_A11_more_than_declared_is_no_request(server1: Server) -> None:
    seen = send(server1, head("/d/echo", "X-Key: KEY", "Content-Length: 1") + b"xyz\r\n\r\n")
    assert seen.closed and not seen.second
    assert len([status for status in seen.statuses if status == 200]) <= 1
    assert seen.statuses[-1] in {200, 400}


@colours
def test_A12_an_expectation_that_is_refused(server1: Server, colour: str) -> None:
    """413 before `100 Continue`: the body is not asked for."""
    with server1.open() as connection:
        connection.send(head(f"/{colour}/echo", "Expect: 100-continue", "Content-Length: 99999999"))
        found = first_line(connection)
    assert found == known.outcome(server1.kind, "A12", "over the limit", "413")


@colours
def test_A12_an_expectation_that_is_met(server1: Server, colour: str) -> None:
    with server1.open() as connection:
        connection.send(head(f"/{colour}/echo", "Expect: 100-continue", "Content-Length: 5"))
        assert first_line(connection) == "100"
        connection.send(b"hello")
        assert connection.answer().json()["size"] == 5


def first_line(connection: Connection) -> str:
    """The status of what comes first, or that nothing comes."""
    if not ready(connection, PATIENCE):
        return "nothing, until the body came"
    return str(connection.head().status)


# -- A13: HEAD and OPTIONS ---------------------------------------------------------------------------------------

CHANGES = {"date", "x-request-id", "x-middleware", "connection", "keep-alive", "transfer-encoding"}
"""Fields that differ between two answers to the same, or that say how a body is framed that HEAD does not have."""


def examples() -> list[tuple[str, list[str]]]:
    """Every path of the app, with values for its fields, and the methods that its routes have there."""
    methods: dict[str, set[str]] = {}
    for route in app.describe().routes:
        path = re.sub(r"\{(?:id|status)[^}]*\}", "404", re.sub(r"\{name:path\}", "open.txt", route.path))
        path = re.sub(r"/set/\{[^}]*\}", "/set/x-a?value=1", path)
        methods.setdefault(re.sub(r"\{[^}]*\}", "head", path), set()).update(route.methods)
    return [(path, sorted(each)) for path, each in methods.items()]


@colours
def test_A13_head_and_options_of_every_route(server: Server, colour: str) -> None:
    """HEAD is GET without the body, with the same status and fields; OPTIONS and a wrong method name the methods."""
    # These take long, or end only at a time limit; they are streams and text as others are.
    skipped = tuple(f"/{colour}/{name}/" for name in ("slow", "gated", "broken"))
    paths = [(path, methods) for path, methods in examples() if path.startswith(f"/{colour}/")]
    assert len(paths) > 25
    for path, methods in paths:
        allowed = ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))
        options = server.ask(path, "OPTIONS")
        assert (options.status, options["allow"], options.body) == (204, allowed, b""), path
        wrong = server.ask(path, "PROPFIND")
        assert (wrong.status, wrong["allow"]) == (405, allowed), path
        if "GET" in methods and not path.startswith(skipped):
            whole, head_only = server.ask(path), server.ask(path, "HEAD")
            assert (head_only.status, head_only.body) == (whole.status, b""), path
            assert same_fields(head_only.headers) == same_fields(whole.headers), path


def same_fields(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields that HEAD must have as GET has them; a request's id makes a problem's length, and not its value."""
    return sorted((name, value) for name, value in pairs if name not in CHANGES)


# -- A14, A15: what a handler sets -------------------------------------------------------------------------------

VALUES = [
    "a\r\nx-evil: 1",
    "a\nx-evil: 1",
    "a\rx-evil: 1",
    "a\x00b",
    "a\x1bb",
    "a€",
    "\r\n\r\n<script>",
    "a\x85b\u2028x",
]


@colours
def test_A14_a_field_that_would_break_the_answer(server: Server, colour: str) -> None:
    """A clean 500 with the request's id; nothing of it gets to the wire."""
    for value in VALUES:
        answer = server.ask(f"/{colour}/set/x-a?value={quote(value)}")
        # A NUL is no text, so that the query is refused before the handler.
        expected = (400, "malformed-query") if "\x00" in value else (500, "internal-error")
        assert (answer.status, answer.code, answer.whole) == (*expected, True), value
        assert len(answer["x-request-id"]) == 16
        assert answer.get("x-evil") is None and b"evil" not in answer.body and b"script" not in answer.body
    for name in ("x%20a", "x%0d%0aevil", "x:a", "%C3%A9", "x%00"):
        assert server.ask(f"/{colour}/set/{name}?value=1").status in {400, 500}
    assert server.ask(f"/{colour}/set/x-a?value=Zo%C3%AB")["x-a"].encode("latin-1") in {
        "Zoë".encode("latin-1"),
        "Zoë".encode(),
    }


TARGETS = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", " javascript:x",
    "\x01javascript:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "mailto:a@b", "tel:1", "about:blank",
    "//evil.org", "///evil.org", "////evil.org", "//evil.org/d/text", "/\\evil.org", "\\\\evil.org", "\\/evil.org",
    "/\\/evil.org", "\\evil.org", "/\t/evil.org", "/\n/evil.org", "/\r/evil.org", "\t//evil.org", "\n//evil.org",
    " //evil.org", "//evil.org\\@example.org", "//example.org@evil.org", "//evil%00.org", "http://evil.org",
    "HTTP://evil.org", "https://evil.org", "https:evil.org", "https:/evil.org", "https:///evil.org", "http:evil.org",
    "http:\\\\evil.org", "http:/\\evil.org", "https://example.org.evil.org", "https://example.org@evil.org",
    "https://evil.org#example.org", "https://evil.org?example.org", "https://evil.org\\.example.org", "ftp://evil.org",
    "//evil。org", "//ｅvil.org", "/.//evil.org", "/..//evil.org", "evil.org", "evil.org/path", "www.evil.org:80",
    "?next=//evil.org", "#//evil.org", "", " ", "\x00", "/a\x00b", "/a\r\nx-evil: 1", ":evil", "//[::1]", "http://[",
]  # fmt: skip


@colours
def test_A15_a_redirect_never_leaves_the_site(server: Server, colour: str) -> None:
    """What a browser could take for another host goes to the fallback; what stays, stays on this site."""
    with Kept(server) as kept:
        for target in [*TARGETS, "/" + "a" * 3000, "//" + "a" * 3000]:
            path = f"/{colour}/redirect?to={quote(target, safe='')}"
            answer = server.ask(path) if server.kind.http2 else kept.ask(request(path))
            if "\x00" in target:
                assert (answer.status, answer.code) == (400, "malformed-query")
                continue
            assert answer.status == 303, target
            location = answer["location"]
            assert location.isascii() and location.startswith("/") and not location.startswith(("//", "/\\")), target
            assert urlsplit(location).netloc == "" and "evil" not in urlsplit(location).path.split("/")[1], target
            assert answer.get("x-evil") is None
