"""Our own texts: complete in German and Arabic, as compiled, and said by the kind of a fault."""

from __future__ import annotations

import ast
import gettext as standard
import io
import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import nodes
from pydantic_core import _pydantic_core

import wholestack.admin
import wholestack.auth
import wholestack.forms
import wholestack.languages
import wholestack.templates
from wholestack import App, HTTPError
from wholestack.languages import Language, Languages, gettext, language, translated_fault
from wholestack.templates import Engine, Templates
from wholestack.testing import Client

LOCALE = resources.files(wholestack.languages) / "locale"
LANGUAGES = ["ar", "de"]
WORDS = [
    *("Save", "Add", "Remove", "Move up", "Move down", "Choose a file", "This field is required.", "Next", "Previous"),
    *("Please correct the errors below.", "Search", "Page {n} of {m}", "Log in", "Log out", "Yes", "No", "Unknown"),
    *("Send", "Choose…", "Up", "Down", "Please look at these fields again:"),
    *("Sending the files …", "Time zone: {zone}", "There is no such time on that day: clocks are put forward over it."),
    *("Optional", "Cancel", "Delete", "Edit", "Back", "Language", "Time zone", "Only the first {count} are listed."),
]
NAMES = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def catalogue(tag: str, ending: str = "po") -> bytes:
    return (LOCALE / tag / "LC_MESSAGES" / f"wholestack.{ending}").read_bytes()


def messages(tag: str) -> Iterator[Any]:
    """Each message as Babel, which is not ours, reads it."""
    yield from (each for each in read_po(io.BytesIO(catalogue(tag)), abort_invalid=True) if each.id)


def names(text: str) -> set[str]:
    return {a or b for a, b in NAMES.findall(text)}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_text_is_translated_with_its_places(tag: str) -> None:
    found = [*messages(tag)]
    assert len(found) > 100
    for each in found:
        assert not each.fuzzy, each.id
        ids = each.id if isinstance(each.id, tuple) else (each.id,)
        texts = each.string if isinstance(each.string, tuple) else (each.string,)
        assert all(text.strip() for text in texts), each.id
        assert len(texts) == (1 if len(ids) == 1 else 6 if tag == "ar" else 2)
        # Arabic says one and two by the noun alone.
        for text in texts[3:] if len(texts) == 6 else texts:
            assert names(text) == names(ids[-1]), each.id
        assert all(names(text) <= names(ids[-1]) for text in texts)
        # A sentence ends as one.
        assert all(text.endswith(".") == ids[0].endswith(".") for text in texts), each.id


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_compiled_is_what_is_written(tag: str) -> None:
    made = io.BytesIO()
    write_mo(made, read_po(io.BytesIO(catalogue(tag))))
    theirs, ours = (standard.GNUTranslations(io.BytesIO(each)) for each in (made.getvalue(), catalogue(tag, "mo")))
    without_head = [{key: text for key, text in vars(each)["_catalog"].items() if key} for each in (theirs, ours)]
    assert without_head[0] == without_head[1]
    assert [vars(theirs)["plural"](n) for n in range(200)] == [vars(ours)["plural"](n) for n in range(200)]


def test_the_languages_have_the_same_texts() -> None:
    german, arabic = ([str(each.id) for each in messages(tag)] for tag in ("de", "ar"))
    assert german == arabic


@pytest.mark.parametrize("tag", LANGUAGES)
def test_titles_of_errors_and_words_are_there(tag: str) -> None:
    titles = {HTTPError(status=status.value).title for status in HTTPStatus if status >= 400}
    with language(tag):
        for text in (*WORDS, *titles, "Error"):
            if text != "Optional":  # in German as it is
                assert gettext(text) != text
    assert {*WORDS, *titles} <= {each.id for each in messages(tag)}


def arabic(text: str) -> bool:
    return any("\u0600" <= each <= "\u06ff" for each in text)


def test_no_text_of_faults_is_left_out() -> None:
    """Each kind that Pydantic knows has a sentence of ours, and each sentence is translated."""
    for kind in _pydantic_core.list_all_errors():
        if kind["type"] in {"value_error", "assertion_error"}:
            continue  # What a validator of the app has said.
        context = dict.fromkeys(re.findall(r"\{(\w+)\}", kind["message_template_python"]), 3)
        english = translated_fault(kind["type"], context, "Pydantic's own")
        assert english != "Pydantic's own" and english.endswith(".") and "{" not in english, kind["type"]
        with language("ar"):
            assert arabic(translated_fault(kind["type"], context, "")), kind["type"]
        with language("de"):
            german = translated_fault(kind["type"], context, "")
            assert german != english and german.endswith(".") and "{" not in german, kind["type"]


