"""The JSON policy of docs/json.md: each of its statements, over an app, the same in and out."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
import pytest
from typing_extensions import TypedDict

from wholestack import App, Body

Serve = Callable[[Any], Any]


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float


class Author(pydantic.BaseModel):
    id: int
    full_name: str = pydantic.Field(alias="fullName")


@dataclasses.dataclass
class Book:
    id: int
    title: str


@dataclasses.dataclass
class StoredBook(Book):
    price_paid: str = "sesame"


class Row(TypedDict):
    id: int
    title: str


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


NINE = "12345678901234567890.123456789"
SAME: list[tuple[Any, str]] = [
    (str, '"é\\u0000\\"\\\\ \\ud83d\\ude00"'),
    (int, "9007199254740993"),
    (int, "-1180591620717411303424"),
    (bool, "true"),
    (int | None, "null"),
    (float, "0.1"),
    (float, "1e300"),
    (float, "5e-324"),
    (decimal.Decimal, f'"{NINE}"'),
    (decimal.Decimal, '"1.10"'),
    (datetime.datetime, '"2026-05-06T07:08:09.120000Z"'),
    (datetime.datetime, '"2026-05-06T07:08:09+05:45"'),
    (datetime.datetime, '"2026-05-06T07:08:09"'),
    (datetime.date, '"2026-05-06"'),
    (datetime.time, '"07:08:09"'),
    (datetime.time, '"07:08:09Z"'),
    (datetime.timedelta, '"P1DT1M30S"'),
    (uuid.UUID, '"00000000-0000-0000-0000-000000000001"'),
    (Colour, '"red"'),
    (Literal["a", 1], "1"),
    (bytes, '"é"'),
    (pydantic.Base64Bytes, '"/w=="'),
    (list[int], "[1,2]"),
    (Sequence[int], "[1,2]"),
    (tuple[int, str], '[1,"a"]'),
    (set[int], "[7]"),
    (frozenset[str], '["a"]'),
    (deque[int], "[1]"),
    (Point, "[1,2.5]"),
    (dict[str, int], '{"a":1}'),
    (dict[int, str], '{"1":"a"}'),
    (dict[uuid.UUID, int], '{"00000000-0000-0000-0000-000000000001":1}'),
    (OrderedDict[str, int], '{"b":1,"a":2}'),
    (Author, '{"id":1,"fullName":"a"}'),
    (Book, '{"id":1,"title":"a"}'),
    (Row, '{"id":1,"title":"a"}'),
    (list[Author | Book], '[{"id":1,"fullName":"a"},{"id":1,"title":"a"}]'),
    (list[Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]], '[{"kind":"dog","name":"rex"},{"kind":"cat"}]'),
    (Any, '{"a":[1,2.5,"x",null,true,{}]}'),
]


@pytest.mark.parametrize("checked", [False, True], ids=["production", "checked"])
@pytest.mark.parametrize(("kind", "text"), SAME, ids=[f"{kind} {text}"[:60] for kind, text in SAME])
def test_what_comes_in_goes_out_the_same(serve_one: Serve, kind: Any, text: str, checked: bool) -> None:
    app = App(docs=False, checked=checked)
    holder: Any = pydantic.create_model("Holder", value=(kind, ...))

    def echo(body: Any) -> Any:
        return body

    echo.__annotations__ = {"body": holder, "return": holder}
    app.post("/one")(echo)

    def many(body: Any) -> Any:
        return [body] * 40

    many.__annotations__ = {"body": holder, "return": list[holder]}
    app.post("/many")(many)
    client, sent = serve_one(app), f'{{"value":{text}}}'.encode()
    one = client.post("/one", body=sent, headers=[("content-type", "application/json")])
    assert one.status == 200, one.text
    assert shown(one.text) == shown(sent.decode())
    longer = client.post("/many", body=sent, headers=[("content-type", "application/json")])
    assert shown(longer.text) == [shown(sent.decode())] * 40


def shown(text: str) -> Any:
    """A JSON value with its numbers as they are written."""
    return json.loads(
        text, parse_int=lambda digits: ("int", digits), parse_float=lambda digits: ("float", float(digits))
    )


def asked(serve: Serve, value: Any, returns: Any, **options: Any) -> Any:
    """What a handler that returns this value, with this type, answers."""
    app = App(docs=False, **options)

    @app.get("/", returns=returns)
    def handler():  # type: ignore[no-untyped-def]
        return value

    return serve(app).get("/")


def refused(serve: Serve, value: Any, returns: Any, **options: Any) -> bool:
    """Whether that is a fault of the app, of which the answer says nothing."""
    answer = asked(serve, value, returns, **options)
    return answer.status == 500 and answer.json()["code"] == "internal-error" and "sesame" not in answer.text


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_numbers_that_json_lacks_go_out_as_null_and_never_come_in(serve_one: Serve, number: str) -> None:
    for kind in (float, Any):
        assert asked(serve_one, [float(number)], list[kind]).text == "[null]"
    app = App(docs=False)

    @app.post("/")
    def echo(body: Body[list[float]]) -> list[float]:
        return body

    word = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}[number]
    for sent, statuses in ((b"[1.5]", {200}), (b"[" + word + b"]", {400, 422}), (b"[1e999]", {400, 422})):
        answer = serve_one(app).post("/", body=sent, headers=[("content-type", "application/json")])
        assert answer.status in statuses


def test_a_lone_surrogate_goes_out_as_the_replacement_character_and_never_comes_in(serve_one: Serve) -> None:
    for kind in (str, Any):
        assert asked(serve_one, ["a\ud800"], list[kind]).body == '["a\ufffd"]'.encode()
    app = App(docs=False)

    @app.post("/")
    def echo(body: Body[list[str]]) -> list[str]:
        return body

    answer = serve_one(app).post("/", body=b'["\\ud800"]', headers=[("content-type", "application/json")])
    assert answer.status == 400


def test_a_decimal_is_exact(serve_one: Serve) -> None:
    assert asked(serve_one, [decimal.Decimal(NINE)], list[decimal.Decimal]).json() == [NINE]


def test_bytes_that_are_no_text_are_a_fault_of_the_app(serve_one: Serve) -> None:
    assert refused(serve_one, [b"\xff"], list[bytes])


def test_keys_are_strings(serve_one: Serve) -> None:
    key = datetime.date(2026, 5, 6)
    assert asked(serve_one, {key: 1}, dict[datetime.date, int]).text == '{"2026-05-06":1}'
    assert asked(serve_one, {True: 1, 2: 2}, dict[Any, int]).json() == {"true": 1, "2": 2}


# [rows]
class Note:
    """As an ORM's row: it has more than the wire may show."""

    def __init__(self, id: int, text: str) -> None:
        self.id = id
        self.text = text
        self.owner_password = "sesame"


