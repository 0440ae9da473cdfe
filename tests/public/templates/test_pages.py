"""Pages from templates: on every interface, in both colours, escaped, whole, in part and streamed."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pydantic
import pytest
from jinja2 import UndefinedError
from sqlalchemy import MetaData

from wholestack import App, HTTPError, NotFound, Request, Response, Router
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, mapped_column, relationship, select
from wholestack.templates import Page, PageNotRendered, TemplateBroken, TemplateFault, Templates, has_pages
from wholestack.testing import Client

Write = Callable[..., Templates]
BROWSER = {"accept": "text/html"}


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Shelf(Base):
    name: Mapped[str]
    jars: Mapped[list[Jar]] = relationship(back_populates="shelf", order_by=lambda: Jar.id)


class Jar(Base):
    label: Mapped[str]
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="jars")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(**{"a.html": "…"})`: templates in a folder, and the plugin that finds them."""

    def written(**files: str) -> Templates:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        return Templates(str(tmp_path))

    return written


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_page(write: Write, interface: Any, colour: str) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "<p title='{{ word }}'>{{ word }}"}))

    def plain(word: str) -> Page:
        return Page("a.html", word=word, status=203, headers={"x-own": "1"})

    async def asynchronous(word: str) -> Page:
        return plain(word)

    app.get("/")(plain if colour == "def" else asynchronous)
    with Client(app, interface=interface) as client:
        answer = client.get("/", query={"word": """<b>'"&{{ 1 }}é"""})
        assert answer.status == 203 and answer.headers["x-own"] == "1"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        safe = "&lt;b&gt;&#39;&#34;&amp;{{ 1 }}é"
        assert answer.text == f"<p title='{safe}'>{safe}"
        head = client.head("/", query={"word": "x"})
        assert head.status == 203 and head.body == b""


def test_without_an_annotation_and_beside_other_answers(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "a"}))

    @app.get("/{which}")
    def any_of_them(which: int):  # type: ignore[no-untyped-def]
        return [Page("a.html"), {"plain": 1}, "text"][which]

    client = Client(app)
    assert client.get("/0").text == "a"
    assert client.get("/1").json() == {"plain": 1}
    assert client.get("/2").json() == "text"


def test_contexts(write: Write) -> None:
    @dataclasses.dataclass
    class Data:
        word: str

    class Read(pydantic.BaseModel):
        word: str

    app = App(docs=False)
    app.use(write(**{"a.html": "{{ word }}{{ more|default('') }}"}))
    contexts: list[Any] = [{"word": "mapping"}, Data("data"), Read(word="model"), {"word": "gone", "block": "never"}]

    @app.get("/{which}")
    def show(which: int) -> Page:
        return Page("a.html", contexts[which], more="!") if which < 3 else Page("a.html", contexts[which], word="kept")

    client = Client(app)
    assert [client.get(f"/{each}").text for each in range(4)] == ["mapping!", "data!", "model!", "kept"]
    with pytest.raises(TypeError, match="a mapping, a dataclass or a model, not int"):
        Page("a.html", 7)


def test_a_block_of_a_page_and_of_what_it_extends(write: Write) -> None:
    files = {
        "base.html": "<base>{% block top %}top {{ word }}{% endblock %}{% block rows %}{% endblock %}",
        "middle.html": "{% extends 'base.html' %}",
        "a.html": "{% extends 'middle.html' %}{% block rows %}rows {{ word }}{% endblock %}",
    }
    app = App(docs=False)
    app.use(write(**files))

    @app.get("/{block}")
    def show(block: str) -> Page:
        return Page("a.html", block=block, word="<x>")

    client = Client(app)
    assert client.get("/rows").text == "rows &lt;x&gt;"
    assert client.get("/top").text == "top &lt;x&gt;"
    with pytest.raises(TemplateFault, match=r"a\.html has no block nothing"):
        client.get("/nothing")


