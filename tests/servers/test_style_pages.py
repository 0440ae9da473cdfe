"""Our own pages in a real browser: for everybody, in light and dark, from the right, by keyboard, under a strict policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from examples.style.app import app

from apps.clients.tools import with_node_modules
from browsing import serving

PATHS = {
    "gallery": "/",
    "gallery-from-the-right": "/?language=ar",
    "not-found": "/nowhere",
    "not-found-from-the-right": "/nowhere?language=ar",
    "not-valid": "/repairs?page=x&most=y",
    "failed": "/broken",
}
AXE = """
() => axe.run({rules: {"target-size": {enabled: true}}}).then(found => found.violations
    .flatMap(each => each.nodes.map(node => `${each.impact} ${each.id}: ${node.target} ${node.failureSummary}`)))
"""
FOCUSED = """
() => {
    const style = getComputedStyle(document.activeElement), box = document.activeElement.getBoundingClientRect();
    const seen = box.width > 1 && box.height > 1 && style.clipPath === "none" && box.bottom > 0 && box.top < innerHeight;
    return {
        what: document.activeElement.outerHTML.slice(0, 60),
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: seen,
    };
}
"""

pytestmark = pytest.mark.services("chromium")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture
def open_page(
    service: Callable[[str], str], browser: Callable[[str], Any], address: str
) -> Iterator[Callable[..., Any]]:
    """`open_page("/", width=360)`: the page; when it is closed no policy may have been broken, and nobody else asked."""
    program = service("chromium")
    opened: list[Any] = []
    wrong: list[str] = []

    def new(path: str, *, width: int = 1100, **context: Any) -> Any:
        page = browser(program).new_context(viewport={"width": width, "height": 800}, **context).new_page()
        opened.append(page)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((address, "data:")) else None
        )
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
        )
        page.goto(address + path)
        return page

    yield new
    for page in opened:
        page.context.close()
    # The browser tells of each answer that is an error, which those pages are.
    assert [each for each in wrong if "the server responded with a status of" not in each] == []


@pytest.mark.services("node", "npm")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(open_page: Callable[..., Any], colours: str, path: str) -> None:
    axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page = open_page(path, color_scheme=colours, width=360 if colours == "dark" else 1100, reduced_motion="reduce")
    page.evaluate(axe)
    assert page.evaluate(AXE) == []
    if page.locator("[commandfor=sure]").count():
        page.locator("[popovertarget=more]").click()
        page.locator("#more:popover-open").wait_for()
        assert page.evaluate(AXE) == []
        page.locator("[commandfor=sure]").click()
        page.locator("dialog[open]").wait_for()
        assert page.evaluate(AXE) == []


def test_C10_pages_of_ours_keep_to_a_strict_policy(open_page: Callable[..., Any], address: str) -> None:
    """Also /docs: nothing inline, nothing from elsewhere; the browser's console would tell (see `open_page`)."""
    for path in (*PATHS.values(), "/docs"):
        page = open_page(path)
        policy = page.request.get(f"{address}{path}").headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        assert "unsafe-inline" not in policy.partition("style-src")[0]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_the_skip_link_and_the_focus_are_seen(open_page: Callable[..., Any], path: str) -> None:
    page = open_page(path, reduced_motion="reduce")
    skip = page.locator(".skip")
    assert skip.evaluate("link => getComputedStyle(link).clipPath") != "none"
    page.keyboard.press("Tab")
    assert skip.evaluate("link => link === document.activeElement")
    while page.evaluate("document.activeElement !== document.body"):
        focused = page.evaluate(FOCUSED)
        assert focused["ring"] and focused["seen"], focused["what"]
        page.keyboard.press("Tab")
    skip.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_narrow_screen_shows_it_without_scrolling_sideways(open_page: Callable[..., Any], path: str) -> None:
    page = open_page(path, width=320)  # What 400 per cent of a usual screen leaves (WCAG 2.2, 1.4.10).
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_it_is_mirrored_from_the_right(open_page: Callable[..., Any]) -> None:
    """Each box is as far from the right as it was from the left."""
    ask = """() => ["header > a", ".breadcrumbs a", "h1", "#email", ".row button", ".login"].map(each => {
        const box = document.querySelector(each).getBoundingClientRect();
        const near = document.dir === "rtl" ? innerWidth - box.right : box.left;
        return [each, each === ".row button" ? near > innerWidth / 2 : Math.round(near)];
    })"""
    assert open_page("/").evaluate(ask) == open_page("/?language=ar").evaluate(ask)


def test_light_dark_and_on_paper(open_page: Callable[..., Any]) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert open_page("/", color_scheme="light").evaluate(ground) == "rgb(255, 255, 255)"
    page = open_page("/", color_scheme="dark")
    assert page.evaluate(ground) == "rgb(20, 23, 27)"
    assert page.locator("body > header").is_visible()
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator("body > header").is_visible() and page.locator("h1").is_visible()


def test_nothing_moves_for_those_who_ask_for_that(open_page: Callable[..., Any]) -> None:
    moves = "getComputedStyle(document.querySelector('button')).transitionDuration"
    assert open_page("/", reduced_motion="no-preference").evaluate(moves) != "0s"
    assert open_page("/", reduced_motion="reduce").evaluate(moves) == "0s"


def test_a_dialog_opens_and_ends_where_no_script_runs(open_page: Callable[..., Any]) -> None:
    page = open_page("/", java_script_enabled=False)
    page.locator("[commandfor=sure]").click()
    page.locator("#sure-title").wait_for()
    page.locator("dialog button.quiet").click()
    page.locator("#sure-title").wait_for(state="hidden")


def test_variables_and_plain_rules_of_ones_own_go_before(open_page: Callable[..., Any]) -> None:
    page = open_page("/", color_scheme="light", reduced_motion="reduce")
    page.evaluate("""() => {
        const own = new CSSStyleSheet();
        own.replaceSync(":root { --accent: #7a0050 } input { border-width: 5px }");
        document.adoptedStyleSheets = [own];
    }""")
    colour = "button => getComputedStyle(button).backgroundColor"
    assert page.locator(".login button").evaluate(colour) == "rgb(122, 0, 80)"
    # A rule as weak as `input` wins over ours for one with an error in it, since ours are in a layer.
    assert page.locator("#email").evaluate("input => getComputedStyle(input).borderTopWidth") == "5px"
