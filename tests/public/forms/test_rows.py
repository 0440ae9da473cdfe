"""Rows without a script: a button sends the form, its rows are changed, and the page comes back; nothing is saved."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Form
from wholestack.forms import Field, FormView
from wholestack.templates import Page

BROWSER = {"accept": "text/html"}


class Part(pydantic.BaseModel):
    code: str = "new"


class Line(pydantic.BaseModel):
    name: str
    parts: list[Part] = []


class Order(pydantic.BaseModel):
    lines: Annotated[list[Line], pydantic.Field(min_length=1)]
    numbers: list[int] = [7]
    address: Line | None = None
    done: list[bool] = []


@pytest.fixture
def ask(serve_one: Any) -> Any:
    saved: list[Order] = []
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Order]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Order]) -> str:
        saved.append(new)
        return "saved"

    client = serve_one(app)

    def ask(fields: dict[str, str], button: str, row: str) -> list[str]:
        answer = client.post("/", form={**fields, button: row}, headers=BROWSER)
        assert answer.status == 200 and saved == [] and "aria-invalid" not in answer.text
        ask.page = answer.text  # type: ignore[attr-defined]  # for the tests that look at more
        found = re.findall(r'name="([^"_]+)" id="[^"]*"[^>]* value="([^"]*)"', answer.text)
        return [f"{name}={value}" for name, value in found]

    ask.client = client  # type: ignore[attr-defined]  # likewise
    return ask


TWO = {"lines[0].name": "a", "lines[1].name": "b", "lines[1].parts[0].code": "x", "numbers[0]": "1"}
SHOWN = ["lines[0].name=a", "lines[1].name=b", "lines[1].parts[0].code=x", "numbers[0]=1"]


def test_add(ask: Any) -> None:
    after = ask(TWO, "_add", "lines")
    assert after[:4] == [*SHOWN[:3], "lines[2].name="]
    assert '<input type="text" name="lines[2].name" id="f-lines-2-name" required value="" autofocus>' in ask.page
    assert ask.page.count("autofocus") == 1
    assert ask({}, "_add", "numbers")[0] == "numbers[0]=", "a new row is as a new one is, whatever the default"
    assert "lines[0].parts[0].code=new" in ask({"lines[0].name": "a"}, "_add", "lines[0].parts")
    assert "address.parts[0].code=new" in ask({}, "_add", "address.parts")
    assert "numbers[1]=" in ask({"numbers[0]": "x"}, "_add", "numbers"), "what was typed stays, right or wrong"


def test_remove(ask: Any) -> None:
    after = ask(TWO, "_remove", "lines[0]")
    assert after[:2] == ["lines[0].name=b", "lines[0].parts[0].code=x"]
    assert re.search(r'name="_add" value="lines"[^>]* autofocus>', ask.page)
    assert ask(TWO, "_remove", "lines[1].parts[0]")[:2] == SHOWN[:2]
    # The last one of a list that has a default is gone, too.
    after = ask({"numbers": "", "numbers[0]": "1"}, "_remove", "numbers[0]")
    assert not any(each.startswith("numbers[") for each in after)


def test_up_and_down(ask: Any) -> None:
    swapped = ["lines[0].name=b", "lines[0].parts[0].code=x", "lines[1].name=a"]
    assert ask(TWO, "_up", "lines[1]")[:3] == swapped
    assert re.search(r'name="_down" value="lines\[0\]"[^>]* autofocus>', ask.page)
    assert ask(TWO, "_down", "lines[0]")[:3] == swapped
    assert re.search(r'name="_up" value="lines\[1\]"[^>]* autofocus>', ask.page)
    three = {**TWO, "lines[2].name": "c"}
    ask({**three, "lines[3].name": "d"}, "_up", "lines[2]")
    assert re.search(r'name="_up" value="lines\[1\]"[^>]* autofocus>', ask.page)


@pytest.mark.parametrize(
    ("button", "row"),
    [
        ("_add", "nothing"),
        ("_add", "lines[0].name"),
        ("_add", "lines[9].parts"),
        ("_add", ""),
        ("_add", "address"),
        ("_remove", "lines[9]"),
        ("_remove", "lines"),
        ("_remove", "lines[-1]"),
        ("_remove", ""),
        ("_up", "lines[0]"),
        ("_down", "lines[1]"),
        ("_up", "lines[999999999999]"),
        ("_down", "nothing[0]"),
        ("_add", "lines[0].parts[0].code.x"),
        ("_add", '"><script>'),
    ],
)
def test_what_names_no_row_changes_nothing(ask: Any, button: str, row: str) -> None:
    assert ask(TWO, button, row)[:4] == SHOWN
    assert "<script>" not in ask.page


def test_rows_have_an_end(ask: Any) -> None:
    many = {f"numbers[{number}]": "1" for number in range(999)}
    assert sum(each.startswith("numbers[") for each in ask(many, "_add", "numbers")) == 1000 - 0


def test_what_is_no_list_of_rows(ask: Any) -> None:
    assert "lines[0].name=" in ask({"lines": "x"}, "_add", "lines")


def test_a_program_that_wants_no_page_adds_no_rows(ask: Any) -> None:
    answer = ask.client.post("/", form={**TWO, "_add": "lines"})
    assert answer.text == "saved" and answer.status == 200


def test_boxes_in_rows(ask: Any) -> None:
    assert 'type="checkbox" name="done[1]" id="f-done-1" value="true" checked' in (
        ask({"done[0]": "true", "done[1]": "true"}, "_add", "done") and ask.page
    )


@pytest.mark.parametrize("name", ["lines[{}].name", "numbers[{}]", "lines[0].parts[{}].code"])
def test_B18_rows_with_faults_are_shown_in_linear_time(serve_one: Any, name: str, monkeypatch: Any) -> None:
    class Strict(pydantic.BaseModel):
        code: int

    class Held(pydantic.BaseModel):
        name: int = 1
        parts: list[Strict] = []

    class Several(pydantic.BaseModel):
        lines: list[Held] = []
        numbers: list[pydantic.AwareDatetime] = []

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Several]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Several]) -> str:
        return "saved"

    made: list[Field] = []
    before = Field.__init__
    monkeypatch.setattr(Field, "__init__", lambda field, *given: (made.append(field), before(field, *given))[1])
    client, counts = serve_one(app), []
    for count in (40, 80):
        made.clear()
        answer = client.post("/", form={name.format(index): "x" for index in range(count)}, headers=BROWSER)
        assert answer.status == 422 and answer.text.count('class="error"') == count
        counts.append(len(made))
    assert counts[1] <= 2 * counts[0], counts


def test_a_row_by_its_number(ask: Any) -> None:
    form = FormView(Order)
    assert form.lines[0].name == form.lines[-1].name == "lines[0]", "there is one where there must be one"
    for number in (1, -2):
        with pytest.raises(IndexError):
            form.lines[number]
    assert form.fill({"numbers": (3, 4)}).numbers[-1].value == "4"
