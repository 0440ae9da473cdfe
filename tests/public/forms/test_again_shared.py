"""What a form's page begins when it is shown again: it ends with the form's request, as on any other page."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pydantic
import pytest

from wholestack import App, Form, Redirect
from wholestack.cache import Caching, cached
from wholestack.db import Database
from wholestack.forms import FormError, FormView
from wholestack.middleware import security
from wholestack.sessions import BrowserSession, CookieSessions, DatabaseSessions, MemorySessions, Messages, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import Client

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}
SHOWN = "{% for each in messages %}[{{ each.text }}]{% endfor %}{{ form }}"


class NewPost(pydantic.BaseModel):
    title: str = pydantic.Field(min_length=3)


class Seen(pydantic.BaseModel):
    pages: int = 0
    forms: int = 0


def site(folder: Path, store: Any, colour: Any, page_colour: Any) -> App:
    (folder / "new.html").write_text(SHOWN)
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(store()), Templates(str(folder)))

    @app.get("/new")
    @page_colour
    def new(form: FormView[NewPost], session: BrowserSession[Seen]) -> Page:
        session.data.pages += 1
        return Page("new.html", form=form)

    @app.post("/new")
    @colour
    def add(new: Form[NewPost]) -> Redirect:
        return Redirect("/new")

    @app.post("/told", again=new)
    @colour
    def told(new: Form[NewPost], messages: Messages, session: BrowserSession[Seen]) -> Redirect:
        session.data.forms += 1
        messages.success("From the form")
        raise FormError("title", "Taken.")

    @app.post("/say")
    @colour
    def say(messages: Messages) -> str:
        messages.success("Hi")
        return "said"

    @app.get("/seen")
    @colour
    def seen(session: BrowserSession[Seen]) -> str:
        return f"{session.data.pages} {session.data.forms}"

    return app


@pytest.fixture(params=["def", "async"])
def page_colour(request: pytest.FixtureRequest) -> Any:
    return as_async if request.param == "async" else lambda function: function


def as_async(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


@pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
def test_what_the_page_does_with_the_session_is_kept(tmp_path: Path, store: Any, colour: Any, page_colour: Any) -> None:
    app = site(tmp_path, store, colour, page_colour)
    with Client(app, headers=BROWSER) as client:
        first = client.post("/new", data={"title": "a"})
        assert first.status == 422 and "set-cookie" in first.headers, "a first visitor's token holds by a cookie"
        assert "cookie" in first.headers["vary"] and first.headers["cache-control"] == "no-store"
        assert client.get("/seen").text == "1 0"
        client.post("/say")
        assert client.post("/new", data={"title": "a"}, headers={"x-form-check": "title"}).status == 200
        again = client.post("/new", data={"title": "a"})
        assert again.status == 422 and "[Hi]" in again.text
        assert "[Hi]" not in client.get("/new").text, "what was shown is not shown again"
        # What the form's own handler has begun goes on in its page.
        both = client.post("/told", data={"title": "abc"})
        assert both.status == 422 and "[From the form]" in both.text and "Taken." in both.text
        assert client.get("/seen").text == "4 1"
        assert "[From the form]" not in client.get("/new").text


def test_a_cached_page_is_shown_again_by_itself(tmp_path: Path, colour: Any, page_colour: Any) -> None:
    (tmp_path / "new.html").write_text("{{ form }}")
    app = App(docs=False)
    app.use(Caching(patience=60), Templates(str(tmp_path)))
    asked: list[int] = []

    @app.get("/new")
    @cached(ttl=600)
    @page_colour
    def new(form: FormView[NewPost]) -> Page:
        asked.append(1)
        return Page("new.html", form=form)

    @app.post("/new")
    @colour
    def add(new: Form[NewPost]) -> Redirect:
        return Redirect("/new")

    with Client(app, headers=BROWSER) as client:
        for _ in range(2):  # Before an answer is kept, and after.
            back = client.post("/new", data={"title": "zz"})
            assert back.status == 422 and "At least 3 characters." in back.text and 'value="zz"' in back.text
            assert "private" in back.headers["cache-control"]
            assert "zz" not in client.get("/new").text
            assert client.get("/new").status == 200
    assert len(asked) == 3, "plain pages come from the cache all the same"


def test_what_the_page_says_of_its_security_holds_for_it(tmp_path: Path, colour: Any, page_colour: Any) -> None:
    (tmp_path / "new.html").write_text("{{ form }}<script {{ nonce.attribute }}></script>")
    app = App(docs=False)
    app.use(Templates(str(tmp_path)))

    @app.get("/new")
    @security(csp={"frame-ancestors": "https://partner.example"}, referrer_policy="no-referrer")
    @page_colour
    def new(form: FormView[NewPost]) -> Page:
        return Page("new.html", form=form)

    @app.post("/new")
    @security(csp={"frame-ancestors": "https://form.example"}, referrer_policy="origin")
    @colour
    def add(new: Form[NewPost]) -> Redirect:
        return Redirect("/new")

    @app.get("/other")
    @page_colour
    def other(form: FormView[NewPost]) -> Page:
        return Page("new.html", form=form)

    @app.post("/other")
    @security(csp={"frame-ancestors": "https://form.example"})
    @colour
    def add_other(new: Form[NewPost]) -> Redirect:
        return Redirect("/other")

    def said(answer: Any) -> tuple[str, str, bool]:
        policy = answer.headers["content-security-policy"]
        found = policy.partition("frame-ancestors ")[2].partition(";")[0]
        return found, answer.headers["referrer-policy"], "'nonce-" in policy

    with Client(app, headers=BROWSER) as client:
        page, back = client.get("/new"), client.post("/new", data={"title": "a"})
        assert back.status == 422
        assert said(page) == said(back) == ("https://partner.example", "no-referrer", True)
        done = client.post("/new", data={"title": "abc"}, follow=False)
        assert done.status == 303 and said(done) == ("https://form.example", "origin", False)
        back = client.post("/other", data={"title": "a"})
        assert back.status == 422 and said(back)[::2] == ("https://form.example", True), "the page says nothing itself"
