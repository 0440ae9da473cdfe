"""Forms of an app with sessions: the token against forged requests is in them by itself, also when they come back."""

from __future__ import annotations

import re
from typing import Any

import pydantic

from wholestack import App, Form, Redirect
from wholestack.forms import FormView
from wholestack.sessions import Messages
from wholestack.templates import Page

BROWSER = {"accept": "text/html", "cookie": "other=1"}


class NewPost(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    title: str = pydantic.Field(min_length=3)


def test_a_form_carries_its_token(serve_one: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    app = App(docs=False)

    @app.get("/")
    def show(form: FormView[NewPost]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    def add(new: Form[NewPost], messages: Messages) -> Redirect:
        messages.success("Saved.")
        return Redirect("/")

    client = serve_one(app)
    first = client.get("/", headers=BROWSER)
    cookies = "; ".join([BROWSER["cookie"], *(each.partition(";")[0] for each in first.all("set-cookie"))])
    headers = {**BROWSER, "cookie": cookies}
    assert client.post("/", form={"title": "abc"}, headers=headers).status == 403
    back = client.post("/", form={"title": "a", "csrf_token": token(first.text)}, headers=headers)
    assert back.status == 422 and "At least 3 characters." in back.text
    again = token(back.text)
    assert client.post("/", form={"title": "abc", "csrf_token": again}, headers=headers).status == 303


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]