@pytest.mark.parametrize(
    ("block", "text"),
    [("main", "before base main 1 [in] <b>x</b> after"), ("inner", "[in]"), ("uses", "m:1 t=T f:2 [in] 3")],
)
def test_a_block_has_all_that_it_has_in_the_whole_page(write: Write, block: str, text: str) -> None:
    files = {
        "base.html": "{% set three = 3 %}{% block main %}base main {{ one }} {% block inner %}[base]{% endblock %}{% endblock %}",
        "m.html": "{% macro show(x) %}m:{{ x }}{% endmacro %}{% macro g(x) %}f:{{ x }}{% endmacro %}",
        "a.html": (
            "{% extends 'base.html' %}{% import 'm.html' as m %}{% from 'm.html' import g as f %}{% set t = 'T' %}"
            "{% macro bold(x) %}<b>{{ x }}</b>{% endmacro %}{% block inner %}[in]{% endblock %}"
            "{% block main %}before {{ super() }} {{ bold('x') }} after{% block uses %}{{ m.show(one) }} t={{ t }} "
            "{{ f(2) }} {{ self.inner() }} {{ three }}{% endblock %}{% endblock %}"
        ),
    }
    templates = write(**files)
    app = App(docs=False)
    app.use(templates)
    parts: list[str] = []

    @app.get("/{block}")
    def show(block: str) -> Page:
        return Page("a.html", block=block, one=1)

    @app.get("/")
    def whole() -> Page:
        return Page("a.html", one=1)

    client = Client(app)
    for _ in range(2):
        parts.append(client.get(f"/{block}").text.removesuffix("m:1 t=T f:2 [in] 3" if block == "main" else ""))
    assert parts == [text, text]
    assert parts[0] in client.get("/").text


def test_a_fragment_for_htmx_only(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "whole {% block rows %}rows{% endblock %}"}))

    @app.get("/")
    def show() -> Page:
        return Page("a.html", fragment="rows")

    client = Client(app)
    whole, part = client.get("/"), client.get("/", headers={"hx-request": "true"})
    history = client.get("/", headers={"hx-request": "true", "hx-history-restore-request": "true"})
    boosted = client.get("/", headers={"hx-request": "true", "hx-boosted": "true"})
    answers = (whole, part, history, boosted)
    assert [each.text for each in answers] == ["whole rows", "rows", "whole rows", "whole rows"]
    assert {each.headers["vary"] for each in answers} == {"hx-request, hx-history-restore-request, hx-boosted"}


def test_a_streamed_page_is_sent_in_pieces(write: Write, interface: Any) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "{% for each in numbers %}{{ each }}\n{% endfor %}"}))
    made: list[int] = []

    def numbers() -> Generator[int, None, None]:
        for each in range(1000):
            made.append(each)
            yield each

    before: list[list[int]] = []

    @app.middleware
    def looked_at(request: Request) -> Generator[None, Response, Response]:
        response = yield
        before.append(list(made))
        return response

    @app.get("/")
    def show() -> Page:
        return Page("a.html", numbers=numbers(), stream=True)

    with Client(app, interface=interface) as client:
        answer = client.get("/")
        assert answer.text == "".join(f"{each}\n" for each in range(1000))
        assert "content-length" not in answer.headers
        assert before == [[]], "it is rendered while it is sent"


@pytest.mark.parametrize("colour", ["def", "async"])
def test_rows_are_loaded_while_it_is_rendered(write: Write, tmp_path: Path, colour: str) -> None:
    """A template may follow a relation, as plain code may: the page belongs to the same unit of work."""
    app = App(docs=False)
    app.use(
        Database("sqlite://", models=Base),
        write(
            **{
                "a.html": "{% for s in shelves %}{{ s.name }}:{% for j in s.jars %} {{ j.label }}{% endfor %};{% endfor %}"
            }
        ),
    )

    def plain(db: Session) -> Page:
        return Page("a.html", shelves=db.scalars(select(Shelf)))

    async def asynchronous(db: Session) -> Page:
        return plain(db)

    app.get("/", queries=2)(plain if colour == "def" else asynchronous)
    with Client(app) as client:
        with app.session() as db:
            db.add_all([Shelf(name=name, jars=[Jar(label=f"{name}{n}") for n in range(2)]) for name in "ab"])
        assert client.get("/").text == "a: a0 a1;b: b0 b1;"


