"""Forms in a real browser: every widget, with and without JavaScript, by the keyboard, under the policy, and attacked."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import pydantic
import pytest

from apps.clients.tools import with_node_modules
from browsing import serving
from servers.form_pages_app import PAYLOADS, Kind, app_with_forms, hostile_app
from wholestack.forms import FormView

SERIOUS = """
() => axe.run().then(found => found.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary}`)))
"""
PNG = {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG"}
FILLED = {
    "title": "A title",
    "text": "two\nlines",
    "address.street": "Main",
    "address.zip": "12345",
    "pages": "7",
    "price": "2.25",
    "day": "2026-11-27",
    "moment": "2026-11-27T10:30",
    "hour": "08:05",
    "mail": "ann@example.org",
    "site": "https://example.org/",
    "secret": "hush",
    "color": "#00ff00",
    "volume": "8",
}


class Site:
    """The served app, what it saved, and the address."""

    def __init__(self, address: str, saved: list[Any]) -> None:
        self.address = address
        self.saved = saved


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    saved: list[Any] = []
    with serving(app_with_forms(saved)) as address:
        yield Site(address, saved)


@pytest.fixture
def tab(site: Site, service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """`tab(javascript=False, path="/all")`: a page, of which nothing may be wrong in the console."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(path: str = "/all", *, javascript: bool = True, address: str = "") -> Any:
        context = browser(service("chromium")).new_context(java_script_enabled=javascript)
        opened.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
        )
        page.goto(f"{address or site.address}{path}")
        return page

    site.saved.clear()
    yield open_tab
    for context in opened:
        context.close()
    # The browser itself says that an answer was a 422.
    assert [text for text in said if "422" not in text] == []


def fill(page: Any) -> None:
    # In one step; one by one they are typed by the keyboard, below.
    page.evaluate(
        "all => { for (const [name, value] of Object.entries(all)) document.getElementsByName(name)[0].value = value }",
        FILLED,
    )
    page.locator("#f-kind").select_option("story")
    page.locator("#f-level-1").check()
    page.locator("#f-maybe").select_option("false")
    page.locator("[name=tags][value=red]").uncheck()
    page.locator("[name=tags][value=blue]").check()
    page.get_by_label("Author").select_option("2")
    page.locator("#f-readers").select_option(["1", "3"])
    page.locator("#f-agree").check()
    page.locator("#f-news").uncheck()
    page.locator("#f-photo").set_input_files(PNG)


def shown(page: Any) -> dict[str, Any]:
    """What stands in each field."""
    fields = page.locator("form.form :is(input, select, textarea)")
    return {
        each["name"]: each["value"]
        for each in fields.evaluate_all("all => all.map(each => ({name: each.name, value: each.value}))")
        if each["name"] in FILLED
    }


def expected(**different: Any) -> dict[str, Any]:
    return {
        "title": "A title",
        "text": "two\nlines",
        "address": {"street": "Main", "zip": "12345"},
        "pages": 7,
        "price": 2.25,
        "day": datetime.date(2026, 11, 27),
        "moment": datetime.datetime(2026, 11, 27, 10, 30, tzinfo=datetime.UTC),
        "hour": datetime.time(8, 5),
        "mail": "ann@example.org",
        "color": "#00ff00",
        "volume": 8,
        "kind": Kind.STORY,
        "level": "high",
        "maybe": False,
        "tags": {"blue"},
        "author": 2,
        "readers": [1, 3],
        "agree": True,
        "news": False,
        "photo": b"\x89PNG",
        "lines": [],
        "words": ["one"],
        "token": "kept",
        **different,
    }


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_every_widget_is_filled_sent_and_shown_again(tab: Any, site: Site, javascript: bool) -> None:
    page = tab(javascript=javascript)
    fill(page)
    # What only the server refuses: the browser is told not to look.
    page.locator("form.form").evaluate("form => { form.noValidate = true }")
    page.locator("[name=title]").fill("ab")
    page.locator("[name='address.zip']").fill("abc")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").wait_for()
    assert site.saved == []
    kept = {**FILLED, "title": "ab", "address.zip": "abc", "secret": ""}
    assert shown(page) == kept
    assert page.locator("#f-photo").evaluate("each => each.files.length") == 0
    assert page.locator("#f-kind").input_value() == "story" and page.locator("#f-level-1").is_checked()
    assert page.locator("#f-maybe").input_value() == "false" and page.get_by_label("Author").input_value() == "2"
    assert (
        page.locator("[name=tags][value=blue]").is_checked() and not page.locator("[name=tags][value=red]").is_checked()
    )
    assert page.locator("#f-agree").is_checked() and not page.locator("#f-news").is_checked()
    title = page.locator("[name=title]")
    assert title.get_attribute("aria-invalid") == "true"
    told = [page.locator(f"#{each}").inner_text() for each in title.get_attribute("aria-describedby").split()]
    assert told == ["What it is called.", "At least 3 characters."]
    assert page.locator("[role=alert] a").all_inner_texts() == [
        "Title: At least 3 characters.",
        "Zip: This does not have the expected form.",
    ]
    page.locator("[role=alert] a").first.click()
    assert page.locator("[name=title]:focus").count() == 1, "a link of the summary leads to its field"
    title.fill("A title")
    page.locator("[name='address.zip']").fill("12345")
    page.locator("[name=secret]").fill("hush")
    page.locator("#f-photo").set_input_files(PNG)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Saved").wait_for()
    (found,) = site.saved
    assert str(found.pop("site")) == "https://example.org/" and found.pop("secret").get_secret_value() == "hush"
    assert found == expected()


def test_the_browser_checks_what_the_types_say(tab: Any, site: Site) -> None:
    page = tab()
    fill(page)
    wrong = {"title": "ab", "pages": "0", "price": "-1", "mail": "no address", "site": "nowhere", "address.zip": "abc"}
    for name, value in wrong.items():
        page.locator(f"[name='{name}']").fill(value)
    page.locator("#f-kind").select_option("")
    names = "all => all.filter(each => each.name && !each.validity.valid).map(each => each.name)"
    invalid = page.locator("form.form :is(input, select, textarea)").evaluate_all(names)
    assert sorted(invalid) == sorted([*wrong, "kind"])
    page.get_by_role("button", name="Send").click()
    assert page.url.endswith("/all") and page.get_by_role("alert").count() == 0 and site.saved == []


class Counted(pydantic.BaseModel):
    """What a browser counts in steps."""

    pieces: int
    fives: Annotated[int, pydantic.Field(multiple_of=5)]
    price: Annotated[decimal.Decimal, pydantic.Field(decimal_places=2)]
    hour: datetime.time
    early: Annotated[datetime.time, pydantic.Field(ge=datetime.time(8))]
    moment: datetime.datetime


def test_what_is_shown_again_keeps_nobody_from_what_is_right(tab: Any) -> None:
    off = {"pieces": "1.5", "fives": "3", "price": "1.234", "hour": "08:00:05", "early": "08:00:05"}
    page = tab()
    form = str(FormView(Counted).fill({**off, "moment": "2026-01-01T08:00:05"}))
    page.locator("main").evaluate("(main, html) => { main.innerHTML = html }", form)
    refused = "all => all.filter(each => !each.validity.valid).map(each => each.name)"
    inputs = page.locator("main form.form input")
    assert inputs.count() == 6 and inputs.evaluate_all(refused) == []
    right = {"pieces": "2", "fives": "5", "price": "1.23", "hour": "08:01", "early": "08:01"}
    for name, value in {**right, "moment": "2026-01-01T08:01"}.items():
        page.locator(f"[name={name}]").fill(value)
    assert inputs.evaluate_all(refused) == []


@pytest.mark.parametrize("how", ["no-script", "plain", "our-script"])
def test_rows_are_added_removed_and_moved(tab: Any, site: Site, how: str) -> None:
    page = tab(f"/rows?script={'true' if how == 'our-script' else 'false'}", javascript=how != "no-script")
    page.locator("[name=title]").fill("A title")
    page.locator("[name=secret]").fill("hush")
    lines = page.locator("#f-lines")
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[0].product']").fill("tea")
    assert page.locator("[name='lines[0].product']:focus").count() == 1
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[1].product']").fill("milk")
    page.locator("[name='lines[1].gift']").check()
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[2].product']").fill("gone")
    lines.get_by_role("button", name="Up 2").click()
    page.locator("[name='lines[0].product'][value=milk]").wait_for()
    lines.get_by_role("button", name="Remove 3").click()
    page.locator("[name='lines[2].product']").wait_for(state="detached")
    assert page.locator("[name='lines[0].gift']").is_checked()
    assert page.locator("[name='lines[1].product']").input_value() == "tea"
    page.locator("#f-words").get_by_role("button", name="Remove 1").click()
    page.locator("[name='words[0]']").wait_for(state="detached")
    assert site.saved == [] and page.get_by_role("alert").count() == 0
    assert page.locator("[name=title]").input_value() == "A title"
    if how == "our-script":
        assert page.locator("[name=secret]").input_value() == "hush", "the page was never left"
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Saved").wait_for()
    (found,) = site.saved
    assert found["lines"] == [
        {"product": "milk", "pieces": 1, "gift": True},
        {"product": "tea", "pieces": 1, "gift": False},
    ]
    assert found["words"] == []


def test_signs_of_numbers_keep_their_side_where_one_reads_from_the_right(tab: Any) -> None:
    page = tab()
    page.evaluate("document.documentElement.dir = 'rtl'")
    look = "field => { const style = getComputedStyle(field); return [style.direction, style.textAlign] }"
    for name in ("pages", "price", "site"):
        assert page.locator(f"[name={name}]").evaluate(look) == ["ltr", "end"], name
    assert page.locator("[name=title]").evaluate(look) == ["rtl", "start"]


def test_what_is_wrong_in_a_row_moves_no_field_beside_it(tab: Any) -> None:
    page = tab("/rows?script=false")
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[0].product']").wait_for()
    page.locator("form.form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Send").click()
    page.locator(".row .error").first.wait_for()
    tops = page.locator(".row:has(.error) .field > input:not([type=checkbox])").evaluate_all(
        "all => all.map(each => Math.round(each.getBoundingClientRect().top))"
    )
    assert len(tops) == 2 and len(set(tops)) == 1


def test_by_the_keyboard_alone(tab: Any, site: Site) -> None:
    page = tab()
    keyboard = page.keyboard
    values = {**FILLED, "day": "11272026", "moment": "11272026\t1030AM", "hour": "0805AM", "text": "two lines"}
    reached: list[str] = []
    page.locator("[name=title]").focus()
    for _ in range(60):
        name, kind = page.evaluate("[document.activeElement.name, document.activeElement.type]")
        reached.append(name or kind)
        if name in {"color", "volume"}:
            pass
        elif name in values and page.locator(f"[name='{name}']").input_value() in {"", "1.5"}:
            date, tab_key, time = values[name].partition("\t")
            keyboard.type(date)
            if tab_key:  # A year may have six digits there, so its end is said.
                keyboard.press("Tab")
                keyboard.type(time)
        elif kind in {"select-one", "select-multiple"}:
            keyboard.press("ArrowDown")
        elif kind == "radio":
            keyboard.press("Space")
            keyboard.press("ArrowDown")
        elif name in {"agree", "tags"}:
            keyboard.press("Space")
        elif kind == "submit" and not name:
            keyboard.press("Enter")
            break
        keyboard.press("Tab")
    page.get_by_role("heading", name="Saved").wait_for()
    (found,) = site.saved
    assert found["day"] == datetime.date(2026, 11, 27) and found["hour"] == datetime.time(8, 5)
    assert found["moment"] == datetime.datetime(2026, 11, 27, 10, 30, tzinfo=datetime.UTC)
    assert found["level"] == "high" and found["agree"] is True and found["words"] == ["one"]
    assert found["tags"] == {"green", "blue"} and found["kind"] == Kind.NEWS
    assert "_remove" in reached, "every button for rows is reached as well"


def test_enter_in_a_field_sends_the_form_and_takes_no_row_away(tab: Any, site: Site) -> None:
    page = tab("/rows", javascript=False)
    page.locator("[name=title]").fill("A title")
    page.locator("[name='words[0]']").press("Enter")
    page.get_by_role("heading", name="Saved").wait_for()
    assert site.saved[0]["words"] == ["one"]


def test_a_field_is_checked_when_it_was_filled_in(tab: Any, site: Site) -> None:
    page = tab("/all?live=true&script=true")
    page.locator("form.form").evaluate("form => { form.noValidate = true }")
    page.locator("[name=title]").fill("ab")
    page.locator("[name=pages]").fill("7")
    page.locator("#f-title-error").wait_for()
    assert page.locator("#f-title-error").inner_text() == "At least 3 characters."
    assert page.locator("[role=alert]").count() == 0 and page.locator("#f-kind-error").count() == 0
    page.locator("[name=title]").fill("abc")
    page.locator("[name=pages]").fill("0")
    page.locator("#f-title-error").wait_for(state="detached")
    page.locator("[name=secret]").fill("hush")
    page.locator("[name=title]").fill("abcd")
    page.locator("#f-pages-error").wait_for()
    assert page.locator("[name=secret]").input_value() == "hush" and site.saved == []


@pytest.mark.services("node", "npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_form_with_faults(tab: Any, scheme: str) -> None:
    axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page = tab()
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[0].product']").wait_for()
    page.locator("form.form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").wait_for()
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []


@pytest.fixture(scope="module")
def attacked() -> Iterator[str]:
    with serving(hostile_app()) as address:
        yield address


@pytest.fixture(scope="module")
def victim(browser: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """`victim(program)`: a page that tells in `alarms` what has run in it, one for all attacks."""
    opened: list[Any] = []

    def open_page(program: str) -> Any:
        if not opened:
            page = browser(program).new_page()
            page.set_default_timeout(20_000)
            page.alarms = []
            page.on("dialog", lambda dialog: (page.alarms.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda request: page.alarms.append(request.url) if "/report" in request.url else None)
            page.add_init_script("addEventListener('securitypolicyviolation', event => alert(event.violatedDirective))")
            opened.append(page)
        return opened[0]

    yield open_page
    for page in opened:
        page.close()


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_C21_no_text_of_a_form_runs(attacked: str, service: Callable[[str], str], victim: Any, number: int) -> None:
    """Each payload in each value, label, help, choice and error message of each widget, as stored and as typed."""
    payload, page = PAYLOADS[number], victim(service("chromium"))
    page.alarms.clear()
    page.goto(f"{attacked}/{number}")
    stored = seen(page)
    sent = urlencode([(name, payload) for name in stored.pop("names") if not name.startswith("_")])
    # As a form of the page's own would send it, whatever its inputs would take.
    with page.expect_navigation():
        page.evaluate(SEND, [f"{attacked}/{number}", sent])
    typed = seen(page)
    for name in ("f_text", "f_textarea", "f_search"):
        assert normal(typed["values"][name]) == normal(payload)
    assert typed["told"].split() == payload.split(), "the error message is what it says"
    for each in (stored, typed):
        assert each["elements"] == each["handlers"] == [] and each["labels"] > 20
    assert page.alarms == []


SEND = """([address, sent]) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: address});
    for (const [name, value] of new URLSearchParams(sent))
        form.append(Object.assign(document.createElement("textarea"), {name, value}));
    document.body.append(form);
    form.submit();
}"""
SEEN = """() => {
    // What would run when it is reached, or when it is shown.
    for (const each of document.querySelectorAll("main :is(input, select, textarea, a)")) each.focus();
    const all = [...document.querySelectorAll("main *")], named = all.filter(each => each.name);
    const runs = one => one.name.startsWith("on")
        || (["href", "src", "srcdoc"].includes(one.name) && !one.value.startsWith("#"));
    return {
        elements: [...document.querySelectorAll("main :is(script, img, svg, iframe, math, style, details)")]
            .map(each => each.outerHTML),
        handlers: all.filter(each => [...each.attributes].some(runs)).map(each => each.outerHTML),
        labels: document.querySelectorAll("main label").length,
        names: [...new Set(named.map(each => each.name))],
        values: Object.fromEntries(named.map(each => [each.name, each.value])),
        told: document.getElementById("f-f_text-error")?.innerText,
    };
}"""


def normal(text: str) -> list[str]:
    """The words of a text; an input takes line ends away, and a separator of lines is one for Python."""
    return json.dumps(text).replace("\\u2028", " ").split()


def seen(page: Any) -> Any:
    """What no form has by itself, elements and attributes that run something; and what is in the form."""
    return page.evaluate(SEEN)


# -- files -----------------------------------------------------------------------------------------------------------

LARGE = {"name": "large.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 3_000_000}
WATCH = """
() => {
    window.seen = [];
    const look = () => { for (const each of document.querySelectorAll("progress")) seen.push(each.value); };
    window.looking = setInterval(look, 20);
}
"""


def slow(page: Any) -> None:
    """A way to the server that takes 1 MB a second."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    session.send("Network.emulateNetworkConditions", limits)


def test_how_far_large_files_are_is_shown(tab: Callable[..., Any], site: Site) -> None:
    page = tab("/send")
    slow(page)
    page.locator("#f-title").fill("nothing")
    page.locator("#f-files").set_input_files([LARGE])
    page.evaluate(WATCH)
    page.get_by_role("button", name="Send").click()
    bar = page.get_by_role("progressbar", name="Sending the files …")
    bar.wait_for()
    assert page.locator("form.form").get_attribute("aria-busy") == "true"
    page.locator("#f-title-error").wait_for()
    assert page.locator("#f-title-error").inner_text() == "Not that."
    values = page.evaluate("seen")
    assert [each for each in values if 0.1 < each < 0.9], values
    assert values == sorted(values) and site.saved == []
    assert bar.count() == 0 and page.url.endswith("/send")
    # What is wrong has the focus, the file is still chosen, and the form is sent anew.
    assert page.evaluate("document.activeElement.className") == "errors"
    assert page.evaluate("document.getElementById('f-files').files[0].name") == "large.bin"
    page.locator("#f-title").fill("something")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/saved")
    assert page.get_by_role("heading", name="Saved").is_visible()
    assert site.saved == [("something", [3_000_000])]


@pytest.mark.parametrize(
    ("javascript", "script", "files"), [(False, True, [LARGE]), (True, False, [LARGE]), (True, True, [PNG])]
)
def test_files_are_sent_by_the_browser_alone_as_well(
    tab: Callable[..., Any], site: Site, javascript: bool, script: bool, files: list[Any]
) -> None:
    page = tab(f"/send?script={str(script).lower()}", javascript=javascript)
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    page.locator("#f-title").fill("something")
    page.locator("#f-files").set_input_files(files)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/saved")
    assert site.saved == [("something", [len(each["buffer"]) for each in files])]
    assert [each.headers.get("x-form-upload") for each in asked if each.method == "POST"] == [None]


def test_the_script_sends_where_the_form_says_and_not_to_its_page(tab: Callable[..., Any], site: Site) -> None:
    page = tab("/stories/7/edit")
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Add: Lines").click()
    page.locator("[name='lines[0].product']").fill("tea")
    page.locator("[name='lines[0].product']").blur()
    page.locator("#f-files").set_input_files([LARGE])
    page.locator("[name=title]").fill("nothing")
    page.locator("[name=title]").blur()
    page.locator("#f-title-error").wait_for()
    page.get_by_role("button", name="Send").click()
    page.locator("[role=alert]").wait_for()
    assert page.evaluate("window.stays") and page.evaluate("document.getElementById('f-files').files.length") == 1
    page.locator("[name=title]").fill("something")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/saved")
    assert site.saved == [(7, "something", "read", ["tea"], 1)]
    assert {each.url for each in asked} == {f"{site.address}/stories/7"}
    assert [each.headers["content-type"].partition(";")[0] for each in asked] == ["multipart/form-data"] * len(asked)
    assert sum("x-form-upload" in each.headers for each in asked) == 2


def test_a_plain_text_that_answers_an_upload_is_shown_as_text(tab: Callable[..., Any], site: Site) -> None:
    page = tab("/stories/7/edit")
    text = "plain <img src=x id=made> <form class=form data-upload=x></form>"
    page.locator("[name=title]").fill(text)
    page.locator("#f-files").set_input_files([LARGE])
    page.get_by_role("button", name="Send").click()
    page.locator("#f-title").wait_for(state="detached")
    assert page.locator("body").inner_text().strip() == text
    assert page.locator("#made").count() == 0 and site.saved == []
