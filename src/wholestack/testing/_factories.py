"""Values of a type for tests, from the type alone: `make` for one, `factory` for different ones."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Mapping
from random import Random
from typing import Any, Generic, TypeVar, cast

import pydantic

from ._errors import CannotMake
from ._values import NoValue, Values

T = TypeVar("T")

_TRIES = 20
_SHOWN = 40


def make(kind: type[T], /, **fields: Any) -> T:
    """A valid value of a model, a dataclass or a TypedDict; the same one each time.

    Required fields are filled by their types and constraints, those with a default keep it.

    Arguments:
        kind: the type.
        fields: fields to set, by name.

    Raises:
        CannotMake: a field for which no value is found, a name that is no field, or a value that is refused.

    Example:
        >>> from pydantic import BaseModel, Field
        >>> class NewNote(BaseModel):
        ...     text: str = Field(min_length=1, max_length=8)
        ...     tags: list[str] = []
        >>> make(NewNote, tags=["home"])
        NewNote(text='makunoko', tags=['home'])
    """
    return factory(kind)(**fields)


def factory(kind: type[T], *, seed: int = 0, full: bool = False) -> Factory[T]:
    """What makes a new value of a type at each call: different ones, and the same ones in each run.

    Arguments:
        kind: a model, a dataclass, a TypedDict, or a model of a database's table (a row that no session knows yet;
            rows that it must refer to are made with it).
        seed: another number gives other values.
        full: fill fields that have a default, too.

    Example:
        >>> from pydantic import BaseModel
        >>> class Point(BaseModel):
        ...     x: int
        ...     y: int = 0
        >>> points = factory(Point)
        >>> points.many(2, y=7) == factory(Point).many(2, y=7)
        True
        >>> points() == points()
        False
    """
    if hasattr(kind, "__mapper__"):
        from ._rows import RowFactory

        return RowFactory(kind, seed=seed, full=full)
    return Factory(kind, seed=seed, full=full)


class Factory(Generic[T]):
    """Makes values of one type; see `factory`."""

    def __init__(self, kind: type[T], *, seed: int = 0, full: bool = False) -> None:
        self.kind = kind
        self._adapter: pydantic.TypeAdapter[T] = _adapter(cast(Hashable, kind))
        self._random = Random(seed)  # noqa: S311 - values for tests, the same ones each time
        self._full = full

    def __call__(self, **fields: Any) -> T:
        """One value; see `make`."""
        _check_names(self.kind, self._adapter.core_schema, fields)
        refusal = ""
        for _ in range(_TRIES):
            try:
                values = Values(self._random, full=self._full, given=fields).of(self._adapter.core_schema)
            except NoValue as missing:
                raise CannotMake(_missing(self.kind, missing)) from None
            try:
                # Strictly, a field takes no dict for a dataclass; the values are of the exact types anyway.
                return self._adapter.validate_python(values, strict=False, by_name=True, by_alias=False)
            except pydantic.ValidationError as error:
                refusal = _refusal(error)
        raise CannotMake(f"No {_name(self.kind)} could be made: {refusal}.")

    def many(self, count: int, **fields: Any) -> list[T]:
        """So many of them."""
        return [self(**fields) for _ in range(count)]

    def __repr__(self) -> str:
        return f"<factory of {_name(self.kind)}>"


@functools.lru_cache(256)
def _adapter(kind: Hashable) -> pydantic.TypeAdapter[Any]:
    try:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(cast(Any, kind))
        adapter.rebuild()
    except (pydantic.PydanticUserError, NameError) as error:
        message = str(error).partition("\n")[0].partition(". Set ")[0].rstrip(".")
        raise CannotMake(f"{_name(kind)} is no type that Pydantic can check: {message}. Make it by hand.") from None
    return adapter


def _name(kind: Any) -> str:
    return str(getattr(kind, "__qualname__", kind)).rpartition("<locals>.")[2]


def _missing(kind: Any, missing: NoValue) -> str:
    first, _, _ = missing.path.removeprefix(".").replace("[]", ".").partition(".")
    where = _name(kind) + (missing.path if len(missing.path) <= _SHOWN else f"{missing.path[:_SHOWN]}…")
    cure = f"Give it: make({_name(kind)}, {first}=…)." if first else "Make it by hand."
    return f"No value could be made for {where}: {missing.why}. {cure}"


def _refusal(error: pydantic.ValidationError) -> str:
    """What was wrong, without the values."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in faults)


def _check_names(kind: Any, schema: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    names = list(_field_names(schema, {}))
    strange = [name for name in fields if name not in names]
    if strange:
        there = f"It has {', '.join(names)}" if names else "It has no fields"
        raise CannotMake(f"{_name(kind)} has no field {' or '.join(map(repr, strange))}. {there}.")


def _field_names(schema: Mapping[str, Any], shared: dict[str, Any]) -> Iterator[str]:
    """The names of the outermost fields."""
    if schema["type"] in {"model-fields", "typed-dict"}:
        yield from schema["fields"]
    elif schema["type"] == "dataclass-args":
        yield from (each["name"] for each in schema["fields"])
    elif schema["type"] == "definition-ref":
        yield from _field_names(shared[schema["schema_ref"]], shared)
    elif "schema" in schema:
        shared.update({each["ref"]: each for each in schema.get("definitions", ())})
        yield from _field_names(schema["schema"], shared)
