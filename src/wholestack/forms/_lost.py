"""Widgets that would lose what their fields hold as the form is saved: found when an app is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wholestack.errors import Fault

from ._spec import Spec, spec_of

#: Widgets that show, or send back, each of several values.
_OF_MANY = frozenset({"", "select", "checkboxes", "hidden", "none"})
_ROWS = "Leave the kind out, which gives rows, or take one of 'select', 'checkboxes' and 'hidden'."
_NO_HIDING = "Leave it out of the form by Widget('none'), or send it by names of your own."


def lost_faults(model: Any, where: str) -> Iterator[Fault]:
    """What is wrong with the widgets of a form.

    Arguments:
        model: the form's.
        where: the file and line of the page that shows it.

    Example:
        >>> import pydantic
        >>> from typing import Annotated
        >>> from wholestack.forms import Widget
        >>> search = pydantic.create_model("Search", words=(Annotated[list[str], Widget("textarea")], []))
        >>> [fault.code for fault in lost_faults(search, "pages.py:1")]
        ['bad-widget']
    """
    called = getattr(model, "__name__", str(model))
    for name, spec, is_hidden in _below(spec_of(model), (), False, set()):
        shape, kind = spec.shape, spec.widget.kind
        if kind == "none":
            continue
        if is_hidden and (shape.kind == "map" or not shape.filled):
            what = "a union of models" if shape.kind == "model" else "a dict"
            yield Fault(
                "bad-widget", f"{name!r} of {called} is {what}, which no hidden input holds.", where, _NO_HIDING
            )
        elif shape.kind == "many" and not is_hidden and not _shows_many(spec):
            message = (
                f"{name!r} of {called} is a list, and {kind!r} is a widget for one value: the others would be lost."
            )
            yield Fault("bad-widget", message, where, _ROWS)


def _shows_many(spec: Spec) -> bool:
    return spec.widget.kind in _OF_MANY or (spec.widget.kind == "file" and spec.item.shape.is_file)


def _below(
    spec: Spec, path: tuple[str, ...], hidden: bool, seen: set[tuple[int, bool]]
) -> Iterator[tuple[str, Spec, bool]]:
    """Each field with its name, and whether it is hidden or in something that is; a model within itself once."""
    inner: dict[tuple[str, ...], Spec] = {}
    mark = (id(spec.shape.fields), hidden)
    if spec.shape.kind == "many":
        inner = {path: spec.item}
    elif spec.shape.kind == "model" and mark not in seen:
        seen.add(mark)
        inner = {(*path, name): field for name, field in spec.fields.items()}
    for steps, each in inner.items():
        is_hidden = hidden or each.widget.kind == "hidden"
        yield ".".join(steps), each, is_hidden
        if each.widget.kind != "none" and each.shape.filled:
            yield from _below(each, steps, is_hidden, seen)
