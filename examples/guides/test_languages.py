"""What docs/guides/languages.md shows, and the tests that hold it."""

from __future__ import annotations

import datetime

import pydantic

# [imports]
from wholestack import App
from wholestack.languages import Language, Languages, gettext, language, lazy, ngettext, pgettext, translated_fault
from wholestack.templates import Page, Templates
from wholestack.testing import Client

# [/imports]

# [use]
app = App(docs=False)
app.use(Languages("en", "de", "ar", timezone="Europe/Berlin"))


@app.get("/greeting")
def greeting(language: Language) -> dict[str, str]:
    return {"text": gettext("My notes"), "lang": language.tag, "dir": language.direction}


# [/use]
app.use(Templates("languages"))


# [page]
TITLE = lazy("My notes")  # Translated when it is shown, in the language of that moment.


@app.get("/notes")
def list_notes() -> Page:
    return Page("notes.html", title=TITLE, count=3, day=datetime.date(2026, 3, 1))


# [/page]


# [lazy]
class Note(pydantic.BaseModel):
    text: str = pydantic.Field(title=lazy("Search"), max_length=10)


# [/lazy]


def test_a_request_in_its_language() -> None:
    # [asked]
    client = Client(app)
    answer = client.get("/greeting", headers={"accept-language": "ar-EG, en;q=0.5"})
    assert answer.json() == {"text": "ملاحظاتي", "lang": "ar", "dir": "rtl"}
    assert answer.headers["content-language"] == "ar"
    assert answer.headers["vary"] == "accept-language, cookie"
    # [/asked]


def test_a_page() -> None:
    # [shown]
    page = Client(app).get("/notes", headers={"accept-language": "de"}).text
    assert '<html lang="de" dir="ltr">' in page and "<title>Meine Notizen</title>" in page
    assert "Sie haben <b>3</b> Notizen." in page and "Geschrieben am 1. März 2026" in page
    # [/shown]
    arabic = Client(app).get("/notes", headers={"accept-language": "ar"}).text
    assert 'dir="rtl"' in arabic and "لديك <b>3</b> ملاحظات." in arabic


def test_somebody_chooses() -> None:
    # [choose]
    client = Client(app)
    client.post("/language", data={"language": "de", "next": "/notes"})
    assert client.get("/greeting").json()["lang"] == "de"
    # [/choose]


def test_texts() -> None:
    app.seal()
    # [texts]
    with language("de"):
        assert gettext("Written on %(day)s", day="Montag") == "Geschrieben am Montag"
        assert ngettext("%(num)s note is new.", "%(num)s notes are new.", 5) == "5 Notizen sind neu."
        assert pgettext("month", "May") == "Mai"
    # [/texts]


def test_faults() -> None:
    # [faults]
    try:
        Note(text="much too long for it")
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
    with language("de"):
        shown = translated_fault(fault["type"], fault.get("ctx"), fault["msg"])
        assert shown == "Höchstens 10 Zeichen."
        assert str(Note.model_fields["text"].title) == "Suchen"
    # [/faults]
