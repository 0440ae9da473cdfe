"""What is hidden in a form and is more than one value: inputs that send back all that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ._html import tag
from ._values import FRESH, NOTHING, each_of, exact_text, part

if TYPE_CHECKING:
    from ._spec import Spec

#: Names that one name may be put together from; what holds itself has an end here.
_DEPTH = 15

Path = tuple[str | int, ...]


def hidden_inputs(spec: Spec, path: Path, held: Any, *, typed: bool) -> Iterator[Markup]:
    """The inputs of a field that nobody sees, and of all that is in it; none where nothing is known of it.

    Arguments:
        spec: how the field is shown.
        path: the names and numbers that lead to it.
        held: what it holds.
        typed: whether that is what was sent.
    """
    shape = spec.shape
    if len(path) > _DEPTH or spec.widget.kind == "none" or shape.kind == "map" or not shape.filled:
        return
    if shape.kind == "one":
        if held is not NOTHING and held is not FRESH:
            yield _input(path, "" if spec.is_secret else exact_text(held, zoned=shape.zoned))
    elif shape.kind == "many":
        if held is not NOTHING and not _is_known(spec, held):
            yield _input(path, "")
        for index, each in enumerate(each_of(held)):
            inner = (*path, index)
            if spec.item.shape.kind != "one":
                yield _input(inner, "")  # It is there, whatever is in it.
            yield from hidden_inputs(spec.item, inner, each, typed=typed)
    elif held is None or (held is NOTHING and shape.optional):
        if held is None and not _is_known(spec, held):
            yield _input(path, "")
    else:
        for name, field in spec.fields.items():
            below = part(held, name, field.field, typed=typed)
            yield from hidden_inputs(field, (*path, name), below, typed=typed)


def _is_known(spec: Spec, held: Any) -> bool:
    """Whether a part of which nothing is sent is read as what it holds: it has no default that would be taken."""
    field = spec.field
    if field is None or field.required:
        return True
    return held is None and not field.info.default_factory and field.info.default is None


def _input(path: Path, value: str) -> Markup:
    from ._field import name_of

    return tag("input", {"type": "hidden", "name": name_of(path), "value": value})
