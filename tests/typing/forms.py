"""What users write of forms, to a type checker: a form's model, what fills it, what is asked of it."""

from __future__ import annotations

from typing import Annotated, assert_type

import pydantic

from wholestack import App, Form, Redirect
from wholestack.crud import Schema
from wholestack.db import Mapped, Model, Session
from wholestack.forms import Color, Field, FormError, Forms, FormView, Widget, form_of
from wholestack.templates import Page

app = App()
app.use(Forms(messages={"missing": "Please fill this in."}))
app.use(Forms(messages=["missing"]))  # wrong


class NewPost(pydantic.BaseModel):
    title: Annotated[str, Widget("textarea", rows=8, readonly=True)]
    color: Color = "#ffffff"


class Post(Model):
    title: Mapped[str]


class NewRow(Schema, of=Post, new=True):
    pass


@app.get("/new")
def new(form: FormView[NewPost], db: Session) -> Page:
    assert_type(form.fill(Post(title="a")), FormView[NewPost])
    assert_type(form.choose("title", [(1, "Ann"), "b"]), FormView[NewPost])
    assert_type(form.choose_related(db, limit=10), FormView[NewPost])
    assert_type(form["title"], Field)
    assert_type(form["title"]["more"][0].value, str)
    assert_type(form.errors, dict[str, list[str]])
    form.live, form.submit, form.action = True, "Save", None
    form.submit = 1  # wrong
    print(form.title)  # wrong
    form.choose(1, [])  # wrong
    for field in form:
        assert_type(field.name, str)
        assert_type(field.rows, list[Field])
    return Page("new.html", form=form)


@app.post("/new", again=new)
def add(new: Form[NewPost]) -> Redirect:
    assert_type(new, NewPost)
    assert_type(new.color, str)
    if new.title == "a":
        raise FormError("title", "It is taken.", ("color", "So is this."))
    if new.title == "b":
        raise FormError("title")  # wrong
    print(new.nothing)  # wrong
    return Redirect("/")


@app.post("/other", again="new")  # wrong
def other(new: Form[NewPost]) -> Redirect:
    return Redirect("/")


@app.get("/row")
def row(form: FormView[NewRow]) -> Page:
    return Page("new.html", form=form)


Widget("textarea", rows=[])  # wrong
assert_type(form_of(Post, only=["title"]), type[Schema])
form_of(Post, also=1)  # wrong
