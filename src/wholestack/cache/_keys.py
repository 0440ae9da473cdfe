"""The names of keys: hashes that tell values apart by all that they hold, and by their types.

A name must not be the same for two keys that differ, since then one gets what was made for the other. So nothing here
asks a value for a form to show, which may leave something out or mask it: there is a closed list of types, and what is
not on it is refused.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import json
import uuid
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pydantic

from ._errors import CacheFault

_PLAIN = frozenset({type(None), bool, int, float, str})
"""What JSON tells apart by itself."""
_SECRETS = pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret
_PYTHONS = frozenset({"__dict__", "__weakref__"})
_RECKONED = functools.cached_property


def name_of(kind: str, *key: object) -> str:
    r"""The name of a key in a store: 64 characters, whatever the key is (CVE-2020-13254).

    Arguments:
        kind: what it is the key of; the same key of two kinds has two names.
        key: texts, bytes, numbers, dates, times, UUIDs, members of enumerations; dataclasses and models, by all their
            attributes; secrets, by a hash; and tuples, lists, dicts and sets of all these.

    Raises:
        CacheFault: a key that is none of these.

    Example:
        >>> name_of("value", "a b") == name_of("value", "a\nb"), len(name_of("value", "x" * 300))
        (False, 64)
        >>> name_of("value", 1) == name_of("value", "1"), name_of("value", {1: 2}) == name_of("value", {"1": 2})
        (False, False)
    """
    try:
        return _hash([kind, *map(_told, key)])
    except (RecursionError, ValueError):  # Also of a number that has more digits than Python writes.
        raise _no_key("One that holds itself, or a number of thousands of digits, is none.") from None


def _hash(told: object) -> str:
    # In ASCII, so that a lone surrogate, which a path may hold, has a form as well.
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=32).hexdigest()


def _told(value: object) -> object:
    """A value for JSON: plain ones as they are, each other one as a list that begins with its type."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    return [f"{kind.__module__}.{kind.__qualname__}", *_parts(value, kind)]


def _parts(value: Any, kind: type) -> Iterator[object]:
    if hasattr(kind, "__mapper__"):
        raise _no_key(f"{_named(kind)} is a row of the database: take what its key is made of.")
    if isinstance(value, enum.Enum):
        yield _told(value.value) if isinstance(value, enum.Flag) else value.name
    elif isinstance(value, _SECRETS):
        yield _hash(_told(value.get_secret_value()))
    elif isinstance(value, pydantic.BaseModel) or dataclasses.is_dataclass(kind):
        yield _told(_attributes(value, kind))
    else:
        listed = next((each for each in kind.__mro__ if each in _LISTED), None)
        if listed is None:
            raise _no_key(f"{_named(kind)} is none.")
        yield _LISTED[listed](value)
        if kind is not listed:
            yield _told(_attributes(value, kind))


def _attributes(value: object, kind: type) -> dict[str, object]:
    """All that an object holds, but for what it has reckoned from the rest (`cached_property`).

    Of a model that is also what it keeps in private, and which fields were given: a function may ask for those.
    """
    held: dict[str, object] = {}
    for each in kind.__mro__:
        slots = () if each in _LISTED else vars(each).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            own = f"_{each.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            if own not in _PYTHONS and hasattr(value, own):
                held[own] = getattr(value, own)
    held |= getattr(value, "__dict__", {})
    reckoned = {name for each in kind.__mro__ for name, own in vars(each).items() if isinstance(own, _RECKONED)}
    return {name: each for name, each in held.items() if name not in reckoned}


def _in_order(values: Iterable[object]) -> list[object]:
    return [*map(_told, values)]


def _sorted(values: Iterable[object]) -> list[object]:
    """Of what has no order of its own, as a set has none."""
    return sorted(_in_order(values), key=json.dumps)


def _moment(value: datetime.datetime | datetime.time) -> list[object]:
    zone = value.tzinfo
    known = isinstance(zone, (datetime.timezone, zoneinfo.ZoneInfo))
    return [value.isoformat(), value.fold, str(zone) if known else value.tzname()]


_LISTED: dict[type, Callable[[Any], object]] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: bytes.hex,
    uuid.UUID: str,
    decimal.Decimal: str,
    datetime.datetime: _moment,
    datetime.date: lambda value: value.isoformat(),
    datetime.time: _moment,
    datetime.timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    tuple: lambda value: _in_order(tuple.__iter__(value)),
    list: lambda value: _in_order(list.__iter__(value)),
    dict: lambda value: _sorted(dict.items(value)),
    set: lambda value: _sorted(set.__iter__(value)),
    frozenset: lambda value: _sorted(frozenset.__iter__(value)),
}


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _no_key(why: str) -> CacheFault:
    return CacheFault(
        "A key is a text, a number, a date, a UUID, a dataclass or a model, or a tuple, list, dict or set of these; "
        "name what tells the values apart: cache.get(('post', post.id)), or @cached(vary=lambda post: post.id). "
        f"{why}"
    )
