"""Archives: unpacked whole into a folder of their own, or refused with nothing left behind."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, Upload
from wholestack.files import ArchiveLimits, ArchiveRefused, Files, FileStore, MemoryStorage, extract
from wholestack.testing import Client

FILES = {"a.txt": b"one", "docs/b.txt": b"two", "docs/deep/c.bin": bytes(range(256)) * 10}


def zipped(files: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda info: None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, content)
    return target.getvalue()


def tarred(files: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda info: None) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


KINDS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "gz": lambda files: gzip.compress(tarred(files)),
    "bz2": lambda files: bz2.compress(tarred(files)),
}


@pytest.fixture(params=KINDS)
def pack(request: pytest.FixtureRequest) -> Callable[[dict[str, bytes]], bytes]:
    return KINDS[request.param]


def refused(content: bytes, folder: Path, match: str, **limits: Any) -> None:
    """Refused, and nothing of it is anywhere."""
    before = {each.relative_to(folder.parent) for each in folder.parent.rglob("*")}
    with pytest.raises(ArchiveRefused, match=match):
        extract(io.BytesIO(content), folder / "new", ArchiveLimits(**limits))
    after = {each.relative_to(folder.parent) for each in folder.parent.rglob("*")}
    assert after - before <= {folder.relative_to(folder.parent)}


def test_unpacked(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    old = os.umask(0o000)
    try:
        names = extract(io.BytesIO(pack({**FILES, "./d.txt": b""})), tmp_path / "new")
    finally:
        os.umask(old)
    assert sorted(names) == ["a.txt", "d.txt", "docs/b.txt", "docs/deep/c.bin"]
    for name, content in FILES.items():
        assert (tmp_path / "new" / name).read_bytes() == content
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new/docs/deep").stat().st_mode) == 0o700
    assert os.listdir(tmp_path) == ["new"]
    with pytest.raises(FileExistsError, match="something in"):
        extract(io.BytesIO(pack(FILES)), tmp_path / "new")
    (tmp_path / "empty").mkdir()
    (tmp_path / "archive").write_bytes(pack(FILES))
    assert len(extract(tmp_path / "archive", tmp_path / "empty")) == 3


def test_folders_in_an_archive(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.mkdir("empty")
        archive.writestr("full/a.txt", b"a")
    assert extract(target, tmp_path / "zip") == ["full/a.txt"]
    assert (tmp_path / "zip/empty").is_dir()
    content = tarred({"empty": b""}, lambda info: setattr(info, "type", tarfile.DIRTYPE))
    assert extract(io.BytesIO(content), tmp_path / "tar") == []
    assert (tmp_path / "tar/empty").is_dir()


OUTSIDE = [
    "../out.txt", "a/../../out.txt", "/out.txt", "..", "a/..", "a//b", "C:\\out.txt", "C:out.txt", "..\\out.txt",
    "a\\b", "a\nb", "a\x7fb", "\u202egnp.exe", "x" * 256, "ü" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path, name: str) -> None:
    refused(pack({"good.txt": b"good", name: b"bad"}), tmp_path / "in", "leads out|no ZIP or tar")
    assert not (tmp_path / "out.txt").exists()


def test_a_nul_in_a_name(tmp_path: Path) -> None:
    for name in ("", "/"):
        refused(zipped({name: b"bad"}), tmp_path / "in", "leads out")
    content = zipped({"aXb.txt": b"bad"}).replace(b"aXb.txt", b"a\x00b.txt")
    refused(content, tmp_path / "in", "leads out")


def kind(of: bytes) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = of, "/etc/passwd", 0

    return change


@pytest.mark.parametrize("of", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices(tmp_path: Path, of: bytes) -> None:
    refused(tarred({"link": b""}, kind(of)), tmp_path / "in", "link or a device")

    def mode(info: zipfile.ZipInfo) -> None:
        bits = {tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.FIFOTYPE: stat.S_IFIFO}
        info.create_system, info.external_attr = 3, (bits.get(of, stat.S_IFSOCK) | 0o777) << 16

    refused(zipped({"link": b"/etc/passwd"}, mode), tmp_path / "in", "link or a device")


def test_a_link_and_then_a_file_through_it(tmp_path: Path) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        link = tarfile.TarInfo("docs")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        info = tarfile.TarInfo("docs/out.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"bad"))
    refused(target.getvalue(), tmp_path / "in", "link or a device")
    assert not (tmp_path / "out.txt").exists()


def test_two_of_one_name(tmp_path: Path) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"))
        tar.addfile(tarfile.TarInfo("a.txt"))
    refused(target.getvalue(), tmp_path / "in", "one name")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", b"2")
    refused(target.getvalue(), tmp_path / "in", "one name")
    refused(zipped({"a": b"1", "a/b": b"2"}), tmp_path / "in", "one name")


def test_limits(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    content = pack(FILES)
    refused(content, tmp_path / "in", "at most 2 files and folders", files=2)
    refused(content, tmp_path / "in", "at most 10 bytes", total=10)
    refused(content, tmp_path / "in", "a file 2,000", file="2 kB")
    refused(content, tmp_path / "in", "at most 2 deep", depth=2)
    extract(io.BytesIO(content), tmp_path / "in/new", ArchiveLimits(total=2566, file=2560, files=3, depth=3))


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\x03\x04", tarred(FILES).replace(b"docs/b.txt", b"docs/x.txt"), zipped(FILES)[:-30], b"\x1f\x8b\x08" + bytes(20),
     gzip.compress(tarred(FILES))[:100], b"BZh9" + bytes(20), bz2.compress(tarred(FILES))[:60], tarred(FILES)[:700],
     b"\x1f\x8b", gzip.compress(b"no tar"), gzip.compress(tarred(FILES))[:-300] + bytes(300)],
)  # fmt: skip
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    refused(content, tmp_path / "in", "no ZIP or tar|link or a device|leads out")


def test_a_broken_file_within(tmp_path: Path) -> None:
    content = zipped({"a.txt": b"stored as it is"}, lambda info: setattr(info, "compress_type", zipfile.ZIP_STORED))
    refused(content.replace(b"as it is", b"as it waS"[:8]), tmp_path / "in", "no ZIP or tar")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack(tmp_path: Path, method: int) -> None:
    refused(
        zipped({"a": b"x" * 1000}, lambda info: setattr(info, "compress_type", method)), tmp_path / "in", "encrypted"
    )


def test_an_encrypted_file(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.txt": b"secret"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + place
        content[at : at + 2] = struct.pack("<H", struct.unpack("<H", content[at : at + 2])[0] | 1)
    refused(bytes(content), tmp_path / "in", "encrypted")


def test_a_sparse_file(tmp_path: Path) -> None:
    def sparse(info: tarfile.TarInfo) -> None:
        info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000000000", "GNU.sparse.name": "big"}

    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("big")
        info.size = 1
        sparse(info)
        archive.addfile(info, io.BytesIO(b"x"))
    refused(target.getvalue(), tmp_path / "in", "link or a device|at most")


def test_headers_that_never_end(tmp_path: Path) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "x" * 200_000}
        archive.addfile(info)
    refused(target.getvalue(), tmp_path / "in", "header in the archive")
    refused(gzip.compress(target.getvalue()), tmp_path / "in", "header in the archive")


def test_a_directory_of_names_alone(tmp_path: Path) -> None:
    refused(
        zipped({f"{'x' * 200}{number}": b"" for number in range(3000)}),
        tmp_path / "in",
        "directory of the archive",
        files=5,
    )
    refused(zipped({f"{number}": b"" for number in range(20)}), tmp_path / "in", "at most 5 files", files=5)


def test_in_an_app(tmp_path: Path) -> None:
    app = App(docs=False)
    app.use(Files(MemoryStorage(), key="a key that nobody can guess"))

    @app.post("/plain")
    def plain(archive: Upload) -> list[str]:
        return extract(archive, tmp_path / "plain")

    @app.post("/async")
    async def awaited(archive: Upload, files: FileStore) -> list[str]:
        return extract(archive, tmp_path / "async")

    for path in ("/plain", "/async"):
        answer = Client(app).post(path, files={"archive": ("a.zip", zipped(FILES), "application/zip")})
        assert sorted(answer.json()) == sorted(FILES)
    shutil.rmtree(tmp_path / "plain")
    bad = Client(app).post("/plain", files={"archive": ("a.zip", b"PK", "application/zip")})
    assert (bad.status, bad.json()["code"]) == (422, "archive-refused")
