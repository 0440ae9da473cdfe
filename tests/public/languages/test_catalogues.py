"""Catalogues: where they lie, what is wrong in them and where, what changes while one works, the commands."""

from __future__ import annotations

import gettext as standard
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError
from jinja2.ext import LoopControlExtension

from wholestack import App, SetupError
from wholestack.languages import Languages, NoBabel, gettext, ngettext
from wholestack.templates import Templates
from wholestack.testing import Client

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
Write = Callable[..., str]


def speaking(folder: str, *tags: str) -> App:
    app = App(docs=False)
    app.use(Languages(*(tags or ("en", "de")), folder=folder))

    @app.get("/")
    def texts() -> str:
        return "|".join(
            [gettext("Title"), gettext("Save"), ngettext("%(num)s a", "%(num)s b", 2), gettext("Long\ttext")]
        )

    return app


def texts_of(app: App, tag: str) -> list[str]:
    return Client(app).get("/", headers={"accept-language": tag}).text.split("|")


def po(folder: Path, text: str | bytes, name: str = "de") -> Path:
    path = folder / name / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


WHOLE = (
    HEAD
    + """
# A translator's note.
#. A note of the source.
#: app.py:7
#, python-format
#| msgid "Old"
msgid "Title"
msgstr "Ti"
"tel"

#, fuzzy
msgid "Save"
msgstr "Sparen"

#, fuzzy, python-format
msgid "Left"
msgstr "%(wrong)s"
msgctxt "a"
msgid "Left"
msgstr "Links"

msgid "%(num)s a"
msgid_plural "%(num)s b"
msgstr[0] "%(num)s c"
msgstr[1] "%(num)s d"

msgid ""
"Long\\ttext"
msgstr "Lang \\"und\\" \\\\ gut\\x21"

#~ msgid "Gone"
#~ msgstr "Fort"
"""
)


