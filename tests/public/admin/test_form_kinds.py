"""The form of every kind of column: what is typed comes into the row, and out of it again."""

from __future__ import annotations

import datetime
import decimal
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from admin.shelf import Animal, BooksWithRows, Careful, CarefulOnes, Cat, Colour, Dog, Specimen
from admin.site import Author, Base, Book, Person, Review, Site, Tag, errors, login, post, seen
from wholestack import App, SetupError
from wholestack.admin import Admin, AdminView, Inline
from wholestack.auth import Auth
from wholestack.db import Database
from wholestack.languages import Languages

FULL = {
    "name": "One",
    "nickname": "Uno",
    "story": "First\r\nsecond",
    "colour": "red",
    "other_colour": "blue",
    "number": "7",
    "ratio": "0.5",
    "price": "12.50",
    "is_ready": "false",
    "is_old": "true",
    "day": "2026-11-27",
    "hour": "08:05",
    "moment": "2026-11-27T08:05",
    "span": "01:30:00",
    "code": "12345678-1234-5678-1234-567812345678",
    "facts": '{"a": [1, "ä"]}',
    "counts": '{"x": 1}',
}
VALUES = {
    "name": "One",
    "nickname": "Uno",
    "story": "First\nsecond",
    "colour": Colour.RED,
    "other_colour": Colour.BLUE,
    "number": 7,
    "ratio": 0.5,
    "price": decimal.Decimal("12.5"),
    "is_ready": False,
    "is_old": True,
    "day": datetime.date(2026, 11, 27),
    "hour": datetime.time(8, 5),
    "moment": datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC),
    "span": datetime.timedelta(hours=1, minutes=30),
    "code": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "facts": {"a": [1, "ä"]},
    "counts": {"x": 1},
}
NULLABLE = ("nickname", "other_colour", "ratio", "price", "is_old", "day", "hour", "moment", "span", "code", "facts")


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(BooksWithRows, Author, Review, Tag, Person, Specimen, Animal, Dog, Cat, CarefulOnes).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    kept.anew()
    login(kept.client, "*")
    return kept


def specimen(site: Site) -> Specimen:
    (found,) = site.all(Specimen)
    assert isinstance(found, Specimen)
    return found


def test_every_kind_of_column_comes_in_and_out(site: Site) -> None:
    made = post(site.client, "/admin/specimen/new", {**FULL, "form_then": "stay"})
    assert made.status == 303, errors(made)
    row = specimen(site)
    assert {name: getattr(row, name) for name in VALUES} == VALUES
    shown = site.client.get(made.headers["location"]).text
    for kind in ("date", "time", "datetime-local", "number", "checkbox"):
        assert f'type="{kind}"' in shown
    assert "&#34;ä&#34;" in shown
    assert 'value="2026-11-27T08:05"' in shown
    assert '<option value="blue" selected>' in shown


@pytest.mark.parametrize("facts", [{"a": [True]}, {"a": [1.0]}])
def test_a_change_of_json_that_python_does_not_see_is_saved_and_noted(site: Site, facts: Any) -> None:
    """To Python `True` is 1, and 1.0 as well."""
    before = '{"a": [1]}'
    made = post(site.client, "/admin/specimen/new", {**FULL, "facts": before, "form_then": "stay"})
    path = made.headers["location"]
    text = json.dumps(facts)
    assert post(site.client, path, {**FULL, "facts": text}).status == 303
    assert json.dumps(specimen(site).facts) == text
    cells = f"<td>{before}</td><td>{text}</td>".replace('"', "&#34;")
    assert cells in site.client.get(f"{path}/history").text


