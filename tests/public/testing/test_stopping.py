"""What an answer asked to be done after it is done before the app stops, on each interface and without a client."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types
from typing import Any

from wholestack import App, Response

WSGI = """
import io, sys, time
from wholestack import App, Response

app = App()

def late():
    time.sleep(0.2)
    print("done", flush=True)

@app.get("/")
def index() -> Response:
    return Response(b"x").after(late)

environ = {
    "REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "wsgi.input": io.BytesIO(),
    "wsgi.url_scheme": "http", "HTTP_HOST": "h", "SERVER_PROTOCOL": "HTTP/1.1",
}
answer = app(environ, lambda *_: None)
answer.close()
"""


def test_under_wsgi_at_exit() -> None:
    done = subprocess.run([sys.executable, "-c", WSGI], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_under_rsgi() -> None:
    app, done = App(), []

    async def late() -> None:
        await asyncio.sleep(0.1)
        done.append("after")

    @app.get("/")
    async def index() -> Response:
        return Response(b"x").after(late)

    headers = types.SimpleNamespace(items=lambda: [("host", "h")], get=lambda name, default=None: default)
    scope = types.SimpleNamespace(
        proto="http",
        http_version="1.1",
        method="GET",
        path="/",
        query_string="",
        headers=headers,
        authority=None,
        scheme="http",
        client="127.0.0.1:1",
    )
    sent: list[Any] = []
    protocol = types.SimpleNamespace(response_bytes=lambda *answer: sent.append(answer))
    with asyncio.Runner() as runner:
        app.__rsgi_init__(runner.get_loop())
        runner.run(app.__rsgi__(scope, protocol))
        assert (len(sent), done) == (1, [])
        app.__rsgi_del__(runner.get_loop())
    assert done == ["after"]
