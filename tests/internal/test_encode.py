"""The answer's encoder: what is written, what never is, and that msgspec and Pydantic write the same JSON."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import gc
import json
import os
import subprocess
import sys
import textwrap
import types
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from typing_extensions import TypedDict

from house.source import SRC
from wholestack.encoding import _encoder, _twin
from wholestack.encoding import encoder as known_encoder
from wholestack.errors import AnswerMismatch

UTC = datetime.UTC
KATHMANDU = datetime.timezone(datetime.timedelta(hours=5, minutes=45))
Item = TypeVar("Item")
Thing = types.SimpleNamespace

IMPORT_MSGSPEC = _encoder._import_msgspec


def encoder(answer: Any, *, checked: bool = False) -> Callable[[Any], bytes]:
    """An encoder made anew, since what is known of a type was made with msgspec or without."""
    return _encoder.made(answer, checked)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: float


class Author(pydantic.BaseModel):
    id: int
    name: str


class Writer(Author):
    password: str = "sesame"


@dataclasses.dataclass
class Book:
    id: int
    title: str


@dataclasses.dataclass
class SecretBook(Book):
    secret: str = "sesame"


class Row(TypedDict):
    id: int
    title: str


class Page(pydantic.BaseModel, Generic[Item]):
    items: list[Item]
    total: int


@dataclasses.dataclass
class Shelf:
    """Records in records, by every step."""

    id: int
    book: Book
    books: list[Book]
    row: Row
    author: Author
    maybe: Book | None = None
    rows: list[Row] | None = None


def shelf(number: int = 1, **changes: Any) -> Shelf:
    book = Book(number, "a")
    filled = Shelf(
        number, book, [book, book], {"id": 1, "title": "r"}, Author(id=1, name="n"), book, [{"id": 2, "title": "s"}]
    )
    return dataclasses.replace(filled, **changes)


@pytest.fixture(params=["msgspec", "pydantic"], autouse=True)
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test is run with msgspec and without it."""
    if request.param == "pydantic":
        monkeypatch.setattr(_encoder, "_import_msgspec", lambda: None)
    return request.param


def text(answer: Any, value: Any, **options: Any) -> str:
    return encoder(answer, **options)(value).decode()


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) is isinstance(other, bool) and one == other


# --- the policy


