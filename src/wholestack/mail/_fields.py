"""Header fields as lines of a mail: encoded where they must be (RFC 2047), folded where they may be (RFC 5322)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.header import Header

from ._address import Address

_WIDTH = 76
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_FOLD = "\r\n "


def text_field(name: str, value: str) -> str:
    """A field of plain words; a long word, such as an address of a list, stays whole.

    Example:
        >>> text_field("Subject", "Tea"), text_field("Subject", "Thé")
        ('Subject: Tea', 'Subject: =?utf-8?q?Th=C3=A9?=')
    """
    if not _is_plain(value):
        return f"{name}: {_encoded(value, name)}"
    line, lines = f"{name}:", []
    for word in re.findall(r" *[^ ]+", f" {value}"):
        if len(line) + len(word) > _WIDTH and line != f"{name}:":
            lines.append(line)
            line = word
        else:
            line += word
    return "\r\n".join([*lines, line])


def address_field(name: str, listed: Iterable[Address]) -> str:
    r"""A field of addresses, each on a line of its own.

    Example:
        >>> address_field("To", [Address("a@example.org", "Doe, A."), Address("b@example.org")])
        'To: "Doe, A." <a@example.org>,\r\n b@example.org'
    """
    return f"{name}: " + f",{_FOLD}".join(_written(each) for each in listed)


def _written(address: Address) -> str:
    if not address.name:
        return address.address
    if not _is_plain(address.name):
        name = _encoded(address.name, "")
    elif _ATOMS.fullmatch(address.name):
        name = address.name
    else:
        quoted = address.name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{quoted}"'
    long = len(name.rpartition("\n")[2]) + len(address.address) > _WIDTH
    return f"{name}{_FOLD if long else ' '}<{address.address}>"


def _is_plain(value: str) -> bool:
    """Whether a reader takes it as it stands: what looks like an encoded word would be decoded."""
    return value.isascii() and "=?" not in value


def _encoded(value: str, name: str) -> str:
    return Header(value, "utf-8", header_name=name, maxlinelen=_WIDTH).encode(linesep="\r\n")
