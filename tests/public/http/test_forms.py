from __future__ import annotations

import gc
import io
import os
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import MultiPartParser

from wholestack.http import FormData, FormParser, Limits, Refused

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XyZ"
LIMITS = Limits()


def parse(body: bytes | Iterable[bytes], content_type: str = URLENCODED, limits: Limits = LIMITS) -> FormData:
    parser = FormParser(content_type, limits)
    for chunk in [body] if isinstance(body, bytes) else body:
        parser.feed(chunk)
    return parser.close()


def refusal(body: bytes | Iterable[bytes], content_type: str = URLENCODED, limits: Limits = LIMITS) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        parse(body, content_type, limits)
    return refused.value.status, refused.value.code


def part(headers: bytes, content: bytes = b"v") -> bytes:
    return b"--XyZ\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def field(name: str = "f", content: bytes = b"v") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"'.encode(), content)


def file(content: bytes = b"bytes", disposition: str = 'name="u"; filename="a.txt"', more: str = "") -> bytes:
    return part(f"Content-Disposition: form-data; {disposition}{more}".encode(), content)


END = b"--XyZ--\r\n"
TOO_MANY, FIELD, FORM = (413, "too-many-fields"), (413, "field-too-large"), (413, "form-too-large")
MALFORMED, UNSUPPORTED = (400, "malformed-form"), (415, "unsupported-media-type")


# --- which forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "",
            "form",
            "text/plain",
            "application/json",
            "multipart/mixed; boundary=x",
            "application/x-www-form-urlencoded, x/y",
        ),
        *(f"{URLENCODED}; charset=iso-8859-1", f"{MULTIPART}; charset=utf-16", f"{URLENCODED}; charset=utf-7"),
    ],
)
def test_other_media_types_and_charsets(content_type: str) -> None:
    assert refusal(b"", content_type) == UNSUPPORTED


@pytest.mark.parametrize(
    "content_type", [URLENCODED, f"{URLENCODED.upper()};charset=UTF-8", f'{URLENCODED}; charset="utf8"']
)
def test_utf8_may_be_said(content_type: str) -> None:
    assert parse(b"a=%C3%A9", content_type).fields == [("a", "é")]


