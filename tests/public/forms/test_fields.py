"""How types are shown: widgets, attributes from constraints, labels, what stands in each, and what is wrong with it."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import html.parser
import re
import uuid
from html import unescape
from typing import Annotated, Any, Literal

import pydantic
import pytest
from markupsafe import Markup

from wholestack import HTML, App, Form, SetupError, Upload
from wholestack.encoding import form_values
from wholestack.forms import Color, FormView, Widget
from wholestack.http import FormData


class Kind(enum.Enum):
    NEWS = "news"
    BIG_STORY = "big"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

    @property
    def label(self) -> str:
        return f"{self.name.lower()} <level>"


def shown(kind: Any, default: Any = ..., **said: Any) -> str:
    """The input of a model's one field."""
    model: Any = pydantic.create_model("Shown", field=(kind, pydantic.Field(default, **said)))
    return str(FormView(model)["field"].input)


REQUIRED = 'name="field" id="f-field" required'
OPTIONAL = 'name="field" id="f-field"'


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, f'<input type="text" {REQUIRED} value="">'),
        (int, f'<input type="number" {REQUIRED} value="">'),
        (float, f'<input type="number" {REQUIRED} step="any" value="">'),
        (decimal.Decimal, f'<input type="number" {REQUIRED} step="any" value="">'),
        (bool, f'<input type="checkbox" {OPTIONAL} value="true">'),
        (Literal[True], f'<input type="checkbox" {REQUIRED} value="true">'),
        (datetime.date, f'<input type="date" {REQUIRED} value="">'),
        (datetime.datetime, f'<input type="datetime-local" {REQUIRED} value="">'),
        (datetime.time, f'<input type="time" {REQUIRED} value="">'),
        (datetime.timedelta, f'<input type="text" {REQUIRED} value="">'),
        (uuid.UUID, f'<input type="text" {REQUIRED} value="">'),
        (pydantic.AnyUrl, f'<input type="url" {REQUIRED} minlength="1" value="">'),
        (Annotated[str, pydantic.Field(json_schema_extra={"format": "email"})], f'<input type="email" {REQUIRED} value="">'),
        (pydantic.SecretStr, f'<input type="password" {REQUIRED}>'),
        (Upload, f'<input type="file" {REQUIRED}>'),
        (list[Upload], f'<input type="file" {REQUIRED} multiple>'),
        (Color, f'<input type="color" {REQUIRED} value="#000000">'),
        (Annotated[str, Widget("textarea", rows=4)], f'<textarea {REQUIRED} rows="4">\n</textarea>'),
        (Annotated[str, Widget("hidden")], f'<input type="hidden" {OPTIONAL} value="">'),
        (Annotated[str, Widget("none")], ""),
        (Annotated[str, Widget("search")], f'<input type="search" {REQUIRED} value="">'),
        (Annotated[int, Widget("range", min=0)], f'<input type="range" {REQUIRED} min="0">'),
        (Annotated[Upload, Widget(accept="image/*", data_a="b")], f'<input type="file" {REQUIRED} accept="image/*" data-a="b">'),
        (Annotated[str, Widget(autocomplete="email", readonly=True)], f'<input type="text" {REQUIRED} autocomplete="email" readonly value="">'),
        (dict[str, int], ""),
        (int | str, f'<input type="text" {REQUIRED} value="">'),
        (str | None, f'<input type="text" {OPTIONAL} value="">'),
    ],
)  # fmt: skip
def test_the_input_of_a_type(kind: Any, expected: str) -> None:
    assert shown(kind) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Annotated[str, Widget("password")], f'<input type="password" {OPTIONAL}>'),
        (Annotated[str, Widget("textarea", rows=3)], f'<textarea {OPTIONAL} rows="3">\nx</textarea>'),
        (Annotated[str, Widget("hidden")], f'<input type="hidden" {OPTIONAL} value="x">'),
        (Annotated[datetime.date, pydantic.Field(ge=datetime.date(2026, 1, 1))], f'<input type="date" {OPTIONAL} min="2026-01-01" value="x">'),
        (Annotated[decimal.Decimal, pydantic.Field(decimal_places=2)], f'<input type="number" {OPTIONAL} step="0.01" value="x">'),
        (Annotated[int, Widget("select", choices=[1, 2])], f'<select {OPTIONAL}><option value="">-</option>\n<option value="1">1</option>\n<option value="2">2</option></select>'),
        (Color, f'<input type="color" {OPTIONAL} value="x">'),
        (Annotated[Annotated[str, Widget("textarea")] | None, Widget("search")], f'<input type="search" {OPTIONAL} value="x">'),
    ],
)  # fmt: skip
def test_what_stands_in_annotated_within_a_union_with_none_is_the_fields(kind: Any, expected: str) -> None:
    for union in (kind | None, Annotated[kind | None, "more"]):
        model: Any = pydantic.create_model("Shown", field=(union, None))
        assert str(FormView(model).fill({"field": "x"})["field"].input) == expected