def test_what_is_not_given_is_an_error_at_its_line(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "one\ntwo {{ word }}"}))

    @app.get("/")
    def show() -> Page:
        return Page("a.html")

    with pytest.raises(UndefinedError, match="'word' is undefined") as caught:
        Client(app).get("/")
    trace, frames = caught.value.__traceback__, []
    while trace is not None:
        frames.append((Path(trace.tb_frame.f_code.co_filename).name, trace.tb_lineno))
        trace = trace.tb_next
    assert ("a.html", 2) in frames


@pytest.mark.parametrize("name", ["nothing.html", "../secret.html", "/etc/passwd", "sub/../../secret.html", ""])
def test_no_such_template(write: Write, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "inside").mkdir()
    app = App(docs=False)
    templates = Templates(str(tmp_path / "inside"))
    app.use(templates)

    @app.get("/")
    def show() -> Page:
        return Page(name)

    with pytest.raises(TemplateFault, match="There is no template"):
        Client(app).get("/")
    assert Client(app, raise_errors=False).get("/").status == 500


def test_a_near_name_is_named_and_a_broken_one_with_its_line(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"posts.html": "", "broken.html": "\n{% if %}"}))

    @app.get("/{name}")
    def show(name: str) -> Page:
        return Page(name)

    with pytest.raises(TemplateFault, match=r"Is posts\.html meant\?"):
        Client(app).get("/post.html")
    with pytest.raises(TemplateBroken, match=r"broken\.html:2: "):
        Client(app).get("/broken.html")


def test_helpers_are_made_when_they_are_used_once_a_page(write: Write) -> None:
    made: list[str] = []
    files = {
        "uses.html": "{{ who }}{{ who }}{% include 'part.html' %}",
        "part.html": "{{ who }}",
        "plain.html": "plain",
    }
    templates = write(**files)

    def who(request: Request) -> str:
        made.append(request.path)
        return "<me>"

    templates.helpers["who"] = who
    app = App(docs=False)
    app.use(templates)

    @app.get("/{name}")
    def show(name: str) -> Page:
        return Page(f"{name}.html")

    client = Client(app)
    assert client.get("/uses").text == "&lt;me&gt;" * 3
    assert client.get("/plain").text == "plain"
    assert made == ["/uses"]


def test_a_helper_is_made_once_for_what_is_included_again_and_again(write: Write) -> None:
    made: list[int] = []
    files = {
        "a.html": "{% for each in [1, 2, 3] %}{% include 'p.html' %}{% block b scoped %}{{ n }}{% endblock %}{% endfor %}",
        "p.html": "{{ n }}",
    }
    templates = write(**files)
    templates.helpers["n"] = lambda request: made.append(1) or len(made)
    app = App(docs=False)
    app.use(templates)

    @app.get("/")
    def show() -> Page:
        return Page("a.html")

    client = Client(app)
    assert (client.get("/").text, client.get("/").text) == ("111111", "222222")


def test_helpers_know_the_request_whatever_the_page_calls_so(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "{{ request }} {{ url_for('show') }}"}))

    @app.get("/")
    def show() -> Page:
        return Page("a.html", {"request": "a ticket"})

    assert Client(app).get("/").text == "a ticket /"


def test_filters_of_ones_own_also_in_a_twin_and_for_check(write: Write) -> None:
    templates = write(**{"a.html": "{{ 1250|money }}"})
    templates.environment.filters["money"] = lambda cents: f"{cents / 100:.2f}"
    app = App(docs=False)
    app.use(templates)

    @app.get("/")
    def show() -> Page:
        return Page("a.html")

    assert Client(app).get("/").text == "12.50"
    assert [fault for check in app.checks for fault in check()] == []
    with app.replace(int, 7) as twin:
        assert Client(twin).get("/").text == "12.50"
    other = App(docs=False)
    other.use(write(**{"b.html": "{{ 1250|money }}"}))
    other.get("/")(show)
    with pytest.raises(TemplateBroken, match="No filter named 'money'"):
        Client(other).get("/")


def test_a_plugin_that_is_used_after_it_brings_names_and_pages(write: Write) -> None:
    class Shop:
        template_helpers: dict[str, Any] = {}

        def setup(self, app: App) -> None:
            self.template_helpers = {"shop": lambda request: "the shop"}

            @app.get("/")
            def show() -> Page:
                return Page("a.html")

    app = App(docs=False)
    app.use(write(**{"a.html": "{{ shop }}"}), Shop())
    assert Client(app).get("/").text == "the shop"


