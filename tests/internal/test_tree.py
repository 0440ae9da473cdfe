"""The match tree against a naive oracle that compares every path with every template."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wholestack.routing import CONVERTERS, Template, TemplateFault, Tree

SEGMENTS = ("a", "b", "new", "{x}", "{n:int}", "v{x}", "{x}.txt", "{d:date}", "")
WORDS = ("a", "b", "new", "7", "-3", "v1", "v1.txt", "x.txt", "2026-02-28", "", "c")


def distinct(parts: list[str]) -> str:
    """A template of these segments, each field with a name of its own."""
    return "/" + "/".join(re.sub(r"\{\w+", f"{{f{index}", part) for index, part in enumerate(parts))


templates = st.builds(
    lambda parts, rest: distinct([*parts, "{r:path}"] if rest else parts),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3),
    st.booleans(),
)
paths = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
FILLED = {"{x}": WORDS, "{n:int}": ("7", "-3", "a"), "v{x}": ("v1", "v1.txt"), "{x}.txt": ("x.txt", "v1.txt")}


def near(text: str, choose: Random) -> str:
    """A path that a template, or one much like it, may take."""
    parts = [re.sub(r"\{f\d+", "{x", part).replace("{x:int}", "{n:int}") for part in text.split("/")[1:]]
    return "/" + "/".join(choose.choice(FILLED.get(part) or (part, *WORDS)) for part in parts)


def rank(part: str) -> int:
    """Literal before pattern before plain field before rest."""
    if "{" not in part:
        return 0
    if part.endswith(":path}"):
        return 3
    return 2 if re.fullmatch(r"\{\w+\}", part) else 1


def oracle(texts: list[str], path: str) -> tuple[str, dict[str, str]] | None:
    found = []
    for number, text in enumerate(texts):
        expression, names = "", []
        for part in re.split(r"(\{\w+(?::\w+)?\})", text):
            if part.startswith("{"):
                name, _, kind = part[1:-1].partition(":")
                names.append(name)
                expression += f"({CONVERTERS[kind or 'str']})"
            else:
                expression += re.escape(part)
        match = re.fullmatch(expression, path, re.DOTALL)
        # A `path` field takes no rest that is empty but for slashes.
        if match and not (text.endswith(":path}") and not match.groups()[-1].strip("/")):
            order = tuple((rank(part), first_with(texts, text, index)) for index, part in enumerate(text.split("/")))
            found.append((order, number, text, dict(zip(names, match.groups(), strict=True))))
    return min(found)[2:] if found else None


def first_with(texts: list[str], text: str, depth: int) -> int:
    """Among patterns at one place the one that was written first goes first."""
    part = text.split("/")[depth]
    if rank(part) != 1:
        return 0
    key = [re.sub(r"f\d+", "f", each) for each in text.split("/")[: depth + 1]]
    return next(
        index
        for index, each in enumerate(texts)
        if [re.sub(r"f\d+", "f", one) for one in each.split("/")[: depth + 1]] == key
    )


def tree_of(texts: list[str]) -> Tree[str]:
    tree = Tree[str]("missing")
    for text in texts:
        tree.leaf(Template.parse(text), lambda text=text: text)  # type: ignore[misc]
    return tree


@settings(max_examples=100)
@given(st.lists(templates, max_size=20), st.lists(paths, max_size=12), st.randoms(use_true_random=False))
def test_the_tree_finds_what_the_oracle_finds(texts: list[str], asked: list[str], choose: Random) -> None:
    asked += [near(text, choose) for text in texts for _ in range(3)]
    for settled in (False, True):
        tree = tree_of(texts)
        if settled:
            tree.settle()
        for path in asked:
            expected = oracle(texts, path) or ("missing", {})
            assert tree.match(path) == expected, (texts, path)


def test_one_leaf_for_one_shape() -> None:
    tree = tree_of([])
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return str(len(made))

    for text in ("/a", "/a/{x}", "/a/{x:int}", "/a/x{x}", "/a/{x}/{rest:path}", "/{rest:path}"):
        assert tree.leaf(Template.parse(text), make) == tree.leaf(Template.parse(text), make)
    assert len(made) == 6


@given(st.text("/{}:ax1_é.", max_size=20))
def test_a_template_is_read_or_refused(text: str) -> None:
    try:
        template = Template.parse(text)
    except TemplateFault:
        return
    assert template.text == text
    assert set(template.names) == set(re.findall(r"\{(\w+)", text))


@given(st.dictionaries(st.sampled_from(["x", "y"]), st.text(min_size=1), min_size=2))
def test_what_a_template_builds_it_takes_back(values: dict[str, str]) -> None:
    from urllib.parse import unquote

    template = Template.parse("/of/{x}/and/{y:path}")
    try:
        path = template.build(values)
    except ValueError:
        return
    tree = tree_of(["/of/{x}/and/{y:path}"])
    tree.settle()
    leaf, found = tree.match(unquote(path))
    if values["y"].strip("/"):
        assert (leaf, found) == (template.text, values)


def test_many_routes_cost_no_more_than_few(untraced: None) -> None:
    import sys

    few = tree_of([f"/r{n}/{{id}}/x" for n in range(3)])
    many = tree_of([f"/r{n}/{{id}}/x" for n in range(3000)])
    counts = []
    for tree in (few, many):
        tree.settle()
        for path in ("/r1/7/x", "/r1/7/y", "/none"):
            calls = 0

            def count(frame: Any, event: str, argument: Any) -> None:
                nonlocal calls
                calls += event in {"call", "c_call"}

            sys.setprofile(count)
            tree.match(path)
            sys.setprofile(None)
            counts.append(calls)
    assert counts[:3] == counts[3:]


@pytest.mark.parametrize("path", ["", "/", "//", "a", "/a/", "/\0", "/" * 1000, "/a" * 4000])
def test_no_path_is_an_error(path: str) -> None:
    tree = tree_of(["/a/{x}/{rest:path}", "/{x}"])
    for _ in range(2):
        leaf, values = tree.match(path)
        assert leaf in {"missing", "/a/{x}/{rest:path}", "/{x}"}
        tree.settle()
