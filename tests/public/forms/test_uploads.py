"""What the script of forms needs that sends large files, and tells how far they are."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from wholestack import App, Form, Redirect, Upload
from wholestack.forms import FormView
from wholestack.languages import Languages
from wholestack.templates import Page, Templates
from wholestack.testing import Client


class Sending(pydantic.BaseModel):
    title: str
    files: list[Upload]


class Plain(pydantic.BaseModel):
    title: str


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "form.html").write_text("{{ form }}", encoding="utf-8")
    app = App(docs=False)
    app.use(Templates(str(tmp_path)), Languages("en", "de", "ar"))

    @app.get("/send")
    def show(form: FormView[Sending], elsewhere: str = "") -> Page:
        form.action = elsewhere or form.action
        return Page("form.html", form=form)

    @app.post("/send")
    def save(new: Form[Sending]) -> Redirect:
        return Redirect("/saved")

    @app.get("/plain")
    def show_plain(form: FormView[Plain]) -> Page:
        return Page("form.html", form=form)

    @app.post("/plain")
    def save_plain(new: Form[Plain]) -> Redirect:
        return Redirect("/saved")

    return app


def test_where_a_form_leads_is_told_to_the_script_alone(app: App) -> None:
    data, files = {"title": "some"}, {"files": ("a.bin", b"abc")}
    client = Client(app)
    plain = client.post("/send", data=data, files=files, follow=False)
    assert (plain.status, plain.headers["location"], plain.headers.get("x-form-location")) == (303, "/saved", None)
    told = client.post("/send", data=data, files=files, headers={"x-form-upload": "1"}, follow=False)
    assert (told.status, told.headers["x-form-location"], told.headers.get("location")) == (200, "/saved", None)
    wrong = client.post("/send", files=files, headers={"x-form-upload": "1", "accept": "text/html"}, follow=False)
    assert wrong.status == 422 and "This field is required." in wrong.text


def test_only_a_form_with_files_whose_page_we_know_is_sent_by_the_script(app: App) -> None:
    client = Client(app)
    assert 'data-upload="Sending the files …"' in client.get("/send").text
    assert 'data-upload="Dateien werden gesendet …"' in client.get("/send", headers={"accept-language": "de"}).text
    assert "data-upload" not in client.get("/send?elsewhere=/other").text
    assert "data-upload" not in client.get("/plain").text
