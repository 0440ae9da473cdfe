"""The gate: what is malformed or smuggled is refused here, with one answer on WSGI, ASGI and RSGI.

A server may have let through what another refuses, so nothing behind the gate rests on the server. The gate is cheap:
the honest request takes the first branch of each check, all of them C calls; only a suspect one is looked at again,
field by field. It sees header pairs as text or as bytes (ASGI), or a WSGI environ, in which the server has already
joined what was sent twice; what that hides is listed in `docs/servers.md`. Two fields that differ only by `-` and `_`
are two fields here; they would meet in a WSGI environ only, so the one with `_` is left out where we make one (a
mounted app).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

from ._limits import Limits
from ._refused import Refused

# RFC 3986 §3.2.2 without userinfo: a name, an IPv4 address or a bracketed IPv6 one, and a port.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._~\-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_SINGLE = frozenset({"host", "content-type", "authorization"}) | _FRAMING
# Granian says "1".
_OLD = frozenset({"1.0", "1"})
# Where the length is in doubt, what comes next may be no request: the connection ends (RFC 9112 §6.1).
_END = (("connection", "close"),)
# Fields that CGI writes without the prefix (RFC 3875 §4.1).
_ENVIRON_NAMES = {"CONTENT_LENGTH": "content-length", "CONTENT_TYPE": "content-type"}
_REMEMBERED_HOSTS = 256
# Environs by the names in them, and the most bytes of names in one that is remembered: under 2 MiB of names in all.
_REMEMBERED_ENVIRONS, _BYTES_OF_NAMES = 128, 16 * 1024


def _refuse(code: str, detail: str, status: int = 400, headers: tuple[tuple[str, str], ...] = ()) -> NoReturn:
    raise Refused(status, code, detail, headers)


class Gate:
    """The checks of one app, with its limits at hand.

    Example:
        >>> Gate(Limits()).path("/items/../secret")
        Traceback (most recent call last):
        wholestack.http._refused.Refused: 400 malformed-path: The path holds a '.' or '..' segment.
    """

    def __init__(self, limits: Limits) -> None:
        self._count = limits.headers
        self._each = limits.bytes_of("header")
        self._total = limits.bytes_of("headers_total")
        self._quick = min(self._each, self._total)
        self._target = limits.bytes_of("target")
        self._hosts: set[str | bytes] = set()
        self._environs: dict[tuple[str, ...], tuple[int, Callable[[Mapping[str, Any]], Sequence[str]]]] = {}

    def path(self, path: str, query: str = "") -> None:
        """Refuse a path that two readers could read differently, or a target that is too long (414)."""
        within = len(path) + len(query) <= self._target
        if within and path[:1] == "/" and "/." not in path and "\0" not in path and path.isascii():
            return
        if not within:
            _refuse("target-too-long", f"The request target is over {self._target} bytes.", 414)
        if path[:1] != "/":
            _refuse("malformed-path", "The path does not start with '/'.")
        if "\0" in path or "\ufffd" in path:
            _refuse("malformed-path", "The path holds a NUL or bytes that are not UTF-8.")
        if not {".", ".."}.isdisjoint(path.split("/")):
            _refuse("malformed-path", "The path holds a '.' or '..' segment.")

    def asgi(self, path: str, query: str, pairs: Sequence[tuple[bytes, bytes]], version: str) -> dict[bytes, bytes]:
        """Check an ASGI request and give its fields by name (names come in lower case, as ASGI has them)."""
        self.path(path, query)
        fields = dict(pairs)
        size = len(b"".join([*fields, *fields.values()]))
        if len(fields) != len(pairs) or len(pairs) > self._count or size > self._quick:
            self._look([(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs])
        length = fields.get(b"content-length")
        if b"transfer-encoding" in fields or (length and not (length.isdigit() and len(length) < 19)):
            coding = fields.get(b"transfer-encoding", b"")
            self._length((length or b"").decode("latin-1"), coding.decode("latin-1"), version)
        host = fields.get(b"host")
        if host not in self._hosts:
            self._host(host.decode("latin-1") if host is not None else None, version, host)
        return fields

    def rsgi(self, path: str, query: str, pairs: Sequence[tuple[str, str]], version: str) -> dict[str, str]:
        """Check an RSGI request and give its fields by name; the driver puts the authority there as the host."""
        self.path(path, query)
        fields = dict(pairs)
        size = len("".join([*fields, *fields.values()]))
        if len(fields) != len(pairs) or len(pairs) > self._count or size > self._quick:
            self._look(pairs)
        if "transfer-encoding" in fields or "content-length" in fields:
            self._length(fields.get("content-length", ""), fields.get("transfer-encoding", ""), version)
        host = fields.get("host")
        if host not in self._hosts:
            self._host(host, version, host)
        return fields

    def wsgi(self, path: str, query: str, environ: Mapping[str, Any]) -> None:
        """Check a WSGI request: the same rules for as much as the server has left to see."""
        self.path(path, query)
        # The same names come again and again, with those of the process among them; only the values are looked at.
        names = tuple(environ)
        size, values_in = self._environs.get(names) or self._fields_among(names)
        if size + len("".join(values_in(environ))) + len(environ.get("CONTENT_TYPE") or "") > self._quick:
            self._look(environ_pairs(environ))
        length, coding = environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
        if length or coding:
            self._length(length or "", coding or "", environ["SERVER_PROTOCOL"][5:])
        host = environ.get("HTTP_HOST")
        if host not in self._hosts:
            self._host(host, environ["SERVER_PROTOCOL"][5:], host)

    def _fields_among(self, names: tuple[str, ...]) -> tuple[int, Callable[[Mapping[str, Any]], Sequence[str]]]:
        """Of an environ with these names: how long those of the header fields are, and what gives the fields' values.

        Too many names are called too long, so that each of them is looked at.
        """
        fields = [name for name in names if name.startswith("HTTP_")]
        size = len("".join(fields)) if len(fields) + len(_ENVIRON_NAMES) <= self._count else self._quick + 1
        found = size, itemgetter("SERVER_PROTOCOL", *fields)  # It needs one name at the least.
        if len("".join(names)) <= _BYTES_OF_NAMES:
            if len(self._environs) >= _REMEMBERED_ENVIRONS:
                self._environs.clear()
            self._environs[names] = found
        return found

    def _look(self, pairs: Sequence[tuple[str, str]]) -> None:
        if len(pairs) > self._count:
            _refuse("too-many-headers", f"The request has more than {self._count} header fields.", 431)
        sizes = [len(name) + len(value) for name, value in pairs]
        if sum(sizes) > self._total or max(sizes, default=0) > self._each:
            _refuse("headers-too-large", f"A header field is over {self._each} bytes, or all over {self._total}.", 431)
        seen: set[str] = set()
        for name, _ in pairs:
            if name in _SINGLE and name in seen:
                _refuse("duplicate-header", f"The header field {name!r} comes twice.", 400, _END * (name in _FRAMING))
            seen.add(name)

    def _length(self, length: str, coding: str, version: str) -> None:
        # RFC 9112 §6.1 and §6.3: both, or a coding that is not plain `chunked`, is how requests are smuggled.
        if coding and length:
            _refuse("ambiguous-length", "The request has both Content-Length and Transfer-Encoding.", 400, _END)
        if coding and (version in _OLD or coding.lower() != "chunked"):
            _refuse("bad-transfer-encoding", "The Transfer-Encoding is not plain 'chunked' on HTTP/1.1.", 400, _END)
        if length and not (length.isascii() and length.isdigit() and len(length) < 19):
            _refuse("bad-content-length", "The Content-Length is not one decimal number.", 400, _END)

    def _host(self, host: str | None, version: str, key: str | bytes | None) -> None:
        # HTTP/1.0 knows no Host; every later version needs exactly one (RFC 9110 §7.2, RFC 9112 §3.2).
        if not host and version in _OLD:
            return
        if host is None or not _HOST.fullmatch(host):
            _refuse("bad-host", "The request needs one Host: a name or an address, and a port if it has one.")
        if key is not None and len(self._hosts) < _REMEMBERED_HOSTS:
            self._hosts.add(key)


def environ_field(environ: Mapping[str, Any], name: str) -> str | None:
    """The header field of a WSGI environ that has this name, in lower case; None where there is none.

    Example:
        >>> environ_field({"HTTP_X_TAG": "a"}, "x-tag"), environ_field({"CONTENT_TYPE": ""}, "content-type")
        ('a', None)
    """
    if "_" in name:
        return None  # What the environ calls so came with a '-'.
    key = name.upper().replace("-", "_")
    return (environ.get(key) or None) if key in _ENVIRON_NAMES else environ.get(f"HTTP_{key}")


def environ_pairs(environ: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The header fields of a WSGI environ as pairs, names in lower case with '-'.

    Example:
        >>> environ_pairs({"HTTP_X_TAG": "a", "CONTENT_TYPE": "text/plain", "wsgi.url_scheme": "http"})
        [('x-tag', 'a'), ('content-type', 'text/plain')]
    """
    pairs = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            pairs.append((key[5:].replace("_", "-").lower(), value))
        elif value and key in _ENVIRON_NAMES:
            pairs.append((_ENVIRON_NAMES[key], value))
    return pairs