POLICY: list[tuple[Any, Any, str]] = [
    (str, 'é"\\\x00\u2028', '"é\\"\\\\\\u0000\u2028"'),
    (str, "\ud800x", '"\ufffdx"'),
    (str, "\ud83d\ude00", '"\U0001f600"'),
    (int, 2**53 + 1, "9007199254740993"),
    (int, -(2**70), "-1180591620717411303424"),
    (int, 10**300, "1" + "0" * 300),
    (bool, True, "true"),
    (None, None, "null"),
    (float, 0.1, "0.1"),
    (float, 1e16, "1e16"),
    (float, 5, "5.0"),
    (float, float("nan"), "null"),
    (float, float("inf"), "null"),
    (float, float("-inf"), "null"),
    (decimal.Decimal, decimal.Decimal("1.10"), '"1.10"'),
    (decimal.Decimal, decimal.Decimal("12345678901234567890.123456789"), '"12345678901234567890.123456789"'),
    (datetime.datetime, datetime.datetime(2026, 5, 6, 7, 8, 9, 120000, UTC), '"2026-05-06T07:08:09.120000Z"'),
    (datetime.datetime, datetime.datetime(2026, 5, 6, tzinfo=KATHMANDU), '"2026-05-06T00:00:00+05:45"'),
    (datetime.datetime, datetime.datetime.fromisoformat("2026-05-06"), '"2026-05-06T00:00:00"'),
    (datetime.date, datetime.date(926, 5, 6), '"0926-05-06"'),
    (datetime.time, datetime.time(7, 8, 9, tzinfo=UTC), '"07:08:09Z"'),
    (datetime.timedelta, datetime.timedelta(days=1, seconds=90), '"P1DT1M30S"'),
    (uuid.UUID, uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (Colour, Colour.RED, '"red"'),
    (Level, Level.LOW, "1"),
    (bytes, "é".encode(), '"é"'),
    (list[int], [1, 2], "[1,2]"),
    (Sequence[int], (1, 2), "[1,2]"),
    (Collection[int], {1}, "[1]"),
    (Iterable[int], [1, 2], "[1,2]"),
    (Sequence, [1], "[1]"),
    (tuple[int, str], (1, "a"), '[1,"a"]'),
    (tuple[int, ...], (1, 2), "[1,2]"),
    (set[int], {7}, "[7]"),
    (frozenset[str], frozenset("a"), '["a"]'),
    (collections.deque[int], collections.deque([1]), "[1]"),
    (Point, Point(1, 2.5), "[1,2.5]"),
    (dict[str, int], {"a": 1}, '{"a":1}'),
    (dict[int, str], {1: "a"}, '{"1":"a"}'),
    (dict[uuid.UUID, int], {uuid.UUID(int=1): 1}, '{"00000000-0000-0000-0000-000000000001":1}'),
    (dict[datetime.date, bool], {datetime.date(2026, 5, 6): True}, '{"2026-05-06":true}'),
    (Literal["a", 1], 1, "1"),
    (Literal[Colour.RED], Colour.RED, '"red"'),
    (int | str, "a", '"a"'),
    (int | None, None, "null"),
    (Author, Author(id=1, name="a"), '{"id":1,"name":"a"}'),
    (Book, Book(1, "a"), '{"id":1,"title":"a"}'),
    (Row, {"id": 1, "title": "a"}, '{"id":1,"title":"a"}'),
    (Page[Book], Page[Book](items=[Book(1, "a")], total=1), '{"items":[{"id":1,"title":"a"}],"total":1}'),
    (Author | Book, Book(1, "a"), '{"id":1,"title":"a"}'),
    (Author | str, "a", '"a"'),
    (
        Any,
        {"a": [1, None, decimal.Decimal(1), {2: b"b"}, datetime.timedelta(1), Colour.RED]},
        '{"a":[1,null,"1",{"2":"b"},"P1D","red"]}',
    ),
    (Parameter.empty, [1.5, (1,), {2}, "a", float("nan")], '[1.5,[1],[2],"a",null]'),
    (object, [Level.LOW], "[1]"),
    (dict[str, Any], {"a": 1}, '{"a":1}'),
    (dict, {1: 1}, '{"1":1}'),
    (list[Any], [{}, []], "[{},[]]"),
    (list[dict[str, object]], [{"a": datetime.date(2026, 5, 6)}], '[{"a":"2026-05-06"}]'),
    (dict[str, dict[str, Any]], {"a": {"b": 1}}, '{"a":{"b":1}}'),
]


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize(("answer", "value", "expected"), POLICY)
def test_policy(answer: Any, value: Any, expected: str, checked: bool) -> None:
    found = text(answer, value, checked=checked)
    assert found.replace("1e+16", "1e16") == expected


@pytest.mark.parametrize(("answer", "value", "expected"), [each for each in POLICY if each[0] != Collection[int]])
def test_policy_within_objects(answer: Any, value: Any, expected: str) -> None:
    answer = Any if answer is Parameter.empty else answer
    data = dataclasses.make_dataclass("Data", [("field", answer)])
    model = pydantic.create_model("Model", field=(answer, ...))
    table = TypedDict("Table", {"field": answer})  # type: ignore[misc]  # noqa: UP013
    for kind, made in [(data, data(value)), (model, model.model_construct(field=value)), (table, {"field": value})]:
        for count in (1, 40):
            found = json.loads(encoder(list[kind])([made] * count))  # type: ignore[valid-type]
            assert all(same(each, {"field": json.loads(expected)}) for each in found)
            assert len(found) == count


class Dressed(pydantic.BaseModel):
    """Everything that has a say in how a model is written."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.title().replace("_", ""), ser_json_timedelta="float"
    )
    full_name: str
    took: datetime.timedelta = datetime.timedelta(seconds=1.5)
    hidden: str = pydantic.Field("sesame", exclude=True)
    zero: int = pydantic.Field(0, exclude_if=lambda value: value == 0)
    size: int = 3
    _private: str = "sesame"

    @pydantic.computed_field
    def length(self) -> int:
        return len(self.full_name)

    @pydantic.field_serializer("size")
    def write_size(self, value: int) -> str:
        return f"{value} cm"


def test_aliases_computed_fields_and_serialisers_are_pydantics() -> None:
    expected = '{"FullName":"a","Took":1.5,"Size":"3 cm","Length":1}'
    assert text(Dressed, Dressed(FullName="a")) == expected
    assert text(list[Dressed], [Dressed(FullName="a")] * 40) == f"[{','.join([expected] * 40)}]"


class Excluding(pydantic.BaseModel):
    id: int
    hidden: str = pydantic.Field("sesame", exclude=True)


class ExcludingSome(pydantic.BaseModel):
    id: int
    zero: int = pydantic.Field(0, exclude_if=lambda value: value == 0)


class Computing(pydantic.BaseModel):
    id: int

    @pydantic.computed_field
    def double(self) -> int:
        return self.id * 2


class Seconds(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_temporal="seconds")
    id: int
    when: datetime.datetime = datetime.datetime(2026, 5, 6, tzinfo=UTC)


class Serialising(pydantic.BaseModel):
    id: int

    @pydantic.model_serializer
    def write(self) -> dict[str, str]:
        return {"number": f"{self.id}"}


class Wrapped(pydantic.BaseModel):
    id: Annotated[int, pydantic.WrapSerializer(lambda value, handler: handler(value) + 1)]


class Anything(pydantic.BaseModel):
    id: pydantic.SerializeAsAny[int]


class Opening(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    id: int


@pytest.mark.parametrize(
    "kind",
    [Excluding, ExcludingSome, Computing, Seconds, Serialising, Wrapped, Anything, Opening],
    ids=lambda kind: kind.__name__,
)
def test_each_say_in_how_a_model_is_written(kind: Any) -> None:
    one = kind(id=1) if kind is not Opening else kind(id=1, more=2)
    expected = kind.__pydantic_serializer__.to_json(one, by_alias=True).decode()
    for checked in (False, True):
        assert text(kind, one, checked=checked) == expected
        assert text(list[kind], [one] * 40, checked=checked) == f"[{','.join([expected] * 40)}]"
        assert (
            text(Page[kind], Page[kind](items=[one], total=1), checked=checked) == f'{{"items":[{expected}],"total":1}}'
        )


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = "rex"


def test_discriminated_unions() -> None:
    pets = list[Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]]
    assert text(pets, [Dog(), Cat()]) == '[{"kind":"dog","name":"rex"},{"kind":"cat","lives":9}]'
    assert text(pets, [{"kind": "dog", "password": "sesame"}]) == '[{"kind":"dog","name":"rex"}]'


class Tree(pydantic.BaseModel):
    name: str
    children: list[Tree] = []


def test_types_within_themselves() -> None:
    tree = Tree(name="a", children=[Tree(name="b")])
    expected = '{"name":"a","children":[{"name":"b","children":[]}]}'
    assert text(Tree, tree) == expected
    assert text(Tree, Thing(name="a", children=[Thing(name="b", children=[], secret=1)])) == expected


def test_models_whose_schema_is_built_late() -> None:
    class Late(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(defer_build=True)
        id: int

    assert text(Late, Late(id=1)) == '{"id":1}'
    assert text(list[Late], [Late(id=1)]) == '[{"id":1}]'


def test_a_type_without_a_schema_is_refused_when_made() -> None:
    with pytest.raises(pydantic.PydanticUserError):
        encoder(threading_lock := type("Lock", (), {}))
    assert threading_lock.__name__ == "Lock"


# --- nothing undeclared reaches the wire


def widened(kind: type, name: str) -> Any:
    """An instance of a subclass with more fields, of each kind of class."""
    if issubclass(kind, pydantic.BaseModel):
        return pydantic.create_model(name, __base__=kind, extra=(str, "sesame"))
    return dataclasses.make_dataclass(name, [("extra", str, "sesame")], bases=(kind,))


@pytest.mark.parametrize("kind", [Author, Book])
@pytest.mark.parametrize("count", [1, 40])
def test_a_subclass_shows_the_declared_fields_only(kind: Any, count: int) -> None:
    fields = {"id": 1, "name": "a"} if kind is Author else {"id": 1, "title": "a"}
    one = widened(kind, "Wider")(**fields)
    assert json.loads(text(kind, one)) == fields
    assert json.loads(text(list[kind], [one] * count)) == [fields] * count
    assert json.loads(text(list[kind], [kind(**fields)] * (count - 1) + [one])) == [fields] * count
    assert json.loads(text(Page[kind], Page[kind].model_construct(items=[one], total=1))) == {
        "items": [fields],
        "total": 1,
    }


def test_polymorphic_models_show_the_declared_fields_only() -> None:
    class Base(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(polymorphic_serialization=True)
        id: int
        took: datetime.timedelta | None = None

    class Derived(Base):
        password: str = "sesame"

    assert "sesame" not in text(Base, Derived(id=1)) + text(list[Base], [Derived(id=1)]) + text(
        Base | None, Derived(id=1)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"book": SecretBook(1, "a")},
        {"books": [Book(1, "a"), SecretBook(1, "a")]},
        {"author": Writer(id=1, name="n")},
        {"author": Author(id=1, name="n").model_copy(update={"password": "sesame"})},
        {"row": {"id": 1, "title": "r", "secret": "sesame"}},
        {"rows": [{"id": 1, "title": "r", "secret": "sesame"}]},
        {"maybe": SecretBook(1, "a")},
        {"book": Thing(id=1, title="a", secret="sesame")},
        {"book": {"id": 1, "title": "a", "secret": "sesame"}},
        {"row": Thing(id=1, title="r", secret="sesame")},
        {"author": Thing(id=1, name="n", secret="sesame")},
        {"books": (SecretBook(1, "a"),)},
    ],
)
@pytest.mark.parametrize("position", [0, 20, 39])
def test_nested_objects_show_the_declared_fields_only(change: dict[str, Any], position: int) -> None:
    shelves = [shelf() for _ in range(40)]
    shelves[position] = shelf(**change)
    found = text(list[Shelf], shelves)
    assert "sesame" not in found
    assert list(json.loads(found)[position]) == [each.name for each in dataclasses.fields(Shelf)]
    assert "sesame" not in text(Shelf, shelves[position])


WIDE_ROW = {"id": 1, "title": "a", "secret": "sesame"}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (Sequence[Book], (SecretBook(1, "a"),)),
        (Sequence[Row], [WIDE_ROW]),
        (Mapping[str, Book], {"a": SecretBook(1, "a")}),
        (collections.defaultdict[str, list[Row]], collections.defaultdict(list, {"a": [WIDE_ROW]})),
        (collections.OrderedDict[str, Author], collections.OrderedDict(a=Writer(id=1, name="a"))),
        (collections.deque[Row], collections.deque([WIDE_ROW])),
        (tuple[Book, Row], (SecretBook(1, "a"), WIDE_ROW)),
        (tuple[Book, ...], (SecretBook(1, "a"),)),
        (dict[str, list[Book | None]], {"a": [SecretBook(1, "a"), None]}),
        (Author | Book, SecretBook(1, "a")),
        (Author | Book, Writer(id=1, name="a")),
        (Book | Row, WIDE_ROW),
        (list[Book | Row], [SecretBook(1, "a"), WIDE_ROW]),
        (Row | str, WIDE_ROW),
        (Book | int, SecretBook(1, "a")),
    ],
)
@pytest.mark.parametrize("checked", [False, True])
def test_every_container_shows_the_declared_fields_only(answer: Any, value: Any, checked: bool) -> None:
    model = pydantic.create_model("Holder", held=(answer, ...))
    data = dataclasses.make_dataclass("Holder", [("held", answer), ("took", datetime.timedelta | None, None)])
    for kind, holder in ((model, model.model_construct(held=value)), (data, data(value))):
        found = text(kind, holder, checked=checked) + text(list[kind], [holder] * 40, checked=checked)  # type: ignore[valid-type]
        assert '"id":1' in found
        assert "sesame" not in found
    found = text(answer, value, checked=checked)
    assert '"id":1' in found
    assert "sesame" not in found


def test_fields_put_into_a_model_behind_its_back_are_not_shown() -> None:
    class Cached(Author):
        @functools.cached_property
        def secret(self) -> str:
            return "sesame"

    cached = Cached(id=1, name="a")
    assert cached.secret
    added = Author(id=1, name="a").model_copy(update={"secret": "sesame"})
    fewer = Author.model_construct(id=1).model_copy(update={"secret": "sesame"})
    for value, kind in ((cached, Cached), (added, Author)):
        assert json.loads(text(list[kind], [value] * 40)) == [{"id": 1, "name": "a"}] * 40  # type: ignore[valid-type]
        assert json.loads(text(kind, value)) == {"id": 1, "name": "a"}
    with pytest.raises(AnswerMismatch, match="/0/name"):
        text(list[Author], [fewer] * 40)


def test_a_typed_dict_shows_the_declared_keys_only() -> None:
    rows = [{"id": 1, "title": "a"} for _ in range(40)]
    rows[20] = {"id": 1, "title": "a", "secret": "sesame"}
    assert json.loads(text(list[Row], rows)) == [{"id": 1, "title": "a"}] * 40
    rows[20] = {"id": 1, "secret": "sesame"}
    with pytest.raises(AnswerMismatch, match="/20/title"):
        text(list[Row], rows)

    class Loose(TypedDict):
        id: int
        note: NotRequired[str]

    assert (
        text(list[Loose], [{"id": 1, "secret": "sesame"}, {"id": 2, "note": "b"}]) == '[{"id":1},{"id":2,"note":"b"}]'
    )


def test_extras_are_shown_where_the_type_allows_them_and_rows_bring_none() -> None:
    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        id: int

    assert text(Open, Open(id=1, more=2)) == '{"id":1,"more":2}'  # type: ignore[call-arg]
    assert text(Open, Thing(id=1, secret="sesame")) == '{"id":1}'
    assert text(list[Open], [{"id": 1, "secret": "sesame"}]) == '[{"id":1}]'


def test_extra_forbid_does_not_refuse_what_is_left_out() -> None:
    class Closed(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        id: int
        took: datetime.timedelta | None = None

    for checked in (False, True):
        assert text(Closed, {"id": 1, "secret": 2}, checked=checked) == '{"id":1,"took":null}'
        assert text(Closed, Closed(id=1).model_copy(update={"x": 2}), checked=checked) == '{"id":1,"took":null}'


def test_a_closed_typed_dict_leaves_out_what_it_does_not_name() -> None:
    class Closed(TypedDict):
        __pydantic_config__ = pydantic.ConfigDict(extra="forbid")  # type: ignore[misc]
        id: int

    for checked in (False, True):
        assert text(Closed, {"id": 1, "secret": "sesame"}, checked=checked) == '{"id":1}'
    assert text(Closed, {"id": "1", "secret": "sesame"}) == '{"id":1}'


class Noted(pydantic.BaseModel):
    id: int
    notes: dict[str, Any] = {}
    anything: object = None


@dataclasses.dataclass
class DataWithWord(dict):  # type: ignore[type-arg]
    secret: str = "sesame"


SECRETS = [
    Writer(id=1, name="a"),
    SecretBook(1, "a"),
    object(),
    Thing(secret="sesame"),
    msgspec.defstruct("S", [("a", str)])("sesame"),
    DataWithWord(),
    Writer,
    range(3),
    types.MappingProxyType({}),
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda value: type(value).__name__)
def test_any_shows_plain_values_only(secret: Any) -> None:
    member = enum.Enum("Member", {"ONE": secret}).ONE
    for answer, value in [
        (Any, secret),
        (object, [secret]),
        (Any, {"a": ({"b": secret},)}),
        (dict[str, Any], {"a": secret}),
        (Any, member),
        (list[Any], [secret]),
        (list[dict[str, Any]], [{"a": secret}]),
        (dict[str, list[Any]], {"a": [secret]}),
        (Noted, Noted.model_construct(id=1, notes={"a": [secret]}, anything=1)),
        (Noted, Noted.model_construct(id=1, notes={}, anything=secret)),
        (Noted | Book, Noted.model_construct(id=1, notes={"a": secret}, anything=1)),
        (dict, {"a": secret}),
        (int | list[Any], [secret]),
        (Noted, Thing(id=1, notes={"a": secret}, anything=None)),
        (Annotated[Any, pydantic.PlainValidator(lambda value: value)], secret),
    ]:
        for checked in (False, True):
            with pytest.raises(AnswerMismatch) as caught:
                text(answer, value, checked=checked)
            assert "sesame" not in str(caught.value)


def test_keys_that_are_not_plain_are_refused() -> None:
    with pytest.raises(AnswerMismatch):
        text(Any, {dataclasses.make_dataclass("Key", [], frozen=True)(): 1})


def test_arbitrary_types_are_not_written() -> None:
    class Holder(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        thing: collections.UserString

    with pytest.raises(AnswerMismatch):
        text(Holder, Holder(thing=collections.UserString("sesame")))


def test_an_object_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    loop = Tree(name="a")
    loop.children.append(loop)
    for answer, value in ((Any, ring), (list[Any], ring), (Tree, loop), (list[Tree], [loop])):
        with pytest.raises(AnswerMismatch):
            text(answer, value)


def test_deep_plain_values() -> None:
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    assert text(Any, deep) == "[" * 151 + "]" * 151
    deep = [deep, b"a", datetime.date(2026, 5, 6)]
    assert text(Any, deep).endswith('"a","2026-05-06"]')


# --- rows


class Lazy:
    """As an ORM's instance: what is shown is no entry of `__dict__`."""

    secret = "sesame"

    def __init__(self, fail: bool = False) -> None:
        self.fail = fail

    @property
    def id(self) -> int:
        return 1

    @property
    def name(self) -> str:
        if self.fail:
            raise ConnectionError("this session is closed")
        return "a"

    title = name


@pytest.mark.parametrize("kind", [Author, Book, Row])
@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("checked", [False, True])
def test_rows_are_read_by_attribute_or_by_key(kind: Any, count: int, checked: bool) -> None:
    fields = {"id": 1, "name": "a"} if kind is Author else {"id": 1, "title": "a"}
    for row in (
        Lazy(),
        Thing(id=1, name="a", title="a", secret="sesame"),
        {"id": 1, "name": "a", "title": "a", "secret": "sesame"},
        types.MappingProxyType({"id": 1, "name": "a", "title": "a", "secret": "sesame"}),
        collections.UserDict(id=1, name="a", title="a"),
    ):
        assert json.loads(text(kind, row, checked=checked)) == fields
        assert json.loads(text(list[kind], [row] * count, checked=checked)) == [fields] * count
        assert json.loads(text(list[kind], (row,) * count, checked=checked)) == [fields] * count
        assert json.loads(text(list[kind], collections.deque([row] * count), checked=checked)) == [fields] * count
        assert json.loads(text(Page[kind], Thing(items=[row], total=1), checked=checked)) == {
            "items": [fields],
            "total": 1,
        }


def test_rows_of_sqlite() -> None:
    import sqlite3

    base = sqlite3.connect(":memory:")
    base.row_factory = sqlite3.Row
    rows = base.execute("select 1 as id, 'a' as title, 'a' as name, 'sesame' as secret").fetchall()
    base.close()
    for kind in (Author, Book, Row):
        assert "sesame" not in text(list[kind], rows)  # type: ignore[valid-type]


def test_what_a_row_raises_is_raised() -> None:
    for answer, value in (
        (Author, Lazy(fail=True)),
        (list[Book], [Lazy(), Lazy(fail=True)]),
        (Page[Author], Thing(items=[Lazy(fail=True)], total=1)),
    ):
        with pytest.raises(ConnectionError, match="this session is closed"):
            text(answer, value)


def test_an_attribute_that_fails_once_is_a_mismatch(by: str) -> None:
    class Flaky:
        id = 1
        times = 0

        @property
        def name(self) -> str:
            Flaky.times += 1
            if Flaky.times < (3 if by == "msgspec" else 2):
                raise ConnectionError("sesame")
            raise AttributeError("sesame")

    with pytest.raises(AnswerMismatch, match="/name") as caught:
        text(Author, Flaky())
    assert "sesame" not in str(caught.value)


def test_an_attribute_that_comes_back_is_a_mismatch_all_the_same(by: str) -> None:
    class Flaky:
        id = 1
        times = 0

        @property
        def name(self) -> str:
            Flaky.times += 1
            if Flaky.times < (3 if by == "msgspec" else 2):
                raise ConnectionError("sesame")
            return "a"

    with pytest.raises(AnswerMismatch, match="at /name: get_attribute_error"):
        text(Author, Flaky())


def test_what_a_row_lacks_is_the_default_or_a_mismatch() -> None:
    class Out(pydantic.BaseModel):
        id: int
        tags: list[str] = ["new"]

    assert text(Out, Thing(id=1)) == '{"id":1,"tags":["new"]}'
    with pytest.raises(AnswerMismatch, match="at /id: a field is missing"):
        text(Out, Thing(tags=[]))
    with pytest.raises(AnswerMismatch, match="/0/title"):
        text(list[Book], [Thing(id=1)])


def test_rows_are_converted_as_a_body_would_be() -> None:
    class Out(pydantic.BaseModel):
        price: float
        count: int
        when: datetime.datetime

    row = Thing(price=decimal.Decimal("1.5"), count="3", when="2026-05-06T00:00:00Z")
    assert text(Out, row) == '{"price":1.5,"count":3,"when":"2026-05-06T00:00:00Z"}'


class Shouting:
    """A descriptor that gives something else than what lies in `__dict__` under its name."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return "" if instance is None else instance.__dict__["name"].upper()

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__["name"] = value


def test_of_an_instance_its_attributes_are_shown_wherever_they_lie(by: str) -> None:
    @dataclasses.dataclass
    class Loud:
        id: int
        name: str = Shouting()  # type: ignore[assignment]

    @dataclasses.dataclass
    class Half:
        id: int
        name: str = "a"

    half = Half(1)
    del half.name  # What is left is the class's.
    assert (text(Loud, Loud(1, "a")), text(Half, half)) == ('{"id":1,"name":"A"}', '{"id":1,"name":"a"}')


def test_aliases_of_rows() -> None:
    class Out(pydantic.BaseModel):
        full_name: str = pydantic.Field(alias="fullName")
        meta: str = pydantic.Field(validation_alias="meta_")
        city: str = pydantic.Field("", validation_alias=pydantic.AliasPath("address", "city"))

    expected = '{"fullName":"a","meta":"b","city":"c"}'
    assert text(Out, Thing(full_name="a", meta_="b", address=Thing(city="c"), meta="sesame")) == expected
    assert text(Out, {"fullName": "a", "meta_": "b", "address": {"city": "c"}}) == expected

    class Renamed(pydantic.BaseModel):
        meta: str = pydantic.Field(validation_alias="meta_")

    assert text(Renamed, Thing(meta_="b", meta="sesame")) == text(Renamed, Renamed(meta_="b")) == '{"meta":"b"}'

    class Camel(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(alias_generator=lambda name: name.replace("_", "-"))
        full_name: str

    for row in (Thing(full_name="a"), {"full_name": "a"}, {"full-name": "a"}, Camel(**{"full-name": "a"})):
        assert text(list[Camel], [row] * 40) == "[" + ",".join(['{"full-name":"a"}'] * 40) + "]"


def test_validators_have_their_say_in_how_rows_are_read_and_none_in_how_instances_are_written() -> None:
    class Out(pydantic.BaseModel):
        tags: list[str]
        upper: Annotated[str, pydantic.AfterValidator(str.upper)] = "A"

        @pydantic.field_validator("tags", mode="before")
        @classmethod
        def split(cls, value: str) -> list[str]:
            return value.split(",")

        @pydantic.model_validator(mode="after")
        def whole(self) -> Out:
            return self

    for checked in (False, True):
        assert text(Out, Thing(tags="a,b", upper="x"), checked=checked) == '{"tags":["a","b"],"upper":"X"}'
        for count in (1, 40):
            one = Out(tags="a,b", upper="x")  # type: ignore[arg-type]
            assert text(list[Out], [one] * count, checked=checked) == f"[{','.join([one.model_dump_json()] * count)}]"


def test_a_validator_of_the_whole_model_gets_the_row_itself() -> None:
    class Out(pydantic.BaseModel):
        names: list[str]

        @pydantic.model_validator(mode="before")
        @classmethod
        def flat(cls, row: Any) -> Any:
            return {"names": [each.name for each in row.authors]} if isinstance(row, Thing) else row

    row, out = Thing(authors=[Thing(name="a", secret="sesame")]), Out(names=["a"])
    assert text(Out, row) == text(Out, out) == '{"names":["a"]}'
    for many in ([row] * 40, [out] * 40, (out,) * 40, [out, row] * 20):
        assert text(list[Out], many) == "[" + ",".join(['{"names":["a"]}'] * 40) + "]"


def test_classes_that_make_themselves_are_not_made_of_rows_by_others() -> None:
    @dataclasses.dataclass
    class Posted:
        id: int
        double: int = dataclasses.field(init=False, default=0)
        untold: int = dataclasses.field(init=False)  # of which Pydantic's schema, and so the document, knows nothing

        def __post_init__(self) -> None:
            self.double, self.untold = self.id * 2, 0

    @dataclasses.dataclass
    class Given:
        id: int
        seed: dataclasses.InitVar[int]

    assert text(Posted, Posted(2)) == '{"id":2,"double":4}'
    assert text(list[Posted], [Posted(2)] * 40) == "[" + ",".join(['{"id":2,"double":4}'] * 40) + "]"
    assert text(Posted, Thing(id=2)) == '{"id":2,"double":4}'
    assert text(Given, Given(1, 2)) == '{"id":1}'

    class Private(pydantic.BaseModel):
        id: int
        _memo: str = "sesame"

    assert text(list[Private], [Private(id=1)] * 40) == "[" + ",".join(['{"id":1}'] * 40) + "]"
    assert text(Private, Thing(id=1)) == '{"id":1}'


def test_root_models() -> None:
    class Root(pydantic.RootModel[Row]):
        pass

    assert text(Root, Root({"id": 1, "title": "a"})) == '{"id":1,"title":"a"}'
    assert text(list[Root], [{"id": 1, "title": "a", "secret": "sesame"}]) == '[{"id":1,"title":"a"}]'
    assert text(pydantic.RootModel[list[int]], pydantic.RootModel[list[int]]([1])) == "[1]"


# --- what does not fit


@pytest.mark.parametrize(
    ("answer", "value", "pointer"),
    [
        (int, "sesame", "the top"),
        (int, None, "the top"),
        (Author, None, "the top"),
        (Book, None, "the top"),
        (Book, 5, "the top"),
        (list[Book], None, "the top"),
        (list[Book], 5, "the top"),
        (list[Book], Book(1, "a"), "the top"),
        (list[Book], [Book(1, "a"), "sesame"], "/1"),
        (Book, Book("sesame", "a"), "/id"),  # type: ignore[arg-type]
        (list[Row], [{"id": "sesame", "title": "a"}], "/0/id"),
        (dict[str, int], {"a/b": "sesame"}, "/a~1b"),
        (Author, {"id": 1}, "/name"),
        (Author, Thing(id=1, name=Writer(id=1, name="sesame")), "/name"),
        (Page[Author], {"items": [{"id": "sesame", "name": "a"}], "total": 1}, "/items/0/id"),
        (Row, {"title": "a"}, "/id"),
        (Noted, {"id": 1, "notes": {1: "sesame"}}, "/notes"),
        (datetime.date, "sesame", "the top"),
        (Colour, "sesame", "the top"),
        (Shelf, {"id": 1}, "/book"),
        (Annotated[Cat | Dog, pydantic.Field(discriminator="kind")], {"kind": "sesame"}, "the top"),
    ],
)
@pytest.mark.parametrize("checked", [False, True])
def test_what_is_not_of_the_declared_type_is_a_mismatch(answer: Any, value: Any, pointer: str, checked: bool) -> None:
    with pytest.raises(AnswerMismatch) as caught:
        text(answer, value, checked=checked)
    assert f"at {pointer}" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "a traceback would show the values"


def test_the_first_five_faults_are_named() -> None:
    with pytest.raises(AnswerMismatch, match=r"at /0/id: expected a valid integer.*at /4/id.*and 35 more"):
        text(list[Book], [Book("sesame", "a")] * 40)  # type: ignore[arg-type]


def test_a_serialiser_that_fails_is_named() -> None:
    class Bad(pydantic.BaseModel):
        id: int

        @pydantic.field_serializer("id")
        def write_id(self, value: int) -> int:
            raise KeyError("sesame")

    with pytest.raises(AnswerMismatch, match="the serialiser write_id raised KeyError") as caught:
        text(Bad, Bad(id=1))
    assert "sesame" not in str(caught.value)


def test_bytes_that_are_no_text_are_a_mismatch() -> None:
    with pytest.raises(AnswerMismatch, match="Base64Bytes"):
        text(bytes, b"\xff")
    assert text(pydantic.Base64Bytes, b"\xff") == '"/w=="' or text(pydantic.Base64Bytes, b"\xff").startswith('"/w==')


def test_lone_surrogates_everywhere() -> None:
    class Out(pydantic.BaseModel):
        name: str
        values: dict[str, float | None]
        when: datetime.date = datetime.date(2026, 5, 6)

    expected = '{"name":"\ufffd","values":{"a":null,"b":1.5,"c":null},"when":"2026-05-06"}'
    values = {"a": float("inf"), "b": 1.5, "c": None}
    assert text(Out, Out(name="\ud800", values=values)) == expected
    assert text(Out, Thing(name="\ud800", values=values, when=datetime.date(2026, 5, 6))) == expected
    assert text(list[Out], [Out(name="\ud800", values=values)] * 40) == f"[{','.join([expected] * 40)}]"
    assert text(Any, {"a": ["\ud800", b"b", datetime.date(2026, 5, 6)]}) == '{"a":["\ufffd","b","2026-05-06"]}'
    assert text(dict[str, int], {"a\ud800": 1}) == '{"a\ufffd\ufffd\ufffd":1}'
    with pytest.raises(AnswerMismatch, match="keys that are Unicode"):
        text(Any, {"\ud800": 1})


def test_iterators_are_read_once_and_whole() -> None:
    for answer in (list[Book], Iterator[Book], Iterable[Row], Any, list[Any], list[datetime.timedelta]):
        for checked in (False, True):
            value: Any = datetime.timedelta(1) if answer == list[datetime.timedelta] else {"id": 1, "title": "a"}
            found = json.loads(text(answer, (value for _ in range(3)), checked=checked))
            assert len(found) == 3

    class Holder(pydantic.BaseModel):
        values: list[int]

    with pytest.raises(AnswerMismatch, match="/values: expected a list: an iterator can be read only once"):
        text(Holder, Holder.model_construct(values=iter([1])))


def test_the_wrong_leaf_of_an_instance_is_converted_or_refused() -> None:
    assert text(Book, Book("5", "a")) == '{"id":5,"title":"a"}'  # type: ignore[arg-type]
    with pytest.raises(AnswerMismatch, match="at /id: expected a valid integer"):
        text(Book, Book("5", "a"), checked=True)  # type: ignore[arg-type]


def test_a_default_of_another_type_is_written_as_declared() -> None:
    class Out(pydantic.BaseModel):
        price: decimal.Decimal = 0  # type: ignore[assignment]

    assert text(list[Out], [Out()] * 40) == "[" + ",".join(['{"price":"0"}'] * 40) + "]"


def test_leaves_of_long_lists_are_sampled() -> None:
    books = [Book(1, "a") for _ in range(1000)]
    for each in books:
        each.title = Writer(id=1, name="a")  # type: ignore[assignment]
    with pytest.raises(AnswerMismatch, match="/0/title"):
        text(list[Book], books)


# --- checked


class Limited(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(str_max_length=3)
    id: Annotated[int, pydantic.Field(gt=0)]
    name: str = "a"
    tags: Annotated[list[str], pydantic.Field(min_length=1)] = ["a"]


def test_constraints_are_checked_in_development_and_not_again_in_production() -> None:
    for value in (
        Limited.model_construct(id=-1, name="a", tags=["a"]),
        Limited.model_construct(id=1, name="sesame", tags=["a"]),
        Thing(id=1, name="a", tags=[]),
        {"id": 0, "name": "a", "tags": ["a"]},
        Thing(id=0),
    ):
        assert text(Limited, value)
        with pytest.raises(AnswerMismatch, match=r"at /(id|name|tags): ") as caught:
            text(Limited, value, checked=True)
        assert "sesame" not in str(caught.value)


def test_checking_does_not_run_again_what_a_validator_did() -> None:
    class Odd(pydantic.BaseModel):
        json_: pydantic.Json[int]
        plain: Annotated[int, pydantic.PlainValidator(lambda value: int(value[1:]))]
        colour: Colour = Colour.RED
        model_config = pydantic.ConfigDict(use_enum_values=True, validate_default=True)

    odd = Odd(json_="1", plain="x2")  # type: ignore[arg-type]
    assert text(Odd, odd, checked=True) == text(Odd, odd) == '{"json_":1,"plain":2,"colour":"red"}'


def test_checked_instances_are_checked_by_name() -> None:
    aliased = pydantic.create_model("Aliased", full_name=(str, pydantic.Field(alias="fullName", max_length=3)))
    assert text(aliased, aliased(fullName="abc"), checked=True) == '{"fullName":"abc"}'
    with pytest.raises(AnswerMismatch):
        text(aliased, aliased.model_construct(full_name="sesame"), checked=True)


# --- the ways


def test_rows_with_more_keys_and_rows_with_fewer_do_not_make_up_for_each_other() -> None:
    rows = [{"id": 1, "title": "a"} for _ in range(40)]
    rows[3] = {"id": 1}
    rows[4] = {"id": 1, "title": "a", "secret": "sesame"}
    with pytest.raises(AnswerMismatch, match="/3/title"):
        text(list[Row], rows)


def way(answer: Any) -> str:
    return encoder(answer).way  # type: ignore[attr-defined,no-any-return]


def test_the_way_says_what_is_done(by: str) -> None:
    assert way(Any) == "plain"
    if by == "pydantic":
        assert way(list[Shelf]) == way(int) == "oracle"
    else:
        assert way(Author) == "twin"
        assert way(list[Shelf]) == "exact"


@pytest.mark.parametrize(
    "change",
    [
        {"book": SecretBook(1, "a")},
        {"books": (Book(1, "a"),)},
        {"books": [SecretBook(1, "a")]},
        {"row": {"id": 1, "title": "r", "secret": "sesame"}},
        {"row": {"id": 1}},
        {"row": collections.OrderedDict(id=1, title="r")},
        {"author": Writer(id=1, name="n")},
        {"author": Author(id=1, name="n").model_copy(update={"password": "sesame"})},
        {"author": Author.model_construct(id=1)},
        {"maybe": SecretBook(1, "a")},
        {"rows": ({"id": 1, "title": "s"},)},
        {"rows": [{"id": 1, "secret": "sesame"}]},
    ],
)
@pytest.mark.parametrize("position", [0, 20, 39])
def test_the_proof_looks_at_every_part_of_every_row(change: dict[str, Any], position: int) -> None:
    twin = _twin.twin_of(pydantic.TypeAdapter(list[Shelf]).core_schema, msgspec)  # type: ignore[arg-type]
    assert twin is not None
    assert twin.exact is not None
    shelves = [shelf(maybe=None, rows=None) for _ in range(20)] + [shelf() for _ in range(20)]
    assert twin.exact(shelves) is shelves
    shelves[position] = shelf(**change)
    assert twin.exact(shelves) is None


class Aware(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_temporal="seconds")
    when: datetime.datetime


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (list[Book], "exact"),
        (list[Author], "exact"),
        (list[Row], "exact"),
        (list[Shelf], "exact"),
        (Book, "twin"),
        (int, "twin"),
        (dict[str, str], "twin"),
        (Book | None, "twin"),
        (dict[str, Book], "twin"),
        (Page[Book], "twin"),
        (set[int], "twin"),
        (list[Tree], "oracle"),
        (Dressed, "oracle"),
        (bytes, "oracle"),
        (datetime.timedelta, "oracle"),
        (Noted, "oracle"),
        (Aware, "oracle"),
        (Cat | Dog, "oracle"),
        (dict[bool, int], "oracle"),
        (list[Point], "oracle"),
        (Literal[True], "oracle"),
        (pydantic.SerializeAsAny[Author], "oracle"),
        (pydantic.EmailStr if False else pydantic.SecretStr, "oracle"),
        (pydantic.RootModel[Row], "oracle"),
        (str | datetime.date, "oracle"),
        (tuple[()], "twin"),
        (Any, "plain"),
        (list, "plain"),
        (dict[str, dict[str, Any]], "oracle"),
        (list[list[Any]], "oracle"),
        (list[dict[str, Any]], "plain"),
        (dict[int, Any], "oracle"),
        (enum.Enum("Mixed", {"A": 1, "B": "b"}), "oracle"),
        (Annotated[list[Any], pydantic.PlainSerializer(len)], "oracle"),
        (Annotated[Any, pydantic.PlainSerializer(str)], "oracle"),
    ],
)
def test_ways(answer: Any, expected: str, by: str) -> None:
    assert way(answer) == (expected if by == "msgspec" or expected == "plain" else "oracle")


def test_names_that_msgspec_or_python_would_stumble_over() -> None:
    odd = TypedDict("odd", {"a-b": int, "class": int, "__x": int})
    assert text(list[odd], [{"a-b": 1, "class": 2, "__x": 3}] * 40).startswith('[{"a-b":1,"class":2,"__x":3},')  # type: ignore[valid-type]
    for name in ("class", "map", "rows", "dict", "each"):
        kind = dataclasses.make_dataclass(name, [("class_", int), ("rows", list[Book])])
        assert text(list[kind], [kind(1, [Book(1, "a")])] * 40).startswith(
            '[{"class_":1,"rows":[{"id":1,"title":"a"}]},'
        )  # type: ignore[valid-type]
    one, two = (dataclasses.make_dataclass("Twice", [(name, int)]) for name in ("a", "b"))
    both = dataclasses.make_dataclass("Both", [("one", one), ("two", two)])
    assert text(list[both], [both(one(1), two(2))] * 40).startswith('[{"one":{"a":1},"two":{"b":2}},')  # type: ignore[valid-type]
    empty = pydantic.create_model("Empty")
    assert text(list[empty], [empty()] * 40) == "[" + ",".join(["{}"] * 40) + "]"  # type: ignore[valid-type]


def calls_of(function: Callable[[], object]) -> list[str]:
    """The Python functions that a call enters."""
    entered: list[str] = []

    def profile(frame: types.FrameType, event: str, _: object) -> None:
        if event == "call":
            entered.append(frame.f_code.co_qualname)

    gc.disable()  # whose callbacks are no calls of ours
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return entered[1:]


@pytest.mark.parametrize(
    ("answer", "value", "most"),
    [(Book, Book(1, "a"), 2), (Author, Author(id=1, name="a"), 2), (dict[str, str], {"a": "b"}, 1), (Any, {"a": 1}, 1)],
)
def test_one_python_call_an_answer(answer: Any, value: Any, most: int, by: str) -> None:
    encode = encoder(answer)
    encode(value)
    assert len(calls_of(lambda: encode(value))) <= (1 if by == "msgspec" else most)
    many = encoder(list[answer])
    many([value] * 40)
    if by == "msgspec" and answer is not Any:
        assert len(calls_of(lambda: many([value] * 1000))) <= 2


def test_an_encoder_is_made_once_for_a_type() -> None:
    assert known_encoder(list[Book]) is known_encoder(list[Book])
    assert known_encoder(list[Book]) is not known_encoder(list[Book], checked=True)
    assert known_encoder(Literal[1]) is not known_encoder(Literal[True])
    unhashable = Annotated[int, []]
    assert known_encoder(unhashable)(1) == b"1"


def test_everything_works_without_msgspec() -> None:
    program = """
        import sys
        sys.modules["msgspec"] = None
        from dataclasses import dataclass
        from wholestack.encoding import encoder
        @dataclass
        class Book:
            id: int
        assert encoder(list[Book])([Book(1)] * 40).count(b'{"id":1}') == 40
        assert encoder(Book)({"id": 1, "secret": 2}) == b'{"id":1}'
    """
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True, env=environment)


def test_msgspec_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert IMPORT_MSGSPEC() is msgspec
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert IMPORT_MSGSPEC() is None


def test_the_framework_is_imported_without_msgspec() -> None:
    program = "import sys, wholestack.encoding as e; e.encoder(object)({}); sys.exit('msgspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": str(SRC)})


# --- msgspec and Pydantic write the same JSON


def kinds() -> Any:
    zones = some.sampled_from([None, UTC, KATHMANDU, datetime.timezone(-datetime.timedelta(hours=3, seconds=20))])
    leaves: list[tuple[Any, Any]] = [
        (str, some.text()),
        (int, some.integers()),
        (float, some.floats()),
        (bool, some.booleans()),
        (decimal.Decimal, some.decimals(allow_nan=False, allow_infinity=False)),
        (datetime.date, some.dates()),
        (datetime.datetime, some.datetimes(timezones=zones)),
        (datetime.time, some.times(timezones=zones)),
        (uuid.UUID, some.uuids()),
        (Colour, some.sampled_from(Colour)),
        (Level, some.just(Level.LOW)),
        (Literal["a", 1], some.sampled_from(["a", 1])),
        (int | str, some.integers() | some.text()),
        (set[int], some.sets(some.integers(), max_size=1)),
        (frozenset[str], some.frozensets(some.text(), max_size=1)),
        (tuple[int, str], some.tuples(some.integers(), some.text())),
        (datetime.timedelta, some.timedeltas()),
        (Annotated[int, pydantic.Field(gt=0)], some.integers(1)),
    ]

    classes = some.sampled_from(["data", "slots", "model", "alias", "table", "open"])

    def deeper(inner: Any) -> Any:
        return some.one_of(
            inner.map(lambda pair: (list[pair[0]], some.lists(pair[1], max_size=3))),  # type: ignore[name-defined]
            inner.map(lambda pair: (pair[0] | None, some.none() | pair[1])),  # type: ignore[name-defined]
            inner.map(lambda pair: (dict[str, pair[0]], some.dictionaries(some.text(), pair[1], max_size=3))),  # type: ignore[name-defined]
            inner.map(lambda pair: (dict[int, pair[0]], some.dictionaries(some.integers(), pair[1], max_size=3))),  # type: ignore[name-defined]
            inner.map(lambda pair: (tuple[pair[0], ...], some.lists(pair[1], max_size=3).map(tuple))),  # type: ignore[name-defined]
            some.tuples(classes, some.lists(inner, min_size=1, max_size=4)).map(record),
        )

    return some.recursive(some.sampled_from(leaves), deeper, max_leaves=8)


def record(parts: tuple[str, list[tuple[Any, Any]]]) -> tuple[Any, Any]:
    """A class of one kind, with these fields, and its instances."""
    kind, fields = parts
    names = [f"field_{number}" for number in range(len(fields))]
    annotations = {name: annotation for name, (annotation, _) in zip(names, fields, strict=True)}
    values = some.fixed_dictionaries({name: value for name, (_, value) in zip(names, fields, strict=True)})
    if kind in {"data", "slots"}:
        made = dataclasses.make_dataclass("Data", list(annotations.items()), slots=kind == "slots")
        return made, values.map(lambda found: made(**found))
    if kind in {"model", "alias"}:
        config = pydantic.ConfigDict(alias_generator=str.upper) if kind == "alias" else pydantic.ConfigDict()
        fields_of: dict[str, Any] = {name: (annotation, ...) for name, annotation in annotations.items()}
        model = pydantic.create_model("Model", __config__=config, **fields_of)
        return model, values.map(lambda found: model.model_construct(**found))
    table: Any = TypedDict("Table", annotations, total=kind == "table")  # type: ignore[misc]
    return table, values


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_msgspec_and_pydantic_write_the_same_json(data: some.DataObject) -> None:
    annotation, values = data.draw(kinds())
    found = data.draw(some.lists(values, min_size=1, max_size=3))
    oracle = pydantic.TypeAdapter(annotation)
    expected = [json.loads(oracle.dump_json(each, by_alias=True, warnings="error")) for each in found]
    one, many = encoder(annotation), encoder(list[annotation])
    assert all(same(json.loads(one(each)), wanted) for each, wanted in zip(found, expected, strict=True))
    assert same(json.loads(many(found)), expected)
    assert same(json.loads(many(found * 40)), expected * 40)
    checked = encoder(annotation, checked=True)
    assert all(same(json.loads(checked(each)), wanted) for each, wanted in zip(found, expected, strict=True))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_rows_show_what_instances_show(data: some.DataObject) -> None:
    kind = data.draw(some.sampled_from(["data", "model", "table"]))
    annotation, values = record((kind, data.draw(some.lists(kinds(), min_size=1, max_size=3))))
    value = data.draw(values)
    fields = value if kind == "table" else vars(value)
    expected = json.loads(encoder(annotation)(value))
    for row in (Thing(**fields, secret="sesame"), {**fields, "secret": "sesame"}):
        assert same(json.loads(encoder(annotation)(row)), expected)
        assert same(json.loads(encoder(list[annotation])([row] * 40)), [expected] * 40)


def test_the_parts_that_only_msgspec_runs_are_run(by: str) -> None:
    if by == "msgspec":
        twin = _twin.twin_of(pydantic.TypeAdapter(Author).core_schema, msgspec)  # type: ignore[arg-type]
        assert twin is not None
        with pytest.raises(_twin.Unfit):
            twin.expose(Author.model_construct(id=1))
