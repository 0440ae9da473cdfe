"""The documentation page: its files come from the package, under a policy of its own; a real browser uses it."""

import gzip
import hashlib
import importlib.resources
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from browsing import serving
from openapi.browsing import Tab
from wholestack import App, Form, Header, Query, Unauthorized, Upload, rule
from wholestack.openapi import OpenAPI

ASSETS = importlib.resources.files("wholestack.openapi") / "assets"
OWN = ("init.js", "docs.css")
THEIRS = ("swagger-ui-bundle.js", "swagger-ui.css")


class Search(BaseModel):
    q: Annotated[str, Field(description="Part of the text.")] = "milk"
    tag: list[str] = []


class Note(BaseModel):
    """Something to remember."""

    text: Annotated[str, Field(min_length=1, examples=["milk"])]


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "X-Key"}})
def has_key(x_key: Header[str] = "") -> bool:
    if not x_key:
        raise Unauthorized("Send the key.", challenge="Key")
    return x_key == "secret"


def make() -> App:
    app = App(title="Notes & <more>", headers={"content-security-policy": "default-src 'self'"})

    @app.get("/notes", tags=["notes"])
    def search(find: Query[Search]) -> list[Note]:
        """Search the notes.

        Every word **must** be in the text, as in `q`.
        """
        return [Note(text=f"found {find.q}")]

    @app.post("/notes", tags=["notes"], needs=has_key)
    def create(new: Note) -> Note:
        return new

    @app.post("/files", tags=["files"])
    def attach(file: Upload, title: Form[str] = "") -> dict[str, int]:
        return {"size": file.size}

    return app


# -- its files -------------------------------------------------------------------------------------------------------


def test_the_readme_names_what_is_there() -> None:
    readme = (ASSETS / "README.md").read_text()
    rows = re.findall(r"\| `([\w.-]+)` \| ([\d.]+) \| `([0-9a-f]{64})` \| ([\d,]+) \| ([\d,]+) \|", readme)
    assert [row[0] for row in rows] == [f"{name}.gz" for name in THEIRS]
    for name, version, digest, size, packed_size in rows:
        packed = (ASSETS / name).read_bytes()
        body = gzip.decompress(packed)
        assert hashlib.sha256(body).hexdigest() == digest
        assert (f"{len(body):,}", f"{len(packed):,}") == (size, packed_size)
        assert version.encode() in body or name.endswith(".css.gz")


def test_the_licence_lies_beside_it() -> None:
    assert "Apache License" in (ASSETS / "LICENSE").read_text()
    assert "swagger-ui" in (ASSETS / "NOTICE").read_text()
    assert (ASSETS / "swagger-ui-bundle.js.LICENSE.txt").read_text()


def test_the_package_grows_by_less_than_half_a_megabyte_and_a_bit() -> None:
    sizes = [len(each.read_bytes()) for each in ASSETS.iterdir()]
    assert sum(sizes) < 550_000


def test_our_files_name_no_other_host_and_hold_no_inline_code(serve_one: Callable[[App], Any]) -> None:
    client = serve_one(make())
    page = client.get("/docs").text
    assert not re.search(r"https?:|//\w|<style|style=|\son\w+=|javascript:", page)
    assert re.findall(r"<script(?! src=)", page) == []
    assert re.findall(r"<script[^>]*></script>", page) == re.findall(r"<script.*?</script>", page, re.DOTALL)
    for name in OWN:
        assert not re.search(r"https?:", client.get(f"/docs/{name}").text)


def test_the_title_is_the_app_s(serve_one: Callable[[App], Any]) -> None:
    assert "<title>Notes &amp; &lt;more&gt;</title>" in serve_one(make()).get("/docs").text


def test_the_page_has_a_policy_of_its_own(serve_one: Callable[[App], Any]) -> None:
    client = serve_one(make())
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert client.get("/docs").all("content-security-policy") == [policy]
    assert client.get("/notes").headers["content-security-policy"] == "default-src 'self'"


