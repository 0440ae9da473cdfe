"""Row D3: what a user has typed is shown, and never run: not as a template, not as a name of one, not as a format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from wholestack import App, Form
from wholestack.forms import FormView
from wholestack.languages import Languages, gettext
from wholestack.templates import Page, TemplateFault, Templates
from wholestack.testing import Client

TYPED = [
    "{{ 7 * 7 }}",
    "{% for each in ''.__class__.__mro__ %}{{ each }}{% endfor %}",
    "{{ request.__class__.__init__.__globals__ }}",
    "{0.__class__.__init__.__globals__}",
    "{title.__class__}",
    "%(title)s %s %n",
    "${7*7} #{7*7} <%= 7*7 %>",
]
NAMES = ["../secret.html", "/etc/passwd", "..%2fsecret.html", "pages/../../secret.html", ""]


class Named(pydantic.BaseModel):
    title: str

    @pydantic.field_validator("title")
    @classmethod
    def short(cls, title: str) -> str:
        raise ValueError(f"not {title}")


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "shown.html").write_text("<p>{{ text }}</p><p>{{ _(text) }}</p>")
    (tmp_path / "pages" / "form.html").write_text("{{ form }}")
    app = App(docs=False)
    app.use(Templates(str(tmp_path / "pages")), Languages("en", "de"))

    @app.get("/shown")
    def shown(text: str) -> Page:
        return Page("shown.html", text=text)

    @app.get("/named")
    def named(name: str) -> Page:
        return Page(name)

    @app.get("/form")
    def form(form: FormView[Named]) -> Page:
        return Page("form.html", form=form)

    @app.post("/form")
    def take(new: Form[Named]) -> str:
        return gettext(new.title)

    return app


@pytest.mark.parametrize("typed", TYPED)
def test_D3_what_is_typed_is_shown_as_it_is(app: App, typed: str) -> None:
    client = Client(app)
    shown = pydantic.TypeAdapter(str).validate_python(typed).replace("&", "&amp;").replace("<", "&lt;")
    shown = shown.replace(">", "&gt;").replace("'", "&#39;").replace('"', "&#34;")
    assert client.get("/shown", query={"text": typed}).text == f"<p>{shown}</p><p>{shown}</p>"
    back = client.post("/form", data={"title": typed}, headers={"accept": "text/html"})
    assert back.status == 422
    assert f'value="{shown}"' in back.text and f"not {shown}" in back.text
    assert client.post("/form", data={"title": typed}).json()["errors"][0]["detail"].endswith(f"not {typed}")


@pytest.mark.parametrize("name", NAMES)
def test_D3_no_name_leads_out_of_the_folders(app: App, name: str) -> None:
    def asked(**options: Any) -> Any:
        return Client(app, **options).get("/named", query={"name": name})

    with pytest.raises((TemplateFault, ValueError)):
        asked()
    answer = asked(raise_errors=False)
    assert answer.status == 500 and "secret" not in answer.text
