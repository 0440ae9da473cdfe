"""Plain values as JSON: where no type is declared, in an error's document, in a `JSON` of a handler's own.

Plain are numbers, text, bytes, dates, UUIDs, enums, and lists, tuples, sets and dicts of these. Any other class has to
be declared, so that nothing reaches the wire which nobody has named. What is declared is written by the encoder that
the app names (`App.encoder`); `docs/json.md` has the policy, one for both.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import chain
from marshal import dumps
from types import NoneType
from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError, SchemaSerializer, core_schema

from wholestack.errors import AnswerMismatch

Encode = Callable[[Any], bytes]

_STRICTLY: Any = {"by_alias": True, "polymorphic_serialization": False, "warnings": "error"}
_CALLED = re.compile(r"Error calling function `(\w+)`: (\w+)")
_SURROGATES = "surrogates not allowed"
_DEEPEST = 200  # levels of a plain value; pydantic-core gives up at 255

_HOLDERS = (dict, list, tuple, set, frozenset, Enum)
_PLAIN = (NoneType, int, float, complex, str, bytes, bytearray, Decimal, date, time, timedelta, UUID, *_HOLDERS)


class JSONWriter:
    r"""A serialiser of Pydantic's at its strictest: the declared class decides over a subclass, what does not fit is
    an error, and text that UTF-8 has no bytes for is repaired.

    Example:
        >>> JSONWriter(SchemaSerializer(core_schema.any_schema())).attempt(["\ud800"])[0]
        b'["\xef\xbf\xbd"]'
    """

    def __init__(self, serializer: SchemaSerializer) -> None:
        self._serializer = serializer
        self.write: Encode = partial(serializer.to_json, **_STRICTLY)

    def attempt(self, value: Any) -> tuple[bytes | None, str]:
        """The JSON of a value; or None, and why there is none, without a word of the value."""
        failure = ""
        for write in (self.write, self._write_repaired):
            try:
                return write(value), ""
            except Exception as error:
                failure = str(error)
            if _SURROGATES not in failure:
                break
        return None, _reason(failure)

    def _write_repaired(self, value: Any) -> bytes:
        # UTF-8 has no bytes for a lone surrogate (RFC 3629 §3), and a reader no character.
        found = _repaired(self._serializer.to_python(value, mode="json", **_STRICTLY))
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def _reason(failure: str) -> str:
    if "invalid utf-8" in failure:
        return "expected bytes that are UTF-8 text; declare Base64Bytes for others"
    if _SURROGATES in failure:
        return "expected keys that are Unicode text"
    if called := _CALLED.search(failure):
        return f"the serialiser {called[1]} raised {called[2]}"
    return "expected a value that its type's serialiser can write"


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_repaired(each) for each in value]
    if isinstance(value, dict):
        return {key: _repaired(each) for key, each in value.items()}
    return value


def answer_mismatch(faults: Sequence[tuple[str, str]]) -> AnswerMismatch:
    """The error of an answer that is not of its type: of each fault its JSON pointer, and what was expected there.

    Example:
        >>> str(answer_mismatch([("/id", "expected a valid integer")])).partition(". ")[0]
        "The handler's answer is not of its declared type: at /id: expected a valid integer"
    """
    shown = "; ".join(f"at {pointer or 'the top'}: {expected}" for pointer, expected in faults[:5])
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return AnswerMismatch(
        f"The handler's answer is not of its declared type: {shown}{more}. "
        "Return what the annotation says, or name the type of the wire with returns=."
    )


def only_plain(value: Any) -> Any:
    """The value itself, if it is made of plain values only, at any depth.

    Example:
        >>> only_plain([1, {"a": None}])
        [1, {'a': None}]

    Raises:
        PydanticCustomError: something in it is not plain; a class of one's own needs a declared type.
    """
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        kinds: set[Any] = {*map(type, level)}
        _refuse_foreign(kinds)
        inner: list[Iterable[Any]] = []
        for kind in kinds:
            if issubclass(kind, _HOLDERS):
                same: list[Any] = level if len(kinds) == 1 else [each for each in level if type(each) is kind]
                if issubclass(kind, Enum):
                    inner.append(each.value for each in same)
                elif issubclass(kind, dict):
                    _refuse_foreign({*map(type, chain.from_iterable(same))})
                    inner.append(chain.from_iterable(map(dict.values, same)))
                else:
                    inner.append(chain.from_iterable(same))
        if not inner:
            return value
        level = [*chain.from_iterable(inner)]
    raise PydanticCustomError("answer_depth", "expected plain values at most {most} levels deep", {"most": _DEEPEST})


def _refuse_foreign(kinds: set[type]) -> None:
    for kind in kinds:
        if not issubclass(kind, _PLAIN) or hasattr(kind, "__dataclass_fields__"):
            text = "expected plain values where nothing is declared, found the class {name}: declare it"
            raise PydanticCustomError("answer_plain", text, {"name": kind.__qualname__})


_writer = JSONWriter(SchemaSerializer(core_schema.any_schema()))


def plain_encoder(otherwise: Encode, outer: type | None = None, inner: type | None = None) -> Encode:
    """The function that writes plain values: all, or those of the class `outer`, with members of the class `inner`.

    Arguments:
        otherwise: what writes a value that this cannot, or refuses it.

    Example:
        >>> plain_encoder(repr, dict)({"a": 1}), plain_encoder(repr, dict)([1])
        (b'{"a":1}', '[1]')
    """
    write = SchemaSerializer(core_schema.any_schema()).to_json

    def encode(value: Any) -> bytes:
        try:
            rows: Any = value
            if not outer or (type(rows) is outer and (not inner or {*map(type, value)} <= {inner})):
                # Marshal fails, in C, on whatever is not plain, but only at its end: too dear for a long list.
                (only_plain if rows.__class__ is list else dumps)(rows)
                return write(value)
        except Exception:  # noqa: S110  (an exception's context would show the value)
            pass
        return encode([*value]) if isinstance(value, Iterator) else otherwise(value)

    return encode


def _plain_or_mismatch(value: Any) -> bytes:
    try:
        only_plain(value)
    except PydanticCustomError as error:
        reason = f"{error.message()} [{error.type}]"
    else:
        body, reason = _writer.attempt(value)
        if body is not None:
            return body
    raise answer_mismatch([("", reason)])


encode_plain: Encode = plain_encoder(_plain_or_mismatch)
