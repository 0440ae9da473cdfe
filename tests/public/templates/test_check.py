"""What `wholestack check` finds in templates before anybody asks for a page."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from wholestack import App
from wholestack.templates import Page, Templates

APP = """
from wholestack import App
from wholestack.templates import Page, Templates

app = App(docs=False)
templates = Templates()
templates.helpers["who"] = lambda request: "me"
app.use(templates)


@app.get("/posts/{id}")
def show(id: int) -> Page:
    return PAGE
"""


TYPED = """
import dataclasses
import typing

import pydantic

import wholestack
from wholestack import App
from wholestack.templates import Page, Templates

Item = typing.TypeVar("Item")


@dataclasses.dataclass
class Show:
    word: str


@dataclasses.dataclass
class Some(typing.Generic[Item]):
    word: Item


class Model(pydantic.BaseModel):
    word: str
    other: int = 1


class Typed(typing.TypedDict, total=False):
    word: str


class Space:
    Inner = Show


def anything(**values):
    return values


app = App(docs=False)
app.use(Templates())


def made():
    Near = dataclasses.make_dataclass("Near", ["word", "near"])

    @app.get("/posts/{id}")
    def show(id: int) -> Page:
        LINES
        return PAGE

    return Near, id


made()
"""


def faults(tmp_path: Path, page: str, *, source: str = APP, **templates: str) -> list[tuple[str, str, str]]:
    """Code, message and the place's end of each fault."""
    folder = tmp_path / "templates"
    folder.mkdir(exist_ok=True)
    for name, text in templates.items():
        (folder / f"{name}.html").write_text(text)
    file = tmp_path / "checked.py"
    file.write_text(source.replace("PAGE", page))
    spec = importlib.util.spec_from_file_location("templates_checked", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["templates_checked"] = module
    try:
        spec.loader.exec_module(module)
        module.app.seal()
        found = [fault for check in module.app.checks for fault in check()]
    finally:
        del sys.modules["templates_checked"]
    return [(each.code, each.message, each.where.rpartition("/")[2]) for each in found]


@pytest.mark.parametrize(
    ("page", "templates"),
    [
        ('Page("a.html", word="x")', {"a": "{{ word }} {{ who }} {{ request.path }} {{ url_for('show', id=1) }}"}),
        ('Page("a.html", word="x", block="b")', {"a": "{% block b %}{{ word }}{% endblock %}"}),
        ('Page("a.html", fragment="b")', {"a": "{% extends 'base.html' %}", "base": "{% block b %}{% endblock %}"}),
        ('Page("a.html", {"word": "x"})', {"a": "{{ word }}"}),
        ('Page("a.html", **vars())', {"a": "{{ word }}"}),
        ('Page("a.html")', {"a": "{% if word is defined %}{{ word }}{% endif %}{{ other|default('x') }}"}),
        ('Page("a.html")', {"a": "{% set word = 1 %}{{ word }}{% for each in [1] %}{{ each }}{% endfor %}"}),
        (
            'Page("a.html", posts=[])',
            {"a": "{% for post in posts %}{% include 'p.html' %}{% endfor %}", "p": "{{ post }}"},
        ),
        ('Page("a.html")', {"a": "{% with x=1 %}{% include 'p.html' %}{% endwith %}", "p": "{{ x }}"}),
        ('Page("a.html")', {"a": "{% extends 'b.html' %}{% set title='T' %}", "b": "{{ title }}"}),
        (
            'Page("a.html")',
            {
                "a": "{% import 'm.html' as m %}{% block b %}{{ m.f() }}{% endblock %}",
                "m": "{% macro f() %}{% endmacro %}",
            },
        ),
        ('Page("a.html", block="b", w=1)', {"a": "{{ other }}{% block b %}{{ w }}{% endblock %}"}),
        ('Page("a.html")', {"a": "{% include 'none.html' ignore missing %}"}),
        ('Page("a" + ".html")', {}),
        ('Page("a.html", status=404, headers={}, stream=True)', {"a": "{{ range(3) }}"}),
    ],
)
def test_what_is_sound(tmp_path: Path, page: str, templates: dict[str, str]) -> None:
    assert faults(tmp_path, page, **templates) == []


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    ((code, message, where),) = faults(tmp_path, 'Page("b.html")', a="")
    assert code == "no-template" and "Is a.html meant?" in message and where == "checked.py:13"


def test_one_that_does_not_compile(tmp_path: Path) -> None:
    assert [each[::2] for each in faults(tmp_path, 'Page("a.html")', a="x\n{% endif %}")] == [
        ("template-broken", "a.html:2")
    ]


def test_a_name_that_the_page_does_not_give(tmp_path: Path) -> None:
    files = {
        "a": "{% extends 'base.html' %}{{ word }}",
        "base": "{{ title }}{% include 'part.html' %}",
        "part": "{{ x }}",
    }
    ((code, message, where),) = faults(tmp_path, 'Page("a.html", word=1)', **files)
    assert (code, where) == ("template-names", "checked.py:13")
    assert message == "a.html uses title, x, which this page does not give."


def test_names_of_a_dict(tmp_path: Path) -> None:
    ((code, message, _),) = faults(tmp_path, 'Page("a.html", {"word": "x"}, other=1)', a="{{ word }}{{ other }}{{ x }}")
    assert (code, message) == ("template-names", "a.html uses x, which this page does not give.")


GIVEN = (
    'Show("x")',
    'Model(word="x")',
    "Near(1, 2)",
    'Typed(word="x")',
    'Some[str]("x")',
    'Space.Inner("x")',
    "dict(word=1)",
)


@pytest.mark.parametrize("context", GIVEN)
def test_a_name_that_a_typed_context_does_not_give(tmp_path: Path, context: str) -> None:
    source = TYPED.replace("LINES", "pass")
    page = f'Page("a.html", {context}, x=1)'
    assert faults(tmp_path, page, source=source, a="{{ word }}{{ x }}") == []
    ((code, message, _),) = faults(tmp_path, page, source=source, a="{{ word }}{{ x }}{{ wrod }}")
    assert (code, message) == ("template-names", "a.html uses wrod, which this page does not give.")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ('context = Show("x"); print(context)', ["template-names"]),
        ('context: Show = Show("x")', ["template-names"]),
        ('context = {"word": 1}', ["template-names"]),
        # What only a run can tell is not told.
        ('context = {"word": 1}; context["wrod"] = 2', []),
        ('context = {"word": 1}; context |= {"wrod": 2}', []),
        ('context = Show("x"); context = anything(wrod=1)', []),
        ("context = anything(wrod=1)", []),
        ('context = {"word": 1, **anything(wrod=1)}', []),
        ('context = dict([("wrod", 1)])', []),
        ("context = id.nothing()", []),
        ("context = wholestack.Nothing()", []),
        ("context = anything()()", []),
        ('from wholestack import App as Show; context = Show("x")', []),
        ("Show = anything; context = Show()", []),
        ("context = [Page('a.html', Show()) for Show in [anything]]", []),
        ("context = lambda Show: Page('a.html', Show())", []),
        ("for context in ({},): pass", []),
    ],
)
def test_names_of_a_context_that_has_a_name(tmp_path: Path, lines: str, found: list[str]) -> None:
    page = 'Page("a.html", context)'
    told = faults(tmp_path, page, source=TYPED.replace("LINES", lines), a="{{ wrod }}")
    assert [each[0] for each in told] == found