def test_what_is_said_of_one_of_many_holds_for_each() -> None:
    early = datetime.date(2026, 1, 1)
    kind = list[Annotated[datetime.date, pydantic.Field(ge=early)]]
    assert 'min="2026-01-01"' in shown(kind)
    model: Any = pydantic.create_model("Root", __base__=pydantic.RootModel[Annotated[str, Widget("textarea")]])
    assert shown(model | None, None) == f"<textarea {OPTIONAL}>\n</textarea>"


def test_what_is_said_of_a_model_in_one_place_is_not_said_in_another() -> None:
    class Place(pydantic.BaseModel):
        street: str

    class Trip(pydantic.BaseModel):
        start: Annotated[Place, Widget("none")] = Place(street="Home")
        end: Place
        back: Annotated[Place, Widget("none")] = Place(street="Home")

    assert [each.widget for each in FormView(Trip)] == ["none", "fieldset", "none"]


def test_a_secret_in_a_union_is_not_shown_while_it_is_typed() -> None:
    for kind in (pydantic.SecretStr | None, int | pydantic.SecretStr, pydantic.SecretStr | int | None):
        assert 'type="password"' in shown(kind, None)


def test_a_secret_in_a_union_is_not_shown_again() -> None:
    assert "hush" not in str(
        FormView(pydantic.create_model("M", a=(int | pydantic.SecretStr, ...))).fill({"a": "hush"})
    )


def test_inputs_of_types_with_choices() -> None:
    assert shown(Kind) == (
        f'<select {REQUIRED}><option value="">Choose…</option>\n'
        '<option value="news">News</option>\n<option value="big">Big story</option></select>'
    )
    assert '<option value="2" selected>high &lt;level&gt;</option>' in shown(Level, Level.HIGH)
    assert shown(bool | None, None).startswith(
        f'<select {OPTIONAL}><option value="">-</option>\n<option value="true">Yes'
    )
    radio = shown(Annotated[Literal["a_b", 2], Widget("radio")])
    assert radio == (
        '<label><input type="radio" name="field" value="a_b" id="f-field-0" required> A b</label>\n'
        '<label><input type="radio" name="field" value="2" id="f-field-1" required> 2</label>'
    )
    boxes = shown(set[Literal["x", "y"]], {"y"})
    assert boxes == (
        '<input type="hidden" name="field" value="">\n'
        '<label><input type="checkbox" name="field" value="x" id="f-field-0"> X</label>\n'
        '<label><input type="checkbox" name="field" value="y" id="f-field-1" checked> Y</label>'
    )
    many = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    listed = shown(list[many], ["2", "3"])  # type: ignore[valid-type]  # a type made at run time
    assert listed.startswith('<input type="hidden" name="field" value="">\n<select name="field" id="f-field" multiple>')
    assert listed.count(" selected") == 2 and "Choose" not in listed
    fixed = shown(Annotated[str, Widget("select", choices=[("de", "Germany"), "fr"])], "fr")
    assert '<option value="de">Germany</option>\n<option value="fr" selected>fr</option>' in fixed
    assert "-</option>" in fixed


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (str, {"min_length": 2, "max_length": 9, "pattern": "^[a-z]+$"}, 'minlength="2" maxlength="9" pattern="[a-z]+"'),
        (str | None, {"max_length": 9}, 'maxlength="9"'),
        (Annotated[str, pydantic.StringConstraints(max_length=7)] | None, {}, 'maxlength="7"'),
        (Annotated[str, Widget("textarea")], {"max_length": 9, "pattern": "a"}, 'maxlength="9"'),
        (int, {"ge": 1, "le": 9}, 'min="1" max="9"'),
        (int, {"gt": 1, "lt": 9, "multiple_of": 2}, 'min="2" max="8" step="2"'),
        (int, {"ge": 2, "multiple_of": 2}, 'min="2" step="2"'),
        (int, {"multiple_of": 5}, 'step="5"'),
        (pydantic.PositiveInt, {}, 'min="1"'),
        (float, {"gt": 0, "le": 1.5}, 'min="0" max="1.5" step="any"'),
        (float, {"ge": 1234567.5, "le": 0.1 + 0.2}, 'min="1234567.5" max="0.30000000000000004" step="any"'),
        (float, {"ge": -1e-9, "le": 1e20}, 'min="-1e-09" max="1e+20" step="any"'),
        (float, {"ge": float("-inf"), "le": 7, "multiple_of": 0.1234567}, 'max="7" step="0.1234567"'),
        (float, {"ge": 1, "lt": float("inf")}, 'min="1" step="any"'),
        (decimal.Decimal, {"ge": 1, "le": decimal.Decimal("Infinity")}, 'min="1" step="any"'),
        (decimal.Decimal, {"max_digits": 5, "decimal_places": 2, "ge": decimal.Decimal("0.10")}, 'min="0.10" step="0.01"'),
        (datetime.date, {"ge": datetime.date(2026, 1, 2)}, 'min="2026-01-02"'),
        (datetime.datetime, {"lt": datetime.datetime(2026, 1, 2, 3)}, 'max="2026-01-02T03:00"'),  # noqa: DTZ001
        (datetime.time, {"le": datetime.time(3, 4)}, 'max="03:04"'),
    ],
)  # fmt: skip
def test_attributes_from_constraints(kind: Any, said: Any, expected: str) -> None:
    assert f" {expected}" in shown(kind, **said)
    for each in ("step=", "min=", "max="):
        assert (each in shown(kind, **said)) == (each in expected)


