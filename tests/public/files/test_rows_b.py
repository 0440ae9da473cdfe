"""SECURITY's rows B8, B9 and B10: names, what is in files, and what they become."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import serving, wire

APP = str(Path(__file__).parent / "served_app.py")
SERVERS = {"uvicorn": (), "granian-wsgi": ("--server", "granian", "--interface", "wsgi")}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{2,5}")
MIB = 1024**2


class Served:
    """The app behind a server, with its folder."""

    def __init__(self, running: Any, folder: Path) -> None:
        self.running = running
        self.folder = folder
        self.port: int = running.port

    def upload(self, disposition: bytes, content: bytes, path: str = "/plain") -> wire.Answer:
        body = (
            b"--xyz\r\nContent-Disposition: form-data; name=file"
            + disposition
            + b"\r\n\r\n"
            + content
            + b"\r\n--xyz--\r\n"
        )
        with wire.Connection(self.port) as connection:
            return connection.ask(path, "POST", [("Content-Type", "multipart/form-data; boundary=xyz")], body)

    def get(self, url: str, headers: wire.Pairs = ()) -> wire.Answer:
        with wire.Connection(self.port) as connection:
            return connection.ask(url, headers=headers)

    def kept(self) -> list[str]:
        return sorted(str(each.relative_to(self.folder)) for each in self.folder.rglob("*") if each.is_file())


@contextlib.contextmanager
def serving_files(folder: Path, *words: str) -> Iterator[Served]:
    (folder / "files").mkdir()
    environment = {"FILES_FOLDER": str(folder / "files"), "FILES_KEY": "a key that nobody can guess"}
    with serving.serve(*words, app=APP, environment=environment, cwd=folder) as running:
        running.ready()
        yield Served(running, folder)


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_files(tmp_path_factory.mktemp("served"), *SERVERS[request.param]) as found:
        yield found


NAMES = {
    "out of the folder": (b'; filename="../../x"', "../../x"),
    "of Windows": (
        b'; filename="C:\\\\x"',
        "x",
    ),  # As browsers of old sent it: the core keeps what is behind the last slash.
    "with a NUL": (b'; filename="a\x00.png"', None),
    "a device": (b"; filename=CON", "CON"),
    "long": (b'; filename="' + b"x" * 4000 + b'.png"', "x" * 255),
    "empty": (b'; filename=""', ""),
    "twice": (b"; filename=\"a.png\"; filename*=UTF-8''evil.html", "a.png"),
    "encoded": (b'; filename="%2e%2e%2fx"', "%2e%2e%2fx"),
    "turned": ('; filename="a\u202egnp.exe"'.encode(), None),
    "hidden": (b'; filename=".htaccess"', ".htaccess"),
    "of two endings": (b'; filename="a.php.png"', "a.php.png"),
}


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_B8_a_clients_name_is_data(served: Served, case: str, path: str) -> None:
    """Kept under a name of ours, with an ending that the bytes decide; what the client called it is only shown."""
    disposition, expected = NAMES[case]
    before = set(served.kept())
    answer = served.upload(disposition, PNG, path)
    if answer.status != 200:
        assert answer.status == 400 and set(served.kept()) == before  # A NUL is no form (RFC 7578).
        return
    found = json.loads(answer.body)
    assert NAME.fullmatch(found["name"]) and found["name"].endswith(".png")
    if expected is not None:
        assert found["filename"] == expected
    assert not re.search("[\x00-\x1f]", found["filename"])
    assert set(served.kept()) - before == {f"files/{found['name'][:2]}/{found['name']}"}
    out = served.get(found["url"])
    assert (out.status, out.body) == (200, PNG)
    shown = out["content-disposition"]
    assert shown.startswith("inline") and "\u202e" not in shown and "/" not in shown.partition("filename*")[0]


SCRIPT = b"window.ran = 1; alert(1)"
POLYGLOTS = {
    "html.jpg": b"<!doctype html><script>" + SCRIPT + b"</script>",
    "late.jpg": b"plain words\n" * 50 + b"<script>" + SCRIPT + b"</script>",
    "svg.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>' + SCRIPT + b"</script></svg>",
    "svg.png": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "script.js": SCRIPT,
    "gif-js.gif": b"GIF89a/*" + bytes(20) + b"*/=1;" + SCRIPT,
    "png-html.png": PNG + b"<script>" + SCRIPT + b"</script>",
    "jpeg-html.jpg": b"\xff\xd8\xff\xfe\x00\x60<html><script>" + SCRIPT + b"</script>",
    "pdf-html.pdf": b"%PDF-1.7\n<html><script>" + SCRIPT + b"</script>",
    "zip-html.zip": b"PK\x03\x04<html><script>" + SCRIPT + b"</script>",
    "xhtml.xml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>'
    + SCRIPT
    + b"</script></html>",
    "utf7.txt": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "sheet.css": b"body { background: url(javascript:alert(1)) }",
    "webm.webm": b"\x1a\x45\xdf\xa3" + bytes(8) + b"webm<script>" + SCRIPT + b"</script>",
}
SHOWN = {"image/png", "image/jpeg", "image/gif", "video/webm"}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_B9_nothing_in_a_file_runs(served: Served, name: str) -> None:
    """Served as what its bytes begin as, or saved and not shown; sniffed by nobody, and in a sandbox all the same."""
    answer = served.upload(f'; filename="{name}"\r\nContent-Type: text/html'.encode(), POLYGLOTS[name])
    found = json.loads(answer.body)
    assert not found["name"].endswith((".html", ".svg", ".xml", ".js", ".css"))
    for headers in ((), [("range", "bytes=0-1000")], [("accept", "text/html")]):
        out = served.get(found["url"], headers)
        assert out.status in {200, 206}
        kind = out["content-type"].partition(";")[0]
        assert out["x-content-type-options"] == "nosniff"
        plays = "sandbox allow-same-origin; default-src 'none'; media-src 'self'"
        assert out["content-security-policy"] == (plays if kind == "video/webm" else "sandbox; default-src 'none'")
        assert out["content-disposition"].startswith("inline") == (kind in SHOWN)
        assert kind in SHOWN | {"application/octet-stream", "application/pdf", "application/zip", "text/plain"}
    # The name in the address, the query and what follows change nothing of that.
    assert served.get(found["url"].replace("?", "/x.html?")).status == 404
    assert served.get(found["url"].replace(name, "x.html")).status == 404


# -- B10 ---------------------------------------------------------------------------------------------------------

MEASURE = """
import io, os, resource, sys, tempfile, time
from wholestack.files import ArchiveRefused, ImageRefused, cleaned, extract
import PIL.Image, PIL.ImageOps, PIL.PngImagePlugin, tarfile, zipfile, bz2, gzip

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def measure(name):
    content = open(os.path.join(sys.argv[1], name), "rb").read()
    folder = tempfile.mkdtemp(dir=sys.argv[1])
    before, began = peak(), time.process_time()
    try:
        cleaned(content) if name.startswith("picture") else extract(io.BytesIO(content), os.path.join(folder, "new"))
        said = "taken"
    except (ArchiveRefused, ImageRefused) as error:
        said = error.code
    print(name, said, time.process_time() - began, peak() - before, len(os.listdir(folder)), sep="|", flush=True)

