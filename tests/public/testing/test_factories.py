"""Values from the type alone: valid for every constraint, the same in each run, and a clear word where there is none."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import ipaddress
import os
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, NotRequired

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from wholestack.testing import CannotMake, Factory, factory, make


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Tree(BaseModel):
    name: str
    children: list[Tree]
    above: Tree | None


@dataclasses.dataclass
class Point:
    x: Annotated[int, Field(multiple_of=7, gt=10)]
    label: str = "here"


class Size(TypedDict):
    width: Annotated[int, Field(ge=3, le=4)]
    unit: NotRequired[str]


def no_word(value: str) -> str:
    if "@" not in value:
        raise ValueError("no address")
    return value


DAY = datetime.date(2030, 1, 1)
TYPES: dict[str, Any] = {
    "int": int,
    "int above": Annotated[int, Field(gt=7)],
    "int below": Annotated[int, Field(lt=-3)],
    "int of one value": Annotated[int, Field(ge=-5, le=-5)],
    "int of steps": Annotated[int, Field(multiple_of=13, gt=100, lt=120)],
    "float": float,
    "float in a narrow place": Annotated[float, Field(gt=0, lt=1e-9)],
    "float of one value": Annotated[float, Field(ge=0.3, le=0.3)],
    "float of steps": Annotated[float, Field(multiple_of=0.5, ge=2)],
    "decimal": Decimal,
    "decimal of few digits": Annotated[Decimal, Field(max_digits=3, decimal_places=1, gt=98)],
    "decimal below zero": Annotated[Decimal, Field(max_digits=2, lt=-5)],
    "decimal below": Annotated[Decimal, Field(max_digits=4, decimal_places=2, le=3)],
    "text": str,
    "text of a length": Annotated[str, Field(min_length=30, max_length=31)],
    "short text": Annotated[str, Field(max_length=1)],
    "no text": Annotated[str, Field(max_length=0)],
    "text of a pattern": Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3,5}(\.[a-f]+)?$")],
    "text of a pattern and a length": Annotated[str, Field(pattern=r"^[a-z]+$", min_length=3, max_length=3)],
    "text without": Annotated[str, Field(pattern=r"^[^a-zA-Z0-9]\W\S\w|x$")],
    "text in capitals": Annotated[str, pydantic.StringConstraints(to_upper=True, strip_whitespace=True, min_length=2)],
    "bytes": Annotated[bytes, Field(min_length=3, max_length=4)],
    "bool": bool,
    "none": None,
    "literal": Literal["a", 1],
    "enum": Colour,
    "date": datetime.date,
    "date in a place": Annotated[datetime.date, Field(ge=DAY, lt=DAY + datetime.timedelta(1))],
    "past date": pydantic.PastDate,
    "future date": pydantic.FutureDate,
    "moment": datetime.datetime,
    "past moment": pydantic.PastDatetime,
    "future moment": pydantic.FutureDatetime,
    "moment with a zone": pydantic.AwareDatetime,
    "moment without a zone": pydantic.NaiveDatetime,
    "moment in a place": Annotated[
        datetime.datetime, Field(gt=datetime.datetime.fromisoformat("2030-01-01T00:00:00.000005"))
    ],
    "moment before one with a zone": Annotated[
        datetime.datetime, Field(lt=datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC))
    ],
    "time": datetime.time,
    "time in a place": Annotated[datetime.time, Field(gt=datetime.time(23, 59, 59))],
    "length of time": Annotated[datetime.timedelta, Field(gt=datetime.timedelta(days=3))],
    "uuid": uuid.UUID,
    "uuid 1": pydantic.UUID1,
    "uuid 4": pydantic.UUID4,
    "uuid 7": pydantic.UUID7,
    "url": pydantic.HttpUrl,
    "address of a database": pydantic.PostgresDsn,
    "ip": ipaddress.IPv4Address,
    "network": ipaddress.IPv6Network,
    "path": pathlib.Path,
    "secret": pydantic.SecretStr,
    "complex": complex,
    "fraction": Fraction,
    "any": Any,
    "json": pydantic.Json[list[int]],
    "size in bytes": pydantic.ByteSize,
    "base 64": pydantic.Base64Str,
    "list": Annotated[list[int], Field(min_length=4, max_length=5)],
    "empty list": Annotated[list[int], Field(max_length=0)],
    "set of all there is": Annotated[set[Literal["a", "b", "c"]], Field(min_length=3)],
    "frozenset": frozenset[int],
    "deque": collections.deque[int],
    "tuple": tuple[int, str],
    "tuple of many": tuple[int, ...],
    "sequence": Sequence[int],
    "dict": Annotated[dict[str, int], Field(min_length=2)],
    "mapping": Mapping[str, Point],
    "union": int | str,
    "optional": Annotated[int, Field(gt=3)] | None,
    "union by a tag": Annotated[Cat | Dog, Field(discriminator="kind")],
    "tree": Tree,
    "dataclass": Point,
    "typed dict": Size,
    "strict": Annotated[dict[str, tuple[int, ...]], pydantic.Strict()],
    "with a validator": Annotated[str, pydantic.AfterValidator(no_word)],
    "with a validator before": Annotated[int, pydantic.BeforeValidator(lambda value: value)],
    "with a validator of its own": Annotated[int, pydantic.PlainValidator(lambda value: int(value))],
}


@pytest.mark.parametrize("name", TYPES)
def test_every_type(name: str) -> None:
    """The value is one that Pydantic takes: the model is made through it, strictly and with the field's constraints."""
    model = pydantic.create_model("Model", __config__=ConfigDict(strict=True), value=(TYPES[name], ...))
    for made in factory(model, full=True).many(30):
        assert isinstance(made, model)


