"""Cursors: where a page begins, as a text that the server has signed and takes back from nobody else."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from typing import Any, Literal

import pydantic
import pydantic_core

from wholestack.errors import BadRequest

_SIGNATURE = 16
_LONGEST = 400


class BadCursor(BadRequest):
    """A cursor that this server did not give, or gave for another order, or whose row has gone."""

    code = "bad-cursor"
    detail = "The cursor is none that this list has given, or belongs to another order. Begin without one."


@dataclasses.dataclass(frozen=True)
class Cursor:
    """The row before a page, by the values of the order's columns; the last of them are its key.

    Attributes:
        way: whether the page follows the row, or goes before it.
        values: None for all but the key where one is too long to stand in a URL; the row is then looked up.
    """

    way: Literal["next", "previous"]
    values: tuple[Any, ...]
    whole: bool = True

    def signed(self, key: bytes, order: str) -> str:
        """The cursor as a text, good for one order of one list.

        Example:
            >>> text = Cursor("next", ("milk", 7)).signed(b"key", "note:text,id")
            >>> Cursor.read(text, b"key", "note:text,id", [pydantic.TypeAdapter(str), pydantic.TypeAdapter(int)])
            Cursor(way='next', values=('milk', 7), whole=True)
        """
        values = pydantic_core.to_jsonable_python(self.values, bytes_mode="base64")
        body = json.dumps([self.way, self.whole, values], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(_signature(key, order, body) + body).rstrip(b"=").decode()

    @classmethod
    def read(cls, text: str, key: bytes, order: str, kinds: list[pydantic.TypeAdapter[Any]]) -> Cursor:
        """The cursor in a text.

        Arguments:
            text: what the client sent.
            key: the one it was signed with.
            order: as it was signed for.
            kinds: the types of its values; for one that is not whole, those of the last.

        Raises:
            BadCursor: another signature, another order, or no cursor at all.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            mark, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
            if not hmac.compare_digest(mark, _signature(key, order, body)):
                raise BadCursor
            way, whole, values = json.loads(body)
            kinds = kinds[len(kinds) - len(values) :]
            return cls(way, tuple(kind.validate_python(each) for kind, each in zip(kinds, values, strict=True)), whole)
        except (ValueError, TypeError):
            raise BadCursor from None


def is_long(value: object) -> bool:
    """Whether a value is too long for a URL.

    Example:
        >>> is_long("milk"), is_long("milk" * 1000)
        (False, True)
    """
    return isinstance(value, (str, bytes)) and len(value) > _LONGEST


def _signature(key: bytes, order: str, body: bytes) -> bytes:
    return hmac.digest(key, order.encode() + b"\0" + body, hashlib.sha256)[:_SIGNATURE]
