"""The gate: what is malformed or smuggled is refused the same on every interface (SECURITY rows A1 to A9)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callers import Asgi, Caller, Rsgi, Wsgi
from wholestack import App, Body, Limits, Request

REACHED: list[str] = []


def small_app(limits: Limits | None = None) -> App:
    REACHED.clear()
    app = App(docs=False, limits=limits or Limits())

    @app.get("/")
    def show(request: Request) -> str:
        REACHED.append(request.path)
        return request.url

    @app.get("/{rest:path}")
    def rest(rest: str) -> str:
        REACHED.append(rest)
        return rest

    @app.post("/")
    async def take(content: Body[bytes]) -> int:
        REACHED.append("post")
        return len(content)

    return app


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.headers["x-request-id"]
    assert REACHED == []


def test_a1_two_lengths(serve: Any) -> None:
    client = serve(small_app())
    answer = client.post("/", headers={"content-length": "3", "transfer-encoding": "chunked"}, body=b"abc")
    refused(answer, 400, "ambiguous-length")
    if client.interface != "wsgi":  # there it is the server's own business (PEP 3333)
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("coding", "version"),
    [
        *(
            ("chunked", "1.0"),
            ("xchunked", "1.1"),
            ("chunked, identity", "1.1"),
            ("identity", "1.1"),
            ("\x0bchunked", "1.1"),
        ),
        *(("chunked,chunked", "1.1"), ("gzip, chunked", "1.1"), ("chunked;a=b", "1.1"), (" chunked x", "1.1")),
    ],
)
def test_a2_a_coding_that_is_not_plain_chunked(serve: Any, coding: str, version: str) -> None:
    answer = serve(small_app()).post("/", headers={"transfer-encoding": coding}, body=[], version=version)
    refused(answer, 400, "bad-transfer-encoding")


def test_plain_chunked_passes(serve: Any) -> None:
    client = serve(small_app())
    assert client.post("/", headers={"transfer-encoding": "Chunked"}, body=[b"ab", b"c"], chunked=False).status in {
        200,
        400,
    }
    assert client.post("/", body=[b"ab", b"c"], chunked=True).text == "3"


@pytest.mark.parametrize(
    "length", ["-1", "+1", "1,1", "1 ", "0x1", "1_0", "\u0661", "\xb2", "1.0", "9" * 19, "abc", "1\t"]
)
def test_a_length_that_is_no_number(serve: Any, length: str) -> None:
    if not all(ord(each) < 256 for each in length):
        length = length.encode().decode("latin-1")
    refused(serve(small_app()).post("/", headers={"content-length": length}, body=b"a"), 400, "bad-content-length")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "a.com/x?y=@b",
            "a b",
            "a#b",
            "user@a",
            "a\\b",
            "a,b",
            "",
            "[::1",
            "::1",
            "a:b",
            "a:123456",
            "-a",
            "_a",
            "a%41",
            "\xe9.org",
        ),
        *("a\tb", "a\x00", "a..b@c", "http://a", "a:80:80", "[zz]", "a" * 300),
    ],
)
def test_a4_a_host_that_is_none(serve: Any, host: str) -> None:
    client = serve(small_app())
    refused(client.get("/", headers={"host": host}), 400, "bad-host")
    refused(client.get("/", headers={"host": host}), 400, "bad-host")  # and is not remembered as a good one


@pytest.mark.parametrize("host", ["a", "a.example", "A.Example:80", "1.2.3.4", "[::1]", "[::1]:8000", "a-b.c_d~e"])
def test_a_host_that_is_one(serve: Any, host: str) -> None:
    assert host.removesuffix(":80") in serve(small_app()).get("/", headers={"host": host}).text


def test_a4_two_hosts_and_none(serve: Any) -> None:
    client = serve(small_app())
    answer = client.get("/", headers=[("host", "a.example"), ("host", "b.example")])
    assert (answer.status, REACHED) == (400, [])  # a WSGI server has joined them: no host either
    refused(client.get("/", headers=[("host", None)]), 400, "bad-host")
    assert client.get("/", headers=[("host", None)], version="1.0").status == 200


def test_two_of_what_there_is_one_of() -> None:
    for kind in (Asgi, Rsgi):
        client = kind(small_app())
        for name in ("content-length", "content-type", "authorization"):
            refused(client.get("/", headers=[(name, "1"), (name, "1")]), 400, "duplicate-header")
        assert client.get("/", headers=[("accept", "a"), ("accept", "b"), ("x", "1"), ("x", "2")]).status == 200
        client.close()


@pytest.mark.parametrize("target", ["@google.com", "*", "http://evil.example/x", "", "x/y", "?a=b"])
def test_a6_a_target_that_is_no_path(serve: Any, target: str) -> None:
    refused(serve(small_app()).get(target), 400, "malformed-path")


def test_an_empty_path_below_a_mount_point_is_the_root() -> None:
    client = Wsgi(small_app())
    client.environ = {"SCRIPT_NAME": "/mounted", "PATH_INFO": ""}
    assert client.get("").text == "http://example.org/mounted/"
    client.close()
    asgi = Asgi(small_app())
    asgi.scope = {"root_path": "/mounted", "path": "/mounted"}
    assert asgi.get("").text == "http://example.org/mounted/"
    asgi.scope = {"root_path": "/mounted", "path": "/mounted/x"}
    assert asgi.get("").text == "x"
    asgi.scope = {"root_path": "/mounted", "path": "/mountedx"}
    assert asgi.get("").text == "mountedx"
    asgi.close()


@pytest.mark.parametrize(
    "target",
    ["/%00", "/a%00b", "/%ff", "/a/%C0%AF", "/./a", "/a/..", "/..", "/.", "/a/%2e%2e/b", "/a/%2E/b", "/%ED%A0%80"],
)
def test_a7_a_path_that_two_could_read_differently(serve: Any, target: str) -> None:
    refused(serve(small_app()).get(target), 400, "malformed-path")


@pytest.mark.parametrize(
    "target",
    [
        "/.well-known/x",
        "/a/.b",
        "/a/..b",
        "/a/b..",
        "/a...b",
        "/caf%C3%A9",
        "/a/...",
        "/a%5Cb",
        "/a%20b",
        "//a",
        "/a//b",
    ],
)
def test_a_path_that_only_looks_odd(serve: Any, target: str) -> None:
    assert serve(small_app()).get(target).status in {200, 404}


def test_a9_counts_and_sizes(serve: Any) -> None:
    client = serve(small_app())
    many = [(f"x-{n}", "v") for n in range(99)]
    assert client.get("/", headers=many).status == 200
    REACHED.clear()
    refused(client.get("/", headers=[*many, ("x-99", "v"), ("x-100", "v")]), 431, "too-many-headers")
    refused(client.get("/", headers=[(f"x-{n}", "v") for n in range(5000)]), 431, "too-many-headers")
    assert client.get("/", headers={"x-big": "v" * (16 * 1024 - 5)}).status == 200
    REACHED.clear()
    refused(client.get("/", headers={"x-big": "v" * (16 * 1024 - 4)}), 431, "headers-too-large")
    refused(client.get("/", headers={"x-big": "v" * 1_000_000}), 431, "headers-too-large")
    refused(client.get("/", headers={"x" * 20_000: "v"}), 431, "headers-too-large")
    refused(client.get("/", headers=[(f"x-{n}", "v" * 15_000) for n in range(5)]), 431, "headers-too-large")
    refused(client.get("/" + "a" * 65_536), 414, "target-too-long")
    refused(client.get("/?" + "a" * 8_192), 414, "target-too-long")
    assert client.get("/?" + "a" * 8_191).status == 200
    REACHED.clear()


def test_the_limits_are_the_apps(serve: Any) -> None:
    client = serve(small_app(Limits(headers=3, header=40, headers_total=60, target=20)))
    assert client.get("/", headers={"x-a": "1"}).status == 200
    REACHED.clear()
    refused(client.get("/", headers={f"x-{n}": "1" for n in range(4)}), 431, "too-many-headers")
    refused(client.get("/", headers={"x-a": "1" * 40}), 431, "headers-too-large")
    refused(client.get("/", headers={"x-a": "1" * 20, "x-b": "1" * 20}), 431, "headers-too-large")
    refused(client.get("/" + "a" * 20), 414, "target-too-long")


def test_more_hosts_than_are_remembered(serve: Any) -> None:
    client = serve(small_app())
    for number in range(300):
        assert client.get("/", headers={"host": f"h{number}.example"}).status == 200


def test_what_is_refused_is_still_answered_as_the_app_does(serve: Any) -> None:
    answer = serve(small_app()).get("/a/../b", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=30)
NAMES = st.text("abcxyz-_0!#", min_size=1, max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    target=TEXTS.map("/{}".format) | TEXTS,
    headers=st.lists(
        st.tuples(
            NAMES | st.sampled_from(["host", "cookie", "content-length", "transfer-encoding", "accept", "range"]), TEXTS
        ),
        max_size=6,
    ),
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "X"]),
    version=st.sampled_from(["1.0", "1.1", "2"]),
)
def test_no_request_is_an_error_of_ours_and_all_interfaces_agree(
    target: str, headers: list[tuple[str, str]], method: str, version: str
) -> None:
    found = {}
    for kind in (Asgi, Wsgi, Rsgi):
        client: Caller = kind(small_app())
        try:
            found[kind.interface] = client.request(
                method, target.replace("?", "?", 1), headers=headers, version=version
            ).status
        finally:
            client.close()
    assert all(status < 500 for status in found.values()), found
    names = [name for name, _ in headers]
    if len(set(names)) == len(names) and not any("_" in name for name in names) and target.startswith("/"):
        assert found["asgi"] == found["rsgi"] == found["wsgi"], found