@pytest.mark.parametrize(
    ("kind", "held", "expected"),
    [
        (int, "1.5", 'step="any" value="1.5"'),
        (int, "-7", 'required value="-7"'),
        (int, "1,5", 'required value="1,5"'),
        (int, "", 'required value=""'),
        (int, "1e3", 'required value="1e3"'),
        (int, "9" * 40, 'required value="' + "9" * 40),
        (Annotated[int, pydantic.Field(multiple_of=5)], "3", 'step="any" value="3"'),
        (Annotated[int, pydantic.Field(multiple_of=5)], "15", 'step="5" value="15"'),
        (Annotated[decimal.Decimal, pydantic.Field(decimal_places=2)], "1.234", 'step="any" value="1.234"'),
        (Annotated[decimal.Decimal, pydantic.Field(decimal_places=2)], "1.23", 'step="0.01" value="1.23"'),
        (Annotated[int, pydantic.Field(ge=0)], "1.5", 'min="0" value="1.5"'),
        (datetime.time, datetime.time(8, 0, 5), 'step="1" value="08:00:05"'),
        (datetime.time, "08:00:05.5", 'step="any" value="08:00:05.5"'),
        (datetime.time, "08:00:00", 'required value="08:00:00"'),
        (Annotated[datetime.time, pydantic.Field(ge=datetime.time(8))], "08:00:05", 'min="08:00" step="1" value="08:00:05"'),
        (Annotated[datetime.time, pydantic.Field(ge=datetime.time(8, 0, 5))], "", 'min="08:00:05" step="1" value=""'),
        (datetime.datetime, datetime.datetime(2026, 1, 1, 8, 0, 5, tzinfo=datetime.UTC), 'step="1" value="2026-01-01T08:00:05"'),
        (Annotated[datetime.time, Widget("time", step=900)], "08:10", 'step="any" value="08:10"'),
        (Annotated[datetime.time, Widget("time", step=900)], "08:15", 'step="900" value="08:15"'),
        (Annotated[datetime.time, Widget("time", step="any")], "08:15:03", 'step="any" value="08:15:03"'),
        (datetime.date, "2026-01-01", 'required value="2026-01-01"'),
    ],
)  # fmt: skip
def test_a_value_off_the_step_keeps_no_browser_from_the_right_one(kind: Any, held: Any, expected: str) -> None:
    # Without `min` it counts the steps from the value that the page came with (HTML standard, "step base").
    model: Any = pydantic.create_model("Shown", field=(kind, ...))
    for _ in range(2):  # Also from the frame that the others leave.
        assert expected in str(FormView(model).fill({"field": held})["field"].html)
        assert "step" in expected or 'step="any"' not in str(FormView(model).fill({"field": "2"})["field"].html)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Annotated[int, pydantic.Field(gt=0, multiple_of=2)], 'required min="1" value'),
        (Annotated[int, pydantic.Field(gt=1, multiple_of=2)], 'min="2" step="2"'),
        (Annotated[decimal.Decimal, pydantic.Field(ge=0.5, decimal_places=1)], 'min="0.5" step="0.1"'),
        (Annotated[decimal.Decimal, pydantic.Field(ge=decimal.Decimal("0.005"), decimal_places=2)], 'min="0.005" step="any"'),
    ],
)  # fmt: skip
def test_steps_count_from_a_least_value_that_may_be_typed(kind: Any, expected: str) -> None:
    assert expected in shown(kind)


