"""Our style sheet, the ground of pages, and the pages for errors: as bytes; a browser looks at them in tests/servers."""

from __future__ import annotations

import dataclasses
import gzip
import importlib.resources
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from examples.style.app import app as gallery

import wholestack
from wholestack import App, Forbidden, HTTPError, NotFound, Request, Response, ServiceUnavailable, TooManyRequests
from wholestack.templates import Page, Templates
from wholestack.testing import Client

BROWSER = {"accept": "text/html"}
SHEET = re.compile(r'href="(\S*?/-/style\.([0-9a-f]{12})\.css)"')
CSS = (importlib.resources.files("wholestack.templates") / "assets" / "style.css").read_text("utf-8")

Write = Callable[..., Templates]


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


def app_with(templates: Templates, **options: Any) -> App:
    app = App(**{"docs": False, **options})
    app.use(templates)

    @app.get("/errors/{status}")
    def fail(status: int, words: str = "") -> str:
        if status == 500:
            raise RuntimeError("the password is hunter2")
        raise HTTPError(words, status=status)

    return app


def show(app: App, path: str, **headers: str) -> Response:
    return Client(app, raise_errors=False).get(path, headers={**BROWSER, **headers})  # type: ignore[no-any-return,return-value]


def address(page: str) -> tuple[str, str]:
    """The sheet's address on a page, and the version in it."""
    found = SHEET.search(page)
    assert found is not None, page
    return found[1], found[2]


# -- the sheet ---------------------------------------------------------------------------------------------------


