"""A `JSON` is written by what its status has been declared to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pydantic

from wholestack import JSON, App

Serve = Callable[[Any], Any]


@dataclass
class Film:
    id: int
    title: str


class Row(Film):
    """A film with more than the wire may show."""

    note = "cut the last scene"


class Queued(pydantic.BaseModel):
    position: int


def test_another_success_shows_the_declared_type(serve_one: Serve) -> None:
    app = App(docs=False)

    @app.put("/film", returns=Film)
    def put() -> JSON:
        return JSON(Row(7, "Sea"), status=201, headers={"location": "/film/7"})

    answer = serve_one(app).put("/film")
    assert (answer.status, answer.headers["location"], answer.json()) == (201, "/film/7", {"id": 7, "title": "Sea"})


def test_a_documented_answer_shows_its_own_type(serve_one: Serve) -> None:
    app = App(docs=False)

    @app.post("/film", answers={202: Queued, 409: list[Queued]})
    def post(status: int) -> Film | JSON:
        return JSON(Queued(position=3) if status == 202 else [Queued(position=4)], status=status)

    client = serve_one(app)
    assert client.post("/film?status=202").json() == {"position": 3}
    assert client.post("/film?status=409").json() == [{"position": 4}]
    assert client.post("/film?status=200").status == 500


def test_a_failure_that_is_not_declared_shows_plain_values_only(serve_one: Serve) -> None:
    app = App(docs=False)

    @app.post("/film")
    def post(plain: bool) -> Film | JSON:
        return JSON({"id": 7} if plain else Row(7, "Sea"), status=409)

    client = serve_one(app)
    assert client.post("/film?plain=yes").json() == {"id": 7}
    assert client.post("/film?plain=no").status == 500


def test_json_beside_text_and_nothing(serve_one: Serve) -> None:
    app = App(docs=False)

    @app.get("/text")
    def text() -> str | JSON:
        return JSON({"a": 1})

    @app.get("/nothing")
    def nothing() -> JSON | None:
        return JSON([1])

    client = serve_one(app)
    assert client.get("/text").json() == {"a": 1}
    assert client.get("/nothing").json() == [1]
