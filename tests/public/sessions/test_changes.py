"""What is a change of a session's data: what JSON tells apart, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App
from wholestack.db import Database, assert_queries
from wholestack.sessions import BrowserSession
from wholestack.testing import Client

CHANGES: list[tuple[Any, Any]] = [
    (1, True),
    (0, False),
    (1, 1.0),
    (None, "None"),
    ([1], [True]),
    ({"a": 1}, {"a": None}),
    ("a", "b"),
    ({}, []),
]
SAME: list[tuple[Any, Any]] = [({"a": 1, "b": [2]}, {"b": [2], "a": 1}), ([{}], [{}]), ("é", "\u00e9")]


def kept(before: Any, after: Any) -> tuple[Any, int]:
    """What a session has after a value and another one, and how many statements the second took."""
    app = App(docs=False)
    database = Database("sqlite://", migrations=None)
    app.use(database)
    given = [before, after]

    @app.get("/put")
    def put(session: BrowserSession) -> None:
        session.data["value"] = given.pop(0)

    @app.get("/get")
    def get(session: BrowserSession) -> str:
        return repr(session.data["value"])

    with Client(app) as client:
        database.create_tables()
        client.get("/put")
        with assert_queries(9) as watch:
            client.get("/put")
        return client.get("/get").text, len(watch.statements)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_what_json_tells_apart_is_written(before: Any, after: Any) -> None:
    assert kept(before, after) == (repr(after), 2)


@pytest.mark.parametrize(("before", "after"), SAME)
def test_what_is_the_same_is_not(before: Any, after: Any) -> None:
    found, statements = kept(before, after)
    assert ({*found}, statements) == ({*repr(before)}, 1)


class Desk(pydantic.BaseModel):
    """What is changed in place, below whatever writes it as JSON."""

    drawers: Any = {"top": [1]}
    lids: Annotated[Any, pydantic.PlainSerializer(lambda found: found)] = [{"open": [1]}]
    own: pydantic.JsonValue = [[1]]


@pytest.mark.parametrize("name", Desk.model_fields)
def test_what_is_changed_in_place_is_written(name: str) -> None:
    app = App(docs=False)

    @app.get("/add")
    def add(session: BrowserSession[Desk]) -> str:
        found = getattr(session.data, name)
        while not isinstance(found, list) or not isinstance(found[0], int):
            found = found[0] if isinstance(found, list) else next(iter(found.values()))
        found.append(len(found) + 1)
        return repr(found)

    with Client(app) as client:
        assert [client.get("/add").text for _ in range(3)] == ["[1, 2]", "[1, 2, 3]", "[1, 2, 3, 4]"]