# --- urlencoded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [("a", "")]),
        (b"a=", [("a", "")]),
        (b"=v", [("", "v")]),
        (b"a=1&a=2&&b=x=y&", [("a", "1"), ("a", "2"), ("b", "x=y")]),
        (b"a+b=c+d%2Be", [("a b", "c d+e")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%26%3d%3B", [("a", "&=;")]),
        ("a=é%C3%A9".encode(), [("a", "éé")]),
        (b"a=%D0%BE%D1%82x%25", [("a", "\u043e\u0442x%")]),
        (b"a=%0d%0A", [("a", "\r\n")]),
        (b"a=\\x41\\%41\\n%5c\\", [("a", "\\x41\\A\\n\\\\")]),
        ("a=\\u0041é%41".encode(), [("a", "\\u0041éA")]),
    ],
)
def test_urlencoded(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert parse(body).fields == expected
    assert parse(bytes([byte]) for byte in body).fields == expected
    assert parse(body).files == []


@pytest.mark.parametrize(
    "body", [b"a=%", b"a=%4", b"a=%zz", b"%z=1", b"a=%FF", b"a=\xff", b"a=%C3&b=%A9", b"a=%00", b"a\x00=1", b"a=%u0041"]
)
def test_malformed_urlencoded(body: bytes) -> None:
    assert refusal(body) == MALFORMED


def test_limits_of_urlencoded() -> None:
    limits = Limits(fields=3, text_part=10)
    assert len(parse(b"a=1&b=2&c=3", limits=limits).fields) == 3
    assert refusal(b"a=1&b=2&c=3&d=4", limits=limits) == TOO_MANY
    assert refusal(b"&&&", limits=limits) == TOO_MANY
    assert parse(b"a=12345678&b=2", limits=limits).fields[0] == ("a", "12345678")
    assert refusal(b"a=123456789", limits=limits) == FIELD
    assert refusal([b"x=1&a=12345", b"6789"], limits=limits) == FIELD
    assert refusal(b"a=123456789&b=1", limits=limits) == FIELD
    assert refusal([b"a=12345678&" for _ in range(11)], limits=Limits(text_part=10)) == FORM


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
PAIRS = st.lists(st.tuples(st.text("ab é&=;+%\n\\", min_size=1), TEXT), max_size=8)
CUTS = st.lists(st.integers(1, 30), max_size=30)


def cut(body: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield body[at : at + size]
        at += size
    yield body[at:]


@given(PAIRS, CUTS)
def test_urlencoded_round_trip_however_it_is_cut(pairs: list[tuple[str, str]], sizes: list[int]) -> None:
    assert parse(cut(urlencode(pairs).encode(), sizes)).fields == pairs


@given(st.text("ab&=+;%41é", max_size=40))
def test_urlencoded_as_the_standard_library(text: str) -> None:
    try:
        ours = parse(text.encode()).fields
    except Refused:
        return  # it passes broken escapes through
    assert ours == parse_qsl(text, keep_blank_values=True)


@given(st.binary(max_size=200) | st.text("a&=%;+09zZ").map(str.encode), CUTS)
def test_only_refused_comes_out_of_urlencoded(body: bytes, sizes: list[int]) -> None:
    answers = []
    for chunks in (cut(body, sizes), [body]):
        try:
            answers.append(str(parse(chunks, limits=Limits(fields=5, text_part=20)).fields))
        except Refused as refused:
            answers.append(str(refused.status))
    assert ("413" in answers and answers[0] in {"400", "413"}) or answers[0] == answers[1]


# --- multipart --------------------------------------------------------------------------------------------------------


def test_multipart() -> None:
    body = field("a", b"1") + file() + field("é", "ü\r\n--Xy".encode()) + field("a", b"") + END
    for chunks in ([body], [bytes([byte]) for byte in body], [b"\r\n", body], [b"", body, b""]):
        form = parse(chunks, MULTIPART)
        assert form.fields == [("a", "1"), ("é", "ü\r\n--Xy"), ("a", "")]
        ((name, upload),) = form.files
        assert (name, upload.filename, upload.media_type) == ("u", "a.txt", "application/octet-stream")
        assert (upload.size, upload.read(2), upload.read()) == (5, b"by", b"tes")
        form.close()
        assert upload.file.closed


def test_a_form_of_nothing() -> None:
    for body in (b"--XyZ--", END, b"\r\n--XyZ--\r\n"):
        assert parse(body, MULTIPART) == FormData([], [])


def test_a_file_input_left_empty_is_no_file() -> None:
    form = parse(file(b"", 'name="u"; filename=""') + file(b"x", 'name="u"; filename=""') + END, MULTIPART)
    assert [(upload.filename, upload.size) for _, upload in form.files] == [("", 1)]
    form.close()
    form = parse(file(b"", 'name="u"; filename="empty.txt"') + END, MULTIPART)
    assert len(form.files) == 1
    form.close()


def test_what_is_a_file() -> None:
    """`filename` wins over `filename*`, whatever the order; alone it counts, in UTF-8 only."""
    for disposition, filename in (
        ('name="u"; filename="a.txt"; filename*=utf-8\'\'evil.html', "a.txt"),
        ('name="u"; filename*=utf-8\'\'evil.html; filename="a.txt"', "a.txt"),
        ('name="u"; filename=""; filename*=utf-8\'\'evil.html', ""),
        ("name=\"u\"; filename*=UTF-8'en'%C3%A9.txt", "é.txt"),
    ):
        form = parse(file(b"x", disposition) + END, MULTIPART)
        assert [upload.filename for _, upload in form.files] == [filename]
        form.close()
    for disposition in ("name=u; filename*=latin-1''a", "name=u; filename*=a.txt"):
        assert parse(file(b"x", disposition) + END, MULTIPART).fields == [("u", "x")]


@pytest.mark.parametrize(
    ("more", "media_type"),
    [
        ("", "application/octet-stream"),
        ("\r\nContent-Type: Image/PNG; x=y", "image/png"),
        ("\r\ncontent-type:text/html", "text/html"),
        ("\r\nContent-Type: nonsense", "application/octet-stream"),
        ("\r\nContent-Type: a/b, c/d", "application/octet-stream"),
    ],
)
def test_media_type_of_a_file(more: str, media_type: str) -> None:
    form = parse(file(more=more) + END, MULTIPART)
    assert form.files[0][1].media_type == media_type
    form.close()


NAMED = b'Content-Disposition: form-data; name="f"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--XyZ",
        b"--XyZ\r\n",
        b"--XyY\r\n" + field()[7:] + END,
        b"x",
        b"preamble\r\n" + field() + END,
        b"\n" + field() + END,
        b"--XyZx\r\n" + field() + END,
        b"--XyZ\n" + field()[7:] + END,
        field(),
        field() + b"--XyZ",
        field() + b"--XyZ-",
        field() + b"--XyZx" + END,
        part(b"Content-Type: text/plain") + END,
        part(b"Content-Disposition: attachment; name=a") + END,
        part(b"Content-Disposition: form-data") + END,
        part(NAMED + b"\r\n" + NAMED) + END,
        part(NAMED + b"\r\n folded") + END,
        part(NAMED + b"\r\nno colon") + END,
        part(NAMED + b"\r\nX:a\nb") + END,
        part(NAMED + b"\r\nX:a\rb") + END,
        part(NAMED + b"\r\nb\xc3d: x") + END,
        part(NAMED + b"\r\nX: \xff") + END,
        part(NAMED + b"\r\nContent-Length: -1") + END,
        part(NAMED + b"\r\nContent-Length: 2") + END,
        part(NAMED + b"\r\nContent-Length: " + b"9" * 5000) + END,
        part(b'Content-Disposition: form-data; name="f\0"') + END,
        field(content=b"\xff") + END,
        field(content=b"a\0b") + END,
        field(content=b"\r\n--XyZ") + END,
    ],
)
def test_malformed_multipart(body: bytes) -> None:
    assert refusal(body, MULTIPART) == MALFORMED
    assert refusal([bytes([byte]) for byte in body], MULTIPART) == MALFORMED