def test_labels_and_help() -> None:
    class Said(pydantic.BaseModel):
        reply_to: str
        word: str = pydantic.Field(title="Your <word>", description='One "&" only')

    form = FormView(Said)
    assert str(form["reply_to"].label) == '<label for="f-reply_to">Reply to</label>'
    assert str(form["word"].label) == '<label for="f-word">Your &lt;word&gt;</label>'
    assert str(form["word"].help) == '<p class="help" id="f-word-help">One &#34;&amp;&#34; only</p>'
    assert 'aria-describedby="f-word-help"' in form["word"].input
    assert str(form["reply_to"].help) == str(form["reply_to"].error) == ""
    assert (
        str(form["word"].attributes)
        == 'type="text" name="word" id="f-word" required value="" aria-describedby="f-word-help"'
    )
    assert form["word"].name == "word" and form["word"].id == "f-word"


class Address(pydantic.BaseModel):
    street: str = "Main"
    zip: int | None = None


class Line(pydantic.BaseModel):
    name: str = "tea"
    parts: list[Address] = []


class Order(pydantic.BaseModel):
    address: Address
    other: Address | None = None
    lines: list[Line] = []
    words: Annotated[list[str], pydantic.Field(max_length=2, description="Few")] = ["one"]
    always: Annotated[list[Line], pydantic.Field(min_length=2)]
    tree: list[Order] = []
    choice: Annotated[Address | Line, "either"] = pydantic.Field(default_factory=Address)


def test_models_and_rows() -> None:
    form = FormView(Order)
    address = form["address"].html
    assert address.startswith('<fieldset class="group" id="f-address"><legend>Address</legend>')
    assert 'name="address.street" id="f-address-street" value="Main"' in address
    rows = form["words"].html
    assert rows.startswith('<fieldset class="rows" id="f-words" aria-describedby="f-words-help"><legend>Words</legend>')
    assert 'name="words[0]" id="f-words-0" value="one"' in rows and 'name="_remove" value="words[0]"' in rows
    assert 'name="_add" value="words"' in rows
    assert "_add" not in FormView(Order).fill({"words": ["a", "b"]})["words"].html, "there are as many as may be"
    assert [row.name for row in form["always"].rows] == ["always[0]", "always[1]"]
    assert [row["name"].value for row in form["always"]] == ["tea", "tea"]
    assert form["lines"].rows == [] and [each.name for each in form["address"]] == ["address.street", "address.zip"]
    assert form["choice"].html == "", "a union of models is written by hand"
    assert "tree[0]" not in str(form)


def test_nothing_is_required_below_a_model_that_may_be_left_out() -> None:
    class Row(pydantic.BaseModel):
        name: str

    class Inner(pydantic.BaseModel):
        code: str
        terms: Literal[True]
        level: Annotated[Literal["a", "b"], Widget("radio")]

    class Outer(pydantic.BaseModel):
        street: str
        kind: Literal["a", "b"]
        inner: Inner
        rows: list[Row]
        least: Annotated[list[int], pydantic.Field(min_length=2)]

    class Person(pydantic.BaseModel):
        there: Outer
        home: Outer | None = None

    form = FormView(Person)
    home = str(form.home)
    assert "required" not in home and "home.rows[0]" not in home and "home.least[0]" not in home
    assert str(form.there).count("required") == 7 and "there.rows[0].name" in str(form.there)
    # A row that is there must be filled in.
    assert "required" in str(form.fill({"home": {"rows": [{"name": ""}]}}).home["rows"][0]["name"])


