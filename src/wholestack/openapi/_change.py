"""What changed between two documents of one API, and what of it breaks clients of the old one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of an API.

    Attributes:
        kind: its short, stable name, such as ``field-removed``.
        breaks: whether a client that was made for the old document may fail.
        pointer: where it stands (RFC 6901): in the old document what is gone, in the new one everything else.
        text: what it is, in a sentence.
        operations: where clients meet it, such as ``GET /notes``.
    """

    kind: str
    breaks: bool
    pointer: str
    text: str
    operations: tuple[str, ...] = ()


def compare(old: Any, new: Any) -> list[Change]:
    """Every change from one OpenAPI 3.1 document to another, those that break first.

    Arguments:
        old: a document as plain values: `document(app)`, or what `json.loads` gives.
        new: another, by the same people, later.

    Raises:
        ValueError: one of them is no OpenAPI 3.1 document, or a reference in it leads nowhere.

    Example:
        >>> old = {"openapi": "3.1.0", "paths": {"/notes": {"get": {}}}}
        >>> [(each.kind, each.breaks) for each in compare(old, {"openapi": "3.1.0", "paths": {}})]
        [('path-removed', True)]
    """
    for name, document in (("old", old), ("new", new)):
        version = document.get("openapi") if isinstance(document, Mapping) else None
        if not str(version).startswith("3.1"):
            raise ValueError(f"The {name} document is not OpenAPI 3.1" + (f" but {version}." if version else "."))
    from ._compare import changes

    try:
        return changes(old, new)
    except (AttributeError, KeyError, TypeError) as error:  # a list where a mapping belongs, a text for a number, …
        raise ValueError(f"A part of one document has not the form that OpenAPI 3.1 gives it: {error}") from error
