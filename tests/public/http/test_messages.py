"""Requests, header fields and limits as plain values, without an app."""

from __future__ import annotations

import dataclasses

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholestack.http import (
    Gate,
    HeaderFault,
    Headers,
    Limits,
    MutableHeaders,
    Refused,
    Request,
    Response,
    Upload,
    check_header,
    environ_pairs,
    parse_query,
    percent_decode,
    size,
)


def test_header_fields_are_found_whatever_their_case() -> None:
    headers = Headers([("Accept", "a"), ("X-Tag", "1"), ("x-tag", "2")])
    assert headers["ACCEPT"] == "a"
    assert headers.get("x-tag") == "1"
    assert headers.get("missing", "d") == "d"
    assert headers.get_all("X-TAG") == ["1", "2"]
    assert headers.get_all("missing") == []
    assert "accept" in headers
    assert 3 not in headers
    assert list(headers) == ["accept", "x-tag"]
    assert len(headers) == 2
    assert headers.pairs == (("accept", "a"), ("x-tag", "1"), ("x-tag", "2"))
    with pytest.raises(KeyError):
        headers["missing"]
    assert repr(Headers([("authorization", "s3cret")])) == "Headers(authorization)"


def test_headers_that_change() -> None:
    headers = MutableHeaders([("A", " 1 ")])
    headers.add("a", "2")
    headers.set("B", "x")
    assert headers.pairs == (("a", "1"), ("a", "2"), ("b", "x"))
    headers.set("a", "3")
    assert headers.pairs == (("b", "x"), ("a", "3"))
    headers.remove("A")
    headers.remove("missing")
    assert headers.pairs == (("b", "x"),)


def test_vary_names_each_field_once() -> None:
    headers = MutableHeaders()
    for name in ("accept", "Accept", "cookie", "COOKIE"):
        headers.vary(name)
    assert headers.get_all("vary") == ["accept, cookie"]
    headers.set("vary", "*")
    headers.vary("origin")
    assert headers["vary"] == "*"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é", "a\0", "(a)", "a,b"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(HeaderFault):
        check_header(name, "x")
    with pytest.raises(HeaderFault):
        MutableHeaders([(name, "x")])


@given(st.text())
def test_what_is_taken_as_a_header_stays_on_its_line(text: str) -> None:
    for name, value in ((text, "x"), ("x", text)):
        try:
            pair = check_header(name, value)
        except HeaderFault:
            continue
        line = ": ".join(pair)
        assert not set(line) & set("\r\n\0")
        line.encode("latin-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 B", 1),
        ("10 MB", 10_000_000),
        ("64 KiB", 65_536),
        ("1.5 kb", 1500),
        (" 2 GiB ", 2 * 1024**3),
        ("3gb", 3 * 10**9),
        (7, 7),
    ],
)
def test_sizes(text: int | str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "10", "ten MB", "10 TB", "-1 MB", "1 MB extra", "1e3 B"])
def test_a_size_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        size(text)


