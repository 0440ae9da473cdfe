"""Forms with relations, on each database and in both colours: what is chosen stays, whatever else is listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String
from sqlalchemy import Table as Made
from sqlalchemy.orm import aliased, validates

from wholestack import HTML, App, Form, Redirect, SetupError
from wholestack.crud import Schema, apply
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Table,
    UniqueConstraint,
    mapped_column,
    relationship,
    select,
)
from wholestack.forms import FormView
from wholestack.languages import Languages
from wholestack.testing import Answer, Client

BROWSER = {"accept": "text/html"}


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class RelWriter(Base):
    name: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)


class RelTag(Base):
    word: Mapped[str]

    def __str__(self) -> str:
        return f"#{self.word}"


class RelPlace(Base):
    code: Mapped[str] = mapped_column(String(10), unique=True)
    name: Mapped[str]


RELATED = Made(
    "rel_book_tag",
    Base.metadata,
    Column("book_id", ForeignKey("rel_book.id"), primary_key=True),
    Column("tag_id", ForeignKey("rel_tag.id"), primary_key=True),
)


class RelBook(Base):
    title: Mapped[str]
    lang: Mapped[str] = mapped_column(default="en")
    writer_id: Mapped[int | None] = mapped_column(ForeignKey("rel_writer.id"))
    writer: Mapped[RelWriter | None] = relationship()
    place_code: Mapped[str | None] = mapped_column(ForeignKey("rel_place.code"))
    place: Mapped[RelPlace | None] = relationship()
    tags: Mapped[list[RelTag]] = relationship(secondary=RELATED, order_by=RelTag.id)

    __table_args__ = (UniqueConstraint("title", "lang"),)

    @validates("lang")
    def _checked(self, key: str, value: str) -> str:
        if value == "xx":
            raise ValueError("Nobody speaks this.")
        return value


class NewRelBook(Schema, of=RelBook, new=True, also=["tags"]): ...


class Odd(NewRelBook):
    again: str = ""


ACTIVE = select(RelWriter).where(RelWriter.active)


def app_on(
    url: str, colour: Callable[[Any], Any], limit: int = 3, query: Any = ACTIVE, filled_first: bool = True
) -> App:
    app = App(docs=False)
    app.use(Database(url, models=Base))
    app.use(Languages("en", "de", "ar"))

    @app.get("/new")
    @colour
    def show(form: FormView[NewRelBook], db: Session) -> HTML:
        return HTML(str(form.choose_related(db, limit=limit, writer_id=query)))

    @app.post("/new")
    @colour
    def add(new: Form[NewRelBook], db: Session) -> Redirect:
        row = apply(db, RelBook, new)
        db.add(row)
        db.flush()
        return Redirect(f"/{row.id}")

    @app.get("/{id}")
    @colour
    def edit(id: int, form: FormView[NewRelBook], db: Session) -> HTML:
        row = db.get_one(RelBook, id)
        if filled_first:
            form.fill(row).choose_related(db, limit=limit, writer_id=query)
        else:
            form.choose_related(db, limit=limit, writer_id=query).fill(row)
        return HTML(str(form))

    @app.post("/{id}")
    @colour
    def change(id: int, new: Form[NewRelBook], db: Session) -> Redirect:
        apply(db, db.get_one(RelBook, id), new)
        return Redirect(f"/{id}")

    @app.get("/{id}/is")
    @colour
    def told(id: int, db: Session) -> dict[str, Any]:
        row = db.get_one(RelBook, id)
        tags = [each.word for each in row.tags]
        return {"title": row.title, "writer": row.writer_id, "place": row.place_code, "tags": tags}

    @app.post("/odd")
    @colour
    def odd(new: Form[Odd], db: Session) -> Redirect:
        apply(db, RelBook, new, without=["again"])
        apply(db, RelBook, new)
        return Redirect("/")

    return app


@pytest.fixture(scope="module")
def rows(url: str) -> Iterator[str]:
    """The tables: writers whose names are in another order than their keys, of whom b is not active; books by some."""
    database = Database(url, models=Base)
    app = App(docs=False)
    app.use(database)

    @app.post("/")
    def fill(db: Session) -> None:
        for name in "edcbahgf":
            db.add(RelWriter(name=name, active=name != "b"))
            db.flush()
        db.add_all([RelPlace(code="rome", name="Rome"), *(RelPlace(code=name, name=name) for name in "wxyz")])
        for word in ("tea", "sea", "pea", "bee"):
            db.add(RelTag(word=word))
            db.flush()
        db.flush()
        for writer in (1, 4, 6, None):
            db.add(RelBook(title=f"By {writer}", writer_id=writer, place_code="rome" if writer else None))
            db.flush()
        db.get_one(RelBook, 1).tags = [db.get_one(RelTag, 2), db.get_one(RelTag, 4)]
        db.add(RelBook(title="Twice"))

    with Client(app) as client:
        database.create_tables()
        client.post("/").expect(204)
    yield url


def choices(answer: Answer, name: str) -> list[tuple[str, str]]:
    """The values and words of a field's list."""
    part = answer.text.partition(f'name="{name}"')[2].partition("</select>")[0]
    return re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', part)


def sent_back(answer: Answer, **changed: Any) -> list[tuple[str, str]]:
    """What a browser sends of a page whose form nobody touched but for this."""
    fields: dict[str, Any] = {"title": "", "lang": "en"}
    for name in ("writer_id", "place_code"):
        part = answer.text.partition(f'name="{name}"')[2].partition("</select>")[0]
        fields[name] = (re.findall(r'<option value="([^"]*)" selected', part) or [""])[0]
    part = answer.text.partition('id="f-tags"')[2].partition("</select>")[0]
    tags = ["", *re.findall(r'<option value="(\d+)" selected', part)]
    return [*{**fields, **changed}.items(), *(("tags", each) for each in tags)]


