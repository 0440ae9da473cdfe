"""The answer's encoder: chosen once per return type when the app is sealed, then one call from a value to JSON bytes.

The JSON policy, the same in and out (`docs/json.md` is the page for users):

* `str` is UTF-8 as it stands; a lone surrogate, which is no Unicode, is written as U+FFFD.
* `int` is exact at any size and always a number; a `float` reads back as the same float; NaN and the infinities, which
  JSON lacks, are `null`; a `Decimal` is a string with every digit.
* `datetime` is RFC 3339 (UTC as `Z`, other offsets kept, no offset where the value has none); `date`, `time` and
  `timedelta` are ISO 8601; `UUID` is its canonical text; an `Enum` is its value; `bytes` are their UTF-8 text.
* `list`, `tuple`, `set`, `frozenset`, `deque` and NamedTuples are arrays; the keys of a `dict` are strings.
* A Pydantic model, a dataclass or a TypedDict is an object of the fields its *declared* class names, by their aliases.
* Under `Any` and `object` only the plain values above (but `deque`) are written; other classes have to be declared.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, MutableSequence, Sequence
from inspect import Parameter
from types import ModuleType
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter

from wholestack.handlers import plain_encoder

from ._oracle import Oracle, outline
from ._twin import Twin, twin_of

Encode = Callable[[Any], bytes]

_SEQUENCES = {Collection, Generator, Iterable, Iterator, MutableSequence, Sequence}
_LONG = 32  # rows: a shorter list is converted sooner than it is proven
_SAMPLE = 16  # rows of a long list whose leaves are checked


def encoder(answer: Any, *, checked: bool = False) -> Encode:
    """The function that turns a handler's value into JSON bytes, by its return annotation or `returns=`.

    With `checked` (development and tests) the constraints of the type are checked too, and a wrong leaf in an instance
    is an error where production would trust or convert it. One that many routes answer is made once. The function's
    `way` says what was chosen.

    Example:
        >>> encoder(list[int])([1, 2])
        b'[1,2]'

    Raises:
        PydanticUserError: Pydantic has no schema for `answer`.
        AnswerMismatch: by the function made: the value is not of the declared type.
    """
    try:
        hash(answer)
    except TypeError:  # such as an `Annotated` with a list in it
        return made(answer, checked)
    return _known(answer, str(answer), checked)  # the text too: Literal[1] equals Literal[True]


@functools.lru_cache(1024)
def _known(answer: Any, text: str, checked: bool) -> Encode:
    return made(answer, checked)


def made(answer: Any, checked: bool) -> Encode:
    """An encoder, made anew."""
    adapter = TypeAdapter[Any](_wire_type(answer))
    if not adapter.pydantic_complete:
        adapter.rebuild()
    schema: Any = adapter.core_schema
    oracle = Oracle(schema)
    encode, way = _chosen(schema, oracle)
    if checked:
        encode = _checking(oracle, encode)
    vars(encode)["way"] = way
    return encode


def _wire_type(answer: Any) -> Any:
    """What reaches the wire: a function without an annotation says `Any`, and every sequence is an array."""
    if answer is Parameter.empty:
        return Any
    if get_origin(answer) in _SEQUENCES:
        return list.__class_getitem__((get_args(answer) or (Any,))[0])
    return answer


def _chosen(schema: Any, oracle: Oracle) -> tuple[Encode, str]:
    """The encoder and its way: plain values, an exact list, a twin, or the oracle."""
    kinds = outline(schema)
    if kinds is not None:
        return plain_encoder(oracle.encode, *kinds), "plain"
    msgspec = _import_msgspec()
    twin = twin_of(schema, msgspec) if msgspec else None
    if not msgspec or not twin:
        return _oracle_way(oracle), "oracle"
    write = msgspec.json.Encoder(enc_hook=twin.expose).encode
    if twin.exact:
        return _list_way(oracle, twin, twin.exact, msgspec.convert, write), "exact"
    return (_object_way if twin.whole else _value_way)(oracle, twin, msgspec.convert, write), "twin"


def _oracle_way(oracle: Oracle) -> Encode:
    write, iterable = oracle.write, oracle.iterable

    def encode(value: Any) -> bytes:
        try:
            # None is written for any type, and an iterator would be used up by a serialiser that then fails.
            if value is not None and not (iterable and isinstance(value, Iterator)):
                return write(value)
        except Exception:  # noqa: S110  (an exception's context would show the value)
            pass
        return oracle.encode(value)

    return encode


def _object_way(oracle: Oracle, twin: Twin, convert: Callable[..., Any], write: Encode) -> Encode:
    kind, model = twin.answer, twin.model

    def encode(value: Any) -> bytes:
        try:
            if type(value) is model:
                return write(convert(value.__dict__, kind))
            return write(convert(value, kind, from_attributes=True))
        except Exception:  # noqa: S110  (as above)
            pass
        return oracle.encode(value)

    return encode


def _value_way(oracle: Oracle, twin: Twin, convert: Callable[..., Any], write: Encode) -> Encode:
    kind = twin.answer
    if twin.records:  # without them the option would only cost
        convert = functools.partial(convert, from_attributes=True)

    def encode(value: Any) -> bytes:
        try:
            return write(convert({"value": value}, kind).value)
        except Exception:  # noqa: S110  (as above)
            pass
        return encode([*value]) if isinstance(value, Iterator) else oracle.encode(value)

    return encode


def _list_way(
    oracle: Oracle,
    twin: Twin,
    exact: Callable[[list[Any]], list[Any] | None],
    convert: Callable[..., Any],
    write: Encode,
) -> Encode:
    kind, reads = twin.answer, twin.reads
    convert = functools.partial(convert, from_attributes=True)

    def encode(value: Any) -> bytes:
        try:
            if type(value) is list and (len(value) >= _LONG or not reads):
                rows = exact(value)
                if rows is not None:
                    # The leaves of exact instances are trusted but for a sample: what is wrong is wrong in most rows.
                    convert({"value": value[:: 1 + len(value) // _SAMPLE]}, kind)
                    return write(rows)
            if reads:
                return write(convert({"value": value}, kind).value)
        except Exception:  # noqa: S110  (as above)
            pass
        return encode([*value]) if isinstance(value, Iterator) else oracle.encode(value)

    return encode


def _checking(oracle: Oracle, encode: Encode) -> Encode:
    def encode_checked(value: Any) -> bytes:
        if isinstance(value, Iterator):
            value = [*value]
        oracle.check(value)
        return encode(value)

    return encode_checked


def _import_msgspec() -> ModuleType | None:
    try:
        return importlib.import_module("msgspec")
    except ImportError:
        return None
