from __future__ import annotations

import datetime
import email.utils
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import http as oracle

from wholestack.http import Headers, etag_of, http_date, parse_date, preconditions

MOMENT = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
FIRST, LAST = -62135596800, 253402300799


def test_etag() -> None:
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")
    assert etag_of(b"a", weak=True) == "W/" + etag_of(b"a")
    assert oracle.unquote_etag(etag_of(b"a", weak=True)) == (etag_of(b"a")[1:-1], True)


@given(st.integers(-2_000_000_000, 4_000_000_000) | st.floats(0, 4e9))
def test_http_date_as_the_standard_library(timestamp: float) -> None:
    assert http_date(timestamp) == email.utils.formatdate(int(timestamp // 1), usegmt=True)


@given(st.integers(FIRST, LAST))
def test_dates_round_trip(timestamp: int) -> None:
    assert parse_date(http_date(timestamp)) == timestamp


@pytest.mark.parametrize("timestamp", [FIRST - 1, LAST + 1, 1e18, float("inf"), float("nan")])
def test_no_date_outside_four_digits(timestamp: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        http_date(timestamp)


@pytest.mark.parametrize(
    "text", [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun Nov 06 08:49:37 1994"]
)
def test_the_three_formats(text: str) -> None:
    assert parse_date(text) == MOMENT


def test_a_leap_second_and_years_of_two_digits() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_date("Sat, 31 Dec 2016 23:59:59 GMT")
    now = datetime.datetime.now(datetime.UTC).year
    for ahead, years in ((50, 50), (51, -49)):
        found = parse_date(f"Monday, 01-Jan-{(now + ahead) % 100:02} 00:00:00 GMT")
        assert found is not None
        assert time.gmtime(found).tm_year == now + years


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "tomorrow", DATE + " ", " " + DATE, DATE.lower(), DATE.replace("GMT", "UTC"), DATE + "; length=3"),
        *("Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT"),
        *("Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, \u06606 Nov 1994 08:49:37 GMT"),
    ],
)
def test_no_date(text: str) -> None:
    assert parse_date(text) is None


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} (Jan|Feb|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", fullmatch=True)
)
def test_nothing_comes_out_of_parse_date(text: str) -> None:
    assert isinstance(parse_date(text), float | None)


TAG, OTHER, WEAK = '"a"', '"b"', 'W/"a"'


@pytest.mark.parametrize(
    ("method", "pairs", "etag", "last_modified", "expected"),
    [
        ("GET", [], TAG, MOMENT, None),
        # 1: If-Match, strong
        ("PUT", [("if-match", TAG)], TAG, None, None),
        ("PUT", [("if-match", f"{OTHER}, {TAG}")], TAG, None, None),
        ("PUT", [("if-match", OTHER), ("if-match", TAG)], TAG, None, None),
        ("PUT", [("if-match", OTHER)], TAG, None, 412),
        ("PUT", [("if-match", WEAK)], TAG, None, 412),
        ("PUT", [("if-match", WEAK)], WEAK, None, 412),
        ("PUT", [("if-match", TAG)], WEAK, None, 412),
        ("PUT", [("if-match", TAG)], None, MOMENT, 412),
        ("PUT", [("if-match", "*")], TAG, None, None),
        ("PUT", [("if-match", "*")], None, MOMENT, None),
        ("PUT", [("if-match", "*")], None, None, 412),
        ("PUT", [("if-match", "")], TAG, None, 412),
        ("PUT", [("if-match", "a")], TAG, None, 412),
        ("PUT", [("if-match", '"a b", "x')], '"a b"', None, 412),
        # 2: If-Unmodified-Since, only without If-Match
        ("PUT", [("if-unmodified-since", DATE)], None, MOMENT, None),
        ("PUT", [("if-unmodified-since", DATE)], None, MOMENT + 0.9, None),
        ("PUT", [("if-unmodified-since", BEFORE)], None, MOMENT, 412),
        ("GET", [("if-unmodified-since", BEFORE)], None, MOMENT, 412),
        ("PUT", [("if-unmodified-since", "nonsense")], None, MOMENT, None),
        ("PUT", [("if-unmodified-since", BEFORE)], TAG, None, None),
        ("PUT", [("if-match", TAG), ("if-unmodified-since", BEFORE)], TAG, MOMENT, None),
        # 3: If-None-Match, weak
        ("GET", [("if-none-match", TAG)], TAG, None, 304),
        ("HEAD", [("if-none-match", WEAK)], TAG, None, 304),
        ("GET", [("if-none-match", TAG)], WEAK, None, 304),
        ("PUT", [("if-none-match", TAG)], TAG, None, 412),
        ("GET", [("if-none-match", OTHER)], TAG, None, None),
        ("GET", [("if-none-match", TAG)], None, MOMENT, None),
        ("PUT", [("if-none-match", "*")], TAG, None, 412),
        ("PUT", [("if-none-match", "*")], None, None, None),
        ("GET", [("if-none-match", " * ")], None, MOMENT, 304),
        # 4: If-Modified-Since, only for GET and HEAD and without If-None-Match
        ("GET", [("if-modified-since", DATE)], None, MOMENT, 304),
        ("HEAD", [("if-modified-since", DATE)], None, MOMENT + 0.9, 304),
        ("GET", [("if-modified-since", BEFORE)], None, MOMENT, None),
        ("PUT", [("if-modified-since", DATE)], None, MOMENT, None),
        ("GET", [("if-modified-since", "nonsense")], None, MOMENT, None),
        ("GET", [("if-modified-since", DATE)], TAG, None, None),
        ("GET", [("if-none-match", OTHER), ("if-modified-since", DATE)], TAG, MOMENT, None),
        # the order: what protects a change comes first
        ("GET", [("if-match", OTHER), ("if-none-match", TAG)], TAG, None, 412),
        ("GET", [("if-unmodified-since", BEFORE), ("if-none-match", TAG)], TAG, MOMENT, 412),
        ("GET", [("if-match", TAG), ("if-none-match", TAG)], TAG, None, 304),
        *((method, [("if-match", OTHER)], TAG, None, None) for method in ("OPTIONS", "CONNECT", "TRACE")),
    ],
)
def test_preconditions(
    method: str, pairs: list[tuple[str, str]], etag: str | None, last_modified: float | None, expected: int | None
) -> None:
    assert preconditions(method, Headers(pairs), etag, last_modified) == expected


@given(
    st.lists(st.sampled_from(['"a"', '"b"', 'W/"a"', 'W/"c"', '""']), min_size=1),
    st.sampled_from(['"a"', 'W/"c"', '"d"']),
)
def test_if_none_match_as_werkzeug(listed: list[str], etag: str) -> None:
    header = ", ".join(listed)
    theirs = oracle.parse_etags(header).contains_weak(oracle.unquote_etag(etag)[0])  # type: ignore[no-untyped-call]
    assert (preconditions("GET", Headers([("if-none-match", header)]), etag, None) == 304) == theirs


@given(st.sampled_from(["GET", "PUT"]), st.sampled_from(["if-match", "if-none-match", "if-modified-since"]), st.text())
def test_nothing_comes_out_of_preconditions(method: str, name: str, value: str) -> None:
    assert preconditions(method, Headers([(name, value)]), '"a"', 1.0) in {None, 304, 412}


def test_linear(linear: Callable[..., None]) -> None:
    linear(parse_date)
    linear(parse_date, "Sun, ")
    for name in ("if-match", "if-none-match", "if-modified-since"):
        linear(lambda text, name=name: preconditions("GET", Headers([(name, text)]), '"x"', 1.0))
