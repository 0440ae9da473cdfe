"""Header fields as values: reading what came in, refusing what must not go out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")

Pairs = Iterable[tuple[str, str]]
T = TypeVar("T")


class HeaderFault(ValueError):
    """A header that would break the answer: a bad name, or a value with CR, LF, NUL or a character outside latin-1."""


def check_header(name: str, value: str) -> tuple[str, str]:
    """The pair, name in lower case, or `HeaderFault` (RFC 9110 §5.1, §5.5).

    Example:
        >>> check_header("X-Name", "Zoë")
        ('x-name', 'Zoë')
    """
    if not _NAME.fullmatch(name):
        raise HeaderFault("A header name is one token of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.1).")
    if _BAD_VALUE.search(value):
        raise HeaderFault(
            f"The value for the header {name!r} holds a control character, a line end or a character outside latin-1; "
            "encode it first (RFC 9110 §5.5)."
        )
    return name.lower(), value.strip(" \t")


class Headers(Mapping[str, str]):
    """The header fields of a message, in their order; names are looked up without regard to case.

    Example:
        >>> h = Headers([("Accept", "text/html"), ("X-Tag", "a"), ("X-Tag", "b")])
        >>> h["accept"], h.get("missing"), h.get_all("x-tag")
        ('text/html', None, ['a', 'b'])
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Pairs = ()) -> None:
        self._pairs: list[tuple[str, str]] = [(name.lower(), value) for name, value in pairs]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every field as it stands, names in lower case."""
        return tuple(self._pairs)

    def get_all(self, name: str) -> list[str]:
        """Every value of a field that may be repeated, in order."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key == wanted]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: object = None) -> object:
        """The first value of a field, or `default` where there is none."""
        wanted = key.lower()
        for name, value in self._pairs:
            if name == wanted:
                return value
        return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for key, _ in self._pairs))

    def __len__(self) -> int:
        return len({key for key, _ in self._pairs})

    def __repr__(self) -> str:
        # Values may be secrets (cookies, tokens): a repr shows names only.
        return f"{type(self).__name__}({', '.join(self)})"


class AskedHeaders(Headers):
    """The header fields of a request in which no name comes twice: each is read when it is asked for.

    Arguments:
        one: gives the value of the field with a name in lower case.
        every: gives all fields, names in lower case.

    Example:
        >>> fields = {"host": "example.org"}
        >>> AskedHeaders(fields.get, fields.items)["Host"]
        'example.org'
    """

    __slots__ = ("_every", "_one")

    def __init__(self, one: Callable[[str], str | None], every: Callable[[], Pairs]) -> None:
        self._one = one
        self._every = every

    def get(self, key: str, /, default: Any = None) -> Any:
        """See `Headers`."""
        value = self._one(key.lower())
        return default if value is None else value

    def get_all(self, name: str) -> list[str]:
        """See `Headers`."""
        value = self._one(name.lower())
        return [] if value is None else [value]

    def __getattr__(self, name: str) -> list[tuple[str, str]]:
        # What is not there yet are the pairs.
        if name != "_pairs":
            raise AttributeError(name)
        self._pairs = [*self._every()]
        return self._pairs


class MutableHeaders(Headers):
    """Headers of an answer; every name and value is checked as it is set.

    Example:
        >>> h = MutableHeaders()
        >>> h.set("Cache-Control", "no-store")
        >>> h.add("Vary", "Cookie")
        >>> h.pairs
        (('cache-control', 'no-store'), ('vary', 'Cookie'))
    """

    __slots__ = ()

    def __init__(self, pairs: Pairs = ()) -> None:
        self._pairs = [check_header(name, value) for name, value in pairs]

    def copy(self) -> MutableHeaders:
        """The same fields, to be changed apart from these."""
        made = MutableHeaders()
        made._pairs = [*self._pairs]
        return made

    def set(self, name: str, value: str) -> None:
        """Replace every field of that name by this one."""
        pair = check_header(name, value)
        self._pairs = [old for old in self._pairs if old[0] != pair[0]]
        self._pairs.append(pair)

    def add(self, name: str, value: str) -> None:
        """Add a field and keep those of the same name."""
        self._pairs.append(check_header(name, value))

    def remove(self, name: str) -> None:
        """Take every field of that name away; nothing happens where there is none."""
        wanted = name.lower()
        self._pairs = [old for old in self._pairs if old[0] != wanted]

    def vary(self, name: str) -> None:
        """Name a request header that this answer depends on, once (RFC 9110 §12.5.5)."""
        held = self.get_all("vary")
        listed = [part.strip().lower() for value in held for part in value.split(",")]
        if not held:
            self.add("vary", name)
        elif "*" not in listed and name.lower() not in listed:
            self.set("vary", ", ".join([*held, name]))