def test_what_may_be_empty_is_empty(site: Site) -> None:
    made = post(site.client, "/admin/specimen/new", {**FULL, **dict.fromkeys(NULLABLE, "")})
    assert made.status == 303, errors(made)
    assert {name: getattr(specimen(site), name) for name in NULLABLE} == dict.fromkeys(NULLABLE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", ""),
        ("name", "x" * 41),
        ("colour", "green"),
        ("colour", ""),
        ("other_colour", "green"),
        ("number", "1.5"),
        ("ratio", "half"),
        ("price", "1,50"),
        ("day", "27.11.2026"),
        ("hour", "noon"),
        ("moment", "now"),
        ("span", "long"),
        ("code", "1234"),
        ("facts", "{"),
        ("facts", "[1]"),
        ("counts", ""),
        ("counts", '{"x": "one"}'),
        ("facts", "[" * 5_000),
        ("facts", "NaN"),
        ("facts", '{"a": [1e999]}'),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(site: Site, name: str, text: str) -> None:
    answer = post(site.client, "/admin/specimen/new", {**FULL, name: text})
    assert answer.status == 422
    assert f'id="f-{name}-error"' in answer.text
    assert len(errors(answer)) == 1
    assert site.all(Specimen) == []


def test_a_value_that_may_be_there_once_only(site: Site) -> None:
    post(site.client, "/admin/specimen/new", FULL)
    answer = post(site.client, "/admin/specimen/new", {**FULL, "number": "8"})
    assert (answer.status, errors(answer)) == (422, ["This value is taken already."])
    assert 'id="f-name-error"' in answer.text
    assert specimen(site).number == 7


def test_to_save_without_a_change_changes_nothing(site: Site) -> None:
    """A browser shows no fractions of a second."""
    moment = datetime.datetime(2026, 11, 27, 8, 5, 1, 123456, tzinfo=datetime.UTC)
    site.add(Specimen(name="A", colour=Colour.RED, number=1, moment=moment, hour=datetime.time(8, 5, 1, 5)))
    row = specimen(site)
    path = f"/admin/specimen/{row.id}"
    data = {"name": "A", "colour": "red", "number": "1", "is_ready": "true", "counts": "{}", "story": ""}
    data |= {"moment": "2026-11-27T08:05:01", "hour": "08:05:01", "form_seen": seen(site.client.get(path))}
    assert post(site.client, path, data).status == 303
    assert (specimen(site).moment, specimen(site).hour) == (moment, datetime.time(8, 5, 1, 5))
    assert "Nothing was changed here" in site.client.get(f"{path}/history").text


def test_secrets_have_no_field(site: Site) -> None:
    answer = site.client.get("/admin/person/new")
    assert answer.status == 200
    assert 'name="password"' not in answer.text


# -- classes in one table ----------------------------------------------------------------------------------------------


def test_a_class_in_a_table_of_its_own_beside_its_parents(site: Site) -> None:
    shown = site.client.get("/admin/dog/new").text
    assert 'name="name"' in shown
    assert 'name="kind"' not in shown
    assert 'name="id"' not in shown
    made = post(site.client, "/admin/dog/new", {"name": "Rex", "tricks": "3", "kind": "cat", "form_then": "stay"})
    where = made.headers["location"]
    assert post(site.client, where, {"name": "Max", "tricks": "4"}).status == 303
    (dog,) = site.all(Dog)
    assert (dog.name, dog.tricks, dog.kind) == ("Max", 4, "dog")
    assert "Max" in site.client.get(where.replace("dog", "animal")).text


def test_a_class_in_its_parents_table(site: Site) -> None:
    made = post(site.client, "/admin/animal-cat/new", {"name": "Tom", "lives": "9", "form_then": "stay"})
    assert made.status == 303, errors(made)
    (cat,) = site.all(Cat)
    assert (cat.name, cat.lives, cat.kind) == ("Tom", 9, "cat")
    assert site.client.get(made.headers["location"]).status == 200


# -- what an address says ----------------------------------------------------------------------------------------------


def test_an_address_gives_values_for_a_new_row(site: Site) -> None:
    author = site.author()
    shown = site.client.get(f"/admin/book/new?title=%3Cb%3E&author_id={author.id}&genre=poems&price=%22x&id=7&tags=1")
    assert 'value="&lt;b&gt;"' in shown.text
    assert '<option value="poems" selected>' in shown.text
    assert f'<option value="{author.id}" selected>' in shown.text
    assert 'name="id"' not in shown.text


def test_a_copy_is_a_new_row(site: Site) -> None:
    author = site.author()
    book = site.book("One", author)
    data = {"title": "Two", "genre": "novel", "author_id": author.id, "form_then": "copy"}
    answer = post(site.client, f"/admin/book/{book.id}", data)
    one, two = site.all(Book)
    assert answer.headers["location"] == f"/admin/book/{two.id}"
    assert (one.title, two.title) == ("One", "Two")


def test_who_may_not_add_makes_no_copies(site: Site) -> None:
    author = site.author()
    book = site.book("One", author)
    other = site.other()
    login(other, "book.change", "author.view")
    data = {"title": "Two", "genre": "novel", "author_id": author.id, "form_then": "copy"}
    assert "Save as a new one" not in other.get(f"/admin/book/{book.id}").text
    assert post(other, f"/admin/book/{book.id}", data).status == 403
    assert [each.title for each in site.all(Book)] == ["One"]


def test_what_the_model_refuses_is_told_beside_its_field(site: Site) -> None:
    made = post(site.client, "/admin/careful/new", {"title": "one", "form_then": "stay", "made_by": "somebody else"})
    assert made.status == 303, errors(made)
    (row,) = site.all(Careful)
    assert row.made_by.endswith("@x.org")
    for text, told in (("rude", "Be kind."), ("no", "Not this one.")):
        answer = post(site.client, made.headers["location"], {"title": text})
        assert (answer.status, errors(answer)) == (422, [told])
        assert 'id="f-title-error"' in answer.text
    refused = post(site.client, "/admin/careful/new", {"title": "rude"})
    assert (refused.status, "Be kind." in refused.text) == (422, True)
    assert [each.title for each in site.all(Careful)] == ["one"]


def test_a_computed_field_is_shown_and_not_taken(site: Site) -> None:
    book = site.book("One two three")
    shown = site.client.get(f"/admin/book/{book.id}").text
    assert re.search(r'<span class="admin-name">Words</span><div>3</div>', shown)
    assert 'name="words"' not in shown
    assert "<legend>More</legend>" in shown


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"fields": ("titel",)}, "has no 'titel'"),
        ({"read_only": ("wrods",)}, "has no 'wrods'"),
        ({"inlines": (Inline(Author),)}, "has no relation to many rows of Author"),
        ({"inlines": (Inline(Review, fields=("start",)),)}, "has no 'start'"),
        ({"inlines": (Inline(Review, order="place"),)}, "no 'place' to order by"),
    ],
)
def test_a_view_that_names_what_there_is_not_is_told_at_once(given: dict[str, Any], told: str) -> None:
    view = type("Wrong", (AdminView,), {"model": Book, **given})
    app = App(docs=False)
    app.use(Database("sqlite://", models=Base, migrations=None), Auth(Person), Admin(view))
    with pytest.raises(SetupError, match=told):
        app.seal()


