"""Validators and dates: whether a request's conditions hold (RFC 9110 §13)."""

from __future__ import annotations

import calendar
import datetime
import hashlib
import re
import time

from ._headers import Headers

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY, _MONTH = "|".join(_DAYS), f"(?P<month>{'|'.join(_MONTHS)})"
_LONG_DAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES = (
    re.compile(rf"(?:{_DAY}), (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"(?:{_LONG_DAY}), (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"(?:{_DAY}) {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_ETAG = re.compile(r'(W/)?("[!#-~\x80-\xff]*+")')
_UNCONDITIONAL = frozenset({"CONNECT", "OPTIONS", "TRACE"})


def etag_of(body: bytes, weak: bool = False) -> str:
    """An entity tag made of the bytes; weak where equal in meaning is enough (RFC 9110 §8.8.3).

    Example:
        >>> etag_of(b"hello", weak=True)
        'W/"46fb7408d4f285228f4af516ea25851b"'
    """
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    return f"W/{tag}" if weak else tag


def http_date(timestamp: float) -> str:
    """A moment (seconds since 1970, UTC) as HTTP writes it, cut to the second (RFC 9110 §5.6.7).

    Raises:
        ValueError: a moment outside the years 1 to 9999.

    Example:
        >>> http_date(784111777)
        'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    try:
        moment = time.gmtime(timestamp)
    except (OverflowError, OSError) as error:
        raise ValueError("An HTTP date lies in the years 1 to 9999.") from error
    if not 1 <= moment.tm_year <= 9999:
        raise ValueError("An HTTP date lies in the years 1 to 9999.")
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"{_DAYS[moment.tm_wday]}, {moment.tm_mday:02} {_MONTHS[moment.tm_mon - 1]} {moment.tm_year:04} {clock} GMT"


def parse_date(text: str) -> float | None:
    """Seconds since 1970 (UTC) of a date in one of HTTP's three formats; None where it is not one (RFC 9110 §5.6.7).

    Example:
        >>> parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_date("tomorrow")
        (784111777.0, None)
    """
    for form in _DATES:
        match = form.fullmatch(text)
        if match:
            return _timestamp(match)
    return None


def _timestamp(match: re.Match[str]) -> float | None:
    year, month, day = int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"])
    if len(match["year"]) == 2:
        year = _full_year(year, time.gmtime().tm_year)
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    try:
        # A leap second is valid on the wire; there is no such moment in a computer's time.
        moment = datetime.datetime(year, month, day, hour, minute, min(second, 59) if second == 60 else second)  # noqa: DTZ001
    except ValueError:
        return None
    return float(calendar.timegm(moment.timetuple()))


def _full_year(year: int, now: int) -> int:
    year += now - now % 100
    return year - 100 if year > now + 50 else year


def preconditions(method: str, headers: Headers, etag: str | None, last_modified: float | None) -> int | None:
    """Whether the conditions of a request hold: None (go on), 304 or 412, in the order of RFC 9110 §13.2.2.

    Arguments:
        etag: the current entity tag, quoted; last_modified: seconds since 1970. Both None: there is no such thing yet,
            so that ``If-Match: *`` fails and ``If-None-Match: *`` (make it, never overwrite it) holds.

    Example:
        >>> preconditions("GET", Headers([("if-none-match", 'W/"a", "b"')]), '"b"', None)
        304
    """
    if method in _UNCONDITIONAL:
        return None
    exists = etag is not None or last_modified is not None
    if "if-match" in headers:
        if not _listed(headers, "if-match", etag, exists, strong=True):
            return 412
    elif _changed_since(headers.get("if-unmodified-since"), last_modified) is True:
        return 412
    reads = method in {"GET", "HEAD"}
    if "if-none-match" in headers:
        if _listed(headers, "if-none-match", etag, exists, strong=False):
            return 304 if reads else 412
    elif reads and _changed_since(headers.get("if-modified-since"), last_modified) is False:
        return 304
    return None


def _listed(headers: Headers, name: str, etag: str | None, exists: bool, *, strong: bool) -> bool:
    value = ",".join(headers.get_all(name))
    if value.strip(" \t") == "*":
        return exists
    if etag is None or (strong and etag.startswith("W/")):
        return False
    opaque = etag.removeprefix("W/")
    return any(match[2] == opaque and not (strong and match[1]) for match in _ETAG.finditer(value))


def _changed_since(date: str | None, last_modified: float | None) -> bool | None:
    since = None if date is None else parse_date(date)
    if since is None or last_modified is None:
        return None
    return int(last_modified) > since