def test_what_is_hidden_is_sent_back_as_it_was() -> None:
    class Part(pydantic.BaseModel):
        x: int = 1
        tags: list[str]
        note: Annotated[str, Widget("none")] = ""

    class Held(pydantic.BaseModel):
        ids: Annotated[list[int], Widget("hidden")] = []
        names: Annotated[list[str], Widget("hidden")]
        kinds: Annotated[set[Literal["a", "b"]], Widget("hidden")] = {"a"}
        part: Annotated[Part, Widget("hidden")]
        other: Annotated[Part | None, Widget("hidden")] = None
        parts: Annotated[list[Part], Widget("hidden")] = []
        many: Annotated[list[list[int]], Widget("hidden")] = []
        when: Annotated[list[datetime.date], Widget("hidden")] = []
        flag: Annotated[bool, Widget("hidden")] = True

    held: dict[str, Any] = {
        "ids": [3, 1, 2],
        "names": ["", "<x>"],
        "kinds": {"b"},
        "part": {"x": 5, "tags": []},
        "other": None,
        "parts": [{"x": 6, "tags": ["y"]}, {"x": 7, "tags": []}],
        "many": [[], [1, 2]],
        "when": [datetime.date(2026, 1, 1)],
        "flag": False,
    }
    for given in (held, {**held, "kinds": set(), "parts": [], "names": [], "ids": range(1_200)}):
        before = Held.model_validate(given)
        for filled in (given, before):
            page = str(FormView(Held).fill(filled).fields)
            assert not re.search(r"<(?!input type=.hidden)", page)
            fields = [tuple(map(unescape, each)) for each in re.findall(r'name="(.*?)"[^>]* value="(.*?)"', page)]
            assert Held.model_validate(form_values(Held)(FormData(fields))) == before  # type: ignore[arg-type]
    # A new form has the defaults, and nothing that nobody could see to fill it in.
    assert re.findall(r'name="([^"]*)"[^>]* value="([^"]+)"', str(FormView(Held).fields)) == [
        ("kinds[0]", "a"),
        ("part.x", "1"),
        ("flag", "true"),
    ]


def test_a_hidden_time_is_sent_back_with_all_of_its_parts() -> None:
    class Held(pydantic.BaseModel):
        noted: Annotated[datetime.datetime, Widget("hidden")]
        begins: Annotated[pydantic.AwareDatetime, Widget("hidden")]
        breaks: Annotated[list[pydantic.AwareDatetime], Widget("hidden")]

    moment = datetime.datetime(2026, 10, 25, 1, 30, 5, 250_000, tzinfo=datetime.UTC)
    given = {"noted": moment.replace(tzinfo=None), "begins": moment.replace(tzinfo=None), "breaks": [moment]}
    page = str(FormView(Held).fill(given).fields)
    fields = re.findall(r'name="(.*?)"[^>]* value="(.*?)"', page)
    held = Held.model_validate(form_values(Held)(FormData([*fields, ("_zone", "Asia/Tokyo")])))
    assert (held.noted, held.begins, held.breaks) == (given["noted"], moment, [moment])


def test_none_in_the_place_of_a_hidden_default_stays_none() -> None:
    class Part(pydantic.BaseModel):
        x: int = 1

    class Held(pydantic.BaseModel):
        part: Annotated[Part | None, Widget("hidden")] = Part()
        parts: Annotated[list[Part | None], Widget("hidden")] = []

    page = str(FormView(Held).fill({"part": None, "parts": [None, Part(x=2)]}).fields)
    found = form_values(Held)(FormData(re.findall(r'name="(.*?)"[^>]* value="(.*?)"', page)))
    assert Held.model_validate(found) == Held(part=None, parts=[None, Part(x=2)])


class Tree(pydantic.BaseModel):
    """Holds itself, and one that nobody sees."""

    name: str
    above: Annotated[Tree | None, Widget("hidden")] = None


