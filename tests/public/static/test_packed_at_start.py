"""Without a build, text is packed while the app starts, in bounds."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from wholestack import App
from wholestack.static import Static
from wholestack.testing import Client

STYLE = b"main { color: red }\n" * 500


def client_of(folder: Path, interface: Any = "asgi", **options: Any) -> Client:
    app = App(docs=False)
    app.use(Static(str(folder), **options))
    return Client(app, interface=interface)


def ask(client: Client, path: str, coding: str, **more: str) -> Any:
    return client.get(path, headers={"accept-encoding": coding, **more})


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_text_is_packed_without_a_build(tmp_path: Path, interface: Any) -> None:
    (tmp_path / "app.css").write_bytes(STYLE)
    (tmp_path / "dot.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g/>" * 200 + b"</svg>")
    (tmp_path / "tiny.js").write_bytes(b"1")
    (tmp_path / "a.png").write_bytes(b"\x89PNG" + b"\0" * 5000)
    (tmp_path / "noise.txt").write_bytes(os.urandom(4000))
    client = client_of(tmp_path, interface)
    answer = ask(client, "/static/app.css", "gzip")
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    assert int(answer.headers["content-length"]) < len(STYLE) // 10
    assert answer.body in {STYLE, gzip.compress(STYLE, 6, mtime=0)}
    plain = ask(client, "/static/app.css", "identity")
    assert (plain.body, plain.headers.get("content-encoding"), plain.headers["vary"]) == (
        STYLE,
        None,
        "accept-encoding",
    )
    assert plain.headers["etag"] != answer.headers["etag"]
    again = ask(client, "/static/app.css", "gzip", **{"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert ask(client, "/static/dot.svg", "gzip").headers["content-encoding"] == "gzip"
    for name in ("tiny.js", "a.png", "noise.txt"):
        answer = ask(client, f"/static/{name}", "gzip, br, zstd")
        assert answer.headers.get("content-encoding") is None, name
        assert answer.body == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(("coding", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_the_best_coding_that_is_there(tmp_path: Path, coding: str, package: str) -> None:
    pytest.importorskip(package)
    (tmp_path / "app.css").write_bytes(STYLE)
    assert ask(client_of(tmp_path), "/static/app.css", f"gzip, {coding}").headers["content-encoding"] == coding


def test_what_is_packed_at_the_start_is_bounded(tmp_path: Path) -> None:
    many = 30  # Of a quarter of a megabyte, and one that is larger than what is kept in memory.
    for number in range(many):
        (tmp_path / f"n{number:02}.txt").write_bytes(b"%02d " % number * 80_000)
    (tmp_path / "large.txt").write_bytes(b"a" * 300_000)
    client = client_of(tmp_path)
    names = [f"n{number:02}.txt" for number in range(many)]
    packed = [ask(client, f"/static/{name}", "gzip").headers.get("content-encoding") for name in names]
    assert 0 < packed.count("gzip") < many and packed[-1] is None
    assert ask(client, "/static/large.txt", "gzip").headers.get("content-encoding") is None


def test_in_development_nothing_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    (tmp_path / "app.css").write_bytes(STYLE)
    assert ask(client_of(tmp_path), "/static/app.css", "gzip").headers.get("content-encoding") is None
