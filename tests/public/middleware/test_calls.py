"""What each guard costs a request, counted exactly: calls of Python functions more than without it, over ASGI.

The figures stand in docs/guides/guards.md. A request is a plain GET of a browser that an `async def` handler answers.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from wholestack import App, Text
from wholestack.middleware import (
    CORS,
    AllowedHosts,
    Compression,
    HTTPSOnly,
    Idempotency,
    Nonce,
    RateLimit,
    SecurityHeaders,
    TrustedProxies,
    idempotent,
    rate_limit,
)

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "guards.md"
HEADERS = [
    ("host", "example.org"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("connection", "keep-alive"),
]
LONG = "Twelve eggs and a pound of flour. " * 100


def count(*guards: Any, handler: Any = None, needs: Any = (), **asked: Any) -> int:
    app = App(docs=False)
    app.use(*guards)

    async def home() -> str:
        return "home"

    app.route("/", ["GET", "POST"], needs=needs)(handler or home)
    found = calls(app, **asked)
    app.seal().lifetime.stop_in_background()
    return found


def calls(app: App, *, scheme: str = "http", headers: Any = (), peer: str = "127.0.0.1", method: str = "GET") -> int:
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": scheme},
        **{"path": "/", "query_string": b"", "client": (peer, 1), "root_path": ""},
        "headers": [(name.encode(), value.encode()) for name, value in [*HEADERS, *headers]],
    }
    receive, send = ready({"type": "http.request", "body": b""}), ready()
    seen = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += event == "call" and frame.f_code.co_filename != __file__

    async def main() -> None:
        for turn in range(3):  # what the first requests set up is left out
            sys.setprofile(note if turn == 2 else None)
            try:
                await app(scope, receive, send)
            finally:
                sys.setprofile(None)

    gc.disable()  # a finalizer that happens to run in between is no call of ours
    try:
        asyncio.run(main())
    finally:
        gc.enable()
    return seen


def ready(message: Any = None) -> Any:
    """A `receive` or `send` that never suspends and is no Python call."""

    class Ready:
        def __await__(self) -> Any:
            return message
            yield

    one = Ready()
    return lambda *arguments: one


async def page(nonce: Nonce) -> Text:
    return Text(nonce)


async def long() -> Text:
    return Text(LONG)


async def plain() -> Text:
    return Text(LONG)


SECURITY, HOSTS, PROXIES = SecurityHeaders(), AllowedHosts("example.org"), TrustedProxies("10.0.0.0/8")
FORWARDED = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")]
SHOP = [("origin", "https://shop.example")]
ROWS: dict[str, tuple[Any, Any]] = {
    "`SecurityHeaders()`": (lambda: count(SECURITY), lambda: count()),
    "a page that asks for a `Nonce`": (lambda: count(SECURITY, handler=page), lambda: count(handler=plain)),
    "`AllowedHosts(…)`": (lambda: count(HOSTS), lambda: count()),
    "`TrustedProxies(…)`, asked by a stranger": (lambda: count(PROXIES), lambda: count()),
    "`TrustedProxies(…)`, asked by a proxy": (
        lambda: count(PROXIES, peer="10.0.0.7", headers=FORWARDED),
        lambda: count(peer="10.0.0.7", headers=FORWARDED),
    ),
    "`HTTPSOnly()`, over https": (lambda: count(HTTPSOnly(), scheme="https"), lambda: count(scheme="https")),
    "`CORS(…)`, a page of this site": (lambda: count(CORS(["https://shop.example"])), lambda: count()),
    "`CORS(…)`, a page of another": (
        lambda: count(CORS(["https://shop.example"]), headers=SHOP),
        lambda: count(headers=SHOP),
    ),
    "`Compression()`, a small body": (lambda: count(Compression(codings=["gzip"])), lambda: count()),
    "`Compression()`, a body of 3 KiB": (
        lambda: count(Compression(codings=["gzip"]), handler=long),
        lambda: count(handler=long),
    ),
    '`RateLimit("…")` or `rate_limit("…")`': (
        lambda: count(RateLimit(), needs=rate_limit("1000/second")),
        lambda: count(),
    ),
    "`idempotent()`, without a key": (
        lambda: count(Idempotency(), needs=idempotent(), method="POST"),
        lambda: count(method="POST"),
    ),
    "hosts, security headers, HTTPS and compression together": (
        lambda: count(HOSTS, SECURITY, HTTPSOnly(), Compression(codings=["gzip"]), scheme="https"),
        lambda: count(scheme="https"),
    ),
}


def table() -> dict[str, int]:
    """What the guide says."""
    found = re.findall(r"^\| (.+?) \| (\d+) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(figure) for name, figure in found}


@pytest.mark.parametrize("name", ROWS)
def test_the_guide_says_what_each_guard_costs(untraced: None, name: str) -> None:
    guarded, bare = ROWS[name]
    measured, said = guarded() - bare(), table()[name]
    assert measured <= said
    if sys.version_info < (3, 12):  # later ones call no comprehension (PEP 709)
        assert measured >= said - 5, "the guide says too much"


def test_the_table_is_whole() -> None:
    assert list(table()) == list(ROWS)


def test_the_default_set_costs_nothing_to_notice(untraced: None) -> None:
    """Security headers are on for every answer; the set may cost twelve calls."""
    assert count(SECURITY) - count() <= 12