class Order(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=2)]
    count: Annotated[int, pydantic.Field(gt=0)]
    size: Literal["s", "m"]
    day: Annotated[str, pydantic.AfterValidator(lambda text: refuse(text))]
    mail: str

    @pydantic.field_validator("mail")
    @classmethod
    def checked(cls, text: str) -> str:
        raise ValueError("value is not a valid email address: An email address must have an @-sign.")


def refuse(text: str) -> str:
    raise ValueError(text)


def test_faults_of_a_model_as_they_come() -> None:
    with pytest.raises(pydantic.ValidationError) as raised:
        Order.model_validate({"name": "x", "count": 0, "size": "l", "day": "Save", "mail": "x"})

    def said(tag: str) -> list[str]:
        with language(tag):
            return [translated_fault(each["type"], each.get("ctx"), each["msg"]) for each in raised.value.errors()]

    assert said("en") == [
        *("At least 2 characters.", "More than 0.", "Choose one of the options."),
        *("Save", "Enter an email address, such as name@example.org."),
    ]
    assert said("de") == [
        "Mindestens 2 Zeichen.",
        "Mehr als 0.",
        "Wählen Sie eine der Möglichkeiten.",
        "Speichern",  # What a validator says is looked up as it stands.
        "Geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.org.",
    ]
    assert said("ar")[0] == "حرفان على الأقل."


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0, "من دون أي حرف."), (1, "حرف واحد على الأكثر."), (2, "حرفان على الأكثر.")),
        *((5, "5 أحرف على الأكثر."), (40, "40 حرفًا على الأكثر."), (100, "100 حرف على الأكثر.")),
    ],
)
def test_six_plural_forms(number: int, text: str) -> None:
    with language("ar"):
        assert translated_fault("string_too_long", {"max_length": number}, "") == text


def test_what_is_not_known_is_said_as_it_came() -> None:
    with language("de"):
        assert translated_fault("of_my_own", {"a": 1}, "Not this one.") == "Not this one."
        assert translated_fault("of_my_own", None, "Save") == "Speichern"
        assert translated_fault("string_too_short", {}, "As it came") == "As it came"
        assert translated_fault("string_too_short", {"min_length": "x"}, "As it came") == "As it came"
        assert translated_fault("greater_than", None, "As it came") == "As it came"
        assert translated_fault("value_error", None, "Value error, %(a)s {b}") == "%(a)s {b}"
        assert translated_fault("assertion_error", None, "Assertion failed, ") == ""


def test_what_was_sent_is_never_a_pattern() -> None:
    """A value in a message is put in once: what it holds is no place for another."""
    assert translated_fault("greater_than", {"gt": "{gt.__class__}"}, "") == "More than {gt.__class__}."


PAGE_WORDS = re.compile(r"""\b(?:text|several)\((["'])(.*?)\1""")
TEMPLATES, LOGIN, ADMIN = (
    Path(each.__file__).parent for each in (wholestack.templates, wholestack.auth, wholestack.admin)
)
PACKAGES = TEMPLATES, LOGIN, ADMIN
CALLS = {"gettext": 1, "lazy": 1, "ngettext": 2}
KINDS = {"info", "success", "warning", "error"}
ATTRIBUTES = re.compile(r'\b(?:alt|aria-label|placeholder|title)="[^"]*[A-Za-z]')
# What a provider of logins has done wrong is told to those who run the app, by the log; people are told less.
ERRORS = {
    *(
        name
        for package in (wholestack, wholestack.auth, wholestack.forms)
        for name in package.__all__
        if isinstance(kind := getattr(package, name), type) and issubclass(kind, HTTPError)
    ),
    "PydanticCustomError",
} - {"ProviderAway"}


def pages(*packages: Path) -> list[Path]:
    """The templates of our own pages and mails."""
    found = [page for each in packages for page in each.glob("pages*/**/*") if page.suffix in {".html", ".txt"}]
    return sorted(found)


def words_of_pages() -> set[str]:
    """What our own pages and mails say."""
    texts = [page.read_text("utf-8") for page in pages(*PACKAGES)]
    return {found[2] for text in texts for found in PAGE_WORDS.finditer(text)}


