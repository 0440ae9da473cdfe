from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from wholestack.http import accepts_html, negotiate, parse_media_type

TOKEN = "!#$%&'*+-.^_`|~0189ABZabz"
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("application/json", ("application/json", {})),
        (" Application/JSON ; Charset=UTF-8", ("application/json", {"charset": "UTF-8"})),
        ('a/b; x="a;b\\"c"; y=2', ("a/b", {"x": 'a;b"c', "y": "2"})),
        ("a/b;x=1;x=2", ("a/b", {"x": "1"})),
        ('a/b; x=""', ("a/b", {"x": ""})),
        ("a/b; broken; x = 1; ;y=2", ("a/b", {"y": "2"})),
        ('a/b; x="unterminated; y=2', ("a/b", {"y": "2"})),
        ("a/b;x=1 rubbish;y=2", ("a/b", {"x": "1", "y": "2"})),
        *(
            (value, ("", {}))
            for value in ("", "json", "a/", "/b", "a/b/c", "a/b, c/d", "a b/c", "a/b x", ";x=1", "é/b", "a/b\n")
        ),
    ],
)
def test_parse(value: str, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_media_type(value) == expected


def test_a_long_one_is_read_as_a_short_one() -> None:
    assert parse_media_type("A/b; x=" + "1" * 300) == ("a/b", {"x": "1" * 300})


def test_an_answer_is_the_callers_own() -> None:
    parse_media_type("a/b; x=1")[1]["x"] = "changed"
    assert parse_media_type("a/b; x=1") == ("a/b", {"x": "1"})


def test_hostile_60_kb(cpu: Callable[..., float], machine: float) -> None:
    """CVE-2024-24762."""
    assert cpu(lambda: parse_media_type('application/x; !="' + "\\" * 60_000)) < 0.010 * machine
    assert parse_media_type('a/b; x="' + "\\\\" * 500 + '"; y=1') == ("a/b", {"x": "\\" * 500, "y": "1"})


def test_linear(linear: Callable[..., None]) -> None:
    linear(parse_media_type)
    linear(parse_media_type, "a/b")
    linear(parse_media_type, 'a/b; c="', '"')
    linear(lambda text: negotiate(text, ["a/b", "c/d;e=f"]))
    linear(accepts_html, "text/html")


@given(st.text(TOKEN, min_size=1), st.dictionaries(st.text("abc*-", min_size=1, max_size=5), st.text(), max_size=5))
def test_round_trip(kind: str, parameters: dict[str, str]) -> None:
    quoted = "".join('; {}="{}"'.format(n, v.replace("\\", "\\\\").replace('"', '\\"')) for n, v in parameters.items())
    assert parse_media_type(f"{kind}/x{quoted}") == (f"{kind.lower()}/x", parameters)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text('ab;=, \\"', max_size=9)))
def test_parse_as_werkzeug(parameters: dict[str, str]) -> None:
    quoted = "".join('; {}="{}"'.format(n, v.replace("\\", "\\\\").replace('"', '\\"')) for n, v in parameters.items())
    # It unescapes only \\ and \", and takes "x=" of an empty text for no parameter.
    assert {n: v for n, v in parse_media_type(f"a/b{quoted}")[1].items() if v} == {
        n: v for n, v in parse_options_header(f"a/b{quoted}")[1].items() if v
    }


@given(st.text() | st.text('a/b;="\\,*q01. ', max_size=60))
def test_nothing_comes_out_of_the_parsers(text: str) -> None:
    parse_media_type(text)
    accepts_html(text)
    assert negotiate(text, ["text/html"]) in {None, "text/html"}


HTML, API = "text/html", "application/json"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, HTML),
        ("", HTML),
        ("garbage", HTML),
        ("a/b;q=2", HTML),
        ("*/*", HTML),
        ("*", HTML),
        ("*;q=.2", HTML),
        ("application/json", API),
        ("APPLICATION/JSON", API),
        ("application/json; charset=utf-8", API),
        ("application/*", API),
        ("text/html;q=0.5, application/json;q=0.6", API),
        ("text/*;q=0.5, */*;q=0.6", API),
        ("text/*, text/html;q=0.1, */*;q=0.5", API),
        ("*/*, text/html;q=0", API),
        ("text/html;q=0, application/json;q=0.000", None),
        ("image/png", None),
        ("application/json;version=2", None),
        ("text/html;level=1, text/html;q=0.4, */*;q=0.5", API),
        ("text/html, text/html;q=0", HTML),
        (CHROMIUM, HTML),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", HTML),
        ("image/png," * 900 + "application/json", HTML),
    ],
)
def test_negotiate(accept: str | None, expected: str | None) -> None:
    assert negotiate(accept, [HTML, API]) == expected


def test_negotiate_over_parameters_and_nothing() -> None:
    offers = ["text/html", "text/html; level=1", "text/html;level=2;charset=utf-8"]
    assert negotiate("text/html;level=2, text/html;q=0.4", offers) == offers[2]
    assert negotiate("text/html;level=1;q=0.3, text/html;q=0.4", offers[:2]) == offers[0]
    assert negotiate("text/html;q=0.1, text/*;q=0.9, a/b;q=0.5", [offers[1], "a/b"]) == "a/b"
    assert negotiate("*/*", []) is None
    assert negotiate("", ["nonsense"]) == "nonsense"


RANGES = st.sampled_from(["text/html", "text/*", "*/*", "application/json", "application/*", "image/png"])


@given(st.lists(st.tuples(RANGES, st.integers(0, 10)), max_size=6, unique_by=lambda pair: pair[0]))
def test_negotiate_as_werkzeug(ranges: list[tuple[str, int]]) -> None:
    accept = ",".join(f"{kind};q={quality / 10}" for kind, quality in ranges)
    ours, theirs = negotiate(accept, [HTML, API]), parse_accept_header(accept, MIMEAccept)
    if not ranges:
        assert ours == HTML
    elif theirs.best_match([HTML, API]) is None:
        assert ours is None
    else:
        # The oracle sorts by specificity before quality where ours keeps the server's order: both must like it equally.
        assert ours is not None
        assert theirs.quality(ours) == max(theirs.quality(HTML), theirs.quality(API))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json, text/plain, */*", False),
        ("application/json, text/html", False),
        ("text/html;q=0.5, application/json", False),
        ("text/html", True),
        ("text/*", True),
        (CHROMIUM, True),
    ],
)
def test_accepts_html(accept: str | None, expected: bool) -> None:
    assert accepts_html(accept) is expected
