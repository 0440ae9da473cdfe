"""`Partial[Model]` for PATCH: what was sent, checked, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, NotRequired

import pydantic
from typing_extensions import TypedDict

from wholestack import App, Partial


class Note(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    text: Annotated[str, pydantic.Field(min_length=2)]
    done: bool = False
    priority: int | None = pydantic.Field(None, alias="prio", ge=1)

    @pydantic.field_validator("text")
    @classmethod
    def no_shouting(cls, text: str) -> str:
        if text.isupper():
            raise ValueError("do not shout")
        return text.strip()


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


def test_which_fields_were_sent(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.patch("/")
    @colour
    def change(changes: Partial[Note]) -> dict[str, object]:
        note = changes.apply(Note(text="milk", prio=5))
        return {"sent": sorted(changes.sent), "text": "text" in changes, "note": note.model_dump()}

    client = serve(app)
    assert client.patch("/", data={}).json() == {
        "sent": [],
        "text": False,
        "note": {"text": "milk", "done": False, "priority": 5},
    }
    assert client.patch("/", data={"done": True, "prio": None}).json() == {
        "sent": ["done", "priority"],
        "text": False,
        "note": {"text": "milk", "done": True, "priority": None},
    }
    assert client.patch("/").faults == [("body", "", "missing")]


def test_constraints_aliases_validators_and_the_policy_for_others_hold(serve: Any) -> None:
    app = App(docs=False)

    @app.patch("/")
    def change(changes: Partial[Note]) -> dict[str, object]:
        return changes.sent

    client = serve(app)
    assert client.patch("/", data={"text": "a", "done": "x", "prio": 0}).faults == [
        ("body", "/text", "string_too_short"),
        ("body", "/done", "bool_parsing"),
        ("body", "/prio", "greater_than_equal"),
    ]
    assert client.patch("/", data={"priority": 1, "other": 1}).faults == [
        ("body", "/priority", "extra_forbidden"),
        ("body", "/other", "extra_forbidden"),
    ]
    assert client.patch("/", data={"text": "LOUD"}).faults == [("body", "/text", "value_error")]
    assert client.patch("/", data={"text": " tea "}).json() == {"text": "tea"}


def test_of_a_dataclass_and_a_typed_dict(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.patch("/point")
    @colour
    def point(changes: Partial[Point]) -> Point:
        return changes.apply(Point(1, 2))

    @app.patch("/movie")
    @colour
    def movie(changes: Partial[Movie]) -> dict[str, object]:
        return changes.sent

    client = serve(app)
    assert client.patch("/point", data={"y": 3}).json() == {"x": 1, "y": 3}
    assert client.patch("/point", data={"x": "a"}).faults == [("body", "/x", "int_parsing")]
    assert client.patch("/movie", data={"year": 1979}).json() == {"year": 1979}


def test_by_hand() -> None:
    changes = Partial[Note]({"done": True})
    assert repr(changes) == "Partial(done)"
    assert "done" in changes
    assert "text" not in changes


def test_of_a_dataclass_of_pydantics(serve_one: Any) -> None:
    @pydantic.dataclasses.dataclass
    class Wall:
        colour: str
        height: Annotated[int, pydantic.Field(gt=0)] = 1

        @pydantic.field_validator("height")
        @classmethod
        def even(cls, height: int) -> int:
            if height % 2:
                raise ValueError("odd")
            return height

    app = App(docs=False)

    @app.patch("/")
    def change(changes: Partial[Wall]) -> dict[str, object]:
        return changes.sent

    client = serve_one(app)
    assert client.patch("/", data={"height": 2}).json() == {"height": 2}
    assert client.patch("/", data={"height": 3}).faults == [("body", "/height", "value_error")]
