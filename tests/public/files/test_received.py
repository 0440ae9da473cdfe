"""A large upload is written once: into the storage's folder while it comes in, digested on the way, and then moved."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, Conflict, Limits, Response, Upload
from wholestack.files import Files, FileStore, FileTooLarge, FileTypeRefused, LocalStorage, MemoryStorage, Storage
from wholestack.testing import Client

KEY = "a key that nobody can guess"
LARGE = hashlib.sha256(b"seed").digest() * 50_000  # 1.6 MB: over `spool`, in several pieces.
Colour = Callable[[Any], Any]


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


def files_in(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def app_with(storage: Storage, handler: Callable[..., Any], **options: Any) -> App:
    app = App(docs=False, limits=Limits(body="64 MiB"))
    app.use(Files(storage, key=KEY, **options))
    app.post("/files")(handler)
    return app


def sent(app: App, content: bytes = LARGE, interface: Any = "asgi") -> Any:
    with Client(app, interface=interface) as client:
        return client.post("/files", files={"file": ("film.bin", content, "video/mp4")})


def test_what_came_in_is_what_is_kept(tmp_path: Path, interface: Any, colour: Colour) -> None:
    """The very file, not a copy: by its number; and nothing else is left."""
    seen: dict[str, Any] = {}

    def add(file: Upload, files: FileStore) -> dict[str, Any]:
        coming = files_in(tmp_path)
        assert [(each.parent.name, each.stat().st_mode & 0o777) for each in coming] == [("parts", 0o600)]
        seen["inode"] = coming[0].stat().st_ino
        stored = files.save(file, types={"application/octet-stream"})
        assert (file.read(10), len(file.read())) == (LARGE[:10], len(LARGE) - 10), "it can still be read"
        return {"name": stored.name, "size": stored.size, "digest": stored.digest, "filename": stored.filename}

    answer = sent(app_with(LocalStorage(tmp_path, mode=0o640), colour(add)), interface=interface)
    answer.expect(200)
    (kept,) = files_in(tmp_path)
    assert (kept.stat().st_ino, kept.stat().st_mode & 0o777) == (seen["inode"], 0o640)
    assert kept.read_bytes() == LARGE
    about = {"name": kept.name, "size": len(LARGE), "digest": hashlib.sha256(LARGE).hexdigest(), "filename": "film.bin"}
    assert answer.json() == about


def test_what_is_stored_is_changed_by_nobody(tmp_path: Path) -> None:
    """Whoever holds the upload can only read it from then on; a second save is a file of its own."""

    def add(file: Upload, files: FileStore) -> list[str]:
        held = file.file
        first = files.save(file)
        with pytest.raises(OSError, match="stored already"):
            held.write(b"overwritten")
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.pwrite(held.fileno(), b"overwritten", 0)
        second = files.save(file)
        files.delete(first)
        return [first.name, second.name]

    first, second = sent(app_with(LocalStorage(tmp_path), add)).expect(200).json()
    (kept,) = files_in(tmp_path)
    assert (kept.name, kept.read_bytes()) == (second, LARGE)
    assert first != second


@pytest.mark.parametrize("how", ["unasked", "type", "size", "raises", "status"])
def test_nothing_is_left_of_what_is_not_kept(tmp_path: Path, colour: Colour, how: str) -> None:
    def add(file: Upload, files: FileStore) -> Response:
        if how == "type":
            files.save(file, types={"image/*"})
        elif how == "size":
            files.save(file, largest=1000)
        elif how != "unasked":
            files.save(file)
        if how == "raises":
            raise Conflict
        return Response(status=409 if how == "status" else 204)

    answer = sent(app_with(LocalStorage(tmp_path), colour(add)))
    refusals = {"type": FileTypeRefused.status, "size": FileTooLarge.status, "unasked": 204}
    assert (answer.status, files_in(tmp_path)) == (refusals.get(how, 409), [])


@pytest.mark.parametrize("body", [b"--b\r\nnonsense", None])
def test_nothing_is_left_of_a_form_that_is_broken(tmp_path: Path, body: bytes | None, interface: Any) -> None:
    """After a large part that was right."""

    def add(file: Upload, files: FileStore) -> None:
        raise AssertionError

    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + LARGE
    broken = head if body is None else head + b"\r\n" + body
    with Client(app_with(LocalStorage(tmp_path), add), interface=interface) as client:
        answer = client.post("/files", body=broken, headers={"content-type": "multipart/form-data; boundary=b"})
    assert (answer.status, answer.json()["code"]) == (400, "malformed-form")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("how", ["back", "cut", "more", "turned"])
def test_what_was_changed_is_read_anew(tmp_path: Path, how: str) -> None:
    """The digest is that of what is kept, whatever the handler has written before."""

    def add(file: Upload, files: FileStore) -> list[str]:
        if how == "back":
            file.seek(10)
            file.file.write(b"X")
        elif how == "cut":
            file.file.truncate(1000)
        elif how == "more":
            file.file.seek(0, io.SEEK_END)
            file.file.write(b"more")
        else:
            for place, letter in ((1, b"b"), (0, b"a")):
                file.seek(len(LARGE) + place)
                file.write(letter)
        stored = files.save(file)
        return [stored.name, stored.digest]

    name, digest = sent(app_with(LocalStorage(tmp_path), add)).expect(200).json()
    (kept,) = files_in(tmp_path)
    changed = {"back": LARGE[:10] + b"X" + LARGE[11:], "cut": LARGE[:1000], "more": LARGE + b"more"}
    content = changed.get(how, LARGE + b"ab")
    assert (kept.name, kept.read_bytes()) == (name, content)
    assert digest == hashlib.sha256(content).hexdigest()


def test_a_storage_that_saves_in_its_own_way_is_asked(tmp_path: Path) -> None:
    class Marked(LocalStorage):
        def save(self, name: str, chunks: Iterable[bytes], media_type: str = "", disposition: str = "") -> None:
            super().save(name, [b"mark", *chunks], media_type, disposition)

    def add(file: Upload, files: FileStore) -> str:
        assert files_in(tmp_path) == []
        return files.save(file).name

    sent(app_with(Marked(tmp_path), add)).expect(200)
    (kept,) = files_in(tmp_path)
    assert kept.read_bytes() == b"mark" + LARGE


def test_only_who_asks_for_the_store_writes_there(tmp_path: Path) -> None:
    """Small uploads stay in memory, others' large ones go where temporary files go."""

    def add(file: Upload, files: FileStore) -> int:
        return len(files_in(tmp_path))

    def other(file: Upload) -> int:
        return len(files_in(tmp_path))

    app = app_with(LocalStorage(tmp_path), add)
    app.post("/other")(other)
    with Client(app) as client:
        assert client.post("/files", files={"file": ("a", b"small", "")}).json() == 0
        assert client.post("/files", files={"file": ("a", LARGE, "")}).json() == 1
        assert client.post("/other", files={"file": ("a", LARGE, "")}).json() == 0