def test_limits() -> None:
    limits = Limits(body="1 MB", header="1 KiB")
    assert (limits.body, limits.bytes_of("header")) == (1_000_000, 1024)
    assert dataclasses.replace(limits, fields=3).body == 1_000_000
    with pytest.raises(ValueError, match="fields"):
        Limits(fields=-1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        limits.body = 3  # type: ignore[misc]
    defaults = Limits()
    assert (defaults.body, defaults.fields, defaults.files, defaults.json_depth) == (10 * 1024**2, 1000, 100, 100)
    assert (defaults.headers, defaults.target, defaults.cookies, defaults.query_pairs, defaults.timeout) == (
        100,
        8192,
        100,
        1000,
        30.0,
    )


def test_a_request_by_hand() -> None:
    request = Request("GET", "/caf\u00e9 x", "a=1&a=2", [("Host", "example.org:80"), ("Cookie", "c=3")])
    assert request.url == "http://example.org/caf%C3%A9%20x?a=1&a=2"
    assert request.base_url == "http://example.org"
    assert request.query == {"a": ["1", "2"]}
    assert request.cookies == {"c": "3"}
    assert request.host == "example.org:80"
    assert request.wants_html is False
    assert repr(Request("GET", "/x", "token=s3cret")) == "<Request GET /x>"
    assert Request("GET", "/").query == {}
    assert Request("GET", "/").host == "localhost"
    assert type(Request.host).__name__ == "lazy"
    secure = Request("GET", "/", "", [("host", "a:443")])
    secure.scheme = "https"
    assert secure.url == "https://a/"


def test_a_request_whose_condition_failed() -> None:
    request = Request("PUT", "/", "", [("if-match", '"a"')])
    request.precondition('"a"')
    with pytest.raises(Refused) as refused:
        request.precondition('"b"')
    assert (refused.value.status, refused.value.code) == (412, "precondition-failed")


def test_queries_by_hand() -> None:
    assert parse_query("") == {}
    assert parse_query("&&=&a&=b") == {"a": [""], "": ["b"]}
    assert parse_query("a=b=c&a=+%2B") == {"a": ["b=c", " +"]}
    assert parse_query("%61=1") == {"a": ["1"]}
    assert percent_decode("%f0%9f%98%80") == "\U0001f600"


@given(st.text(max_size=40))
def test_a_query_is_read_or_refused(text: str) -> None:
    try:
        values = parse_query(text, 10)
    except Refused as refused:
        assert refused.status == 400
        return
    assert sum(map(len, values.values())) <= 10
    assert not any("\0" in name + "".join(found) for name, found in values.items())


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=5))
def test_what_was_written_is_read_back(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    if any(
        set("".join(pair)) & {"\0"} or any("\ud800" <= each <= "\udfff" for each in "".join(pair)) for pair in pairs
    ):
        return
    values = parse_query(urlencode(pairs))
    assert [(name, value) for name, found in values.items() for value in found] == sorted(
        pairs, key=lambda pair: [name for name, _ in pairs].index(pair[0])
    )


def test_the_gates_readers_agree() -> None:
    gate = Gate(Limits())
    assert gate.asgi("/", "", [(b"host", b"a")], "1.1") == {b"host": b"a"}
    assert gate.rsgi("/", "", [("host", "a")], "2") == {"host": "a"}
    gate.wsgi("/", "", {"HTTP_HOST": "a", "SERVER_PROTOCOL": "HTTP/1.1"})
    for path in ("", "x", "/../a", "/\0", "/\ufffd"):
        for call in (
            lambda path=path: gate.asgi(path, "", [(b"host", b"a")], "1.1"),
            lambda path=path: gate.rsgi(path, "", [("host", "a")], "1.1"),
            lambda path=path: gate.wsgi(path, "", {"HTTP_HOST": "a", "SERVER_PROTOCOL": "HTTP/1.1"}),
        ):
            with pytest.raises(Refused) as refused:
                call()
            assert refused.value.code == "malformed-path"
    assert environ_pairs({"HTTP_A_B": "1", "CONTENT_LENGTH": "", "CONTENT_TYPE": "t", "PATH": "x"}) == [
        ("a-b", "1"),
        ("content-type", "t"),
    ]


def test_more_media_types_than_are_remembered() -> None:
    for number in range(300):
        assert Response(b"x", media_type=f"text/x-{number}").media_type == f"text/x-{number}"


def test_an_upload_in_a_models_schema() -> None:
    class Album(pydantic.BaseModel):
        cover: Upload

    field = Album.model_json_schema()["properties"]["cover"]
    assert (field["type"], field["format"]) == ("string", "binary")
    assert Album(cover=Upload("a.png")).cover.filename == "a.png"
    with pytest.raises(pydantic.ValidationError):
        Album(cover=b"bytes")  # type: ignore[arg-type]