class NoteOut(pydantic.BaseModel):
    id: int
    text: str


app = App()


@app.get("/notes", returns=list[NoteOut])
def notes() -> list[Note]:
    return [Note(1, "milk"), Note(2, "bread")]


# [/rows]


def test_a_row_shows_the_declared_fields(serve: Serve) -> None:
    assert serve(app).get("/notes").text == '[{"id":1,"text":"milk"},{"id":2,"text":"bread"}]'


@pytest.mark.parametrize("count", [1, 40])
def test_only_declared_fields_are_shown(serve_one: Serve, count: int) -> None:
    wide = {"id": 1, "title": "a", "price_paid": "sesame"}
    expected = [{"id": 1, "title": "a"}] * count
    for kind, value in ((Book, StoredBook(1, "a")), (Row, wide), (Book, wide)):
        assert asked(serve_one, [value] * count, list[kind]).json() == expected  # type: ignore[valid-type]


def test_an_iterator_is_an_array(serve_one: Serve) -> None:
    app = App(docs=False)

    @app.get("/", returns=list[Book])
    def books() -> Iterator[Book]:
        return iter([Book(1, "a")])

    assert serve_one(app).get("/").json() == [{"id": 1, "title": "a"}]


@pytest.mark.parametrize(
    "secret", [Book(1, "sesame"), Author(id=1, fullName="sesame"), object()], ids=["dataclass", "model", "object"]
)
def test_where_nothing_is_declared_only_plain_values_are_shown(serve_one: Serve, secret: Any) -> None:
    for kind, value in ((Any, secret), (dict[str, Any], {"a": [secret]}), (list[object], [secret])):
        assert refused(serve_one, value, kind)
    app = App(docs=False)

    @app.get("/")
    def unannotated():  # type: ignore[no-untyped-def]
        return {"a": (1, decimal.Decimal("1.0"), datetime.date(2026, 5, 6), Colour.RED, {2.5})}

    assert serve_one(app).get("/").text == '{"a":[1,"1.0","2026-05-06","red",[2.5]]}'


def test_what_does_not_fit_is_a_fault_of_the_app(serve_one: Serve) -> None:
    for kind, value in (
        (Book, None),
        (Book, {"id": 1}),
        (list[int], ["sesame"]),
        (int, "sesame"),
        (Row, {"title": "a"}),
    ):
        assert refused(serve_one, value, kind)


def test_constraints_are_checked_in_development_and_trusted_in_production(serve_one: Serve) -> None:
    few = Annotated[list[int], pydantic.Field(max_length=1)]
    assert asked(serve_one, [1, 2], few).status == 200
    assert refused(serve_one, [1, 2], few, checked=True)


def test_a_model_is_written_as_pydantic_writes_it(serve_one: Serve) -> None:
    class Computed(pydantic.BaseModel):
        size: int
        hidden: str = pydantic.Field("sesame", exclude=True)

        @pydantic.computed_field
        def double(self) -> int:
            return self.size * 2

        @pydantic.field_serializer("size")
        def write_size(self, value: int) -> str:
            return f"{value} cm"

    assert asked(serve_one, Computed(size=2), Computed).text == '{"size":"2 cm","double":4}'


def test_the_doors_that_open_by_name(serve_one: Serve) -> None:
    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        id: int

    class Child(Author):
        more: int = 2

    assert asked(serve_one, Open.model_validate({"id": 1, "more": 2}), Open).json() == {"id": 1, "more": 2}
    child = Child(id=1, fullName="a")
    assert asked(serve_one, child, Author).json() == {"id": 1, "fullName": "a"}
    assert asked(serve_one, child, pydantic.SerializeAsAny[Author]).json() == {"id": 1, "fullName": "a", "more": 2}


def test_instances_are_trusted_in_production_and_rows_are_not(serve_one: Serve) -> None:
    nameless = Book(1, None)  # type: ignore[arg-type]
    assert asked(serve_one, nameless, Book).json() == {"id": 1, "title": None}
    assert refused(serve_one, nameless, Book, checked=True)
    assert refused(serve_one, Note(1, None), NoteOut)  # type: ignore[arg-type]
    assert refused(serve_one, {"id": 1, "text": None}, NoteOut)
    shelf = [Book(number, "a") for number in range(1000)]
    shelf[1].title = 5  # type: ignore[assignment]
    assert refused(serve_one, shelf, list[Book], checked=True)


def test_the_log_says_where_and_never_what(serve_one: Serve, caplog: pytest.LogCaptureFixture) -> None:
    assert refused(serve_one, [Book(1, "a"), {"id": "sesame", "title": "a"}], list[Book])
    assert "at /1/id: expected a valid integer" in caplog.text
    assert "sesame" not in caplog.text
