"""Globals of the environment: seen by every template as they are when it is rendered, and covered by what a page gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wholestack.templates import Engine

FILES = {
    "page.html": "{% extends 'layout.html' %}{% block main %}{% import 'macros.html' as m with context %}{{ shop }} {{ m.said() }}{% endblock %}",
    "layout.html": "{{ shop }}: {% block main %}{% endblock %} {% include 'part.html' %}",
    "part.html": "[{{ shop }} {{ own|default('none') }}]",
    "macros.html": "{% macro said() %}({{ shop }}){% endmacro %}",
    "locals.html": "{% for own in 'ab' %}{% include 'part.html' %}{% endfor %}{% set shop = 'set' %}{{ shop }}{% include 'part.html' %}",
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    yield Engine([str(tmp_path)])


def test_they_may_change_and_a_page_s_own_go_before(engine: Engine) -> None:
    shop = engine.environment.globals
    shop["shop"] = "old"
    assert engine.render("page.html", {}) == "old: old (old) [old none]"
    shop["shop"] = "new"
    assert engine.render("page.html", {"own": 7}) == "new: new (new) [new 7]"
    assert engine.render("page.html", {"shop": "page"}) == "page: page (page) [page none]"
    assert "".join(engine.stream("page.html", {"shop": "page"})) == "page: page (page) [page none]"
    assert engine.render("page.html", {}, block="main") == "new (new)"


def test_what_a_template_sets_goes_before_both(engine: Engine) -> None:
    engine.environment.globals["shop"] = "shop"
    assert engine.render("locals.html", {}) == "[shop a][shop b]set[set none]"
    assert engine.render("locals.html", {"shop": "page"}) == "[page a][page b]set[set none]"


def test_a_template_s_own_go_before_those_of_all(engine: Engine) -> None:
    engine.environment.globals.update(shop="shop", own="all")
    template = engine.environment.get_template("part.html", globals={"own": "its"})
    assert template.render() == "[shop its]"
    assert engine.render("part.html", {"shop": "page"}) == "[page its]"
    assert str(template.make_module({"shop": "page"}, locals={"own": "local"})) == "[page local]"
