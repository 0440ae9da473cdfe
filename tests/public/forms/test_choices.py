"""Choices: those of a widget are a rule of validation, those of a request are checked where its handler says so."""

from __future__ import annotations

import enum
import json
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Form
from wholestack.forms import FormView, Widget, check_choice
from wholestack.languages import Languages, lazy
from wholestack.templates import Page

BROWSER = {"accept": "text/html"}


class Shirt(pydantic.BaseModel):
    size: Annotated[str, Widget("select", choices=["S", ("M", "Medium")])]
    number: Annotated[int, Widget("radio", choices=[(1, "One"), (2, "Two")])] = 1
    extras: Annotated[list[str], Widget("checkboxes", choices=["dots", "lines"])] = []
    country: Annotated[str, Widget("select", choices=["de", "fr"])] = ""
    maybe: Annotated[str | None, Widget("select", choices=["x"])] = None


def json_of(value: Any) -> dict[str, Any]:
    return {"body": json.dumps(value).encode(), "headers": {"content-type": "application/json"}}


def shop() -> App:
    app = App()

    @app.get("/")
    def show(form: FormView[Shirt]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Shirt]) -> Shirt:
        return new

    return app


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"size": "L"}, "size"),
        ({"size": "S", "number": "3"}, "number"),
        ({"size": "S", "extras": ["dots", "stars"]}, "extras"),
        ({"size": "S", "country": "uk"}, "country"),
        ({"size": "S", "maybe": "y"}, "maybe"),
    ],
)
def test_a_widgets_choices_are_a_rule(serve_one: Any, sent: dict[str, Any], field: str) -> None:
    client = serve_one(shop())
    page = client.post("/", form=sent, headers=BROWSER)
    assert page.status == 422 and f'id="f-{field}-error">Choose one of the options.' in page.text
    assert client.post("/", form=sent).faults == [("form", f"/{field}", "literal_error")]
    said = {**sent, "number": int(sent.get("number", 1))}
    assert client.post("/", **json_of(said)).faults == [("body", f"/{field}", "literal_error")]


def test_a_widgets_choices_are_taken(serve_one: Any) -> None:
    client = serve_one(shop())
    sent = {"size": "M", "number": "2", "extras": ["lines"], "country": "", "maybe": ""}
    expected = {"size": "M", "number": 2, "extras": ["lines"], "country": "", "maybe": None}
    assert client.post("/", form=sent).json() == expected
    assert client.post("/", **json_of({"size": "S", "country": "fr"})).json()["country"] == "fr"
    assert client.post("/", form={"size": ""}).faults == [("form", "/size", "missing")], "none of them was chosen"
    fields = client.get("/openapi.json").json()["components"]["schemas"]["Shirt"]["properties"]
    assert fields["size"]["enum"] == ["S", "M"] and fields["number"]["enum"] == [1, 2]
    assert fields["extras"]["items"]["enum"] == ["dots", "lines"]


class Post(pydantic.BaseModel):
    author: int
    editors: list[int] = []


def test_choices_of_a_request_are_checked_where_the_handler_says_so(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    authors = [(1, "Ann"), (2, "Bo")]

    @app.get("/")
    def show(form: FormView[Post]) -> Page:
        return Page("form.html", form=form.choose("author", authors).choose("editors", authors))

    @app.post("/")
    @colour
    def add(new: Form[Post]) -> str:
        check_choice("author", new.author, authors)
        check_choice("editors", new.editors, authors)
        return "taken"

    client = serve(app)
    assert client.post("/", form={"author": "2", "editors": ["1", "2"]}).text == "taken"
    page = client.post("/", form={"author": "3"}, headers=BROWSER)
    assert page.status == 422 and 'id="f-author-error">Choose one of the options.' in page.text
    wrong = {"author": 1, "editors": [1, 3]}
    assert client.post("/", **json_of(wrong)).faults == [("form", "/editors", "literal_error")]


class Button(enum.Enum):
    REMOVE = "remove"


class Named(pydantic.BaseModel):
    row: int
    button: Button
    mail: Annotated[str, Widget("radio", choices=[("a", lazy("Remove")), ("b", "Up")])]


def test_only_the_apps_own_words_are_translated(serve_one: Any) -> None:
    app = App(docs=False)
    app.use(Languages("en", "de"))

    @app.get("/")
    def show(form: FormView[Named]) -> Page:
        return Page("form.html", form=form.choose("row", [(1, "Remove"), (2, lazy("Up"))]))

    client = serve_one(app)
    english = client.get("/", headers={"accept-language": "en"}).text
    german = client.get("/", headers={"accept-language": "de"}).text
    assert '<option value="1">Remove</option>' in german, "a row may be called as a button of ours is"
    assert '<option value="2">Nach oben</option>' in german
    assert '<option value="remove">Entfernen</option>' in german
    assert "> Entfernen</label>" in german and "> Nach oben</label>" in german
    assert "> Remove</label>" in english and '<option value="2">Up</option>' in english
