"""What docs/guides/middleware.md shows, and the tests that hold it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

from wholestack import App, Request, Response, Router, Text
from wholestack.testing import Client

app = App(docs=False)


# [first]
@app.middleware
def timing(request: Request) -> Generator[None, Response, Response]:
    begun = perf_counter()
    response = yield
    response.headers.set("server-timing", f"app;dur={(perf_counter() - begun) * 1000:.2f}")
    return response


# [/first]
@app.get("/")
def home() -> str:
    return "home"


def test_every_answer_passes() -> None:
    client = Client(app)
    # [every]
    assert "server-timing" in client.get("/").headers
    assert "server-timing" in client.get("/nowhere").headers  # a 404
    assert "server-timing" in client.delete("/").headers  # a 405
    assert "server-timing" in client.get("/", headers={"host": "?"}).headers  # a refusal by the gate
    # [/every]


# [early]
def maintenance(request: Request) -> Generator[None, Response, Response]:
    if request.path != "/health":
        return Text("We are back at noon.", status=503)
    return (yield)


# [/early]
def test_a_response_before_the_yield() -> None:
    closed = App(docs=False)
    closed.middleware(maintenance)
    closed.get("/health")(home)
    client = Client(closed)
    assert (client.get("/").status, client.get("/").text) == (503, "We are back at noon.")
    assert client.get("/health").text == "home"


# [options]
def allow_frames(policy: str) -> Callable[[Request], Generator[None, Response, Response]]:
    def frames(request: Request) -> Generator[None, Response, Response]:
        response = yield
        response.headers.set("x-frame-options", policy)
        return response

    return frames


embedded = Router("/embed")
embedded.middleware(allow_frames("SAMEORIGIN"))


@embedded.get("/map")
def show_map() -> str:
    return "map"


app.include(embedded)


# [/options]
def test_a_routers_middleware() -> None:
    client = Client(app)
    assert client.get("/embed/map").headers["x-frame-options"] == "SAMEORIGIN"
    assert client.get("/").headers["x-frame-options"] == "DENY"


# [order]
order = App(docs=False)
seen: list[str] = []


def noting(name: str) -> Callable[[Request], Generator[None, Response, Response]]:
    def note(request: Request) -> Generator[None, Response, Response]:
        seen.append(f"{name} in")
        response = yield
        seen.append(f"{name} out")
        return response

    return note


order.middleware(noting("outer"))
order.middleware(noting("inner"))


# [/order]
@order.get("/")
def noted() -> str:
    seen.append("handler")
    return "noted"


def test_the_order() -> None:
    Client(order).get("/").expect(200)
    # [order-seen]
    assert seen == ["outer in", "inner in", "handler", "inner out", "outer out"]
    # [/order-seen]


# [filter]
def shouting(request: Request) -> Generator[None, Response, Response]:
    response = yield
    return response.filter(bytes.upper)


# [/filter]
def test_a_filter() -> None:
    loud = App(docs=False)
    loud.middleware(shouting)
    loud.get("/")(home)
    assert Client(loud).get("/").text == "HOME"


# [outside]
class Gzip:
    """A WSGI middleware, as any library may bring it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        def start(status: str, headers: list[tuple[str, str]]) -> None:
            kept = [pair for pair in headers if pair[0].lower() != "content-length"]
            start_response(status, [*kept, ("content-encoding", "gzip")])

        return [gzip.compress(b"".join(self.app(environ, start)))]


application = Gzip(app)


# [/outside]
def test_foreign_middleware() -> None:
    started: list[list[tuple[str, str]]] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "example.org",
        "wsgi.url_scheme": "http",
    }
    body = b"".join(application(environ, lambda status, headers: started.append(headers)))
    assert gzip.decompress(body) == b"home"
    assert ("content-encoding", "gzip") in started[0]