class Papers(FileStore):
    """A second store."""


def test_a_second_store_gets_a_copy(tmp_path: Path) -> None:
    """Of two stores in one handler the first has the upload; what the other keeps is as whole."""
    papers = MemoryStorage()

    def add(file: Upload, files: FileStore, others: Papers) -> list[str]:
        return [others.save(file).digest, files.save(file).digest]

    app = app_with(LocalStorage(tmp_path), add)
    app.use(Files(papers, key=KEY, store=Papers, at="/papers"))
    digests = sent(app).expect(200).json()
    assert digests == [hashlib.sha256(LARGE).hexdigest()] * 2
    (kept,) = files_in(tmp_path)
    assert (kept.read_bytes(), len(papers)) == (LARGE, 1)


def test_the_disk_begins_before_the_end(tmp_path: Path) -> None:
    """Pages of a file that comes in are handed to the disk by the way: a save need not wait for all of them."""
    storage = LocalStorage(tmp_path)
    told: list[tuple[int, int]] = []
    advise = os.posix_fadvise

    def add(file: Upload, files: FileStore) -> str:
        return files.save(file).digest

    def noted(descriptor: int, start: int, length: int, advice: int) -> None:
        told.append((start, length))
        advise(descriptor, start, length, advice)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "posix_fadvise", noted)
        content = LARGE * 7
        digest = sent(app_with(storage, add, largest="64 MiB"), content).expect(200).text
        storage.save("0" * 32 + ".bin", (content[place : place + 100_000] for place in range(0, len(content), 100_000)))
    assert digest == hashlib.sha256(content).hexdigest()
    for begun in (told[: len(told) // 2], told[len(told) // 2 :]):
        assert [start for start, _ in begun] == [0, *(start + length for start, length in begun[:-1])]
        assert all(4 * 1024**2 <= length <= 5 * 1024**2 for _, length in begun)
