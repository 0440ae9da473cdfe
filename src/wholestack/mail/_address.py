"""An address of a mailbox with the name beside it; what could not stand in a header field is refused."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ._errors import MessageRefused

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*")
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, halves of a character, and what separates lines: Unicode's general categories."""
_DEVIATIONS = frozenset("ßς\u200c\u200d")
"""Characters that the standard library's IDNA 2003 maps to others, and IDNA 2008 does not (UTS 46 §2.3)."""
_LONGEST_NAME = 255
_LONGEST_LOCAL = 64
_LONGEST_DOMAIN = 253


@dataclasses.dataclass(frozen=True)
class Address:
    """A mailbox, and the name shown beside it.

    Arguments:
        address: ``"zoe@example.org"``; a domain in other letters becomes its ASCII form (IDNA 2008).
        name: in any letters.

    Raises:
        MessageRefused: no address of this kind, or a name with a line break.

    Example:
        >>> Address("zoe@bücher.example", "Zoë")
        Address(address='zoe@xn--bcher-kva.example', name='Zoë')
    """

    address: str
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", _plain(self.address))
        object.__setattr__(self, "name", words_of("The name of an address", self.name, _LONGEST_NAME))

    @classmethod
    def parse(cls, text: str | Address) -> Address:
        """An address from text: ``"zoe@example.org"``, or ``"Zoë <zoe@example.org>"``.

        Raises:
            MessageRefused: it is none, or more than one.

        Example:
            >>> Address.parse('"Doe, Jane" <jane@example.org>').name
            'Doe, Jane'
        """
        if isinstance(text, Address):
            return text
        found = _NAMED.fullmatch(text)
        if found is None:
            return cls(text.strip(" "))
        name = found["name"]
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        if "@" in name:  # Two addresses in one text, or one that poses as another.
            raise MessageRefused("The name before an address holds an `@`. Give several addresses as a list.")
        return cls(found["address"].strip(" "), name)

    @property
    def domain(self) -> str:
        """What stands behind the `@`, in ASCII.

        Example:
            >>> Address("zoe@example.org").domain
            'example.org'
        """
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


Recipients: TypeAlias = str | Address | Sequence[str | Address]
"""One address or several, as text or as `Address`."""


def addresses(given: Recipients) -> tuple[Address, ...]:
    """One or several addresses, each once.

    Raises:
        MessageRefused: one of them is none.
    """
    listed = [given] if isinstance(given, str | Address) else given
    found: dict[str, Address] = {}
    for each in map(Address.parse, listed):
        found.setdefault(each.address, each)
    return tuple(found.values())


def words_of(label: str, text: str, longest: int) -> str:
    """A text that may stand in a header field.

    Raises:
        MessageRefused: a line break, a control character, or too long.
    """
    if len(text) > longest:
        raise MessageRefused(f"{label} has {len(text)} characters, of {longest} at most.")
    if not text.isprintable() and any(unicodedata.category(each) in _HIDDEN for each in text):
        cure = "Take them out of what users have typed before it gets there."
        raise MessageRefused(f"{label} holds a line break or another control character. {cure}")
    return text.strip()


def _plain(address: str) -> str:
    """An address as servers take it.

    Raises:
        MessageRefused: it is none.
    """
    local, at, domain = address.rpartition("@")
    # The address itself may be private, or hostile: it is not shown.
    if not at or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        if at and local and not local.isascii():
            message = "The part of an address before the `@` has letters beyond ASCII, which few servers take."
            raise MessageRefused(f"{message} Ask for another address.")
        message = "This is no address of a mailbox: write it as zoe@example.org, or Zoë <zoe@example.org>."
        raise MessageRefused(f"{message} Several are given as a list.")
    return f"{local}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    found = domain.lower()
    if not found.isascii() and len(found) <= _LONGEST_DOMAIN:
        found = _idna(found)
    if len(found) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(found):
        raise MessageRefused("The domain of an address is no name of a host: letters, digits, hyphens and dots.")
    return found


def _idna(domain: str) -> str:
    """A domain in ASCII, by IDNA 2008 where `idna` is installed; by the standard library's IDNA 2003 where it is not,
    and only where both give the same.
    """
    try:
        import idna
    except ImportError:
        if _DEVIATIONS & set(domain):
            message = "The domain of an address has a letter that Python's own IDNA knows wrongly. pip install idna"
            raise MessageRefused(message) from None
        return _or_refused(lambda: domain.encode("idna").decode("ascii"))
    return _or_refused(lambda: idna.encode(domain, uts46=True).decode("ascii"))


def _or_refused(encode: Callable[[], str]) -> str:
    try:
        return encode().lower()
    except UnicodeError:  # `idna.IDNAError` is one.
        raise MessageRefused("The domain of an address is no name of a host in any language.") from None
