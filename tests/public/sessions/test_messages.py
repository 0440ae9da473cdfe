"""Messages for the next page: shown once, escaped, and kept until somebody has seen them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from wholestack import App, BadRequest, Redirect, Response
from wholestack.db import Database
from wholestack.languages import Languages, lazy
from wholestack.sessions import (
    BrowserSession,
    CookieSessions,
    DatabaseSessions,
    MemorySessions,
    Messages,
    Sessions,
    SessionTooLarge,
)
from wholestack.templates import Page, Templates
from wholestack.testing import Client

OWN = {"sec-fetch-site": "same-origin"}
INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
SHOWN = "{% for each in messages %}[{{ each.kind }}: {{ each.text }}]{% endfor %}"
Colour = Callable[[Any], Any]


def site(folder: Path, store: Any, colour: Colour = lambda function: function) -> App:
    (folder / "page.html").write_text(SHOWN)
    (folder / "quiet.html").write_text("quiet")
    (folder / "404.html").write_text("lost " + SHOWN)
    (folder / "500.html").write_text("broken " + SHOWN)
    (folder / "counted.html").write_text("{% if messages %}{{ messages|length }}{% else %}none{% endif %}")
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(store()), Templates(str(folder)))

    @app.post("/say/{text}")
    @colour
    def say(text: str, messages: Messages, status: int = 303) -> Response:
        messages.success(text)
        if status == 400:
            raise BadRequest("no")
        return Redirect("/") if status == 303 else Response(status=status)

    for name in ("page", "quiet", "counted"):

        @app.get(f"/{name}", name=name)
        @colour
        def page(messages: Messages, name: str = name) -> Page:
            return Page(f"{name}.html")

    @app.get("/both")
    @colour
    def both(messages: Messages) -> Page:
        messages.error("at once")
        messages.add("own", "kind")
        return Page("page.html")

    @app.get("/fails")
    @colour
    def fails() -> Page:
        raise RuntimeError("broken")

    return app


@INTERFACES
@STORES
def test_messages_are_shown_once(tmp_path: Path, store: Any, interface: Any, colour: Colour) -> None:
    app = site(tmp_path, store, colour)
    with Client(app, interface=interface, headers=OWN) as client:
        client.post("/say/one")
        client.post("/say/two")
        assert client.get("/quiet").text == "quiet"
        assert client.get("/counted").text == "2"
        assert client.get("/page").text == "[success: one][success: two]"
        assert client.get("/page").text == ""
        assert client.get("/counted").text == "none"
        client.post("/say/three")
        assert client.get("/both").text == "[success: three][error: at once][own: kind]"
        assert client.get("/page").text == ""


@pytest.mark.parametrize("status", [303, 422, 400])
def test_they_survive_a_redirect_and_a_refusal(tmp_path: Path, status: int) -> None:
    with Client(site(tmp_path, MemorySessions), headers=OWN, raise_errors=False) as client:
        assert client.post("/say/kept", query={"status": str(status)}).status == status
        assert client.get("/page").text == "[success: kept]"


@INTERFACES
@STORES
def test_a_page_for_an_error_shows_them(tmp_path: Path, store: Any, interface: Any) -> None:
    app = site(tmp_path, store, lambda function: function)
    with Client(app, interface=interface, headers={**OWN, "accept": "text/html"}, raise_errors=False) as client:
        client.post("/say/one")
        lost = client.get("/nowhere")
        assert (lost.status, lost.text) == (404, "lost [success: one]")
        assert lost.headers["vary"] == "accept, cookie"
        assert client.get("/nowhere").text == "lost "
        client.post("/say/two")
        for _ in range(2):  # Of what failed it is not known whether anybody has read it.
            failed = client.get("/fails")
            assert (failed.status, failed.text) == (500, "broken [success: two]")
        assert client.get("/page").text == "[success: two]"


def test_nobody_has_seen_them(tmp_path: Path) -> None:
    with Client(site(tmp_path, MemorySessions), headers=OWN) as client:
        client.post("/say/one")
        client.head("/page")
        client.get("/page", headers={"sec-purpose": "prefetch;prerender"})
        assert client.get("/page").text == "[success: one]"


def test_they_are_escaped(tmp_path: Path) -> None:
    app = site(tmp_path, MemorySessions)

    @app.get("/bad")
    def bad(messages: Messages) -> Page:
        messages.info("<script>alert(1)</script>")
        messages.warning(Markup("<b>{}</b>").format("x"))
        return Page("page.html")

    with Client(app) as client:
        assert client.get("/bad").text == (
            "[info: &lt;script&gt;alert(1)&lt;/script&gt;][warning: &lt;b&gt;x&lt;/b&gt;]"
        )


def test_lazy_texts_are_in_the_words_of_who_is_here(tmp_path: Path) -> None:
    app = site(tmp_path, MemorySessions)
    app.use(Languages("en", "de"))

    @app.get("/greet")
    def greet(messages: Messages) -> None:
        messages.info(lazy("Hi %(name)s", name="Bob <b>"))
        messages.warning(lazy("Bad Request"))

    with Client(app, headers={"accept-language": "de"}) as client:
        client.get("/greet")
        shown = client.get("/page").text
    assert "[info: Hi Bob &lt;b&gt;]" in shown
    assert "[warning: Fehlerhafte Anfrage]" in shown


def test_of_messages_that_fit_into_no_cookie_the_oldest_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = site(tmp_path, CookieSessions)

    @app.post("/long/{number}")
    def long(number: int, messages: Messages) -> str:
        messages.info(f"{number}" * 600)
        return "stored"

    @app.post("/note/{size}")
    def note(size: int, session: BrowserSession) -> None:
        session.data["note"] = "x" * size

    with Client(app, headers=OWN) as client, caplog.at_level(logging.WARNING, "wholestack.sessions"):
        assert [client.post(f"/long/{number}").text for number in range(7)] == ["stored"] * 7
        said = [each.getMessage() for each in caplog.records]
        assert said and all(each.startswith("1 messages did not fit into a session's cookie") for each in said)
        client.post("/note/1500")
        assert client.get("/page").text == f"[info: {'6' * 600}]"
        client.post("/long/1")
        with pytest.raises(SessionTooLarge):
            client.post("/note/3000")


@STORES
def test_a_streamed_page_shows_what_was_taken_before_its_head(tmp_path: Path, store: Any, colour: Any) -> None:
    app = site(tmp_path, store)
    (tmp_path / "inner.html").write_text("{% if messages %}{{ messages|length }}: {% include 'page.html' %}{% endif %}")
    (tmp_path / "outer.html").write_text("{% extends 'inner.html' %}")
    (tmp_path / "plain.html").write_text("no messages")

    @app.get("/streamed/{template}")
    @colour
    def streamed(template: str, messages: Messages) -> Page:
        messages.info("now")
        return Page(template, stream=True)

    with Client(app, headers=OWN) as client:
        client.post("/say/one")
        assert client.get("/streamed/plain.html").text == "no messages"
        assert client.get("/streamed/outer.html").text == "3: [success: one][info: now][info: now]"
        assert client.get("/page").text == ""


def test_there_is_an_end_to_them(tmp_path: Path) -> None:
    app = site(tmp_path, MemorySessions)

    @app.get("/many")
    def many(messages: Messages) -> int:
        for number in range(250):
            messages.info(str(number))
        return len(messages)

    with Client(app) as client:
        assert client.get("/many").json() == 100
        shown = client.get("/page").text
        assert shown.startswith("[info: 150][info: 151]") and shown.endswith("[info: 249]")


def test_a_page_that_is_not_about_anybody_asks_nothing(tmp_path: Path) -> None:
    with Client(site(tmp_path, DatabaseSessions), headers=OWN) as client:
        client.post("/say/one")
        quiet = client.get("/quiet")
        assert "vary" not in quiet.headers and "cache-control" not in quiet.headers