def test_a_hidden_model_that_holds_itself_has_an_end() -> None:
    ring: dict[str, Any] = {"name": "a"}
    ring["above"] = ring
    names = re.findall(r'name="(.*?)"', str(FormView(Tree).fill(ring).fields))
    assert names[:2] == ["name", "above.name"] and len(names) < 20


def test_what_no_hidden_input_holds_is_refused() -> None:
    class Part(pydantic.BaseModel):
        kept: Annotated[dict[str, int], Widget("none")] = {}
        held: dict[str, int] = {}

    class Other(pydantic.BaseModel):
        x: int

    class Shown(pydantic.BaseModel):
        part: Annotated[Part, Widget("hidden")]
        either: Annotated[Part | Other | None, Widget("hidden")] = None
        plain: dict[str, int] = {}
        words: Annotated[list[str], Widget("textarea")] | None = None

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Shown]) -> HTML:
        return HTML(str(form))

    @app.get("/again")
    def again(form: FormView[Shown]) -> HTML:
        return HTML(str(form))

    with pytest.raises(SetupError) as caught:
        app.seal()
    named = [re.findall(r"'([a-z.]+)'", each.message)[0] for each in caught.value.faults]
    assert named == ["part.held", "either", "words"], "each is told once"


@pytest.mark.parametrize("kind", ["textarea", "text", "number", "radio", "checkbox", "color"])
def test_a_widget_for_one_value_is_refused_where_there_are_many(kind: str) -> None:
    class Row(pydantic.BaseModel):
        words: Annotated[list[str], Widget(kind)] = []

    class Shown(pydantic.BaseModel):
        rows: list[Row] = []
        good: Annotated[list[str], Widget("select")] = []

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Shown]) -> HTML:
        return HTML(str(form))

    with pytest.raises(SetupError) as caught:
        app.seal()
    (fault,) = caught.value.faults
    assert fault.code == "bad-widget" and "'rows.words'" in fault.message and f"'{kind}'" in fault.message
    assert "test_fields.py:" in fault.where


class Node(pydantic.BaseModel):
    """Holds itself in each way."""

    child: Node | None = None
    name: str
    sons: list[Node] = []
    pair: Pair | None = None


class Pair(pydantic.BaseModel):
    left: Node | None = None
    right: list[Node]


class Ring(pydantic.BaseModel):
    ring: Ring | None = None


class Rings(pydantic.BaseModel):
    rings: list[Ring] = []
    least: list[Rings]


def test_a_model_that_holds_itself_is_shown_once_and_in_the_rows_that_are_there() -> None:
    form = FormView(Node)
    assert [each.widget for each in form] == ["none", "text", "rows", "fieldset"]
    assert [each.widget for each in form.pair] == ["none", "rows"]
    names = re.findall(r'name="([^"_]+)"', str(form))
    assert names == ["name", "sons"]
    inner = {"name": "b", "sons": [{"name": "c"}], "pair": {"right": [{"name": "d"}]}}
    text = str(FormView(Node).fill({"name": "a", "child": {"name": "x"}, "sons": [inner]}))
    assert re.findall(r'value="([a-z])"', text) == ["a", "b", "c", "d"]
    # By hand it can be written, as deep as one likes.
    assert FormView(Node).fill({"child": {"name": "x"}}).child["name"].value == "x"


def test_rows_that_a_model_needs_of_itself_are_not_begun_without_end(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Rings]) -> HTML:
        return HTML(str(form))

    @app.post("/")
    def save(new: Form[Rings]) -> str:
        return "saved"

    client = serve_one(app)
    assert 'value="least"' in client.get("/").text
    for name in ("rings", "least"):
        page = client.post("/", form={"_add": name}, headers={"accept": "text/html"})
        assert page.status == 200 and f'name="{name}[0]"' in page.text


