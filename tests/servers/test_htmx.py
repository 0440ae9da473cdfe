"""htmx itself in a browser, two releases of it, served by the app under our policy: parts of pages, and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

from apps.clients.tools import with_node_modules
from browsing import serving
from wholestack import App, File, Form, Redirect
from wholestack.forms import FormView, Widget
from wholestack.sessions import Messages
from wholestack.templates import Page, Templates

TOWNS = ["Aachen", "Berlin", "Bern", "Cairo", "Derby"]
LIST = """
{% extends "wholestack/base.html" %}
{% block title %}Towns{% endblock %}
{% block head %}
{{ super() }}
<meta name="htmx-config" content='{"includeIndicatorStyles": false, "includeIndicatorCSS": false, "allowEval": false}'>
<script src="/htmx.js" defer></script>
{% endblock %}
{% block main %}
<h1>Towns</h1>
<label>Search <input name="q" type="search" data-hx-get="/" data-hx-trigger="input" data-hx-target="#towns"></label>
<ul id="towns">{% block towns %}{% for each in towns %}<li>{{ each }}</li>{% endfor %}{% endblock %}</ul>
<nav><a href="/new" data-hx-boost="true">New</a></nav>
{% endblock %}
"""
FORM = """
{% extends "towns.html" %}
{% block title %}New{% endblock %}
{% block main %}<h1>New</h1>{{ form }}{% endblock %}
"""


class Town(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=3)
    size: Annotated[int, pydantic.Field(ge=1)] = 1
    kind: Annotated[str, Widget("select", choices=["city", "village"])]


def app_with_htmx(folder: Path, script: Path, saved: list[Town]) -> App:
    (folder / "towns.html").write_text(LIST)
    (folder / "form.html").write_text(FORM)
    app = App(docs=False)
    app.use(Templates(str(folder)))

    @app.get("/")
    def towns(q: str = "") -> Page:
        return Page("towns.html", fragment="towns", towns=[each for each in TOWNS if q.lower() in each.lower()])

    @app.get("/new")
    def new(form: FormView[Town]) -> Page:
        form.live = True
        return Page("form.html", form=form)

    @app.post("/new")
    def add(new: Form[Town], messages: Messages) -> Redirect:
        saved.append(new)
        messages.success("Added.")
        return Redirect("/")

    @app.get("/htmx.js")
    def htmx() -> File:
        return File(str(script))

    return app


@pytest.fixture(scope="module", params=["htmx.org", "htmx.org-2"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Town]]]:
    script = with_node_modules() / "node_modules" / request.param / "dist" / "htmx.min.js"
    saved: list[Town] = []
    with serving(app_with_htmx(tmp_path_factory.mktemp("templates"), script, saved)) as address:
        yield address, saved


@pytest.fixture
def page(site: tuple[str, list[Town]], service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Any]:
    """A page, of which no policy may be broken, and nobody else asked."""
    context = browser(service("chromium")).new_context()
    context.set_default_timeout(20_000)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((site[0], "data:")) else None)
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
    )
    yield page
    context.close()
    assert wrong == []


@pytest.mark.services("chromium", "node", "npm")
def test_a_part_by_the_header_and_a_page_whole(page: Any, site: tuple[str, list[Town]]) -> None:
    page.goto(site[0])
    page.evaluate("window.kept = 1")
    with page.expect_response(lambda answer: "q=ber" in answer.url) as answered:
        page.get_by_label("Search").fill("ber")
    assert "<h1>" not in answered.value.text() and "hx-request" in answered.value.headers["vary"].lower()
    page.locator("#towns li").nth(2).wait_for(state="detached")
    assert page.locator("#towns li").all_inner_texts() == ["Berlin", "Bern"]
    # A link that it follows is a page, whole, in the place of this one: nothing is loaded anew.
    page.get_by_role("link", name="New").click()
    page.get_by_label("Name").wait_for()
    assert page.locator("h1").all_inner_texts() == ["New"] and page.url.endswith("/new")
    assert page.evaluate("window.kept") == 1
    page.go_back()
    page.get_by_label("Search").wait_for()
    assert page.locator("h1").all_inner_texts() == ["Towns"] and page.locator("#towns li").count() >= 2


@pytest.mark.services("chromium", "node", "npm")
def test_each_field_while_it_is_filled_in(page: Any, site: tuple[str, list[Town]]) -> None:
    address, saved = site
    saved.clear()
    page.goto(f"{address}/new")
    name, error = page.get_by_label("Name"), page.locator("#f-name-error")
    name.fill("Ux")
    name.press("Tab")
    error.wait_for()
    assert error.inner_text() == "At least 3 characters." and name.get_attribute("aria-invalid") == "true"
    assert name.input_value() == "Ux" and page.locator("p.error").count() == 1, "of no field that nobody has filled in"
    name.fill("Uxbridge")
    name.press("Tab")
    error.wait_for(state="detached")
    page.get_by_label("Size").fill("0")
    page.get_by_label("Size").press("Tab")
    page.locator("#f-size-error").wait_for()
    page.get_by_label("Size").fill("7")
    page.get_by_label("Size").press("Tab")
    page.locator("#f-size-error").wait_for(state="detached")
    assert saved == [], "nothing is done but checked"
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_label("Kind").select_option("village")
    page.get_by_role("button").last.click()
    page.get_by_text("Added.").wait_for()
    assert saved == [Town(name="Uxbridge", size=7, kind="village")]
