"""What a plugin may add: kinds of parameters, kinds of answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from wholestack import App, Request, Response, Text
from wholestack.errors import WholestackError

CoreApp: Any = App.__mro__[1]  # without what the front door brings


@dataclasses.dataclass
class Language:
    code: str


@dataclasses.dataclass
class Page:
    title: str


class Languages:
    """A kind of parameter: the client's language."""

    def matches(self, annotation: Any) -> bool:
        return annotation is Language

    def reader(self, name: str, annotation: Any) -> Callable[[Request], Language]:
        return lambda request: Language(f"{name}:{request.headers.get('accept-language', 'en')}")


class Pages:
    """A kind of answer: a page with a title."""

    def matches(self, annotation: Any) -> bool:
        return annotation is Page

    def responder(self, annotation: Any, status: int | None) -> Callable[[Page, Request], Response]:
        return lambda page, request: Text(f"<{page.title}>", status=status or 200)


class Extends:
    def setup(self, app: App) -> None:
        app.parameter(Languages())
        app.answer(Pages())


def test_kinds_of_parameters_and_answers(serve: Any, colour: Any) -> None:
    def greeting(tongue: Language) -> Page:
        return Page(tongue.code)

    app = App(docs=False)
    app.use(Extends())
    app.provide(greeting)

    @app.get("/", status=201)
    @colour
    def show(language: Language, n: int, greeting: Page) -> Page:
        return Page(f"{language.code} {n} {greeting.title}")

    client = serve(app)
    answer = client.get("/?n=3", headers={"accept-language": "de"})
    assert (answer.status, answer.text) == (201, "<language:de 3 tongue:de>")
    assert client.get("/").faults == [("query", "/n", "missing")]


def test_the_core_alone_mounts_nothing_and_has_no_documentation() -> None:
    app = CoreApp()
    assert list(app.default_plugins()) == []
    app.mount("/x", lambda environ, start_response: [])
    with pytest.raises(WholestackError, match="front door"):
        app.seal()


def test_an_app_that_is_unsealed_takes_more(serve_one: Any) -> None:
    app = App(docs=False)
    client = serve_one(app)
    assert client.get("/").status == 404
    app.unseal()
    app.get("/")(lambda: 1)
    assert client.get("/").text == "1"
