"""What a short run leaves out: combinations, never a case, and never a value of an axis."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from combinations import chosen, left_out
from databases import KINDS as DATABASES
from servers.matrix import KINDS as SERVERS


def items(test: str, **parameters: Any) -> list[Any]:
    """What pytest collects of one test: an item for each combination."""
    return [
        SimpleNamespace(
            nodeid=f"{test}[{'-'.join(map(str, values))}]",
            callspec=SimpleNamespace(params=dict(zip(parameters, values, strict=True))),
        )
        for values in itertools.product(*parameters.values())
    ]


def taken(of: list[Any]) -> list[dict[str, Any]]:
    out = left_out(of)
    return [item.callspec.params for item in of if item.nodeid not in out]


def test_each_database_and_each_colour_once() -> None:
    left = taken(items("test", kind=DATABASES, colour=["def", "async"]))
    assert len(left) == 3
    assert {each["kind"] for each in left} == set(DATABASES)
    assert {each["colour"] for each in left} == {"def", "async"}


def test_each_case_meets_each_database() -> None:
    cases = [object() for _ in range(7)]
    left = taken(items("test", kind=DATABASES, case=cases, colour=["async", "plain"]))
    assert {(each["kind"], each["case"]) for each in left} == set(itertools.product(DATABASES, cases))
    for case in cases:
        assert {each["colour"] for each in left if each["case"] is case} == {"async", "plain"}
    # The table goes round: each database has been asked in each colour.
    assert len({(each["kind"], each["colour"]) for each in left}) == 6


def test_each_case_meets_each_interface_and_the_test_each_server() -> None:
    cases = [f"case {number}" for number in range(20)]
    left = taken(items("test", kind=SERVERS, case=cases))
    for case in cases:
        assert {each["kind"].interface for each in left if each["case"] == case} == {"asgi", "wsgi", "rsgi"}
    assert {each["kind"] for each in left} == set(SERVERS)
    assert len(left) <= 3 * len(cases) + len(SERVERS)


def test_a_single_case_runs_on_every_server() -> None:
    assert left_out(items("test", running=SERVERS)) == set()


def test_what_is_no_axis_is_whole() -> None:
    assert left_out(items("test", kind=[ValueError, KeyError], name=["a", "b"], interface=["asgi"])) == set()
    assert left_out([SimpleNamespace(nodeid="test_plain")]) == set()


def test_the_same_in_each_run() -> None:
    cases = {number: [(("kind", kind), ("colour", colour)) for kind in "abc" for colour in "de"] for number in range(9)}
    assert chosen(cases) == chosen(dict(cases))
