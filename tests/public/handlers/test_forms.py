"""Rule 3: `Form[…]` and `Upload` are read from an urlencoded or multipart form."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

from callers import multipart
from wholestack import App, Form, Limits, Upload


class Contact(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=1)]
    topics: list[str] = []
    born: datetime.date | None = None
    reply_to: str = pydantic.Field("", alias="reply-to")


class Album(pydantic.BaseModel):
    title: str
    cover: Upload
    pages: list[Upload] = []


def test_urlencoded_fields(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    @colour
    def send(name: Form[str], age: Form[int], tags: Form[list[str]] = [], news: Form[bool] = False) -> list[object]:  # noqa: B006
        return [name, age, tags, news]

    client = serve(app)
    assert client.post("/", form={"name": "Zoë & co", "age": 3}).json() == ["Zoë & co", 3, [], False]
    assert client.post("/", form={"name": "", "age": 3, "tags": ["a", "b"], "news": "on"}).json() == [
        "",
        3,
        ["a", "b"],
        True,
    ]
    assert client.post("/", form={"age": "x", "news": "maybe"}).faults == [
        ("form", "/name", "missing"),
        ("form", "/age", "int_parsing"),
        ("form", "/news", "bool_parsing"),
    ]
    assert client.post("/", form={"name": ["a", "b"], "age": 1}).faults == [("form", "/name", "string_type")]


def test_a_form_is_no_other_kind(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def send(name: Form[str] = "") -> str:
        return name

    client = serve(app)
    for kind in ("application/json", "text/plain"):
        refused = client.post("/", body=b'{"name": "x"}', headers={"content-type": kind})
        assert (refused.status, refused.json()["code"]) == (415, "unsupported-media-type")
    coded = {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"}
    assert client.post("/", body=b"name=x", headers=coded).status == 415


def test_multipart_fields_and_a_file(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    @colour
    def send(title: Form[str], photo: Upload, note: Form[str] = "") -> dict[str, object]:
        return {
            "title": title,
            "note": note,
            "name": photo.filename,
            "type": photo.media_type,
            "size": photo.size,
            "start": photo.read(3).decode("latin-1"),
        }

    client = serve(app)
    body, headers = multipart([("title", None, None, "été".encode()), ("photo", "../a.png", "image/png", b"\x89PNG")])
    assert client.post("/", body=[body[:50], body[50:90], body[90:]], headers=headers).json() == {
        "title": "été",
        "note": "",
        "name": "../a.png",
        "type": "image/png",
        "size": 4,
        "start": "\x89PN",
    }
    body, headers = multipart([("note", None, None, b"x")])
    assert client.post("/", body=body, headers=headers).faults == [
        ("form", "/title", "missing"),
        ("form", "/photo", "missing"),
    ]
    body, headers = multipart([("title", "a.txt", None, b"x"), ("photo", None, None, b"x")])
    assert {pointer for _, pointer, _ in client.post("/", body=body, headers=headers).faults} == {"/title", "/photo"}


def test_optional_and_many_uploads(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    @colour
    def send(photos: list[Upload], cover: Upload | None = None) -> list[object]:
        return [[photo.read().decode() for photo in photos], cover and cover.filename]

    client = serve(app)
    body, headers = multipart([("photos", "1", None, b"a"), ("photos", "2", None, b"b")])
    assert client.post("/", body=body, headers=headers).json() == [["a", "b"], None]
    body, headers = multipart([("photos", "1", None, b"a"), ("cover", "c", None, b"")])
    assert client.post("/", body=body, headers=headers).json() == [["a"], "c"]
    body, headers = multipart([("cover", "c", None, b"")])
    assert client.post("/", body=body, headers=headers).faults == [("form", "/photos", "missing")]


def test_a_whole_model(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/contact")
    @colour
    def contact(new: Form[Contact]) -> Contact:
        return new

    client = serve(app)
    assert client.post(
        "/contact", form={"name": "Ann", "topics": ["a", "b"], "born": "2000-01-31", "reply-to": "x"}
    ).json() == {"name": "Ann", "topics": ["a", "b"], "born": "2000-01-31", "reply-to": "x"}
    assert client.post("/contact", form={"name": "", "born": "yesterday"}).faults == [
        ("form", "/name", "string_too_short"),
        ("form", "/born", "date_from_datetime_parsing"),
    ]
    body, headers = multipart([("name", None, None, b"Bo"), ("topics", None, None, b"t")])
    assert client.post("/contact", body=body, headers=headers).json()["topics"] == ["t"]


def test_a_model_with_files(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/albums")
    @colour
    def album(new: Form[Album]) -> list[object]:
        return [new.title, new.cover.read().decode(), len(new.pages)]

    client = serve(app)
    parts = [
        ("title", None, None, b"t"),
        ("cover", "c.png", "image/png", b"C"),
        ("pages", "1", None, b"1"),
        ("pages", "2", None, b""),
    ]
    body, headers = multipart(parts)
    assert client.post("/albums", body=body, headers=headers).json() == ["t", "C", 2]
    body, headers = multipart(parts[:1])
    assert client.post("/albums", body=body, headers=headers).faults == [("form", "/cover", "missing")]


def test_a_large_upload_lies_on_disk_and_is_gone_afterwards(serve: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    app = App(docs=False, limits=Limits(spool=1000))
    kept: list[Upload] = []

    @app.post("/")
    def send(data: Upload) -> int:
        kept.append(data)
        data.save(tmp_path / "saved")
        return data.size

    client = serve(app)
    body, headers = multipart([("data", "d", None, b"x" * 200_000)])
    pieces = [body[start : start + 30_000] for start in range(0, len(body), 30_000)]
    assert client.post("/", body=pieces, headers=headers).text == "200000"
    assert (tmp_path / "saved").stat().st_size == 200_000
    assert os.listdir(tmp_path) == ["saved"]
    with pytest.raises(ValueError, match="closed"):
        kept[0].read()


@pytest.mark.parametrize(
    ("limits", "parts", "status"),
    [
        (Limits(files=1), [("photos", "1", None, b""), ("photos", "2", None, b"")], 413),
        (Limits(fields=1), [("name", None, None, b""), ("other", None, None, b""), ("photos", "2", None, b"")], 413),
        (Limits(text_part=5), [("name", None, None, b"123456"), ("photos", "2", None, b"")], 413),
        (Limits(body=200), [("photos", "2", None, b"x" * 300)], 413),
    ],
)
def test_the_limits_hold_on_every_interface(serve: Any, limits: Limits, parts: Any, status: int) -> None:
    app = App(docs=False, limits=limits)

    @app.post("/")
    def send(photos: list[Upload], name: Form[str] = "") -> str:
        raise AssertionError("called")

    client = serve(app)
    body, headers = multipart(parts)
    for chunked in (False, True):
        assert client.post("/", body=[body[:100], body[100:]], headers=headers, chunked=chunked).status == status


def test_a_broken_form_is_refused(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def send(name: Form[str] = "") -> str:
        raise AssertionError("called")

    client = serve(app)
    whole, headers = multipart([("name", None, None, b"x")])
    assert client.post("/", body=whole[:-8], headers=headers).status == 400
    assert (
        client.post("/", body=b"name=%ff", headers={"content-type": "application/x-www-form-urlencoded"}).status == 400
    )
