from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholestack.http import FormParser, Limits, Upload


def sent(disposition: bytes) -> Upload:
    """The upload that a part with such a Content-Disposition makes."""
    parser = FormParser("multipart/form-data; boundary=b", Limits())
    head = b"--b\r\nContent-Disposition: form-data; name=u; " + disposition
    parser.feed(head + b"\r\nContent-Type: image/png\r\n\r\ncontent\r\n--b--\r\n")
    return parser.close().files[0][1]


@pytest.mark.parametrize(
    ("disposition", "filename", "suffix"),
    [
        (b'filename="a.png"', "a.png", ".png"),
        (b"filename=a.PNG", "a.PNG", ".png"),
        (b'filename="../../x.sh"', "../../x.sh", ".sh"),
        (b'filename="/etc/passwd"', "/etc/passwd", ""),
        (b'filename="C:\\x.exe"', "x.exe", ".exe"),
        (b'filename="a\x00.png"', "a.png", ".png"),
        (b'filename="x.php\x00.png"', "x.php.png", ".png"),
        (b'filename="a%0D%0AX: y.txt"', "aX: y.txt", ".txt"),
        (b'filename="CON"', "CON", ""),
        (b'filename="NUL.txt"', "NUL.txt", ".txt"),
        (b'filename="%22quoted%22.txt"', '"quoted".txt', ".txt"),
        (b'filename="caf\xc3\xa9.jpeg"', "café.jpeg", ".jpeg"),
        (b'filename="' + b"a" * 4096 + b'.gif"', "a" * 4096 + ".gif", ".gif"),
        (b'filename=""', "", ""),
        (b"filename=\"a.png\"; filename*=utf-8''evil.html", "a.png", ".png"),
        (b"filename*=utf-8''evil.html; filename=\"a.png\"", "a.png", ".png"),
        (b"filename*=utf-8''..%2Fa%00.html", "../a.html", ".html"),
    ],
)
def test_file_names_are_data(disposition: bytes, filename: str, suffix: str) -> None:
    upload = sent(disposition)
    assert (upload.filename, upload.suffix) == (filename, suffix)
    assert re.fullmatch(r"[0-9a-f]{32}" + re.escape(suffix), upload.generated_name())
    assert upload.generated_name() != upload.generated_name()
    upload.close()


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "a",
        ".png",
        "a.",
        "a.png ",
        "a.png.",
        "a/.png",
        "a\\.png",
        "a.p/g",
        "a.é",
        "a.\u017fh",
        "a.tar~",
        "a." + "x" * 11,
        "..",
        "./.a",
    ],
)
def test_no_suffix(filename: str) -> None:
    assert Upload(filename).suffix == ""


@given(st.text())
def test_suffix_is_always_safe(filename: str) -> None:
    upload = Upload(filename)
    assert re.fullmatch(r"(\.[a-z0-9]{1,10})?", upload.suffix)
    assert not re.search("[\x00-\x1f\x7f-\x9f]", upload.filename)


def test_read_seek_and_repr() -> None:
    upload = Upload("secret-name.txt", "text/plain")
    upload.write(b"con")
    upload.write(b"tent")
    upload.seek(0)
    assert (upload.size, upload.read(3), upload.read(), upload.read()) == (7, b"con", b"tent", b"")
    upload.seek(3)
    assert upload.file.read() == b"tent"
    assert repr(upload) == "<Upload text/plain 7 bytes>"
    upload.close()


@pytest.mark.parametrize("spool", [0, 3, 7, 100])
def test_save(spool: int, tmp_path: Path) -> None:
    upload = Upload("../evil.txt", spool=spool)
    upload.write(b"content")
    assert upload.on_disk == (spool < 7)
    assert upload.would_spill(0) == upload.on_disk
    target = tmp_path / upload.generated_name()
    upload.save(target)
    assert target.read_bytes() == b"content"
    assert upload.read() == b"content"
    with pytest.raises(FileExistsError):
        upload.save(str(target))
    target.write_bytes(b"something longer than the content")
    upload.save(target, overwrite=True)
    assert target.read_bytes() == b"content"
    assert [each.name for each in tmp_path.iterdir()] == [target.name]
    upload.close()


def test_nothing_is_left_where_saving_fails(tmp_path: Path) -> None:
    upload = Upload("a.txt")
    upload.close()
    with pytest.raises(ValueError, match="closed"):
        upload.save(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_linear(linear: Callable[..., None]) -> None:
    linear(lambda text: Upload(text).suffix)
    linear(lambda text: Upload(text).suffix, "a.", ".png")
