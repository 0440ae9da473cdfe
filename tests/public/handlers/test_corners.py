"""Types and functions as people really write them, off the beaten path."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import pydantic
import pytest
from typing_extensions import TypeAliasType

from wholestack import App, Body, NotFound, Redirect, SetupError, wait

Positive = TypeAliasType("Positive", Annotated[int, pydantic.Field(gt=0)])


class Note(pydantic.BaseModel):
    id: int


class Row(pydantic.BaseModel):
    text: str


def test_unions_of_plain_answers_and_responses(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/a/{n}")
    def several(n: int) -> Note | Row | Redirect | None:
        return [Note(id=1), Row(text="x"), Redirect("/"), None][n]

    client = serve_one(app)
    assert client.get("/a/0").json() == {"id": 1}
    assert client.get("/a/1").json() == {"text": "x"}
    assert client.get("/a/2").status == 303
    assert client.get("/a/3").text == "null"


def test_types_that_are_no_keys(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(n: Annotated[int, ["no", "key"]]) -> Annotated[int, []]:
        return n

    client = serve_one(app)
    assert client.get("/?n=3").text == "3"
    assert client.get("/?n=x").faults == [("query", "/n", "int_parsing")]


def test_a_literal_of_what_no_text_is(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(n: Literal[[1]]) -> str:  # type: ignore[valid-type]
        return ""

    assert serve_one(app).get("/?n=1").faults == [("query", "/n", "literal_error")]


def test_types_behind_another_name_and_lists_with_validators(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(
        n: Positive = 1,
        pair: tuple[Positive, Positive] = (1, 1),
        tags: Annotated[list[str], pydantic.AfterValidator(sorted)] = [],  # noqa: B006
        even: Annotated[int, pydantic.AfterValidator(lambda value: value * 2)] = 0,
    ) -> list[object]:
        return [n, tags, even, sum(pair)]

    client = serve_one(app)
    assert client.get("/?n=3&tags=b&tags=a&even=2&pair=2&pair=3").json() == [3, ["a", "b"], 4, 5]
    assert client.get("/?n=0").faults == [("query", "/n", "greater_than")]


def test_a_variable_of_the_place_that_was_never_set(serve_one: Any, caplog: Any) -> None:
    app = App(docs=False)

    def place(set_it: bool) -> None:
        @app.get("/")
        def show() -> str:
            return late

        if set_it:
            late = "x"

    place(False)
    assert serve_one(app).get("/").status == 500


def test_decorated_handlers_partials_methods_and_objects(serve: Any) -> None:
    app = App(docs=False)

    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def around(**arguments: Any) -> Any:
            return function(**arguments)

        return around

    @app.get("/plain/{n}")
    @logged
    def plain(n: int) -> int:
        return n

    @app.get("/later/{n}")
    @logged
    async def later(n: int) -> int:
        return n

    class Handlers:
        def method(self, n: int) -> int:
            return n

        async def __call__(self, n: int) -> int:
            return n

        @staticmethod
        def alone(n: int) -> int:
            return n

        @classmethod
        def of_class(cls, n: int) -> int:
            return n

    app.get("/method/{n}")(Handlers().method)
    app.get("/object/{n}")(Handlers())
    app.get("/static/{n}")(Handlers.alone)
    app.get("/class/{n}")(Handlers.of_class)
    client = serve(app)
    for kind in ("plain", "later", "method", "object", "static", "class"):
        assert client.get(f"/{kind}/3").text == "3", kind
        assert client.get(f"/{kind}/x").faults == [("path", "/n", "int_parsing")]


def test_an_error_handler_whose_hints_cannot_be_read() -> None:
    app = App(docs=False)

    @app.on_error(NotFound)
    def answer(error: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
        return ""

    with pytest.raises(SetupError) as raised:
        app.seal()
    assert [fault.code for fault in raised.value.faults] == ["bad-hint"]


def test_more_spellings_of_json_than_are_remembered(serve_one: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(n: Body[int]) -> int:
        return n

    client = serve_one(app)
    for number in range(80):
        assert client.post("/", body=b"3", headers={"content-type": f"application/json; x={number}"}).text == "3"


def test_waiting_where_nothing_was_ever_driven(monkeypatch: Any) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "greenlet", raising=False)

    async def three() -> int:
        return 3

    assert wait(three()) == 3


def test_an_annotated_list_that_may_be_missing(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(
        tags: Annotated[list[str] | None, pydantic.AfterValidator(lambda found: found and found[::-1])] = None,
    ) -> list[str] | None:
        return tags

    client = serve_one(app)
    assert client.get("/?tags=a&tags=b").json() == ["b", "a"]
    assert client.get("/").json() is None