def written(*nodes: ast.expr) -> set[str]:
    return {each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def words_of(path: Path) -> Iterator[tuple[str, str]]:
    """What a module tells people: by `gettext` and its kin, by errors, messages, forms and their fields."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        found: set[str] = set()
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in CALLS:
                found = written(*arguments[: CALLS[name]])
                assert len(found) == CALLS[name], (
                    f"{path.name}:{node.lineno} is not written out: what gathers misses it"
                )
                found = written(arguments[0])
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in ERRORS:
                found = {each for each in written(*arguments[:2]) if " " in each}
            case ast.Call(func=ast.Attribute(value=ast.Name(id="messages"), attr=kind), args=arguments) if (
                kind in KINDS
            ):
                found = written(*arguments[:1])
            case ast.keyword(arg="title", value=value):
                found = written(value)
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="form"))], value=value):
                found = written(value)
            case ast.FunctionDef(name="__init__", args=given):
                defaults = zip(reversed(given.args), reversed(given.defaults), strict=False)
                found = {text for each, value in defaults if each.arg == "detail" for text in written(value)}
        yield from ((text, f"{path.name}:{getattr(node, 'lineno', '?')}") for text in found)


def words_of_modules() -> dict[str, str]:
    """What the modules of login and of the admin say, and where."""
    paths = sorted([*LOGIN.glob("*.py"), *ADMIN.glob("*.py")])
    return {text: place for path in paths for text, place in words_of(path)}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_word_of_login_and_the_admin_is_translated(tag: str) -> None:
    words = words_of_modules()
    assert {
        "%(label)s is saved.",
        "The e-mail address or the password is wrong.",
        "This needs a login.",
        "New password",
        "Go on",
    } <= {*words}
    there = {each.id if isinstance(each.id, str) else each.id[0] for each in messages(tag)}
    assert {text: place for text, place in words.items() if text not in there} == {}


@pytest.mark.parametrize("page", pages(LOGIN, ADMIN), ids=lambda page: page.name)
def test_no_word_of_a_page_is_written_into_it(page: Path) -> None:
    """Between the tags of a page, and in a mail, there is nothing but what `text` has said, and what stays as it is."""
    kinds = (nodes.TemplateData, nodes.Name)
    tree = Engine(()).environment.parse(page.read_text("utf-8"))
    plain = "".join(each.data if isinstance(each, nodes.TemplateData) else "0" for each in tree.find_all(kinds))
    assert not ATTRIBUTES.search(plain)
    shown = re.sub(r"<[^>]*>", "", plain)
    for same in ("Authorization: Bearer", "?invitation=", "Ctrl K", " MB"):
        shown = shown.replace(same, "")
    assert not re.search("[A-Za-z]", shown), shown


@pytest.mark.parametrize("tag", LANGUAGES)
def test_our_own_pages_are_translated(tag: str) -> None:
    words = words_of_pages()
    assert {"Page not found", "Your account", "Your password was changed", "Save and go on"} <= words
    assert words <= {each.id if isinstance(each.id, str) else each.id[0] for each in messages(tag)}


def test_no_text_is_there_that_nobody_says() -> None:
    source = (resources.files(wholestack.languages) / "_faults.py").read_text("utf-8")
    faults = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    titles = {HTTPError(status=status.value).title for status in HTTPStatus if status >= 400}
    known = {*WORDS, *titles, *faults, *words_of_pages(), *words_of_modules(), "Error", "Nothing is here."}
    # Other releases of Python call them so.
    known |= {"Range Not Satisfiable", "Requested Range Not Satisfiable", "I'm a Teapot"}
    known |= {"The server met an error. The log has it."}
    assert [each.id for each in messages("de") if {each.id if isinstance(each.id, str) else each.id[0]} - known] == []


@pytest.mark.parametrize(("tag", "said"), [("ar", "الصفحة غير موجودة"), ("de", "Seite nicht gefunden")])
def test_our_page_for_an_error_in_each_language(tag: str, said: str) -> None:
    app = App(docs=False)
    app.use(Languages("en", "de", "ar"))
    app.use(Templates())
    answer = Client(app).get("/nowhere", headers={"accept": "text/html", "accept-language": tag})
    assert answer.status == 404 and said in answer.text
    assert f'<html lang="{tag}" dir="{Language(tag).direction}">' in answer.text
    assert answer.headers["content-language"] == tag and "accept-language" in answer.headers["vary"]
