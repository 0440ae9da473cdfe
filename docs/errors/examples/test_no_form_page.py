import pytest
from pydantic import BaseModel

from wholestack import App, Form, SetupError
from wholestack.forms import FormView
from wholestack.templates import Page


class NewPost(BaseModel):
    title: str


class Search(BaseModel):
    word: str


app = App()


@app.get("/posts/new")
def new_post(form: FormView[Search]) -> Page:  # the form of something else
    return Page("posts/new.html", form=form)


@app.post("/posts", again=new_post)
def add_post(new: Form[NewPost]) -> str:
    return "added"


def test_no_form_page() -> None:
    with pytest.raises(SetupError, match=r"\[no-form-page\] again=new_post does not show this form"):
        app.seal()
