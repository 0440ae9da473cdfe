"""Storages: each keeps, gives and deletes alike; a folder keeps to itself, a bucket to its protocol."""

from __future__ import annotations

import datetime
import os
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3_service import SECRET, S3Service, bucket
from wholestack.files import FileMissing, LocalStorage, MemoryStorage, S3Storage, Storage, StorageFault

NAME = "0123456789abcdef0123456789abcdef.png"
OTHER = "fedcba9876543210fedcba9876543210-small.png"
INCOMING = "incoming-00112233445566778899aabbccddeeff"


def test_kept_given_and_deleted(storage: Storage) -> None:
    assert not storage.exists(NAME)
    storage.save(NAME, [b"abc", b"", b"defgh"], "image/png", "inline")
    assert (storage.exists(NAME), storage.size(NAME)) == (True, 8)
    assert b"".join(storage.open(NAME)) == b"abcdefgh"
    assert b"".join(storage.open(NAME, 2, 5)) == b"cde"
    assert b"".join(storage.open(NAME, 6)) == b"gh"
    assert b"".join(storage.open(NAME, 3, 3)) == b""
    storage.save(OTHER, iter([b"x" * 1000] * 1000), "image/png", "inline")
    storage.save(INCOMING, [b""], "", "")
    assert (storage.size(OTHER), storage.size(INCOMING)) == (1_000_000, 0)
    assert b"".join(storage.open(OTHER)) == b"x" * 1_000_000
    now = datetime.datetime.now(datetime.UTC)
    assert sorted(each.name for each in storage.names()) == [NAME, OTHER, INCOMING]
    assert all(abs(now - each.changed) < datetime.timedelta(minutes=5) for each in storage.names())
    storage.delete(NAME)
    storage.delete(NAME)
    assert [storage.exists(each) for each in (NAME, OTHER)] == [False, True]
    for ask in (storage.size, lambda name: list(storage.open(name))):
        with pytest.raises(FileMissing):
            ask(NAME)


def test_half_a_file_is_none(storage: Storage) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        storage.save(NAME, breaks(), "", "")
    assert not storage.exists(NAME)
    assert list(storage.names()) == []


NONE = [
    "", "..", "../x", "/etc/passwd", "a.png", NAME.upper(), NAME + "\n", NAME + "/x", "x/" + NAME, NAME + "\x00", "parts",
    "incoming-x", "C:\\" + NAME, NAME[:-4], NAME + ".html.exe.toolong", "incoming-" + "../" * 10 + "ab",
]  # fmt: skip


def test_no_name_but_ours(storage: Storage) -> None:
    for name in NONE:
        for call in (storage.exists, storage.size, storage.delete, storage.open):
            with pytest.raises(StorageFault):
                call(name)
        with pytest.raises(StorageFault):
            storage.save(name, [b""], "", "")
    if isinstance(storage, LocalStorage):
        with pytest.raises(StorageFault):
            storage.path("../x")
    else:
        assert storage.path(NAME) is None
    assert isinstance(storage, S3Storage) or (storage.url(NAME, 60), storage.upload_url(NAME, 60)) == (None, None)


def test_a_name_that_is_none_is_signed_by_nobody(s3: S3Service) -> None:
    for sign in (bucket(s3).url, bucket(s3).upload_url):
        with pytest.raises(StorageFault):
            sign("../x", 60)


# -- a folder ----------------------------------------------------------------------------------------------------


def test_modes_are_what_is_said_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o022, 0o077):
        for mode, folders in ((0o600, 0o700), (0o640, 0o750), (0o644, 0o755)):
            folder = tmp_path / f"{umask:o}-{mode:o}"
            before = os.umask(umask)
            try:
                LocalStorage(folder, mode=mode).save(NAME, [b"x"])
            finally:
                os.umask(before)
            path = folder / NAME[:2] / NAME
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert stat.S_IMODE(path.parent.stat().st_mode) == folders
            assert not list((folder / "parts").iterdir())


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o666, 0o622, 0o400, 0o4600])
def test_modes_that_let_others_write_or_run(tmp_path: Path, mode: int) -> None:
    with pytest.raises(StorageFault, match="0o600, 0o640 or 0o644"):
        LocalStorage(tmp_path, mode=mode)


def test_a_folder_beside_the_file_that_says_so() -> None:
    assert LocalStorage("files").folder == str(Path(__file__).parent / "files")
    assert list(LocalStorage("files-that-are-not-there").names()) == []
    assert "files" in repr(LocalStorage("files"))