try:  # What is loaded once is loaded.
    cleaned(b"GIF89a")
except ImageRefused:
    pass
for name in sys.argv[2:]:
    if not os.fork():  # A process of its own for each: its peak is its own.
        measure(name)
        os._exit(0)
    os.wait()
"""

BOMBS = """
import bz2, gzip, io, struct, sys, tarfile, zipfile, zlib
MIB, SIZE = 1024**2, int(sys.argv[2])

def png(width, height, data):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")

def zeros(size, level=9):
    pack, found = zlib.compressobj(level), []
    for _ in range(size // MIB):
        found.append(pack.compress(bytes(MIB)))
    return b"".join([*found, pack.flush()])

def gif(frames):
    image = b"\\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\\x02\\x02\\x44\\x01\\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + image * frames + b";"

def zipped(files, **lies):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in files:
            with archive.open(name, "w") as file:
                for _ in range(size // MIB):
                    file.write(bytes(MIB))
    return target.getvalue()

def lying(content):
    # The directory says that each file has ten bytes.
    found = bytearray(content)
    at = found.find(b"PK\\x01\\x02")
    found[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(found)

def tarred(size):
    info = tarfile.TarInfo("big")
    info.size = size
    pack = zlib.compressobj(9, wbits=31)
    found = [pack.compress(info.tobuf())]
    for _ in range(size // MIB):
        found.append(pack.compress(bytes(MIB)))
    return b"".join([*found, pack.compress(bytes(1024)), pack.flush()])

def headers(size):
    info = tarfile.TarInfo("name")
    info.type, info.size = b"x", size
    pack = zlib.compressobj(9, wbits=31)
    found = [pack.compress(info.tobuf())]
    for _ in range(size // MIB):
        found.append(pack.compress(b" " * MIB))
    return b"".join([*found, pack.flush()])

def overlapping(files):
    # Each entry of the directory leads to the same bytes (Fifield, "A better zip bomb", 2019).
    content = zipped([("a", 8 * MIB)])
    at, end = content.find(b"PK\\x01\\x02"), content.find(b"PK\\x05\\x06")
    entry = content[at:end]
    tail = struct.pack("<4s4H2LH", b"PK\\x05\\x06", 0, 0, files, files, len(entry) * files, at, 0)
    return content[:at] + entry * files + tail

kinds = {
    "picture of 60,000 pixels": lambda: png(60_000, 60_000, zeros(8 * MIB)),
    "picture of gigabytes": lambda: png(0x7FFFFFFF, 0x7FFFFFFF, zeros(MIB)),
    "picture a little too large": lambda: png(5_001, 5_000, zeros(8 * MIB)),
    "picture of many frames": lambda: gif(1000 * SIZE),
    "zip": lambda: zipped([("big", SIZE * MIB)]),
    "zip of many": lambda: zipped([(f"{number}", 16 * MIB) for number in range(SIZE // 16)]),
    "zip that lies": lambda: lying(zipped([("big", SIZE // 2 * MIB)])),
    "zip that overlaps": lambda: overlapping(900),
    "zip of names": lambda: zipped([(f"{number}", 0) for number in range(100 * SIZE)]),
    "tar.gz": lambda: tarred(SIZE * MIB),
    "tar.bz2": lambda: bz2.compress(gzip.decompress(tarred(SIZE // 4 * MIB))),
    "tar of headers": lambda: headers(SIZE * MIB),
}
for name in sys.argv[3:]:
    open(f"{sys.argv[1]}/{name}", "wb").write(kinds[name]())
"""
KINDS = re.findall(r'^    "(.*?)": lambda', BOMBS, re.MULTILINE)
MORE = {"picture of 60,000 pixels", "picture of gigabytes", "zip", "zip of many", "tar.gz", "tar of headers"}
"""What the row names: refused in 0.2 s. The others take as long as it takes to see that they are too much."""


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What came of each bomb: what was said, CPU time, memory, and what was left."""
    folder = str(tmp_path_factory.mktemp("bombs"))
    size = "1024" if request.config.getoption("--long") else "128"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    subprocess.run([sys.executable, "-c", BOMBS, folder, size, *KINDS], check=True)
    words = [sys.executable, "-c", MEASURE, folder, *KINDS]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    return {name: found for name, *found in (line.split("|") for line in done.stdout.splitlines())}


@pytest.mark.parametrize("name", KINDS)
def test_B10_what_becomes_too_much(measured: dict[str, list[str]], name: str) -> None:
    """Refused at next to no cost, and nothing of it is left: less than 0.2 s, less than 50 MB."""
    said, spent, grown, left = measured[name]
    assert (said, left) == ("image-refused" if name.startswith("picture") else "archive-refused", "0")
    assert float(spent) < (0.2 if name in MORE else 2.0), spent
    assert int(grown) < 50_000_000, grown


def test_B10_names_and_links_lead_nowhere(tmp_path: Path) -> None:
    """By the helper, as `tests/public/files/test_archives.py` has it in full."""
    import io
    import tarfile
    import zipfile

    from wholestack.files import ArchiveRefused, extract

    slips = []
    for name in ("../out", "/tmp/wholestack-out", "a/../../out"):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(name, b"bad")
        slips.append(target)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        tar.addfile(link)
    for content in (*slips, target):
        with pytest.raises(ArchiveRefused):
            extract(content, tmp_path / "in/new")
    assert not (tmp_path / "out").exists() and not Path("/tmp/wholestack-out").exists()
    assert not (tmp_path / "in/new").exists()


# -- size --------------------------------------------------------------------------------------------------------


def send(served: Served, path: str, method: str, size: int, around: tuple[bytes, bytes] = (b"", b"")) -> wire.Answer:
    """A body of so many bytes, made as it is sent."""
    kind = "multipart/form-data; boundary=xyz" if around[0] else "application/octet-stream"
    length = size + sum(map(len, around))
    with wire.Connection(served.port, timeout=300) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        connection.send(head.encode() + around[0])
        for _ in range(size // MIB):
            connection.send(b"x" * MIB)
        connection.send(around[1])
        return connection.answer(method)


def peak(served: Served) -> int:
    """The most memory that the server's processes have had."""
    top = served.running.process.pid
    status = [Path(f"/proc/{pid}/status").read_text() for pid in (top, *serving.children(top))]
    return sum(int(found[1]) * 1024 for each in status if (found := re.search(r"VmHWM:\s*(\d+) kB", each)) is not None)


def uploaded(folder: Path, size: int, *paths: str) -> None:
    """A file of so many bytes by a form, and past the app: memory does not grow with it."""
    digest = hashlib.sha256()
    for _ in range(size // MIB):
        digest.update(b"x" * MIB)
    around = (b'--xyz\r\nContent-Disposition: form-data; name=file; filename="a"\r\n\r\n', b"\r\n--xyz--\r\n")
    with serving_files(folder) as served:
        send(served, paths[0], "POST", MIB, around)
        before = peak(served)
        for path in paths:
            found = json.loads(send(served, path, "POST", size, around).body)
            assert (found["size"], found["digest"]) == (size, digest.hexdigest())
            os.unlink(served.folder / "files" / found["name"][:2] / found["name"])
        with wire.Connection(served.port) as connection:
            url = connection.ask("/address", "POST").text.strip('"')
        assert send(served, url, "PUT", size).status == 204
        assert peak(served) - before < 64_000_000


def test_a_large_upload_in_bounded_memory(tmp_path: Path) -> None:
    uploaded(tmp_path, 80 * MIB, "/async")


@pytest.mark.long
def test_a_gigabyte_in_bounded_memory(tmp_path: Path) -> None:
    uploaded(tmp_path, 1024 * MIB, "/plain", "/async")
