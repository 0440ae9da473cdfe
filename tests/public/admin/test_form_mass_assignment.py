"""C19, mass assignment: what a form does not show its sender never gets into a row, by no name and in no place.

Made for every form of every model of the bookshop: all that a model has is sent beside what the form shows.
"""

from __future__ import annotations

import datetime
import html.parser
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import inspect

from admin.shelf import Animal, BooksWithRows, Cat, Chapter, City, Country, Dog, Ledger, Portrait, Shop, Specimen
from admin.site import Author, Book, Person, Review, Site, Stock, Tag, errors, login, post
from wholestack.admin import AdminView, FieldRule
from wholestack.files import Files, MemoryStorage
from wholestack.testing import factory

MODELS = (
    Author,
    Tag,
    Review,
    Stock,
    Person,
    Specimen,
    Chapter,
    City,
    Country,
    Shop,
    Ledger,
    Animal,
    Dog,
    Cat,
    Portrait,
    Book,
)
FORGED: dict[type, Any] = {
    int: 987_654,
    float: 987_654.5,
    str: "forged",
    bool: True,
    datetime.datetime: "2001-01-01T00:00",
    datetime.date: "2001-01-01",
    datetime.time: "01:01",
    uuid.UUID: "00000000-0000-0000-0000-00000000dead",
}
TRACES = ("987654", "forged", "2001", "dead", "01:01")


class Specimens(AdminView[Specimen]):
    read_only = ("number", "story")
    field_rules = {"price": FieldRule(change="specimen.prices"), "code": FieldRule("specimen.codes", "specimen.codes")}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    views = [Specimens if each is Specimen else BooksWithRows if each is Book else each for each in MODELS]
    with Site(*views).running(Files(MemoryStorage())) as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


class Fields(html.parser.HTMLParser):
    """What a browser would send of the form of a row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.shown: set[str] = set()
        self._name = ""
        self._area = ""
        self.feed(text[text.index('<form class="form"') :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag in {"input", "select", "textarea"}:
            self.shown.add(name.partition("[")[0].removeprefix("form_shown_"))
        if tag == "input" and said.get("type") not in {"file", "submit"}:
            if said.get("type") != "checkbox" or "checked" in said:
                self.found.setdefault(name, []).append(said.get("value") or "")
        elif tag in {"select", "textarea"}:
            self._name, self._area = name, ""
        elif tag == "option" and "selected" in said:
            self.found.setdefault(self._name, []).append(said.get("value") or "")

    def handle_data(self, data: str) -> None:
        self._area += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.found.setdefault(self._name, []).append(self._area.removeprefix("\n"))


def forged(model: type[Any], names: set[str]) -> dict[str, Any]:
    """All that a model has, but some names, wherever a form could have it."""
    mapper = inspect(model)
    found: dict[str, Any] = {"__class__": "forged", "_sa_instance_state": "forged", "metadata": "forged"}
    for name, column in mapper.columns.items():
        try:
            value = FORGED.get(column.type.python_type, "forged")
        except NotImplementedError:
            value = "forged"
        if name not in names:
            found |= {name: value, f"form_{name}": value, f"{name}[0]": value, f"{name}.{name}": value}
        found |= {f"form_values.{name}": value, f"values[{name}]": value}
    for relation in mapper.relationships:
        for name, _ in relation.mapper.columns.items():
            if relation.key not in names:
                found |= {f"{relation.key}.{name}": "forged", f"{relation.key}[0].{name}": "forged"}
    return found


def columns_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name, _ in inspect(type(row)).columns.items()}


def permissions(model: type[Any]) -> list[str]:
    """Those over the model, and of the models of which it can choose."""
    table = inspect(model).local_table.name
    seen = [f"{each.mapper.local_table.name}.view" for each in inspect(model).relationships]
    return (
        [f"{table}.{action}" for action in ("view", "add", "change")]
        + seen
        + ["country.view", "city.view", "book.view"]
    )


def row_of(site: Site, model: type[Any]) -> Any:
    """A row of a model in the database, with what it leads to."""
    given: dict[str, Any] = {}
    if issubclass(model, Animal):
        site.add(found := model(name="Rex"))
        return found
    if model is Chapter:
        given = {"book_id": site.book().id}
    elif model is Shop:
        site.add(country := Country(name="A"))
        given = {"country_id": country.id}
    site.add(found := factory(model)(**given))
    return found


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("known", [True, False], ids=["superuser", "clerk"])
def test_nothing_but_what_the_form_shows_is_taken(site: Site, model: type[Any], known: bool) -> None:
    made = row_of(site, model)
    resource = site.admin.resource_of(model)
    assert resource is not None
    person = login(site.client, *(["*"] if known else permissions(model)))
    path = f"/admin/{resource.slug}/{resource.keys.text(made)}"
    shown = site.client.get(path)
    fields = Fields(shown.text)
    data, allowed = fields.found, fields.shown
    (before,) = [each for each in site.all(model) if resource.keys.text(each) == resource.keys.text(made)]
    answer = post(site.client, path, {**data, **forged(model, allowed)})
    assert answer.status == 303, errors(answer)
    (after,) = [each for each in site.all(model) if resource.keys.text(each) == resource.keys.text(made)]
    assert columns_of(after) == columns_of(before)
    assert person.is_superuser == known
    # A new row: nothing of what was forged is in it.
    count = len(site.all(model))
    new = {
        name: [f"{value}2" for value in values] if _is_name(model, name) else values for name, values in data.items()
    }
    new |= {"email": "new@example.org"} if "email" in data else {}
    new = {name: value for name, value in new.items() if "form_key" not in name and "form_shown" not in name}
    on_new = Fields(site.client.get(f"/admin/{resource.slug}/new").text).shown
    keys = {name: "new" for name in resource.keys.names if name in on_new}
    answer = post(site.client, f"/admin/{resource.slug}/new", {**forged(model, allowed | keys.keys()), **new, **keys})
    rows = site.all(model)
    assert (answer.status, len(rows)) == (303, count + 1) or model is Specimen, errors(answer)
    for row in rows:
        for name, value in columns_of(row).items():
            if name not in allowed | keys.keys():
                assert not any(trace in str(value) for trace in TRACES), name


def _is_name(model: type[Any], name: str) -> bool:
    return name in {"name", "title"}


def test_what_must_be_there_and_is_not_asked_is_told(site: Site) -> None:
    row_of(site, Specimen)
    login(site.client, "*")
    data = Fields(site.client.get(f"/admin/specimen/{site.all(Specimen)[0].id}").text).found
    answer = post(site.client, "/admin/specimen/new", {**data, "name": "new", "number": "5"})
    assert (answer.status, len(site.all(Specimen))) == (422, 1)
    assert "It needs a value for Number" in answer.text


def test_a_field_rule_is_one_for_forms_too(site: Site) -> None:
    site.add(made := factory(Specimen)(price=None, code=None))
    path = f"/admin/specimen/{made.id}"
    login(site.client, "specimen.change", "specimen.prices")
    data = Fields(site.client.get(path).text).found
    assert ("price" in data, "code" in data, "number" in data) == (True, False, False)
    code = "00000000-0000-0000-0000-00000000dead"
    assert post(site.client, path, {**data, "price": "5", "code": code, "number": "9"}).status == 303
    (row,) = site.all(Specimen)
    assert (row.price, row.code, row.number) == (5, None, made.number)