@pytest.mark.parametrize("filled_first", [True, False])
@pytest.mark.parametrize(("book", "writer"), [(1, 1), (2, 4), (3, 6)])
def test_what_a_row_holds_is_among_the_choices(
    rows: str, colour: Any, book: int, writer: int, filled_first: bool
) -> None:
    """Beyond the limit, or left out by the query: who changes the title alone loses nothing."""
    with Client(app_on(rows, colour, limit=2, filled_first=filled_first)) as client:
        page = client.get(f"/{book}").expect(200)
        assert client.post(f"/{book}", data=sent_back(page, title=f"New {book}"), follow=False).status == 303
        tags = ["sea", "bee"] if book == 1 else []
        told = {"title": f"New {book}", "writer": writer, "place": "rome", "tags": tags}
        assert client.get(f"/{book}/is").json() == told


def test_a_list_has_an_order_and_says_that_it_was_cut(rows: str, colour: Any) -> None:
    with Client(app_on(rows, colour)) as client:
        page = client.get("/2")
        # By name, then the one that it holds, which is not active; those of tags by their keys.
        assert [words for _, words in choices(page, "writer_id")] == ["-", "a", "c", "d", "b"]
        assert [value for value, _ in choices(page, "place_code")] == ["", "rome", "w", "x"]
        assert [words for _, words in choices(page, "tags")] == ["#tea", "#sea", "#pea"]
        assert page.text.count("Only the first 3 are listed.") == 3
        assert 'id="f-writer_id-help"' in page.text and 'aria-describedby="f-writer_id-help"' in page.text
        german = client.get("/2", headers={"accept-language": "de"})
        assert "Nur die ersten 3 stehen in der Liste." in german.text
    with Client(app_on(rows, colour, limit=8)) as client:
        assert "Only the first" not in client.get("/2").text
    ordered = select(RelWriter).order_by(RelWriter.name.desc())
    with Client(app_on(rows, colour, query=ordered)) as client:
        assert [words for _, words in choices(client.get("/4"), "writer_id")] == ["-", "h", "g", "f"]
    other = aliased(RelWriter)
    with Client(app_on(rows, colour, limit=1, query=select(other).where(other.active))) as client:
        assert [words for _, words in choices(client.get("/1"), "writer_id")] == ["-", "a", "e"]


def test_what_was_typed_stays_too_but_shows_no_row_that_the_query_leaves_out(rows: str, colour: Any) -> None:
    def again(client: Client, path: str, writer: str) -> list[str]:
        page = client.post(path, data={"title": "", "lang": "xx", "writer_id": writer}, headers=BROWSER).expect(422)
        return [words for _, words in choices(page, "writer_id")]

    with Client(app_on(rows, colour)) as client:
        assert again(client, "/new", "6") == ["-", "a", "c", "d", "h"]
        for nothing in ("4", "99", "x", "1" * 40, ""):
            assert again(client, "/new", nothing) == ["-", "a", "c", "d"]
        assert again(client, "/2", "4") == ["-", "a", "c", "d", "b"]  # The row's own.
        assert again(client, "/2", "1") == ["-", "a", "c", "d", "b", "e"]


def test_many_rows_are_saved_by_their_keys(rows: str, colour: Any) -> None:
    with Client(app_on(rows, colour)) as client:
        sent = [("writer_id", "2"), ("tags", ""), ("tags", "3"), ("tags", "1"), ("tags", "3")]
        title = colour.__name__
        path = client.post("/new", data=[("title", title), *sent], follow=False).headers["location"]
        assert client.get(f"{path}/is").json() == {"title": title, "writer": 2, "place": None, "tags": ["tea", "pea"]}
        assert client.post(path, data=[("title", title), ("tags", "")], follow=False).status == 303
        assert client.get(f"{path}/is").json() == {"title": title, "writer": None, "place": None, "tags": []}


def test_a_key_that_no_row_has_is_the_fault_of_its_field(rows: str, colour: Any) -> None:
    with Client(app_on(rows, colour)) as client:
        sent = [("title", "T"), ("tags", "3"), ("tags", "77")]
        back = client.post("/new", data=sent, headers=BROWSER)
        assert back.status == 422 and 'id="f-tags-error">Choose one of the options.</p>' in back.text
        fault = client.post("/new", data=sent).json()["errors"][0]
        assert (fault["pointer"], fault["code"]) == ("/tags/1", "no_such_row")
        back = client.post("/1", data={"title": "T", "lang": "xx"}, headers=BROWSER)
        assert back.status == 422 and 'id="f-lang-error">Nobody speaks this.</p>' in back.text
        back = client.post("/new", data={"title": "T", "lang": "xx"}, headers=BROWSER)
        assert back.status == 422 and "<li>Nobody speaks this.</li>" in back.text


def test_a_field_that_the_model_has_not_is_told(rows: str, colour: Any) -> None:
    with (
        Client(app_on(rows, colour)) as client,
        pytest.raises(SetupError, match="Odd has 'again', which RelBook has not"),
    ):
        client.post("/odd", data={"title": "T"})


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", "These values are taken already, together: Title, Lang."),
        ("de", "Diese Werte sind zusammen bereits vergeben: Title, Lang."),
        ("ar", "هذه القيم مستخدَمة معًا من قبل: Title, Lang."),
    ],
)
def test_values_that_are_taken_together_are_told_in_the_language(rows: str, colour: Any, tag: str, said: str) -> None:
    with Client(app_on(rows, colour)) as client:
        headers = {**BROWSER, "accept-language": tag}
        back = client.post("/new", data={"title": "Twice", "lang": "en"}, headers=headers)
        assert back.status == 422 and f'id="f-title-error">{said}</p>' in back.text
