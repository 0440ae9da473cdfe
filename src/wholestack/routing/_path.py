"""Path templates: text such as ``/items/{id:int}`` taken apart once, when the app is sealed."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping
from urllib.parse import quote

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([A-Za-z_][A-Za-z0-9_]*))?\}")
_UUID = r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"

#: The pattern behind each converter's name; `str` is what a field without one is.
CONVERTERS: Mapping[str, str] = {
    "str": r"[^/]+",
    "int": r"-?[0-9]{1,18}",
    "uuid": _UUID,
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "path": r".+",
}

_PATH_SAFE = "/:@!$&'()*+,;=-._~"
_SEGMENT_SAFE = _PATH_SAFE.replace("/", "")


class TemplateFault(ValueError):
    """A path template that cannot be read; the message says where and why."""


def pattern_of(kind: str | type[enum.Enum]) -> str:
    """The regular expression for a converter: text as it is, an enum as the choice of its values.

    Example:
        >>> class Colour(enum.Enum):
        ...     RED = "red"
        ...     BLUE = "blue"
        >>> pattern_of(Colour)
        '(?:red|blue)'
    """
    if isinstance(kind, str):
        if re.compile(kind).groups:
            raise ValueError(f"The converter {kind!r} has a group that captures; write (?:…) for it.")
        return kind
    return f"(?:{'|'.join(re.escape(str(member.value)) for member in kind)})"


@dataclasses.dataclass(frozen=True)
class Segment:
    """What stands between two slashes.

    Attributes:
        literal: the text, where the segment is nothing else.
        pattern: the compiled expression otherwise; None for one plain field, which takes any text.
        names: the fields in it, in order.
        rest: whether it takes the rest of the path, slashes included.
    """

    literal: str | None
    pattern: re.Pattern[str] | None
    names: tuple[str, ...]
    rest: bool = False


@dataclasses.dataclass(frozen=True)
class Template:
    """A path template, taken apart.

    Example:
        >>> template = Template.parse("/files/{name}.{kind}")
        >>> template.names, template.build({"name": "a b", "kind": "txt"})
        (('name', 'kind'), '/files/a%20b.txt')
    """

    text: str
    segments: tuple[Segment, ...]
    kinds: Mapping[str, str]
    converters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, converters: Mapping[str, str] = CONVERTERS) -> Template:
        """Take a template apart.

        Raises:
            TemplateFault: no leading slash, a broken or repeated field, an unknown converter, a `path` field not last.
        """
        if not text.startswith("/"):
            raise TemplateFault(f"The path {text!r} does not start with '/'.")
        kinds: dict[str, str] = {}
        for name, kind in _FIELD.findall(text):
            if name in kinds:
                raise TemplateFault(f"The path {text!r} names the field {name!r} twice.")
            if kind and kind not in converters:
                raise TemplateFault(f"The path {text!r} uses the converter {kind!r}, which nobody registered.")
            kinds[name] = kind or "str"
        parts = text.split("/")[1:]
        segments = tuple(_segment(text, part, kinds, converters) for part in parts)
        if any(segment.rest for segment in segments[:-1]):
            raise TemplateFault(f"In the path {text!r} a field of kind 'path' must come last.")
        return cls(text, segments, kinds, converters)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(self.kinds)

    @property
    def plain(self) -> str:
        """The template without converters, as OpenAPI writes it."""
        return _FIELD.sub(r"{\1}", self.text)

    def build(self, values: Mapping[str, str]) -> str:
        """The path for these values, percent-encoded.

        Raises:
            ValueError: a value that this template would not take back.
        """
        return _FIELD.sub(lambda field: self._encoded(field[1], values[field[1]]), self.text)

    def _encoded(self, name: str, value: str) -> str:
        kind = self.kinds[name]
        unsafe = value.startswith("/") or not {".", ".."}.isdisjoint(value.split("/"))
        if unsafe or not re.fullmatch(self.converters[kind], value):
            raise ValueError(f"The value for {name!r} does not fit the path {self.text!r}.")
        return quote(value, safe=_PATH_SAFE if kind == "path" else _SEGMENT_SAFE)


def _segment(text: str, part: str, kinds: Mapping[str, str], converters: Mapping[str, str]) -> Segment:
    names = tuple(match[1] for match in _FIELD.finditer(part))
    left_over = _FIELD.sub("", part)
    if "{" in left_over or "}" in left_over:
        raise TemplateFault(f"The path {text!r} has a brace that belongs to no field.")
    if not names:
        return Segment(part, None, ())
    if any(kinds[name] == "path" for name in names):
        if left_over or len(names) > 1:
            raise TemplateFault(f"In the path {text!r} a field of kind 'path' must be a segment of its own.")
        return Segment(None, None, names, rest=True)
    if names == (part[1:-1],):
        return Segment(None, None, names)
    pieces, end = [], 0
    for match in _FIELD.finditer(part):
        pieces += [re.escape(part[end : match.start()]), f"({converters[kinds[match[1]]]})"]
        end = match.end()
    return Segment(None, re.compile("".join([*pieces, re.escape(part[end:])])), names)