def test_the_sheet_is_kept_for_ever_and_packed(interface: Any) -> None:
    with Client(app_with(Templates()), interface=interface, raise_errors=False) as client:
        path, _ = address(client.get("/nowhere", headers=BROWSER).text)
        plain = client.get(path, headers={"accept-encoding": "identity"})
        assert (plain.status, plain.text) == (200, CSS)
        assert plain.headers["content-type"] == "text/css; charset=utf-8"
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "content-encoding" not in plain.headers and plain.headers["vary"] == "accept-encoding"
        packed = client.get(path, headers={"accept-encoding": "br, gzip"})
        assert packed.headers["content-encoding"] == "gzip" and packed.headers["etag"] != plain.headers["etag"]
        packed_alone = int(packed.headers["content-length"])
        assert packed_alone == len(gzip.compress(CSS.encode(), 9, mtime=0)) < 4000
        known = {"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
        assert client.get(path, headers=known).status == 304
        assert client.head(path).status == 200
        assert "content-encoding" not in client.get(path, headers={"accept-encoding": "gzip;q=0, *"}).headers


def test_a_page_of_an_earlier_release_has_a_sheet_too() -> None:
    client = Client(app_with(Templates()))
    old = client.get("/-/style.0123456789ab.css", headers={"accept-encoding": "identity"})
    assert (old.status, old.text, old.headers["cache-control"]) == (200, CSS, "no-cache")


def test_it_is_no_operation_and_there_once() -> None:
    app = app_with(Templates(), docs=True)
    app.use(Templates())
    assert list(Client(app).get("/openapi.json").json()["paths"]) == ["/errors/{status}"]


def test_an_app_without_pages_has_none() -> None:
    app = App(docs=False)
    app.get("/")(lambda: "plain")
    assert Client(app).get("/-/style.0123456789ab.css").status == 404
    assert "style" not in show(app, "/nowhere").text


def test_its_address_is_below_the_mount() -> None:
    outer = App(docs=False)
    outer.mount("/in here", app_with(Templates()))
    page = show(outer, "/in%20here/nowhere")
    path, _ = address(page.text)
    assert path.startswith("/in%20here/-/style.")
    assert Client(outer).get(path).status == 200


def test_a_twin_has_it_too() -> None:
    with app_with(Templates()).replace(int, 7) as twin:
        path, _ = address(show(twin, "/nowhere").text)
        assert Client(twin).get(path).status == 200


def test_it_asks_nobody_else_and_knows_no_left_or_right() -> None:
    rules = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    assert len(CSS.encode()) < 13_000
    assert re.findall(r"url\(|@import|expression|!important(?! ?; ?})", rules) == []
    assert re.findall(r"(?<!-)\b(?:left|right|(?:min-|max-)?(?:width|height)|top|bottom)\b(?=\s*:)", rules) == []
    assert re.findall(r"(?:margin|padding|border)-(?:left|right|top|bottom)", rules) == []
    assert re.findall(r":\s*(?:left|right)\b", rules) == []


def test_text_and_edges_can_be_told_from_the_ground() -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text (1.4.3), 3 to 1 for the edges of fields and the ring of the focus (1.4.11)."""
    found = dict(re.findall(r"--([\w-]+): light-dark\((#\w+, #\w+)\)", CSS))
    for scheme in (0, 1):
        colours = {name: channels(both.split(", ")[scheme]) for name, both in found.items()}
        ground, soft = colours["ground"], colours["soft"]
        for name in ("text", "muted", "accent", "error", "info", "success", "warning"):
            assert contrast(colours[name], ground) >= 4.5, (name, scheme)
            assert contrast(colours[name], soft) >= 4.5, (name, scheme)
            tinted = tuple(0.09 * mine + 0.91 * below for mine, below in zip(colours[name], ground, strict=True))
            assert contrast(colours[name], tinted) >= 4.5 and contrast(colours["text"], tinted) >= 4.5, (name, scheme)
        for name in ("accent", "error"):
            assert contrast(colours["on-accent"], colours[name]) >= 4.5, (name, scheme)
        assert contrast(colours["edge"], ground) >= 3 and contrast(colours["edge"], soft) >= 3, scheme


def channels(colour: str) -> tuple[float, ...]:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    return tuple(int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """WCAG 2.2, "contrast ratio" and "relative luminance"."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


# -- the pages for errors ----------------------------------------------------------------------------------------


def test_a_browser_is_shown_our_page_for_an_error(interface: Any) -> None:
    app = app_with(Templates())

    @app.get("/closed")
    async def closed() -> str:
        raise Forbidden("<b>Not</b> you.")

    with Client(app, interface=interface, raise_errors=False) as client:
        for path, status, title, words in [
            ("/nowhere", 404, "Page not found", "There is nothing at this address."),
            ("/closed", 403, "You may not do this", "<p>&lt;b&gt;Not&lt;/b&gt; you.</p>"),
            ("/errors/404?words=No+such+note.", 404, "Page not found", "<p>No such note.</p>"),
            ("/errors/500", 500, "Something went wrong", "The error is on our side and has been noted."),
            ("/errors/418", 418, "I&#39;m a Teapot", "The request could not be answered."),
            ("/errors/502", 502, "Bad Gateway", "The error is on our side."),
        ]:
            page = client.get(path, headers=BROWSER)
            assert page.status == status and page.headers["content-type"] == "text/html; charset=utf-8"
            assert "accept" in page.headers["vary"]
            assert re.search(rf"<title>{status} {title}</title>", page.text, re.IGNORECASE), page.text
            assert re.search(rf"<h1>{title}</h1>", page.text, re.IGNORECASE) and words in page.text
            assert f"<code>{page.headers['x-request-id']}</code>" in page.text
            assert "hunter2" not in page.text and "Traceback" not in page.text
            assert client.get(path).headers["content-type"] == "application/problem+json"
        refused = client.post("/closed", headers=BROWSER)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert "<h1>This cannot be done here</h1>" in refused.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503, 599])
def test_each_status_has_a_heading(status: int) -> None:
    heading = re.search("<h1>(.+)</h1>", show(app_with(Templates()), f"/errors/{status}").text)
    assert heading is not None and heading[1].strip()


@pytest.mark.parametrize(
    ("own", "shown"), [(None, "<h1>503 Service Unavailable</h1>"), ("error.html", "own 503"), ("503.html", "own 503")]
)
def test_a_crowd_is_shown_the_plain_page_or_one_of_the_apps_own(write: Write, own: str | None, shown: str) -> None:
    app = app_with(write(**{own: "own {{ error.status }}"}) if own is not None else Templates())

    @app.get("/full")
    def full() -> str:
        raise ServiceUnavailable("Come back.", retry_after=3, crowd=True)

    page = show(app, "/full")
    assert (page.status, page.headers["retry-after"], page.headers["vary"]) == (503, "3", "accept")
    assert shown in page.text


def test_header_fields_of_the_error_are_kept() -> None:
    app = app_with(Templates())

    @app.get("/")
    def often() -> str:
        raise TooManyRequests(headers={"retry-after": "7"})

    assert show(app, "/").headers["retry-after"] == "7"


