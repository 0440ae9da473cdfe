"""Names of templates that wait: in either colour, on every interface, and on pages for errors."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, HTTPError, Request, Response, wait
from wholestack.templates import Page, Templates
from wholestack.testing import Client

INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])


class Visitor:
    def __init__(self) -> None:
        self.seen: list[str] = []


class Visitors:
    """A plugin whose provider is part of each plan with a page, and whose helper waits."""

    template_needs = (Visitor,)

    def __init__(self) -> None:
        self.closed: list[int] = []

    @property
    def template_helpers(self) -> dict[str, Any]:
        return {"visitor": self.name}

    def name(self, request: Request) -> str:
        async def asked() -> str:
            await asyncio.sleep(0)
            return "you"

        return wait(asked())

    def setup(self, app: App) -> None:
        def visitor(request: Request) -> Generator[Visitor, Response, None]:
            response = yield Visitor()
            self.closed.append(response.status)

        app.provide(visitor, waits=True)


@pytest.fixture
def made(tmp_path: Path) -> tuple[App, Visitors]:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page.html").write_text("hello {{ visitor }}")
    (folder / "404.html").write_text("nothing here, {{ visitor }}")
    app, visitors = App(docs=False), Visitors()
    app.use(visitors, Templates(str(folder)))

    @app.get("/async")
    async def in_async() -> Page:
        return Page("page.html")

    @app.get("/def")
    def in_def() -> Page:
        return Page("page.html")

    @app.get("/plain")
    async def plain() -> str:
        return "plain"

    @app.get("/own")
    async def own() -> str:
        raise Gone("gone")

    @app.on_error(Gone)
    def gone(error: Gone) -> Page:
        return Page("page.html", status=410)

    return app, visitors


class Gone(HTTPError):
    status = 410
    code = "gone"


@INTERFACES
@pytest.mark.parametrize("path", ["/async", "/def"])
def test_a_page_waits_for_what_it_shows(made: tuple[App, Visitors], interface: Any, path: str) -> None:
    app, visitors = made
    with Client(app, interface=interface) as client:
        assert client.get(path).text == "hello you"
        assert visitors.closed == [200]
        assert client.get("/plain").text == "plain"
        assert visitors.closed == [200]  # What no page shows is asked of nobody.


@INTERFACES
def test_a_page_for_an_error_waits_as_well(made: tuple[App, Visitors], interface: Any) -> None:
    app, visitors = made
    with Client(app, interface=interface, raise_errors=False) as client:
        missing = client.get("/nowhere", headers={"accept": "text/html"})
        assert (missing.status, missing.text) == (404, "nothing here, you")
        own = client.get("/own")
        assert (own.status, own.text) == (410, "hello you")
    assert visitors.closed == []


def test_middleware_by_route() -> None:
    app = App(docs=False)
    passed: list[str] = []

    def guard(request: Request) -> Generator[None, Response, Response]:
        passed.append(request.path)
        response = yield
        return response

    def for_route(route: Any) -> Any:
        return None if route.options.get("csrf") is False or set(route.methods) == {"GET"} else guard

    vars(guard)["for_route"] = for_route
    app.middleware(guard)
    app.get("/read")(lambda: "read")
    app.post("/write")(lambda: "write")
    app.post("/hook", csrf=False)(lambda: "hook")
    client = Client(app, raise_errors=False)
    for each in ("/write", "/hook"):
        assert client.post(each).status == 200
    assert client.get("/read").status == 200
    assert client.get("/nowhere").status == 404
    assert passed == ["/write", "/nowhere"]


def test_folders_of_plugins_come_after_those_of_the_app(tmp_path: Path) -> None:
    for place, name in (("theirs", "a"), ("theirs", "b"), ("ours", "b")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / f"{name}.html").write_text(place)

    class Shop:
        template_folders = (str(tmp_path / "theirs"),)

        def setup(self, app: App) -> None:
            app.get("/{name}")(self.show)

        def show(self, name: str) -> Page:
            return Page(f"{name}.html")

    app = App(docs=False)
    app.use(Shop(), Templates(str(tmp_path / "ours")))
    client = Client(app)
    assert (client.get("/a").text, client.get("/b").text) == ("theirs", "ours")
