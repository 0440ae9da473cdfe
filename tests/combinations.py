"""Which combinations of server, interface, database and colour a short run takes (`--long` takes them all).

A test says what it must hold on by parameters; every combination of them would be most of a run's time, and what breaks on
one breaks seldom on nothing but that one. So of each case of a test a short run takes as few combinations as meet each
database, each interface and each colour; a test meets each server as well; and the next case begins at the next combination,
so that a table of cases goes round all of them. Which these are depends on the tests alone, so a failure comes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from databases import KINDS as DATABASES
from servers.matrix import BY_NAME, Kind

INTERFACES = ("asgi", "wsgi", "rsgi")
_AXES = tuple(
    frozenset(axis)
    for axis in (
        DATABASES,
        INTERFACES,
        (*BY_NAME, "wholestack-serve"),
        ("def", "async"),
        ("plain", "async"),
        ("plain", "as_async"),
        ("d", "a"),
    )
)
Place = tuple[tuple[str, str], ...]
"""Where one case runs: the axes' parameters with the names of their values."""


def _name(value: Any) -> str:
    """The name of a colour, a database, a server; nothing for what can be none of them."""
    if isinstance(value, str | Kind):
        return str(value)
    return str(getattr(value, "__name__", ""))


def _axes(calls: Iterable[Any]) -> set[str]:
    """The parameters of a test whose values are those of one axis, and more than one of them."""
    names: dict[str, set[str]] = defaultdict(set)
    for call in calls:
        for parameter, value in call.params.items():
            names[parameter].add(_name(value))
    return {each for each, values in names.items() if len(values) > 1 and any(values <= axis for axis in _AXES)}


def _levels(place: Place) -> set[tuple[str, str]]:
    """What of a place each case must meet: a server stands for its interface."""
    return {(axis, BY_NAME[name].interface if name in BY_NAME else name) for axis, name in place}


def chosen(cases: Mapping[Hashable, Sequence[Place]]) -> set[tuple[Hashable, Place]]:
    """Of each case of one test the places to run it at: few, and together each value of each axis.

    Example:
        >>> of_two = [(("kind", kind), ("colour", colour)) for kind in ("a", "b", "c") for colour in ("def", "async")]
        >>> sorted("-".join(name for _, name in place) for _, place in chosen({"one": of_two}))
        ['a-def', 'b-async', 'c-def']
    """
    taken: set[tuple[Hashable, Place]] = set()
    for number, (case, places) in enumerate(cases.items()):
        start = number % len(places)
        turned = [*places[start:], *places[:start]]
        missing = set().union(*map(_levels, turned))
        while missing:
            best = max(turned, key=lambda place: len(_levels(place) & missing))
            missing -= _levels(best)
            taken.add((case, best))
    met = {value for _, place in taken for value in place}
    for case, places in cases.items():
        for place in places:
            if not met.issuperset(place):
                met.update(place)
                taken.add((case, place))
    return taken


def left_out(items: Iterable[Any]) -> set[str]:
    """The node ids of what a short run does not take."""
    tests: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        if hasattr(item, "callspec"):
            tests[item.nodeid.partition("[")[0]].append(item)
    out: set[str] = set()
    for several in tests.values():
        axes = _axes(item.callspec for item in several)
        if not axes:
            continue
        cases: dict[Hashable, list[Place]] = defaultdict(list)
        at: dict[tuple[Hashable, Place], str] = {}
        for item in several:
            call = item.callspec
            # One object each in all combinations; pytest's own positions are others on each server.
            case = tuple((name, id(value)) for name, value in call.params.items() if name not in axes)
            place = tuple((name, _name(value)) for name, value in call.params.items() if name in axes)
            cases[case].append(place)
            at[case, place] = item.nodeid
        out.update(at[each] for each in at.keys() - chosen(cases))
    return out