@pytest.mark.parametrize("boundary", ["", "a" * 71, '"a "', '"a\\"b"', "é", '"a\tb"', '"a;b"', "a*b"])
def test_boundaries_that_are_refused(boundary: str) -> None:
    assert refusal(b"", f"multipart/form-data; boundary={boundary}") == MALFORMED
    assert refusal(b"", "multipart/form-data") == MALFORMED


@pytest.mark.parametrize("boundary", ["a" * 70, "----=_Part_1.2", "a:b", "'()+_,-./:=? x", "-"])
def test_boundaries_that_are_taken(boundary: str) -> None:
    body = (field() + END).replace(b"XyZ", boundary.encode())
    assert parse(body, f'multipart/form-data; boundary="{boundary}"').fields == [("f", "v")]
    assert (
        refusal(b"--" + boundary.encode() + b"\r\n--" + boundary.encode() + b"--", f'{MULTIPART[:-3]}"{boundary}"')
        == MALFORMED
    )


def test_limits_of_multipart() -> None:
    limits = Limits(fields=2, files=1, text_part=10, part_headers=2, part_header=80)
    fine = field(content=b"1234567890") * 2 + file(b"x" * 100) + END
    form = parse(fine, MULTIPART, limits)
    assert (len(form.fields), len(form.files)) == (2, 1)
    form.close()
    assert refusal(field() * 3 + END, MULTIPART, limits) == TOO_MANY
    assert refusal(file() * 2 + END, MULTIPART, limits) == (413, "too-many-files")
    assert refusal(field(content=b"12345678901") + END, MULTIPART, limits) == FIELD
    assert refusal(part(NAMED + b"\r\nX: 1\r\nY: 2") + END, MULTIPART, limits) == (413, "part-headers-too-large")
    assert refusal(part(NAMED + b"\r\nX: " + b"a" * 80) + END, MULTIPART, limits) == (413, "part-headers-too-large")
    assert refusal([field() + b"--XyZ--", b"x" * 40, b"x" * 41], MULTIPART, limits) == FORM
    assert parse(field() + b"--XyZ--" + b"x" * 80, MULTIPART, limits).fields == [("f", "v")]
    assert refusal(field(content=b"1234567890") * 10 + END, MULTIPART, Limits(text_part=10)) == FORM


