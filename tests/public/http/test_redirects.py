from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholestack.http import safe_redirect

HOSTS = frozenset({"shop.example", "shop.example:8443", "kite.example", "[::1]", ""})

UNSAFE = [
    *("", " ", "e", "e.example", "./e", "../e", "?x", "#x", "@e", ":e", ".e", "*"),
    *("//e", "///e", "////e", "//e/..", "/\\e", "\\/e", "\\\\e", "\\e", "/\\/e", "//\\e", "/ok\\e", "//shop.example"),
    *(
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "javascript://e/%0aalert(1)",
    ),
    *(
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://shop.example/",
        "mailto:a@e",
        "blob:https://e",
        "about:blank",
    ),
    *(
        "https:e",
        "https:/e",
        "https:///e",
        "https:\\\\e",
        "http:e",
        "https://",
        "https://?x",
        "https:////e",
        "://e",
        "https//e",
    ),
    *(
        "/\te",
        "\t/e",
        "/\t/e",
        "/\n/e",
        "/\r/e",
        "\n//e",
        "/a\tb",
        "/a\nb",
        "/a\rb",
        "/a\x00b",
        "\x00/e",
        "\x1f//e",
        " //e",
        " /e",
    ),
    *(
        "https://e",
        "http://e.example/shop.example",
        "https://e?shop.example",
        "https://e#shop.example",
        "https://e\\.shop.example",
    ),
    *(
        "https://shop.example@e",
        "https://shop.example:80@e",
        "https://u:p@shop.example",
        "https://@shop.example",
        "https://e@",
    ),
    *(
        "https://shop.example.e",
        "https://eshop.example",
        "https://shop.example.",
        "https://e.shop.example",
        "https://shop.exampl%65",
    ),
    *("https://shop.example:", "https://shop.example:99", "https://shop.example:80", "http://shop.example:443"),
    *(
        "https://shop.example:999999",
        "https://shop.example\\@e",
        "https://shop.example\t.e",
        "https://\u017fhop.example",
        "https://\u212aite.example",
        "https://[::1",
    ),
    *("https://[::1]e", "https://shop。example", "wss://shop.example", "/\x85/e", "/\x7f", "/\ud800"),
    "/" + "a" * 1_000_000,
    "https://shop.example/" + "a" * 1_000_000,
]

SAFE = [
    *(
        "/",
        "/notes",
        "/notes?page=2#top",
        "/a//b",
        "/a?next=//e",
        "/a?u=https://e",
        "/a#//e",
        "/:e",
        "/@e",
        "/über",
        "/a b",
        "/%2f%2fe",
    ),
    *(
        "https://shop.example",
        "https://shop.example/",
        "HTTPS://SHOP.example/x?y#z",
        "http://shop.example?x",
        "https://shop.example#x",
    ),
    *(
        "https://shop.example:443/",
        "http://shop.example:80",
        "https://shop.example:8443/a",
        "https://[::1]/",
        "https://shop.example/@e",
    ),
]


@pytest.mark.parametrize("target", UNSAFE, ids=lambda target: repr(target[:40]))
def test_leaves_the_site(target: str) -> None:
    assert not safe_redirect(target, HOSTS)


@pytest.mark.parametrize("target", SAFE)
def test_stays(target: str) -> None:
    assert safe_redirect(target, HOSTS)


def test_the_corpus_is_as_big_as_promised() -> None:
    assert len(set(UNSAFE)) >= 60


def test_no_host_is_listed_by_default() -> None:
    assert safe_redirect("/a")
    assert not safe_redirect("https://shop.example/")


def test_hosts_is_no_text() -> None:
    with pytest.raises(TypeError):
        safe_redirect("https://shop/", "shop.example")


@given(st.text() | st.text("/\\hts:@e.?#\t\n ", max_size=20).map(lambda tail: "/" + tail))
def test_a_path_stays_on_the_site_however_a_browser_reads_it(target: str) -> None:
    if safe_redirect(target):
        # The URL standard drops tabs and line ends, and takes a backslash for a slash.
        read = "".join(c for c in target.strip("\x00\x01\x1f ") if c not in "\t\r\n").replace("\\", "/")
        parts = urlsplit(read)
        assert (parts.scheme, parts.netloc) == ("", "")
        assert read.startswith("/")
        assert not read.startswith("//")


@given(
    st.sampled_from(["http", "https", "HTTPS", "ftp", "javascript"]),
    st.text("shop.example:8443@/\\?#[] \t", max_size=40),
)
def test_an_absolute_one_goes_to_a_listed_host(scheme: str, rest: str) -> None:
    target = f"{scheme}://{rest}"
    if safe_redirect(target, HOSTS - {""}):
        assert urlsplit(target).hostname in {"shop.example", "::1"}
        assert urlsplit(target).username is None
        assert scheme.lower() in {"http", "https"}


def test_linear(linear: Callable[..., None]) -> None:
    linear(safe_redirect, "/")
    linear(safe_redirect, "https://")
    linear(lambda text: safe_redirect(text[:8000], HOSTS), "https://shop.example")
