"""Which routes, statuses and declared errors were reached, on every interface."""

from __future__ import annotations

import asyncio
from typing import Any

from wholestack import App, Conflict, HTTPError, NotFound, Response, Router, Text
from wholestack.realtime import Socket
from wholestack.testing import AsyncClient, Client, Reached


class Gone(NotFound):
    code = "note-gone"


def notes() -> App:
    app = App(docs=False)

    @app.get("/notes")
    def every() -> list[str]:
        return []

    @app.post("/notes", status=201, errors=(Conflict,))
    def add(full: bool = False) -> str:
        if full:
            raise Conflict("There is no room.")
        return "added"

    @app.get("/notes/{id}", errors=(NotFound, Gone))
    def read(id: int) -> str:
        if id == 404:
            raise NotFound("none")
        if id == 410:
            raise Gone("gone")
        return "note"

    @app.delete("/notes/{id}", errors=(NotFound,))
    def remove(id: int) -> None: ...

    @app.get("/any")
    def anything() -> Response:
        return Text("x", 202)

    @app.get("/hidden", hidden=True)
    def hidden() -> str:
        return "x"

    return app


def missing(reached: Reached, app: App) -> dict[str, tuple[str, ...]]:
    return {gap.route: gap.missing for gap in reached.coverage(app).gaps}


def test_all_that_is_declared_counts(interface: Any) -> None:
    app = notes()
    with Reached() as reached, Client(app, interface=interface) as client:
        assert set(missing(reached, app).values()) == {()}
        assert (reached.coverage(app).reached, reached.coverage(app).declared) == (0, 9)
        client.get("/notes/1").expect(200)
        assert missing(reached, app)["GET /notes/{id}"] == ("404 not-found", "404 note-gone")
        client.get("/notes/410").expect(404)
        assert missing(reached, app)["GET /notes/{id}"] == ("404 not-found",)
        client.get("/notes/404").expect(404)
        client.post("/notes?full=yes").expect(409)
        client.head("/notes").expect(200)
        client.get("/any").expect(202)
        assert missing(reached, app) == {"POST /notes": ("201",), "DELETE /notes/{id}": ()}
        assert reached.coverage(app).percent == 66.6
        client.post("/notes").expect(201)
        client.delete("/notes/1").expect(204)
        assert missing(reached, app) == {"DELETE /notes/{id}": ("404 not-found",)}


def test_what_the_framework_answers_is_no_status_of_the_route() -> None:
    app = notes()
    with Reached() as reached:
        client = Client(app)
        client.get("/notes/x").expect(422)
        client.put("/notes/1").expect(405)
        client.get("/nowhere").expect(404)
    assert missing(reached, app)["GET /notes/{id}"] == ("200", "404 not-found", "404 note-gone")


def test_a_gap_says_where(monkeypatch: Any) -> None:
    app = notes()
    with Reached() as reached:
        Client(app).get("/notes/1")
    first, *_ = [gap for gap in reached.coverage().gaps if gap.missing]
    assert str(first).startswith("GET /notes/{id}  never answered 404 not-found, 404 note-gone  (")
    assert "test_reached.py:" in first.where
    assert str(reached.coverage().gaps[0]).startswith("GET /notes  never asked  (")


def test_after_the_block_nothing_is_noted() -> None:
    app = notes()
    with Reached() as reached:
        pass
    Client(app).get("/notes")
    assert reached.apps == ()
    assert reached.coverage(app).reached == 0


def test_a_twin_counts_for_its_app() -> None:
    class Clock:
        pass

    app = notes()
    app.provide(Clock)
    with Reached() as reached, app.replace(Clock, Clock()) as twin:
        Client(twin).get("/notes")
    assert "GET /notes" not in missing(reached, app)


def test_streamed_and_awaited() -> None:
    app = notes()

    async def ask() -> None:
        async with AsyncClient(app) as client:
            await client.get("/notes")

    with Reached() as reached:
        asyncio.run(ask())
        with Client(app).stream("GET", "/notes/1"):
            pass
    assert "GET /notes" not in missing(reached, app)
    assert "200" not in missing(reached, app)["GET /notes/{id}"]


def test_paths_that_would_fit_several_routes() -> None:
    app = App(docs=False)

    @app.get("/{name}")
    def named(name: str) -> str:
        return name

    @app.get("/me")
    def me() -> str:
        return "me"

    app.get("/other/{name}")(named)

    files = Router()

    @files.get("/{rest:path}")
    def file(rest: str) -> str:
        return rest

    app.include(files, at="/files")
    with Reached() as reached, Client(app) as client:
        client.get("/me")
        client.get("/files/a/b")
        assert set(missing(reached, app)) == {"GET /{name}", "GET /other/{name}"}
        client.get("/other/caf%C3%A9")
        assert set(missing(reached, app)) == {"GET /{name}"}


def test_a_socket() -> None:
    app = App(docs=False)

    @app.socket("/talk")
    async def talk(socket: Socket[str, str]) -> None:
        async for message in socket:
            await socket.send(message)

    with Reached() as reached, Client(app) as client:
        assert missing(reached, app) == {"WEBSOCKET /talk": ()}
        with client.socket("/talk") as socket:
            socket.send("a")
            assert socket.receive(str) == "a"
    assert missing(reached, app) == {}


def test_an_error_handler_may_shape_the_answer() -> None:
    app = notes()

    @app.on_error(HTTPError)
    def shaped(error: HTTPError) -> Response:
        return Text("shaped", error.status)

    with Reached() as reached:
        Client(app).post("/notes?full=yes").expect(409)
    assert missing(reached, app)["POST /notes"] == ("201",)


def test_an_app_that_declares_nothing_is_whole() -> None:
    with Reached() as reached:
        assert reached.coverage(App(docs=False)).percent == 100.0