def test_a_file_over_the_spool_goes_to_disk_and_the_driver_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parser = FormParser(MULTIPART, Limits(spool=1000))
    assert not parser.may_block(1000)
    assert parser.may_block(1001)
    parser.feed(file(b"x" * 900)[:-2])
    assert not parser.spooled
    assert not parser.may_block(100 - 13)
    assert parser.may_block(101)
    parser.feed(b"x" * 200)
    assert parser.spooled
    assert parser.may_block(1)
    parser.feed(b"\r\n" + END)
    form = parser.close()
    upload = form.files[0][1]
    assert upload.on_disk
    assert upload.read() == b"x" * 1100
    form.close()
    assert list(tmp_path.iterdir()) == []


def test_many_small_files_do_not_fill_the_memory() -> None:
    """However many files a route allows, at most ten times `spool` of them stays in memory."""
    form = parse(file(b"x" * 1000) * 20 + END, MULTIPART, Limits(spool=1000))
    on_disk = [upload.on_disk for _, upload in form.files]
    assert on_disk == [False] * 10 + [True] * 10
    assert all(upload.read() == b"x" * 1000 for _, upload in form.files)
    form.close()


def test_urlencoded_never_blocks() -> None:
    parser = FormParser(URLENCODED, LIMITS)
    assert not parser.may_block(10**9)
    assert not parser.spooled


NAMES = st.text("abcé ._-%", min_size=1, max_size=8).filter(lambda name: "%" not in name)
PARTS = st.lists(
    st.tuples(NAMES, st.none() | NAMES, st.binary(max_size=60) | st.text("\r\n-XyZ", max_size=40).map(str.encode)),
    max_size=6,
).filter(lambda parts: not any(b"\r\n--XyZ" in b"\r\n" + content for _, _, content in parts))


def body_of(parts: list[tuple[str, str | None, bytes]]) -> bytes:
    return b"".join(
        field(name, content) if filename is None else file(content, f'name="{name}"; filename="{filename}"')
        for name, filename, content in parts
    )


@given(PARTS, CUTS)
def test_multipart_round_trip_however_it_is_cut(parts: list[tuple[str, str | None, bytes]], sizes: list[int]) -> None:
    try:
        form = parse(cut(body_of(parts) + END, sizes), MULTIPART)
    except Refused:
        assert any(filename is None and not is_text(content) for _, filename, content in parts)
        return
    assert form.fields == [(name, content.decode()) for name, filename, content in parts if filename is None]
    found = [(name, upload.filename, upload.read()) for name, upload in form.files]
    assert found == [each for each in parts if each[1] is not None]
    form.close()


def is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


@given(PARTS)
def test_multipart_as_werkzeug(parts: list[tuple[str, str | None, bytes]]) -> None:
    body = body_of(parts) + END
    try:
        form = parse(body, MULTIPART)
    except Refused:
        return
    fields, files = MultiPartParser().parse(io.BytesIO(body), b"XyZ", len(body))
    assert sorted(form.fields) == sorted(fields.items(multi=True))
    theirs = [(name, each.filename, each.read()) for name, each in files.items(multi=True)]
    assert sorted((name, each.filename, each.read()) for name, each in form.files) == sorted(theirs)
    form.close()
    for _, each in files.items(multi=True):
        each.close()


