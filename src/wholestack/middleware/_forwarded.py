"""What proxies say of a request: `Forwarded` (RFC 7239) and the `X-Forwarded-*` fields, as plain values."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from wholestack import BadRequest

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105
# One pair, and what comes behind it; possessive, so that no input makes the matcher go back.
_PAIR = re.compile(rf'[ \t]*+({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]++|\\.)*+)")[ \t]*+(;|,|\Z)')
_EMPTY = re.compile(r"[ \t]*+(,|\Z)")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")
_NOBODY = re.compile(r"unknown|_[A-Za-z0-9._-]+", re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._~\-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@\-]+)+/?")

_LONGEST = 128
# Proxies name a WebSocket's either way.
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

IsTrusted = Callable[[str], bool]


@dataclasses.dataclass(frozen=True)
class Told:
    """What trusted proxies said; None where they said nothing of it.

    Attributes:
        client: the address that the outermost trusted proxy saw; ``""`` where that proxy would not say.
    """

    client: str | None = None
    scheme: str | None = None
    host: str | None = None
    prefix: str | None = None


def standard(values: Sequence[str], is_trusted: IsTrusted) -> Told:
    """What `Forwarded` fields say, seen from the app: the first element from the right whose `for` is no proxy of ours.

    Example:
        >>> standard(['for=1.2.3.4;proto=https, for=10.0.0.1'], lambda address: address.startswith("10."))
        Told(client='1.2.3.4', scheme='https', host=None, prefix=None)
    """
    chosen: dict[str, str] = {}
    for element in reversed(_elements(",".join(values))):
        chosen = element
        address = _address(element.get("for", "unknown"))
        if not address or not is_trusted(address):
            break
    if not chosen:
        return Told()
    client = _address(chosen["for"]) if "for" in chosen else None
    return Told(client, _scheme(chosen.get("proto")), _host(chosen.get("host")))


def customary(fields: Callable[[str], Sequence[str]], wanted: frozenset[str], is_trusted: IsTrusted) -> Told:
    """What the wanted `X-Forwarded-*` fields say: of several values the right-most, which the nearest proxy wrote; of
    addresses the right-most that is no proxy of ours.
    """

    def last(name: str) -> str | None:
        values = ",".join(fields(f"x-forwarded-{name}")).rpartition(",")[2].strip(" \t") if name in wanted else ""
        return values or None

    client = None
    if "for" in wanted:
        for entry in reversed(",".join(fields("x-forwarded-for")).split(",")):
            if text := entry.strip(" \t"):
                client = _address(text)
                if not client or not is_trusted(client):
                    break
    return Told(client, _scheme(last("proto")), _host(last("host")), _prefix(last("prefix")))


def _elements(text: str) -> list[dict[str, str]]:
    """The elements of a `Forwarded` field, each as its pairs."""
    found: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            empty = _EMPTY.match(text, position) if not found[-1] else None
            if empty is None:
                _refuse("Forwarded")
            position = empty.end()
            continue
        name = match[1].lower()
        if name in found[-1]:
            _refuse("Forwarded")
        found[-1][name] = match[2] if match[3] is None else re.sub(r"\\(.)", r"\1", match[3])
        position = match.end()
        if match[4] == ",":
            found.append({})
    return [element for element in found if element]


@functools.lru_cache(4096)
def _address(node: str) -> str:
    """The address of a node without its port; empty where it is not told, or hidden."""
    if len(node) > _LONGEST:
        _refuse("address")
    if _NOBODY.fullmatch(node):
        return ""
    bare = node if ":" not in node or node.startswith("[") or node.count(":") == 1 else f"[{node}]"
    match = _NODE.fullmatch(bare)
    try:
        return str(ipaddress.ip_address(match[1].strip("[]"))) if match else _refuse("address")
    except ValueError:
        _refuse("address")


def _scheme(text: str | None) -> str | None:
    if text is not None and text.lower() not in _SCHEMES:
        _refuse("scheme")
    return _SCHEMES[text.lower()] if text is not None else None


def _host(text: str | None) -> str | None:
    if text is not None and not _HOST.fullmatch(text):
        _refuse("host")
    return text


def _prefix(text: str | None) -> str | None:
    if text is None or text == "/":
        return None
    if not _PREFIX.fullmatch(text) or not {".", ".."}.isdisjoint(text.split("/")):
        _refuse("prefix")
    return text.rstrip("/")


def _refuse(what: str) -> NoReturn:
    # Whoever broke the field may hope that the rest of it, which a proxy wrote, is passed over.
    raise BadRequest(f"The {what} that a proxy passed on is malformed.", code="bad-forwarded")
