"""From names and texts to a model: what a form can say, and what it cannot."""

from __future__ import annotations

import datetime
import enum
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NewType, NotRequired, TypeVar

import pydantic
import pytest
from typing_extensions import TypedDict

from callers import multipart
from wholestack import App, Form, Limits, Request, Upload
from wholestack.encoding import form_values
from wholestack.forms import Widget
from wholestack.http import FormData

T = TypeVar("T")
Slug = NewType("Slug", str)


class Colour(enum.Enum):
    RED = "red"
    TWO = 2


class Address(pydantic.BaseModel):
    street: str
    zip: Annotated[int, pydantic.Field(ge=1000)]
    home: bool


class Line(pydantic.BaseModel):
    product: str
    pieces: int = 1
    gift: bool
    tags: list[str] = []


class Order(pydantic.BaseModel):
    address: Address
    lines: list[Line]
    billing: Address | None = None


def read(model: Any, *fields: tuple[str, str]) -> dict[str, Any]:
    return form_values(model)(FormData(list(fields)))


def checked(model: Any, *fields: tuple[str, str]) -> Any:
    return pydantic.TypeAdapter(model).validate_python(read(model, *fields))


def test_nested_models_and_rows(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    @colour
    def order(new: Form[Order]) -> Order:
        return new

    client = serve(app)
    form = {
        "address.street": "Main",
        "address[zip]": "1234",
        "address.home": "on",
        "lines[0].product": "tea",
        "lines.5.product": "milk",
        "lines.5.pieces": "3",
        "lines[5].gift": "1",
        "lines[5].tags": ["a", "b"],
    }
    assert client.post("/", form=form).json() == {
        "address": {"street": "Main", "zip": 1234, "home": True},
        "lines": [
            {"product": "tea", "pieces": 1, "gift": False, "tags": []},
            {"product": "milk", "pieces": 3, "gift": True, "tags": ["a", "b"]},
        ],
        "billing": None,
    }
    assert client.post("/", form={"lines[3].pieces": "x", "lines[9].gift": "perhaps"}).faults == [
        ("form", "/address/street", "missing"),
        ("form", "/address/zip", "missing"),
        ("form", "/lines/0/product", "missing"),
        ("form", "/lines/0/pieces", "int_parsing"),
        ("form", "/lines/1/product", "missing"),
        ("form", "/lines/1/gift", "bool_parsing"),
    ]


def test_boxes() -> None:
    class Boxes(pydantic.BaseModel):
        agree: bool
        news: bool = True
        maybe: bool | None = None

    assert checked(Boxes).model_dump() == {"agree": False, "news": True, "maybe": None}
    said = checked(Boxes, ("agree", "on"), ("news", "false"), ("maybe", ""))
    assert said.model_dump() == {"agree": True, "news": False, "maybe": None}
    # A hidden field before the box says what it is without the tick.
    assert checked(Boxes, ("news", "false"), ("news", "true")).news is True
    assert checked(Boxes, ("agree", "1")).agree is True
    with pytest.raises(pydantic.ValidationError):
        checked(Boxes, ("agree", "perhaps"))


def test_empty_texts() -> None:
    class Empty(pydantic.BaseModel):
        title: str
        note: str | None = "none"
        pages: int = 7
        price: float | None = 1.5
        born: datetime.date
        slug: Slug = Slug("x")
        secret: pydantic.SecretStr = pydantic.SecretStr("s")
        kind: Literal["", "a"] = "a"
        level: Literal["b", "c"] = "b"
        any: Any = 1

    found = read(Empty, *((name, "") for name in Empty.model_fields))
    assert found == {"title": "", "note": None, "price": None, "slug": "", "secret": "", "kind": "", "any": ""}


def test_lines_of_an_optional_text_end_as_those_of_one_that_must_be_there() -> None:
    class Letter(pydantic.BaseModel):
        text: Annotated[str, Widget("textarea")] | None = None
        root: pydantic.RootModel[int] | None

    assert read(Letter, ("text", "a\r\nb"), ("root", "")) == {"text": "a\nb", "root": None}


def test_choices_that_are_no_texts() -> None:
    class Chosen(pydantic.BaseModel):
        colour: Colour
        number: Literal[1, 2, "three"]
        yes: Literal[True] = True
        many: set[Literal[1, 2]] = set()

    said = checked(Chosen, ("colour", "2"), ("number", "1"), ("many", "1"), ("many", "2"), ("yes", "true"))
    assert said.model_dump() == {"colour": Colour.TWO, "number": 1, "yes": True, "many": {1, 2}}
    assert checked(Chosen, ("colour", "red"), ("number", "three")).number == "three"
    with pytest.raises(pydantic.ValidationError):
        checked(Chosen, ("colour", "9"), ("number", "1"))


def test_lists() -> None:
    class Lists(pydantic.BaseModel):
        tags: list[str]
        numbers: tuple[int, ...] = (1,)
        names: list[str] | None
        words: list = []  # type: ignore[type-arg]  # a list of anything is a type that people write

    assert read(Lists) == {"tags": [], "names": None}
    found = read(Lists, ("tags", "b"), ("tags[7]", "d"), ("tags[2]", "c"), ("tags[]", "a"), ("numbers", ""))
    assert found == {"tags": ["b", "a", "c", "d"], "numbers": [], "names": None}
    assert checked(Lists, ("numbers", "1"), ("numbers", ""), ("numbers.1", "2"), ("names", "x")).numbers == (1, 2)
    # A row that was left empty is one; an empty text without a number says that nothing was chosen.
    assert read(Lists, ("numbers[0]", ""), ("numbers[1]", "2"))["numbers"] == ["", "2"]
    assert read(Lists, ("tags", ""), ("tags[0]", ""))["tags"] == [""]
    # One value where one belongs.
    assert read(Order, ("address.street", "a"), ("address.street", "b"))["address"]["street"] == ["a", "b"]


def test_an_optional_model_is_there_where_something_of_it_is() -> None:
    assert read(Order, ("billing.street", ""), ("billing.home", "false"))["billing"] is None
    assert read(Order, ("billing.street", ""), ("billing.zip", "1"))["billing"] == {
        "street": "",
        "zip": "1",
        "home": False,
    }
    assert "billing" not in read(Order)

    class Deep(pydantic.BaseModel):
        order: Order | None
        parts: dict[str, Line] = {}

    assert read(Deep) == {"order": None}
    assert read(Deep, ("order.address.street", ""), ("order.lines[0]", ""))["order"] == {
        "address": {"street": "", "home": False},
        "lines": [{"gift": False}],
    }
    assert read(Deep, ("order.address.street", ""), ("order", ""))["order"] is None
    assert read(Deep, ("parts.a.product", "x"))["parts"] == {"a": {"product": "x", "gift": False}}


def test_an_optional_model_of_whose_lists_nothing_was_chosen_is_left_out() -> None:
    class Place(pydantic.BaseModel):
        street: str = pydantic.Field(min_length=1)
        tags: list[Literal["a", "b"]] = []
        lines: list[Line] = []

    class Around(pydantic.BaseModel):
        place: Place

    class Person(pydantic.BaseModel):
        place: Place | None = None
        around: Around | None = None

    markers = ("place.street", ""), ("place.tags", ""), ("place.lines", "")
    assert read(Person, *markers)["place"] is None
    assert read(Person, *((f"around.{name}", text) for name, text in markers))["around"] is None
    # What was chosen, and a row that was added, are something of it.
    assert read(Person, *markers, ("place.tags", "a"))["place"] == {"street": "", "tags": ["a"], "lines": []}
    assert read(Person, *markers, ("place.lines[0]", ""))["place"]["lines"] == [{"gift": False}]
    assert read(Person, ("around.place", "x"))["around"] == {"place": "x"}


def test_a_row_of_boxes_that_are_not_ticked_is_a_row() -> None:
    assert read(Order, ("lines[0]", ""), ("lines[1]", ""))["lines"] == [{"gift": False}, {"gift": False}]


def test_what_does_not_fit() -> None:
    # Told by validation, since nothing is thrown away that the model knows.
    assert read(Order, ("address", "x"))["address"] == "x"
    assert read(Order, ("address", "x"), ("address", "y"))["address"] == ["x", "y"]
    assert read(Order, ("lines", "x"))["lines"] == ["x"]
    unknown = ["lines[x].product", "lines[0", "lines]0[.product", "address.street.more", "address..street", "_own"]
    unknown += ["address.nothing", "lines[9999999999].product", "other", ".address", "lines[].product", "[0]"]
    found = read(Order, *((name, "v") for name in unknown))
    assert found["lines"] == [] and found["address"] == {"home": False}
    assert sorted(found.keys() - {"lines", "address"}) == sorted(set(unknown) - {"_own"})

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        title: str

    assert checked(Strict, ("title", "a"), ("_csrf", "token"), ("_add", "x")).title == "a"
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        checked(Strict, ("title", "a"), ("more", "b"))


def test_names_on_the_wire() -> None:
    class Named(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(populate_by_name=True)
        reply_to: str = pydantic.Field(alias="reply.to")
        word: str = pydantic.Field(validation_alias=pydantic.AliasChoices("q", pydantic.AliasPath("query", 0)))

    assert checked(Named, ("reply.to", "a"), ("q", "b")).model_dump() == {"reply_to": "a", "word": "b"}
    assert checked(Named, ("reply_to", "a"), ("query", "b")).word == "b"


def test_other_models() -> None:
    @dataclass
    class Plain:
        name: str
        done: bool
        pieces: int = 3
        line: Line | None = None

    class Typed(TypedDict):
        name: str
        done: bool
        pieces: NotRequired[int]

    class Pair(pydantic.BaseModel, Generic[T]):
        first: T
        second: T

    class Rooted(pydantic.RootModel[list[int]]):
        pass

    class Holder(pydantic.BaseModel):
        numbers: Rooted
        cat: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]

    assert checked(Plain, ("name", "a"), ("pieces", "")) == Plain("a", False)
    assert checked(Typed, ("name", "a"), ("pieces", "2")) == {"name": "a", "done": False, "pieces": 2}
    assert checked(Pair[int], ("first", "1"), ("second", "2")).second == 2
    said = checked(Holder, ("numbers", "1"), ("numbers", "2"), ("cat.kind", "dog"), ("cat.tricks", "3"))
    assert said.numbers.root == [1, 2] and said.cat == Dog(kind="dog", tricks=3)


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    tame: bool


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    tricks: int


def test_a_time_gets_its_zone() -> None:
    class Meeting(pydantic.BaseModel):
        begins: pydantic.AwareDatetime
        noted: datetime.datetime
        never: Annotated[pydantic.AwareDatetime, pydantic.AfterValidator(lambda value: 1 / 0)] | None = None

    said = checked(Meeting, ("begins", "2026-11-27T10:00"), ("noted", "2026-11-27T10:00"))
    assert said.begins == datetime.datetime(2026, 11, 27, 10, tzinfo=datetime.UTC)
    assert said.noted == datetime.datetime(2026, 11, 27, 10)  # noqa: DTZ001  (without a zone, as it was asked for)
    assert read(Meeting, ("begins", "2026-11-27T10:00+01:00"))["begins"] == "2026-11-27T10:00+01:00"


def test_files_in_models(serve: Any) -> None:
    class Page(pydantic.BaseModel):
        text: str
        pictures: list[Upload] = []

    class Book(pydantic.BaseModel):
        cover: Upload | None = None
        print: Upload
        pages: list[Page]

    app = App(docs=False)

    @app.post("/")
    def add(book: Form[Book]) -> list[object]:
        pages = [[page.text, [each.read().decode() for each in page.pictures]] for page in book.pages]
        return [book.cover, book.print.filename, pages]

    client = serve(app)
    parts = [
        ("cover", None, None, b""),
        ("print", "p.pdf", "application/pdf", b"%PDF"),
        ("pages[0].text", None, None, b"one"),
        ("pages[0].pictures", "a.png", "image/png", b"A"),
        ("pages[0].pictures", "b.png", "image/png", b"B"),
        ("pages[4].text", None, None, b"two"),
        ("pages[4].pictures", "", None, b""),
    ]
    body, headers = multipart(parts)
    assert client.post("/", body=body, headers=headers).json() == [None, "p.pdf", [["one", ["A", "B"]], ["two", []]]]
    body, headers = multipart([("print", "", None, b"")])
    assert client.post("/", body=body, headers=headers).faults == [("form", "/print", "missing")]


def test_json_for_the_same_handler(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/{id}")
    @colour
    def order(id: int, new: Form[Order]) -> Order:
        return new

    client = serve(app)
    kind = {"content-type": "application/json; charset=utf-8"}
    sent = {"address": {"street": "a", "zip": 1234, "home": True}, "lines": [{"product": "tea", "gift": False}]}
    body = json.dumps(sent).encode()
    assert client.post("/1", body=body, headers=kind).json()["lines"][0]["pieces"] == 1
    assert client.post("/1", body=[body[:9], body[9:]], headers=kind).status == 200
    # In JSON nothing is guessed: a box that is not there is missing.
    assert client.post("/1", body=b'{"address": {"street": "a", "zip": 1234}, "lines": []}', headers=kind).faults == [
        ("body", "/address/home", "missing")
    ]
    assert client.post("/1", body=b"{", headers=kind).json()["code"] == "malformed-json"
    assert client.post("/1", body=b"", headers=kind).json()["code"] == "malformed-json"
    assert client.post("/1", body=b"[" * 1000 + b"]" * 1000, headers=kind).json()["code"] == "json-too-deep"
    for other in ("text/plain", "application/json; charset=latin-1", "application/problem+json", ""):
        assert client.post("/1", body=body, headers={"content-type": other}).status == 415


def test_json_of_a_handler_with_limits_of_its_own(serve_one: Any) -> None:
    app = App(docs=False)

    @app.post("/", limits=Limits(json_depth=1))
    def take(new: Form[Line]) -> str:
        return new.product

    body = b'{"product": "a", "gift": true, "tags": []}'
    headers = {"content-type": "application/json"}
    assert serve_one(app).post("/", body=body, headers=headers).json()["code"] == "json-too-deep"


def test_the_document_tells_of_both() -> None:
    class Photo(pydantic.BaseModel):
        title: str
        file: Upload

    app = App()

    @app.post("/orders")
    def order(new: Form[Order]) -> str:
        return ""

    @app.post("/photos")
    def photo(new: Form[Photo]) -> str:
        return ""

    paths = document(app)["paths"]
    content = paths["/orders"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"]
    how = {"style": "deepObject", "explode": True}
    assert content["multipart/form-data"]["encoding"] == {"address": how, "billing": how}
    assert "encoding" not in content["application/json"]
    content = paths["/photos"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/x-www-form-urlencoded", "multipart/form-data"]


def document(app: App) -> Any:
    from wholestack.testing import Client

    return Client(app).get("/openapi.json").json()


class Tree(pydantic.BaseModel):
    name: str = ""
    tame: bool = False
    parts: list[Tree] = []
    more: dict[str, Tree] = {}


def test_deep_and_huge_names_cost_nothing() -> None:
    deep = "parts[0]." * 20 + "name"
    assert read(Tree, (deep, "x")) == {deep: "x"}
    assert read(Tree, ("parts[999999999].name", "x")) == {"parts": [{"name": "x"}]}
    assert read(Tree, ("parts[" + "9" * 400 + "].name", "x")).keys() == {"parts[" + "9" * 400 + "].name"}
    assert read(Tree, ("more[__proto__].name", "x")) == {"more": {"__proto__": {"name": "x"}}}
    most = "parts[0]." * 7 + "name"
    found: Any = read(Tree, (most, "x"))
    for _ in range(7):
        (found,) = found["parts"]
    assert found == {"name": "x"}


@pytest.mark.parametrize("shape", ["flat", "rows", "deep", "huge", "unknown", "brackets"])
def test_B18_many_fields_of_a_form_are_read_in_linear_time(shape: str, untraced: Any) -> None:
    names = {
        "flat": lambda number: "name",
        "rows": lambda number: f"parts[{number}].name",
        "deep": lambda number: f"parts[{number}]." + "parts[0]." * 6 + "name",
        "huge": lambda number: f"parts[{999_999_999 - number * 7}].name",
        "unknown": lambda number: f"nothing[{number}]" * 20,
        "brackets": lambda number: "parts" + "[" * 400,
    }[shape]

    def steps(size: int) -> int:
        fields = [(names(number), "x") for number in range(size)]
        reader = form_values(Tree)
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            reader(FormData(fields))
        finally:
            sys.setprofile(None)
        return counted

    few, many = steps(1_000), steps(10_000)
    assert many < 11 * few


def test_the_reader_of_a_request() -> None:
    from wholestack.encoding import form_reader, form_shape

    request = Request("POST", "/")
    request.form = FormData([("product", "tea")])
    assert form_reader(Line)(request) == {"product": "tea", "gift": False}
    assert form_shape(Annotated[Line, "more"]).fields.keys() == {"product", "pieces", "gift", "tags"}


def test_types_without_a_hash_and_with_names() -> None:
    class Odd(pydantic.BaseModel):
        numbers: Annotated[list[int], pydantic.Field(json_schema_extra={"a": 1})]
        table: Mapping[str, list[int]] = {}

    assert read(Annotated[Odd, []], ("numbers", "1"), ("table.a", "1"), ("table[b][3]", "2")) == {
        "numbers": ["1"],
        "table": {"a": ["1"], "b": ["2"]},
    }