def test_constraints_are_kept() -> None:
    class Order(BaseModel):
        code: Annotated[str, Field(pattern=r"^[A-Z]{3}\d$")]
        count: Annotated[int, Field(ge=1, le=3)]
        price: Annotated[Decimal, Field(gt=0, max_digits=4, decimal_places=2)]
        lines: Annotated[list[Point], Field(min_length=1)]

    for order in factory(Order).many(50):
        assert len(order.code) == 4
        assert order.code[:3].isupper()
        assert 1 <= order.count <= 3
        assert 0 < order.price < 100
        assert order.lines
        assert all(each.x > 10 and each.x % 7 == 0 for each in order.lines)


def test_a_default_stays_unless_all_is_asked_for() -> None:
    assert make(Point).label == "here"
    assert factory(Point, full=True)().label != "here"
    assert "unit" not in make(Size)
    assert "unit" in factory(Size, full=True)()


def test_fields_are_given_by_name_and_checked() -> None:
    class Aliased(BaseModel):
        text: Annotated[str, Field(alias="the-text", max_length=3)]
        point: Point

    assert make(Aliased, text="abc").text == "abc"
    assert make(Aliased, point={"x": 14}).point == Point(14)
    with pytest.raises(
        CannotMake, match=r"^No Aliased could be made: text: String should have at most 3 characters\.$"
    ):
        make(Aliased, text="abcd")
    with pytest.raises(CannotMake, match=r"^Aliased has no field 'txet'\. It has text, point\.$"):
        make(Aliased, txet="abc")


def test_the_same_call_makes_the_same_value() -> None:
    assert make(Tree) == make(Tree)
    assert factory(Dog).many(20) == factory(Dog).many(20) != factory(Dog, seed=1).many(20)
    names = [dog.name for dog in factory(Dog).many(20)]
    assert len(set(names)) == 20


def test_the_same_in_every_process() -> None:
    """The order of a set, which differs between processes, decides nothing."""
    code = (
        "import pydantic, enum, typing\nfrom wholestack.testing import factory\n"
        "class M(pydantic.BaseModel):\n    a: set[str]\n    b: dict[str, int | str]\n    c: typing.Literal['x', 'y', 'z']\n"
        "    d: pydantic.PostgresDsn\n    e: frozenset[int]\n"
        "print([sorted(map(str, (sorted(m.a), m.b, m.c, m.d, sorted(m.e)))) for m in factory(M).many(9)])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


class Handle:
    """Of no type that Pydantic knows."""


class Held(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    handle: Handle
    number: int


class Endless(BaseModel):
    next: Endless


def refuse(value: str) -> str:
    raise ValueError("not today")


class Refused(BaseModel):
    word: Annotated[str, pydantic.AfterValidator(refuse)]


class Never(BaseModel):
    @pydantic.model_validator(mode="after")
    def never(self) -> Never:
        raise ValueError("never right")


class Impossible(BaseModel):
    lines: list[Annotated[int, Field(gt=3, lt=4)]]


class Foreign(BaseModel):
    text: Annotated[str, Field(pattern=r"^\p{Greek}+$")]


class Called(BaseModel):
    call: Callable[[], int]


class Many(BaseModel):
    few: Annotated[set[Literal["a", "b"]], Field(min_length=3)]


@dataclasses.dataclass
class Unknown:
    handle: Handle


WRONG: list[tuple[type[Any], str]] = [
    (Held, "No value could be made for Held.handle: nothing is known of Handle. Give it: make(Held, handle=…)."),
    (Endless, "the type holds itself without an end. Give it: make(Endless, next=…)."),
    (Refused, "Refused.word: its validator refused every try: Value error, not today. Give it: make(Refused, word=…)."),
    (Never, "No value could be made for Never: its validator refused every try: Value error, never right."),
    (Impossible, "Impossible.lines[]: no value lies within its bounds. Give it: make(Impossible, lines=…)."),
    (Foreign, r"Foreign.text: no text was found for the pattern '^\\p{Greek}+$'. Give it: make(Foreign, text=…)."),
    (Called, "nothing is known of the kind 'callable'"),
    (Many, "Many.few: 3 values that differ were not found"),
    (Unknown, "Unknown is no type that Pydantic can check: "),
]


@pytest.mark.parametrize(("kind", "says"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_be_made_is_named(kind: type[Any], says: str) -> None:
    with pytest.raises(CannotMake) as raised:
        make(kind)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 250
    assert raised.value.code == "cannot-make"


def test_what_is_named_can_be_given() -> None:
    handle = Handle()
    assert make(Held, handle=handle).handle is handle
    assert make(Impossible, lines=[]).lines == []


def test_a_validator_that_looks_at_other_fields() -> None:
    class Stay(BaseModel):
        first: datetime.date
        nights: int

        @pydantic.field_validator("nights")
        @classmethod
        def odd(cls, nights: int, info: pydantic.ValidationInfo) -> int:
            assert isinstance(info.data["first"], datetime.date)
            return nights

    assert make(Stay).nights > 0


def test_a_root_model_and_a_generic_one() -> None:
    class Names(pydantic.RootModel[list[str]]):
        pass

    assert all(make(Names).root)
    assert repr(Factory(Names)) == "<factory of Names>"