def test_a_block_that_is_not_there(tmp_path: Path) -> None:
    ((code, message, _),) = faults(tmp_path, 'Page("a.html", block="rows")', a="{% block row %}{% endblock %}")
    assert (code, message) == ("no-template", "a.html has no block 'rows'; there are: row.")


def test_a_link_to_no_handler(tmp_path: Path) -> None:
    ((code, message, where),) = faults(tmp_path, 'Page("a.html")', a="\n\n{{ url_for('shwo', id=1) }}")
    assert (code, where) == ("template-link", "a.html:3")
    assert message == "url_for names 'shwo', which is no handler of this app."


def test_what_it_extends_or_includes_is_not_there(tmp_path: Path) -> None:
    ((code, message, where),) = faults(tmp_path, 'Page("a.html")', a="\n{% include 'none.html' %}")
    assert (code, where) == ("no-template", "a.html:2") and "none.html" in message


def test_a_link_to_no_handler_hides_nothing_else(tmp_path: Path) -> None:
    found = faults(tmp_path, 'Page("a.html", block="none")', a="{{ url_for('shwo') }}")
    assert [each[0] for each in found] == ["template-link", "no-template"]


def test_what_is_no_text_is_told_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / ".DS_Store").write_bytes(b"\xff\xfe")
    (tmp_path / "templates" / "latin.html").write_bytes("é".encode("latin-1"))
    ((code, _, where),) = faults(tmp_path, 'Page("a.html")', a="")
    assert (code, where) == ("template-broken", "latin.html:1")


def test_a_function_without_source() -> None:
    app = App(docs=False)
    app.use(Templates())
    space = {"app": app, "Page": Page}
    exec("@app.get('/')\ndef made() -> Page:\n    return Page('nothing.html')", space)
    app.seal()
    assert [fault for check in app.checks for fault in check()] == []
