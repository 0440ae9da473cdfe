"""HTML of single elements: every name and value in it is escaped."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from markupsafe import Markup, escape

Value = str | bool | None


def attributes(values: Mapping[str, Value]) -> Markup:
    """Attributes as they stand in a tag: True is a bare name, False and None are left out.

    Example:
        >>> attributes({"name": 'a"b', "required": True, "min": None})
        Markup('name="a&#34;b" required')
    """
    return Markup(_written(values)[1:])  # noqa: S704  (escaped in `_written`)


def _written(values: Mapping[str, Value]) -> str:
    """Attributes with a space before each. Plain text is put together, and marked once: marking each piece would cost
    more than all the rest of a form.
    """
    written = []
    for name, value in values.items():
        if value is True:
            written.append(f" {_name(name)}")
        elif value is not False and value is not None:
            written.append(f' {_name(name)}="{escape(value)}"')
    return "".join(written)


@functools.lru_cache(512)
def _name(name: str) -> str:
    """The name of an element or an attribute, escaped."""
    return str(escape(name))


def tag(name: str, values: Mapping[str, Value], inner: str | Markup | None = None) -> Markup:
    """An element; without an inside it has no end.

    Example:
        >>> tag("p", {"class": "help"}, "<b>")
        Markup('<p class="help">&lt;b&gt;</p>')
    """
    start = f"<{_name(name)}{_written(values)}>"
    return Markup(start if inner is None else f"{start}{escape(inner)}</{_name(name)}>")  # noqa: S704  (each piece escaped)


def joined(parts: Iterable[str | Markup]) -> Markup:
    """Elements, each on a line of its own."""
    pieces = [each if type(each) is Markup else escape(each) for each in parts if each]
    return Markup("\n".join(pieces))  # noqa: S704  (each piece escaped)
