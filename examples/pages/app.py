"""A guest book: a list, a form, and what happens when it is not right. The chapter docs/learn/pages.md builds it."""

# [model]
from typing import Annotated

from pydantic import BaseModel, Field

from wholestack import App, Form, Redirect
from wholestack.forms import FormError, FormView, Widget
from wholestack.sessions import Messages
from wholestack.templates import Page


class Entry(BaseModel):
    name: str = Field(min_length=2, max_length=40, description="Shown to everybody.")
    text: Annotated[str, Field(min_length=1, max_length=500), Widget("textarea", rows=4)]
    again: bool = Field(title="I will come again")


# [/model]
# [list]
app = App(title="Guest book")
entries: list[Entry] = []


@app.get("/")
def show_entries() -> Page:
    return Page("entries.html", entries=entries)


# [/list]
# [form]
@app.get("/sign")
def show_form(form: FormView[Entry]) -> Page:
    return Page("sign.html", form=form)


@app.post("/sign")
def sign(new: Form[Entry], messages: Messages) -> Redirect:
    if any(entry.name == new.name for entry in entries):
        raise FormError("name", "Somebody with this name has signed already.")
    entries.append(new)
    messages.success("Thank you!")
    return Redirect("/")


# [/form]