def test_every_fault_of_every_field_is_listed() -> None:
    app = app_with(Templates())

    @dataclasses.dataclass
    class Note:
        text: str
        tags: list[int]

    @app.post("/")
    def add(new: Note, page: int) -> str:
        return ""

    client = Client(app)
    page = client.post("/?page=%3Cscript%3E", json={"tags": [1, "x"]}, headers=BROWSER)
    assert page.status == 422
    named = re.findall(r"<li><code>(.+)</code>: .+</li>", page.text)
    assert named == ["page", "text", "tags / 1"]
    assert "<script" not in page.text


def test_the_way_to_the_start_is_shown_where_there_is_one() -> None:
    app = app_with(Templates())
    assert "Go to the start page" not in show(app, "/nowhere").text
    app = app_with(Templates())

    @app.get("/")
    def start(page: int) -> str:
        return ""

    assert '<a href="/">Go to the start page</a>' in show(app, "/nowhere").text
    assert "Go to the start page" not in show(app, "/?page=x").text  # There one is already.
    outer = App(docs=False)
    outer.mount("/in", app)
    assert '<a href="/in/">Go to the start page</a>' in show(outer, "/in/nowhere").text


def test_the_apps_own_pages_go_before(write: Write) -> None:
    app = app_with(write(**{"404.html": "own 404", "error.html": "own {{ error.status }}"}))
    assert [show(app, path).text for path in ("/nowhere", "/errors/403", "/errors/500")] == [
        "own 404",
        "own 403",
        "own 500",
    ]


def test_each_of_ours_may_be_replaced_alone(write: Write) -> None:
    base = '{% extends "wholestack/plain.html" %}'
    files = {
        "wholestack/base.html": base,
        "wholestack/plain.html": "<title>{% block title %}{% endblock %}</title>own: {% block main %}{% endblock %}",
    }
    page = show(app_with(write(**files)), "/nowhere").text
    assert page.startswith("<title>404 Page not found</title>own:") and "<h1>Page not found</h1>" in page
    app = app_with(write(**{"wholestack/error.html": "own error page"}))
    assert show(app, "/nowhere").text == "own error page"


def test_a_handler_of_ones_own_goes_before() -> None:
    app = app_with(Templates())

    @app.on_error(NotFound)
    def lost(error: NotFound) -> Page:
        return Page("wholestack/error.html", error=NotFound("Lost."), status=410)

    page = show(app, "/nowhere")
    assert page.status == 410 and "<p>Lost.</p>" in page.text


def test_a_template_that_is_not_there_is_told_as_before(write: Write) -> None:
    app = App(docs=False)
    app.get("/", returns=Page)(lambda: Page("none.html"))
    with pytest.raises(wholestack.errors.WholestackError, match="put it into `templates` beside the file"):
        Client(app).get("/")


# -- the ground --------------------------------------------------------------------------------------------------


class Language:
    """What a layer for languages may give: its tag as text, and the way it is written."""

    direction = "rtl"

    def __str__(self) -> str:
        return "az-Arab"


@pytest.mark.parametrize(
    ("language", "attributes"),
    [
        ("de", 'lang="de" dir="ltr"'),
        ("pt_BR", 'lang="pt-BR" dir="ltr"'),
        ("ar", 'lang="ar" dir="rtl"'),
        ("fa-IR", 'lang="fa-IR" dir="rtl"'),
        ("pa-Arab-PK", 'lang="pa-Arab-PK" dir="rtl"'),
        (Language(), 'lang="az-Arab" dir="rtl"'),
        ('"><script>', 'lang="&#34;&gt;&lt;script&gt;" dir="ltr"'),
        (None, 'lang="en" dir="ltr"'),
    ],
)
def test_the_language_of_a_page(language: Any, attributes: str) -> None:
    templates = Templates()
    assert '<html lang="en" dir="ltr">' in show(app_with(templates), "/nowhere").text
    templates.helpers["language"] = lambda request: language
    assert f"<html {attributes}>" in show(app_with(templates), "/nowhere").text


def test_our_words_are_translated_and_the_apps_are_left_alone() -> None:
    asked: list[str] = []
    templates = Templates()
    templates.helpers["_"] = lambda request: lambda words: asked.append(words) or f"«{words}»"
    app = app_with(templates)
    page = show(app, "/nowhere").text
    assert "<title>404 «Page not found»</title>" in page and "«Skip to the content»" in page
    page = show(app, "/errors/403?words=%3Cb%3Eno%3C/b%3E+100%25").text
    assert "<h1>«You may not do this»</h1>" in page and "<p>&lt;b&gt;no&lt;/b&gt; 100%</p>" in page
    assert not any("no" in words.split() for words in asked)


