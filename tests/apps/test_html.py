"""Each kind of page that we and our examples make is valid HTML, as the checker of the W3C (vnu) reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.airports.app import app as airports
from examples.live.app import app as live
from examples.login.app import app as diary
from examples.pages.app import app as guest_book
from examples.style.app import app as style

from apps.admin_pages import pages_of_admin
from apps.clients.tools import with_node_modules
from apps.login_pages import pages_of_login
from apps.test_airports_pages import GOOD
from servers.form_pages_app import app_with_forms
from wholestack import HTML, App, NotFound
from wholestack.db import Database
from wholestack.testing import Client

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}
BROKEN = {"title": "a", "pages": "0", "day": "", "zip": "x", "lines[0].product": "", "lines[0].pieces": "100"}


def of(app: App, *asked: tuple[str, dict[str, Any] | None]) -> Iterator[tuple[str, str]]:
    """What an app answers with, by name: a GET, or a POST of a form."""
    with Client(app, raise_errors=False, headers=BROWSER) as client:
        for path, form in asked:
            answer = client.get(path) if form is None else client.post(path, data=form)
            name = f"{app.title or 'app'}-{'post' if form else 'get'}-{path}"
            assert answer.headers["content-type"].startswith("text/html"), f"{name} {answer.status}"
            assert (answer.status == 500) == path.startswith("/broken"), name
            yield f"{name}-{answer.status}", answer.text


def plain() -> App:
    """An app without pages of its own: our errors and documents alone."""
    app = App(title="plain")

    @app.get("/{number}")
    def show(number: int) -> HTML:
        raise NotFound(f"There is no {number} & <nothing>.")

    return app


def pages() -> Iterator[tuple[str, str]]:
    """All of them."""
    yield from of(
        airports, ("/visit/", None), ("/visit/HNL", None), ("/visit/HNL", {**GOOD, "stars": "9"}), ("/visit/XXX", None)
    )
    yield from of(guest_book, ("/", None), ("/sign", None), ("/sign", {"name": ""}))
    for language in ("en", "ar"):
        paths = ("", "nowhere", "repairs", "closed", "broken")
        yield from of(style, *((f"/{path}?language={language}", None) for path in paths))
    yield from of(live, ("/", None), ("/docs", None), ("/asyncapi", None))
    yield from of(app_with_forms([]), ("/all", None), ("/all?live=1&script=1", None), ("/all", BROKEN))
    yield from of(app_with_forms([]), ("/rows", None), ("/rows", {"title": "a", "_add": "lines"}), ("/rows", BROKEN))
    yield from of(plain(), ("/7", None), ("/x", None), ("/docs", None))
    diary.plugin(Database).move("sqlite://")
    paths = ("login", "sign-up", "forgotten")
    yield from of(diary, *((f"/account/{path}", form) for path in paths for form in (None, {"email": "x"})))
    yield from pages_of_login()
    yield from pages_of_admin()


@pytest.mark.services("java", "node", "npm")
def test_pages_are_valid_html(tmp_path: Path, service: Callable[[str], str]) -> None:
    names = {}
    for number, (name, text) in enumerate(pages()):
        path = tmp_path / f"{number}.html"
        path.write_text(text, "utf-8")
        names[f"{number}.html"] = name
    # The checker must be heard: a page that is wrong is among them.
    (tmp_path / "wrong.html").write_text(
        "<!doctype html><html lang=en><title>Wrong</title><p><ul id=a id=b></ul>", "utf-8"
    )
    jar = with_node_modules() / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = [service("java"), "-Xss8m", "-XX:TieredStopAtLevel=1", "-jar", str(jar), "--format", "json", "--stdout"]
    done = subprocess.run([*command, "--skip-non-html", str(tmp_path)], capture_output=True, text=True, timeout=300)
    found = [each for each in json.loads(done.stdout)["messages"] if each["type"] == "error" or each.get("subType")]
    wrong = {each["message"] for each in found if each["url"].endswith("/wrong.html")}
    assert any("Duplicate attribute" in each for each in wrong)
    assert len(names) >= 90
    assert [
        f"{names[each['url'].rpartition('/')[2]]}: {each['message']} {each.get('extract', '')!r}"
        for each in found
        if not each["url"].endswith("/wrong.html")
    ] == []
