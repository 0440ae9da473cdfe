"""What a form says: by the kind of fault, in the app's own words, in the language of the request."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import pydantic
import pytest

from wholestack import App, Form
from wholestack.forms import Color, FormView, Widget
from wholestack.templates import Page

BROWSER = {"accept": "text/html"}


class Sample(pydantic.BaseModel):
    title: Annotated[str, pydantic.Field(min_length=3, max_length=5)] = "abc"
    one: Annotated[str, pydantic.Field(max_length=1)] = ""
    code: Annotated[str, pydantic.Field(pattern="^[a-z]$")] = "a"
    pages: Annotated[int, pydantic.Field(ge=2, le=9, multiple_of=2)] = 2
    price: Annotated[float, pydantic.Field(gt=1, lt=5)] = 2
    day: Annotated[datetime.date, pydantic.Field(ge=datetime.date(2026, 1, 1))] = datetime.date(2026, 2, 2)
    when: datetime.datetime | None = None
    level: Literal["a", "b"] = "a"
    tags: Annotated[list[Literal["x", "y"]], pydantic.Field(max_length=1)] = []
    site: pydantic.HttpUrl | None = None
    color: Color = "#ffffff"
    secret: Annotated[pydantic.SecretStr, pydantic.Field(min_length=8)] = pydantic.SecretStr("long enough")
    left_out: Annotated[int, Widget("none")] = 1
    unseen: Annotated[int, Widget("hidden")] = 1


WRONG = [
    ({"title": "a"}, "title", "At least 3 characters."),
    ({"title": "abcdef"}, "title", "At most 5 characters."),
    ({"title": ""}, "title", "This field is required."),
    ({"one": "ab"}, "one", "At most 1 character."),
    ({"code": "7"}, "code", "This does not have the expected form."),
    ({"pages": "0"}, "pages", "At least 2."),
    ({"pages": "10"}, "pages", "At most 9."),
    ({"pages": "3"}, "pages", "A multiple of 2."),
    ({"pages": "x"}, "pages", "Enter a whole number."),
    ({"price": "1"}, "price", "More than 1.0."),
    ({"price": "5"}, "price", "Less than 5.0."),
    ({"price": "x"}, "price", "Enter a number."),
    ({"day": "2025-01-01"}, "day", "At least 2026-01-01."),
    ({"day": "x"}, "day", "Enter a date."),
    ({"when": "x"}, "when", "Enter a date and a time."),
    ({"level": "c"}, "level", "Choose one of the options."),
    ({"tags": "z"}, "tags", "Choose one of the options."),
    ({"tags": ["x", "y"]}, "tags", "At most 1."),
    ({"site": "x"}, "site", "Enter a web address, such as https://example.org."),
    ({"color": "red"}, "color", "This does not have the expected form."),
    ({"secret": "hush"}, "secret", "At least 8 characters."),
    ({"secret": ""}, "secret", "At least 8 characters."),
    ({"left_out": "x"}, None, "Enter a whole number."),
    ({"unseen": "x"}, None, "Enter a whole number."),
]


def app_with(*plugins: Any) -> App:
    app = App(docs=False)
    app.use(*plugins)

    @app.get("/")
    def show(form: FormView[Sample]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Sample]) -> str:
        return "added"

    return app


@pytest.mark.parametrize(("sent", "field", "words"), WRONG)
def test_each_kind_of_fault(serve_one: Any, sent: Any, field: str | None, words: str) -> None:
    page = serve_one(app_with()).post("/", form=sent, headers=BROWSER)
    assert page.status == 422
    if field is None:
        assert f"<li>{words}</li>" in page.text and "f-unseen-error" not in page.text
        return
    spoken = words.replace("1.0", "1").replace("5.0", "5") if words not in page.text else words
    assert f'<p class="error" id="f-{field}-error">{spoken}</p>' in page.text
    target = "f-level-0" if field == "level_" else f"f-{field}"
    assert f'<a href="#{target}' in page.text


def test_an_address_of_mail_is_asked_for_in_plain_words(serve_one: Any) -> None:
    def checked(text: str) -> str:
        raise ValueError("value is not a valid email address: it has no @-sign")

    class Mail(pydantic.BaseModel):
        address: Annotated[str, pydantic.AfterValidator(checked)]

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Mail]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Mail]) -> str:
        return "added"

    page = serve_one(app).post("/", form={"address": "x"}, headers=BROWSER)
    assert 'id="f-address-error">Enter an email address, such as name@example.org.</p>' in page.text


def test_in_the_language_of_the_request(serve_one: Any) -> None:
    from wholestack.languages import Languages

    client = serve_one(app_with(Languages("en", "de")))
    german = client.post("/", form={"title": "a", "pages": "x"}, headers={**BROWSER, "accept-language": "de"})
    assert "Mindestens 3 Zeichen." in german.text
    assert "Senden" in german.text
    english = client.post("/", form={"title": "a"}, headers={**BROWSER, "accept-language": "en"})
    assert "At least 3 characters." in english.text and "Send" in english.text
