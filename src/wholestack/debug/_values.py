"""Values as text for a page: short, without secrets, and whatever their own `repr` does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from wholestack.observe import MASK, cut, is_secret, redacted_text

_LONGEST = 400
_TEXT = 300
_MOST = 20
_DEEPEST = 3
_SECONDS = 2.0
"""How long all `repr`s of a page may take together; what comes later is shown by its type."""
_SHORTEST = 6
"""A secret that is shorter is masked where it stands, and not wherever else the same letters are."""


class Values:
    """Shows values, and remembers the secrets among them, which are then taken out of everything that is shown.

    Example:
        >>> values = Values()
        >>> values.named("password", "hunter2"), values.named("names", {"ann": 1, "api_key": "abc"})
        ('*** (str)', "{'ann': 1, 'api_key': ***}")
        >>> values.clean("ValueError: hunter2 is too short")
        'ValueError: *** is too short'
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._until = time.monotonic() + _SECONDS

    def named(self, name: str, value: Any) -> str:
        """A value that stands under a name."""
        if is_secret(name) and value is not None:
            self.note(value, name)
            return f"{MASK} ({type(value).__name__})"
        return self.shown(value)

    def shown(self, value: Any, depth: int = _DEEPEST) -> str:
        """A value as text of a few hundred characters."""
        try:
            return cut(redacted_text(self._shown(value, depth), 4 * _LONGEST), _LONGEST)
        except (Exception, SystemExit) as error:  # A `repr` is another's code.
            return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"

    def clean(self, text: str) -> str:
        """A text without the secrets that were seen so far, and without what looks like one."""
        text = self.without(text)
        return redacted_text(text, max(len(text), 1))

    def without(self, text: str) -> str:
        """A text without the secrets that were seen so far, in each form in which they may stand in it."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def note(self, value: Any, name: str = "") -> None:
        """Remember a secret, or those that it holds."""
        if isinstance(value, (bytes, bytearray)):
            value = value.decode("utf-8", "replace")
        # A loop's `key` is a secret in few programs, and the name of a field in most.
        if isinstance(value, str) and len(value) >= _SHORTEST and not (name == "key" and value.isidentifier()):
            self._secrets |= {value, repr(value)[1:-1], quote(value), quote(value, safe="")}
        elif isinstance(value, Mapping):
            for each in list(value.values())[:_MOST]:
                self.note(each)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for each in list(value)[:_MOST]:
                self.note(each)
        elif (give := getattr(value, "get_secret_value", None)) is not None:
            self.note(give())

    def _shown(self, value: Any, depth: int) -> str:
        kind = type(value)
        if isinstance(value, (str, bytes, bytearray)):
            return repr(value if len(value) <= _TEXT else value[:_TEXT]) + _more(len(value), _TEXT)
        if hasattr(value, "get_secret_value"):
            self.note(value)
            return f"{MASK} ({kind.__name__})"
        if time.monotonic() > self._until or depth == 0:
            return f"<{kind.__name__}>"
        if isinstance(value, Mapping):
            return self._mapping(value, depth - 1)
        if kind in {list, tuple, set, frozenset}:
            return self._many(value, depth - 1)
        fields = _fields(value)
        if fields is not None:
            inner = ", ".join(f"{name}={self._below(name, each, depth - 1)}" for name, each in fields)
            return f"{kind.__name__}({inner})"
        return repr(value)

    def _below(self, name: str, value: Any, depth: int) -> str:
        if is_secret(name) and value is not None:
            self.note(value, name)
            return MASK
        return self.shown(value, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> str:
        items = list(value.items())[:_MOST]
        inner = ", ".join(f"{self.shown(name, depth)}: {self._below(_text(name), each, depth)}" for name, each in items)
        open_, close = ("{", "}") if type(value) is dict else (f"{type(value).__name__}({{", "})")
        return f"{open_}{inner}{_more(len(value), _MOST)}{close}"

    def _many(self, value: Any, depth: int) -> str:
        if type(value) is tuple and len(value) == 2 and is_secret(_text(value[0])):
            return f"({value[0]!r}, {self._below(_text(value[0]), value[1], depth)})"
        inner = ", ".join(self.shown(each, depth) for each in list(value)[:_MOST]) + _more(len(value), _MOST)
        if type(value) is list:
            return f"[{inner}]"
        if type(value) is tuple:
            return f"({inner}{',' if len(value) == 1 else ''})"
        return f"{type(value).__name__}({{{inner}}})"


def _fields(value: Any) -> Iterable[tuple[str, Any]] | None:
    """The fields of a model or a dataclass, without calling its `repr`; those that it hides stay hidden."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [(each.name, getattr(value, each.name, "?")) for each in dataclasses.fields(kind) if each.repr]
    model_fields = getattr(kind, "__pydantic_fields__", None)
    if isinstance(model_fields, dict):
        return [(name, vars(value).get(name, "?")) for name, field in model_fields.items() if field.repr]
    return None


def _text(name: Any) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name if isinstance(name, str) else ""


def _more(count: int, shown: int) -> str:
    return f"… {count - shown} more" if count > shown else ""
