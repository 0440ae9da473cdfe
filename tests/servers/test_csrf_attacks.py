"""Row C1: a site of somebody else's makes a visitor's browser send requests; a real browser, and two servers."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import serving
from wholestack import HTML, App, Form
from wholestack.db import Database
from wholestack.middleware import SecurityHeaders
from wholestack.sessions import BrowserSession, Messages, Sessions
from wholestack.templates import Page, Templates

pytestmark = pytest.mark.services("chromium")

PATIENCE = 30
SITE = """<!doctype html><title>bank</title>
{% for each in messages %}<p id=message>{{ each.text }}</p>{% endfor %}
<form method=post action=/login>{{ csrf }}<button id=login>log in</button></form>
<form method=post action=/pay>{{ csrf }}<input name=to value=friend><button id=pay>pay</button></form>"""

ATTACKS = {
    "form": "<form method=post action={target}><input name=to value=thief></form>",
    "text/plain": '<form method=post enctype=text/plain action={target}><input name="to=thief&x" value=1></form>',
    "multipart": "<form method=post enctype=multipart/form-data action={target}><input name=to value=thief></form>",
    "frame": "<iframe name=f></iframe><form method=post target=f action={target}><input name=to value=thief></form>",
    "no referrer": "<meta name=referrer content=no-referrer><form method=post action={target}></form>",
    "null origin": (
        '<iframe sandbox="allow-scripts allow-forms" srcdoc="<form method=post action={target}>'
        '<input name=to value=thief></form><script>document.forms[0].submit()</script>"></iframe>'
    ),
    "data": (
        "<iframe sandbox='allow-scripts allow-forms' src='data:text/html,<form method=post action={target}></form>"
        "<script>document.forms[0].submit()</script>'></iframe>"
    ),
    "no-cors": "<script>fetch('{target}', {{...how, body: new URLSearchParams('to=thief')}})</script>",
    "no-cors text": "<script>fetch('{target}', {{...how, body: 'to=thief'}})</script>",
    "beacon": "<script>navigator.sendBeacon('{target}', new URLSearchParams('to=thief'))</script>",
}
SCRIPT = "<script>var how = {method: 'POST', mode: 'no-cors', credentials: 'include'}</script>"
SUBMIT = "<script>if (document.forms[0]) document.forms[0].submit()</script>"


def bank(folder: Path) -> tuple[App, list[str]]:
    """A site with a session, and what was paid."""
    (folder / "site.html").write_text(SITE)
    app, paid = App(docs=False), list[str]()
    app.use(Database(f"sqlite:///{folder / 'bank.db'}"), Sessions(), Templates(str(folder)))

    @app.get("/")
    def home() -> Page:
        return Page("site.html")

    @app.post("/login")
    def login(session: BrowserSession, messages: Messages) -> Page:
        session.user = "ann"
        messages.success("Hello.")
        return Page("site.html")

    @app.post("/pay")
    def pay(session: BrowserSession, messages: Messages, to: Form[str] = "thief") -> Page:
        paid.append(f"{session.user} pays {to}")
        messages.success(f"Paid to {to}.")
        return Page("site.html")

    return app, paid


def hostile() -> App:
    """Somebody else's site: a page for each attack."""
    app = App(docs=False)
    app.use(
        SecurityHeaders(csp=None)
    )  # An attacker holds back nothing: our own policy would let no form of theirs leave.

    @app.get("/")
    def attack(kind: str, target: str) -> HTML:
        return HTML(f"<!doctype html>{SCRIPT}{ATTACKS[kind].format(target=target)}{SUBMIT}")

    return app


@dataclasses.dataclass
class Sites:
    """The bank's address, the hostile site's, what was paid, and what requests to pay were answered."""

    at: str
    evil: str
    paid: list[str]
    answers: queue.Queue[int]


def watched(app: App, answers: queue.Queue[int]) -> Any:
    """The app, with the status of each answer to a request to pay told."""

    async def watch(scope: Any, receive: Any, send: Any) -> None:
        async def tell(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.start" and scope["path"] == "/pay":
                answers.put(message["status"])

        await app(scope, receive, tell)

    return watch


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    app, paid = bank(tmp_path_factory.mktemp("bank"))
    answers: queue.Queue[int] = queue.Queue()
    with serving(watched(app, answers)) as at, serving(hostile()) as evil:
        yield Sites(at, evil, paid, answers)


@contextlib.contextmanager
def visitor(browser: Any, at: str, **options: Any) -> Iterator[Any]:
    """A browser's page whose user has logged in at the bank."""
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        page.goto(at)
        page.click("#login")
        page.wait_for_selector("text=Hello.")
        yield page
    finally:
        context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same-site", "cross-site"])
def test_C1_other_sites_in_a_browser(sites: Sites, browser: Any, service: Callable[[str], str], host: str) -> None:
    """From another port, whose cookies go along as to a sibling subdomain, and from another site."""
    sites.paid.clear()
    evil = sites.evil.replace("127.0.0.1", host)
    with visitor(browser(service("chromium")), sites.at) as page:
        for kind in ATTACKS:
            tab = page.context.new_page()
            with contextlib.suppress(Exception):  # The attack's own navigation may interrupt this one.
                tab.goto(f"{evil}/?kind={kind}&target={sites.at}/pay", wait_until="commit")
            assert sites.answers.get(timeout=PATIENCE) == 403, kind
            assert sites.paid == [], kind
            tab.close()
        # It was the visitor's own browser, with all that it has: from the bank's page the same passes.
        page.click("#pay")
        page.wait_for_selector("text=Paid to friend.")
        assert sites.paid == ["ann pays friend"]
        assert sites.answers.get(timeout=PATIENCE) == 200
        assert sites.answers.empty()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_C1_one_s_own_pages_pass(sites: Sites, browser: Any, service: Callable[[str], str], scripts: bool) -> None:
    sites.paid.clear()
    with visitor(browser(service("chromium")), sites.at, java_script_enabled=scripts) as page:
        page.click("#pay")
        page.wait_for_selector("text=Paid to friend.")
        assert sites.answers.get(timeout=PATIENCE) == 200
        if scripts:
            body = "new URLSearchParams('to=script')"
            status = page.evaluate(f"fetch('/pay', {{method: 'POST', body: {body}}}).then(answer => answer.status)")
            assert status == sites.answers.get(timeout=PATIENCE) == 200
    assert sites.paid == ["ann pays friend", "ann pays script"][: 1 + scripts]


def test_C1_a_link_of_another_site_is_followed(sites: Sites, browser: Any, service: Callable[[str], str]) -> None:
    """What changes nothing takes visitors from everywhere."""
    with visitor(browser(service("chromium")), sites.at) as page:
        page.set_content(f"<a href='{sites.at}/'>to the bank</a>")
        page.click("a")
        page.wait_for_selector("#pay")
