"""What docs/guides/forms.md shows, and the tests that hold it."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import pydantic

# [imports]
from wholestack import App, Form, NotFound, Redirect, Upload
from wholestack.crud import Schema, apply, found
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, Table, mapped_column, relationship
from wholestack.forms import Color, FormError, FormView, Widget, check_choice
from wholestack.templates import Page
from wholestack.testing import Client

# [/imports]

BROWSER = {"accept": "text/html"}

app = App(docs=False)


# [model]
class NewPost(pydantic.BaseModel):
    title: str = pydantic.Field(min_length=3, max_length=80)
    text: Annotated[str, Widget("textarea", rows=8)] = ""
    publish_on: datetime.date | None = pydantic.Field(None, description="Empty: at once.")
    comments: bool


# [/model]
titles = ["Hello"]


# [handlers]
@app.get("/posts/new")
def new_post(form: FormView[NewPost]) -> Page:
    return Page("forms/new.html", form=form)


@app.post("/posts/new")
def add_post(new: Form[NewPost]) -> Redirect:
    if new.title in titles:
        raise FormError("title", "There is a post with this title.")
    titles.append(new.title)
    return Redirect("/posts")


# [/handlers]
# [rows]
class Link(pydantic.BaseModel):
    address: pydantic.HttpUrl
    shown: bool


class Story(pydantic.BaseModel):
    title: str = pydantic.Field(min_length=3)
    text: str = ""
    links: list[Link] = []


# [/rows]
# [widgets]
class Shirt(pydantic.BaseModel):
    size: Annotated[Literal["S", "M", "L"], Widget("radio")]
    color: Color = "#1155cc"
    print: Annotated[Upload | None, Widget(accept="image/*")] = None
    mail: Annotated[str, Widget("email", autocomplete="email")]
    note: Annotated[str, Widget("textarea", rows=3, placeholder="For the printer")] = ""
    terms: Literal[True] = pydantic.Field(title="I have read the terms")


# [/widgets]
# [again]
stories = {1: Story(title="As it was", text="Once upon a time")}


@app.get("/stories/{id}/edit")
def edit_story(id: int, form: FormView[Story]) -> Page:
    if id not in stories:
        raise NotFound("There is no such story.")
    return Page("forms/hand.html", form=form.fill(stories[id]))


@app.post("/stories/{id}", again=edit_story)
def change_story(id: int, new: Form[Story]) -> Redirect:
    stories[id] = new
    return Redirect("/stories")


# [/again]
# [models]
class Writer(Model):
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Subject(Model):
    name: Mapped[str]


class Filed(Table):
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), primary_key=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("subject.id"), primary_key=True)


class Book(Model):
    title: Mapped[str] = mapped_column(unique=True)
    writer_id: Mapped[int] = mapped_column(ForeignKey("writer.id"))
    writer: Mapped[Writer] = relationship()
    subjects: Mapped[list[Subject]] = relationship(secondary="filed")


class NewBook(Schema, of=Book, new=True, also=["subjects"]):
    title: Annotated[str, pydantic.Field(min_length=1, max_length=80)]


@app.get("/books/new")
def new_book(form: FormView[NewBook], db: Session) -> Page:
    return Page("forms/new.html", form=form.choose_related(db))


@app.post("/books/new")
def add_book(new: Form[NewBook], db: Session) -> Redirect:
    db.add(apply(db, Book, new))
    return Redirect("/books")


# [/models]
# [change]
@app.get("/books/{id}")
def edit_book(id: int, form: FormView[NewBook], db: Session) -> Page:
    book = found(db.get(Book, id))
    return Page("forms/new.html", form=form.fill(book).choose_related(db))


@app.post("/books/{id}")
def change_book(id: int, new: Form[NewBook], db: Session) -> Redirect:
    apply(db, found(db.get(Book, id)), new)
    return Redirect("/books")


# [/change]
app.use(Database("sqlite:///:memory:"))


@app.get("/shirts")
def choose_shirt(form: FormView[Shirt]) -> Page:
    form.live = True
    return Page("forms/new.html", form=form)


@app.post("/shirts")
def order_shirt(new: Form[Shirt]) -> str:
    return "ordered"


class Moving(pydantic.BaseModel):
    shelf: int


room = {"Novels": 2, "Travel": 0, "Cooking": 5}


# [choices]
def shelves_with_room() -> list[tuple[int, str]]:
    return [(number, name) for number, name in enumerate(room, 1) if room[name]]


@app.get("/moving")
def show_moving(form: FormView[Moving]) -> Page:
    return Page("forms/new.html", form=form.choose("shelf", shelves_with_room()))


@app.post("/moving")
def move(new: Form[Moving]) -> Redirect:
    check_choice("shelf", new.shelf, shelves_with_room())
    return Redirect("/moving")


# [/choices]


def test_a_form_comes_back() -> None:
    # [back]
    client = Client(app)
    page = client.post("/posts/new", data={"title": "ab", "publish_on": "soon"}, headers=BROWSER)
    assert page.status == 422
    assert 'name="title" id="f-title" required minlength="3" maxlength="80" value="ab"' in page.text
    assert '<p class="error" id="f-title-error">At least 3 characters.</p>' in page.text
    # [/back]
    assert "Enter a date." in page.text
    page = client.post("/posts/new", data={"title": "Hello"}, headers=BROWSER)
    assert '<p class="error" id="f-title-error">There is a post with this title.</p>' in page.text
    assert "Empty: at once." in client.get("/posts/new").text


def test_the_same_handler_for_programs() -> None:
    # [json]
    client = Client(app)
    answer = client.post("/posts/new", json={"title": "ab", "comments": True})
    assert answer.json()["errors"][0]["pointer"] == "/title"
    assert client.post("/posts/new", json={"title": "By a program", "comments": True}, follow=False).status == 303
    # [/json]


def test_rows() -> None:
    # [add]
    sent = {"title": "A story", "links[0].address": "https://example.org", "_add": "links"}
    page = Client(app).post("/stories/1", data=sent, headers=BROWSER)
    assert page.status == 200 and 'name="links[1].address"' in page.text
    # [/add]


def test_editing() -> None:
    client = Client(app)
    page = client.get("/stories/1/edit").text
    assert 'action="/stories/1"' in page and 'value="As it was"' in page and ">Once upon a time</textarea>" in page
    assert client.get("/stories/2/edit").status == 404
    assert client.post("/stories/1", data={"title": "New one", "links[0].address": "x"}, headers=BROWSER).status == 422
    assert client.post("/stories/1", data={"title": "New one"}, follow=False).status == 303
    assert stories[1].title == "New one"


def test_widgets_and_checks() -> None:
    client = Client(app)
    page = client.get("/shirts").text
    for expected in (
        'type="radio"',
        'type="color"',
        'accept="image/*"',
        "<textarea",
        'type="email"',
        'data-check="mail"',
    ):
        assert expected in page
    # [check]
    checked = client.post("/shirts", data={"mail": ""}, headers={"x-form-check": "size"})
    assert checked.status == 200 and "This field is required." in checked.text and "mail" not in checked.text
    # [/check]


def test_choices_of_a_request() -> None:
    client = Client(app)
    assert '<option value="3">Cooking</option>' in client.get("/moving").text
    assert client.post("/moving", data={"shelf": "3"}, follow=False).status == 303
    page = client.post("/moving", data={"shelf": "2"}, headers=BROWSER)
    assert page.status == 422 and "Choose one of the options." in page.text


def test_forms_of_models() -> None:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        with app.session() as db:
            db.add_all([Writer(name="Ann"), Subject(name="Tea"), Subject(name="Sea")])
        page = client.get("/books/new").text
        assert '<option value="1">Ann</option>' in page
        sent = {"title": "One", "writer_id": "1", "subjects": "2"}
        assert client.post("/books/new", data=sent, headers=BROWSER, follow=False).status == 303
        page = client.get("/books/1").text
        assert '<option value="1" selected>Ann</option>' in page and '<option value="2" selected>Sea</option>' in page
        assert client.post("/books/1", data={**sent, "subjects": "1"}, headers=BROWSER, follow=False).status == 303
        assert '<option value="1" selected>Tea</option>' in client.get("/books/1").text
        page = client.post("/books/new", data=sent, headers=BROWSER).text
        assert '<p class="error" id="f-title-error">This value is taken already.</p>' in page