# -- time zones --------------------------------------------------------------------------------------------------------


def test_a_moment_is_typed_in_the_persons_time_zone() -> None:
    """What was typed in one zone and saved from another is the same moment, and no difference to anyone."""
    with Site(Specimen).running(Languages("en", "de")) as site:
        login(site.client, "*")
        moment = VALUES["moment"]
        site.add(Specimen(name="A", colour=Colour.RED, number=1, moment=moment))
        path = f"/admin/specimen/{specimen(site).id}"
        assert "Time zone: UTC</p>" in site.client.get(path).text
        site.client.cookies["timezone"] = "Europe/Berlin"
        shown = site.client.get(path)
        assert "Time zone: Europe/Berlin</p>" in shown.text
        assert 'value="2026-11-27T09:05"' in shown.text
        data = {"name": "A", "colour": "red", "number": "1", "is_ready": "true", "counts": "{}", "story": ""}
        data |= {"moment": "2026-11-27T09:05", "_zone": "Europe/Berlin", "form_seen": seen(shown)}
        site.client.cookies["timezone"] = "Asia/Tokyo"  # In another tab, meanwhile.
        assert post(site.client, path, data).status == 303
        assert specimen(site).moment == moment
        assert "Nothing was changed here" in site.client.get(f"{path}/history").text
        assert post(site.client, path, {**data, "moment": "2026-11-27T10:05"}).status == 303
        assert specimen(site).moment == moment + datetime.timedelta(hours=1)
