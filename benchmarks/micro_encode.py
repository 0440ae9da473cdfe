"""The answer's encoder against raw msgspec and against Pydantic: microseconds and ratios.

    python benchmarks/micro_encode.py

The best of interleaved rounds, so that a busy machine disturbs little, and all lines alike. The encoder is reached as
an
app reaches it, by `wholestack.encoding.encoder`.
"""

from __future__ import annotations

import dataclasses
import datetime
import timeit
from collections.abc import Callable
from typing import Any

import msgspec
import pydantic
from typing_extensions import TypedDict

from wholestack.encoding import encoder

ROUNDS = 25
ROWS = 1000
WHEN = datetime.datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC)


@dataclasses.dataclass
class Data:
    id: int
    name: str
    price: float
    active: bool
    created: datetime.datetime
    tags: list[str]


@dataclasses.dataclass
class Author:
    id: int
    name: str


@dataclasses.dataclass
class Nested:
    id: int
    title: str
    author: Author
    authors: list[Author]


class Model(pydantic.BaseModel):
    id: int
    name: str
    price: float
    active: bool
    created: datetime.datetime
    tags: list[str]


class Table(TypedDict):
    id: int
    name: str
    price: float
    active: bool
    created: datetime.datetime
    tags: list[str]


class Timed(pydantic.BaseModel):
    """A type that only Pydantic may write."""

    id: int
    name: str
    took: datetime.timedelta


class Row:
    """As an ORM's instance: more attributes than the answer shows."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields, _state=object(), secret="no")


def fields(number: int) -> dict[str, Any]:
    tags = ["alpha", "beta"]
    return {
        "id": number, "name": f"name {number}", "price": number * 1.25, "active": bool(number % 2), "created": WHEN,
        "tags": tags,
    }  # fmt: skip


def compare(title: str, lines: dict[str, Callable[[], object]]) -> None:
    """Time each line in turns; the first is 1.00."""
    number = {name: max(1, int(0.01 / (timeit.timeit(line, number=5) / 5))) for name, line in lines.items()}
    times: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(ROUNDS):
        for name, line in lines.items():
            times[name].append(timeit.timeit(line, number=number[name]) / number[name] * 1e6)
    base = min(times[next(iter(lines))])
    print(f"\n{title}")
    for name, found in times.items():
        print(f"  {name:46} {min(found):10.2f} µs {min(found) / base:6.2f}")


def main() -> None:
    raw = msgspec.json.Encoder().encode
    data = [Data(**fields(number)) for number in range(ROWS)]
    models = [Model(**fields(number)) for number in range(ROWS)]
    tables: list[Any] = [fields(number) for number in range(ROWS)]
    rows = [Row(**fields(number)) for number in range(ROWS)]
    nested = [Nested(n, "t", Author(n, "a"), [Author(n, "b"), Author(n, "c")]) for n in range(ROWS)]
    timed = [Timed(id=n, name="a", took=datetime.timedelta(n)) for n in range(ROWS)]
    many = {kind: encoder(list[kind]) for kind in (Data, Model, Table, Nested, Timed)}  # type: ignore[valid-type]
    anything = encoder(list[dict[str, Any]])
    one = {kind: encoder(kind) for kind in (Data, Model, Table, Timed)}
    oracle = {kind: pydantic.TypeAdapter(list[kind]).serializer.to_json for kind in many}  # type: ignore[valid-type]
    single = {kind: pydantic.TypeAdapter(kind).serializer.to_json for kind in one}

    compare("1,000 dataclass instances", {
        "msgspec, raw": lambda: raw(data),
        "encoder": lambda: many[Data](data),
        "pydantic": lambda: oracle[Data](data),
    })  # fmt: skip
    compare("1,000 dataclass instances with dataclasses in them", {
        "msgspec, raw": lambda: raw(nested),
        "encoder": lambda: many[Nested](nested),
        "pydantic": lambda: oracle[Nested](nested),
    })  # fmt: skip
    compare("1,000 Pydantic models", {
        "msgspec, raw, of the same dataclasses": lambda: raw(data),
        "encoder": lambda: many[Model](models),
        "pydantic": lambda: oracle[Model](models),
    })  # fmt: skip
    compare("1,000 dicts as TypedDict", {
        "msgspec, raw": lambda: raw(tables),
        "encoder": lambda: many[Table](tables),
        "encoder, list[dict[str, Any]]": lambda: anything(tables),
        "pydantic": lambda: oracle[Table](tables),
    })  # fmt: skip
    compare("1,000 rows read by attribute", {
        "msgspec, raw, of the same dataclasses": lambda: raw(data),
        "encoder into dataclasses": lambda: many[Data](rows),
        "encoder into models": lambda: many[Model](rows),
        "encoder into TypedDicts": lambda: many[Table](rows),
        "pydantic, validated into models and written": lambda: oracle[Model](
            pydantic.TypeAdapter(list[Model]).validate_python(rows, from_attributes=True),
        ),
    })  # fmt: skip
    compare("1,000 models only Pydantic may write", {
        "pydantic": lambda: oracle[Timed](timed),
        "encoder": lambda: many[Timed](timed),
    })  # fmt: skip
    for kind, value in ((Data, data[1]), (Model, models[1]), (Table, tables[1]), (Timed, timed[1])):
        compare(f"one {kind.__name__}", {
            "pydantic": lambda kind=kind, value=value: single[kind](value),
            "encoder": lambda kind=kind, value=value: one[kind](value),
        })  # fmt: skip
    for kind, value in (
        (dict[str, str], {"hello": "world"}),
        (dict[str, Any], {"hello": "world", "n": 3}),
        (Any, {"hello": "world"}),
    ):
        small, encode = pydantic.TypeAdapter(kind).serializer.to_json, encoder(kind)
        compare(f"{kind}", {"pydantic": lambda: small(value), "encoder": lambda: encode(value)})  # noqa: B023
    compare("sealing", {
        "TypeAdapter(list[Data])": lambda: pydantic.TypeAdapter(list[Data]),
        "encoder(list[Data])": lambda: encoder(list[Data]),
        "encoder(list[Timed])": lambda: encoder(list[Timed]),
    })  # fmt: skip


if __name__ == "__main__":
    main()
