"""A file that the storage does not take: the form comes back with it told beside the field, and nothing typed is lost."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from wholestack import App, Form, HTTPError, Redirect, Request, Text, Upload
from wholestack.files import ArchiveRefused, Files, FileStore, FileTypeRefused, ImageRefused, MemoryStorage
from wholestack.forms import FormView
from wholestack.templates import Page
from wholestack.testing import Client

BROWSER = {"accept": "text/html"}
PAGE = ("a.png", b"<html>", "image/png")
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 2_000


class Report(pydantic.BaseModel):
    title: str
    photo: Upload | None = None
    other: Upload | None = None
    more: list[Upload] = []


def plain(function: Any) -> Any:
    return function


def as_async(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


def site(colour: Callable[[Any], Any] = plain) -> App:
    app = App(docs=False)
    app.use(Files(MemoryStorage(), key="k" * 32))

    @app.get("/")
    def show(form: FormView[Report]) -> Page:
        return Page("form.html", form=form)

    @app.post("/")
    @colour
    def add(new: Form[Report], files: FileStore) -> Redirect:
        if new.title == "picture":
            raise ImageRefused("This is no picture that can be read.")
        if new.title == "archive":
            raise ArchiveRefused("Two files of the archive have one name.")
        for each in (new.photo, new.other, *new.more):
            if each is not None:
                files.save(each, types={"image/*"}, largest="1 kB")
        return Redirect("/")

    return app


@pytest.mark.parametrize("colour", [plain, as_async])
def test_a_refused_file_is_told_beside_its_field(colour: Any) -> None:
    with Client(site(colour), headers=BROWSER) as client:
        page = client.post("/", data={"title": "typed"}, files={"photo": PAGE})
        assert page.status == 422 and 'value="typed"' in page.text
        assert '<p class="error" id="f-photo-error">' in page.text and 'href="#f-photo"' in page.text
        large = client.post("/", data={"title": "typed"}, files={"photo": ("a.png", PNG, "image/png")})
        assert large.status == 422 and 'id="f-photo-error">A file has at most 1,000 bytes here.' in large.text
        several = client.post("/", data={"title": "typed"}, files={"more": PAGE})
        assert several.status == 422 and 'id="f-more-error"' in several.text
        for title in ("picture", "archive"):
            refused = client.post("/", data={"title": title}, files={"other": PAGE})
            assert refused.status == 422 and 'id="f-other-error"' in refused.text


def test_of_several_files_it_is_told_of_the_whole_form() -> None:
    with Client(site(), headers=BROWSER) as client:
        page = client.post("/", data={"title": "typed"}, files={"photo": PAGE, "other": PAGE})
        assert page.status == 422 and 'value="typed"' in page.text
        assert 'class="errors"' in page.text and "f-photo-error" not in page.text and "f-other-error" not in page.text


def test_programs_get_what_the_error_says() -> None:
    with Client(site()) as client:
        answer = client.post("/", data={"title": "typed"}, files={"photo": PAGE})
        assert answer.status == 415 and answer.json()["code"] == "file-type-refused"
        large = client.post("/", data={"title": "typed"}, files={"photo": ("a.png", PNG, "image/png")})
        assert large.status == 413 and large.json()["code"] == "file-too-large"


def test_an_error_handler_of_the_app_goes_on_for_programs() -> None:
    app = site()

    @app.on_error(HTTPError)
    def told(request: Request, error: HTTPError) -> Text:
        return Text(f"told {type(error).__name__}", error.status)

    with Client(app) as client:
        answer = client.post("/", data={"title": "typed"}, files={"photo": PAGE})
        assert (answer.status, answer.text) == (415, f"told {FileTypeRefused.__name__}")
        page = client.post("/", data={"title": "typed"}, files={"photo": PAGE}, headers=BROWSER)
        assert page.status == 422 and "f-photo-error" in page.text
