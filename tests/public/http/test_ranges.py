from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug.http import parse_range_header

from wholestack.http import HeaderFault, Refused, byteranges, http_date, if_range_matches, parse_ranges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-99", [(0, 100)]),
        ("BYTES=0-99", [(0, 100)]),
        ("bytes = 0-99", [(0, 100)]),
        ("bytes=900-", [(900, 1000)]),
        ("bytes=900-5000", [(900, 1000)]),
        ("bytes=-1", [(999, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=0-" + "9" * 5000, [(0, 1000)]),
        ("bytes=" + "0" * 5000 + "1-2", [(1, 3)]),
        ("bytes=-" + "9" * 5000, [(0, 1000)]),
        ("bytes=0-1,\t4-5 , ,", [(0, 2), (4, 6)]),
        ("bytes=500-600, 0-99", [(500, 601), (0, 100)]),
        ("bytes=0-1, 2000-3000", [(0, 2)]),
        ("bytes=0-1, -0", [(0, 2)]),
        # overlapping and touching ones become one, in the place of the first
        ("bytes=0-99, 50-149", [(0, 150)]),
        ("bytes=0-99, 100-149", [(0, 150)]),
        ("bytes=0-99, 101-149", [(0, 100), (101, 150)]),
        ("bytes=0-99, 10-20", [(0, 100)]),
        ("bytes=700-799, 0-99, 50-149, 800-", [(700, 1000), (0, 150)]),
        ("bytes=50-149, 700-, 0-99", [(0, 150), (700, 1000)]),
        ("bytes=0-, 0-, 0-", [(0, 1000)]),
        # not understood: the whole is sent
        *(
            (header, None)
            for header in ("", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=--", "bytes=--1", "bytes=1--2")
        ),
        *(
            (header, None)
            for header in ("bytes=2-1", "bytes=0-1, 5-4", "bytes=a-b", "bytes=1", "bytes=0x1-2", "bytes=\u0660-1")
        ),
        *(
            (header, None)
            for header in ("items=0-1", "bytes:0-1", "bytes=0-1;x", "bytes=+1-2", "bytes=1 - 2", "bytes=0-1=2")
        ),
    ],
)
def test_parse(header: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(header, 1000, 16) == expected


@pytest.mark.parametrize(
    "header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=-00, 5000-", "bytes=" + "9" * 5000 + "-"]
)
def test_not_satisfiable(header: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_ranges(header, 1000, 16)
    assert (refused.value.status, refused.value.code) == (416, "range-not-satisfiable")
    assert refused.value.headers == (("content-range", "bytes */1000"),)


def test_of_an_empty_file() -> None:
    assert parse_ranges("bytes=-5", 0, 16) is None
    for header in ("bytes=0-", "bytes=-0"):
        with pytest.raises(Refused):
            parse_ranges(header, 0, 16)


def test_more_ranges_than_the_limit_are_ignored() -> None:
    sixteen = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 32, 2))
    assert len(parse_ranges(sixteen, 1000, 16) or ()) == 16
    assert parse_ranges(sixteen + ",500-501", 1000, 16) is None
    assert parse_ranges("bytes=0-1", 1000, 0) is None


def test_seven_thousand_ranges(cpu: Callable[..., float], machine: float) -> None:
    """CVE-2025-62727: in less than 2 ms, and even where a route allows as many, linear and never more than the file."""
    for header in (
        "bytes=" + ",".join(f"{n}-" for n in range(7000)),
        "bytes=" + ",".join(f"{n * 3}-{n * 3}" for n in range(7000)),
        "bytes=" + ",".join(f"{7000 - n}-{3_000_000 - n}" for n in range(7000)),
    ):
        assert parse_ranges(header, 3_000_000, 16) is None
        assert cpu(lambda header=header: parse_ranges(header, 3_000_000, 16)) < 0.002 * machine
        ranges = parse_ranges(header, 3_000_000, 7000)
        assert ranges is not None
        assert sum(stop - start for start, stop in ranges) <= 3_000_000
        assert cpu(lambda header=header: parse_ranges(header, 3_000_000, 7000)) < 0.060 * machine


def test_linear(linear: Callable[..., None]) -> None:
    linear(lambda text: parse_ranges(text, 1000, 16), "bytes=")
    linear(lambda text: parse_ranges(text, 1000, 16), "bytes=0-")
    linear(lambda text: parse_ranges(text, 1000, 16))
    linear(lambda text: if_range_matches(text, '"a"', 1.0))


SPECS = st.lists(st.tuples(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60)), min_size=1, max_size=8)


