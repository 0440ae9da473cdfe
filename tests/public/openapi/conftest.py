from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openapi.browsing import Tab
from wholestack import App
from wholestack.openapi import document

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def broad_app() -> Iterator[App]:
    spec = importlib.util.spec_from_file_location("broad", HERE / "broad.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["broad"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module.app
    del sys.modules["broad"]


@pytest.fixture(scope="session")
def broad(broad_app: App) -> dict[str, Any]:
    return document(broad_app)


@pytest.fixture
def elsewhere() -> tuple[str, ...]:
    """Other addresses that the page may ask."""
    return ()


@pytest.fixture
def tab(
    service: Callable[[str], str], browser: Callable[[str], Any], address: str, elsewhere: tuple[str, ...]
) -> Iterator[Callable[..., Tab]]:
    """Opens the page at the test's `address`; when it is closed, nothing may have gone wrong in it."""
    program = service("chromium")
    opened: list[Tab] = []

    def new(colours: str = "light", width: int = 1280, path: str = "/docs") -> Tab:
        context = browser(program).new_context(color_scheme=colours, viewport={"width": width, "height": 800})
        opened.append(Tab(context.new_page(), address, path))
        return opened[-1]

    yield new
    for each in opened:
        each.check(elsewhere)
        each.page.context.close()
