"""Rule 3: a model, a dataclass, a TypedDict or what is marked `Body[…]` is read from the body."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic
import pytest
from typing_extensions import TypedDict

from wholestack import App, Body, Limits, Query

T = TypeVar("T")


class Line(pydantic.BaseModel):
    product: str
    count: Annotated[int, pydantic.Field(ge=1)] = 1


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=False)

    customer: str = pydantic.Field(alias="customerName")
    lines: list[Line]
    note: str | None = None


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Movie(TypedDict, total=False):
    title: str
    year: int


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


def test_a_model(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/orders")
    @colour
    def take(order: Order) -> Order:
        return order

    client = serve(app)
    sent = {"customerName": "Ann", "lines": [{"product": "tea", "count": 2}, {"product": "milk"}]}
    assert client.post("/orders", data=sent).json() == {
        "customerName": "Ann",
        "lines": [{"product": "tea", "count": 2}, {"product": "milk", "count": 1}],
        "note": None,
    }
    assert client.post(
        "/orders", data={"customerName": 1, "lines": [{"count": 0}, {"product": "x", "count": "y"}, 3]}
    ).faults == [
        ("body", "/customerName", "string_type"),
        ("body", "/lines/0/product", "missing"),
        ("body", "/lines/0/count", "greater_than_equal"),
        ("body", "/lines/1/count", "int_parsing"),
        ("body", "/lines/2", "model_type"),
    ]
    assert client.post("/orders", data={"customer": "Ann", "lines": []}).faults == [
        ("body", "/customerName", "missing")
    ]
    assert client.post("/orders").faults == [("body", "", "missing")]
    assert client.post("/orders", data=[]).faults == [("body", "", "model_type")]


def test_a_dataclass_and_a_typed_dict(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/points")
    @colour
    def point(new: Point) -> Point:
        assert isinstance(new, Point)
        return new

    @app.put("/movies")
    @colour
    def movie(new: Movie) -> Movie:
        return new

    client = serve(app)
    assert client.post("/points", data={"x": 1.5}).json() == {"x": 1.5, "y": 0.0}
    assert client.post("/points", data={"y": "north"}).faults == [
        ("body", "/x", "missing"),
        ("body", "/y", "float_parsing"),
    ]
    assert client.put("/movies", data={"title": "Alien", "other": 1}).json() == {"title": "Alien"}
    assert client.put("/movies", data={"year": "x"}).faults == [("body", "/year", "int_parsing")]


def test_a_list_and_other_plain_types(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/list")
    @colour
    def many(lines: Body[list[Line]]) -> int:
        return sum(line.count for line in lines)

    @app.post("/dict")
    @colour
    def table(prices: Body[dict[str, decimal.Decimal]]) -> decimal.Decimal:
        return sum(prices.values(), decimal.Decimal(0))

    @app.post("/number")
    @colour
    def number(n: Body[Annotated[int, pydantic.Field(lt=10)]]) -> int:
        return n

    @app.post("/page")
    @colour
    def page(page: Page[Line]) -> int:
        return len(page.items)

    client = serve(app)
    assert client.post("/list", data=[{"product": "a", "count": 2}, {"product": "b"}]).text == "3"
    assert client.post("/list", data=[{"product": "a"}, {"count": 1}]).faults == [("body", "/1/product", "missing")]
    assert client.post("/dict", data={"a": "1.10", "b": 2}).json() == "3.10"
    assert client.post("/dict", data={"a/b~c": "x"}).faults == [("body", "/a~1b~0c", "decimal_parsing")]
    assert client.post("/number", data=9).text == "9"
    assert client.post("/number", data=10).faults == [("body", "", "less_than")]
    assert client.post("/page", data={"items": [{"product": "a"}]}).text == "1"


def test_unions(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/plain")
    @colour
    def plain(new: Line | Point) -> str:
        return type(new).__name__

    @app.post("/pets")
    @colour
    def pet(new: Body[Pet]) -> str:
        return type(new).__name__

    @app.post("/many")
    @colour
    def pets(new: Body[list[Pet]]) -> int:
        return len(new)

    client = serve(app)
    assert client.post("/plain", data={"product": "tea"}).text == "Line"
    assert client.post("/plain", data={"x": 1}).text == "Point"
    assert {pointer for _, pointer, _ in client.post("/plain", data={}).faults} == {"/product", "/x"}
    assert client.post("/pets", data={"kind": "dog", "tricks": []}).text == "Dog"
    assert client.post("/pets", data={"kind": "cat", "lives": "x"}).faults == [("body", "/lives", "int_parsing")]
    assert client.post("/pets", data={"lives": 9}).faults == [("body", "", "union_tag_not_found")]
    assert client.post("/many", data=[{"kind": "cat", "lives": 9}, {"kind": "dog", "tricks": [1]}]).faults == [
        ("body", "/1/tricks/0", "string_type")
    ]
    unknown = client.post("/pets", data={"kind": "s3cret-word", "lives": 9})
    assert unknown.faults == [("body", "", "union_tag_invalid")]
    assert "s3cret" not in unknown.text
    assert "'cat', 'dog'" in unknown.json()["errors"][0]["detail"]


def test_an_optional_body(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/or-none")
    @colour
    def or_none(line: Line | None = None) -> str:
        return line.product if line else "nothing"

    @app.post("/or-raw")
    @colour
    def or_raw(raw: Body[bytes] = b"none") -> bytes:
        return raw

    client = serve(app)
    assert client.post("/or-none").text == "nothing"
    assert client.post("/or-none", data={"product": "tea"}).text == "tea"
    assert (
        client.post("/or-none", data=None, body=b"null", headers={"content-type": "application/json"}).text == "nothing"
    )
    assert client.post("/or-raw").text == "none"
    assert client.post("/or-raw", body=b"x").text == "x"


def test_bytes_and_text(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/raw")
    @colour
    def raw(content: Body[bytes]) -> bytes:
        return content[::-1]

    @app.post("/text")
    @colour
    def text(content: Body[str]) -> str:
        return content.upper()

    client = serve(app)
    assert client.post("/raw", body=b"\x00\xff").body == b"\xff\x00"
    assert client.post("/raw", body=[b"ab", b"", b"cd"], chunked=True).body == b"dcba"
    assert client.post("/text", body="café".encode()).text == "CAFÉ"
    assert client.post("/text", body=b"\xff").faults == [("body", "", "string_unicode")]


def test_a_stream_in_a_def_handler(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/", limits=Limits(body=8))
    def count(chunks: Body[Iterator[bytes]]) -> list[int]:
        return [len(chunk) for chunk in chunks]

    client = serve(app)
    assert sum(client.post("/", body=[b"ab", b"cde"]).json()) == 5
    assert client.post("/").json() == []
    assert client.post("/", body=[b"12345", b"6789"], chunked=True).status == 413
    assert client.post("/", body=b"123456789").status == 413


def test_a_stream_in_an_async_def_handler(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/", limits=Limits(body=8))
    async def count(chunks: Body[AsyncIterator[bytes]]) -> list[int]:
        return [len(chunk) async for chunk in chunks]

    client = serve(app)
    assert sum(client.post("/", body=[b"ab", b"cde"]).json()) == 5
    assert client.post("/").json() == []
    assert client.post("/", body=[b"12345", b"6789"], chunked=True).status == 413
    assert client.post("/", body=b"123456789").status == 413


def test_a_type_that_is_local_to_a_function(serve: Any, colour: Any) -> None:
    class Local(pydantic.BaseModel):
        when: datetime.date

    app = App(docs=False)

    @app.post("/")
    @colour
    def show(new: Local) -> Local:
        return new

    client = serve(app)
    assert client.post("/", data={"when": "2026-02-28"}).json() == {"when": "2026-02-28"}
    assert client.post("/", data={"when": "x"}).faults == [("body", "/when", "date_from_datetime_parsing")]


def test_the_last_of_two_members_with_one_name_counts(serve_one: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(line: Line) -> str:
        return line.product

    answer = serve_one(app).post(
        "/", body=b'{"product": "a", "product": "b"}', headers={"content-type": "application/json"}
    )
    assert answer.text == "b"


@pytest.mark.parametrize(
    ("kind", "charset"),
    [
        ("application/json", "utf-8"),
        ("application/json", "UTF-8"),
        ("application/json; charset=utf-8", None),
        ('application/json; charset="utf-8"', None),
        ("application/vnd.shop+json", None),
        ("APPLICATION/JSON", None),
    ],
)
def test_json_by_any_of_its_names(serve: Any, kind: str, charset: str | None) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(line: Line) -> str:
        return line.product

    content_type = f"{kind}; charset={charset}" if charset else kind
    assert serve(app).post("/", body=b'{"product": "tea"}', headers={"content-type": content_type}).text == "tea"


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"),
        *(
            "application/json; charset=utf-16",
            "application/jsonx",
            "application/json, text/plain",
            "json",
            "image/svg+json",
        ),
    ],
)
def test_b14_json_under_another_name_is_never_parsed(serve: Any, content_type: str) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(line: Line) -> str:
        raise AssertionError("called")

    client = serve(app)
    refused = client.post(
        "/", body=b'{"product": "tea"}', headers={"content-type": content_type} if content_type else {}
    )
    assert (refused.status, refused.json()["code"]) == (415, "unsupported-media-type")
    assert refused.headers["accept"] == "application/json"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "identity, gzip"])
def test_b20_a_coded_body_is_refused(serve: Any, coding: str) -> None:
    app = App(docs=False)

    @app.post("/json")
    def json(line: Line) -> str:
        raise AssertionError("called")

    @app.post("/text")
    def text(words: Body[str]) -> str:
        raise AssertionError("called")

    @app.post("/raw")
    def raw(content: Body[bytes]) -> bytes:
        return content

    client = serve(app)
    headers = {"content-type": "application/json", "content-encoding": coding}
    for path in ("/json", "/text"):
        refused = client.post(path, body=b"\x1f\x8b", headers=headers)
        assert (refused.status, refused.json()["code"]) == (415, "unsupported-content-encoding")
        assert refused.headers["accept-encoding"] == "identity"
    assert client.post("/raw", body=b"\x1f\x8b", headers=headers).body == b"\x1f\x8b"  # bytes are taken as they are
    plain = {"content-type": "application/json", "content-encoding": "Identity"}
    assert client.post("/text", body=b"x", headers=plain).status == 500  # it was called


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{]", b"{'a': 1}", b'{"a": 1,}', b"nul", b'{"a" 1}', b"1 2", b'"\x00"', b'"\x01"'),
        *(b"\xff", b'"\xc3"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b"\xef\xbb\xbf1"),
        *(
            '"a"'.encode("utf-16"),
            '"a"'.encode("utf-16-le"),
            '"a"'.encode("utf-32"),
            b"01",
            b"1.",
            b".5",
            b"+1",
            b"0x1",
        ),
        *(b"1e", b"--1", b"\x0b1", b"/**/1"),
    ],
)
@pytest.mark.parametrize("kind", [Any, str | float, Line])
def test_b12_what_is_not_json_is_refused(serve_one: Any, body: bytes, kind: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(value: Body[kind]) -> str:
        raise AssertionError("called")

    refused = serve_one(app).post("/", body=body, headers={"content-type": "application/json"})
    assert refused.status == (422 if not body else 400), refused.text
    assert refused.json()["code"] in {"malformed-json", "validation-failed"}


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000 + b".0", b"1e+400"]
)
@pytest.mark.parametrize("shape", [b"%s", b'{"a": [%s]}', b'[{"b": 1}, [[%s]]]'])
def test_b12_a_number_that_json_has_no_words_for_never_comes_in(serve_one: Any, number: bytes, shape: bytes) -> None:
    class Loose(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")

    class LooseDict(TypedDict):
        __pydantic_config__ = pydantic.ConfigDict(extra="allow")  # type: ignore[misc]

    app = App(docs=False)
    kinds: list[Any] = [
        Any,
        object,
        float | dict | list,
        dict,
        list,
        pydantic.JsonValue,
        dict[str, Any] | list[Any] | float,
    ]
    kinds += [Loose | list | float, LooseDict | list | float, list[object] | float | dict[str, object]]
    for index, kind in enumerate(kinds):

        @app.post(f"/{index}")
        def show(value: Body[kind]) -> str:
            raise AssertionError("called")

    client = serve_one(app)
    body = shape.replace(b"%s", number)
    for index, kind in enumerate(kinds):
        refused = client.post(f"/{index}", body=body, headers={"content-type": "application/json"})
        assert refused.status in {400, 422}, (kind, refused.status)


def test_a_number_out_of_words_in_a_typed_field(serve_one: Any) -> None:
    app = App(docs=False)

    class Place(pydantic.BaseModel):
        x: float

    class Map(pydantic.BaseModel):
        places: list[Place]

    @app.post("/")
    def show(point: Point) -> str:
        raise AssertionError("called")

    @app.post("/model")
    def place(place: Place) -> str:
        raise AssertionError("called")

    @app.post("/models")
    def map_of(places: Map) -> str:
        raise AssertionError("called")

    @app.post("/query")
    def asked(place: Query[Place]) -> str:
        raise AssertionError("called")

    client = serve_one(app)
    for number in (b"NaN", b"1e999", b'"nan"', b'"inf"', b'"1e400"'):
        for path, shape in (("/", b'{"x": %s}'), ("/model", b'{"x": %s}'), ("/models", b'{"places": [{"x": %s}]}')):
            refused = client.post(path, body=shape % number, headers={"content-type": "application/json"})
            assert refused.status in {400, 422}
            assert number not in refused.body
        assert client.post(f"/query?x={number.decode().strip(chr(34))}").status == 422


def test_b11_depth_and_digits_are_limited(serve: Any) -> None:
    app = App(docs=False, limits=Limits(json_depth=5, json_digits=9))

    @app.post("/any")
    def show(value: Body[Any]) -> object:
        return value

    @app.post("/deeper", limits=Limits(json_depth=500))
    def deeper(value: Body[Any]) -> int:
        return 1

    client = serve(app)
    json = {"content-type": "application/json"}
    assert client.post("/any", body=b"[" * 5 + b"]" * 5, headers=json).status == 200
    assert client.post("/any", body=b"[" * 6 + b"]" * 6, headers=json).json()["code"] == "json-too-deep"
    assert client.post("/any", body=b'{"a":' * 6 + b"1" + b"}" * 6, headers=json).json()["code"] == "json-too-deep"
    assert client.post("/any", body=b'["[[[[[[", "{{{{{{", "\\"[[[[[["]', headers=json).status == 200  # only text
    assert client.post("/any", body=b"[" * 6, headers=json).json()["code"] == "malformed-json"
    assert client.post("/any", body=b"1" * 9, headers=json).text == "1" * 9
    assert client.post("/any", body=b"1" * 10, headers=json).json()["code"] == "json-number-too-long"
    assert client.post("/deeper", body=b"[" * 150 + b"]" * 150, headers=json).status == 200


def test_b11_the_default_limits(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/any")
    def show(value: Body[Any]) -> int:
        return 1

    @app.post("/int")
    def number(value: Body[int]) -> int:
        return value

    client = serve(app)
    json = {"content-type": "application/json"}
    assert client.post("/any", body=b"[" * 100 + b"]" * 100, headers=json).status == 200
    assert client.post("/any", body=b"[" * 101 + b"]" * 101, headers=json).status == 400
    assert client.post("/any", body=b"[" * 100_000, headers=json).status == 400
    assert client.post("/any", body=b"[" * 100_000 + b"]" * 100_000, headers=json).status == 400
    assert client.post("/int", body=b"9" * 100_000, headers=json).status in {400, 422}
    assert client.post("/any", body=b"9" * 100_000, headers=json).status == 400
    assert client.post("/int", body=b"9" * 4000, headers=json).text == "9" * 4000
    assert client.post("/any", body=b'{"a": 1}' * 2, headers=json).status == 400
    assert client.post("/any", body=b"[" + b'"x",' * 3_000_000 + b"1]", headers=json).json()["code"] == "body-too-large"


def test_the_size_of_a_body_is_limited_by_what_comes_not_by_what_is_said(serve: Any, colour: Any) -> None:
    app = App(docs=False, limits=Limits(body="100 B"))

    @app.post("/")
    @colour
    def size(content: Body[bytes]) -> int:
        return len(content)

    @app.post("/wide", limits=Limits(body=200))
    @colour
    def wide(content: Body[bytes]) -> int:
        return len(content)

    client = serve(app)
    assert client.post("/", body=b"x" * 100).text == "100"
    refused = client.post("/", body=b"x" * 101)
    assert (refused.status, refused.json()["code"]) == (413, "body-too-large")
    assert client.post("/", body=[b"x" * 60, b"x" * 60], chunked=True).status == 413
    assert client.post("/wide", body=b"x" * 200).text == "200"
    assert client.post("/wide", body=b"x" * 201).status == 413


def test_a_media_type_of_the_apps_own(serve: Any, colour: Any) -> None:
    import msgspec

    class MessagePack:
        type = "application/msgpack"

        def encode(self, value: object) -> bytes:
            return msgspec.msgpack.encode(value)

        def decode(self, body: bytes) -> object:
            return msgspec.msgpack.decode(body)

    app = App(docs=False, media=(MessagePack(),))

    @app.post("/", media="application/msgpack")
    @colour
    def show(line: Line) -> Line:
        return line

    client = serve(app)
    kind = {"content-type": "application/msgpack"}
    answer = client.post("/", body=msgspec.msgpack.encode({"product": "tea"}), headers=kind)
    assert answer.headers["content-type"] == "application/msgpack"
    assert msgspec.msgpack.decode(answer.body) == {"product": "tea", "count": 1}
    assert client.post("/", data={"product": "tea"}).status == 200
    assert client.post("/", body=b"\xc1", headers=kind).json()["code"] == "malformed-body"
    assert client.post("/", body=msgspec.msgpack.encode({"count": 0}), headers=kind).faults == [
        ("body", "/product", "missing"),
        ("body", "/count", "greater_than_equal"),
    ]
    assert client.post("/", body=b"x", headers={"content-type": "text/plain"}).headers["accept"] == (
        "application/json, application/msgpack"
    )


def test_a_body_over_the_limit_in_one_chunk_that_says_no_length(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/", limits=Limits(body=8))
    @colour
    def count(content: Body[bytes]) -> int:
        return len(content)

    client = serve(app)
    assert [client.post("/", body=[b"x" * size], chunked=True).status for size in (8, 9)] == [200, 413]
