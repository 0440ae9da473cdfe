"""Parts of pages that are kept, escaped once, in both colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import MetaData

from wholestack import App, Conflict, Form, Redirect, Request
from wholestack.cache import Cache, CacheFault, Caching, DatabaseStore
from wholestack.db import Database, Mapped, Model, Session
from wholestack.forms import FormView
from wholestack.languages import Languages
from wholestack.sessions import Messages, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import Client

Colour = Callable[[Any], Any]
PAGE = """<p>{{ name }}</p>
{% call cache(("side", name), 60, tags=["side"]) %}<b>{{ note() }} {{ name }}</b>{% endcall %}
{% call cache("same") %}{{ note() }}{% endcall %}"""


def test_a_fragment_is_made_once_and_stays_escaped(tmp_path: Path, colour: Colour) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    app, made = App(docs=False), list[int]()
    app.use(Templates(str(tmp_path)), Caching())

    def note() -> str:
        made.append(1)
        return f"<{len(made)}>"

    @app.get("/{name}")
    @colour
    def show(name: str) -> Page:
        return Page("page.html", name=name, note=note)

    @app.post("/")
    @colour
    def change(cache: Cache) -> None:
        cache.invalidate("side")

    with Client(app) as client:
        first = client.get("/<i>").text
        assert first == "<p>&lt;i&gt;</p>\n<b>&lt;1&gt; &lt;i&gt;</b>&lt;2&gt;"
        assert client.get("/<i>").text == first
        assert client.get("/b").text == "<p>b</p>\n<b>&lt;3&gt; b</b>&lt;2&gt;"
        client.post("/")
        assert client.get("/b").text == "<p>b</p>\n<b>&lt;4&gt; b</b>&lt;2&gt;"
    assert [fault for check in app.checks for fault in check() or ()] == []


def test_a_whole_page_and_its_error_page(tmp_path: Path, colour: Colour) -> None:
    (tmp_path / "404.html").write_text("{% call cache('lost') %}<b>lost</b>{% endcall %}")
    app = App(docs=False)
    app.use(Templates(str(tmp_path)), Caching())

    @app.get("/")
    @colour
    def show() -> str:
        return ""

    with Client(app, headers={"accept": "text/html"}) as client:
        for _ in range(2):
            answer = client.get("/nowhere")
            assert (answer.status, answer.text) == (404, "<b>lost</b>")


# -- what is one reader's own ------------------------------------------------------------------------------------


class Note(BaseModel):
    text: str


OWN = {
    "csrf": "{% call cache('a') %}{{ csrf }}{% endcall %}",
    "csrf_token": "{% call cache('a') %}{{ csrf_token }}{% endcall %}",
    "nonce": "{% call cache('a') %}<script nonce='{{ nonce }}'></script>{% endcall %}",
    "messages": "{% call cache('a') %}{% for each in messages %}{{ each.text }}{% endfor %}{% endcall %}",
    "csrf, in a macro": "{% macro token() %}{{ csrf }}{% endmacro %}{% call cache('a') %}{{ token() }}{% endcall %}",
    "csrf, included": "{% call cache('a') %}{% include 'token.html' %}{% endcall %}",
    "csrf, in a part of a part": "{% call cache('a') %}{% call cache('b') %}{{ csrf }}{% endcall %}{% endcall %}",
    "csrf, after a part of a part": "{% call cache('a') %}{% call cache('b') %}b{% endcall %}{{ csrf }}{% endcall %}",
    # Looked up before, for the page itself.
    "csrf_token, also outside": "{{ csrf }}{% call cache('a') %}{{ csrf }}{% endcall %}",
    "nonce, also outside": "{{ nonce }}{% call cache('a') %}{{ nonce }}{% endcall %}",
    "messages, also outside": "{% call cache('a') %}{{ messages|list }}{% endcall %}{{ messages|length }}",
    "csrf_token, with a form": "{% call cache('a') %}{{ form }}{% endcall %}",
}


@pytest.mark.parametrize("case", OWN)
def test_c17_no_part_keeps_what_is_its_readers_own(tmp_path: Path, case: str) -> None:
    (tmp_path / "page.html").write_text(OWN[case])
    (tmp_path / "token.html").write_text("{{ csrf }}")
    app = App(docs=False)
    app.use(Sessions(), Templates(str(tmp_path)), Caching())

    @app.post("/")
    def say(messages: Messages) -> None:
        messages.success("Saved.")

    @app.get("/")
    def show(form: FormView[Note]) -> Page:
        return Page("page.html", form=form)

    @app.post("/notes")
    def add(note: Form[Note]) -> Redirect:
        return Redirect("/")

    with Client(app) as client:
        client.post("/")
        for _ in range(2):
            with pytest.raises(CacheFault, match=f"`{case.partition(',')[0]}` in it is one reader's own"):
                client.get("/")


def test_outside_of_parts_and_by_names_of_its_own_a_page_has_all(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "{{ csrf }}{% call cache('a') %}{{ messages }}{% endcall %}{{ csrf_token }}"
        "<script nonce='{{ nonce }}'></script>{% call cache('b') %}b{% endcall %}"
    )
    app = App(docs=False)
    app.use(Sessions(), Templates(str(tmp_path)), Caching())

    @app.get("/")
    def show() -> Page:
        return Page("page.html", messages="the page's own")

    with Client(app) as one, Client(app) as other:
        seen = [client.get("/").text for client in (one, one, other)]
        assert all("the page&#39;s own" in each and "csrf_token" in each and "nonce" in each for each in seen)
        assert len(set(seen)) == 3


def test_a_part_in_each_language_and_time_zone(tmp_path: Path, colour: Colour) -> None:
    (tmp_path / "page.html").write_text("{% call cache('a') %}{{ note() }} {{ _('Send') }}{% endcall %}")
    app, made = App(docs=False), list[int]()
    app.use(Languages("en", "de"), Templates(str(tmp_path)), Caching())

    def note() -> int:
        made.append(1)
        return len(made)

    @app.get("/")
    @colour
    def show() -> Page:
        return Page("page.html", note=note)

    with Client(app) as client:
        for _ in range(2):
            for language, text in (("de", "1 Senden"), ("en", "2 Send")):
                answer = client.get("/", headers={"accept-language": language})
                assert answer.text == text and "accept-language" in answer.headers["vary"]
            assert client.get("/", headers={"cookie": "language=de"}).text == "1 Senden"
            assert client.get("/", headers={"cookie": "language=de; timezone=Asia/Tokyo"}).text == "3 Senden"


# -- within a transaction ----------------------------------------------------------------------------------------


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Hit(Base):
    count: Mapped[int]


@pytest.mark.parametrize("stream", [False, True])
def test_a_page_of_a_request_that_has_written(
    tmp_path: Path, colour: Colour, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """On SQLite, which has one writer: the part is kept after the commit, and not after a roll-back."""
    (tmp_path / "page.html").write_text("{% call cache('side', 60) %}{{ note() }}{% endcall %}")
    (tmp_path / "error.html").write_text("{% call cache('side', 60) %}{{ error.status }}{% endcall %}")
    app, made = App(docs=False), list[int]()
    database = Database(f"sqlite:///{tmp_path / 'app.db'}", models=Base, migrations=None)
    app.use(database, Templates(str(tmp_path)), Caching(DatabaseStore()))

    def note() -> str:
        made.append(1)
        return f"made {len(made)}"

    @app.post("/{way}")
    @colour
    def write(way: str, db: Session, request: Request) -> Page:
        db.add(Hit(count=1))
        db.flush()
        if way == "refused":
            raise Conflict
        return Page("page.html", note=note, stream=stream)

    app.seal()
    database.create_tables()
    with Client(app, headers={"accept": "text/html"}) as client:
        assert [client.post("/done").text for _ in range(2)] == ["made 1"] * 2
        app.plugin(Caching).cache().clear()
        assert client.post("/refused").text == "409"
        assert client.post("/done").text == "409", "an error's page is made after the transaction, and kept at once"
    assert not [each for each in caplog.records if each.name == "wholestack.cache"], "nothing waited for itself"
