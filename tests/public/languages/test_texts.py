"""Texts in the language of the moment: at once and later, in numbers, in contexts, in both colours and in threads."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Stream
from wholestack.db import Database
from wholestack.languages import (
    Language,
    Languages,
    LazyText,
    current_language,
    current_timezone,
    gettext,
    language,
    lazy,
    lazy_pgettext,
    ngettext,
    npgettext,
    pgettext,
)
from wholestack.outbox import Outbox, Queue, settle, task
from wholestack.testing import AsyncClient, Client

NOTES_AR = """
msgid "%(num)s note"
msgid_plural "%(num)s notes"
msgstr[0] "لا ملاحظات"
msgstr[1] "ملاحظة واحدة"
msgstr[2] "ملاحظتان"
msgstr[3] "%(num)s ملاحظات"
msgstr[4] "%(num)s ملاحظة"
msgstr[5] "%(num)s ملاحظة (مئات)"
"""
NOTES_PL = """
msgid "%(num)s note"
msgid_plural "%(num)s notes"
msgstr[0] "%(num)s notatka"
msgstr[1] "%(num)s notatki"
msgstr[2] "%(num)s notatek"
"""
TEXTS_DE = """
msgid "Hello, %(name)s!"
msgstr "Hallo, %(name)s!"

msgid "Title"
msgstr "Titel"

msgctxt "month"
msgid "May"
msgstr "Mai"

msgid "May"
msgstr "Darf"

