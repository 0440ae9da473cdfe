"""Where guards stand, seen from a server's own access log: what they refuse is in it, under the client's address."""

from __future__ import annotations

from pathlib import Path

from servers.serving import serve

APP = """
from collections.abc import Generator

from wholestack import App, Request, Response
from wholestack.middleware import *

app = App(docs=False)
app.use(Compression(), CORS(["https://shop.example"]), AllowedHosts("example.org"), TrustedProxies("127.0.0.1"))


@app.middleware
def own(request: Request) -> Generator[None, Response, Response]:
    response = yield
    response.headers.set("x-own", "1")
    return response


@app.get("/taken")
def home() -> str:
    return "home"
"""


def test_the_log_has_what_guards_refuse(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    said = ("X-Forwarded-For", "192.0.2.1")
    with serve("--access-log", app="app.py", cwd=tmp_path) as server:
        server.ready()
        refused = server.ask("/refused", headers=[("Host", "evil.example"), said])
        taken = server.ask("/taken", headers=[said])
        assert (refused.status, refused.get("x-own")) == (400, None)
        assert (taken.status, taken.get("x-own")) == (200, "1")
        server.said('"path": ?"/taken"')
        logged = [
            (line["path"], line["status"], line["client"])
            for path in ("/refused", "/taken")
            for line in server.records(path)
        ]
    assert logged == [("/refused", 400, "192.0.2.1"), ("/taken", 200, "192.0.2.1")]
