"""`wholestack dev` over a socket, and its page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.serving import Serving, serve

APP = """
import time
from wholestack import App

app = App(docs=False)


@app.get("/")
async def home() -> str:
    return "up"


@app.get("/orders/{number}")
def order(number: int, token: str = "") -> float:
    prices: list[float] = []
    return sum(prices) / len(prices)


@app.get("/slow")
async def slow() -> str:
    time.sleep(0.2)
    return "done"


async def told() -> None: ...


@app.get("/forgotten")
async def forgotten() -> str:
    told()
    return "done"
"""
HERE = [("host", "localhost")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "app.py").write_text(APP)
    return folder


@pytest.fixture(scope="module")
def dev(folder: Path) -> Iterator[Serving]:
    with Serving("dev", "--port", "0", cwd=folder) as server:
        server.ready()
        server.said("Ready")
        yield server


def test_the_page_and_the_problem(dev: Serving) -> None:
    page = dev.ask("/orders/7?token=tok3ntok3n", headers=[*HERE, ("accept", "text/html")])
    assert page.status == 500
    assert "app.py:" in page.text and "return sum(prices) / len(prices)" in page.text
    assert "tok3n" not in page.text
    problem = dev.ask("/orders/7", headers=HERE).json()
    assert problem["debug"]["error"] == "ZeroDivisionError: division by zero"
    through_a_proxy = dev.ask("/orders/7", headers=[*HERE, ("x-forwarded-for", "192.0.2.1")])
    assert "debug" not in through_a_proxy.json()


def test_C27_a_server_in_production_has_no_such_page(folder: Path) -> None:
    with serve(app=str(folder / "app.py"), cwd=folder) as server:
        server.ready()
        page = server.ask("/orders/7", headers=[*HERE, ("accept", "text/html")])
        assert page.status == 500
        assert "ZeroDivisionError" not in page.text and "app.py" not in page.text
        assert server.ask("/_wholestack/debug.css", headers=HERE).status == 404
        assert "debug" not in server.ask("/orders/7", headers=HERE).json()


LAYOUT = """() => ({
    overflow: document.documentElement.scrollWidth - innerWidth,
    levels: [...document.querySelectorAll('h1, h2, h3')].map(each => Number(each.tagName[1])),
    unnamed: [...document.querySelectorAll('[tabindex], section, table')].filter(each =>
        !each.getAttribute('aria-label') && !each.querySelector('caption')
        && !document.getElementById(each.getAttribute('aria-labelledby'))).length,
    small: [...document.querySelectorAll('summary')].filter(each => each.getBoundingClientRect().height < 24).length,
    scripts: document.scripts.length,
    styled: getComputedStyle(document.querySelector('header')).borderBottomWidth,
})"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(dev: Serving, service: Callable[[str], str], width: int, scheme: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program, said = service("chromium"), []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://localhost:{dev.port}/orders/7")
        found = page.evaluate(LAYOUT)
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.tagName")
        browser.close()
    # The browser itself says that the document was a 500; a breach of the policy would be one line more.
    assert [text for text in said if "500" not in text] == []
    assert found["overflow"] <= 0
    assert found["levels"][:2] == [1, 2]
    assert all(after - before <= 1 for before, after in zip(found["levels"], found["levels"][1:], strict=False))
    assert (found["unnamed"], found["small"], found["scripts"]) == (0, 0, 0)
    assert found["styled"] == "3px"
    assert reached == "SUMMARY"


def test_what_blocks_the_loop_and_what_is_forgotten_is_said(dev: Serving) -> None:
    dev.ask("/slow")
    assert re.search(r"place=app\.py:21 .*code=time\.sleep\(0\.2\)", dev.said("event loop was blocked"))
    dev.ask("/forgotten")
    assert re.search(r"place=app\.py:30 .*code=told\(\)", dev.said("never awaited"))