@dataclasses.dataclass
class Message:
    kind: str
    text: str


@pytest.mark.parametrize("callable_one", [False, True])
def test_messages_are_shown_where_an_app_has_them(write: Write, callable_one: bool) -> None:
    files = {"a.html": '{% extends "wholestack/base.html" %}{% block main %}<p>main</p>{% endblock %}'}
    templates = write(**files)
    app = app_with(templates)
    app.get("/", returns=Page)(lambda: Page("a.html"))
    assert 'class="message' not in Client(app).get("/").text

    found = [Message("success", "Kept."), Message("error", "<b>Lost.</b>")]
    made: list[str] = []

    def messages(request: Request) -> Any:
        made.append(request.path)
        return (lambda: found) if callable_one else iter(found)

    templates.helpers["messages"] = messages
    app = app_with(templates)
    app.get("/", returns=Page)(lambda: Page("a.html"))
    page = Client(app).get("/").text
    assert page.index('<p class="message success" role="status">Kept.</p>') < page.index("<p>main</p>")
    assert '<p class="message error" role="alert">&lt;b&gt;Lost.&lt;/b&gt;</p>' in page
    assert 'class="message' not in show(app, "/nowhere").text
    assert made == ["/"]  # A page for an error leaves them for the next one.


def test_the_blocks_of_the_ground(write: Write) -> None:
    names = ["title", "icon", "head", "header", "nav", "messages", "main", "footer"]
    blocks = "".join(f"{{% block {name} %}}[{name}]{{% endblock %}}" for name in names if name != "header")
    app = App(docs=False)
    app.use(write(**{"a.html": '{% extends "wholestack/base.html" %}' + blocks}))

    @app.get("/{block}")
    def show_block(block: str) -> Page:
        return Page("a.html", block=None if block == "all" else block)

    page = Client(app).get("/all").text
    assert page.startswith("<!doctype html>\n<html ")
    assert re.findall(r"\[\w+\]", page) == [f"[{name}]" for name in names if name != "header"]
    assert Client(app).get("/header").text.strip() == "<header>[nav]</header>"
    assert Client(app).get("/main").text == "[main]"


# -- check -------------------------------------------------------------------------------------------------------


def told(app: App) -> list[tuple[str, str, str]]:
    app.seal()
    found = [fault for check in app.checks for fault in check()]
    return [(fault.code, fault.message, fault.where.rpartition("/")[2]) for fault in found]


def test_check_reads_our_pages_and_those_for_errors(write: Write) -> None:
    assert told(app_with(Templates())) == []
    assert told(app_with(write(**{"404.html": "{{ error.detail }} {{ request.path }} {{ style }}"}))) == []
    assert told(app_with(write(**{"404.html": "{{ word }}"}))) == [
        ("template-names", "404.html, which is shown for errors, uses word, which no error gives.", "404.html:1")
    ]


def test_check_tells_of_a_ground_that_errors_cannot_stand_on(write: Write) -> None:
    templates = write(**{"wholestack/base.html": "{{ user }}{% block main %}{% endblock %}"})
    ((code, message, where),) = told(app_with(templates))
    assert (code, where) == ("template-names", "error.html:1") and "uses user, which no error gives" in message
    app = app_with(templates)
    app.on_error(HTTPError)(lambda: "own")
    assert told(app) == []
    (Path(templates.engine.folders[0]) / "error.html").write_text("own")  # Then ours is not shown.
    assert told(app_with(templates)) == []


# -- what we ship ------------------------------------------------------------------------------------------------


class Inline(HTMLParser):
    """What a strict policy would not run: scripts and styles within a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"{tag} {name}")


def inline(text: str) -> list[str]:
    parser = Inline()
    parser.feed(text)
    return parser.found


def shipped() -> Iterator[Path]:
    yield from Path(wholestack.__path__[0]).rglob("*.html")


def test_no_page_has_a_script_or_a_style_within() -> None:
    names = [path.name for path in shipped()]
    assert {"base.html", "error.html", "text.html"} <= set(names)
    assert {str(path): found for path in shipped() if (found := inline(path.read_text("utf-8")))} == {}
    for path in ("/", "/nowhere", "/broken"):
        assert inline(show(gallery, path).text) == []
    hostile = "<script>1</script><style></style><p style='x' onclick='y'><a href=' JavaScript:z'>"
    assert inline(hostile) == ["script", "style", "p style", "p onclick", "a href"]
