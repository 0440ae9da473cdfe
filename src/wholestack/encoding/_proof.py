"""The proof that a long list may be encoded as it is: by class and by keys, with loops in C, and no look at leaves.

For dicts it costs half of what their encoding costs, for dataclasses a tenth; conversion into twins costs as much as
the encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

Exact = Callable[[list[Any]], list[Any] | None]


class Record(NamedTuple):
    """An object with fields; `parts` are the records in them: the field, the steps to it, the record."""

    kind: str
    type: type
    names: tuple[str, ...]
    parts: tuple[tuple[str, tuple[str, ...], Record], ...]


def prover(record: Record) -> Exact:
    """Makes the function that proves a list to be instances with the declared fields and no others: what to encode
    instead of it (of models the fields), or None.

    Example:
        >>> exact = prover(Record("typed-dict", dict, ("id",), ()))
        >>> exact([{"id": 1}]), exact([{"id": 1, "secret": 2}])
        ([{'id': 1}], None)
    """
    kind, size, names = record.type, len(record.names), frozenset(record.names)
    fields_of = attrgetter("__dict__") if record.kind == "model" else None
    keyed = record.kind != "dataclass"
    parts = [((itemgetter if keyed else attrgetter)(name), steps, prover(part)) for name, steps, part in record.parts]

    def exact(rows: list[Any]) -> list[Any] | None:
        if [*map(type, rows)].count(kind) != len(rows):
            return None
        held: list[Any] = [*map(fields_of, rows)] if fields_of else rows
        # As many keys as are declared, and none that is not: these are the declared ones. (Rows that have more and
        # rows that have fewer may make up for each other in the sum; what one has more, the second look finds.)
        if keyed and not (sum(map(len, held)) == size * len(held) and names.issuperset(set().union(*held))):
            return None
        for get, steps, inner in parts:
            found = _reached(map(get, held), steps)
            if found is None or inner(found) is None:
                return None
        return held

    return exact


def _reached(values: Iterator[Any], steps: tuple[str, ...]) -> list[Any] | None:
    """The records behind the steps: those that are not None, those in lists; None where something is no list."""
    found = [*values]
    for step in steps:
        if step == "nullable":
            found = [each for each in found if each is not None]
        elif [*map(type, found)].count(list) == len(found):
            found = [*chain.from_iterable(found)]
        else:
            return None
    return found
