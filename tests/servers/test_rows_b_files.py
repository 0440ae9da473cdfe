"""SECURITY's rows B3, B4, B14, B19 and B20 on every server: edges of multipart, what a body says it is, paths of files."""

from __future__ import annotations

import gzip
import http.server
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import known, wire
from servers.boundary import MIB, Kept, cost
from servers.matrix import BY_NAME, Server
from servers.test_rows_b import BOUND, JSON, PARTS, colours, framings, part, post, refused
from servers.wire import Pairs, request

ENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def server1(server: Server) -> Server:
    """The servers that are asked by bytes of HTTP/1.1."""
    if server.kind.http2:
        pytest.skip("bytes of HTTP/1.1")
    return server


# -- B3, B4: the edges of a form ---------------------------------------------------------------------------------


@colours
@framings
def test_B3_what_is_around_the_parts(server1: Server, colour: str, framing: str, long: bool) -> None:
    """A preamble, an epilogue, fields of parts without measure: refused, at no cost, and no file is left behind."""
    path, size = f"/{colour}/upload", (20 if long else 3) * MIB
    good = part("title", b"a") + part("file", b"b", "b.txt") + b"--xyz--\r\n"
    codes = {"malformed-form", "form-too-large", "body-too-large", "part-headers-too-large"}
    refused(server1, path, PARTS, b"p" * size + b"\r\n" + good, framing, codes)
    refused(server1, path, PARTS, b"\r\n" * (size // 2) + good, framing, codes)
    refused(server1, path, PARTS, good + b"e" * size, framing, codes)
    wide = b"--xyz\r\nX-A: " + b"a" * ((5 if long else 2) * MIB) + b"\r\n\r\nb\r\n--xyz--\r\n"
    refused(server1, path, PARTS, wide, framing, codes)
    many = b"--xyz\r\n" + b"X-A: a\r\n" * (10_000 if long else 2_000) + b"\r\nb\r\n--xyz--\r\n"
    refused(server1, path, PARTS, many, framing, codes)
    refused(server1, path, PARTS, part("file", b"b" * (2 * MIB), "b.txt"), framing, codes)
    for boundary in ("x" * 71, "x" * 3000, "", " ", "a\tb", "é"):
        headers: Pairs = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
        answer = post(server1, path, headers, good.replace(b"xyz", boundary.encode()), framing)
        assert answer is not None and answer.status in {400, 415}, boundary


@colours
@pytest.mark.parametrize("byte", [b"\r", b"\n", b"\r\n", b"\r\n--xy"], ids=["CR", "LF", "CRLF", "almost"])
def test_B4_a_file_of_line_ends(server1: Server, colour: str, byte: bytes, long: bool) -> None:
    """What looks like the beginning of a boundary is found in linear time."""
    usual = known.outcome(server1.kind, "B4", "multipart", "cheap")
    size = (2 if usual != "cheap" else 50 if long else 6) * MIB
    content = (byte * (size // len(byte) + 1))[:size]
    body = part("file", content, "a.bin") + b"--xyz--\r\n"
    with cost(server1) as spent:
        answer = post(server1, f"/{colour}/big", PARTS, body)
    assert answer is not None and (answer.status, answer.json()) == (200, size)
    # The row's 0.3 s for 50 MB are those of the parser; here a server has received the body as well.
    seen = "cheap" if spent.seconds < 0.3 + 0.03 * size / MIB else "costly"
    assert seen in {"cheap", usual}, spent.seconds


# -- B14: what a body says it is ---------------------------------------------------------------------------------

OTHERS = ["text/plain", "text/plain; charset=utf-8", ENCODED, "text/json", "application/octet-stream",
          "application/jsonp", "application/json/x", "text/plain, application/json", "text/plain;application/json",
          "multipart/form-data; boundary=x", "", "application"]  # fmt: skip


@colours
def test_B14_json_under_another_name(server: Server, colour: str) -> None:
    """What a page of another site may send without asking is never read as JSON."""
    key = uuid.uuid4().hex
    for media_type in [*OTHERS, None]:
        headers: Pairs = [("x-key", key), *([("content-type", media_type)] if media_type is not None else [])]
        answer = server.ask(f"/{colour}/order", "POST", headers, b'{"name": "a", "count": 1}')
        case = "multipart" if media_type and media_type.startswith("multipart") else "JSON"
        assert str(answer.status) == known.outcome(server.kind, "B14", case, "415"), media_type
    assert server.events(key) == []


SITE = """<script>
const body = '{"name": "a", "count": 1}';
const to = (path, options) => fetch("TARGET" + path, {method: "POST", mode: "no-cors", credentials: "include", ...options});
(async () => {
  for (const path of ["/d/order", "/a/order"]) {
    await to(path, {body});
    await to(path, {body: new Blob([body])});
    await to(path, {body: new URLSearchParams({[body]: ""})});
    await to(path, {body, headers: {"Content-Type": "text/plain"}});
    await to(path, {body, headers: {"Content-Type": "application/json"}}).catch(() => null);
    await to(path, {mode: "cors", body, headers: {"Content-Type": "application/json"}}).catch(() => null);
  }
  await fetch("/done", {method: "POST"});
})();
</script>"""


class Site(http.server.BaseHTTPRequestHandler):
    """A page of another site."""

    def do_GET(self) -> None:
        page = SITE.replace("TARGET", self.server.target).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self) -> None:
        self.send_response(204)
        self.end_headers()
        self.server.done.set()  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_B14_from_a_page_of_another_site(service: Callable[[str], str], tmp_path: Path) -> None:
    """A browser that was led to a hostile page: whatever it can send, no handler is called."""
    program = service("chromium")
    server = Server(BY_NAME["uvicorn"], tmp_path / "server")
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    site.target, site.done = f"http://127.0.0.1:{server.port}", threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=site.serve_forever, daemon=True).start()
    words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    address = f"http://localhost:{site.server_port}/"
    browser = subprocess.Popen([program, *words, "--remote-debugging-port=0", address], stderr=subprocess.DEVNULL)
    try:
        assert site.done.wait(wire.PATIENCE)  # type: ignore[attr-defined]
        assert server.events("order") == []
        assert server.log().count('order HTTP/1.1" 415') == 10, server.log()
        assert server.ask("/d/order", "POST", JSON, b'{"name": "a", "count": 1}').status == 200
        assert server.events("order") == ["called"]
    finally:
        browser.terminate()
        browser.wait(wire.PATIENCE)
        site.shutdown()
        site.server_close()
        server.end()


# -- B19: files --------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(server: Server) -> Iterator[Path]:
    """The folder that files are served below, with what must not be served in it and around it."""
    server.ask("/d/text")  # What lives as long as the app makes the folder, on some servers with the first request.
    below = server.folder / "below"
    beside = server.folder / "below-secret"
    beside.mkdir()
    (beside / "open.txt").write_text("secret")
    (below / "folder").mkdir()
    (below / ".dot").write_text("secret")
    (below / "folder" / ".dot").write_text("secret")
    (below / "out").symlink_to(beside)
    (below / "out.txt").symlink_to(beside / "open.txt")
    yield below
    shutil.rmtree(beside)
    shutil.rmtree(below / "folder")
    for name in (".dot", "out", "out.txt"):
        (below / name).unlink()


LEAKS = [
    "../below-secret/open.txt", "..%2fbelow-secret/open.txt", "%2e%2e/below-secret/open.txt", "-secret/open.txt",
    "..", "../", "%2e%2e%2f", ".%2e/below-secret/open.txt", "out/open.txt", "out.txt", "out", "folder", "folder/", "",
    ".dot", "%2edot", "folder/.dot", "folder/%2edot", "x" * 3000, "x/" * 1000, "%00", "open.txt%00", "%00/open.txt",
    "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "%2f%2fetc/passwd", "/../../../../etc/passwd", "%5c%5chost%5cshare",
    "..%5cbelow-secret%5copen.txt", "open.txt/", "open.txt/x", "open.txt%20", "open.txt.", "OPEN.TXT", "con", "~root",
    "%252e%252e/below-secret/open.txt", "%c0%ae%c0%ae/below-secret/open.txt", "file:%2f%2f/etc/passwd",
]  # fmt: skip


@colours
def test_B19_nothing_but_files_below_the_folder(server: Server, tree: Path, colour: str) -> None:
    """A folder beside it with the same beginning, links that lead out, hidden files, folders: as if they were not there."""
    assert server.ask(f"/{colour}/below/open.txt").text == "open"
    with Kept(server) as kept:
        for name in LEAKS:
            path = f"/{colour}/below/{name}"
            answer = server.ask(path) if server.kind.http2 else kept.ask(request(path))
            assert answer.status in {400, 404}, (name, answer.status)
            assert b"secret" not in answer.body and b"root:" not in answer.body, name


# -- B20: codings of a body --------------------------------------------------------------------------------------


@colours
def test_B20_a_coded_body_is_not_decoded(server: Server, colour: str) -> None:
    """A bomb of a kilobyte is a kilobyte: JSON and forms under a coding are refused, and nothing is unpacked."""
    key = uuid.uuid4().hex
    bomb = gzip.compress(b'{"name": "' + b"a" * (100 * MIB) + b'", "count": 1}', 9)
    with cost(server) as spent:
        for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "GZIP"):
            for path, media_type in (("order", "application/json"), ("form", ENCODED), ("upload", PARTS[0][1])):
                headers = [("content-encoding", coding), ("content-type", media_type), ("x-key", key)]
                answer = server.ask(f"/{colour}/{path}", "POST", headers, bomb)
                usual = known.outcome(server.kind, "B14", "multipart", "415") == "415" or path != "upload"
                if usual:
                    assert (answer.status, answer.code) == (415, "unsupported-content-encoding"), (coding, path)
                    assert answer["accept-encoding"] == "identity"
                else:
                    assert answer.status == 400
    assert server.events(key) == []
    assert spent.grown < BOUND
    assert spent.seconds < 1.0
    whole = server.ask(
        f"/{colour}/order",
        "POST",
        [("content-encoding", "identity"), *[(name.lower(), value) for name, value in JSON]],
        b'{"name": "a", "count": 1}',
    )
    assert whole.status == 200
