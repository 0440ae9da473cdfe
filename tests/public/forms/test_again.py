"""The way back: a form that is not right shows its page once more, with what was typed and what is wrong."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
import pytest

from callers import multipart
from wholestack import (
    HTML,
    App,
    Form,
    HTTPError,
    NotFound,
    Redirect,
    Request,
    Response,
    Router,
    SetupError,
    Text,
    Upload,
    rule,
    wait,
)
from wholestack.errors import ValidationFailed
from wholestack.forms import FormError, Forms, FormView, Widget
from wholestack.middleware import SecurityHeaders
from wholestack.templates import Page, Templates
from wholestack.testing import Client

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class NewPost(pydantic.BaseModel):
    title: str = pydantic.Field(min_length=3)
    pages: int = 1
    agree: bool


class Other(pydantic.BaseModel):
    word: str


def as_async(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


def as_it_is(function: Any) -> Any:
    return function


COLOURS = {"def": as_it_is, "async": as_async}


@pytest.mark.parametrize("page_colour", COLOURS)
def test_the_page_comes_back_in_every_colour(serve: Any, colour: Any, page_colour: str) -> None:
    app = App(docs=False)
    app.provide(now, waits=True)

    @app.get("/new")
    @COLOURS[page_colour]
    def new(form: FormView[NewPost], clock: Clock, q: str = "") -> Page:
        return Page("form.html", form=form, word=f"{clock.time} {q}")

    @app.post("/new")
    @colour
    def add(new: Form[NewPost]) -> Redirect:
        return Redirect("/done")

    client = serve(app)
    plain = client.get("/new", headers=BROWSER).text
    assert 'value="1"' in plain and "class=error" not in plain and "aria-invalid" not in plain
    back = client.post("/new?q=two", form={"title": "a", "pages": "<x>"}, headers=BROWSER)
    assert back.status == 422
    assert "<h1>7 two</h1>" in back.text, "it runs with its own providers and the same query"
    assert 'name="title" id="f-title" required minlength="3" value="a"' in back.text
    assert '<p class="error" id="f-title-error">At least 3 characters.</p>' in back.text
    assert 'value="&lt;x&gt;"' in back.text and "Enter a whole number." in back.text
    assert '<a href="#f-pages">Pages: Enter a whole number.</a>' in back.text
    assert "accept" in back.headers["vary"]
    assert client.post("/new", form={"title": "abc", "agree": "on"}, headers=BROWSER).status == 303
    assert client.post("/new", form={"title": "a"}).faults == [("form", "/title", "string_too_short")]
    # A client of JSON is never shown a page.
    answer = client.post("/new", body=b"{}", headers={**BROWSER, "content-type": "application/json"})
    assert answer.status == 422 and "f-title" not in answer.text


@dataclass
class Clock:
    time: int


def now() -> Clock:
    return Clock(wait(soon()))


async def soon() -> int:
    return 7


def test_secrets_and_files_are_never_shown_again(serve_one: Any) -> None:
    class Login(pydantic.BaseModel):
        name: str
        pages: int
        word: pydantic.SecretStr
        pin: Annotated[str, Widget("password")]
        key: Annotated[pydantic.SecretStr, Widget("text")] = pydantic.SecretStr("default-secret")
        photo: Upload | None = None

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Login]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def login(new: Form[Login]) -> str:
        return "in"

    parts = [
        ("name", None, None, b"ann"),
        ("pages", None, None, b"many"),
        ("word", None, None, b"hunter2"),
        ("pin", None, None, b"hunter3"),
        ("key", None, None, b"hunter4"),
        ("photo", "hunter5.png", "image/png", b"hunter6"),
    ]
    body, headers = multipart(parts)
    client = serve_one(app)
    back = client.post("/", body=body, headers={**headers, **BROWSER})
    assert back.status == 422 and 'value="ann"' in back.text and "hunter" not in back.text
    assert "default-secret" not in client.get("/").text
    assert 'enctype="multipart/form-data"' in back.text


def test_again_names_another_page(serve_one: Any) -> None:
    app, router = App(docs=False), Router("/posts")

    @router.get("/{id}/edit")
    def edit(id: int, form: FormView[NewPost]) -> Page:
        if id == 9:
            raise NotFound("There is no such post.")
        return Page("form.html", form=form.fill({"title": "As it was", "pages": 3, "agree": True}))

    @router.post("/{id}", again=edit)
    def change(id: int, new: Form[NewPost]) -> Redirect:
        return Redirect("/")

    app.include(router, at="/a")
    app.include(router, at="/b")
    client = serve_one(app)
    page = client.get("/b/posts/7/edit").text
    assert 'action="/b/posts/7"' in page, "the form is sent to where it belongs"
    assert 'value="As it was"' in page and 'value="true" checked' in page
    back = client.post("/b/posts/7", form={"title": "x"}, headers=BROWSER)
    assert back.status == 422 and 'action="/b/posts/7"' in back.text and 'value="x"' in back.text
    assert "As it was" not in back.text and "checked" not in back.text
    # What the page itself answers stands.
    assert client.post("/a/posts/9", form={}, headers=BROWSER).status == 404


def test_below_a_mount_and_with_several_forms(serve_one: Any) -> None:
    inner, app = App(docs=False), App(docs=False)

    @inner.get("/new")
    def new(post: FormView[NewPost], other: FormView[Other]) -> Page:
        return Page("form.html", form=post.open_tag + other.open_tag + post["title"].html + other["word"].html)

    @inner.post("/posts", again=new)
    def add(new: Form[NewPost]) -> str:
        return "added"

    @inner.post("/others", again=new)
    def add_other(new: Form[Other]) -> str:
        return "added"

    app.mount("/blog", inner)
    page = serve_one(app).get("/blog/new").text
    assert 'action="/blog/posts"' in page and 'action="/blog/others"' in page
    assert 'id="post-f-title"' in page and 'id="other-f-word"' in page
    back = serve_one(app).post("/blog/others", form={}, headers=BROWSER)
    assert back.status == 422 and 'id="other-f-word-error"' in back.text and "post-f-title-error" not in back.text


def test_rules_and_middleware_of_the_page(serve_one: Any) -> None:
    entered: list[str] = []
    looked: list[str] = []

    class Looked(NewPost):
        @pydantic.field_validator("title")
        @classmethod
        def look(cls, value: str) -> str:
            looked.append(value)
            return value

    app, inner = App(docs=False), Router()

    @app.middleware
    def outer(request: Request) -> Generator[None, Response, Response]:
        entered.append("app")
        return (yield)

    @inner.middleware
    def own(request: Request) -> Generator[None, Response, Response]:
        entered.append(f"page {request.method} {request.path}")
        return (yield)

    @rule
    def known(request: Request) -> bool:
        return "x-known" in request.headers

    @inner.get("/new", needs=known)
    def new(form: FormView[Looked]) -> Page:
        return Page("form.html", form=form)

    @app.post("/new")
    def add(new: Form[Looked]) -> str:
        return "added"

    app.include(inner)
    client = serve_one(app)
    assert client.post("/new", form={}, headers={**BROWSER, "x-known": "yes"}).status == 422
    assert entered == ["app", "page GET /new"], "what stands around both is entered once"
    assert client.post("/new", form={}, headers=BROWSER).status == 403
    entered.clear()
    assert client.post("/new", form={"_add": "x"}, headers=BROWSER).status == 403
    assert client.post("/new", form={}, headers={**BROWSER, "x-form-check": "title"}).status == 403
    assert looked == [], "who may not see the page has nothing checked"
    client.post("/new", form={"title": "abc"}, headers={**BROWSER, "x-known": "1", "x-form-check": "title"})
    assert looked == ["abc"]


def test_what_a_handler_finds_wrong(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    @colour
    def add(new: Form[NewPost]) -> str:
        if new.title == "both":
            raise FormError("title", "It is <taken>.", ("", "Nothing was saved."))
        if new.title == "none":
            raise FormError("nowhere", "This is shown all the same.")
        raise HTTPError("It is broken.", status=503)

    client = serve(app)
    back = client.post("/", form={"title": "both"}, headers=BROWSER)
    assert back.status == 422 and 'id="f-title-error">It is &lt;taken&gt;.</p>' in back.text
    assert "<li>Nothing was saved.</li>" in back.text
    assert "<li>This is shown all the same.</li>" in client.post("/", form={"title": "none"}, headers=BROWSER).text
    problem = client.post("/", form={"title": "both"})
    assert (problem.status, problem.json()["code"]) == (422, "form-error")
    assert problem.faults == [("form", "/title", "form_error"), ("form", "", "form_error")]
    assert client.post("/", form={"title": "else"}, headers=BROWSER).status == 503


def test_faults_of_the_whole_and_of_other_places(serve_one: Any) -> None:
    class Span(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        low: int
        high: int

        @pydantic.model_validator(mode="after")
        def in_order(self) -> Span:
            if self.low > self.high:
                raise ValueError("the low end is above the high one")
            return self

        @pydantic.field_validator("low")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise AssertionError("must be even")
            return value

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Span]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Span], page: int = 1) -> str:
        return "added"

    client = serve_one(app)
    back = client.post("/", form={"low": "4", "high": "2", "_csrf": "x", "csrf_token": "y"}, headers=BROWSER)
    assert "<li>the low end is above the high one</li>" in back.text
    assert "<li>This field is not expected.</li>" in client.post("/", form={"more": "x"}, headers=BROWSER).text
    assert (
        "<li>Enter a whole number.</li>"
        in client.post("/?page=x", form={"low": "0", "high": "2"}, headers=BROWSER).text
    )
    assert 'id="f-low-error">must be even</p>' in client.post("/", form={"low": "3", "high": "9"}, headers=BROWSER).text


def test_the_summary_tells_rows_apart(serve_one: Any) -> None:
    class Line(pydantic.BaseModel):
        parts: list[NewPost]

    class Order(pydantic.BaseModel):
        lines: list[Line]
        numbers: list[int]
        code: Annotated[str, pydantic.Field(pattern="a")] = "a"

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Order]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Order]) -> str:
        return "added"

    form = {"lines[0]": "", "lines[1].parts[0].title": "a", "numbers[0]": "1", "numbers[1]": "x", "code": ""}
    text = serve_one(app).post("/", form=form, headers=BROWSER).text
    assert '<a href="#f-lines-1-parts-0-title">Lines 2, Parts 1, Title: At least 3 characters.</a>' in text
    assert '<a href="#f-numbers-1">Numbers 2: Enter a whole number.</a>' in text
    assert '<a href="#f-code">Code: This field is required.</a>' in text


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("When were you there?", "When were you there? At"),
        ("Name:", "Name: At"),
        ("Name", "Name: At"),
        ("متى؟", "متى؟ At"),
    ],
)
def test_the_summary_puts_no_second_sign_behind_a_label(serve_one: Any, label: str, words: str) -> None:
    model = pydantic.create_model("Asked", name=(Annotated[str, pydantic.Field(title=label, min_length=3)], ...))
    app = App(docs=False)

    def show(form: FormView[model]) -> Page:  # type: ignore[valid-type]  # a type made at run time
        return Page("form.html", form=form)

    def add(new: Form[model]) -> str:  # type: ignore[valid-type]  # a type made at run time
        return "added"

    app.get("/")(show)
    app.post("/")(add)
    page = serve_one(app).post("/", form={"name": "a"}, headers=BROWSER)
    assert f'<a href="#f-name">{words} least 3 characters.</a>' in page.text


def test_what_is_wrong_has_the_focus_and_a_field_that_would_have_it_stands_back(serve_one: Any) -> None:
    class Asked(pydantic.BaseModel):
        code: Annotated[str, pydantic.Field(min_length=6), Widget("text", autofocus=True)]
        name: Annotated[str, pydantic.Field(min_length=3)]

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Asked]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Asked]) -> str:
        return "added"

    client = serve_one(app)
    first = client.get("/", headers=BROWSER).text
    again = client.post("/", form={"code": "123456", "name": "a"}, headers=BROWSER).text
    for page, focus in ((first, "<input"), (again, '<div class="errors"')):
        [found] = re.findall(r"<[^>]* autofocus[^>]*>", page)
        assert found.startswith(focus)


def test_an_error_handler_of_the_app_goes_on(serve_one: Any, colour: Any) -> None:
    app = App(docs=False)
    app.use(Templates())

    @app.on_error(ValidationFailed)
    @colour
    def failed(error: ValidationFailed) -> dict[str, int]:
        return {"wrong": len(error.faults)}

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        return "added"

    client = serve_one(app)
    assert client.post("/", form={}).json() == {"wrong": 1}
    assert client.post("/", form={}).status == 422
    assert "f-title-error" in client.post("/", form={}, headers=BROWSER).text


def test_the_check_of_one_field(serve: Any) -> None:
    saved: list[str] = []
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        form.live = True
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        saved.append(new.title)
        return "added"

    client = serve(app)
    page = client.get("/").text
    assert 'data-check="title" data-hx-post="" data-hx-trigger="change" data-hx-swap="outerHTML"' in page
    assert 'data-hx-headers="{&#34;X-Form-Check&#34;: &#34;title&#34;}"' in page
    wrong = client.post("/", form={"title": "a"}, headers={"x-form-check": "title"})
    assert (
        wrong.status == 200 and wrong.text.startswith('<div class="field" data-invalid') and "At least 3" in wrong.text
    )
    assert "f-pages" not in wrong.text
    right = client.post("/", form={"title": "abc"}, headers={"hx-request": "true", "x-form-check": "title"})
    assert "error" not in right.text and 'value="abc"' in right.text
    htmx = {"hx-request": "true", "hx-trigger-name": "pages", "x-form-check": ""}
    assert "Enter a whole number." in client.post("/", form={"pages": "x"}, headers=htmx).text
    assert client.post("/", form={}, headers={"x-form-check": "nothing"}).status == 404
    assert saved == []
    # htmx asks for anything; without the check it gets the page.
    assert "f-title-error" in client.post("/", form={}, headers={"hx-request": "true", "accept": "*/*"}).text


@pytest.mark.parametrize("name", ["", "[]", ".", "[", "..", "nothing", "title[0]", "rows[9]", "rows[x]", "hidden[0]"])
def test_the_check_of_a_field_that_there_is_not(serve_one: Any, name: str) -> None:
    class Held(pydantic.BaseModel):
        title: str
        rows: list[int] = []

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Held]) -> HTML:
        return HTML(str(form))

    @app.post("/")
    def save(new: Form[Held]) -> str:
        return "saved"

    answer = serve_one(app).post("/", form={"title": "a", "rows[0]": "1"}, headers={"x-form-check": name})
    assert (answer.status, answer.text) == (404, "")


def test_what_is_wrong_in_a_hidden_list_is_told_above(serve_one: Any) -> None:
    class Held(pydantic.BaseModel):
        ids: Annotated[list[int], Widget("hidden")] = []

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Held]) -> HTML:
        return HTML(str(form))

    @app.post("/")
    def save(new: Form[Held]) -> str:
        return "saved"

    answer = serve_one(app).post("/", form={"ids[0]": "x"}, headers=BROWSER)
    assert answer.status == 422 and "<li>Enter a whole number.</li>" in answer.text and "f-ids-0" not in answer.text
    assert '<input type="hidden" name="ids[0]" value="x">' in answer.text


def test_the_token_of_whoever_guards_forms(serve_one: Any) -> None:
    class Guard:
        def __init__(self, made: Callable[[Request], Any]) -> None:
            self.template_helpers = {"csrf": made}

        def setup(self, app: App) -> None:
            pass

    class Field:
        def __html__(self) -> str:
            return '<input type="hidden" name="csrf_token" value="t">'

    for made in (lambda request: Field(), lambda request: lambda: Field()):
        app = App(docs=False)
        app.use(Guard(made))

        @app.get("/")
        def show(form: FormView[NewPost]) -> Page:
            return Page("form.html", form=form)

        assert '<input type="hidden" name="csrf_token" value="t">' in serve_one(app).get("/").text


def test_words_of_the_apps_own(serve_one: Any) -> None:
    app = App(docs=False)
    app.use(Forms(messages={"missing": "Bitte ausfüllen.", "string_too_short": "Mindestens {min_length} <b>."}))

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        return "added"

    client = serve_one(app)
    assert "Bitte ausfüllen." in client.post("/", form={}, headers=BROWSER).text
    assert "Mindestens 3 &lt;b&gt;." in client.post("/", form={"title": "a"}, headers=BROWSER).text


def test_the_page_is_safe_under_the_policy(serve_one: Any) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders())

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form.script)

    client = serve_one(app)
    page = client.get("/").text
    path = page.partition('<script src="')[2].partition('"')[0]
    script = client.get(path)
    assert script.status == 200 and script.headers["cache-control"].endswith("immutable")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/-/forms.old.js").headers["cache-control"] == "no-cache"


def test_what_again_names_must_show_the_form() -> None:
    def faults(build: Callable[[App], None]) -> list[tuple[str, str]]:
        app = App(docs=False)
        build(app)
        with pytest.raises(SetupError) as error:
            app.seal()
        assert all(each.where.startswith(f"{__file__}:") and each.cure for each in error.value.faults)
        return [(each.code, each.message) for each in error.value.faults]

    def elsewhere(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    def nothing(app: App) -> None:
        @app.post("/", again=elsewhere)
        def add(new: Form[NewPost]) -> str:
            return ""

    def no_get(app: App) -> None:
        app.post("/a")(elsewhere)
        nothing(app)

    def other_model(app: App) -> None:
        @app.get("/")
        def show(form: FormView[Other]) -> Page:
            return Page("form.html", form=form)

        @app.post("/", again=show)
        def add(new: Form[NewPost]) -> str:
            return ""

    def other_path(app: App) -> None:
        @app.get("/{id}")
        def show(id: int, form: FormView[NewPost]) -> Page:
            return Page("form.html", form=form)

        @app.post("/", again=show)
        def add(new: Form[NewPost]) -> str:
            return ""

    assert faults(nothing) == [("no-form-page", "again=elsewhere is no handler of GET in this app.")]
    assert faults(no_get) == [("no-form-page", "again=elsewhere is no handler of GET in this app.")]
    assert faults(other_model) == [("no-form-page", "again=show does not show this form.")]
    assert faults(other_path) == [("no-form-page", "again=show needs 'id' from its path, which / does not have.")]


def test_a_form_without_a_page_answers_as_ever(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def other(form: FormView[Other]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        return "added"

    answer = serve_one(app).post("/", form={}, headers=BROWSER)
    assert answer.status == 422 and "f-word" not in answer.text
    # Its names that begin with an underscore mean nothing then.
    assert serve_one(app).post("/", form={"title": "abc", "_add": "x"}).text == "added"


def test_a_dataclass_and_annotated_forms(serve_one: Any) -> None:
    @dataclass
    class Plain:
        name: str
        done: bool
        pieces: int = 3

    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[Plain]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[Annotated[Plain, "a form"]]) -> str:
        return "added"

    client = serve_one(app)
    assert 'value="3"' in client.get("/").text
    assert "f-pieces-error" in client.post("/", form={"name": "a", "pieces": "x"}, headers=BROWSER).text


def test_a_body_that_is_no_form_has_no_page(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        return "added"

    headers = {**BROWSER, "content-type": "text/plain"}
    assert serve_one(app).post("/", body=b"title=a", headers=headers).status == 415
    headers = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
    assert serve_one(app).post("/", body=b"title=%", headers=headers).status == 400


def test_the_document_has_no_word_of_pages() -> None:
    app = App()

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost]) -> str:
        return "added"

    document = Client(app).get("/openapi.json").json()
    assert list(document["paths"]) == ["/"]
    assert "parameters" not in document["paths"]["/"]["get"]


def test_a_stream_of_handlers_is_untouched() -> None:
    assert inspect.isgeneratorfunction(numbers)
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form, stream=True)

    @app.post("/")
    def add(new: Form[NewPost]) -> Text:
        return Text("added")

    back = Client(app).post("/", data={"title": "a"}, headers=BROWSER)
    assert back.status == 422 and "At least 3 characters." in back.text


def numbers() -> Iterator[int]:
    yield 1
