"""What docs/guides/files.md shows, and the tests that hold it."""

from __future__ import annotations

import datetime
import io
import tempfile
import zipfile

# [imports]
from wholestack import App, NotFound, Request, Response, Upload
from wholestack.db import Database, Mapped, Model, Session, mapped_column
from wholestack.files import ArchiveLimits, Files, FileStore, LocalStorage, S3Storage, StoredFile, extract, sweep
from wholestack.testing import Client

# [/imports]

UPLOADS = tempfile.mkdtemp()

# [use]
app = App()
app.use(Database("sqlite://"), Files(LocalStorage(UPLOADS), key="a long text that nobody can guess"))
# [/use]


# [model]
class Photo(Model):
    title: Mapped[str]
    file: Mapped[StoredFile | None] = mapped_column(default=None)


# [/model]


# [save]
@app.post("/photos")
def add(title: str, photo: Upload, files: FileStore, db: Session) -> str:
    stored = files.save(photo, types={"image/*"}, largest="5 MB")
    db.add(Photo(title=title, file=stored))
    return files.url(stored)


# [/save]


# [replace]
@app.put("/photos/{id}")
async def replace(id: int, photo: Upload, files: FileStore, db: Session) -> str:
    row = db.get(Photo, id)
    if row is None:
        raise NotFound
    row.file = files.save_image(photo, sizes={"small": (320, 320)})
    return files.url(row.file, variant="small")


# [/replace]


# [own]
@app.get("/photos/{id}/original")
def original(id: int, request: Request, files: FileStore, db: Session) -> Response:
    row = db.get(Photo, id)  # Here ask who may have it.
    if row is None or row.file is None:
        raise NotFound
    return files.answer(row.file, request, download=True)


# [/own]


# [direct]
@app.post("/videos/address")
def address(files: FileStore) -> dict[str, str]:
    found = files.upload_address(types={"video/*"}, largest="1 GB")
    return {"method": found.method, "url": found.url, "token": found.token}


@app.post("/videos")
def claim(token: str, title: str, files: FileStore, db: Session) -> str:
    stored = files.claim(token, filename=f"{title}.mp4")
    db.add(Photo(title=title, file=stored))
    return files.url(stored)


# [/direct]


# [extract]
@app.post("/albums")
def unpack(archive: Upload) -> list[str]:
    folder = tempfile.mkdtemp()
    return extract(archive, folder, ArchiveLimits(total="50 MB", files=200))


# [/extract]


def picture() -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.new("RGB", (640, 480), "navy").save(target, "PNG")
    return target.getvalue()


def test_a_picture_comes_goes_and_is_replaced() -> None:
    content = picture()
    client = Client(app)
    # [answer]
    url = client.post("/photos?title=Sea", files={"photo": ("sea.png", content, "image/png")}).text
    answer = client.get(url)
    assert answer.body == content
    assert answer.headers["content-disposition"] == 'inline; filename="sea.png"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    # [/answer]
    assert client.get("/photos/1/original").headers["content-disposition"] == 'attachment; filename="sea.png"'
    small = client.put("/photos/1", files={"photo": ("sea.png", content, "image/png")}).text
    assert client.get(small).headers["content-type"] == "image/png"
    assert client.get(url).status == 404
    refused = client.post("/photos?title=Page", files={"photo": ("a.png", b"<html>", "image/png")})
    assert refused.json()["code"] == "file-type-refused"


def test_past_the_app() -> None:
    client = Client(app)
    found = client.post("/videos/address").json()
    film = b"\0\0\0\x1cftypisom" + bytes(100)
    assert client.put(found["url"], body=film).status == 204
    url = client.post("/videos", query={"token": found["token"], "title": "Sea"}).expect(200).text
    assert client.get(url).body == film


def test_unpacked() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", b"a")
    answer = Client(app).post("/albums", files={"archive": ("a.zip", target.getvalue(), "application/zip")})
    assert answer.json() == ["a.txt"]


def test_sweep() -> None:
    with Client(app):
        # [sweep]
        assert sweep(app, older=datetime.timedelta(hours=1)) == []
        # [/sweep]


def test_a_bucket() -> None:
    # [s3]
    storage = S3Storage("photos", prefix="shop", endpoint="https://s3.example.org", region="eu-1")
    # [/s3]
    assert repr(storage) == "<S3Storage photos/shop>"
