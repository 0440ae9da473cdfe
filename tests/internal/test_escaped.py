"""Outputs of a template are escaped as `markupsafe` escapes them, wherever in it they stand."""

from __future__ import annotations

import random
from typing import Any

import jinja2
import pytest
from markupsafe import Markup, escape

from wholestack.languages import language, lazy
from wholestack.templates._engine import environment, escaped


class Says:
    """Says of itself that it is HTML, which its text is not."""

    def __html__(self) -> str:
        return "<b>"

    def __str__(self) -> str:
        return "<i>"


class Loud(str):
    """A text that is shown as another one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "<loud>"


VALUES: list[Any] = [
    *("", "plain", "<>&\"'", "&amp;", "\0<\ud800", "今日 <b>"),
    *(7, -1, True, 1.5, float("nan"), None, b"<", ("<",), {"<": "'"}),
    *(Markup("<b>"), Says(), Loud("quiet"), lazy("Save")),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_escaped_as_markupsafe_does(value: Any) -> None:
    with language("de"):
        assert str(escaped(value)) == str(escape(value))


def test_every_character_and_mixtures_of_them() -> None:
    every = "".join(map(chr, range(0x3000)))
    assert escaped(every) == str(escape(every))
    chance = random.Random(7)
    for _ in range(500):
        text = "".join(chance.choices("&<>'\"a;#39 ", k=12))
        assert escaped(text) == str(escape(text))


PLACES = (
    "{{ it }}",
    "{{ it ~ '<' }}",
    "{{ [it, it] | join('&') }}",
    "{% set text %}<p>{{ it }}</p>{% endset %}{{ text }}",
    "{% macro shown(what) %}<p>{{ what }}</p>{% endmacro %}{{ shown(it) }}{{ shown(shown(it)) }}",
    "{% macro around() %}<p>{{ caller() }}</p>{% endmacro %}{% call around() %}{{ it }}{% endcall %}",
    "{% filter upper %}{{ it }}{% endfilter %}",
    "{% for each in [it] recursive %}{{ each }}{% endfor %}",
    "{% block one %}{{ it }}{% endblock %}{{ self.one() }}",
    "{% autoescape false %}{{ it }}{% endautoescape %}{% autoescape true %}{{ it }}{% endautoescape %}",
    "{{ it | safe }}{{ it | e }}{{ it | forceescape }}",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_template_says_what_it_says_in_jinja_itself(place: str) -> None:
    theirs = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    ours = environment()
    for value in ("<b>'\"&", Markup("<b>"), 7, Says()):
        assert ours.from_string(place).render(it=value) == theirs.from_string(place).render(it=value)


def test_a_name_that_is_missing_is_an_error_still() -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ it }}").render()


def test_templates_have_it() -> None:
    """Where Jinja's code would not find it any more, it would escape in its own way, and cost more."""
    assert environment().from_string("{{ it }}").root_render_func.__globals__["escape"] is escaped
