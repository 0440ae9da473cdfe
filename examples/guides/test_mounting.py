"""What docs/guides/mounting.md shows, and the tests that hold it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Literal

import pytest
from flask import Flask, request
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from wholestack import App, Request, Response
from wholestack.testing import Client

Interface = Literal["asgi", "wsgi", "rsgi"]

# [mount]
old = Flask("old")


@old.get("/page/<name>")
def page(name: str) -> str:
    return f"{name}, at {request.script_root}"


async def status(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse(f"fine, at {request.scope['root_path']}")


app = App()
app.mount("/old", old)
app.mount("/monitor", Starlette(routes=[Route("/status", status)]))
# [/mount]


# [around]
@app.middleware
def marking(request: Request) -> Generator[None, Response, Response]:
    response = yield
    response.headers.set("x-seen", request.path)
    return response


# [/around]
# [moved]
@app.get("/old/page/new")
def new() -> str:
    return "written anew"


# [/moved]


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_mounted_applications(interface: Interface) -> None:
    # [asked]
    client = Client(app, interface=interface)
    assert client.get("/old/page/home").text == "home, at /old"
    assert client.get("/monitor/status").text == "fine, at /monitor"
    assert client.get("/old/page/home").headers["x-seen"] == "/old/page/home"
    # [/asked]
    assert client.get("/old/page/new").text == "written anew"
    assert client.get("/old/nothing").status == 404


# [plain]
def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"hello"]


tiny = App()
tiny.mount("/hello", hello, interface="wsgi")
# [/plain]


def test_a_plain_callable() -> None:
    assert Client(tiny).get("/hello/you").text == "hello"
