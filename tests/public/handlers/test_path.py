"""Rule 1: a parameter whose name is in the path is read from there, converted and checked."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, NewType

import pydantic
import pytest

from wholestack import App

UserId = NewType("UserId", int)


class Colour(enum.Enum):
    RED = "red"
    NAVY = "navy blue"


def test_text_and_number(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/notes/{name}/{page}")
    @colour
    def note(name: str, page: int) -> dict[str, object]:
        return {"name": name, "page": page}

    client = serve(app)
    assert client.get("/notes/caf%C3%A9/7").json() == {"name": "café", "page": 7}
    assert client.get("/notes/a%20b/-1").json() == {"name": "a b", "page": -1}
    assert client.get("/notes/x/seven").faults == [("path", "/page", "int_parsing")]
    assert client.get("/notes//7").status == 404
    assert client.get("/notes/x/7/more").status == 404


@pytest.mark.parametrize(
    ("kind", "good", "value", "bad"),
    [
        (int, "12", 12, "1.5"),
        (float, "1.5", 1.5, "nan"),
        (bool, "true", True, "maybe"),
        (decimal.Decimal, "1.10", "1.10", "1,1"),
        (uuid.UUID, "0B0A2B66-46F4-4C71-9A7A-6C0F8E6F0A11", "0b0a2b66-46f4-4c71-9a7a-6c0f8e6f0a11", "0b0a"),
        (datetime.date, "2026-02-28", "2026-02-28", "2026-02-30"),
        (datetime.datetime, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "yesterday"),
        (Colour, "navy%20blue", "navy blue", "green"),
        (Literal[1, 2, "all"], "2", 2, "3"),
        (UserId, "5", 5, "x"),
        (Annotated[int, pydantic.Field(ge=1, le=9)], "9", 9, "10"),
        (Annotated[str, pydantic.Field(pattern="^[a-z]+$")], "abc", "abc", "A"),
    ],
)
def test_every_scalar_type(serve: Any, kind: Any, good: str, value: object, bad: str) -> None:
    app = App(docs=False)

    @app.get("/of/{value}")
    def show(value: kind) -> kind:
        return value

    client = serve(app)
    assert client.get(f"/of/{good}").text in {
        f'"{value}"',
        str(value).lower() if isinstance(value, bool) else str(value),
    }
    refused = client.get(f"/of/{bad}")
    assert [fault[:2] for fault in refused.faults] == [("path", "/value")]
    assert f"{bad}" not in {*refused.json()["errors"][0]["detail"].replace("'", " ").split()}


def test_converters_decide_whether_the_path_matches_at_all(serve: Any) -> None:
    app = App(docs=False)
    app.converter("colour", Colour)
    app.converter("hex", "[0-9a-f]+")

    @app.get("/i/{value:int}")
    def number(value: int) -> int:
        return value

    @app.get("/u/{value:uuid}")
    def unique(value: uuid.UUID) -> uuid.UUID:
        return value

    @app.get("/d/{value:date}")
    def day(value: datetime.date) -> datetime.date:
        return value

    @app.get("/p/{value:path}")
    def rest(value: str) -> str:
        return value

    @app.get("/c/{value:colour}")
    def painted(value: Colour) -> str:
        return value.name

    @app.get("/h/{value:hex}")
    def coded(value: str) -> int:
        return int(value, 16)

    client = serve(app)
    assert client.get("/i/-12").text == "-12"
    assert client.get("/i/x").status == 404
    assert client.get("/i/" + "9" * 19).status == 404  # no number of that length is an id
    assert client.get("/u/0b0a2b66-46f4-4c71-9a7a-6c0f8e6f0a11").status == 200
    assert client.get("/u/1").status == 404
    assert client.get("/d/2026-02-28").json() == "2026-02-28"
    assert client.get("/d/2026-02-30").faults == [("path", "/value", "date_from_datetime_parsing")]
    assert client.get("/p/a/b//c.txt").text == "a/b//c.txt"
    assert client.get("/p/").status == 404
    assert client.get("/c/navy%20blue").text == "NAVY"
    assert client.get("/c/green").status == 404
    assert client.get("/h/ff").text == "255"
    assert client.get("/h/xyz").status == 404


def test_literals_and_fields_in_one_segment(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/files/{name}.{kind}")
    def file(name: str, kind: str) -> list[str]:
        return [name, kind]

    @app.get("/v{major:int}.{minor:int}/api")
    def version(major: int, minor: int) -> list[int]:
        return [major, minor]

    client = serve(app)
    assert client.get("/files/a.b.txt").json() == ["a.b", "txt"]
    assert client.get("/files/readme").status == 404
    assert client.get("/v2.13/api").json() == [2, 13]
    assert client.get("/v2.x/api").status == 404


def test_a_converter_with_groups_of_its_own_does_not_shift_the_fields() -> None:
    with pytest.raises(ValueError, match=r"\(\?:"):
        App(docs=False).converter("size", "(small|large)")


def test_a_providers_path_field(serve: Any, colour: Any) -> None:
    class Note(pydantic.BaseModel):
        id: int

    def note(note_id: int) -> Note:
        return Note(id=note_id)

    app = App(docs=False)
    app.provide(note)

    @app.get("/notes/{note_id}")
    @colour
    def show(note: Note) -> Note:
        return note

    client = serve(app)
    assert client.get("/notes/3").json() == {"id": 3}
    assert client.get("/notes/x").faults == [("path", "/note_id", "int_parsing")]