def test_a_catalogue_as_translators_write_it(tmp_path: Path) -> None:
    po(tmp_path, WHOLE)
    assert texts_of(speaking(str(tmp_path)), "de") == ["Titel", "Speichern", "2 d", 'Lang "und" \\ gut!']
    po(tmp_path, b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert texts_of(speaking(str(tmp_path)), "de")[0] == "Titel"


def test_wider_languages_and_our_own_texts_stand_behind(write: Write, tmp_path: Path) -> None:
    folder = write(de='msgid "Title"\nmsgstr "Titel"\n')
    po(
        tmp_path / "locale",
        HEAD + 'msgid "%(num)s a"\nmsgid_plural "%(num)s b"\nmsgstr[0] "1"\nmsgstr[1] "x"\n',
        "de_AT",
    )
    app = speaking(folder, "en", "de-AT")
    assert texts_of(app, "de-AT") == ["Titel", "Speichern", "x", "Long\ttext"]
    # The app's own word goes before ours.
    assert texts_of(speaking(write(de='msgid "Save"\nmsgstr "Sichern"\n')), "de")[1] == "Sichern"
    assert texts_of(speaking(write(**{"pt-BR": 'msgid "Title"\nmsgstr "T"\n'}), "en", "pt-BR"), "pt")[0] == "T"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('msgid "a\nmsgstr "b"', 6, "not whole"),
        ('msgid "a"\nmsgstr "b\\q"', 7, "escape that is none"),
        ('msgid "a"\nmsgstr "b" "c"', 7, "not whole"),
        ('msgid "a"\nmsgstr "\\000"', 7, "no catalogue can keep"),
        ('msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"', 9, "there already, at line 6"),
        ('msgid "a"\n\nmsgid "b"\nmsgstr "c"', 6, "no msgid or no msgstr"),
        ('msgid "a"\n', 6, "no msgid or no msgstr"),
        ('msgctxt "x"\nmsgstr "b"', 7, "msgstr is not expected here"),
        ('msgid "a"\nmsgctxt "x"\nmsgstr "b"', 6, "no msgid or no msgstr"),
        ('msgid "a"\nmsgstr "b"\nmsgstr "c"', 8, "not expected"),
        ('msgid "a"\nmsgstr[0] "b"', 7, "any other has one msgstr"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr "c"', 8, "msgstr[0], msgstr[1]"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"', 6, "says 2 plural forms"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\nmsgstr[2] "d"', 6, "says 2 plural forms"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\nmsgstr[0] "d"', 9, "msgstr[0] is not expected"),
        ('msgid[0] "a"\nmsgstr "b"', 6, "not expected"),
        ('mesgid "a"', 6, "neither a comment"),
        ("msgid a", 6, "neither a comment"),
        ('msgid "Hello %(name)s"\nmsgstr "Hallo %(nmae)s"', 6, "'nmae', which its text does not give"),
        ('msgid "Page {n}"\nmsgstr "Seite {m}"', 6, "'m', which"),
        ('msgid "a"\nmsgid_plural "%(num)s b"\nmsgstr[0] "%(num)s c"\nmsgstr[1] "%(n)s d"', 6, "'n', which"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = po(tmp_path, HEAD + text)
    with pytest.raises(SetupError) as raised:
        speaking(str(tmp_path)).seal()
    (fault,) = raised.value.faults
    assert (fault.code, fault.where) == ("broken-catalogue", f"{path}:{line}")
    assert said in fault.message


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b'msgid "a"\n\nmsgstr "\xff"', 3, "in UTF-8"),
        (b'"a"', 1, "before any msgid"),
        (b'msgid ""\nmsgstr "Content-Type: text/plain; charset=ISO-8859-1\\n"', 1, "not in ISO-8859-1"),
        (b'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"', 1, "needs Plural-Forms"),
        *(
            (f'msgid ""\nmsgstr "Plural-Forms: {forms};\\n"'.encode(), 1, said)
            for forms, said in (
                ("nplurals=2; plural=__import__('os').system('x')", "cannot be read"),
                ("nplurals=2; plural=n**n", "cannot be read"),
                ("nplurals=2; plural=" + "(" * 60 + "n" + ")" * 60, "cannot be read"),
                ("nplurals=2; plural=5%n", "cannot be read"),
                ("nplurals=2; plural=", "cannot be read"),
                ("nplurals=2", "cannot be read"),
                ("nplurals=2; plural=n", "beyond nplurals"),
            )
        ),
    ],
)
def test_a_head_or_a_file_that_is_wrong(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    path = po(tmp_path, content)
    with pytest.raises(SetupError) as raised:
        speaking(str(tmp_path)).seal()
    (fault,) = raised.value.faults
    assert (fault.code, fault.where) == ("broken-catalogue", f"{path}:{line}")
    assert said in fault.message


def test_all_broken_catalogues_are_told_at_once(tmp_path: Path) -> None:
    for name in ("de", "ar"):
        po(tmp_path, "x", name)
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "fr" / "LC_MESSAGES" / "messages.mo").write_bytes(b"\xde\x12\x04\x95short")
    with pytest.raises(SetupError) as raised:
        speaking(str(tmp_path), "en", "de", "ar", "fr").seal()
    assert [fault.code for fault in raised.value.faults] == ["broken-catalogue"] * 3


def test_check_names_a_language_without_a_catalogue(write: Write, tmp_path: Path) -> None:
    folder = write(de="")
    app = speaking(folder, "en", "de", "pt-BR")
    app.seal()
    (fault,) = [fault for check in app.checks for fault in check()]
    assert fault.code == "no-catalogue" and "pt-BR" in fault.message
    assert fault.where == os.path.join(folder, "pt_BR", "LC_MESSAGES", "messages.po")
    # Where there is no folder, the app has no texts of its own to translate.
    plain = speaking(str(tmp_path / "nowhere"))
    plain.seal()
    assert [fault for check in plain.checks for fault in check()] == []


def test_in_development_a_change_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = po(tmp_path, HEAD + 'msgid "Title"\nmsgstr "Titel"\n')
    production = speaking(str(tmp_path))
    assert texts_of(production, "de")[0] == "Titel"
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    app = speaking(str(tmp_path))
    with Client(app) as client:

        def told() -> Any:
            return client.get("/", headers={"accept-language": "de"})

        assert told().text.startswith("Titel|")
        po(tmp_path, HEAD + 'msgid "Title"\nmsgstr "Überschrift"\n')
        assert told().text.startswith("Überschrift|")
        path.unlink()
        assert told().text.startswith("Title|")
    monkeypatch.delenv("WHOLESTACK_STAGE")
    assert texts_of(production, "de")[0] == "Titel"


