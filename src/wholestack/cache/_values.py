"""What a store sees of values: JSON. Nothing that is read can run.

A value is ``w1``, the versions of its tags as JSON, a line's end, and the value as JSON. A bare number is a counter.
What looks otherwise, such as a pickle, is no value: it is as if nothing were there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pydantic
from pydantic_core import PydanticSerializationError, from_json, to_json

from wholestack.encoding import MASK, has_secret, secrets_of

from ._errors import CacheFault
from ._store import COUNTER

_FORM = b"w1"
_MASK = MASK.encode()
_TAGS: pydantic.TypeAdapter[dict[str, str]] = pydantic.TypeAdapter(dict[str, str])


def encode(value: object, type: Any = None) -> bytes:
    """A value as JSON, by a type where one is given: then what has the attributes of a model will do.

    Raises:
        CacheFault: a value that has no form in JSON, or not that of the type.
    """
    try:
        if type is None:
            payload = to_json(value)
        else:
            adapter = _adapter(type)
            value = adapter.validate_python(value, from_attributes=True)
            payload = adapter.dump_json(value, by_alias=True)
    except (PydanticSerializationError, pydantic.ValidationError, UnicodeDecodeError) as error:
        raise CacheFault(
            "A value is kept as JSON, and this has no such form: take plain types, a dataclass or a model, and "
            f"name it with type=… where it is made of a row. {_first_line(error)}"
        ) from None
    if _MASK in payload and has_secret(value):
        raise _asterisks("the value")
    return payload


def decode(payload: bytes, type: Any = None) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, or not of that type.
    """
    return from_json(payload) if type is None else _adapter(type).validate_json(payload)


def _adapter(type: Any) -> pydantic.TypeAdapter[Any]:
    try:
        return _known_adapter(type)
    except TypeError:  # What is in an `Annotated` may have no hash.
        return _checked(pydantic.TypeAdapter(type))


@functools.lru_cache(256)
def _known_adapter(type: Any) -> pydantic.TypeAdapter[Any]:
    return _checked(pydantic.TypeAdapter(type))


def _checked(adapter: pydantic.TypeAdapter[Any]) -> pydantic.TypeAdapter[Any]:
    found = dict.fromkeys(secrets_of(adapter.core_schema))
    if found:
        raise _asterisks(", ".join(name or "the value" for name in found))
    return adapter


def _asterisks(where: str) -> CacheFault:
    return CacheFault(
        f"A value is kept as JSON, and the secret in {where} would come back as asterisks. Keep what holds no secret, "
        "or say by a serializer how it is kept."
    )


def _first_line(error: Exception) -> str:
    # Of Pydantic's own words only what was expected: the rest may hold the value.
    if isinstance(error, pydantic.ValidationError):
        return "; ".join(each["msg"] for each in error.errors(include_input=False, include_url=False)[:3])
    return str(error).splitlines()[0] if str(error) else ""


def seal(payload: bytes, versions: Mapping[str, str]) -> bytes:
    r"""What a store keeps: a value, and the versions of its tags when it was made.

    Example:
        >>> seal(b"[1,2]", {}), seal(b"7", {})
        (b'w1{}\n[1,2]', b'7')
    """
    if not versions and COUNTER.fullmatch(payload):
        return payload
    return _FORM + to_json(dict(versions)) + b"\n" + payload


def unseal(raw: bytes | None) -> tuple[dict[str, str], bytes] | None:
    r"""The versions and the value of what a store kept; None for what is not of this form.

    Example:
        >>> unseal(b'w1{}\n[1,2]'), unseal(b"\x80\x04cos\nsystem\n.")
        (({}, b'[1,2]'), None)
    """
    if raw is None:
        return None
    if COUNTER.fullmatch(raw):
        return {}, raw
    head, found, payload = raw.partition(b"\n")
    if not found or not head.startswith(_FORM):
        return None
    try:
        return _TAGS.validate_json(head.removeprefix(_FORM)), payload
    except ValueError:
        return None


def seconds_of(ttl: float | None, default: float) -> float:
    """How long a value is kept.

    Raises:
        CacheFault: a time that is none.

    Example:
        >>> seconds_of(None, 300.0), seconds_of(1, 300.0)
        (300.0, 1)
    """
    seconds = default if ttl is None else ttl
    if not seconds > 0:  # Also of what is no number at all.
        raise CacheFault("ttl= is a number of seconds above 0; math.inf keeps a value as long as there is room.")
    return seconds
