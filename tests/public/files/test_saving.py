"""Files that come in: what they are is told by their bytes, and they stay only if the request ends well."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import databases
from wholestack import App, Body, Conflict, Limits, Text, Upload
from wholestack.errors import CannotWait
from wholestack.files import (
    Files,
    FileStore,
    FileTooLarge,
    FileTypeRefused,
    LocalStorage,
    MemoryStorage,
    Storage,
    StorageFault,
    StoredFile,
    sniff,
)
from wholestack.testing import Client

KEY = "a key that nobody can guess"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
Colour = Callable[[Any], Any]


def app_with(storage: Storage, **options: Any) -> App:
    app = App(docs=False, limits=Limits(body="64 MiB"))
    app.use(Files(storage, key=KEY, **options))
    return app


@pytest.fixture
def app(storage: Storage, colour: Colour) -> App:
    """An app without a database."""
    app = app_with(storage)

    @app.post("/files")
    @colour
    def add(file: Upload, files: FileStore) -> StoredFile:
        return files.save(file)

    @app.post("/many")
    @colour
    def add_many(file: list[Upload], files: FileStore) -> list[str]:
        return [files.save(each, types={"image/*"}, largest="1 MiB").name for each in file]

    @app.post("/fails")
    @colour
    def add_and_fail(file: Upload, files: FileStore, how: str) -> Text:
        files.save(file)
        if how == "raise":
            raise Conflict
        return Text("no", status=400)

    return app


def test_a_file_is_kept_under_a_name_of_ours(app: App, storage: Storage) -> None:
    content = PNG + b"x" * 3_000_000  # More than is kept in memory.
    found = Client(app).post("/files", files={"file": ("../../holiday.jpg", content, "text/html")}).json()
    assert re.fullmatch(r"[0-9a-f]{32}\.png", found.pop("name"))
    assert found == {
        "filename": "../../holiday.jpg",
        "media_type": "image/png",
        "size": len(content),
        "digest": hashlib.sha256(content).hexdigest(),
        "variants": [],
        "width": None,
        "height": None,
    }
    (kept,) = storage.names()
    assert b"".join(storage.open(kept.name)) == content


@pytest.mark.parametrize("how", ["raise", "answer"])
def test_what_belongs_to_a_request_that_failed_goes(app: App, storage: Storage, how: str) -> None:
    answer = Client(app).post(f"/fails?how={how}", files={"file": ("a.png", PNG, "image/png")})
    assert answer.status == (409 if how == "raise" else 400)
    assert list(storage.names()) == []


def test_each_of_several_files_is_looked_at(app: App, storage: Storage) -> None:
    client = Client(app)
    good, page = ("a.png", PNG, "image/png"), ("b.png", b"<html><script>alert(1)</script>", "image/png")
    assert len(client.post("/many", files=[("file", good), ("file", good)]).expect(200).json()) == 2
    refused = client.post("/many", files=[("file", good), ("file", page)])
    assert (refused.status, refused.json()["code"]) == (415, "file-type-refused")
    refused = client.post("/many", files=[("file", good), ("file", ("c.png", PNG + bytes(1024**2), "image/png"))])
    assert (refused.status, refused.json()["code"]) == (413, "file-too-large")
    assert len(list(storage.names())) == 2


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_body_as_a_stream(interface: Any) -> None:
    storage = MemoryStorage()
    app = app_with(storage, largest="2 MiB")

    @app.put("/plain")
    def plain(chunks: Body[Iterator[bytes]], files: FileStore) -> int:
        return files.save(chunks, filename="a").size

    @app.put("/async")
    async def awaited(chunks: Body[AsyncIterator[bytes]], files: FileStore) -> int:
        return files.save(chunks, filename="a").size

    with Client(app, interface=interface) as client:
        for path in ("/plain", "/async"):
            assert client.put(path, body=b"x" * 1_500_000).json() == 1_500_000
            assert client.put(path, body=b"x" * 3_000_000).status == 413
    assert len(storage) == 2


def test_where_bytes_may_come_from(tmp_path: Any) -> None:
    files = app_with(LocalStorage(tmp_path)).plugin(Files).store()
    for source in (b"text", bytearray(b"text"), io.BytesIO(b"text"), [b"te", b"xt"], iter([b"te", b"", b"xt"])):
        stored = files.save(source)
        assert (stored.media_type, stored.size, stored.name[-4:]) == ("text/plain", 4, ".txt")
        assert files.read(stored) == b"text"
        assert b"".join(files.chunks(stored)) == b"text"
    stored = files.save(b"", filename="\x00nothing\r\n" + "x" * 300)
    assert (stored.media_type, stored.size, stored.name[-4:]) == ("application/octet-stream", 0, ".bin")
    assert stored.filename == ("nothing" + "x" * 300)[:255]
    assert files.exists(stored)
    files.delete(stored)  # Outside of a unit: at once.
    assert not files.exists(stored)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"abc"

    assert files.read(files.save(chunks())) == b"abcabcabc"


def test_read_has_a_limit() -> None:
    files = app_with(MemoryStorage()).plugin(Files).store()
    stored = files.save(b"x" * 100)
    with pytest.raises(FileTooLarge, match="at most 10 bytes"):
        files.read(stored, largest=10)
    with pytest.raises(FileTooLarge):
        files.save(b"x" * 100, largest=99)
    with pytest.raises(LookupError, match="has none"):
        files.read(stored, variant="small")


def test_deleted_when_the_request_has_ended_well(app: App, storage: Storage, colour: Colour) -> None:
    def gone(name: str, files: FileStore, fail: bool = False) -> bool:
        stored = StoredFile(name, "", "image/png", 1, "")
        files.delete(stored)
        if fail:
            raise Conflict
        return files.exists(stored)

    app.delete("/files/{name}")(colour(gone))
    client = Client(app)
    name = client.post("/files", files={"file": ("a.png", PNG, "image/png")}).json()["name"]
    client.delete(f"/files/{name}?fail=true").expect(409)
    assert storage.exists(name)
    assert client.delete(f"/files/{name}").json() is True  # Until the end of the request it is there.
    assert not storage.exists(name)


def test_what_is_stored_is_never_read_from_outside(app: App) -> None:
    @app.post("/takes")
    def takes(stored: StoredFile) -> str:
        return stored.name

    forged = {"name": "0" * 32 + ".png", "filename": "", "media_type": "image/png", "size": 1, "digest": ""}
    assert Client(app).post("/takes", json=forged).status == 422


def test_outside_of_a_driven_call_nothing_blocks_the_loop() -> None:
    files = app_with(MemoryStorage()).plugin(Files).store()

    async def alone() -> None:
        files.save(b"x")

    with pytest.raises(CannotWait, match="files: FileStore"):
        asyncio.run(alone())


def test_the_loop_goes_on_while_a_file_is_written() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MemoryStorage):
        loop: Any = None

        def save(self, name: str, chunks: Any, media_type: str = "", disposition: str = "") -> None:
            self.loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), self.loop).result(30)
            super().save(name, chunks)

    storage = Slow()
    app = app_with(storage)

    @app.post("/")
    async def add(files: FileStore) -> int:
        storage.loop = asyncio.get_running_loop()
        return files.save(b"x").size

    @app.post("/go")
    async def go() -> None:
        await asyncio.wait_for(entered.wait(), 30)
        go_on.set()

    async def both() -> list[Any]:
        from wholestack.testing import AsyncClient

        async with AsyncClient(app) as client:
            return await asyncio.gather(client.post("/"), client.post("/go"))

    first, second = asyncio.run(both())
    assert (first.json(), second.status) == (1, 204)


def test_who_leaves_leaves_no_file() -> None:
    """A request that is cancelled waits for the thread that writes, and what that wrote goes."""
    begun = asyncio.Event()
    storage = MemoryStorage()
    app = app_with(storage)
    seen: list[str] = []

    @app.post("/")
    async def add(files: FileStore) -> int:
        async def never_ends() -> AsyncIterator[bytes]:
            yield PNG * 100
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("pulling ended")
            yield b""

        return files.save(never_ends()).size

    async def leave() -> None:
        from wholestack.testing import AsyncClient

        async with AsyncClient(app) as client:
            asking = asyncio.ensure_future(client.post("/"))
            await asyncio.wait_for(begun.wait(), 30)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(leave())
    assert len(storage) == 0
    assert seen == ["pulling ended"]


def test_two_kinds_of_files() -> None:
    class Papers(FileStore):
        """Kept apart."""

    photos, papers = MemoryStorage(), MemoryStorage()
    app = App(docs=False)
    app.use(
        Files(photos, key=KEY, types={"image/*"}),
        Files(papers, key=KEY, at="papers", store=Papers, types={"text/plain"}),
    )

    @app.post("/")
    def add(files: FileStore, papers: Papers) -> list[str]:
        return [files.url(files.save(PNG)), papers.url(papers.save(b"text"))]

    client = Client(app)
    photo, paper = client.post("/").json()
    assert photo.startswith("/files/") and paper.startswith("/papers/")
    assert (client.get(photo).body, client.get(paper).body) == (PNG, b"text")
    assert (len(photos), len(papers)) == (1, 1)
    with pytest.raises(FileTypeRefused, match="one of these types, by its content: text/plain"):
        app.plugins[1].store().save(PNG)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0else", "application/octet-stream"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypheic", "image/heic"),
        (b"\0\0\0\x1cftypisom", "video/mp4"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "audio/ogg"),
        (b"\x1a\x45\xdf\xa3" + bytes(20) + b"webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3" + bytes(20) + b"matroska", "video/x-matroska"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04" + bytes(26) + b"a.txt", "application/zip"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(50) + b"xl/workbook.xml",
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "application/zip"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.textPK",
         "application/vnd.oasis.opendocument.text"),
        (b"a" + bytes(256) + b"ustar", "application/x-tar"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"  <!DOCTYPE html>", "text/html"),
        (b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg><script/></svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><feed/>", "text/xml"),
        ("Grüße; 1 < 2".encode(), "text/plain"),
        (("x" * 8191 + "ü").encode(), "text/plain"),
        (b"Gr\xfc\xdfe", "application/octet-stream"),
        (b"x" * 8190 + b"\xfc\xfc", "text/plain"),
        (b"\xfc" + b"x" * 9000, "application/octet-stream"),
        (b"a\x00b", "application/octet-stream"),
        (b"\xff\xfea\x00", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)  # fmt: skip
def test_what_bytes_are(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


def test_a_drawing_with_scripts_is_no_picture() -> None:
    files = app_with(MemoryStorage()).plugin(Files).store()
    with pytest.raises(FileTypeRefused):
        files.save(b"<svg onload='alert(1)'/>", types={"image/*"})
    assert files.save(b"<svg/>", types={"image/svg+xml"}).name.endswith(".bin")


def test_an_origin_that_is_none() -> None:
    with pytest.raises(StorageFault, match="beginning of an address"):
        Files(MemoryStorage(), origin="files.example.org/x")


@pytest.fixture
def small() -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = Path(tempfile.mkdtemp(prefix="wholestack-files-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True).returncode:
        folder.rmdir()
        databases.absent("this user may mount nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def test_F8_a_full_disk(small: Path, colour: Colour) -> None:
    """507, no part of a file is left, and with room again all goes on."""
    app = app_with(LocalStorage(small))

    def add(file: Upload, files: FileStore) -> str:
        return files.save(file).name

    app.post("/")(colour(add))
    client = Client(app)
    full = client.post("/", files={"file": ("a", bytes(3_000_000), "")})
    assert (full.status, full.json()["code"]) == (507, "storage-full")
    assert [each for each in small.rglob("*") if each.is_file()] == []
    client.post("/", files={"file": ("a", bytes(300_000), "")}).expect(200)


def test_another_error_of_a_storage_is_what_it_is() -> None:
    class Broken(MemoryStorage):
        def save(self, name: str, chunks: Any, media_type: str = "", disposition: str = "") -> None:
            raise PermissionError(13, "not yours")

    with pytest.raises(PermissionError):
        app_with(Broken()).plugin(Files).store().save(b"x")


def test_removed_where_nothing_can_wait() -> None:
    """Where a request has been cancelled there is nobody to wait; the file goes all the same."""
    storage = MemoryStorage()
    files = app_with(storage).plugin(Files).store()
    stored = files.save(b"x")

    async def later() -> None:
        files.remove([stored.name])
        while len(storage):
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(later(), 30))