def test_a_client_that_leaves_is_no_error(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    from wholestack.errors import ClientDisconnected

    app = App(docs=False)
    app.use(write(**{"error.html": "sorry"}))

    @app.get("/")
    def show() -> Page:
        raise ClientDisconnected

    answer = Client(app, raise_errors=False).get("/", headers=BROWSER)
    assert (answer.status, answer.text) == (400, "")
    assert [each for each in caplog.records if each.exc_info] == []


def test_a_given_name_goes_before_a_helper(write: Write) -> None:
    templates = write(**{"a.html": "{{ who }}"})
    templates.helpers["who"] = lambda request: "helper"
    app = App(docs=False)
    app.use(templates)

    @app.get("/")
    def show() -> Page:
        return Page("a.html", who="given")

    assert Client(app).get("/").text == "given"


def test_links_below_a_mount(write: Write) -> None:
    inner = App(docs=False)
    inner.use(write(**{"a.html": "{{ url_for('show', id=7, word='a b') }}"}))

    @inner.get("/{id}")
    def show(id: int, word: str = "") -> Page:
        return Page("a.html")

    outer = App(docs=False)
    outer.mount("/in", inner)
    assert Client(inner).get("/1").text == "/7?word=a+b"
    assert Client(outer).get("/in/1").text == "/in/7?word=a+b"


def test_error_pages(write: Write, interface: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = App(docs=False)
    app.use(write(**{"404.html": "nothing: {{ error.detail }}", "error.html": "{{ error.status }} {{ error.code }}"}))

    @app.get("/{id}")
    def show(id: int) -> str:
        if id == 1:
            raise NotFound("<one>")
        raise ZeroDivisionError

    with Client(app, interface=interface, raise_errors=False) as client:
        assert client.get("/1", headers=BROWSER).text == "nothing: &lt;one&gt;"
        refused = client.get("/x", headers=BROWSER)
        assert (refused.status, refused.text) == (422, "422 validation-failed")
        wrong = client.post("/1", headers=BROWSER)
        assert (wrong.status, wrong.text, wrong.headers["allow"]) == (
            405,
            "405 method-not-allowed",
            "GET, HEAD, OPTIONS",
        )
        assert "accept" in wrong.headers["vary"]
        assert client.get("/nowhere/at/all", headers=BROWSER).text.startswith("nothing")
        assert client.get("/1").json()["detail"] == "<one>"
        assert client.get("/2").json()["status"] == 500
        failed = client.get("/2", headers=BROWSER)
        assert (failed.status, failed.text) == (500, "500 internal-error")
        assert [str(each.exc_info[0].__name__) for each in caplog.records if each.exc_info] == ["ZeroDivisionError"] * 2


def test_an_error_page_that_fails_itself(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"error.html": "{{ nothing }}"}))

    @app.get("/")
    def show() -> str:
        raise NotFound("lost")

    answer = Client(app, raise_errors=False).get("/", headers=BROWSER)
    assert answer.status == 500 and "undefined" not in answer.text


def test_developers_see_their_own_page(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    app = App(docs=False)
    app.use(write(**{"error.html": "{{ error.status }}"}))

    @app.get("/")
    def show() -> str:
        raise ZeroDivisionError

    client = Client(app, raise_errors=False)
    assert client.get("/nowhere", headers=BROWSER).text == "404"
    assert client.get("/", headers=BROWSER).text != "500"


def test_an_error_handler_answers_with_a_page(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"sorry.html": "sorry: {{ words }}", "error.html": "never"}))

    @app.on_error(HTTPError)
    def sorry(error: HTTPError) -> Page:
        return Page("sorry.html", words=error.detail, status=error.status)

    @app.get("/")
    def show() -> str:
        raise NotFound("not here")

    answer = Client(app).get("/", headers=BROWSER)
    assert (answer.status, answer.text) == (404, "sorry: not here")


