"""What the rows ask, over sockets: files that come in by a form, past the app, and go out."""

from __future__ import annotations

import os

from wholestack import HTML, App, Limits, Upload
from wholestack.files import Files, FileStore, LocalStorage, StoredFile
from wholestack.middleware import SecurityHeaders

FOLDER = os.environ["FILES_FOLDER"]

app = App(docs=False)
# The page is to be one that nothing guards: what keeps a file from running is what its own answer says.
app.use(Files(LocalStorage(FOLDER), largest="2 GiB"), SecurityHeaders(csp=None))
_last: list[StoredFile] = []


@app.post("/plain", limits=Limits(body="2 GiB", timeout=600))
def plain(file: Upload, files: FileStore) -> dict[str, object]:
    return kept(files.save(file), files)


@app.post("/async", limits=Limits(body="2 GiB", timeout=600))
async def awaited(file: Upload, files: FileStore) -> dict[str, object]:
    return kept(files.save(file), files)


def kept(stored: StoredFile, files: FileStore) -> dict[str, object]:
    _last.append(stored)
    return {"name": stored.name, "filename": stored.filename, "type": stored.media_type, "size": stored.size,
            "digest": stored.digest, "url": files.url(stored)}  # fmt: skip


@app.post("/address")
def address(files: FileStore) -> str:
    return files.upload_address(largest="2 GiB").url


@app.get("/page")
async def page(files: FileStore) -> HTML:
    """A page of the app itself that refers to all that came, in each way that could run it."""
    urls = [files.url(each).replace("&", "&amp;") for each in _last]
    shown = "".join(
        f'<script src="{url}"></script><img src="{url}"><iframe src="{url}"></iframe><embed src="{url}">'
        f'<object data="{url}"></object><link rel="stylesheet" href="{url}">'
        for url in urls
    )
    return HTML(f"<!doctype html><title>page</title>{shown}")
