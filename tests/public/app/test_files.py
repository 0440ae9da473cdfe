"""`File`: from disk, in ranges, under conditions, and never anything that was not meant."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, File, Limits, Request

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to serve, with everything around it that must stay unseen."""
    below = tmp_path / "static"
    (below / "sub").mkdir(parents=True)
    (below / "data.bin").write_bytes(CONTENT)
    (below / "page.html").write_text("<p>page")
    (below / "sub" / "ünï.txt").write_text("ünï")
    (below / ".hidden").write_text("hidden")
    (below / "sub" / ".git").mkdir()
    (below / "sub" / ".git" / "config").write_text("hidden")
    (tmp_path / "secret.txt").write_text("s3cret")
    (tmp_path / "static-secret").mkdir()
    (tmp_path / "static-secret" / "x.txt").write_text("s3cret")
    (below / "out").symlink_to(tmp_path / "secret.txt")
    (below / "out-dir").symlink_to(tmp_path / "static-secret")
    (below / "in").symlink_to(below / "page.html")
    (below / "loop").symlink_to(below / "loop")
    os.mkfifo(below / "pipe")
    return below


def app_over(folder: Path, colour: Any) -> App:
    app = App(docs=False)

    @app.get("/raw/{path:path}")
    @colour
    def raw(path: str) -> File:
        return File(folder / path)

    @app.get("/{path:path}")
    @colour
    def static(path: str) -> File:
        return File(path, below=folder, inline=True)

    return app


def test_whole(serve: Any, colour: Any, folder: Path) -> None:
    client = serve(app_over(folder, colour))
    answer = client.get("/data.bin")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-length"] == "256000"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'inline; filename="data.bin"'
    head = client.head("/data.bin")
    assert (head.body, head.headers["content-length"]) == (b"", "256000")
    assert client.get("/page.html").headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/sub/%C3%BCn%C3%AF.txt").text == "ünï"
    assert "filename*=UTF-8''%C3%BCn%C3%AF.txt" in client.get("/sub/%C3%BCn%C3%AF.txt").headers["content-disposition"]
    assert client.get("/in").text == "<p>page"


def test_ranges(serve: Any, colour: Any, folder: Path) -> None:
    client = serve(app_over(folder, colour))
    one = client.get("/data.bin", headers={"range": "bytes=10-19"})
    assert (one.status, one.body, one.headers["content-range"]) == (206, CONTENT[10:20], "bytes 10-19/256000")
    assert one.headers["content-length"] == "10"
    last = client.get("/data.bin", headers={"range": "bytes=-5"})
    assert (last.status, last.body) == (206, CONTENT[-5:])
    across = client.get("/data.bin", headers={"range": "bytes=60000-200000"})
    assert across.body == CONTENT[60000:200001]
    several = client.get("/data.bin", headers={"range": "bytes=0-1,100-101"})
    assert several.status == 206
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert several.headers["content-length"] == str(len(several.body))
    assert several.body.count(b"content-range:") + several.body.count(b"Content-Range:") == 2
    past = client.get("/data.bin", headers={"range": "bytes=256000-"})
    assert (past.status, past.headers["content-range"]) == (416, "bytes */256000")
    assert client.get("/data.bin", headers={"range": "bytes=--"}).status == 200
    assert client.get(
        "/data.bin", headers={"range": "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 3000, 2))}
    ).status in {200, 416}
    assert client.head("/data.bin", headers={"range": "bytes=0-1"}).status == 200


def test_conditions(serve: Any, colour: Any, folder: Path) -> None:
    client = serve(app_over(folder, colour))
    first = client.get("/page.html")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    for headers in ({"if-none-match": tag}, {"if-modified-since": modified}, {"if-none-match": "*"}):
        for ask in (client.get, client.head):
            again = ask("/page.html", headers=headers)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert "content-length" not in again.headers
    assert client.get("/page.html", headers={"if-match": '"other"'}).status == 412
    assert client.get("/page.html", headers={"range": "bytes=0-1", "if-range": tag}).status == 206
    assert client.get("/page.html", headers={"range": "bytes=0-1", "if-range": '"other"'}).status == 200
    os.utime(folder / "page.html", (1, 1))
    assert client.get("/page.html", headers={"if-none-match": tag}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../secret.txt",
            "..%2fsecret.txt",
            "%2e%2e/secret.txt",
            "....//secret.txt",
            "sub/../../secret.txt",
            "/etc/passwd",
        ),
        *(
            "//etc/passwd",
            "%2fetc%2fpasswd",
            "..\\secret.txt",
            "..%5csecret.txt",
            "%5c%5chost%5cshare",
            "C:%5cwindows",
            "file:///etc/passwd",
        ),
        *(
            "../static-secret/x.txt",
            "static-secret/x.txt",
            "out",
            "out-dir/x.txt",
            "out-dir",
            "loop",
            "loop/x",
            "pipe",
            "sub",
            "sub/",
            "",
        ),
        *(
            ".hidden",
            "sub/.git/config",
            "sub/.git",
            ".",
            "..",
            "%00",
            "page.html%00",
            "page.html%00.png",
            "x" * 3000,
            "x/" * 1000,
        ),
        *(
            "a" * 255 + "/b",
            "%ff",
            "%c0%ae%c0%ae/secret.txt",
            "~root/.profile",
            "nothing",
            "page.html/",
            "page.html/x",
            "NUL.txt",
            "data.bin.",
            "%0a",
        ),
    ],
)
def test_b19_what_was_not_meant_is_not_there(serve: Any, folder: Path, path: str) -> None:
    client = serve(app_over(folder, lambda function: function))
    answer = client.get(f"/{path}")
    assert answer.status in {404, 400, 308, 414}, answer.body[:100]
    assert b"s3cret" not in answer.body
    assert b"hidden" not in answer.body
    assert str(folder).encode() not in answer.body
    if answer.status == 308:
        assert answer.headers["location"].startswith("/")
        assert client.get(answer.headers["location"]).status in {404, 400}


