"""Parts of a representation: Range, If-Range and multipart/byteranges (RFC 9110 §14)."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from ._conditional import parse_date
from ._headers import check_header
from ._refused import Refused

_SPEC = re.compile(r"([0-9]*+)-([0-9]*+)")


def parse_ranges(header: str, size: int, limit: int) -> list[tuple[int, int]] | None:
    """The parts to send as (start, stop), stop not included; None where the field is to be ignored: send the whole.

    Ignored are other units than bytes, malformed fields and those of more than `limit` ranges. Ranges that overlap or
    touch become one, so that never more than `size` bytes go out; otherwise the order is the client's.

    Raises:
        Refused: 416 where no range lies within `size`.

    Source: RFC 9110 §14.1.2, §14.2, §15.5.17.

    Example:
        >>> parse_ranges("bytes=0-99, 50-149, -10", 1000, 16)
        [(0, 150), (990, 1000)]
    """
    unit, _, specs = header.partition("=")
    if unit.strip(" \t").lower() != "bytes" or specs.count(",") >= limit:
        return None
    ranges: list[tuple[int, int]] = []
    asked = 0
    for spec in specs.split(","):
        spec = spec.strip(" \t")
        if not spec:
            continue
        found = _range(spec, size)
        if found is None:
            return None
        asked += 1
        if found[0] < found[1]:
            ranges.append(found)
    if not asked:
        return None
    if not ranges:
        unsatisfied = (("content-range", f"bytes */{size}"),)
        raise Refused(416, "range-not-satisfiable", "None of the ranges lies within the content.", unsatisfied)
    return _coalesced(ranges)


def _range(spec: str, size: int) -> tuple[int, int] | None:
    match = _SPEC.fullmatch(spec)
    if match is None or spec == "-":
        return None
    first, last = match.groups()
    if not first:
        # The last `n` bytes; of an empty representation there are none to name in a 206: the whole goes out.
        wanted = _number(last)
        return (max(0, size - wanted), size) if size or not wanted else None
    start, end = _number(first), _number(last) if last else sys.maxsize
    return (start, min(end + 1, size)) if start <= end else None


def _number(digits: str) -> int:
    # Past 18 digits no file is that big, and int() of thousands of digits is slow or refused.
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) < 19 else sys.maxsize


def _coalesced(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    groups: list[tuple[int, int, int]] = []
    for place, (start, stop) in sorted(enumerate(ranges), key=lambda item: item[1]):
        if groups and start <= groups[-1][2]:
            first, begin, end = groups[-1]
            groups[-1] = (min(first, place), begin, max(end, stop))
        else:
            groups.append((place, start, stop))
    return [(start, stop) for _, start, stop in sorted(groups)]


def if_range_matches(header: str | None, etag: str | None, last_modified: float | None) -> bool:
    """Whether the Range field counts: no If-Range, or one that names exactly what is there now (RFC 9110 §13.1.5).

    Example:
        >>> if_range_matches('"a"', '"a"', None), if_range_matches('W/"a"', 'W/"a"', None)
        (True, False)
    """
    if header is None:
        return True
    if '"' in header:
        return header == etag and not header.startswith("W/")
    date = parse_date(header)
    return date is not None and last_modified is not None and date == int(last_modified)


class ByteRanges(NamedTuple):
    """How a multipart/byteranges body is put together (RFC 9110 §14.6).

    Attributes:
        parts: (what to send first, start, stop) for each part.
        trailer: what to send last.
        length: the bytes of the whole body, for Content-Length.
    """

    parts: list[tuple[bytes, int, int]]
    trailer: bytes
    length: int


def byteranges(ranges: list[tuple[int, int]], size: int, media_type: str, boundary: str) -> ByteRanges:
    r"""The framing of several parts; `boundary` is random, so that the content cannot hold it.

    Raises:
        HeaderFault: a media type that would break the part's header.

    Example:
        >>> byteranges([(0, 2)], 10, "text/plain", "b").parts[0][0]
        b'\r\n--b\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/10\r\n\r\n'
    """
    _, media_type = check_header("content-type", media_type)
    head = f"\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: bytes "
    parts = [(f"{head}{start}-{stop - 1}/{size}\r\n\r\n".encode("latin-1"), start, stop) for start, stop in ranges]
    trailer = f"\r\n--{boundary}--\r\n".encode("latin-1")
    return ByteRanges(parts, trailer, sum(len(prefix) + stop - start for prefix, start, stop in parts) + len(trailer))