def test_a_change_that_breaks_a_catalogue_is_told_in_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    path = po(tmp_path, HEAD)
    app = speaking(str(tmp_path))
    client = Client(app)
    assert texts_of(app, "de")[0] == "Title"
    po(tmp_path, HEAD + 'msgid "a"\nmsgstr "b')
    with pytest.raises(SetupError, match=f"{path}:7"):
        client.get("/", headers={"accept-language": "de"})


# -- commands -------------------------------------------------------------------------------------------------------


def commands_of(app: App) -> dict[str, Callable[..., str]]:
    app.seal()
    return {each.__name__: each for each in app.commands}


def test_texts_are_gathered_and_compiled(tmp_path: Path) -> None:
    source = tmp_path / "shop"
    (source / "templates").mkdir(parents=True)
    (source / "app.py").write_text(
        'gettext("Title")\nlazy("Later")\nlazy_pgettext("month", "May")\nngettext("%(num)s a", "%(num)s b", 2)\n_("Short")\n'
    )
    (source / "templates" / "a.html").write_text(
        "{% block x %}\n  {% trans name=n %}Hi <b>{{ name }}</b>{% endtrans %}\n{{ _('In a page') }}{% endblock %}"
    )
    path = po(source / "locale", HEAD + 'msgid "Title"\nmsgstr "Titel"\n\nmsgid "Gone"\nmsgstr "Fort"\n')
    commands = commands_of(speaking(str(source / "locale"), "en", "de", "pt-BR"))
    assert commands["languages_extract"](str(source)).startswith("7 texts are in ")
    text = path.read_text("utf-8")
    for part in (
        *('msgid "Title"\nmsgstr "Titel"', '#~ msgid "Gone"', 'msgid "Later"', 'msgctxt "month"\nmsgid "May"'),
        *('msgid_plural "%(num)s b"\nmsgstr[0] ""', 'msgid "Hi <b>%(name)s</b>"', 'msgid "In a page"', 'msgid "Short"'),
    ):
        assert part in text
    new = (source / "locale" / "pt_BR" / "LC_MESSAGES" / "messages.po").read_text("utf-8")
    assert 'msgid "Later"' in new and "Plural-Forms" in new

    # What was written is read again, and compiled as the standard library reads it.
    path.write_text(text.replace('msgid "Later"\nmsgstr ""', 'msgid "Later"\nmsgstr "Später"'), "utf-8")
    commands = commands_of(speaking(str(source / "locale"), "en", "de", "pt-BR"))
    assert "messages.mo" in commands["languages_compile"]()
    compiled = path.with_suffix(".mo")
    with compiled.open("rb") as file:
        found = standard.GNUTranslations(file)
    assert (found.gettext("Later"), found.gettext("Title"), found.gettext("Gone")) == ("Später", "Titel", "Gone")
    # A deployment may take the compiled one only.
    path.unlink()
    assert texts_of(speaking(str(source / "locale")), "de")[0] == "Titel"


def test_templates_are_read_with_the_extensions_of_the_app(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    page = tmp_path / "templates" / "a.html"
    page.write_text("{% do 1 %}{% trans %}x{% endtrans %}{% for a in b %}{% break %}{% endfor %}")
    app = speaking(str(tmp_path / "locale"))
    templates = Templates()
    templates.environment.add_extension("jinja2.ext.do")
    app.use(templates, Loops())
    app.seal()
    extract = commands_of(app)["languages_extract"]
    assert extract(str(tmp_path)).startswith("1 texts")
    page.write_text("\n{% nothing %}")
    with pytest.raises(TemplateSyntaxError) as raised:
        extract(str(tmp_path))
    assert (raised.value.filename, raised.value.lineno) == (str(page), 2)


class Loops:
    template_extensions = [LoopControlExtension]

    def setup(self, app: App) -> None:
        """Nothing but for its attribute."""


def test_no_catalogues_no_files(tmp_path: Path) -> None:
    commands = commands_of(speaking(str(tmp_path / "locale"), "en"))
    (tmp_path / "a.py").write_text('gettext("x")')
    assert commands["languages_extract"](str(tmp_path)) == "1 texts are in the source."
    assert commands["languages_compile"]() == "Wrote nothing: there is no catalogue."
    assert not (tmp_path / "locale").exists()


def test_gathering_without_babel_says_what_is_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = commands_of(speaking(str(tmp_path)))["languages_extract"]
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(NoBabel, match=r"pip install 'wholestack\[i18n\]'"):
        extract(str(tmp_path))