def test_the_policy_lets_the_page_ask_the_servers_that_are_named(serve_one: Callable[[App], Any]) -> None:
    app = make()
    app.use(OpenAPI(servers=["https://b.example.org/v1", "https://a.example.org:8443", "/v1", "//c.example.org"]))
    policy = serve_one(app).get("/docs").headers["content-security-policy"]
    assert "; connect-src 'self' https://a.example.org:8443 https://b.example.org; " in policy


def test_its_files_are_kept_by_their_version_and_packed(serve_one: Callable[[App], Any]) -> None:
    client = serve_one(make())
    page = client.get("/docs").text
    addresses = re.findall(r'(?:src|href)="(docs/[^"]+)"', page)
    assert sorted(address.partition("?")[0] for address in addresses) == sorted(f"docs/{n}" for n in (*OWN, *THEIRS))
    for address in addresses:
        kind = "text/css" if ".css" in address else "text/javascript"
        packed = client.get(f"/{address}", headers={"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["content-type"] == f"{kind}; charset=utf-8"
        assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
        plain = client.get("/" + address.partition("?")[0])
        assert plain.body == gzip.decompress(packed.body)
        assert plain.headers["cache-control"] == "no-cache"
        again = client.get(f"/{address}", headers={"if-none-match": plain.headers["etag"]})
        assert again.status == 304
    tag = client.get("/docs").headers["etag"]
    assert client.get("/docs", headers={"if-none-match": tag}).status == 304


# -- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(make()) as address:
        yield address


def test_a_request_is_tried_out(tab: Callable[..., Tab]) -> None:
    here = tab()
    assert here.page.title() == "Notes & <more>"
    block = here.open("notes-search")
    assert block.locator(".opblock-description strong").inner_text() == "must"
    block.locator("tr[data-param-name=q] input").fill("bread")
    assert "found bread" in here.execute(block)
    assert any(url.endswith("/notes?q=bread") for url in here.asked)


def test_a_key_is_given_once_and_a_file_is_sent(tab: Callable[..., Tab], tmp_path: Path) -> None:
    here = tab()
    here.page.locator(".auth-wrapper .authorize").click()
    here.page.locator(".modal-ux input").fill("secret")
    here.page.locator(".modal-ux .authorize").click()
    here.page.locator(".modal-ux .btn-done").click()
    assert '"text": "milk"' in here.execute(here.open("notes-create"))
    (tmp_path / "note.txt").write_text("four")
    upload = here.open("files-attach")
    upload.locator("input[type=file]").set_input_files(tmp_path / "note.txt")
    assert '"size": 4' in here.execute(upload)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(("colours", "is_dark"), [("light", False), ("dark", True)])
def test_it_fits_the_screen_in_light_and_dark(tab: Callable[..., Tab], colours: str, is_dark: bool, width: int) -> None:
    here = tab(colours, width)
    here.execute(here.open("notes-search"))
    here.open("files-attach").locator(".try-out__btn.reset").wait_for()
    here.page.locator(".json-schema-2020-12").first.wait_for()
    assert here.page.evaluate("document.documentElement.scrollWidth") <= width
    ends = here.page.evaluate(
        "[...document.querySelectorAll('.opblock.is-open :is(button, select, input)')]"
        ".filter(each => each.offsetParent).map(each => each.getBoundingClientRect().right)"
    )
    assert ends
    assert max(ends) <= width
    shade = here.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    words = here.page.evaluate("getComputedStyle(document.querySelector('.info .title')).color")
    assert (_light(words) > 128) is is_dark
    assert not is_dark or _light(shade) < 64


def _light(colour: str) -> float:
    red, green, blue = (int(each) for each in re.findall(r"\d+", colour)[:3])
    return (red + green + blue) / 3


def test_it_follows_the_system_s_colours_while_it_is_open(tab: Callable[..., Tab]) -> None:
    here = tab("light")
    here.page.emulate_media(color_scheme="dark")
    here.page.locator("html.dark-mode").wait_for()