def header_of(specs: list[tuple[int | None, int | None]]) -> str:
    return "bytes=" + ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in specs)


@given(SPECS, st.integers(0, 50))
def test_exactly_the_bytes_asked_for_each_once(specs: list[tuple[int | None, int | None]], size: int) -> None:
    try:
        ranges = parse_ranges(header_of(specs), size, 8)
    except Refused as refused:
        assert refused.status == 416
        return
    if ranges is None:
        return
    asked: set[int] = set()
    for first, last in specs:
        every = range(size)
        asked |= set(
            every[size - min(size, last or 0) :] if first is None else every[first : size if last is None else last + 1]
        )
    sent = [byte for start, stop in ranges for byte in range(start, stop)]
    assert len(sent) == len(set(sent)) <= size
    assert set(sent) == asked
    assert all(start < stop for start, stop in ranges)


@given(SPECS, st.integers(1, 50))
def test_one_range_as_werkzeug(specs: list[tuple[int | None, int | None]], size: int) -> None:
    header = header_of(specs[:1])
    theirs = parse_range_header(header)
    assume(theirs is not None or "-0" not in header)
    try:
        ours = parse_ranges(header, size, 8)
    except Refused:
        assert theirs is None or theirs.range_for_length(size) is None
        return
    if ours is None:
        assert theirs is None
    else:
        assert theirs is not None
        # The oracle starts a suffix longer than the file before the file's start.
        expected = theirs.range_for_length(size)
        assert specs[0][0] is None or expected == ours[0]


@given(st.text() | st.from_regex(r"bytes=[-0-9, ]{0,40}", fullmatch=True), st.integers(0, 100), st.integers(0, 9))
def test_only_refused_comes_out(header: str, size: int, limit: int) -> None:
    try:
        ranges = parse_ranges(header, size, limit)
    except Refused as refused:
        assert refused.status == 416
    else:
        assert ranges is None or sum(stop - start for start, stop in ranges) <= size


@pytest.mark.parametrize(
    ("header", "etag", "last_modified", "expected"),
    [
        (None, None, None, True),
        ('"a"', '"a"', None, True),
        ('"a"', '"b"', None, False),
        ('"a"', None, 5.0, False),
        ('W/"a"', 'W/"a"', None, False),
        ('"a"', 'W/"a"', None, False),
        (http_date(5), None, 5.7, True),
        (http_date(4), None, 5.0, False),
        (http_date(6), None, 5.0, False),
        (http_date(5), '"a"', None, False),
        ("nonsense", '"a"', 5.0, False),
        ("", '"a"', 5.0, False),
    ],
)
def test_if_range(header: str | None, etag: str | None, last_modified: float | None, expected: bool) -> None:
    assert if_range_matches(header, etag, last_modified) is expected


def test_framing_is_what_its_length_says() -> None:
    content = bytes(range(100))
    framed = byteranges([(0, 10), (90, 100)], 100, "text/plain; charset=utf-8", "xyz")
    body = b"".join(prefix + content[start:stop] for prefix, start, stop in framed.parts) + framed.trailer
    assert len(body) == framed.length
    first, second = body.split(b"\r\n--xyz")[1:3]
    assert (
        first == b"\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes 0-9/100\r\n\r\n" + content[:10]
    )
    assert second.endswith(b"content-range: bytes 90-99/100\r\n\r\n" + content[90:])
    assert body.endswith(b"\r\n--xyz--\r\n")


def test_framing_lets_no_header_in() -> None:
    with pytest.raises(HeaderFault):
        byteranges([(0, 1)], 10, "text/plain\r\nx: y", "xyz")