msgctxt "paper"
msgid "%(num)s sheet"
msgid_plural "%(num)s sheets"
msgstr[0] "%(num)s Blatt"
msgstr[1] "%(num)s Blätter"
"""
Write = Callable[..., str]


@pytest.fixture
def app(write: Write) -> App:
    app = App(docs=False)
    app.use(Languages("en", "de", "ar", "pl", folder=write(de=TEXTS_DE, ar=NOTES_AR, pl=NOTES_PL)))
    return app


def ask(app: App, tag: str, function: Callable[[], Any]) -> str:
    """What a function says in a request of this language."""

    @app.get("/asked")
    def asked() -> str:
        return str(function())

    answer = Client(app).get("/asked", headers={"accept-language": tag}).text
    app.unseal()
    app.routes.clear()
    return answer


def test_a_text_with_values(app: App) -> None:
    assert ask(app, "de", lambda: gettext("Hello, %(name)s!", name="Zoë")) == "Hallo, Zoë!"
    assert ask(app, "en", lambda: gettext("Hello, %(name)s!", name="Zoë")) == "Hello, Zoë!"
    assert ask(app, "de", lambda: gettext("100 % of nothing")) == "100 % of nothing"
    assert ask(app, "de", lambda: gettext("") + "|") == "|"


def test_a_text_that_means_two_things(app: App) -> None:
    assert ask(app, "de", lambda: pgettext("month", "May")) == "Mai"
    assert ask(app, "de", lambda: pgettext("month", "%(a)s May", a=1)) == "1 May"
    assert ask(app, "de", lambda: gettext("May")) == "Darf"
    assert ask(app, "de", lambda: npgettext("paper", "%(num)s sheet", "%(num)s sheets", 2)) == "2 Blätter"
    assert ask(app, "de", lambda: lazy_pgettext("month", "May")) == "Mai"


@pytest.mark.parametrize(
    ("tag", "number", "text"),
    [
        *(("en", 1, "1 note"), ("en", 0, "0 notes"), ("en", 2, "2 notes")),
        *(("ar", 0, "لا ملاحظات"), ("ar", 1, "ملاحظة واحدة"), ("ar", 2, "ملاحظتان")),
        *(("ar", 3, "3 ملاحظات"), ("ar", 10, "10 ملاحظات"), ("ar", 103, "103 ملاحظات")),
        *(("ar", 11, "11 ملاحظة"), ("ar", 99, "99 ملاحظة"), ("ar", 111, "111 ملاحظة")),
        *(("ar", 100, "100 ملاحظة (مئات)"), ("ar", 102, "102 ملاحظة (مئات)")),
        *(("pl", 1, "1 notatka"), ("pl", 3, "3 notatki"), ("pl", 13, "13 notatek"), ("pl", 22, "22 notatki")),
    ],
)
def test_plural_forms(app: App, tag: str, number: int, text: str) -> None:
    assert ask(app, tag, lambda: ngettext("%(num)s note", "%(num)s notes", number)) == text


# -- lazy texts -------------------------------------------------------------------------------------------------------


def test_a_lazy_text_is_translated_when_it_is_shown() -> None:
    label = lazy("Save")
    assert isinstance(label, str) and isinstance(label, LazyText)
    with language("de"):
        assert str(label) == f"{label}" == "%s" % label == "Speichern"  # noqa: UP031
        assert type(str(label)) is str
        assert f"{label:>10}" == " Speichern" and label + "!" == "Speichern!" and "!" + label == "!Speichern"
        assert label.upper() == "SPEICHERN" and label[0] == "S" and len(label) == 9 and "pei" in label
        assert label * 2 == 2 * label == "SpeichernSpeichern" and [*label][:2] == ["S", "p"] and 1 not in label  # type: ignore[comparison-overlap]
        assert label.replace("S", "s") == "speichern" and label.startswith("Spei")
        assert lazy("%(a)s of it", a=3).split() == ["3", "of", "it"]
        assert lazy("%d of it") % 3 == "3 of it"
        assert repr(label) == "lazy('Save')"
    # It is its source, so that it can be a key, and in whatever language the same one.
    with language("ar"):
        assert label == "Save" == lazy("Save") and {label: 1}["Save"] == 1
        assert str(label) == "حفظ"
        for twin in (copy.copy(label), copy.deepcopy(label), pickle.loads(pickle.dumps(label))):
            assert str(twin) == "حفظ" and type(twin) is LazyText
        for twin in (copy.deepcopy(lazy_pgettext("a", "%(b)s", b=1)),):
            assert str(twin) == "1" and twin.context == "a"
    assert label.message == "Save" and type(label.message) is str


def test_lazy_texts_as_titles_of_pydantic(app: App) -> None:
    class Note(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(title=lazy("Title"))
        title: Annotated[str, pydantic.Field(title=lazy("Title"), description=lazy("Save"))]

    def titles() -> str:
        field = Note.model_fields["title"]
        return f"{field.title} {field.description} {Note.model_json_schema()['properties']['title']['title']}"

    assert ask(app, "de", titles) == "Titel Speichern Titel"
    assert ask(app, "en", titles) == "Title Save Title"
    # A document is one for all languages: it has the source's.
    schema = json.loads(json.dumps(Note.model_json_schema()))
    assert (schema["title"], schema["properties"]["title"]["title"]) == ("Title", "Title")

    @app.post("/notes")
    def add(note: Note) -> Note:
        return note

    plain = App()
    plain.post("/notes")(add)
    document = Client(plain).get("/openapi.json").json()
    assert document["components"]["schemas"]["Note"]["properties"]["title"]["title"] == "Title"


# -- where a language holds -------------------------------------------------------------------------------------------


def test_outside_a_request() -> None:
    with language("de", timezone="Asia/Tokyo") as spoken:
        assert spoken == current_language() == Language("de")
        assert str(current_timezone()) == "Asia/Tokyo"
        assert gettext("Save") == "Speichern"
        with language("ar"):
            assert gettext("Save") == "حفظ"
            assert str(current_timezone()) == "Asia/Tokyo", "that around it"
        assert gettext("Save") == "Speichern"
    with language("de-AT"):
        assert gettext("Save") == "Speichern" and current_language().tag == "de-AT"
    with language("fr"):
        assert gettext("Save") == "Save"


@pytest.mark.parametrize("tag", ["", "de_DE", "../de", "d"])
def test_what_is_no_language_or_time_zone(tag: str) -> None:
    with pytest.raises(ValueError, match="no tag of a language"), language(tag):
        pass
    with pytest.raises(ValueError, match="no time zone"), language("de", timezone="Mars/Base"):
        pass
    with pytest.raises(ValueError, match="no time zone"), language("de", timezone="../x"):
        pass


def test_a_script_speaks_for_the_app_that_was_sealed_last(write: Write) -> None:
    app = App(docs=False)
    app.use(Languages("de", "en", folder=write(de=TEXTS_DE), timezone="Europe/Berlin"))

    @app.command
    def greet() -> str:
        return gettext("Title")

    @app.get("/")
    def home() -> str:
        with language("en"):
            return gettext("Title") + str(current_timezone())

    app.seal()
    assert greet() == "Titel" and str(current_timezone()) == "Europe/Berlin" and current_language().tag == "de"
    with language("en"):
        assert greet() == "Title"
    answer = Client(app).get("/", cookies={"timezone": "Asia/Tokyo"})
    assert answer.text == "TitleAsia/Tokyo"
    assert "content-language" not in answer.headers, "the language of the request was not asked for"
    # A request of another app, which has no languages, has its source's.
    other = App(docs=False)
    other.get("/")(lambda: gettext("Save") + str(current_language()) + str(current_timezone()))
    assert Client(other).get("/").json() == "SaveenUTC"


def test_requests_at_once_in_both_colours_and_threads(app: App) -> None:
    tags = ["en", "de", "ar"] * 8
    words = {"en": "Save", "de": "Speichern", "ar": "حفظ"}
    all_in = threading.Barrier(len(tags), timeout=60)
    counted = 0

    @app.get("/thread")
    def in_thread() -> str:
        all_in.wait()
        return str(lazy("Save"))

    @app.get("/loop")
    async def on_loop() -> str:
        nonlocal counted
        counted += 1
        async with asyncio.timeout(60):
            while counted < len(tags):
                await asyncio.sleep(0)
        told = [str(lazy("Save")), await asyncio.to_thread(gettext, "Save")]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.to_thread(gettext, "Save"))
        return " ".join([*told, task.result()])

    async def asked() -> None:
        async with AsyncClient(app) as client:
            for path, times in (("/thread", 1), ("/loop", 3)):
                found = await asyncio.gather(*(client.get(path, headers={"accept-language": tag}) for tag in tags))
                for tag, answer in zip(tags, found, strict=True):
                    assert answer.text == " ".join([words[tag]] * times)
                    assert answer.headers["content-language"] == tag

    asyncio.run(asked())


def test_what_is_made_while_it_is_sent(app: App, interface: Any) -> None:
    @app.get("/def")
    def plain() -> Stream:
        def chunks() -> Iterator[str]:
            yield gettext("Save")
            yield gettext("Save")

        return Stream(chunks(), media_type="text/html; charset=utf-8")

    @app.get("/async")
    async def async_() -> Stream:
        async def chunks() -> AsyncIterator[str]:
            yield gettext("Save")
            await asyncio.sleep(0)
            yield gettext("Save")

        return Stream(chunks(), media_type="text/html; charset=utf-8")

    with Client(app, interface=interface) as client:
        for path in ("/def", "/async"):
            answer = client.get(path, headers={"accept-language": "de"})
            assert answer.text == "SpeichernSpeichern"
            assert (answer.headers["content-language"], answer.headers["vary"]) == ("de", "accept-language, cookie")


@task
def greet() -> None:
    """Says something in the language of the moment."""
    SAID.append(gettext("Title"))
    with language("en"):
        SAID.append(gettext("Title"))


SAID: list[str] = []


def test_a_task_of_the_outbox_speaks_the_apps_own_language(write: Write) -> None:
    app = App(docs=False)
    app.use(Languages("de", "en", folder=write(de=TEXTS_DE)), Database("sqlite://"), Outbox(greet))
    with Client(app):
        with app.session() as db:
            Queue(app, db).put(greet)
        settle(app)
    assert SAID == ["Titel", "Title"]