WORDS = [
    b"--XyZ",
    b"\r\n",
    b"--",
    b"\r",
    b"-",
    b"x",
    NAMED,
    b'; filename="a"',
    b":",
    b" ",
    b'"',
    b"\xff",
    field(),
    file(),
    END,
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join), CUTS)
def test_the_answer_does_not_depend_on_how_a_body_is_cut(body: bytes, sizes: list[int]) -> None:
    limits = Limits(fields=2, files=2, text_part=20, part_headers=2, part_header=90, spool=3)
    assert answer([body], limits) == answer(cut(body, sizes), limits)


def answer(chunks: Iterable[bytes], limits: Limits) -> object:
    try:
        form = parse(chunks, MULTIPART, limits)
    except Refused as refused:
        return refused.status, refused.code
    files = [(name, each.filename, each.media_type, each.read()) for name, each in form.files]
    form.close()
    return form.fields, files


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from([*WORDS, b"\n", b"\0"]) | st.binary(max_size=3)).map(b"".join),
    st.text(),
)
def test_only_refused_comes_out_of_multipart(body: bytes, content_type: str) -> None:
    answer([body], LIMITS)
    answer([b"--XyZ\r\n" + body], LIMITS)
    answer([b"--XyZ\r\nContent-Disposition: form-data; " + body], LIMITS)
    try:
        FormParser(f"multipart/form-data; {content_type}", LIMITS)
    except Refused as refused:
        assert refused.status in {400, 415}


# --- what it costs ----------------------------------------------------------------------------------------------------

MB = 1_000_000
PIECE = 65_536