def test_a_path_of_the_handlers_own_that_is_not_there(serve: Any, colour: Any, folder: Path) -> None:
    client = serve(app_over(folder, colour))
    for path in ("nothing", "sub", "pipe", "loop"):
        refused = client.get(f"/raw/{path}")
        assert (refused.status, refused.json()["code"]) == (404, "not-found")
        assert "content-disposition" not in refused.headers
    assert client.get("/raw/.hidden").text == "hidden"  # the handler named it


def test_a_socket_and_a_missing_folder(serve_one: Any, tmp_path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    app = App(docs=False)

    @app.get("/socket")
    def open_socket() -> File:
        return File("s", below=tmp_path)

    @app.get("/missing")
    def missing() -> File:
        return File("s", below=tmp_path / "nowhere")

    client = serve_one(app)
    assert client.get("/socket").status == 404
    assert client.get("/missing").status == 404
    server.close()


def test_names_and_kinds(serve: Any, folder: Path) -> None:
    app = App(docs=False)

    @app.get("/saved")
    def saved() -> File:
        return File(folder / "page.html", name="Report 2026.pdf")

    @app.get("/typed")
    def typed() -> File:
        return File(folder / "page.html", media_type="text/x-own", headers={"cache-control": "no-store"})

    @app.get("/named-by-the-client")
    def named(name: str) -> File:
        return File(folder / "page.html", name=name)

    @app.get("/own-etag")
    def tagged() -> File:
        return File(folder / "page.html", headers={"etag": '"v1"', "content-disposition": "inline"})

    client = serve(app)
    saved_one = client.get("/saved")
    assert saved_one.headers["content-disposition"] == 'attachment; filename="Report 2026.pdf"'
    assert saved_one.headers["content-type"] == "application/pdf"
    assert client.get("/typed").headers["content-type"] == "text/x-own; charset=utf-8"
    assert client.get("/typed").headers["cache-control"] == "no-store"
    evil = client.get("/named-by-the-client?name=a%22%0d%0ax:y%E2%82%AC.txt")
    assert evil.status == 200
    assert "x" not in evil.headers
    assert client.get("/own-etag").headers["etag"] == '"v1"'
    assert client.get("/own-etag").headers["content-disposition"] == "inline"
    assert client.get("/own-etag", headers={"if-none-match": '"v1"'}).status == 304


def test_a_file_that_shrinks_while_it_is_sent_cuts_the_answer(serve: Any, tmp_path: Path) -> None:
    path = tmp_path / "shrinks"
    path.write_bytes(b"x" * 300_000)
    app = App(docs=False)

    @app.get("/")
    def show(request: Request) -> File:
        answer = File(path)
        answer.filter(lambda chunk: (os.truncate(path, 100), chunk)[1])
        answer._filters.reverse()  # type: ignore[union-attr]
        return answer

    client = serve(app)
    with pytest.raises(OSError, match="shorter"):
        client.get("/")


def test_the_number_of_ranges_is_the_apps_limit(serve: Any, folder: Path) -> None:
    app = App(docs=False, limits=Limits(ranges=2))

    @app.get("/")
    def show() -> File:
        return File(folder / "data.bin")

    client = serve(app)
    assert client.get("/", headers={"range": "bytes=0-1,10-11"}).status == 206
    assert client.get("/", headers={"range": "bytes=0-1,10-11,20-21"}).status in {200, 416}
