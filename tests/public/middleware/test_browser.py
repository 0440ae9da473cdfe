"""What a real browser makes of the headers: it runs what the policy lets run, and reads what CORS lets it read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browsing import serving
from wholestack import HTML, App, Request, Text
from wholestack.middleware import CORS, AllowedHosts, Compression, Nonce, SecurityHeaders


@pytest.fixture
def page(service: Callable[[str], str], browser: Callable[[str], Any]) -> Iterator[Any]:
    opened = browser(service("chromium")).new_page()
    opened.violations = []
    opened.on("console", lambda message: opened.violations.append(message.text) if "policy:" in message.text else None)
    opened.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.log(`policy: ${event.violatedDirective}`))"
    )
    yield opened
    opened.close()


def app_with_pages() -> App:
    app = App()
    app.use(SecurityHeaders(), Compression(), AllowedHosts("127.0.0.1"))

    @app.get("/marked")
    def marked(nonce: Nonce) -> HTML:
        words = "<p>long enough to be compressed</p>" * 100
        return HTML(
            f"<!doctype html><title>as it was</title><style {nonce.attribute}>p {{color: red}}</style>{words}"
            f"<script {nonce.attribute}>document.title = 'ran'</script>"
        )

    @app.get("/got-in")
    def got_in(nonce: Nonce) -> HTML:
        return HTML(
            "<!doctype html><title>as it was</title><img src=x onerror=\"document.title = 'ran'\">"
            "<script>document.title = 'ran'</script><script nonce=guessed>document.title = 'ran'</script>"
        )

    return app


def test_only_marked_scripts_run(page: Any) -> None:
    with serving(app_with_pages()) as address:
        page.goto(f"{address}/marked")
        assert page.title() == "ran"
        assert page.evaluate("getComputedStyle(document.querySelector('p')).color") == "rgb(255, 0, 0)"
        assert page.violations == []
        page.goto(f"{address}/got-in")
        page.wait_for_timeout(200)
        assert page.title() == "as it was"
        assert sorted(set(page.violations)) == ["policy: script-src-attr", "policy: script-src-elem"]


@pytest.mark.parametrize("path", ["/docs", "/nowhere"])
def test_our_own_pages_break_no_policy(page: Any, path: str) -> None:
    with serving(app_with_pages()) as address:
        page.goto(f"{address}{path}")
        page.wait_for_timeout(500)
        assert page.violations == []
        assert page.title()


ASK = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return `${answer.status} ${await answer.text()} ${answer.headers.get('x-total')}`;
    } catch (error) {
        return error.name;
    }
}"""


def api(origins: Any, **options: Any) -> App:
    app = App(docs=False)
    app.use(CORS(origins, methods=["GET", "PUT"], headers=["content-type", "x-key"], expose=["x-total"], **options))

    @app.get("/")
    def read(request: Request) -> Text:
        return Text(f"read {request.cookies.get('session')}", headers={"x-total": "7"})

    @app.put("/")
    def write() -> Text:
        return Text("written")

    @app.delete("/")
    def delete() -> Text:
        return Text("deleted")

    return app


def test_what_a_page_of_another_origin_reads(page: Any) -> None:
    home = App(docs=False)
    home.get("/")(lambda: HTML("<!doctype html><title>home</title>"))
    with serving(home) as origin, serving(api([origin])) as open_to_it, serving(api(["https://other.example"])) as shut:
        page.goto(origin)

        def ask(address: str, **options: Any) -> Any:
            return page.evaluate(ASK, [f"{address}/", options])

        assert ask(open_to_it) == "200 read None 7"
        assert ask(open_to_it, method="PUT", headers={"x-key": "k"}).startswith("200 written")
        assert ask(open_to_it, method="PUT", headers={"x-other": "k"}) == "TypeError"
        assert ask(open_to_it, method="DELETE") == "TypeError"
        assert ask(open_to_it, credentials="include") == "TypeError"  # no credentials were allowed
        assert ask(shut) == ask(shut, method="PUT") == "TypeError"


def test_with_credentials(page: Any) -> None:
    home = App(docs=False)
    home.get("/")(lambda: HTML("<!doctype html><title>home</title>"))
    with serving(home) as origin, serving(api([origin], credentials=True)) as address:
        page.goto(origin)
        page.context.add_cookies([{"name": "session", "value": "s1", "url": address}])
        assert page.evaluate(ASK, [f"{address}/", {"credentials": "include"}]) == "200 read s1 7"
