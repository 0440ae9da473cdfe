from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from wholestack.http import HeaderFault, Limits, Refused, parse_cookies, write_cookie

LIMITS = Limits()
TOKEN = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
OCTETS = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '",;\\')


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        (" ; ;", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2;", {"a": "1", "b": "2"}),
        ("\ta = 1 ;b\t=\t2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=first; a=second", {"a": "first"}),
        ("__Host-id=mine; __Host-id=theirs", {"__Host-id": "mine"}),
        ("__Host-id=mine; __host-id=theirs", {"__Host-id": "mine", "__host-id": "theirs"}),
        # No cookie without a name ever becomes one with a name (CVE-2023-23934).
        ("=v", {}),
        ("v", {}),
        ("=__Host-id=evil", {}),
        ("==__Host-id=evil", {}),
        (" = __Host-id=evil", {}),
        # Nor does one get a prefix by what only Python takes for a space.
        ("\xa0__Host-id=evil", {"\xa0__Host-id": "evil"}),
        ("\x85__Host-id=evil", {"\x85__Host-id": "evil"}),
        ('a="1"', {"a": "1"}),
        ('a=""', {"a": ""}),
        ('a="', {"a": '"'}),
        ('a="1', {"a": '"1'}),
        ('a=1"', {"a": '1"'}),
        ('a="1;b=2"', {"a": '"1', "b": '2"'}),
        ('a="x\\"y"', {"a": 'x\\"y'}),
        ("a=%31+2", {"a": "%31+2"}),
    ],
)
def test_parse(header: str, expected: dict[str, str]) -> None:
    assert parse_cookies(header, LIMITS) == expected


def test_limits() -> None:
    limits = Limits(cookies=2, cookie=10)
    assert parse_cookies("a=1;;; b=2;", limits) == {"a": "1", "b": "2"}
    assert parse_cookies("a=12345678", limits) == {"a": "12345678"}
    with pytest.raises(Refused) as many:
        parse_cookies("a=1; a=2; =3", limits)
    assert (many.value.status, many.value.code) == (400, "too-many-cookies")
    with pytest.raises(Refused) as large:
        parse_cookies("a=123456789", limits)
    assert (large.value.status, large.value.code) == (400, "cookie-too-large")
    assert "123456789" not in str(large.value)


def test_five_thousand_cookies_and_64_kb(cpu: Callable[..., float], machine: float) -> None:
    many = "; ".join(f"name{n}=value" for n in range(5000))
    with pytest.raises(Refused):
        parse_cookies(many, LIMITS)
    assert cpu(lambda: parse_cookies(many, LIMITS)) < 0.010 * machine
    assert cpu(lambda: parse_cookies(many, Limits(cookies=10_000))) < 0.010 * machine
    assert cpu(lambda: parse_cookies("a=" + "x" * 65_536, LIMITS)) < 0.010 * machine


def test_linear(linear: Callable[..., None]) -> None:
    limits = Limits(cookies=10**6, cookie=10**6)
    linear(lambda text: parse_cookies(text, limits))
    linear(lambda text: parse_cookies(text, limits), 'a="', '"')
    linear(lambda text: write_cookie("a", text))


@given(st.text(max_size=200) | st.text('ab=;" \t\\,', max_size=60))
def test_only_refused_comes_out(header: str) -> None:
    try:
        cookies = parse_cookies(header, Limits(cookies=20, cookie=50))
    except Refused as refused:
        assert refused.status == 400
    else:
        assert all(cookies)


SPACE = st.text(" \t", max_size=2)
VALUES = st.text("abc=1\xe9", max_size=6) | st.text("ab= 1", max_size=6).map('"{}"'.format)
PAIRS = st.tuples(SPACE, st.text("ab_-", max_size=3), SPACE, st.just("="), SPACE, VALUES, SPACE).map("".join)


@given(st.lists(PAIRS | SPACE, max_size=8))
def test_as_werkzeug(pairs: list[str]) -> None:
    """Left out is where the oracle differs by design: backslashes decoded, bare names taken, quotes inside a value."""
    header = ";".join(pairs)
    theirs = parse_cookie(header)
    assert parse_cookies(header, LIMITS) == {name: theirs[name] for name in theirs}


@given(
    st.text(TOKEN, min_size=1, max_size=40).filter(lambda name: not name.startswith("__")),
    st.text(OCTETS, max_size=200),
)
def test_what_is_written_is_read(name: str, value: str) -> None:
    sent = write_cookie(name, value).partition(";")[0]
    assert parse_cookies(f"{sent}; y=2", LIMITS)[name] == value


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "n=v; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ({"secure": False, "httponly": False}, "n=v; Path=/; SameSite=Lax"),
        ({"max_age": 0, "path": "/a"}, "n=v; Path=/a; Max-Age=0; Secure; HttpOnly; SameSite=Lax"),
        (
            {"samesite": "strict", "domain": "a.example"},
            "n=v; Path=/; Domain=a.example; Secure; HttpOnly; SameSite=Strict",
        ),
        ({"samesite": "none", "partitioned": True}, "n=v; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"),
        (
            {"expires": datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.UTC)},
            "n=v; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; HttpOnly; SameSite=Lax",
        ),
    ],
)
def test_write(options: dict[str, Any], expected: str) -> None:
    assert write_cookie("n", "v", **options) == expected


@pytest.mark.parametrize("name", ["__Host-n", "__host-n", "__Secure-n", "__SECURE-n"])
def test_prefixes_that_hold(name: str) -> None:
    assert write_cookie(name, "v").startswith(f"{name}=v; Path=/; Secure")


@pytest.mark.parametrize(
    ("name", "value", "options"),
    [
        ("", "v", {}),
        ("a b", "v", {}),
        ("a=b", "v", {}),
        ("a\n", "v", {}),
        ("é", "v", {}),
        *(("n", value, {}) for value in ("a b", "a;b", "a,b", 'a"b', "a\\b", "a\nb", "a\x00b", "é", "v\n", "\x7f")),
        ("n", "v", {"path": "a"}),
        ("n", "v", {"path": "/;x"}),
        ("n", "v", {"path": "/\r\nset-cookie: a=b"}),
        ("n", "v", {"domain": "a;b"}),
        ("n", "v", {"domain": ""}),
        ("n", "v", {"domain": "a.example\n"}),
        ("n", "v", {"samesite": "Lax"}),
        ("n", "v", {"samesite": "none", "secure": False}),
        ("n", "v", {"partitioned": True, "secure": False}),
        ("n", "v", {"expires": datetime.datetime(2030, 1, 1)}),  # noqa: DTZ001
        ("__Host-n", "v", {"secure": False}),
        ("__Host-n", "v", {"path": "/a"}),
        ("__Host-n", "v", {"domain": "a.example"}),
        ("__hOsT-n", "v", {"domain": "a.example"}),
        ("__Secure-n", "v", {"secure": False}),
        ("n", "v" * 4096, {}),
    ],
)
def test_what_browsers_would_drop_is_a_fault(name: str, value: str, options: dict[str, Any]) -> None:
    with pytest.raises(HeaderFault) as fault:
        write_cookie(name, value, **options)
    assert value == "v" or value not in str(fault.value)


def test_4096_bytes_in_all() -> None:
    rest = len(write_cookie("n", ""))
    assert len(write_cookie("n", "v" * (4096 - rest))) == 4096
    with pytest.raises(HeaderFault, match="4096"):
        write_cookie("n", "v" * (4097 - rest))