def test_what_else_lies_in_the_folder_is_none_of_ours(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.save(NAME, [b"x"])
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / NAME[:2] / "notes.txt").write_text("mine")
    (tmp_path / NAME[:2] / OTHER).write_text("in the folder of another name")
    (tmp_path / NAME[:2] / (NAME[:31] + "0.png")).mkdir()
    (tmp_path / "ff").symlink_to(tmp_path / NAME[:2])
    assert [each.name for each in storage.names()] == [NAME]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    storage.save(NAME, [b"x"])
    (tmp_path / "secret").write_text("secret")
    os.unlink(tmp_path / "files" / NAME[:2] / NAME)
    (tmp_path / "files" / NAME[:2] / NAME).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        list(storage.open(NAME))


def test_memory(tmp_path: Path) -> None:
    storage = MemoryStorage()
    storage.save(NAME, [b"x"])
    assert (len(storage), repr(storage)) == (1, "<MemoryStorage of 1 files>")


# -- a bucket ----------------------------------------------------------------------------------------------------


def test_a_bucket_says_how_its_files_are_to_be_offered(s3: S3Service) -> None:
    storage = bucket(s3)
    storage.save(NAME, [b"x"], "image/png", 'inline; filename="a.png"')
    storage.save(OTHER, [b"x"])
    content, about, _ = s3.objects[f"app/{NAME}"]
    assert (content, about) == (b"x", {"content-type": "image/png", "content-disposition": 'inline; filename="a.png"'})
    assert s3.objects[f"app/{OTHER}"][1]["content-disposition"] == "attachment"
    assert repr(storage) == "<S3Storage bucket/app>"
    assert SECRET not in repr(vars(storage))


def test_a_large_file_goes_in_parts(s3: S3Service) -> None:
    storage = bucket(s3)
    storage.save(NAME, (bytes([number]) * 1024**2 for number in range(20)), "", "")
    assert storage.size(NAME) == 20 * 1024**2
    assert b"".join(storage.open(NAME, 5 * 1024**2 - 1, 5 * 1024**2 + 1)) == b"\x04\x05"
    assert s3.parts == {}


def test_signed_addresses_of_a_bucket(s3: S3Service) -> None:
    storage = bucket(s3)
    taken = storage.upload_url(INCOMING, 60)
    urllib.request.urlopen(urllib.request.Request(taken, b"sent", method="PUT")).close()
    assert b"".join(storage.open(INCOMING)) == b"sent"
    with urllib.request.urlopen(storage.url(INCOMING, 60)) as answer:
        assert answer.read() == b"sent"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(storage.url(INCOMING, 60).replace("00112233", "00112234"))
    refused.value.close()
    assert refused.value.code == 403


def test_others_files_in_a_bucket_are_none_of_ours(s3: S3Service) -> None:
    bucket(s3, "app").save(NAME, [b"x"])
    bucket(s3, "other").save(OTHER, [b"x"])
    s3.objects["app/readme.txt"] = s3.objects[f"app/{NAME}"]
    assert [each.name for each in bucket(s3, "app").names()] == [NAME]


def test_a_bucket_that_refuses(s3: S3Service) -> None:
    s3.failing = True
    with pytest.raises(Exception, match=r"[Pp]ermission|AccessDenied|403"):
        bucket(s3).save(NAME, [b"x"])


def test_a_bucket_that_cannot_be() -> None:
    with pytest.raises(StorageFault, match="is an address"):
        S3Storage("bucket", endpoint="no address")
    storage = S3Storage("bucket", prefix="a//b", region="x", access_key_id="a", secret_access_key="b")
    with pytest.raises(StorageFault, match="The bucket bucket cannot be used"):
        storage.save(NAME, [b"x"])


def test_without_the_package() -> None:
    program = (
        "import sys; sys.modules['obstore'] = sys.modules['PIL'] = None\n"
        "from wholestack.files import PackageMissing, S3Storage, cleaned\n"
        "for call in (lambda: S3Storage('b'), lambda: cleaned(b'')):\n"
        "    try: call()\n"
        "    except PackageMissing as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert 'pip install "wholestack[s3]"' in said and 'pip install "wholestack[images]"' in said


def test_the_core_loads_none_of_it() -> None:
    program = (
        "import sys, wholestack; print([name for name in sys.modules if 'files' in name and 'wholestack' in name])"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "wholestack.files" not in said
