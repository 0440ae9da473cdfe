"""Row B18: no filter for texts takes long for a long text, whatever is in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup

from wholestack.templates import Engine

SHAPES: dict[str, Callable[[int], str]] = {
    "one word": lambda size: "a" * size,
    "words": lambda size: "aB " * (size // 3),
    "spaces": lambda size: " " * size,
    "lines": lambda size: "\n" * size,
    "open tags": lambda size: "<" * size,
    "tags": lambda size: "<b>" * (size // 3),
    "comments": lambda size: "<!--" * (size // 4),
    "entities": lambda size: "&#1" * (size // 3),
    "addresses": lambda size: "http://a.b " * (size // 11),
    "mails": lambda size: "a@b.c " * (size // 6),
    "one address": lambda size: "http://" + "a." * (size // 2),
    "after an address": lambda size: "www.a.b" + ".,)" * (size // 3),
    "before an address": lambda size: "(" * size + "www.a.b",
    "brackets of an address": lambda size: "www.a.b" + "(" * (size // 2) + ")" * (size // 2),
    "hyphens": lambda size: "1-" * (size // 2),
    "accents": lambda size: "e\u0301" * (size // 2),
    "digits": lambda size: "9" * size,
}
FILTERS = (
    *("capitalize", "center(200)", "e", "escape", "forceescape", "format", "indent", "lower", "replace('a', 'bb')", "reverse"),
    *("string", "striptags", "title", "tojson", "trim", "truncate", "truncate(100)", "upper", "urlencode", "urlize"),
    *("urlize(40, true)", "wordcount", "wordwrap", "wordwrap(20)", "wordwrap(20, false)", "int", "float", "safe"),
)  # fmt: skip
SLOWER = {"striptags": 1.0, "title": 1.0}
"""Seconds; in these Python is called for each tag, entity or word."""
#: Jinja2's own that are for other values than texts, or take them apart.
OTHERS = {
    *("abs", "attr", "batch", "count", "d", "default", "dictsort", "filesizeformat", "first", "groupby", "items", "join", "last"),
    *("length", "list", "map", "max", "min", "pprint", "random", "reject", "rejectattr", "round", "select", "selectattr", "slice"),
    *("sort", "sum", "unique", "xmlattr"),
}  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return Engine([str(tmp_path_factory.mktemp("templates"))]).environment


SIZES = (250_000, 500_000, 1_000_000)


def seconds(template: Any, text: str) -> float:
    begun = time.process_time()
    try:
        template.render(text=text)
    except (TypeError, ValueError, OverflowError):
        pass  # A text that is no format, no number.
    return time.process_time() - begun


def in_line(took: list[float], bound: float) -> bool:
    """Whether twice the text is at most 2.5 times the work; what is less than 0.02 s cannot be told from chance."""
    grown = (more < 2.5 * less for less, more in zip(took, took[1:], strict=False))
    return took[-1] < bound and (took[0] <= 0.02 or all(grown))


@pytest.mark.parametrize("name", FILTERS)
def test_B18_a_filter_takes_a_long_text_in_linear_time(environment: Any, name: str, untraced: Any) -> None:
    """The least of some tries: a machine that does other things as well is no slower filter, and no quicker one."""
    template = environment.from_string("{{ text|" + name + " }}")
    bound = SLOWER.get(name, 0.2)
    for shape, make in SHAPES.items():
        texts = [make(size) for size in SIZES]
        took = [seconds(template, text) for text in texts]
        for _ in range(9):
            if in_line(took, bound):
                break
            took = [min(least, seconds(template, text)) for least, text in zip(took, texts, strict=True)]
        assert in_line(took, bound), (shape, took)


def test_every_filter_is_looked_at(environment: Any) -> None:
    named = {each.partition("(")[0] for each in FILTERS}
    assert named | OTHERS == set(environment.filters)


def test_what_is_long_is_shown_whole(environment: Any) -> None:
    text = "see http://a.example now " * 10_000
    shown = environment.from_string("{{ text|urlize }}").render(text=text + "<b>")
    assert shown.startswith('see <a href="http://a.example" rel="noopener">http://a.example</a> now see')
    assert Markup(shown).striptags() == f"{text}<b>"
    assert shown.endswith("&lt;b&gt;") and "<b>" not in shown
    assert 1_900 < shown.count("<a ") <= 2_000
    wrapped = environment.from_string("{{ text|wordwrap(30) }}").render(text=text)
    assert wrapped.startswith("see http://a.example now see\nhttp://a.example now")
    assert wrapped.replace("\n", " ").replace(" ", "") == text.replace(" ", "")
