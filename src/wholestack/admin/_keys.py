"""Rows by the text of their keys: one segment of a path, also for keys of several columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import pydantic
import pydantic_core

_LONGEST = 1_000
"""Characters of a key in a path."""
_WAYS = {"new", "choices", ".", ".."}
"""What is no key in a path: pages beside those of rows, and what leads elsewhere, also where it is escaped."""


class Keys:
    """The keys of a model.

    Arguments:
        names: the attributes of the primary key, in its order.
        readers: what reads the value of each.
    """

    def __init__(self, names: Sequence[str], readers: Sequence[pydantic.TypeAdapter[Any]]) -> None:
        self.names: tuple[str, ...] = tuple(names)
        self._readers = tuple(readers)

    def text(self, row: Any) -> str:
        """A row's key: its values, each escaped, with commas between.

        Example:
            >>> import types
            >>> keys = Keys(("a", "b"), (pydantic.TypeAdapter(int), pydantic.TypeAdapter(str)))
            >>> keys.text(types.SimpleNamespace(a=1, b="x,y/z"))
            '1,x%2Cy%2Fz'
        """
        return self.text_of([getattr(row, name) for name in self.names])

    def text_of(self, values: Sequence[Any]) -> str:
        """The same of the values alone; where a path would lead to another page by it, its first character is escaped.

        Example:
            >>> keys = Keys(("code",), (pydantic.TypeAdapter(str),))
            >>> keys.text_of(["new"]), keys.text_of([".."]), keys.values("%6Eew")
            ('%6Eew', '%2E.', ('new',))
        """
        text = ",".join(map(_text_of, values))
        return f"%{ord(text[0]):02X}{text[1:]}" if text in _WAYS else text

    def values(self, text: str) -> tuple[Any, ...] | None:
        """The values in a text; None where it is the key of no row.

        Example:
            >>> keys = Keys(("a", "b"), (pydantic.TypeAdapter(int), pydantic.TypeAdapter(str)))
            >>> keys.values("1,x%2Cy%2Fz"), keys.values("one,x"), keys.values("1")
            ((1, 'x,y/z'), None, None)
        """
        parts = text.split(",")
        if len(parts) != len(self.names) or len(text) > _LONGEST:
            return None
        try:
            pairs = zip(self._readers, parts, strict=True)
            return tuple(reader.validate_strings(unquote(part, errors="strict")) for reader, part in pairs)
        except (pydantic.ValidationError, UnicodeDecodeError):
            return None


def _text_of(value: Any) -> str:
    # A whole number, which most keys are, has nothing to escape; a truth value is one, too, but is written otherwise.
    return str(value) if type(value) is int else quote(str(pydantic_core.to_jsonable_python(value)), safe="")
