"""The documentation page for everybody: axe finds nothing serious on it, in light and in dark, wide and narrow."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from apps.clients.tools import with_node_modules
from browsing import serving
from openapi.browsing import Tab
from wholestack import App, Form, Header, NotFound, Router, Unauthorized, Upload, rule
from wholestack.middleware import SecurityHeaders
from wholestack.openapi import Deprecated, OpenAPI

SERIOUS = """
() => axe.run().then(found => found.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary}`)))
"""

#: What Swagger UI says of each link with such a name in it; the link works.
UNDERSCORES = (
    "Deprecated: escaping deep link whitespace with `_` is unsupported and will be removed in a future 5.x release. "
    "Use `%20` instead."
)


class Note(BaseModel):
    """Something to remember."""

    text: str = Field(examples=["milk"])
    number: int = 3


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "x-key", "description": "Ask [us](/help)."}})
def has_key(x_key: Header[str] = "") -> bool:
    raise Unauthorized("Send the key.", challenge="Key")


def make() -> App:
    app, old, hooks = App(title="Notes"), Router("/v1"), Router()
    app.use(
        OpenAPI(versions={"/v1": "1.0"}, webhooks=hooks, external_docs="/help", description="See [help](/help)."),
        SecurityHeaders(),
    )
    old.middleware(Deprecated(datetime.date(2026, 1, 1), successor="/v2", link="/help"))

    @app.get("/notes", tags=["notes"], errors=(NotFound,))
    def search(q: str, kind: Literal["a", "b"] = "a") -> list[Note]:
        """Search `all` notes, see [help](/help).

        Every word must be in the text.
        """
        return [Note(text=q)]

    app.put("/notes", tags=["notes"], needs=has_key, name="replace")(lambda: None)
    app.patch("/notes", tags=["notes"], name="change")(lambda: None)
    app.delete("/notes", tags=["notes"], name="clear_all")(lambda: None)

    @app.post("/files", tags=["files"])
    def attach_file(file: Upload, title: Form[str] = "") -> dict[str, int]:
        return {"size": file.size}

    @hooks.post("note-added")
    def note_added(new: Note) -> None: ...

    old.get("/notes", returns=list[Note])(lambda: [])
    app.include(old)
    return app


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(make()) as address:
        yield address


@pytest.mark.services("chromium", "node", "npm")
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_serious(tab: Callable[..., Tab], colours: str, width: int) -> None:
    axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    here = tab(colours, width)
    here.page.evaluate(axe)
    for control in here.page.locator(".opblock-summary-control").all():
        control.click()
    block = here.page.locator("#operations-notes-search")
    block.locator(".try-out__btn").click()
    block.locator("tr[data-param-name=q] input").fill("milk")
    assert '"text": "milk"' in here.execute(block)
    here.page.locator(".json-schema-2020-12-accordion").first.click()
    here.page.wait_for_timeout(600)  # colours change slowly
    assert here.page.evaluate(SERIOUS) == []
    here.page.locator(".auth-wrapper .authorize").first.click()
    here.page.locator(".modal-ux input").fill("secret")
    here.page.wait_for_timeout(600)
    assert here.page.evaluate(SERIOUS) == []


def test_links_to_an_operation_open_it(tab: Callable[..., Tab]) -> None:
    here = tab(path="/docs#/files/attach_file")
    here.page.locator("#operations-files-attach_file.is-open").wait_for()
    here.page.locator("#operations-notes-clear_all .opblock-summary-control").click()
    here.page.wait_for_url("**/docs#/notes/clear_all")
    here.wrong.remove(UNDERSCORES)
