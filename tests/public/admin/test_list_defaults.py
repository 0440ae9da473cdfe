"""The list of a model of which a program says nothing: its columns, search and filters come from the model."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterator
from html import unescape

import pytest
from sqlalchemy import Engine, String, Text, event

from admin.site import Author, Base, Book, Genre, Person, Review, Site, Stock, Tag, login
from wholestack.admin import AdminView, FieldRule
from wholestack.db import Encrypted, ForeignKey, Mapped, Moment, UUIDModel, mapped_column, relationship
from wholestack.testing import Answer


class Lodger(UUIDModel, Base):
    notes: Mapped[str] = mapped_column(Text(), default="")
    room: Mapped[int] = mapped_column(default=1)
    full_name: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str | None] = mapped_column(String(200))
    town: Mapped[str] = mapped_column(String(80), default="")
    street: Mapped[str] = mapped_column(String(80), default="")
    country: Mapped[str] = mapped_column(String(80), default="")
    poem: Mapped[str] = mapped_column(String(4_000), default="")
    api_token: Mapped[str] = mapped_column(String(80), default="")
    pin: Mapped[str | None] = mapped_column(Encrypted(lambda: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="))
    moved_at: Mapped[datetime.datetime | None] = mapped_column(Moment())
    born: Mapped[datetime.date | None]
    left: Mapped[datetime.date | None]
    is_member: Mapped[bool] = mapped_column(default=False)
    likes: Mapped[Genre | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship()


class Visit(UUIDModel, Base):
    lodger_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("lodger.id"))
    lodger: Mapped[Lodger] = relationship()
    nights: Mapped[int]

    def __str__(self) -> str:
        return f"{self.nights} nights"


class Shy(AdminView[Tag]):
    field_rules = {"name": FieldRule(view="tag.see_name")}


class Quiet(AdminView[Book]):
    columns = ("author", "title", "summary")
    search = ()
    filters = ()


@pytest.fixture(scope="module")
def house() -> Iterator[Site]:
    with Site(Lodger, Visit, Author, Shy, Quiet, Review, Stock, Person).running() as site:
        yield site


@pytest.fixture
def site(house: Site) -> Site:
    house.anew()
    login(house.client, "*")
    return house


def headings(answer: Answer) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*>(?:<a href="[^"]*">)?([^<]+)', answer.text)


def first_cells(answer: Answer) -> list[str]:
    found = re.findall(r'<th scope="row">(.*?)</th>', answer.text)
    return [unescape(re.sub(r"<[^>]*>", "", each)) for each in found]


def labels(answer: Answer) -> list[str]:
    return re.findall(
        r'<label for="(?:filter-[^"]*|q)">([^<]+)|<nav class="admin-quick" aria-label="([^"]+)"', answer.text
    )


def lodger(site: Site, name: str = "Ann Smith", **columns: object) -> Lodger:
    site.add(found := Lodger(full_name=name, **columns))
    return found


def test_a_name_is_first_and_keys_that_the_server_makes_are_last(site: Site) -> None:
    lodger(site, email="ann@x.org")
    answer = site.client.get("/admin/lodger")
    assert headings(answer)[:3] == ["Choose", "Email", "Room"]
    assert first_cells(answer) == ["ann@x.org"]
    assert "Id" not in headings(answer)
    chosen = re.findall(r'name="columns" value="([^"]+)"', answer.text)
    assert chosen[-3:] == ["id", "notes", "poem"]
    assert not {"pin", "api_token"} & set(chosen)


def test_an_empty_first_cell_has_the_name_of_the_row(site: Site) -> None:
    lodger(site, email=None)
    (cell,) = first_cells(site.client.get("/admin/lodger"))
    assert cell.startswith("Lodger ")


def test_a_model_with_words_of_its_own_begins_with_them(site: Site) -> None:
    site.add(Visit(lodger_id=lodger(site).id, nights=3))
    answer = site.client.get("/admin/visit")
    assert headings(answer) == ["Choose", "Visit", "Lodger", "Nights", "Id"]
    assert first_cells(answer) == ["3 nights"]
    exported = site.client.get("/admin/visit/-/export")
    assert exported.status == 200
    assert 'value="label"' not in exported.text


def test_search_goes_through_short_texts_and_no_secret(site: Site) -> None:
    lodger(
        site, "Ann Smith", email="ann@x.org", town="Rome", api_token="t0ken", pin="4711", notes="a note", poem="verse"
    )
    lodger(site, "Bo Jones", email="bo@y.org", street="Main street")
    for text, number in {
        "smith": 1,
        "ann@": 1,
        "rome": 1,
        "main": 1,
        "t0ken": 0,
        "4711": 0,
        "note": 0,
        "verse": 0,
    }.items():
        assert len(first_cells(site.client.get(f"/admin/lodger?q={text}"))) == number, text


def test_people_are_not_found_by_their_password(site: Site) -> None:
    with site.app.session() as db:
        found = db.query(Person).one()
        found.password = "$argon2id$secret"
    assert first_cells(site.client.get("/admin/person?q=argon2id")) == []
    assert len(first_cells(site.client.get("/admin/person?q=@x.org"))) == 1


def test_filters_come_from_the_model(site: Site) -> None:
    lodger(site, is_member=True, likes=Genre.POEMS, moved_at=datetime.datetime(2001, 2, 3, tzinfo=datetime.UTC))
    lodger(site, "Bo")
    answer = site.client.get("/admin/lodger")
    titles = {title for pair in labels(answer) for title in pair if title}
    assert {"Search", "Is member", "Likes", "Author", "Moved at"} <= titles
    assert not {"Left", "Left from", "Born", "Born from"} & titles
    for query in ("is_member=true", "likes=poems", "moved_at__ge=2001-01-01"):
        assert len(first_cells(site.client.get(f"/admin/lodger?{query}"))) == 1, query


def test_a_relation_to_a_model_that_the_admin_does_not_show_is_no_filter() -> None:
    with Site(Visit, Person).running() as site:
        login(site.client, "*")
        assert 'name="lodger_id"' not in site.client.get("/admin/visit").text


def test_a_view_may_say_that_there_is_nothing(site: Site) -> None:
    site.book("One")
    assert "<search>\n<form" not in site.client.get("/admin/book").text


def test_the_search_over_all_models_asks_those_alone_that_say_so(site: Site) -> None:
    lodger(site, email="ann@x.org")
    assert "ann@x.org" not in site.client.get("/admin/search?q=ann").text


def test_a_first_column_that_is_a_relation_has_one_link(site: Site) -> None:
    site.book("One", site.author("Ann"))
    answer = site.client.get("/admin/book")
    (cell,) = re.findall(r'<th scope="row">(.*?)</th>', answer.text)
    assert cell.count("<a ") == 1
    assert "/admin/book/" in cell
    assert first_cells(answer) == ["Ann"]


def test_a_field_that_not_everybody_sees_is_no_name(site: Site) -> None:
    site.add(Tag(name="Hush"))
    site.client = site.other()
    login(site.client, "tag.view", "tag.change", "tag.delete")
    answer = site.client.get("/admin/tag")
    assert "Hush" not in answer.text
    assert len(first_cells(answer)) == 1
    (key,) = [each.id for each in site.all(Tag)]
    for path in (f"/admin/tag/{key}", f"/admin/tag/{key}/delete", "/admin/tag?q=Hush"):
        assert "<bdi>Hush" not in site.client.get(path).text


def test_its_queries_stay_few(site: Site) -> None:
    author = site.author()
    for number in range(60):
        lodger(site, f"No. {number}", author_id=author.id)
    asked: list[str] = []

    def listen(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        assert site.client.get("/admin/lodger?q=no").status == 200
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert len(asked) <= 8, asked
