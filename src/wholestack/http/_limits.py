"""One limits object for every kind of body and every interface."""

from __future__ import annotations

import dataclasses
import re

_UNITS = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b)\s*", re.IGNORECASE)
_SIZES = frozenset({"body", "text_part", "part_header", "header", "headers_total", "target", "cookie", "spool"})


def size(value: int | str) -> int:
    """Bytes from a number or from text such as ``"10 MB"`` or ``"64 KiB"``.

    Example:
        >>> size("10 MB"), size("1 KiB"), size(512)
        (10000000, 1024, 512)
    """
    if isinstance(value, int):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError('A size is a number of bytes or text such as "10 MB" or "64 KiB".')
    return int(float(match[1]) * _UNITS[match[2].lower()])


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a request may cost; the same names and the same figures on WSGI, ASGI and RSGI.

    Sizes are bytes (an ``int``, or text such as ``"10 MB"``); times are seconds; the rest are counts.

    Example:
        >>> Limits(body="1 MiB").body
        1048576
    """

    body: int | str = 10 * 1024**2
    fields: int = 1000
    files: int = 100
    text_part: int | str = 1024**2
    part_headers: int = 16
    part_header: int | str = 8 * 1024
    json_depth: int = 100
    json_digits: int = 4300
    headers: int = 100
    header: int | str = 16 * 1024
    headers_total: int | str = 64 * 1024
    target: int | str = 8 * 1024
    cookies: int = 100
    cookie: int | str = 4 * 1024
    ranges: int = 16
    query_pairs: int = 1000
    spool: int | str = 1024**2
    timeout: float = 30.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in _SIZES:
                value = size(value)
                object.__setattr__(self, field.name, value)
            if value < 0:
                raise ValueError(f"Limits({field.name}=…) must not be negative.")

    def bytes_of(self, name: str) -> int:
        """The size called `name`, in bytes, typed as a number.

        Example:
            >>> Limits().bytes_of("target")
            8192
        """
        return size(getattr(self, name))
