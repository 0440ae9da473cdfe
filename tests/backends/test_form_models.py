"""Forms of database models, on each database and in both colours: relations as choices, what is taken as a field's fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
from sqlalchemy import MetaData, String, Text

from wholestack import HTML, App, Form, Redirect
from wholestack.crud import Schema
from wholestack.db import (
    Database,
    ForeignKey,
    Index,
    IntegrityError,
    Mapped,
    Model,
    Session,
    Table,
    UniqueConstraint,
    mapped_column,
    relationship,
    select,
)
from wholestack.encoding import form_values
from wholestack.forms import FormView, Widget, form_of
from wholestack.http import FormData
from wholestack.testing import Client

BROWSER = {"accept": "text/html"}


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class FormAuthor(Base):
    name: Mapped[str] = mapped_column(default="")
    posts: Mapped[list[FormPost]] = relationship(back_populates="author")


class FormTag(Base):
    word: Mapped[str] = mapped_column(default="")

    def __str__(self) -> str:
        return f"#{self.word}"


class FormPost(Base):
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    lang: Mapped[str] = mapped_column(default="en")
    code: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text(), default="")
    hint: Mapped[str] = mapped_column(String(300), default="")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("form_author.id"))
    author: Mapped[FormAuthor | None] = relationship(back_populates="posts")
    tag_id: Mapped[int | None] = mapped_column(ForeignKey("form_tag.id"))
    tag: Mapped[FormTag | None] = relationship()

    __table_args__ = (UniqueConstraint("title", "lang"), Index("ix_form_code", "code", unique=True))


class NewFormPost(Schema, of=FormPost, new=True):
    slug: Annotated[str, pydantic.Field(min_length=1, max_length=40, title="Address")]
    lang: Annotated[str, Widget("select", choices=["en", "de"])] = "en"


class FormAccount(Base):
    email: Mapped[str] = mapped_column("email_address", String(60), unique=True)
    nick: Mapped[str] = mapped_column("email", String(60), default="", unique=True)


class NewFormAccount(Schema, of=FormAccount, new=True):
    pass


class Plain(pydantic.BaseModel):
    """No form of a model: what it shares with a table is the names."""

    slug: str
    title: str = "t"


def app_on(url: str, colour: Callable[[Any], Any]) -> App:
    app = App(docs=False)
    app.use(Database(url, models=Base))

    @app.get("/")
    @colour
    def show(form: FormView[NewFormPost], db: Session) -> HTML:
        query = select(FormAuthor).where(FormAuthor.name != "hidden").order_by(FormAuthor.name)
        return HTML(str(form.choose_related(db, author_id=query)))

    @app.post("/")
    @colour
    def add(new: Form[NewFormPost], db: Session) -> Redirect:
        db.add(FormPost(**new.model_dump()))
        return Redirect("/")

    @app.get("/accounts")
    @colour
    def show_account(form: FormView[NewFormAccount]) -> HTML:
        return HTML(str(form))

    @app.post("/accounts")
    @colour
    def add_account(new: Form[NewFormAccount], db: Session) -> Redirect:
        db.add(FormAccount(**new.model_dump()))
        return Redirect("/accounts")

    @app.get("/plain")
    @colour
    def show_plain(form: FormView[Plain]) -> HTML:
        return HTML(str(form))

    @app.post("/plain")
    @colour
    def add_plain(new: Form[Plain], db: Session) -> Redirect:
        db.add(FormPost(slug=new.slug, title=f"Of {new.slug}"))
        if new.title == "author":
            db.flush()
            db.add(FormPost(slug="other", title="x", code=1))
            db.flush()
        return Redirect("/plain")

    return app


@pytest.fixture(scope="module")
def rows(url: str) -> Iterator[str]:
    """The tables, with some rows."""
    database = Database(url, models=Base)
    database.create_tables()
    app = App(docs=False)
    app.use(database)

    @app.post("/")
    def fill(db: Session) -> None:
        db.add_all([FormAuthor(name="<Ann>"), FormAuthor(name="Bo"), FormAuthor(name="hidden"), FormTag(word="tea")])
        db.add(FormPost(slug="first", title="First", code=1))

    with Client(app) as client:
        client.post("/").expect(204)
    yield url


def test_relations_are_choices(rows: str, colour: Any) -> None:
    with Client(app_on(rows, colour)) as client:
        page = client.get("/").expect(200).text
    author = page.partition('<select name="author_id"')[2].partition("</select>")[0]
    assert [part.partition("<")[0] for part in author.split(">")[2::2]] == ["-", "&lt;Ann&gt;", "Bo"]
    assert '<option value="1">#tea</option>' in page and "hidden" not in author
    assert (
        'maxlength="40"' in page
        and '<textarea name="text"' in page
        and '<textarea name="hint"' in page
        and "First" not in page
    )
    assert '<option value="de">de</option>' in page


def test_what_is_taken_is_the_fault_of_a_field(rows: str, colour: Any) -> None:
    sent = {"slug": "new", "title": "New", "lang": "en", "text": "typed <b>"}
    with Client(app_on(rows, colour)) as client:
        back = client.post("/", data={**sent, "slug": "first"}, headers=BROWSER)
        assert back.status == 422 and 'id="f-slug-error">This value is taken already.</p>' in back.text
        assert "typed &lt;b&gt;</textarea>" in back.text and "<option" in back.text
        back = client.post("/", data={**sent, "title": "First"}, headers=BROWSER)
        assert 'id="f-title-error">These values are taken already, together: Title, Lang.</p>' in back.text
        back = client.post("/", data={**sent, "code": "1"}, headers=BROWSER)
        assert 'id="f-code-error">This value is taken already.</p>' in back.text
        # For a program it is the conflict that it was.
        assert client.post("/", data={**sent, "slug": "first"}).json()["code"] == "duplicate"
        # What no unique constraint refuses is no field's fault; nothing of what was typed is lost by it.
        away = client.post("/", data={**sent, "author_id": "99"}, headers=BROWSER)
        assert (away.status, "f-author_id-error" in away.text) == (422, False)
        assert "This is not possible:" in away.text and "typed &lt;b&gt;</textarea>" in away.text
        assert client.post("/", data={**sent, "author_id": "99"}).json()["code"] == "constraint-failed"


def test_what_is_taken_is_told_beside_its_field_whatever_the_database_calls_its_column(rows: str, colour: Any) -> None:
    # Another column is called as this field is.
    with Client(app_on(rows, colour)) as client:
        client.post("/accounts", data={"email": "a@b", "nick": colour.__name__}, headers=BROWSER)
        back = client.post("/accounts", data={"email": "a@b", "nick": "other"}, headers=BROWSER)
        assert back.status == 422 and 'id="f-email-error">This value is taken already.</p>' in back.text
        assert "f-nick-error" not in back.text
        client.post("/accounts", data={"email": "c@d", "nick": "taken"}, headers=BROWSER)
        back = client.post("/accounts", data={"email": "new", "nick": "taken"}, headers=BROWSER)
        assert back.status == 422 and 'id="f-nick-error">This value is taken already.</p>' in back.text
        assert "f-email-error" not in back.text


def test_lines_of_a_long_text_count_as_they_are_kept(rows: str, colour: Any) -> None:
    class More(NewFormPost):
        hint: Annotated[str, pydantic.Field(max_length=300)] = ""

    lines = {"text": "a\r\nb", "hint": "x" * 298 + "\r\ny", "title": "a\r\nb"}
    for form in (NewFormPost, More, form_of(FormPost)):
        found = form_values(form)(FormData(list(lines.items())))
        assert [found["text"], found["hint"], found["title"]] == ["a\nb", "x" * 298 + "\ny", "a\r\nb"]
    sent = {**lines, "slug": f"lines-{colour.__name__}", "title": colour.__name__}
    with Client(app_on(rows, colour)) as client:
        assert client.post("/", data=sent, headers=BROWSER, follow=False).status == 303


def test_a_form_that_only_shares_names(rows: str, colour: Any) -> None:
    with Client(app_on(rows, colour)) as client:
        back = client.post("/plain", data={"slug": "first"}, headers=BROWSER)
        assert back.status == 422 and 'id="f-slug-error">This value is taken already.</p>' in back.text
        # A column that the form does not have.
        back = client.post("/plain", data={"slug": "q", "title": "author"}, headers=BROWSER)
        assert back.status == 422 and "This is not possible:" in back.text and "-error" not in back.text


def test_a_form_made_of_a_model(kind: str) -> None:
    form = FormView(form_of(FormPost, only=["title", "text", "author_id"]))
    assert [field.name for field in form] == ["title", "text", "author_id"]
    assert str(form["text"].input).startswith("<textarea") and form["author_id"].input


def test_the_refusals_of_each_database(kind: str, tmp_path: Path) -> None:
    """What is told of, by the words and numbers of each driver; nothing where they tell of something else."""
    from types import SimpleNamespace

    from wholestack.forms._columns import columns_taken

    def taken(orig: Any, form: Any = NewFormPost) -> list[str]:
        return list(columns_taken(IntegrityError("INSERT", {}, orig), form))

    def postgresql(constraint: str | None, detail: str | None, table: str = "form_post") -> Any:
        told = SimpleNamespace(table_name=table, constraint_name=constraint, message_detail=detail)
        return type("Told", (Exception,), {"sqlstate": "23505", "diag": told})()

    if kind == "postgresql":
        assert taken(postgresql("uq_form_post_title_lang", None)) == ["title", "lang"]
        assert taken(postgresql("made_by_hand", 'Key (slug, "Lang")=(a, b) already exists.')) == ["slug", "Lang"]
        assert taken(postgresql("made_by_hand", None)) == []
        assert taken(postgresql("uq_form_post_slug", None, "other")) == []
        assert taken(postgresql("uq_form_post_slug", None), Plain) == ["slug"]
    elif kind == "mariadb":
        assert taken(Exception(1062, "Duplicate entry 'a' for key 'b' for key 'ix_form_code'")) == ["code"]
        assert taken(Exception(1062, "Duplicate entry 'a' for key 'form_post.ix_form_code'"), Plain) == ["code"]
        assert taken(Exception(1062, "Duplicate entry 'a' for key 'PRIMARY'")) == []
        assert taken(Exception(1452, "Cannot add or update a child row")) == []
    else:
        assert taken(Exception("UNIQUE constraint failed: other.slug")) == []
        assert taken(Exception("UNIQUE constraint failed: index 'lower_slug'"), Plain) == []
        assert taken(Exception("NOT NULL constraint failed: form_post.slug")) == []
