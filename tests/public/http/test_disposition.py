from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from wholestack.http import MutableHeaders, content_disposition


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("", "attachment"),
        ("\r\n", "attachment"),
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("my report.pdf", 'attachment; filename="my report.pdf"'),
        ("a;b,c='d.txt", 'attachment; filename="a;b,c=\'d.txt"'),
        ("résumé.pdf", "attachment; filename=\"resume.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"),
        ("отчёт", "attachment; filename=\"download\"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
        ("100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
        ("C:\\x", 'attachment; filename="C:_x"'),
        ("a\r\nset-cookie: x=y", 'attachment; filename="aset-cookie: x=y"'),
        ("a\x00\x85\u202egpj.exe", 'attachment; filename="agpj.exe"'),
        ("a\uff0fb", "attachment; filename=\"a_b\"; filename*=UTF-8''a%EF%BC%8Fb"),
        ("\ud800a", 'attachment; filename="a"'),
    ],
)
def test_attachment(filename: str, expected: str) -> None:
    assert content_disposition(filename) == expected


def test_inline_and_length() -> None:
    assert content_disposition("a", inline=True) == 'inline; filename="a"'
    assert content_disposition("a" * 1_000_000) == f'attachment; filename="{"a" * 255}"'


@given(st.text())
def test_a_header_and_no_more(filename: str) -> None:
    value = content_disposition(filename)
    headers = MutableHeaders()
    headers.set("content-disposition", value)
    assert value.isascii()
    assert re.fullmatch(r"attachment(; filename=\"[^\"\\]+\"(; filename\*=UTF-8''[0-9A-Za-z._~%-]+)?)?", value)


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="/\\"), min_size=1, max_size=255))
def test_the_name_arrives_whole(filename: str) -> None:
    value = content_disposition(filename)
    exact = value.partition("filename*=UTF-8''")[2]
    assert unquote(exact or value.partition('filename="')[2][:-1]) == filename
    assert parse_options_header(value)[1]["filename"] == filename


def test_linear(linear: Callable[..., None]) -> None:
    linear(content_disposition)
    linear(content_disposition, "\u202e" * 300)
