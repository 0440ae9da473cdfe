"""A pattern of Pydantic as the `pattern` attribute of an input, where both mean the same."""

from __future__ import annotations

import re

_CLASSES = "dDwWsS"
_ESCAPED = frozenset("^$\\.*+?()[]{}|/")  # What may be escaped outside of a class (ECMAScript, SyntaxCharacter).
_IN_CLASS = frozenset("()[]{}/-\\|")  # What must be escaped within one, under the flag `v`.
_TOKEN = re.compile(
    r"(?P<set>\[\^?(?:\\.|[^\\\[\]&~])+\])|(?P<escape>\\.)|(?P<count>\{\d+(?:,\d*)?\}\??)"
    r"|(?P<group>\((?:\?:)?(?!\?))|(?P<sign>[.|)^$]|[*+?]\??)|(?P<plain>[^\\\[\](){}|.*+?^$])",
    re.DOTALL,
)
_SETS = re.compile(r"\\.|\[\^?(?:\\.|[^\\\]])+\]", re.DOTALL)
_IN_SET = re.compile(r"\\.|.", re.DOTALL)


def html_pattern(pattern: str) -> str | None:
    r"""The pattern for a browser, which takes it for the whole text and with the flag `v`; None where it may differ.

    Source: the HTML standard, "the pattern attribute"; ECMAScript 2024, "Patterns".

    Example:
        >>> html_pattern("^[a-z-]+$"), html_pattern(r"\d{3}"), html_pattern("(?i)a")
        ('[a-z\\-]+', '.*(?:\\d{3}).*', None)
    """
    whole = pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")
    whole = whole and "|" not in _SETS.sub("", pattern)
    inner = pattern[1:-1] if whole else pattern
    found, position = [], 0
    while position < len(inner):
        token = _TOKEN.match(inner, position)
        written = _written(token) if token is not None else None
        if token is None or written is None:
            return None
        found.append(written)
        position = token.end()
    text = "".join(found)
    return text if whole else f".*(?:{text}).*"


def _written(token: re.Match[str]) -> str | None:
    text = token[0]
    if token["set"]:
        return _set(text)
    if token["escape"]:
        return _escape(text[1], _ESCAPED)
    return text


def _escape(letter: str, known: frozenset[str]) -> str | None:
    if letter in _CLASSES or letter in known:
        return f"\\{letter}"
    return None if letter.isalnum() else letter


def _set(text: str) -> str | None:
    """A class of characters, with all escaped that the flag `v` wants escaped."""
    start = "[^" if text.startswith("[^") else "["
    parts = _IN_SET.findall(text[len(start) : -1])
    found: list[str] = []
    for index, part in enumerate(parts):
        is_range = part == "-" and 0 < index < len(parts) - 1 and parts[index - 1] != "-"
        if (
            is_range
            and not {parts[index - 1][-1], parts[index + 1][-1]}.isdisjoint(_CLASSES)
            and "\\" in (parts[index - 1][0], parts[index + 1][0])
        ):
            return None  # A range from or to a class of letters: each language reads it in its own way.
        written: str | None = part
        if len(part) == 2:
            written = _escape(part[1], _IN_CLASS)
        elif part in _IN_CLASS and not is_range:
            written = f"\\{part}"
        if written is None:
            return None
        found.append(written)
    return f"{start}{''.join(found)}]"