def test_what_a_form_is_filled_with() -> None:
    @dataclasses.dataclass
    class Row:
        address: Address
        lines: list[Line]
        words: tuple[str, ...]
        other: None = None

    row = Row(Address(street='"A"', zip=3), [Line(name="<b>", parts=[Address(zip=1)])], ("x", "y"))
    form = FormView(Order).fill(row)
    assert 'value="&#34;A&#34;"' in form["address"]["street"].input
    assert form["lines[0].parts[0].zip"].value == "1"
    assert form["lines"].rows[0]["name"].value == "<b>"
    assert [each.value for each in form["words"].rows] == ["x", "y"]
    assert form["other"]["street"].value == "", "what is None is not what the model has as default"
    assert form["tree"].rows == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "true"),
        (1.5, "1.5"),
        (decimal.Decimal("2.50"), "2.50"),
        (Kind.BIG_STORY, "big"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04"),  # noqa: DTZ001
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), "2026-01-02T01:04:05"),
        (datetime.time(3, 4, tzinfo=datetime.UTC), "03:04"),
        (datetime.time(3, 4, 5, 6), "03:04:05"),
        (datetime.timedelta(hours=1), "PT1H"),
        (b"a\xff", "a�"),
        (pydantic.SecretStr("hush"), ""),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Upload("a.png"), ""),
    ],
)  # fmt: skip
def test_values_as_texts(value: object, expected: str) -> None:
    class Any_(pydantic.BaseModel):
        field: Any = None

    assert FormView(Any_).fill({"field": value})["field"].value == expected


