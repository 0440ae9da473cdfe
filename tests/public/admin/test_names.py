"""What models, attributes and relations are called: by the view's names, translated, wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from admin.shelf import City, Country, Shop
from admin.site import BROWSER, Author, Book, Person, Review, Site, Stock, Tag, login, post, seen
from wholestack import App, SetupError
from wholestack.admin import Admin, AdminView, FieldRule
from wholestack.auth import Auth
from wholestack.db import Database
from wholestack.languages import Languages, lazy


class Titled(AdminView[Book]):
    title = "Volumes"
    singular = "Volume"
    labels = {
        "title": "Words on the cover",
        "author": lazy("Save"),
        "in_print": "To be <had>",
        "author.email": "Where to write",
        "reviews": "What people say",
    }
    columns = ("title", "author", "author.email", "in_print")
    filters = ("author_id", "in_print", "author.email")
    fields = ("title", "author_id", "in_print", "genre")


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with Site(Titled, Author, Tag, Review, Stock, Person).running(Languages("en", "de")) as site:
        yield site


@pytest.fixture
def site(shop: Site) -> Site:
    shop.anew()
    login(shop.client, "*")
    return shop


def labels(text: str) -> list[str]:
    found = re.findall(r"<label for=[^>]*>(.*?)</label>", text, re.DOTALL)
    return [re.sub(r"<[^>]*>.*", "", each, flags=re.DOTALL).strip() for each in found]


def test_in_a_list_and_its_filters(site: Site) -> None:
    site.book("One")
    answer = site.client.get("/admin/book")
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a href="[^"]*">)?([^<]+)', answer.text)
    assert heads == ["Choose", "Words on the cover", "Save", "Where to write", "To be &lt;had&gt;"]
    assert {"Save", "To be &lt;had&gt;", "Where to write"} <= set(labels(answer.text))
    assert "<h1>Volumes</h1>" in answer.text


def test_translated_when_they_are_shown(site: Site) -> None:
    site.book("One")
    answer = site.client.get("/admin/book", headers={"accept-language": "de"})
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a href="[^"]*">)?([^<]+)', answer.text)
    assert heads[2] == "Speichern"
    assert "Speichern" in labels(site.client.get("/admin/book/new", headers={"accept-language": "de"}).text)


def test_in_a_form_a_deletion_and_a_history(site: Site) -> None:
    book = site.book("One")
    page = site.client.get(f"/admin/book/{book.id}")
    assert labels(page.text)[-4:] == ["Words on the cover", "Save", "To be &lt;had&gt;", "Genre"]
    assert "<h1>New: Volume</h1>" in site.client.get("/admin/book/new").text
    assert "<p>Volume <strong>" in site.client.get(f"/admin/book/{book.id}/delete").text
    data = {"title": "Two", "genre": "novel", "in_print": "true", "author_id": book.author_id, "form_seen": seen(page)}
    assert post(site.client, f"/admin/book/{book.id}", data).status == 303
    history = site.client.get(f"/admin/book/{book.id}/history").text
    assert "Words on the cover" in history


def test_in_files(site: Site) -> None:
    site.book("One")
    exported = site.client.get("/admin/book/-/export")
    assert "Words on the cover" in exported.text
    page = site.client.get("/admin/book/-/import", headers=BROWSER)
    assert "Words on the cover" in page.text


class Misnamed(AdminView[Tag]):
    labels = {"nmae": "Name"}


def test_a_label_of_what_there_is_not_is_told() -> None:
    app = App()
    app.use(Database("sqlite://", migrations=None), Auth(Person), Admin(Misnamed, Person))
    with pytest.raises(SetupError, match="nmae"):
        app.seal()


class Hushed(AdminView[Tag]):
    labels = {"name": "Secret name"}
    field_rules = {"name": FieldRule(view="tag.see_name")}


def test_who_does_not_see_a_field_does_not_read_its_label() -> None:
    with Site(Hushed, Person).running() as site:
        site.add(Tag(name="Hush"))
        login(site.client, "tag.view", "tag.export")
        for path in ("/admin/tag", "/admin/tag/1", "/admin/tag/-/export", "/admin/tag/1/history"):
            answer = site.client.get(path)
            assert answer.status == 200, path
            assert "Secret name" not in answer.text
            assert "Hush" not in answer.text


def test_a_key_without_a_relation_is_called_as_what_it_leads_to() -> None:
    with Site(Shop, City, Country, Person).running() as site:
        login(site.client, "*")
        site.add(country := Country(name="Chile"))
        site.add(Shop(name="Corner", country_id=country.id))
        form, rows = (site.client.get(f"/admin/shop{path}").text for path in ("/new", ""))
        assert '<label for="f-country_id">Country</label>' in form and "Country id" not in form + rows
        assert "City" in rows
