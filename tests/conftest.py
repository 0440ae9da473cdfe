"""What every test may use: `--long`, programs of the machine (`service`), and a test outside the coverage trace."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import greenlet
import hypothesis
import pytest

import combinations
from browsing import ARGUMENTS
from house import figures

# A slow machine is no fault of what is tested; time is measured where it matters, as CPU time.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

SERVICES: dict[str, tuple[str, ...]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "chrome"),
    "java": ("java", "/usr/lib/jvm/*/bin/java"),
    "nginx": ("nginx", "/usr/sbin/nginx"),
    "node": ("node", "nodejs"),
    "npm": ("npm",),
    "postgresql": ("postgres", "/usr/lib/postgresql/*/bin/postgres"),
    "redis": ("redis-server", "valkey-server"),
    "sqlmap": ("sqlmap",),
    "wrk": ("wrk",),
    "zbarimg": ("zbarimg",),
}
"""Programs a test may need: the names (or patterns of paths) under which a machine has them."""


_WITH_PROCESSES = {"apps", "backends", "servers"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run everything at full size")


@pytest.hookimpl(trylast=True)  # after -k and -m: of what they leave
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A short run takes fewer combinations (`combinations`); what is of other processes and of time gets a second try.

    The report shows it: a full machine is no fault of ours, and what is broken fails twice. In a whole run, whose parts share
    the machine (scripts/test), every test has it, and one more.
    """
    whole = "WHOLESTACK_PACE" in os.environ
    for item in items:
        timed = not _WITH_PROCESSES.isdisjoint(item.path.parts) or "untraced" in getattr(item, "fixturenames", ())
        if whole or timed:
            item.add_marker(pytest.mark.flaky(reruns=2 if whole else 1, reruns_delay=1))
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="only with --long"))
        out = combinations.left_out(items)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in out])
        items[:] = [item for item in items if item.nodeid not in out]


def pytest_configure(config: pytest.Config) -> None:
    if sys.gettrace() is not None and sys.version_info < (3, 12):
        _keep_main_greenlets()
    if config.getoption("--long") and config.option.timeout is None:
        config.option.timeout = 3600


def _keep_main_greenlets() -> None:
    """Hold each thread's main greenlet for as long as coverage measures on Python 3.11.

    A thread's end queues the death of its main greenlet as a pending call of the interpreter. There coverage's weak table of
    greenlets calls Python code, which is traced; and 3.11 spins for ever in a traced call within a pending call once a
    second one is queued (the traced RESUME looks at the eval breaker, which nobody clears, before it moves on).
    """
    begin: Callable[[threading.Thread], None] = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
    kept: list[Any] = []
    # greenlet would look for who holds them, through all objects there are, and import for it whatever is running.
    greenlet._greenlet.enable_optional_cleanup(False)  # type: ignore[attr-defined]

    def kept_alive(thread: threading.Thread) -> None:
        kept.append(greenlet.getcurrent())
        begin(thread)

    threading.Thread._bootstrap_inner = kept_alive  # type: ignore[attr-defined]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.services("chromium", "nginx")`: without them, skipped, or failed where services are required."""
    for marker in item.iter_markers("services"):
        for name in marker.args:
            find(name)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each module, let the collector look no more at what is there: modules, models and sealed apps by the million.

    Else each full collection goes through all that all modules before have made, and the whole run takes twice as long.
    """
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in figures.NOTED:
        terminalreporter.write_line(f"house: {line}")


def find(name: str) -> str:
    """The path of a program of the machine; where it is missing a skip, or a failure where services are required."""
    for each in SERVICES[name]:
        if found := shutil.which(each):
            return found
        if each.startswith("/") and (paths := sorted(Path("/").glob(each[1:]))):
            return str(paths[-1])
    message = f"{name} is not on this machine"
    if os.environ.get("WHOLESTACK_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{message}, and WHOLESTACK_REQUIRE_SERVICES=1 asks for it")
    pytest.skip(f"{message}: install it to run this test")


@pytest.fixture
def service() -> Callable[[str], str]:
    """`service("chromium")` is the program's path, or the test is skipped (failed where services are required)."""
    return find


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[[str], Any]]:
    """`browser(service("chromium"))` is a running Chromium, one for the module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    running: list[Any] = []
    with playwright.sync_playwright() as driver:

        def launch(program: str) -> Any:
            if not running:
                running.append(driver.chromium.launch(executable_path=program, args=list(ARGUMENTS)))
            return running[0]

        yield launch
        for each in running:
            each.close()


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the tests run at full size: `count = 1_000_000 if long else 1_000`."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def untraced() -> Iterator[None]:
    """No coverage is measured in this test's thread: for tests that count calls or time."""
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)