def test_defaults() -> None:
    class Defaults(pydantic.BaseModel):
        made: int = pydantic.Field(default_factory=lambda: 7)
        from_others: int = pydantic.Field(default_factory=lambda data: data["made"] + 1)
        broken: int = pydantic.Field(default_factory=lambda: 1 // 0)
        nothing: int

    form = FormView(Defaults)
    assert [each.value for each in form] == ["7", "", "", ""]


def test_choices_from_a_query() -> None:
    class Book(pydantic.BaseModel):
        author: Annotated[int, pydantic.Field(ge=1)]
        others: list[int] = []
        level: Annotated[int, Widget("radio")] = 1
        tags: Annotated[list[str], Widget("checkboxes")] = []
        lines: list[Line] = [Line()]

    people = [(1, "Ann"), (2, "<Bo>")]
    form = FormView(Book).choose("author", people).choose("others", people).choose("level", [1, 2])
    form.choose("tags", ["a", "b"]).choose("lines.name", ["tea", "milk"]).fill(
        {"author": 2, "others": [1], "tags": ["b"]}
    )
    assert str(form["author"].input) == (
        '<select name="author" id="f-author" required><option value="">Choose…</option>\n<option value="1">Ann</option>\n'
        '<option value="2" selected>&lt;Bo&gt;</option></select>'
    )
    assert '<select name="others" id="f-others" multiple><option value="1" selected>Ann' in form["others"].input
    assert 'type="radio" name="level" value="2"' in form["level"].input
    assert 'type="checkbox" name="tags" value="b" id="f-tags-1" checked' in form["tags"].input
    filled = FormView(Book).choose("lines.name", ["tea", "milk"])
    assert '<option value="tea" selected>tea</option>' in filled["lines"].html
    for wrong in ("nothing", "lines.nothing", "author.more"):
        with pytest.raises(LookupError, match="has no field"):
            form.choose(wrong, [])


def test_by_hand() -> None:
    form = FormView(Order)
    assert form.open_tag.startswith('<form class="form" method="post">')
    assert '<button type="submit" hidden></button>' in form.open_tag, "Enter must not take a row away"
    form.action, form.submit = "/a?b&c", "Save <it>"
    assert 'action="/a?b&amp;c"' in form.open_tag
    assert str(form.close_tag) == ('<div class="actions"><button type="submit">Save &lt;it&gt;</button></div>\n</form>')
    assert str(form).startswith(str(form.open_tag)) and str(form).endswith("</form>")
    assert form.errors == {} and form.summary == "" and form.script == "" and str(form.fields) in str(form)
    assert isinstance(form.fields, Markup)
    plain: Any = FormView(Address)
    assert "hidden" not in plain.open_tag
    assert plain.street.name == "street" and FormView(Order).address.zip.name == "address.zip"  # type: ignore[attr-defined]  # as templates ask
    for wrong in ("nothing", "_repr_html_"):
        with pytest.raises(AttributeError):
            getattr(plain, wrong)
        with pytest.raises(AttributeError):
            getattr(plain.street, wrong)
    with pytest.raises(KeyError):
        plain["nothing"]
    with pytest.raises(KeyError):
        form["address.nothing"]
    with pytest.raises(IndexError):
        form["lines[9]"]
    assert plain.street.choices == () and str(plain.street) == plain.street.__html__()


def test_html_is_well_formed() -> None:
    class Reader(html.parser.HTMLParser):
        open: list[str] = []
        ids: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = [name for name, _ in attrs]
            assert len(names) == len(set(names)), (tag, names)
            found = dict(attrs).get("id")
            assert found is None or found not in self.ids, found
            self.ids |= {found} if found else set()
            if tag not in {"input", "br"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(str(FormView(Order).fill({"lines": [Line(parts=[Address()])], "tree": [{}]})))
    assert reader.open == [] and "f-lines-0-parts-0-street" in reader.ids


@pytest.mark.parametrize("name", ["onclick", "ONclick", "style", "name", "type", "value", "a b", "formaction", "id"])
def test_attributes_that_a_widget_may_not_have(name: str) -> None:
    with pytest.raises(SetupError) as error:
        Widget(**{name: "x"})
    assert error.value.faults[0].code == "bad-widget" and __file__ in error.value.faults[0].where
    with pytest.raises(SetupError):
        Widget("blink")


def test_a_widget_as_text() -> None:
    assert repr(Widget("select", choices=[1], data_x=2)) == "Widget('select', choices=[1], data-x='2')"
    assert repr(Widget()) == "Widget()"


PATTERNS = {
    "^[a-z]+$": "[a-z]+",
    "^a|b$": ".*(?:^a|b$).*",
    "abc": ".*(?:abc).*",
    r"^\d{3,4}-\w+$": r"\d{3,4}-\w+",
    r"^[\w.-]+$": r"[\w.\-]+",
    r"^[^/|()]$": r"[^\/\|\(\)]",
    r"^\@\_\-x$": "@_-x",
    r"^[\]\_\d]$": r"[\]_\d]",
    "^a*?b+?c??(?:d)(e)?.$": "a*?b+?c??(?:d)(e)?.",
    "^a\\$": ".*(?:^a\\$).*",
    "(?i)a": None,
    r"\pL": None,
    r"^[a-\d]$": None,
    "^[[:alpha:]]$": None,
    "^[a&&b]$": None,
    r"^\x41$": None,
    r"^[\x41]$": None,
    "^{$": None,
    "(?P<a>b)": None,
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_for_browsers(pattern: str) -> None:
    expected = PATTERNS[pattern]
    model: Any = pydantic.create_model("Shown", field=(Annotated[str, pydantic.WithJsonSchema({"type": "string", "pattern": pattern})], ...))  # fmt: skip
    field = FormView(model)["field"]
    assert field._spec.attributes.get("pattern") == expected


def test_a_type_without_a_schema_is_a_text() -> None:
    class Odd:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            from pydantic_core import core_schema

            return core_schema.no_info_plain_validator_function(lambda value: value)

    assert shown(Odd).startswith('<input type="text"')


def test_a_form_with_an_annotation_that_has_no_hash() -> None:
    assert FormView(Annotated[Address, []])["street"].value == "Main"  # type: ignore[arg-type]  # an annotation is no class


def test_values_that_are_not_as_they_should_be() -> None:
    """What a page fills in, or a request sends, may be anything: a form shows it, or nothing."""
    form = FormView(Order).fill({"lines": "x", "words": {"a": 1}, "address": 7, "always": [None, Line()]})
    assert form["lines"].rows == [] and form["words"].rows == [] and form["address"]["street"].value == ""
    assert [row["name"].value for row in form["always"].rows] == ["", "tea"]
    assert FormView(Order).fill({"words": iter(["a", "b"])})["words"].rows[1].value == "b"

    class Row:
        _sa_instance_state = type("State", (), {"identity": (7,)})()

    class Fresh:
        _sa_instance_state = type("State", (), {"identity": None})()

    class Holder(pydantic.BaseModel):
        one: Any = None
        many: list[Any] = []

    held = FormView(Holder).fill({"one": Row(), "many": [Row(), Fresh()]})
    assert held["one"].value == "7" and [row.value for row in held["many"].rows] == ["7", ""]


def test_no_browser_cuts_a_password() -> None:
    """What is too long is told; cut without a word it would be another password (ASVS 6.2.8)."""
    assert 'maxlength="40"' in shown(str, max_length=40)
    secret = shown(pydantic.SecretStr, min_length=10, max_length=4096)
    assert 'minlength="10"' in secret and "maxlength" not in secret