def test_a_page_that_no_handler_returns_is_refused(write: Write) -> None:
    app = App(docs=False)
    templates = write(**{"a.html": "by hand: {{ word }}"})
    app.use(templates)

    @app.middleware
    def instead(request: Request) -> Generator[None, Response, Response]:
        if request.path == "/page":
            return Page("a.html", word="x")
        if request.path == "/hand":
            return Response(templates.engine.render("a.html", {"word": "<x>"}), media_type="text/html")
        response = yield
        return Page("a.html", word="x") if request.path == "/late" else response

    @app.get("/{rest:path}")
    def show(rest: str) -> Page:
        return Page("a.html", word="x")

    client = Client(app, raise_errors=False)
    assert client.get("/hand").text == "by hand: &lt;x&gt;"
    assert client.get("/page").status == 500
    late = client.get("/late")
    assert late.status == 500 and "x-request-id" in late.headers
    with pytest.raises(PageNotRendered, match=r"The page a\.html was never rendered"):
        _ = Page("a.html").body
    assert repr(Page("a.html", status=404)) == "<Page a.html 404>"


def test_it_can_set_a_cookie_and_be_called_after(write: Write) -> None:
    app = App(docs=False)
    app.use(write(**{"a.html": "a"}))
    called: list[str] = []

    @app.get("/")
    def show() -> Page:
        page = Page("a.html")
        page.set_cookie("seen", "1")
        page.after(called.append, "after")
        return page

    with Client(app) as client:
        assert client.get("/").headers["set-cookie"].startswith("seen=1;")
    assert called == ["after"]


def loaded(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_folders_of_modules_and_what_the_app_overrides(tmp_path: Path) -> None:
    """Each module brings its own templates; the app's own folder goes first."""
    for name, files in {
        ".": {"shared.html": "the app's", "home.html": "home"},
        "shop": {"shared.html": "the shop's", "shop/list.html": "list", "shop/other.html": "the shop's"},
    }.items():
        for file, text in files.items():
            place = tmp_path / name / "templates" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
    (tmp_path / "shop" / "routes.py").write_text(
        "from wholestack import Router\nfrom wholestack.templates import Page\nrouter = Router()\n"
        "@router.get('/list')\ndef show() -> Page:\n    return Page('shop/list.html')\n"
        "@router.get('/shared')\ndef shared() -> Page:\n    return Page('shared.html')\n"
    )
    (tmp_path / "main.py").write_text(
        "from wholestack import App\nfrom templates_shop import router\napp = App(docs=False)\n"
        "app.include(router, at='/shop')\n"
    )
    try:
        loaded(tmp_path / "shop" / "routes.py", "templates_shop")
        client = Client(loaded(tmp_path / "main.py", "templates_main").app)
        assert [client.get(path).text for path in ("/shop/list", "/shop/shared")] == ["list", "the app's"]
    finally:
        del sys.modules["templates_shop"], sys.modules["templates_main"]


def test_an_app_has_it_by_itself_where_it_answers_with_pages() -> None:
    app, router = App(docs=False), Router()
    assert not has_pages(app)
    app.include(router)

    @router.get("/")
    def show() -> Page | None:
        return Page("a.html")

    assert has_pages(app)
    assert [type(each) for each in app.default_plugins()].count(Templates) == 1
    app.use(Templates())
    assert Templates not in [type(each) for each in app.default_plugins()]


def test_a_changed_template_is_seen_in_development(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for stage, second in {"development": "second", "production": "first"}.items():
        monkeypatch.setenv("WHOLESTACK_STAGE", stage)
        app = App(docs=False)
        app.use(write(**{"a.html": "first"}))

        @app.get("/")
        def show() -> Page:
            return Page("a.html")

        with Client(app) as client:
            assert client.get("/").text == "first"
            (tmp_path / "a.html").write_text("second")
            os.utime(tmp_path / "a.html", (1, 1))
            assert client.get("/").text == second


def test_it_is_documented_as_a_page_and_asked_for_with_a_condition(write: Write) -> None:
    app = App()
    app.use(write(**{"a.html": "a"}))

    @app.get("/", etag=True)
    def show() -> Page:
        return Page("a.html")

    client = Client(app)
    answers = client.get("/openapi.json").json()["paths"]["/"]["get"]["responses"]
    assert answers["200"]["content"] == {"text/html": {"schema": {"type": "string"}}}
    tag = client.get("/").headers["etag"]
    assert client.get("/", headers={"if-none-match": tag}).status == 304
