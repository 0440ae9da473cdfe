"""What templates get: translated texts, the language for `<html>`, dates and numbers, all of it escaped."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wholestack import App
from wholestack.languages import Languages, lazy
from wholestack.templates import Page, Templates
from wholestack.testing import Client

TEXTS_AR = """
msgid "Hello, <b>%(name)s</b>!"
msgstr "مرحبا <b>%(name)s</b>!"

msgid "%(count)s note in %(place)s"
msgid_plural "%(count)s notes in %(place)s"
msgstr[0] "0"
msgstr[1] "1 %(place)s"
msgstr[2] "2 %(place)s"
msgstr[3] "%(count)s ملاحظات: %(place)s"
msgstr[4] "4"
msgstr[5] "5"

msgctxt "door"
msgid "Open"
msgstr "مفتوح <i>"

msgid "R&D"
msgstr "<u>"
"""
Make = Callable[[str], App]


@pytest.fixture
def make(write: Callable[..., str], tmp_path: Path) -> Make:
    """An app that answers with this template."""

    def made(template: str) -> App:
        (tmp_path / "page.html").write_text(template, "utf-8")
        app = App(docs=False)
        app.use(Templates(str(tmp_path)))
        app.use(Languages("en", "de", "ar", folder=write(ar=TEXTS_AR, de="")))
        label = lazy("Save")

        @app.get("/")
        def page() -> Page:
            return Page(
                "page.html",
                name="<script>",
                label=label,
                n=3,
                day=datetime.date(2026, 3, 1),
                moment=datetime.datetime(2026, 7, 1, 12, 30, tzinfo=datetime.UTC),
                price=Decimal("1234.5"),
            )

        @app.get("/async")
        async def page_async() -> Page:
            return page()

        return app

    return made


def shown(app: App, tag: str, path: str = "/", **cookies: str) -> str:
    return Client(app).get(path, headers={"accept-language": tag}, cookies=cookies).text


def test_a_page_in_arabic_is_written_from_right_to_left(make: Make, interface: Any) -> None:
    app = make('<html lang="{{ language.tag }}" dir="{{ language.direction }}">{{ languages|join(" ") }}')
    with Client(app, interface=interface) as client:
        for path in ("/", "/async"):
            answer = client.get(path, headers={"accept-language": "ar"})
            assert answer.text == '<html lang="ar" dir="rtl">en de ar'
            assert answer.headers["content-language"] == "ar"
        assert client.get("/").text.startswith('<html lang="en" dir="ltr">')


def test_texts_of_templates(make: Make) -> None:
    app = make(
        "{% trans %}Hello, <b>{{ name }}</b>!{% endtrans %}|"
        "{% trans count=n, place=name %}{{ count }} note in {{ place }}"
        "{% pluralize %}{{ count }} notes in {{ place }}{% endtrans %}|"
        '{{ _("Save") }}|{{ label }}|{{ gettext("%(a)s & %(b)s", a=name, b=1) }}|'
        '{{ ngettext("%(num)s day", "%(num)s days", n) }}|{{ npgettext("a", "%(num)s b", "%(num)s bs", 1) }}|'
        "{% trans %}100% sure{% endtrans %}|{% trans 'door' %}Open{% endtrans %}|{% trans %}{% endtrans %}"
    )
    assert shown(app, "ar").split("|") == [
        "مرحبا <b>&lt;script&gt;</b>!",
        "3 ملاحظات: &lt;script&gt;",
        *("حفظ", "حفظ", "&lt;script&gt; &amp; 1", "3 days", "1 b", "100% sure", "مفتوح <i>", ""),
    ]
    assert shown(app, "en", "/async").split("|")[:4] == [
        "Hello, <b>&lt;script&gt;</b>!",
        "3 notes in &lt;script&gt;",
        *("Save", "Save"),
    ]


def test_what_is_called_with_anything_is_escaped(make: Make) -> None:
    """What a user has typed may come to `_`, and what a translator has written to a text that is none of HTML."""
    app = make('{{ _(name) }}{{ gettext(name) }}{{ pgettext("a", name) }}{{ ngettext(name, name, 2) }}{{ _("R&D") }}')
    assert shown(app, "en") == "&lt;script&gt;" * 4 + "R&amp;D"
    assert shown(app, "ar") == "&lt;script&gt;" * 4 + "&lt;u&gt;"


def test_what_a_template_says_itself_is_not_settled_while_it_is_compiled(make: Make) -> None:
    app = make("{{ 0.5|format_percent }}{{ 1234|format_number }}{{ _('Save') }}")
    german = shown(app, "de")
    assert shown(app, "en") == "50%1,234Save" != german


def test_dates_and_numbers(make: Make) -> None:
    app = make(
        "{{ day|format_date }}|{{ format_date(day, 'long') }}|{{ moment|format_datetime('short') }}|"
        "{{ moment|format_time }}|{{ price|format_number }}|{{ price|format_currency('EUR') }}|{{ 0.25|format_percent }}"
    )
    german = shown(app, "de", timezone="Asia/Tokyo").replace("\N{NO-BREAK SPACE}", " ").split("|")
    assert german == [*("01.03.2026", "1. März 2026", "01.07.26, 21:30", "21:30", "1.234,5", "1.234,50 €", "25 %")]
    english = shown(app, "en").replace("\N{NARROW NO-BREAK SPACE}", " ").split("|")
    assert english == ["Mar 1, 2026", "March 1, 2026", "7/1/26, 12:30 PM", "12:30 PM", "1,234.5", "€1,234.50", "25%"]


def test_check_knows_the_names(make: Make) -> None:
    app = make(
        '{{ _("a") }}{% trans %}b{% endtrans %}{{ language.tag }}{{ format_date(day) }}{{ languages }}'
        '{% trans count=n %}a{% pluralize %}{{ count }}{% endtrans %}{{ pgettext("a", "b") }}'
    )
    app.seal()
    assert [fault for check in app.checks for fault in check()] == []


def test_without_the_plugin_templates_have_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ _ is defined }}{{ language is defined }}")
    app = App(docs=False)
    app.use(Templates(str(tmp_path)))
    app.get("/")(page_of)
    assert Client(app).get("/").text == "FalseFalse"


def page_of() -> Page:
    return Page("page.html")
