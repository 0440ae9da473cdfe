"""A text that a regular expression matches."""

from __future__ import annotations

import importlib
import re
import string
from collections.abc import Iterable
from random import Random
from typing import Any

# Python's own parser of expressions: what `re` compiles.
_parser: Any = importlib.import_module("re._parser")

_MORE = 3
"""How often at the most something is repeated beyond what the expression asks for."""
_LETTERS = string.ascii_letters + string.digits
_CLASSES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_WORD": _LETTERS + "_",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_NOT_WORD": "-. ",
    "CATEGORY_NOT_SPACE": _LETTERS,
}
_PRINTABLE = _LETTERS + string.punctuation + " "


def text_for(pattern: str, random: Random) -> str | None:
    """A text in which the expression is found; None where none was found.

    Example:
        >>> text_for("^[A-Z]{3}-7$", Random(1))
        'SZY-7'
    """
    try:
        parsed, compiled = _parser.parse(pattern), re.compile(pattern)
        for _ in range(20):
            text = _Texts(random).of(parsed)
            if compiled.search(text):
                return text
    except (re.error, NotImplementedError, OverflowError):
        pass  # An expression of another dialect, or with what no text can be built for.
    return None


class _Texts:
    """Writes a text for each node of a parsed expression."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._groups: dict[int, str] = {}

    def of(self, nodes: Iterable[tuple[Any, Any]]) -> str:
        return "".join(self._one(str(kind), value) for kind, value in nodes)

    def _one(self, kind: str, value: Any) -> str:
        if kind == "LITERAL":
            return chr(value)
        if kind == "ANY":
            return self._random.choice(_LETTERS)
        if kind in {"NOT_LITERAL", "IN"}:
            return self._random.choice(_allowed([(kind, value)] if kind == "NOT_LITERAL" else value))
        if kind == "BRANCH":
            return self.of(self._random.choice(value[1]))
        if kind == "SUBPATTERN":
            text = self.of(value[3])
            self._groups[value[0] or 0] = text
            return text
        if kind == "GROUPREF":
            return self._groups.get(value, "")
        if kind in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            least, most, nodes = value
            return "".join(self.of(nodes) for _ in range(self._random.randint(least, min(most, least + _MORE))))
        if kind == "ATOMIC_GROUP":
            return self.of(value)
        if kind in {"AT", "ASSERT_NOT"}:
            return ""  # What they forbid is seen when the text is matched.
        raise NotImplementedError(kind)


def _allowed(members: Iterable[tuple[Any, Any]]) -> str:
    """The characters of a set such as ``[a-z_]`` or ``[^/]``."""
    found: list[str] = []
    negated = False
    for kind, value in members:
        match str(kind):
            case "NEGATE":
                negated = True
            case "NOT_LITERAL":
                negated = True
                found.append(chr(value))
            case "LITERAL":
                found.append(chr(value))
            case "RANGE":
                found += map(chr, range(value[0], min(value[1], value[0] + 255) + 1))
            case _:
                found += _CLASSES[str(value)]
    # Letters and digits first, so that a text can be read.
    wanted = [each for each in (_LETTERS, _PRINTABLE) if negated and set(each) - set(found)]
    if negated:
        return "".join(sorted(set(wanted[0]) - set(found))) if wanted else "é"
    return "".join(sorted(set(found)))