def endless(piece: bytes, size: int, start: bytes = b"") -> Iterator[bytes]:
    yield start
    for _ in range(size // len(piece)):
        yield piece


BIG_TEXT = field(content=b"")[:-2]
HOSTILE: dict[str, tuple[str, Callable[[], Iterable[bytes]], tuple[int, str]]] = {
    "1M fields": (URLENCODED, lambda: endless(b"a=1&" * (PIECE // 4), 4 * MB), TOO_MANY),
    "1M separators": (URLENCODED, lambda: endless(b"&" * PIECE, MB), TOO_MANY),
    "1M fields at once": (URLENCODED, lambda: [b"a=1&" * MB], TOO_MANY),
    "50 MB field": (URLENCODED, lambda: endless(b"x" * PIECE, 50 * MB, b"a="), FIELD),
    "50 MB of escapes": (URLENCODED, lambda: endless(b"%41" * (PIECE // 3), 50 * MB, b"a="), FIELD),
    "100k multipart fields": (MULTIPART, lambda: endless(field() * 1000, 100_000 * len(field())), TOO_MANY),
    "20k files": (MULTIPART, lambda: endless(file() * 1000, 20_000 * len(file())), (413, "too-many-files")),
    "50 MB text": (MULTIPART, lambda: endless(b"x" * PIECE, 50 * MB, BIG_TEXT), FIELD),
    "50 MB text at once": (MULTIPART, lambda: [BIG_TEXT + b"x" * 5 * MB], FIELD),
    "20 MB preamble": (MULTIPART, lambda: endless(b"x" * PIECE, 20 * MB), MALFORMED),
    "20 MB preamble of line ends": (MULTIPART, lambda: endless(b"\r\n" * (PIECE // 2), 20 * MB), MALFORMED),
    "20 MB epilogue": (MULTIPART, lambda: endless(b"x" * PIECE, 20 * MB, field() + END), FORM),
    "20 MB epilogue of line ends": (MULTIPART, lambda: endless(b"\r\n" * (PIECE // 2), 20 * MB, field() + END), FORM),
    "5 MB part header": (
        MULTIPART,
        lambda: endless(b"x" * PIECE, 5 * MB, b"--XyZ\r\nX: "),
        (413, "part-headers-too-large"),
    ),
    "10k part headers": (MULTIPART, lambda: [b"--XyZ\r\n" + b"X: y\r\n" * 10_000], (413, "part-headers-too-large")),
    "5 MB of folded headers": (
        MULTIPART,
        lambda: endless(b" x\r\n" * (PIECE // 4), 5 * MB, b"--XyZ\r\nX: y\r\n"),
        MALFORMED,
    ),
    "missing end": (MULTIPART, lambda: [field() * 900], MALFORMED),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_forms_are_refused_at_once(name: str, cpu: Callable[..., float], machine: float) -> None:
    content_type, chunks, expected = HOSTILE[name]
    body = chunks() if name.endswith("at once") else None
    assert refusal(chunks(), content_type) == expected
    assert cpu(lambda: parse(body or chunks(), content_type)) < 0.050 * machine
    assert memory(lambda: refusal(body or chunks(), content_type)) < 10 * MB


def memory(function: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_folded_or_long_headers_in_many_parts_stay_linear(cpu: Callable[..., float], machine: float) -> None:
    headers = b"\r\n".join([NAMED, *(b"X: " + b'; a="\\' * 1600 for _ in range(15))])
    body = part(headers) * 80 + END
    assert len(body) > 9 * MB
    assert cpu(lambda: parse(body, MULTIPART)) < 0.3 * machine


FILLINGS = [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--XyY", b"\r\n--Xy", b"\r\n--XyX--", b"-", b"\0"]


@pytest.mark.parametrize("filling", FILLINGS)
def test_a_file_of_line_ends_is_linear(
    filling: bytes,
    cpu: Callable[..., float],
    machine: float,
    long: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """50 MB of CR or LF in less than 0.3 s (CVE-2023-46136), in little memory; without --long a fifth of it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    size = (50 if long else 10) * MB
    piece = filling * (PIECE // len(filling))

    def upload() -> None:
        form = parse(chain(endless(piece, size, file(b"")[:-2]), [b"\r\n" + END]), MULTIPART)
        assert form.files[0][1].size == size // len(piece) * len(piece)
        form.close()

    assert cpu(upload) < (0.3 if filling.isspace() else 0.6) * machine * (size / 50 / MB)
    assert memory(upload) < 10 * MB
    assert list(tmp_path.iterdir()) == []


def open_files(folder: Path) -> int:
    """How many files of a folder this process has open, those without a name as well."""
    links = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith(str(folder)) for link in links if os.path.lexists(link))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks Linux what is open")
def test_no_temporary_file_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    limits = Limits(spool=1000)
    big = file(b"x" * 2000)
    before = open_files(tmp_path)
    for bad in (field(content=b"\xff") + END, b"", b"--XyZ--" + b"x" * 9000, b"rubbish\r\n\r\n"):
        refusal(big * 3 + bad, MULTIPART, limits)
        assert open_files(tmp_path) == before
    refusal(big * 101, MULTIPART, limits)
    parser = FormParser(MULTIPART, limits)
    parser.feed(big * 3 + big[:1500])
    assert parser.spooled
    assert open_files(tmp_path) > before
    parser.abort()
    assert open_files(tmp_path) == before
    parse(big + END, MULTIPART, limits).close()
    assert open_files(tmp_path) == before
    assert list(tmp_path.iterdir()) == []


def test_urlencoded_of_ten_megabytes_is_linear(cpu: Callable[..., float], machine: float) -> None:
    fields = [b"a=" + b"%D0%BE" * 10_000, b"b=" + b"%41b" * 15_000, b"c=" + b"+" * 60_000]
    one, two = b"&".join(fields * 25), b"&".join(fields * 50)
    assert len(two) < 10 * MB
    assert cpu(lambda: parse(two)) < max(0.25 * machine, 2.5 * cpu(lambda: parse(one)))
    assert cpu(lambda: parse(two)) < 0.5 * machine
