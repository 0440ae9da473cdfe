"""Pages and static files under `wholestack serve`, over real sockets."""

from __future__ import annotations

import re

import pytest

from servers import serving, wire
from servers.matrix import ROOT

SERVERS = {"uvicorn": (), "granian-wsgi": ("--server", "granian", "--interface", "wsgi")}


@pytest.mark.parametrize("words", SERVERS.values(), ids=SERVERS)
def test_a_page_a_fragment_and_an_error_page(words: tuple[str, ...]) -> None:
    with serving.serve(*words, app=str(ROOT / "examples/guides/test_templates.py")) as running:
        running.ready()
        with wire.Connection(running.port) as connection:
            page = connection.ask("/posts")
            assert (page.status, page.get("content-type")) == (200, "text/html; charset=utf-8")
            assert page.body.startswith(b"<!doctype html>") and b"&lt;script&gt;alert(1)&lt;/script&gt;" in page.body
            part = connection.ask("/posts?word=Hello", headers=[("hx-request", "true")])
            assert part.body.split() == [b"<ul>", b"<li><a", b'href="/posts/1">Hello</a></li>', b"</ul>"]
            lost = connection.ask("/posts/7", headers=[("accept", "text/html")])
            assert lost.status == 404 and b"<p>There is no such post.</p>" in lost.body


@pytest.mark.parametrize("words", SERVERS.values(), ids=SERVERS)
def test_a_static_file_and_what_it_refers_to(words: tuple[str, ...]) -> None:
    with serving.serve(*words, app=str(ROOT / "examples/guides/test_static.py")) as running:
        running.ready()
        with wire.Connection(running.port) as connection:
            sheet = connection.ask("/static/app.css")
            assert (sheet.status, sheet.get("cache-control")) == (200, "no-cache")
            found = re.search(rb"url\((dot\.[0-9a-f]{12}\.svg)\)", sheet.body)
            assert found is not None
            picture = connection.ask(f"/static/{found[1].decode()}")
            assert (picture.status, picture.get("cache-control")) == (200, "public, max-age=31536000, immutable")
            part = connection.ask(f"/static/{found[1].decode()}", headers=[("range", "bytes=0-3")])
            assert (part.status, part.body) == (206, b"<svg")
            assert connection.ask("/static/../test_static.py").status in {400, 404}
